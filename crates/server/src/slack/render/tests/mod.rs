//! Slack's limits hold for arbitrary input, and nobody is mentioned by it.

mod approvals;
mod checks;
mod editing;
mod markdown;
mod others;

use domain::{
    ApprovalId, RunId, SessionId, UserId,
    approval::{Approval, ApprovalStatus},
    permission::{Action, Decider},
};
use proptest::prelude::*;
use serde_json::{Value, value::RawValue};

pub fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("JSON")
}

/// A pending approval of a call.
pub fn pending(name: &str, input: &Value, preview: &Value) -> Approval {
    Approval {
        id: ApprovalId::new(),
        status: ApprovalStatus::Pending,
        blocking: true,
        name: name.to_owned(),
        action: Action::ModifyDeals,
        input: raw(input),
        edited_input: None,
        preview: raw(preview),
        untrusted: false,
        session_id: SessionId::new(),
        run_id: RunId::new(),
        tool_call_id: "toolu_1".into(),
        decider: Decider::Requester,
        owner: UserId::derive("alice"),
        author: UserId::derive("alice"),
        requested_by: Some("alice".into()),
        decided_by: None,
        decided_at: None,
        reason: None,
        decision_run_id: None,
        expires_at: chrono::DateTime::from_timestamp(1_790_000_000, 0).expect("a time"),
        created_at: chrono::DateTime::from_timestamp(1_780_000_000, 0).expect("a time"),
    }
}

/// Texts with what Slack could take for something of its own.
pub fn nasty() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        "[a-z ]{0,20}",
        Just("<@U123>".to_owned()),
        Just("<!channel>".to_owned()),
        Just("<!subteam^S1|x>".to_owned()),
        Just("<#C1|sales>".to_owned()),
        Just("<".to_owned()),
        Just("@here".to_owned()),
        Just("&lt;!here&gt; & <b>".to_owned()),
        Just("🦀👩‍👩‍👧".to_owned()),
        Just("*_~`\n".to_owned()),
        Just("\r\n\t\u{0}".to_owned()),
        any::<String>(),
        (1_usize..4_000).prop_map(|n| "x".repeat(n)),
        (1_usize..2_000).prop_map(|n| "<&🦀".repeat(n)),
    ];
    proptest::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat())
}

/// JSON as tools are called with.
pub fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        nasty().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 40, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::hash_map(nasty(), inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}
