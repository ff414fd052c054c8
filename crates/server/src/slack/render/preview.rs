//! What a call would do, letter by letter as it is stored: in blocks in which Slack reads no marks.

use serde_json::{Map, Value};

use super::{
    blocks::{bold, code, line, quote, rich, span, struck},
    text::length,
};

/// All of a preview, in characters: approval and buttons need the rest of a message.
const PREVIEW: usize = 8_000;
/// One value; a mail's text has more.
const FIELD: usize = 1_500;
const BODY: usize = 6_000;
const NAME: usize = 200;
/// Fields, or lines of a change.
const LINES: usize = 40;
/// What has fewer characters stands behind its name, not under it.
const SHORT: usize = 120;

/// The blocks for a preview; the arguments, where the preview says little.
pub fn preview(preview: &Value, input: &Value) -> Vec<Value> {
    let mut sheet = Sheet { left: PREVIEW, rows: Vec::new() };
    match preview["kind"].as_str() {
        Some("email") => sheet.email(preview, input),
        Some("field_changes") => sheet.changes(preview),
        Some("create") => sheet.create(preview),
        Some("memory") => sheet.memory(preview),
        _ => sheet.generic(preview, input),
    }
    if sheet.rows.is_empty() { Vec::new() } else { vec![rich(&sheet.rows)] }
}

/// A value in a few words: texts as they are, the rest as JSON.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Array(items) if items.iter().all(|item| item.is_string() || item.is_number()) => {
            items.iter().map(shown).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// The name of a field or of a tool, for people.
pub fn title(name: &str) -> String {
    let words = name.replace("__", ": ").replace(['_', '-'], " ");
    let mut chars = words.trim().chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

struct Sheet {
    left: usize,
    rows: Vec<Value>,
}

impl Sheet {
    /// Room for at most this many characters, of which `text` will need some.
    fn room(&mut self, text: &str, most: usize) -> usize {
        let room = most.min(self.left).max(1);
        self.left = self.left.saturating_sub(length(text).min(room));
        room
    }

    fn heading(&mut self, text: &str) {
        let room = self.room(text, NAME * 2);
        self.rows.push(line(&[bold(text, room)]));
    }

    fn field(&mut self, name: &str, value: &str, most: usize) {
        let name = title(name);
        let room = self.room(&name, NAME);
        let label = bold(&format!("{name}: "), room + 2);
        let room = self.room(value, most);
        if length(value) <= SHORT && !value.contains('\n') {
            self.rows.push(line(&[label, span(value, room)]));
        } else {
            self.rows.push(line(&[label]));
            self.rows.push(quote(value, room));
        }
        if length(value) > room {
            self.note(&format!("({} characters, of which the first are shown.)", length(value)));
        }
    }

    fn note(&mut self, text: &str) {
        self.rows.push(line(&[span(text, NAME)]));
    }

    /// The fields, as many as there is room for. What is not shown is said.
    fn fields(&mut self, fields: &Map<String, Value>) {
        for (i, (name, value)) in fields.iter().enumerate() {
            if i == LINES || self.left == 0 {
                self.note(&format!("({} more fields.)", fields.len() - i));
                return;
            }
            self.field(name, &shown(value), FIELD);
        }
    }

    /// A mail: from the preview, and what it leaves out from the arguments.
    fn email(&mut self, preview: &Value, input: &Value) {
        let rest = ["to", "cc", "bcc", "from", "reply_to", "subject"];
        for name in rest {
            let value = preview.get(name).or_else(|| input.get(name));
            if let Some(value) = value.filter(|value| !value.is_null()) {
                self.field(name, &shown(value), FIELD);
            }
        }
        let body = preview.get("body").or_else(|| input.get("body")).map(shown).unwrap_or_default();
        let room = self.room(&body, BODY);
        self.rows.push(quote(&body, room));
        if length(&body) > room {
            self.note(&format!("({} characters, of which the first are shown.)", length(&body)));
        }
        let known = |name: &&String| name.as_str() == "body" || rest.contains(&name.as_str());
        if let Some(input) = input.as_object() {
            let more = input.iter().filter(|(name, _)| !known(name));
            self.fields(&more.map(|(name, value)| (name.clone(), value.clone())).collect());
        }
    }

    fn changes(&mut self, preview: &Value) {
        let entity = &preview["entity"];
        self.heading(&format!("{}: {}", title(&shown(&entity["kind"])), shown(&entity["name"])));
        let changes = preview["changes"].as_array().map_or(&[][..], Vec::as_slice);
        for (i, change) in changes.iter().enumerate() {
            if i == LINES || self.left == 0 {
                self.note(&format!("({} more changes.)", changes.len() - i));
                return;
            }
            self.change(change);
        }
    }

    fn change(&mut self, change: &Value) {
        let name = title(&shown(&change["field"]));
        let (old, new) = (shown(&change["old"]), shown(&change["new"]));
        if length(&old) > SHORT || length(&new) > SHORT || new.contains('\n') {
            self.field(&format!("{name}, now"), &old, FIELD);
            return self.field(&format!("{name}, then"), &new, FIELD);
        }
        let room = self.room(&name, NAME);
        self.left = self.left.saturating_sub(length(&old) + length(&new));
        let arrow = span(" → ", NAME);
        let label = bold(&format!("{name}: "), room + 2);
        self.rows.push(line(&[label, struck(&old, SHORT), arrow, span(&new, SHORT)]));
    }

    fn create(&mut self, preview: &Value) {
        let kind = title(&shown(&preview["entity_kind"]));
        self.heading(&format!("New {}: {}", kind.to_lowercase(), shown(&preview["name"])));
        if let Some(fields) = preview["fields"].as_object() {
            self.fields(fields);
        }
    }

    fn memory(&mut self, preview: &Value) {
        let scope = match preview["scope"].as_str() {
            Some("org") => "the organization's memory",
            Some("user") => "your memory",
            _ => "memory of the record",
        };
        let section = preview["section"].as_str().map(|section| format!(", under “{section}”"));
        self.heading(&format!("In {scope}{}", section.unwrap_or_default()));
        for (mark, name) in [("−", "removed"), ("+", "added")] {
            let lines = preview[name].as_array().map_or(&[][..], Vec::as_slice);
            let text: Vec<String> = lines.iter().map(|line| format!("{mark} {}", shown(line))).collect();
            if !text.is_empty() {
                let text = text.join("\n");
                let room = self.room(&text, FIELD * 2);
                self.rows.push(code(&text, room));
            }
        }
    }

    fn generic(&mut self, preview: &Value, input: &Value) {
        if let Some(title) = preview["title"].as_str() {
            self.heading(title);
        }
        if let Some(fields) = input.as_object() {
            self.fields(fields);
        } else if !input.is_null() {
            let text = input.to_string();
            let room = self.room(&text, FIELD);
            self.rows.push(code(&text, room));
        }
    }
}
