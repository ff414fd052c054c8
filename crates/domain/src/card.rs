//! Cards: answers that are more than text. A card is a block of the message that holds
//! the results of the calls that show it, for clients and not for models.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use utoipa::ToSchema;

use crate::{ApprovalId, CardId, EntityKind};

/// Longest summary, in characters.
pub const MAX_SUMMARY: usize = 500;
/// Largest data, in bytes of JSON.
pub const MAX_DATA: usize = 16 * 1024;
/// Longest address of an action, in characters.
pub const MAX_URL: usize = 2_048;

/// The type that every client can show: `{text}`. What fits no other type becomes one.
pub const TEXT: &str = "text";
/// A mail that nobody has sent: `{to, subject, body}`.
pub const EMAIL_DRAFT: &str = "email_draft";
pub const BUILT_IN: [&str; 2] = [EMAIL_DRAFT, TEXT];

/// Types that an organization may register.
pub const MAX_TYPES: i64 = 100;
/// Largest schema of a type, in bytes.
pub const MAX_SCHEMA: usize = 32 * 1024;

/// A card as it is stored among the blocks of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "card")]
pub struct Card {
    pub card_id: CardId,
    pub card_type: String,
    pub summary: String,
    pub data: Map<String, Value>,
    pub actions: Vec<CardAction>,
}

/// What a person may do with a card. The client does it, in the person's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CardAction {
    /// Show an entity.
    Open {
        label: String,
        kind: EntityKind,
        id: String,
    },
    OpenUrl {
        label: String,
        url: String,
    },
    /// Say this to the copilot.
    SendMessage {
        label: String,
        prompt: String,
    },
    /// Decide about a call that waits.
    Approve {
        label: String,
        approval_id: ApprovalId,
    },
}

impl CardAction {
    pub fn label_mut(&mut self) -> &mut String {
        match self {
            CardAction::Open { label, .. }
            | CardAction::OpenUrl { label, .. }
            | CardAction::SendMessage { label, .. }
            | CardAction::Approve { label, .. } => label,
        }
    }
}

/// A type of cards that an organization has registered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CardType {
    #[serde(flatten)]
    pub head: CardTypeHead,
    /// The JSON Schema, byte for byte as it was sent.
    #[schema(value_type = Object)]
    pub schema: Box<RawValue>,
}

/// A registered type without its schema.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CardTypeHead {
    #[serde(rename = "type")]
    pub name: String,
    pub version: i64,
    pub updated_at: DateTime<Utc>,
    /// External id of the administrator who wrote it; null, once that person is erased.
    #[schema(required)]
    pub updated_by: Option<String>,
}

/// Whether a type can have this name: `[a-z][a-z0-9_-]{0,63}`.
pub fn is_type_name(name: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::RunId;

    #[test]
    fn a_card_is_a_block_and_is_read_as_it_was_written() {
        let card = Card {
            card_id: CardId::derive(RunId::new(), "toolu_1"),
            card_type: "offer".into(),
            summary: "An offer".into(),
            data: json!({"price": 7}).as_object().expect("an object").clone(),
            actions: vec![CardAction::Open {
                label: "Look".into(),
                kind: EntityKind::Deal,
                id: "D-1".into(),
            }],
        };
        let json = serde_json::to_string(&card).expect("JSON");
        let id = card.card_id;
        let expected = format!(
            r#"{{"type":"card","card_id":"{id}","card_type":"offer","summary":"An offer","data":{{"price":7}},"#
        ) + r#""actions":[{"type":"open","label":"Look","kind":"deal","id":"D-1"}]}"#;
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<Card>(&json).expect("a card"), card);
    }

    #[test]
    fn a_call_of_a_run_has_one_card() {
        let (run, other) = (RunId::new(), RunId::new());
        assert_eq!(CardId::derive(run, "a"), CardId::derive(run, "a"));
        assert_ne!(CardId::derive(run, "a"), CardId::derive(run, "b"));
        assert_ne!(CardId::derive(run, "a"), CardId::derive(other, "a"));
    }

    #[test]
    fn names_of_types_are_short_lower_case_words() {
        for name in ["a", "deal_summary", "x-1", &"a".repeat(64)] {
            assert!(is_type_name(name), "{name}");
        }
        for name in ["", "A", "1a", "_a", "a b", "a.b", "ä", "a\n", &"a".repeat(65)] {
            assert!(!is_type_name(name), "{name}");
        }
    }
}
