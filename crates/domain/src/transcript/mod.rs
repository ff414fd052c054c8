//! A conversation as it leaves the service: NDJSON for programs, Markdown for people.

mod markdown;

pub use markdown::{archive, beginning, message as markdown};

use serde::Serialize;

use crate::{
    SessionId,
    session::{Message, Session},
};

#[derive(Serialize)]
struct MessageRow<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    session_id: SessionId,
    #[serde(flatten)]
    message: &'a Message,
}

#[derive(Serialize)]
struct SessionRow<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    session: &'a Session,
}

/// The line of a message, in every export: `type` is `message`, then `session_id`, then
/// the message as the API shows it. Ends with a line feed.
pub fn message_row(session: SessionId, message: &Message) -> String {
    line(&MessageRow { kind: "message", session_id: session, message })
}

/// The line of a session, before those of its messages: `type` is `session`.
pub fn session_row(session: &Session) -> String {
    line(&SessionRow { kind: "session", session })
}

fn line(row: &impl Serialize) -> String {
    let mut line = serde_json::to_string(row).expect("rows serialize: their keys are strings");
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::MessageId;

    #[test]
    fn a_row_keeps_the_bytes_of_the_content() {
        let content = r#"[{"type":"text","text":"ä\n"},{"z":1.50,"a":1e2}]"#;
        let message = Message {
            id: MessageId::new(),
            seq: 7,
            role: "user".into(),
            content: RawValue::from_string(content.into()).expect("JSON"),
            created_at: chrono::DateTime::UNIX_EPOCH,
            run_id: None,
            superseded: false,
        };
        let session = SessionId::new();
        let row = message_row(session, &message);
        let alone = serde_json::to_string(&message).expect("JSON");
        let beginning = format!(r#"{{"type":"message","session_id":"{session}","#);
        assert_eq!(row, format!("{beginning}{}\n", &alone[1..]));
        assert!(row.contains(content));
    }
}
