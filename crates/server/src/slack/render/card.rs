//! Cards: answers that are more than text.

use domain::card::{Card, CardAction, EMAIL_DRAFT, TEXT};
use serde_json::{Value, json};

use super::{
    blocks::{Style, actions, button, confirm, link, markdown, section},
    click::{self, numbered},
    limits,
    message::Message,
    preview::preview,
    text::{cut, defuse, escape},
};

/// Longest text of a card of the type `text`.
const WORDS: usize = 9_000;

/// A card as a message.
pub fn card(card: &Card) -> Message {
    let mut blocks = vec![section(&format!("*{}*", escape(&card.summary, limits::SECTION - 2)))];
    let data = Value::Object(card.data.clone());
    match card.card_type.as_str() {
        TEXT => {
            let text = card.data.get("text").and_then(Value::as_str).unwrap_or_default();
            if !text.trim().is_empty() {
                blocks.push(markdown(&cut(&defuse(text), WORDS)));
            }
        }
        EMAIL_DRAFT => blocks.extend(preview(&json!({"kind": "email"}), &data)),
        _ => blocks.extend(preview(&Value::Null, &data)),
    }
    let buttons = card.actions.iter().enumerate().filter_map(|(n, action)| action_of(n, action));
    blocks.extend(actions("sixty_card", buttons.collect()));
    Message::new(&card.summary, blocks)
}

fn action_of(n: usize, action: &CardAction) -> Option<Value> {
    match action {
        CardAction::Open { label, kind, id } => {
            button(label, &numbered(click::OPEN, n), &format!("{kind}:{id}"), Style::Default)
        }
        CardAction::OpenUrl { label, url } => link(label, &numbered(click::PAGE, n), url),
        CardAction::SendMessage { label, prompt } => {
            // Label and prompt are the model's, and a click says the prompt in the name of whoever clicks: they see it.
            let mut button = button(label, &numbered(click::SAY, n), prompt, Style::Default)?;
            button["confirm"] = confirm("Say this?", prompt)?;
            Some(button)
        }
        // What is to be approved comes as a message of its own, with its arguments.
        CardAction::Approve { .. } => None,
    }
}
