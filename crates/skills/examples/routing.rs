//! How long it takes to find the skill for a message among 500, beside a plain scan of all of them,
//! and how long the catalogue takes: `cargo run --release --package skills --example routing`.

use std::{
    collections::BTreeSet,
    hint::black_box,
    time::{Duration, Instant},
};

use regex::{Regex, RegexBuilder};
use serde_json::Map;
use skills::{
    Skill,
    catalogue::{Entry, Settings, catalogue},
    route::{Candidate, Router},
    skill::{ExecutionMode, Kind, Mode, Pattern, Trigger},
};

const SKILLS: usize = 500;
const ROUNDS: usize = 7;
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

fn main() {
    let skills: Vec<Skill> = (0..SKILLS).map(skill).collect();
    let messages: Vec<String> = (0..1_000).map(message).collect();
    let candidates: Vec<_> = skills.iter().map(|skill| Candidate { skill, own: false }).collect();
    let start = Instant::now();
    let router = Router::new(&candidates);
    println!("router built in {:.1?}", start.elapsed());
    let scan = Scan::new(&skills);
    let (mut ours, mut theirs, mut found) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        found = messages.iter().filter(|text| timed(&mut ours, || router.route(text)).is_some()).count();
        for text in &messages {
            timed(&mut theirs, || scan.route(text));
        }
    }
    println!("{SKILLS} skills, {} messages, {found} of them routed", messages.len());
    println!("router: median {:.1?}, p99 {:.1?}", place(&mut ours, 50), place(&mut ours, 99));
    println!("plain scan: median {:.1?}, p99 {:.1?}", place(&mut theirs, 50), place(&mut theirs, 99));
    let ratio = place(&mut theirs, 50).as_secs_f64() / place(&mut ours, 50).as_secs_f64();
    println!("plain scan ÷ router, medians: {ratio:.1}");
    let entries: Vec<_> = skills.iter().map(|skill| Entry { skill, missing: &[] }).collect();
    let mut times = Vec::new();
    for _ in 0..100 {
        timed(&mut times, || catalogue(&entries, &Settings::default()));
    }
    println!(
        "catalogue of {SKILLS}: median {:.1?}, p99 {:.1?}",
        place(&mut times, 50),
        place(&mut times, 99)
    );
}

fn timed<T>(times: &mut Vec<Duration>, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = black_box(work());
    times.push(start.elapsed());
    done
}

fn place(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    times[times.len() * percent / 100]
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

fn skill(n: usize) -> Skill {
    let (verb, thing, angle) = words(n);
    let trigger = |pattern| Trigger {
        pattern,
        intent: None,
        confidence: 0.8,
        examples: vec![format!("Please {verb} my {thing} {angle}"), format!("{thing} to {verb}")],
    };
    let mut triggers = vec![
        trigger(Pattern::Phrase(format!("{verb} the {thing} {angle}"))),
        trigger(Pattern::Phrase(format!("{verb} {thing} {angle}"))),
        trigger(Pattern::Phrase(format!("{thing} {verb} {angle} {n}"))),
    ];
    match n % 10 {
        0 => triggers.push(trigger(Pattern::Template(format!("{verb} [company]'s {thing} {angle}")))),
        1 => triggers.push(trigger(Pattern::Command(format!("{verb}-{n}")))),
        2 if n < 100 => triggers.push(trigger(Pattern::Regex(format!(r"\b{verb}\w* .*{thing}.*#{n}\b")))),
        _ => {}
    }
    Skill {
        key: format!("skill-{n}").parse().expect("a key"),
        name: format!("{verb} {thing} {angle}"),
        description: format!(
            "Helps to {verb} a {thing} {angle}: reads what is known of it, asks for what is missing, says what to do next."
        ),
        kind: if n.is_multiple_of(5) { Kind::Sequence } else { Kind::Atomic },
        category: None,
        priority: None,
        tags: vec![],
        agent_affinity: vec![],
        author: None,
        version: None,
        license: None,
        compatibility: None,
        active: true,
        deprecation: None,
        triggers,
        keywords: [verb, thing, angle].map(str::to_owned).into(),
        inputs: vec![],
        input_schema: None,
        output_schema: None,
        required_context: vec![],
        optional_context: vec![],
        requires_capabilities: vec![],
        context_profile: None,
        command: None,
        namespaces: vec![],
        card: None,
        allowed_tools: None,
        linked_skills: vec![],
        steps: vec![],
        timeout_ms: None,
        execution_mode: ExecutionMode::Sync,
        mode: Mode::Auto,
        other: Map::new(),
        body: String::new(),
    }
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
    fn new(skills: &[Skill]) -> Self {
        let skills = skills.iter().map(|skill| {
            let (mut phrases, mut regexes) = (skill.keywords.clone(), Vec::new());
            for trigger in &skill.triggers {
                match &trigger.pattern {
                    Pattern::Phrase(text) | Pattern::Template(text) => phrases.push(text.to_lowercase()),
                    Pattern::Regex(text) => {
                        regexes.push(
                            RegexBuilder::new(text).case_insensitive(true).build().expect("an expression"),
                        );
                    }
                    Pattern::Command(_) | Pattern::Event(_) => {}
                }
            }
            let text = format!("{} {}", skill.name, skill.description).to_lowercase();
            Plain { phrases, regexes, words: text.split_whitespace().map(str::to_owned).collect() }
        });
        Self { skills: skills.collect() }
    }

    /// How many hits the best skill has.
    fn route(&self, text: &str) -> usize {
        let lower = text.to_lowercase();
        let hits = |skill: &Plain| {
            let phrases = skill.phrases.iter().filter(|phrase| lower.contains(phrase.as_str())).count();
            let regexes = skill.regexes.iter().filter(|regex| regex.is_match(text)).count();
            phrases + regexes + lower.split_whitespace().filter(|word| skill.words.contains(*word)).count()
        };
        self.skills.iter().map(hits).max().unwrap_or_default()
    }
}
