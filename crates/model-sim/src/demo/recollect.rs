//! Answers that the prompt itself holds: no tool is needed for them.

use super::{Line, Reading, memory::YOURS, short, tags};

/// Lines that are shown of a memory.
const MEMORY_LINES: usize = 12;
/// Words of the person that are shown.
const WORDS: usize = 5;

/// What is remembered about the person.
pub(super) fn about_the_person(reading: &Reading) -> String {
    let memories = tags::all(&reading.turn.system, "user_memory");
    let name = memories.iter().find_map(|tag| tag.attribute("user"));
    let name = name.map(|name| format!("Your memory is kept under the name {name}."));
    let yours = reading.memories.iter().find(|memory| memory.source == YOURS);
    let known = match yours.map(|memory| memory.lines.as_slice()).unwrap_or_default() {
        [] => {
            "Your memory says nothing about you yet. Tell me “remember that …”, and I write there.".to_owned()
        }
        lines => {
            let more = lines.len().saturating_sub(MEMORY_LINES);
            let more = if more > 0 { format!("\n- … and {more} more") } else { String::new() };
            format!("From {YOURS}:\n{}{more}", list(&lines[..lines.len().min(MEMORY_LINES)]))
        }
    };
    name.into_iter().chain([known]).collect::<Vec<_>>().join("\n")
}

/// What was talked about: the summary of what is archived, and what the person
/// said since then.
pub(super) fn recap(reading: &Reading) -> String {
    let history = &reading.turn.history;
    let summary = history.iter().rev().find_map(Line::summary).filter(|summary| !summary.is_empty());
    let said = history.iter().filter(|line| line.by_user).map(Line::words).filter(|words| !words.is_empty());
    let mut said: Vec<_> = said.map(|words| short(&words, 160)).collect();
    said.pop(); // The question itself.
    let newest = &said[said.len().saturating_sub(WORDS)..];
    match (summary, newest) {
        (None, []) => "Nothing yet: this conversation begins with your question.".to_owned(),
        (None, said) => format!("In this conversation you said:\n{}", list(said)),
        (Some(summary), []) => format!("From the summary of this conversation:\n{summary}"),
        (Some(summary), said) => {
            format!(
                "From the summary of this conversation:\n{summary}\n\nSince then you said:\n{}",
                list(said)
            )
        }
    }
}

fn list(lines: &[String]) -> String {
    lines.iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n")
}
