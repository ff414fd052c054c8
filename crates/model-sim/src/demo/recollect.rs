//! What was said before: answers that the prompt itself holds, and those of the archive.

use super::{Line, Reading, ToolResult, memory::YOURS, plainly::plainly, short, tags};

/// Lines that are shown of a memory.
const MEMORY_LINES: usize = 12;
/// Words of the person that are shown.
const WORDS: usize = 5;
/// Passages of the archive that are shown, and the longest of them in characters.
const PASSAGES: usize = 6;
const PASSAGE: usize = 240;

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

/// Passages of the archive, each with its day and speaker; ids and marks are for programs.
pub(super) fn recalled(result: &ToolResult) -> String {
    let lines: Vec<&str> = result.content.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let passages: Vec<String> = lines.iter().filter_map(|line| passage(line)).collect();
    if passages.is_empty() {
        return plainly(&result.content);
    }
    let more = passages.len().saturating_sub(PASSAGES);
    let more = if more > 0 { format!("\n- … and {more} more") } else { String::new() };
    format!("From our earlier conversations:\n{}{more}", list(&passages[..passages.len().min(PASSAGES)]))
}

/// `Friday 2026-11-20, the person, in "…" (archive …, message 3): words`
fn passage(line: &str) -> Option<String> {
    let (head, rest) = line.split_once(" (archive ")?;
    let (_, said) = rest.split_once("): ")?;
    let said = short(&said.replace("**", ""), PASSAGE);
    let head = head.replace(", the person", ", you").replace(", the copilot", ", I");
    Some(format!("{}: “{said}”", by_name(&head)))
}

/// `about deal:D-42 "Acme renewal"` is shown by its name.
fn by_name(head: &str) -> String {
    let Some((head, about)) = head.rsplit_once(", about ") else { return head.to_owned() };
    let (id, name) = about.split_once(' ').unwrap_or((about, ""));
    let name = if name.is_empty() { id.rsplit(':').next().unwrap_or(id) } else { name };
    format!("{head}, about {name}")
}

fn list(lines: &[String]) -> String {
    lines.iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n")
}
