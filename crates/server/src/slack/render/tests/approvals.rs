use domain::{approval::ApprovalStatus, permission::Decider};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    super::{Message, approval, decided},
    checks::check,
    json, nasty, pending, raw,
};

const STATES: [ApprovalStatus; 6] = [
    ApprovalStatus::Approved,
    ApprovalStatus::Executed,
    ApprovalStatus::Denied,
    ApprovalStatus::Expired,
    ApprovalStatus::Refused,
    ApprovalStatus::Void,
];

/// All letters of a message, in their order.
fn letters(message: &Message) -> String {
    fn of(value: &Value, all: &mut String) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| of(item, all)),
            Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
                Value::String(text) if name == "text" => all.push_str(text),
                other => of(other, all),
            }),
            _ => {}
        }
    }
    let mut all = String::new();
    message.blocks.iter().for_each(|block| of(block, &mut all));
    all
}

fn buttons(message: &Message) -> Vec<(String, String)> {
    let elements = message.blocks.iter().filter_map(|block| block["elements"].as_array()).flatten();
    let buttons = elements.filter(|element| element["type"] == "button");
    let words = |value: &Value| value.as_str().expect("a text").to_owned();
    buttons.map(|button| (words(&button["action_id"]), words(&button["value"]))).collect()
}

#[test]
fn an_approval_has_its_arguments_and_three_buttons_bound_to_it() {
    let preview =
        json!({"kind": "email", "to": "dana@acme.example", "subject": "Offer", "body": "Dear Dana"});
    let approval_ =
        pending("send_email", &json!({"to": "dana@acme.example", "cc": "tom@acme.example"}), &preview);
    let message = approval(&approval_);
    check(&message);
    let all = letters(&message);
    for words in
        ["*Send email*", "To: dana@acme.example", "Cc: tom@acme.example", "Subject: Offer", "Dear Dana"]
    {
        assert!(all.contains(words), "{words}: {all}");
    }
    let id = approval_.id.to_string();
    let expected =
        ["sixty_approve", "sixty_edit", "sixty_deny"].map(|action| (action.to_owned(), id.clone()));
    assert_eq!(buttons(&message), expected);
    assert!(all.contains("Expires <!date^1790000000^"), "{all}");
}

#[test]
fn each_kind_of_preview_says_what_would_happen() {
    let entity = json!({"kind": "deal", "id": "D-1", "name": "Acme"});
    let change = |field: &str, old: Value, new: Value| json!({"field": field, "old": old, "new": new});
    for (preview, input, expected) in [
        (
            json!({"kind": "field_changes", "entity": entity, "changes": [
                change("stage", json!("won"), json!("lost")), change("amount", Value::Null, json!(7.5))]}),
            json!({}),
            vec!["Deal: Acme", "Stage: won → lost", "Amount: – → 7.5"],
        ),
        (
            json!({"kind": "field_changes", "entity": entity, "changes": [
                change("notes", json!("short"), json!("a long text ".repeat(20)))]}),
            json!({}),
            vec!["Notes, now: short", "Notes, then: a long text"],
        ),
        (
            json!({"kind": "create", "entity_kind": "contact", "name": "Dana", "fields": {"title": "CEO", "tags": ["a", "b"]}}),
            json!({}),
            vec!["New contact: Dana", "Title: CEO", "Tags: a, b"],
        ),
        (
            json!({"kind": "memory", "scope": "org", "version": 3, "section": "Tone", "removed": ["- loud"], "added": ["- calm"]}),
            json!({}),
            vec!["In the organization's memory, under “Tone”", "− - loud", "+ - calm"],
        ),
        (
            json!({"kind": "generic", "title": "Runs a report"}),
            json!({"who": "<@U1> *bold*", "deep": {"a": [1]}}),
            vec!["Runs a report", "Who: <@U1> *bold*", "Deep: {\"a\":[1]}"],
        ),
        (json!({"kind": "of the future"}), json!({"x": true}), vec!["X: yes"]),
    ] {
        let message = approval(&pending("crm__update_thing", &input, &preview));
        check(&message);
        let all = letters(&message);
        assert!(all.contains("*Crm: update thing*"), "{all}");
        for words in expected {
            assert!(all.contains(words), "{words}: {all}");
        }
    }
}

#[test]
fn what_is_not_shown_of_the_arguments_is_said() {
    let preview = json!({"kind": "email", "to": "a@b.example", "subject": "s", "body": "x".repeat(20_000)});
    let message = approval(&pending("send_email", &json!({}), &preview));
    check(&message);
    assert!(letters(&message).contains("(20000 characters, of which the first are shown.)"));
    let fields: serde_json::Map<String, Value> = (0..60).map(|n| (format!("f{n:02}"), json!(n))).collect();
    let message =
        approval(&pending("any", &Value::Object(fields), &json!({"kind": "generic", "title": "t"})));
    assert!(letters(&message).contains("(20 more fields.)"));
}

#[test]
fn a_reader_is_told_who_decides_and_what_to_beware_of() {
    let mut asked = pending("any", &json!({}), &json!({"kind": "generic", "title": "t"}));
    (asked.decider, asked.untrusted, asked.blocking) = (Decider::Admin, true, false);
    let all = letters(&approval(&asked));
    for words in [
        "owner or administrator",
        "content from outside",
        "I go on meanwhile",
        "I would suggest this",
        "Accept",
    ] {
        assert!(all.contains(words), "{words}: {all}");
    }
}

#[test]
fn what_became_of_it_is_said_with_who_and_when_and_without_buttons() {
    let mut asked = pending("any", &json!({"a": 1}), &json!({"kind": "generic", "title": "t"}));
    asked.decided_at = chrono::DateTime::from_timestamp(1_785_000_000, 0);
    asked.reason = Some("too <early>".into());
    for (status, words) in [
        (ApprovalStatus::Approved, "Approved by <@UDECIDED>, <!date^1785000000^"),
        (ApprovalStatus::Executed, "Approved and done by <@UDECIDED>"),
        (ApprovalStatus::Denied, "Denied by <@UDECIDED>"),
        (ApprovalStatus::Refused, "Approved, and not done"),
        (ApprovalStatus::Expired, "Expired: nobody decided in time, and nothing was done, <!date"),
        (ApprovalStatus::Void, "Withdrawn"),
    ] {
        asked.status = status;
        let message = decided(&asked, Some("<@UDECIDED>"));
        check(&message);
        assert!(letters(&message).contains(words), "{words}: {}", letters(&message));
        assert!(letters(&message).contains("Reason: too &lt;early&gt;"));
        assert_eq!(buttons(&message), []);
    }
    asked.status = ApprovalStatus::Denied;
    for (who, shown) in
        [("Dana <!here>", "by Dana &lt;!here&gt;"), ("<@U1|x>", "by &lt;@U1|x&gt;"), ("<@u1>", "&lt;@u1&gt;")]
    {
        assert!(letters(&decided(&asked, Some(who))).contains(shown), "{who}");
    }
}

#[test]
fn arguments_that_were_edited_are_the_ones_that_are_shown() {
    let mut asked = pending("any", &json!({"to": "old"}), &json!({"kind": "generic", "title": "t"}));
    asked.edited_input = Some(raw(&json!({"to": "new"})));
    asked.status = ApprovalStatus::Executed;
    let all = letters(&decided(&asked, None));
    assert!(all.contains("To: new") && !all.contains("old") && all.contains("edited"), "{all}");
}

#[test]
fn the_beginning_of_a_step_cannot_be_edited() {
    let mut asked = pending("begin_step", &json!({}), &json!({"kind": "generic", "title": "t"}));
    asked.action = domain::permission::Action::BeginStep;
    let actions: Vec<String> = buttons(&approval(&asked)).into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["sixty_approve", "sixty_deny"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_to_be_decided_slack_takes_it(
        name in nasty(), input in json(), preview in json(),
        kind in prop_oneof![Just("email"), Just("field_changes"), Just("create"), Just("memory"), Just("generic"), Just("new")],
        who in nasty(), reason in nasty(), state in 0_usize..6,
    ) {
        let mut preview = preview;
        if let Some(fields) = preview.as_object_mut() {
            fields.insert("kind".into(), kind.into());
        }
        let mut asked = pending(&name, &input, &preview);
        check(&approval(&asked));
        (asked.status, asked.reason, asked.edited_input) = (STATES[state], Some(reason), Some(raw(&input)));
        // A mention by itself is the person who decided.
        check(&decided(&asked, Some(&format!("by {who}"))));
    }

    #[test]
    fn whatever_is_changed_slack_takes_it(name in nasty(), olds in json(), news in json(), fields in proptest::collection::vec(nasty(), 0..12)) {
        // More fields than are shown, of which the first are nasty.
        let fields = || fields.iter().cloned().chain((0..50).map(|n| format!("field_{n}")));
        let changes: Vec<Value> =
            fields().map(|field| json!({"field": field, "old": olds, "new": news})).collect();
        let preview = json!({"kind": "field_changes", "entity": {"kind": "deal", "name": name}, "changes": changes});
        check(&approval(&pending("update_entity", &json!({}), &preview)));
        let fields: serde_json::Map<String, Value> = fields().map(|field| (field, news.clone())).collect();
        let preview = json!({"kind": "create", "entity_kind": "deal", "name": name, "fields": fields});
        check(&approval(&pending("create_entity", &json!({}), &preview)));
        let lines = [name.as_str()].repeat(30);
        let preview = json!({"kind": "memory", "scope": name, "section": name, "removed": lines, "added": lines});
        check(&approval(&pending("memory_append", &json!({}), &preview)));
    }
}
