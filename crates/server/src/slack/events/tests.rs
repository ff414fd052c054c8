use serde_json::json;

use super::*;

const BOT: Option<&str> = Some("U0BOT");

fn team() -> Team {
    team_of("", "T1")
}

fn said(event: &Value) -> Option<Said> {
    read(&team(), &json!({ "event_id": "Ev1", "event": event }), BOT)
}

fn message() -> Value {
    json!({ "type": "message", "channel_type": "im", "channel": "D1", "user": "U1", "text": "hello", "ts": "1.2" })
}

#[test]
fn a_direct_message_is_answered_in_a_thread_under_it() {
    let said = said(&message()).expect("something said");
    assert_eq!((said.thread.as_deref(), said.shared, said.text.as_str()), (Some("1.2"), false, "hello"));
    assert_eq!(said.person.user, "U1");
}

#[test]
fn a_mention_and_the_message_in_which_it_stands_have_a_common_key() {
    let mut mention =
        json!({ "type": "app_mention", "channel": "C1", "user": "U1", "text": "<@U0BOT> hi", "ts": "1.2" });
    let first = said(&mention).expect("something said");
    mention["type"] = "message".into();
    mention["channel_type"] = "channel".into();
    let second = said(&mention).expect("something said");
    assert!(first.shared && second.shared);
    assert!(first.keys.iter().any(|key| second.keys.contains(key)), "{first:?} {second:?}");
    assert_eq!((first.text.trim(), second.text.trim()), ("hi", "hi"));
}

#[test]
fn what_others_say_to_others_is_not_heard() {
    let mut overheard = message();
    overheard["channel_type"] = "channel".into();
    for (field, value) in [
        ("bot_id", "B1"),
        ("app_id", "A1"),
        ("user", "U0BOT"),
        ("user", ""),
        ("subtype", "message_changed"),
        ("subtype", "message_deleted"),
        ("subtype", "bot_message"),
        ("text", " "),
        ("ts", ""),
    ] {
        let mut event = message();
        event[field] = value.into();
        assert!(said(&event).is_none(), "{field}: {value}");
    }
    assert!(said(&overheard).is_none());
    assert!(said(&json!({ "type": "message" })).is_none());
    assert!(said(&Value::Null).is_none());
}

#[test]
fn a_reply_is_answered_in_its_thread() {
    let mut reply = message();
    reply["thread_ts"] = "1.0".into();
    assert_eq!(said(&reply).expect("something said").thread.as_deref(), Some("1.0"));
}
