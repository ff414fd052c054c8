//! A summary made of the conversation's own sentences.

use super::{Turn, tags};

const HEADINGS: [&str; 6] =
    ["Decisions", "Actions", "Deal changes", "People", "Preferences", "Open questions"];
/// Asked for beside the others by some programs.
const ARCHIVE: &str = "Look up in the archive";
const PER_HEADING: usize = 6;

/// True when the request asks for a summary under all of our headings. Tools
/// would mean a conversation in which an older summary is quoted.
pub(super) fn wanted(turn: &Turn) -> bool {
    let newest = turn.history.iter().rev().find(|line| line.by_user);
    let asked = format!("{}\n{}", turn.system, newest.map_or("", |line| &line.text));
    let asks = asked.contains("ummar") && HEADINGS.iter().all(|heading| asked.contains(heading));
    asks && turn.tools.is_empty() && turn.results.is_empty()
}

pub(super) fn write(turn: &Turn) -> String {
    let mut found = HEADINGS.map(|heading| (heading, Vec::new()));
    for sentence in sentences(turn) {
        let Some(heading) = heading_of(&sentence) else { continue };
        let under = found.iter_mut().find(|(name, _)| *name == heading);
        if let Some((_, under)) =
            under.filter(|(_, under)| under.len() < PER_HEADING && !under.contains(&sentence))
        {
            under.push(sentence);
        }
    }
    let sections = found.map(|(heading, sentences)| section(heading, &sentences));
    let archive = asks_for_archive(turn).then(|| section(ARCHIVE, &[]));
    sections.into_iter().chain(archive).collect::<Vec<_>>().join("\n\n")
}

fn section(heading: &str, sentences: &[String]) -> String {
    let lines: Vec<_> = sentences.iter().map(|sentence| format!("- {sentence}")).collect();
    let lines = if lines.is_empty() { "- None found.".to_owned() } else { lines.join("\n") };
    format!("## {heading}\n{lines}")
}

fn asks_for_archive(turn: &Turn) -> bool {
    turn.system.contains(ARCHIVE) || turn.history.iter().any(|line| line.text.contains(ARCHIVE))
}

/// Sentence by sentence what was said, the request for the summary left out.
fn sentences(turn: &Turn) -> Vec<String> {
    let texts = turn.history.iter().map(|line| tags::without(&line.text, &["context", "memory_update"]));
    let lines: Vec<_> = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines.iter().filter(|line| !instructs(line)).flat_map(|line| split(speech(line))).collect()
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

/// A line of a transcript without the name of its speaker.
fn speech(line: &str) -> &str {
    let line = line.trim_start_matches(['-', '*', ' ']);
    let (speaker, said) = line.split_once(':').unwrap_or(("", line));
    let speaker = speaker.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    if ["user", "assistant", "human", "copilot"].contains(&speaker.as_str()) { said } else { line }
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
