//! Markdown that shows what was said and cannot be changed by it: no text in it makes a
//! heading, ends a fence, or becomes HTML.

use std::fmt::Write as _;

use serde_json::{Value, value::RawValue};

use crate::{
    archive::SessionSummary,
    block::ToolResult,
    session::{Message, Session},
};

/// The head of a conversation.
pub fn beginning(session: &Session) -> String {
    let title = session.title.as_deref().map_or_else(|| "Conversation".into(), inline);
    let mut text = format!("# {title}\n\n- Session: {}\n- Begun: {}\n", session.id, time(session.created_at));
    if let Some(entity) = &session.entity {
        let about = inline(&format!("{} {}", entity.kind, entity.id));
        writeln!(text, "- About: {about}").expect("writing to a string cannot fail");
    }
    text
}

/// The head of an archive: its summary, quoted.
pub fn archive(archive: &SessionSummary) -> String {
    let facts = format!(
        "# Summary\n\n- Session: {}\n- Messages: {} to {}\n- SHA-256 of the transcript: {}\n",
        archive.session_id, archive.first_seq, archive.last_seq, archive.sha256
    );
    format!("{facts}\n{}\n# Transcript\n", quote(&archive.summary_text))
}

/// A message with its heading: texts are quoted, calls and results are fenced.
pub fn message(message: &Message) -> String {
    let superseded = if message.superseded { ", superseded" } else { "" };
    let (seq, role, at) = (message.seq, inline(&message.role), time(message.created_at));
    let mut text = format!("\n## {seq} {role}, {at}{superseded}\n");
    let blocks: Result<Vec<Box<RawValue>>, _> = serde_json::from_str(message.content.get());
    let parts = blocks.map_or_else(
        |_| vec![fence("json", message.content.get())],
        |blocks| blocks.iter().map(|raw| block(raw.get())).collect(),
    );
    for part in parts {
        text.push('\n');
        text.push_str(&part);
    }
    text
}

fn time(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

fn block(raw: &str) -> String {
    let value: Value = serde_json::from_str(raw).unwrap_or_default();
    let text = |name: &str| value[name].as_str().unwrap_or_default();
    match text("type") {
        "text" => quote(text("text")),
        "thinking" => format!("*Thinking*\n\n{}", quote(text("thinking"))),
        "tool_use" => {
            let (name, id) = (code(text("name")), code(text("id")));
            let input: Option<Input<'_>> = serde_json::from_str(raw).ok();
            format!(
                "*Tool call* {name} {id}\n\n{}",
                fence("json", input.map_or("{}", |input| input.input.get()))
            )
        }
        "tool_result" => {
            let result = serde_json::from_str::<ToolResult>(raw);
            let how = if value["is_error"] == true { "*Error* of" } else { "*Result* of" };
            let said = result.map_or_else(
                |_| fence("json", &value["content"].to_string()),
                |result| fence("", &result.content),
            );
            format!("{how} {}\n\n{said}", code(text("tool_use_id")))
        }
        "mention" => {
            format!("*Mentions* {} {} {}", code(text("kind")), code(text("id")), quote(text("name")))
        }
        "card" => format!("*Card* {}\n\n{}", code(text("card_type")), quote(text("summary"))),
        kind @ ("image" | "document") => {
            let media = value["source"]["media_type"].as_str().unwrap_or("unknown type");
            let size = value["source"]["data"].as_str().map_or(0, |data| data.len() / 4 * 3);
            format!("*{kind}* {}, about {size} bytes\n", code(media))
        }
        _ => fence("json", raw),
    }
}

#[derive(serde::Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    input: &'a RawValue,
}

/// Every line behind `> `: what stands there, be it a heading or half a fence, ends with
/// the quotation. Tags are shown and not obeyed.
fn quote(text: &str) -> String {
    let text =
        text.replace("\r\n", "\n").replace(['\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'], "\n");
    let mut out = String::new();
    for line in text.split('\n') {
        out.push_str(if line.is_empty() { ">" } else { "> " });
        let mut rest = line;
        while let Some(at) = rest.find('<') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let opens = rest.starts_with(|next: char| next.is_ascii_alphabetic() || "/!?".contains(next));
            out.push_str(if opens { "&lt;" } else { "<" });
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}

/// The length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A fenced block that nothing inside can close: its fence is longer than any run in it.
fn fence(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{text}{end}{fence}\n")
}

/// A code span, on one line.
fn code(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() || is_break(c) { ' ' } else { c }).collect();
    let ticks = "`".repeat(longest_run(&text) + 1);
    let text = text.trim();
    // A span is not empty, and a backtick at its edge needs a space.
    match text {
        "" => "(none)".into(),
        text => format!("{ticks} {text} {ticks}"),
    }
}

/// Plain words on one line: no mark of Markdown in them means anything.
fn inline(text: &str) -> String {
    let mut out = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        for c in word.chars() {
            if c.is_ascii_punctuation() {
                out.push('\\');
            }
            out.push(c);
        }
    }
    out
}

fn is_break(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests;
