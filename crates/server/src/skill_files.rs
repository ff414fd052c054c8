//! `sixty skills check`, `new`, `push` and `schema`: skills as files.

mod folder;
mod output;
mod push;

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand, ValueEnum};
use skills::{Key, cookbook, step::Does};

use crate::serve::Fatal;
use output::Checked;

/// Exit code of bad usage: what was asked for cannot be done at all.
const USAGE: u8 = 2;

#[derive(Subcommand)]
pub enum Command {
    /// Say what is wrong with SKILL.md files, or with all that folders hold.
    ///
    /// Prints `path:line: field: problem`. Exit code 1 on any error, 0 with warnings alone, 2 on
    /// bad usage.
    Check(Check),
    /// Write a new skill from a template of the cookbook.
    New(New),
    /// Check skills, and write them with their companion documents through the API of a service.
    ///
    /// Prints `key: created version 1`, `version 2`, `unchanged` or `refused: field: problem`. What is
    /// there already makes no new version. Exit code 1 if a skill is refused (by the check: then
    /// nothing is sent), 2 on bad usage or if the service cannot be asked.
    Push(push::Push),
    /// Print the JSON Schema of the front matter.
    Schema,
}

#[derive(Args)]
pub struct Check {
    /// Files or folders; links are not followed. A skill's folder is its key.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Args)]
pub struct New {
    /// Key of the skill, which is its folder's name.
    key: String,
    /// Name of the template; an unknown one lists them.
    #[arg(long)]
    template: String,
    /// The folder to write the skill's folder into.
    #[arg(long, default_value = ".")]
    into: PathBuf,
}

/// Prints. Whoever reads may have enough, as `head` does.
fn say(text: &str) -> std::io::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        said => said,
    }
}

/// Does it. Err is a failure of the machine, not of a skill.
pub async fn run(command: &Command) -> Result<ExitCode, Fatal> {
    match command {
        Command::Check(check) => self::check(check),
        Command::New(new) => write_new(new),
        Command::Push(push) => push.run().await,
        Command::Schema => {
            say(&(serde_json::to_string_pretty(&skills::schema::front_matter())? + "\n"))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn check(options: &Check) -> Result<ExitCode, Fatal> {
    let checked = match read(&options.paths)? {
        Ok(checked) => checked,
        Err(nothing) => return Ok(usage(&nothing)),
    };
    match options.format {
        Format::Text => say(&output::text(&checked))?,
        Format::Json => say(&(serde_json::to_string_pretty(&output::json(&checked))? + "\n"))?,
    }
    let sound = checked.iter().all(|skill| skill.report.errors.is_empty());
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The skills at and below the paths, each read and checked. The inner Err names a path that has none.
fn read(paths: &[PathBuf]) -> Result<Result<Vec<Checked>, String>, Fatal> {
    let mut found = Vec::new();
    for path in paths {
        let before = found.len();
        if let Err(error) = folder::find(path, &mut found) {
            return Ok(Err(format!("{}: {error}", path.display())));
        }
        if found.len() == before {
            return Ok(Err(format!("{}: no SKILL.md is there", path.display())));
        }
    }
    Ok(Ok(folder::check_all(&found)?))
}

fn write_new(new: &New) -> Result<ExitCode, Fatal> {
    let key: Key = match new.key.parse() {
        Ok(key) => key,
        Err(why) => return Ok(usage(&format!("`{}` is no key of a skill: {why}", new.key))),
    };
    if key.is_library() {
        return Ok(usage("that key is for documents that skills share, and no skill"));
    }
    let Some(template) = cookbook::find(&new.template) else {
        return Ok(usage(&format!(
            "there is no template `{}`; there are\n{}",
            new.template,
            output::templates()
        )));
    };
    let folder = new.into.join(key.as_str());
    if folder.symlink_metadata().is_ok() {
        return Ok(usage(&format!("{} is there already, and nothing is overwritten", folder.display())));
    }
    for (path, text) in template.fill(&key) {
        write(&folder.join(path), &text).map_err(|error| format!("{}: {error}", folder.display()))?;
        say(&format!("{}\n", folder.join(path).display()))?;
    }
    for other in follows(template, &key).iter().filter(|other| !new.into.join(other.as_str()).exists()) {
        let how = match cookbook::find(other.as_str()) {
            Some(_) => format!("`sixty skills new {other} --template {other}` writes it"),
            None => "write it as well".to_owned(),
        };
        eprintln!("sixty: {key} follows the skill {other}, which is not there: {how}");
    }
    Ok(ExitCode::SUCCESS)
}

/// The skills that the steps of a template follow.
fn follows(template: &cookbook::Template, key: &Key) -> BTreeSet<Key> {
    let document = template.fill(key).into_iter().find(|(path, _)| *path == "SKILL.md").map(|(_, text)| text);
    let read = skills::read(key, &document.unwrap_or_default(), &skills::Files::new());
    let steps = read.skill.map(|skill| skill.steps).unwrap_or_default();
    let followed = steps.into_iter().filter_map(|step| match step.does {
        Does::Skill(key) => Some(key),
        Does::Action(_) => None,
    });
    followed.collect()
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::File::create_new(path).and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
}

fn usage(problem: &str) -> ExitCode {
    eprintln!("sixty: {problem}");
    ExitCode::from(USAGE)
}

#[cfg(test)]
mod tests;
