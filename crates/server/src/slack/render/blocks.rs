//! Blocks and their elements. What is cut is cut here, so that no caller can break a limit.

use serde_json::{Value, json};

use super::{
    limits,
    text::{cut, length, literal, plain},
};

/// Standard Markdown; mentions in it have been defused.
pub fn markdown(text: &str) -> Value {
    json!({"type": "markdown", "text": cut(text, limits::MARKDOWN)})
}

/// A section in Slack's `mrkdwn`; what others wrote in it has been escaped.
pub fn section(mrkdwn: &str) -> Value {
    let text = if mrkdwn.trim().is_empty() { "–" } else { mrkdwn };
    json!({"type": "section", "text": {"type": "mrkdwn", "text": cut(text, limits::SECTION)}})
}

/// Small print in `mrkdwn`.
pub fn context(mrkdwn: &str) -> Value {
    json!({"type": "context", "elements": [{"type": "mrkdwn", "text": cut(mrkdwn, limits::SECTION)}]})
}

/// A `plain_text` object.
pub fn plain_text(text: &str, limit: usize) -> Value {
    json!({"type": "plain_text", "text": plain(text, limit), "emoji": true})
}

/// How a button looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Default,
    Primary,
    Danger,
}

/// A button. A value that is too long would be refused with the whole message: none then.
pub fn button(label: &str, action_id: &str, value: &str, style: Style) -> Option<Value> {
    if length(value) > limits::BUTTON_VALUE || value.is_empty() || value.contains('\0') {
        return None;
    }
    let mut button = json!({"type": "button", "text": plain_text(label, limits::LABEL),
        "action_id": action_id, "value": value});
    match style {
        Style::Default => {}
        Style::Primary => button["style"] = "primary".into(),
        Style::Danger => button["style"] = "danger".into(),
    }
    Some(button)
}

/// A question before a click counts; none, if its text does not fit.
pub fn confirm(title: &str, text: &str) -> Option<Value> {
    (length(text) <= limits::CONFIRM).then(|| {
        json!({"title": plain_text(title, limits::LABEL), "text": plain_text(text, limits::CONFIRM),
            "confirm": plain_text("Yes", limits::LABEL), "deny": plain_text("No", limits::LABEL)})
    })
}

/// A button that opens a page. Slack reports the click as well.
pub fn link(label: &str, action_id: &str, url: &str) -> Option<Value> {
    let is_page = url.starts_with("https://") || url.starts_with("http://");
    if length(url) > limits::URL || !is_page || url.contains(char::is_control) {
        return None;
    }
    Some(
        json!({"type": "button", "text": plain_text(label, limits::LABEL), "action_id": action_id, "url": url}),
    )
}

/// Buttons in a row; none without elements.
pub fn actions(block_id: &str, elements: Vec<Value>) -> Option<Value> {
    let elements: Vec<Value> = elements.into_iter().take(limits::ACTIONS).collect();
    (!elements.is_empty()).then(|| json!({"type": "actions", "block_id": block_id, "elements": elements}))
}

/// An option of a menu or of checkboxes.
pub fn choice(label: &str, value: &str) -> Value {
    json!({"text": plain_text(label, limits::LABEL), "value": cut(value, limits::OPTION_VALUE)})
}

/// Text that is shown letter by letter: Slack reads no marks, links or mentions in it.
pub fn rich(elements: &[Value]) -> Value {
    json!({"type": "rich_text", "elements": elements})
}

/// A line of a [`rich`] block.
pub fn line(spans: &[Value]) -> Value {
    json!({"type": "rich_text_section", "elements": spans})
}

/// A quotation in a [`rich`] block.
pub fn quote(text: &str, limit: usize) -> Value {
    json!({"type": "rich_text_quote", "elements": [span(text, limit)]})
}

/// Code in a [`rich`] block.
pub fn code(text: &str, limit: usize) -> Value {
    json!({"type": "rich_text_preformatted", "elements": [span(text, limit)]})
}

/// Letters in a line.
pub fn span(text: &str, limit: usize) -> Value {
    json!({"type": "text", "text": literal(text, limit)})
}

/// Bold letters in a line.
pub fn bold(text: &str, limit: usize) -> Value {
    json!({"type": "text", "text": literal(text, limit), "style": {"bold": true}})
}

/// Letters in a line that are struck through.
pub fn struck(text: &str, limit: usize) -> Value {
    json!({"type": "text", "text": literal(text, limit), "style": {"strike": true}})
}
