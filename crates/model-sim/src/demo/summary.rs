//! A summary made of the conversation's own sentences.

use super::{
    Line, Turn,
    transcript::{self, Source},
};

const HEADINGS: [&str; 6] =
    ["Decisions", "Actions", "Deal changes", "People", "Preferences", "Open questions"];
/// Asked for beside the others by some programs.
const ARCHIVE: &str = "Look up in the archive";
const PER_HEADING: usize = 6;

/// True when the request asks for a summary under all of our headings. Tools
/// would mean a conversation in which an older summary is quoted.
pub(super) fn wanted(turn: &Turn) -> bool {
    let newest = turn.history.iter().rev().find(|line| line.by_user);
    let asked = format!("{}\n{}", turn.system, newest.map(Line::words).unwrap_or_default());
    let asks = asked.contains("ummar") && HEADINGS.iter().all(|heading| asked.contains(heading));
    asks && turn.tools.is_empty() && turn.results.is_empty()
}

pub(super) fn write(turn: &Turn) -> String {
    let lines = transcript::read(turn);
    let with_archive = asks_for_archive(turn);
    let names = HEADINGS.into_iter().chain(with_archive.then_some(ARCHIVE));
    let mut found: Vec<(&str, Vec<String>)> = names.map(|heading| (heading, Vec::new())).collect();
    for (heading, fact) in earlier(&lines).into_iter().chain(new(&lines)) {
        let under = found.iter_mut().find(|(name, _)| *name == heading);
        if let Some((_, under)) = under.filter(|(_, under)| !under.contains(&fact)) {
            under.push(fact);
            // What is newer counts more.
            under.drain(..under.len().saturating_sub(PER_HEADING));
        }
    }
    let sections = found.iter().filter(|(_, facts)| !facts.is_empty());
    let sections: Vec<_> = sections.map(|(heading, facts)| section(heading, facts)).collect();
    match (sections.is_empty(), remains(&lines)) {
        (false, _) => sections.join("\n\n"),
        (true, facts) if with_archive => section(ARCHIVE, &facts),
        (true, facts) => list(&facts),
    }
}

/// What an earlier summary says stays under its heading.
fn earlier(lines: &[(Source, String)]) -> Vec<(&'static str, String)> {
    let mut under = None;
    let mut facts = Vec::new();
    for (_, line) in lines.iter().filter(|(source, _)| *source == Source::Summary) {
        let fact = line.trim().trim_start_matches(['-', '*', '#', ' ']);
        let heading = HEADINGS.into_iter().chain([ARCHIVE]).find(|heading| *heading == fact);
        match (heading, under) {
            (Some(_), _) => under = heading,
            (None, Some(heading)) if !fact.is_empty() => facts.push((heading, super::short(fact, 200))),
            _ => {}
        }
    }
    facts
}

/// What the person and the copilot said, where the words tell its heading.
fn new(lines: &[(Source, String)]) -> impl Iterator<Item = (&'static str, String)> {
    said(lines).into_iter().filter_map(|sentence| Some((heading_of(&sentence)?, sentence)))
}

/// What can be said of a conversation without any such words: what was said at
/// all, else what the tools answered, else what was called.
fn remains(lines: &[(Source, String)]) -> Vec<String> {
    let of = |wanted| lines.iter().filter(move |(source, line)| *source == wanted && !line.trim().is_empty());
    let results =
        of(Source::ToolResult).map(|(_, line)| format!("A tool answered: {}", super::short(line, 200)));
    let calls =
        of(Source::ToolCall).map(|(_, line)| format!("Without an answer: {}", super::short(line, 200)));
    let kinds = [said(lines), results.collect(), calls.collect()];
    let mut facts = kinds.into_iter().find(|facts| !facts.is_empty()).unwrap_or_default();
    facts.drain(..facts.len().saturating_sub(PER_HEADING));
    if facts.is_empty() { vec!["Nothing was said.".to_owned()] } else { facts }
}

fn section(heading: &str, facts: &[String]) -> String {
    format!("## {heading}\n{}", list(facts))
}

fn list(facts: &[String]) -> String {
    facts.iter().map(|fact| format!("- {fact}")).collect::<Vec<_>>().join("\n")
}

fn asks_for_archive(turn: &Turn) -> bool {
    turn.system.contains(ARCHIVE) || turn.history.iter().any(|line| line.words().contains(ARCHIVE))
}

/// Sentence by sentence what was said, the request for the summary left out.
fn said(lines: &[(Source, String)]) -> Vec<String> {
    let words = lines.iter().filter(|(source, line)| *source == Source::Words && !instructs(line));
    words.flat_map(|(_, line)| split(line.trim_start_matches(['-', '*', ' ']))).collect()
}

/// Headings and lists of headings belong to the request.
fn instructs(line: &str) -> bool {
    let bare = line.trim().trim_matches(|c: char| !c.is_alphanumeric());
    let named = HEADINGS.iter().filter(|heading| line.contains(**heading)).count();
    named >= 2
        || HEADINGS.contains(&bare)
        || bare == ARCHIVE
        || line.starts_with(['#', '<'])
        || bare.is_empty()
}

fn split(line: &str) -> Vec<String> {
    let sentences = line.split_inclusive(['.', '?', '!']);
    // A dot inside a number or a name ends nothing: too short a piece joins the next.
    let mut joined: Vec<String> = Vec::new();
    for sentence in sentences {
        match joined.last_mut().filter(|last| !sentence.starts_with(' ') || last.len() < 8) {
            Some(last) => last.push_str(sentence),
            None => joined.push(sentence.to_owned()),
        }
    }
    let trimmed = joined.iter().map(|sentence| super::short(sentence, 200));
    trimmed.filter(|sentence| sentence.len() > 3).collect()
}

/// The heading that a sentence's words belong under, if any.
fn heading_of(sentence: &str) -> Option<&'static str> {
    const CUES: [(&str, &[&str]); 5] = [
        ("Preferences", &["prefer", "likes", "always", "never", "remember"]),
        ("Decisions", &["decid", "agreed", "approved", "chose", "signed off"]),
        ("Deal changes", &["stage", "moved", "amount", "close date", "negotiation", "discount", "closed"]),
        ("Actions", &["will ", "todo", "to-do", "send", "schedule", "follow up", "next step", "remind"]),
        ("People", &["contact", "met ", "spoke", "call with", "champion", "@", "ceo", "cfo", "buyer"]),
    ];
    if sentence.ends_with('?') {
        return Some("Open questions");
    }
    let lower = sentence.to_lowercase();
    let fits = CUES.iter().find(|(_, cues)| cues.iter().any(|cue| lower.contains(cue)));
    fits.map(|(heading, _)| *heading)
}
