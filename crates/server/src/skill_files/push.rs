//! `sixty skills push`: skills go from their folders to a service.

mod service;

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use domain::visible::visible;
use secrecy::SecretString;
use serde_json::{Value, json};
use skills::plan::Leads;

use self::service::{Outcome, Service};
use super::{
    Checked, Format,
    output::{self, one_line, plural},
    read, usage,
};
use crate::serve::Fatal;

#[derive(Args)]
pub struct Push {
    /// Files or folders, as `check` takes them; companion documents go with their skill.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Address of the service.
    #[arg(long, env = "SIXTY_URL", default_value = "http://127.0.0.1:8060")]
    url: String,
    /// Token or API key of an owner or administrator of the organization.
    #[arg(long, env = "SIXTY_TOKEN", hide_env_values = true)]
    token: SecretString,
    /// Write the platform's skills, which all organizations have: with a platform administrator's token.
    #[arg(long)]
    platform: bool,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// A skill, and what the service made of it; none: it was not asked.
type Sent<'c> = (&'c Checked, Option<Outcome>);

impl Push {
    pub(super) async fn run(&self) -> Result<ExitCode, Fatal> {
        let checked = match read(&self.paths)? {
            Ok(checked) => checked,
            Err(nothing) => return Ok(usage(&nothing)),
        };
        if let Some(problem) = twice(&checked) {
            return Ok(usage(&problem));
        }
        if checked.iter().any(|skill| !skill.report.errors.is_empty()) {
            let nothing = "nothing was sent, because the check found errors";
            let unsent: Vec<Sent<'_>> = checked.iter().map(|skill| (skill, None)).collect();
            self.print(&unsent, Some(nothing))?;
            return Ok(ExitCode::FAILURE);
        }
        let service = match Service::new(&self.url, &self.token, self.platform) {
            Ok(service) => service,
            Err(problem) => return Ok(usage(&problem)),
        };
        let (mut sent, mut stopped) = (Vec::new(), None);
        let ordered = followed_first(&checked);
        for &skill in &ordered {
            match service.put(skill).await {
                Ok(outcome) => sent.push((skill, Some(outcome))),
                Err(problem) => {
                    stopped = Some(problem);
                    break;
                }
            }
        }
        let rest = &ordered[sent.len()..];
        sent.extend(rest.iter().map(|skill| (*skill, None)));
        let refused = sent.iter().any(|(_, outcome)| matches!(outcome, Some(Outcome::Refused(_))));
        self.print(&sent, stopped.as_deref())?;
        Ok(match stopped {
            Some(_) => ExitCode::from(super::USAGE),
            None if refused => ExitCode::FAILURE,
            None => ExitCode::SUCCESS,
        })
    }

    /// What came of it goes to standard output, why it ended early to standard error as well.
    fn print(&self, sent: &[Sent<'_>], stopped: Option<&str>) -> Result<(), Fatal> {
        match self.format {
            Format::Text => super::say(&text(sent, stopped.is_some()))?,
            Format::Json => super::say(&(serde_json::to_string_pretty(&as_json(sent, stopped))? + "\n"))?,
        }
        if let Some(problem) = stopped {
            eprintln!("sixty: {}", shown(problem));
        }
        Ok(())
    }
}

/// Two folders of one name would write over each other.
fn twice(checked: &[Checked]) -> Option<String> {
    let again = |(n, skill): (usize, &Checked)| {
        let first = checked[..n].iter().find(|first| first.key == skill.key)?;
        let (one, other) = (first.path.display(), skill.path.display());
        Some(format!("{one} and {other} have the same key `{}`: push one of them", skill.key))
    };
    checked.iter().enumerate().find_map(again)
}

/// In the order of their paths, but a skill comes after those that it follows.
fn followed_first(checked: &[Checked]) -> Vec<&Checked> {
    let mut ordered = Vec::with_capacity(checked.len());
    for skill in checked {
        follow(skill, checked, &mut ordered);
    }
    ordered
}

/// Its recursion is bounded by how deep skills may lead, which was checked.
fn follow<'c>(skill: &'c Checked, all: &'c [Checked], ordered: &mut Vec<&'c Checked>) {
    if ordered.iter().any(|known| known.key == skill.key) {
        return;
    }
    let leads = skill.skill.as_ref().map(Leads::of).unwrap_or_default();
    for below in leads.below() {
        if let Some(other) = all.iter().find(|other| other.key == below.as_str()) {
            follow(other, all, ordered);
        }
    }
    ordered.push(skill);
}

/// What a service says goes to a terminal: without what would steer it.
fn shown(text: &str) -> String {
    one_line(&visible(text))
}

fn text(sent: &[Sent<'_>], stopped: bool) -> String {
    let mut lines = String::new();
    for (skill, outcome) in sent {
        lines.push_str(&output::findings(std::slice::from_ref(*skill)));
        let Some(outcome) = outcome else { continue };
        let key = &skill.key;
        match outcome {
            Outcome::Created(version) => lines.push_str(&format!("{key}: created version {version}\n")),
            Outcome::Changed(version) => lines.push_str(&format!("{key}: version {version}\n")),
            Outcome::Unchanged(_) => lines.push_str(&format!("{key}: unchanged\n")),
            Outcome::Refused(problems) => {
                for (field, problem) in problems {
                    let field = if field.is_empty() { "document" } else { field };
                    lines.push_str(&format!("{key}: refused: {}: {}\n", shown(field), shown(problem)));
                }
            }
        }
    }
    let counted = counts(sent);
    let told = counted.iter().filter(|(what, count)| *count > 0 && *what != "not_sent");
    let told: Vec<String> = told.map(|(what, count)| format!("{count} {what}")).collect();
    let pushed = sent.iter().filter(|(_, outcome)| outcome.is_some()).count();
    lines.push_str(&format!("{} pushed", plural(pushed, "skill")));
    if !told.is_empty() {
        lines.push_str(&format!(": {}", told.join(", ")));
    }
    if stopped {
        lines.push_str(&format!("; {} not sent", sent.len() - pushed));
    }
    lines + "\n"
}

fn status(outcome: Option<&Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Created(_)) => "created",
        Some(Outcome::Changed(_)) => "changed",
        Some(Outcome::Unchanged(_)) => "unchanged",
        Some(Outcome::Refused(_)) => "refused",
        None => "not_sent",
    }
}

fn counts(sent: &[Sent<'_>]) -> [(&'static str, usize); 5] {
    let count = |what: &str| sent.iter().filter(|(_, outcome)| status(outcome.as_ref()) == what).count();
    ["created", "changed", "unchanged", "refused", "not_sent"].map(|what| (what, count(what)))
}

fn as_json(sent: &[Sent<'_>], stopped: Option<&str>) -> Value {
    let skill = |(skill, outcome): &Sent<'_>| {
        let mut shown = json!({
            "path": skill.path.to_string_lossy(),
            "key": skill.key,
            "status": status(outcome.as_ref()),
            "errors": skill.report.errors,
            "warnings": skill.report.warnings,
        });
        match outcome {
            Some(Outcome::Created(version) | Outcome::Changed(version) | Outcome::Unchanged(version)) => {
                shown["version"] = (*version).into();
            }
            Some(Outcome::Refused(problems)) => {
                let problem =
                    |(field, problem): &(String, String)| json!({"field": field, "problem": problem});
                shown["errors"] = problems.iter().map(problem).collect();
            }
            None => {}
        }
        shown
    };
    let mut all = json!({ "skills": sent.iter().map(skill).collect::<Vec<_>>() });
    for (what, count) in counts(sent) {
        all[what] = count.into();
    }
    if let Some(problem) = stopped {
        all["problem"] = problem.into();
    }
    all
}
