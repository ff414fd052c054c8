//! Finding the skill for a message among 500, beside a plain scan of all of them; and the list of them
//! that stands in the prompt, made anew and taken from the cache that an organization's skills have.

use std::{collections::BTreeSet, hint::black_box, time::Instant};

use regex::{Regex, RegexBuilder};
use serde_json::{Value, json};
use skills::{
    Files, Skill,
    catalogue::{Entry, Settings, catalogue},
    route::{Candidate, Router},
    skill::Pattern,
};

use crate::{
    Result, fail,
    load::Client,
    measure::{ROUNDS, client},
    postgres::Postgres,
    report::Report,
    service,
    stats::{median, quantile, spread},
};

const DATABASE: &str = "routing";
const SKILLS: usize = 500;
const MESSAGES: usize = 1_000;
const CALLS: usize = 20;
const VERBS: [&str; 10] = [
    "prepare",
    "review",
    "draft",
    "summarize",
    "rescue",
    "plan",
    "compare",
    "schedule",
    "qualify",
    "research",
];
const THINGS: [&str; 10] = [
    "meeting",
    "pipeline",
    "follow-up email",
    "contract",
    "deal",
    "territory",
    "competitor",
    "renewal",
    "lead",
    "account",
];
const ANGLES: [&str; 5] = ["weekly", "for executives", "before a call", "after a demo", "at risk"];

pub async fn all(postgres: &Postgres, report: &mut Report) -> Result<()> {
    let skills = (0..SKILLS).map(skill).collect::<Result<Vec<Skill>>>()?;
    alone(&skills, report)?;
    served(postgres, report).await
}

/// The pure part: no database, no service.
fn alone(skills: &[Skill], report: &mut Report) -> Result<()> {
    let messages: Vec<String> = (0..MESSAGES).map(message).collect();
    let candidates: Vec<_> = skills.iter().map(|skill| Candidate { skill, own: false }).collect();
    let (finder, scan) = (Router::new(&candidates), Scan::new(skills)?);
    let (mut ours, mut ratios, mut found) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let (mut routed, mut scanned) = (Vec::new(), Vec::new());
        found = messages.iter().filter(|text| timed(&mut routed, || finder.route(text)).is_some()).count();
        for text in &messages {
            timed(&mut scanned, || scan.route(text));
        }
        ratios.push(median(&scanned) / median(&routed));
        ours.extend(routed);
    }
    if found < MESSAGES / 4 {
        return fail(format!("{found} of {MESSAGES} messages were routed"));
    }
    report.add(
        format!("the skill for a message among {SKILLS}: median; p99 (µs)"),
        format!("{:.0}; {:.0}", median(&ours), quantile(&ours, 0.99)),
        "p99 ≤ 1,000",
    );
    report.add("— a plain scan of the same skills ÷ that", spread(&ratios, 1), "≥ 2");
    let entries: Vec<_> = skills.iter().map(|skill| Entry { skill, missing: &[], problems: &[] }).collect();
    let mut rendered = Vec::new();
    for _ in 0..CALLS * ROUNDS {
        timed(&mut rendered, || catalogue(&entries, &Settings::default()));
    }
    report.add(
        format!("the list of {SKILLS} skills in the prompt, rendered: median; p99 (µs)"),
        format!("{:.0}; {:.0}", median(&rendered), quantile(&rendered, 0.99)),
        "",
    );
    Ok(())
}

/// What the cache of an organization's skills saves: the same request without skills, with them, and
/// just after an administrator has changed one of them.
async fn served(postgres: &Postgres, report: &mut Report) -> Result<()> {
    service::database(postgres, DATABASE)?;
    let provider = service::provider(&["--scripted"])?;
    let (server, mut client) = client(&postgres.app_url(DATABASE, None), &provider).await?;
    let without = routes(&mut client, false).await?;
    let list: Vec<Value> =
        (0..SKILLS).map(|n| json!({"key": format!("skill-{n}"), "document": document(n)})).collect();
    let imported = client.json("POST", "/v1/admin/skills/import?all_or_nothing=true", &list.into()).await?;
    if imported["data"].as_array().map_or(0, Vec::len) != SKILLS {
        return fail(format!("the skills are not there: {imported}"));
    }
    let mut cold = Vec::new();
    for round in 0..CALLS {
        let switch = if round % 2 == 0 { "disable" } else { "enable" };
        client.json("POST", &format!("/v1/admin/skills/skill-499/{switch}"), &json!({})).await?;
        route(&mut client, round, &mut cold, true).await?;
    }
    let cached = routes(&mut client, true).await?;
    let [without, cached, cold] = [without, cached, cold].map(|times| median(&times) / 1e3);
    report.add(
        format!(
            "`POST /v1/route` without skills / with {SKILLS} in the cache / just after a change of one: median (ms)"
        ),
        format!("{without:.2} / {cached:.2} / {cold:.1}"),
        "cached − without ≤ 1",
    );
    report.add("— just after a change ÷ from the cache", format!("{:.0}", cold / cached), "");
    server.stop()?;
    provider.stop()
}

/// As many calls that are measured as calls before them that are not.
async fn routes(client: &mut Client, known: bool) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for n in 0..2 * CALLS * ROUNDS {
        route(client, n % 490, &mut times, known).await?;
    }
    Ok(times.split_off(CALLS * ROUNDS))
}

async fn route(client: &mut Client, n: usize, times: &mut Vec<f64>, known: bool) -> Result<()> {
    let (verb, thing, angle) = words(n);
    let body = json!({ "text": format!("Could you {verb} the {thing} {angle}, please?") });
    let start = Instant::now();
    let answer = client.json("POST", "/v1/route", &body).await?;
    times.push(start.elapsed().as_secs_f64() * 1e6);
    if answer["routing"].is_object() != known {
        return fail(format!("{body}: {answer}"));
    }
    Ok(())
}

/// Adds the microseconds that it took.
fn timed<T>(times: &mut Vec<f64>, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = black_box(work());
    times.push(start.elapsed().as_secs_f64() * 1e6);
    done
}

/// Three words that no other number has.
fn words(n: usize) -> (&'static str, &'static str, &'static str) {
    (VERBS[n % 10], THINGS[n / 10 % 10], ANGLES[n / 100 % 5])
}

fn message(n: usize) -> String {
    let (verb, thing, angle) = words(n * 7);
    match n % 4 {
        0 => format!("Could you {verb} the {thing} {angle}, please? Bob from Acme asked for it yesterday."),
        1 => format!("{verb} {thing} with Globex"),
        2 => "What did we say to the people from Initech about the price when they called last Tuesday?"
            .repeat(3),
        _ => format!("I think that we should look at how to {verb} our {thing}s {angle}. ").repeat(6),
    }
}

fn skill(n: usize) -> Result<Skill> {
    let reading = skills::read(&format!("skill-{n}").parse()?, &document(n), &Files::new());
    reading.skill.ok_or_else(|| format!("a skill is not read: {:?}", reading.report).into())
}

/// A SKILL.md with three phrases, and one in ten with a placeholder, a command or a regular expression.
fn document(n: usize) -> String {
    let (verb, thing, angle) = words(n);
    let mut patterns = vec![
        format!("{verb} the {thing} {angle}"),
        format!("{verb} {thing} {angle}"),
        format!("{thing} {verb} {angle} {n}"),
    ];
    match n % 10 {
        0 => patterns.push(format!("{verb} [company]''s {thing} {angle}")),
        1 => patterns.push(format!("/{verb}-{n}")),
        2 if n < 100 => patterns.push(format!(r"/\b{verb}\w* .*{thing}.*#{n}\b/")),
        _ => {}
    }
    let triggers: String = patterns
        .iter()
        .map(|pattern| {
            format!(
                "    - pattern: '{pattern}'\n      confidence: 0.8\n      examples: [Please {verb} my {thing} {angle}, {thing} \
                 to {verb}]\n"
            )
        })
        .collect();
    format!(
        "---\nname: {verb} {thing} {angle}\ndescription: Helps to {verb} a {thing} {angle}, reads what is known of it, asks \
         for what is missing, says what to do next.\nmetadata:\n  triggers:\n{triggers}  keywords: [{verb}, {thing}, \
         {angle}]\n---\n\nDo it step by step.\n"
    )
}

/// The plain way: each phrase, keyword, expression and word of each skill is looked for by itself.
struct Scan {
    skills: Vec<Plain>,
}

struct Plain {
    phrases: Vec<String>,
    regexes: Vec<Regex>,
    words: BTreeSet<String>,
}

impl Scan {
    fn new(skills: &[Skill]) -> Result<Self> {
        skills.iter().map(Plain::new).collect::<Result<_>>().map(|skills| Self { skills })
    }

    /// How many hits the best skill has.
    fn route(&self, text: &str) -> usize {
        let lower = text.to_lowercase();
        self.skills.iter().map(|skill| skill.hits(text, &lower)).max().unwrap_or_default()
    }
}

impl Plain {
    fn new(skill: &Skill) -> Result<Self> {
        let (mut phrases, mut regexes) = (skill.keywords.clone(), Vec::new());
        for trigger in &skill.triggers {
            match &trigger.pattern {
                Pattern::Phrase(text) | Pattern::Template(text) => phrases.push(text.to_lowercase()),
                Pattern::Regex(text) => regexes.push(RegexBuilder::new(text).case_insensitive(true).build()?),
                Pattern::Command(_) | Pattern::Event(_) => {}
            }
        }
        let text = format!("{} {}", skill.name, skill.description).to_lowercase();
        Ok(Self { phrases, regexes, words: text.split_whitespace().map(str::to_owned).collect() })
    }

    fn hits(&self, text: &str, lower: &str) -> usize {
        let phrases = self.phrases.iter().filter(|phrase| lower.contains(phrase.as_str())).count();
        let regexes = self.regexes.iter().filter(|regex| regex.is_match(text)).count();
        phrases + regexes + lower.split_whitespace().filter(|word| self.words.contains(*word)).count()
    }
}
