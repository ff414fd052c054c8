use domain::{
    ApprovalId, Card, CardId, EntityKind, QuestionId, RunId,
    card::CardAction,
    sequence::{RunStep, StepStatus},
};
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value, json};

use super::{
    super::{
        Click, Message, answered, card, chosen, did_you_mean, help, notice, question, steps, unlinked_person,
        unlinked_workspace, usage,
    },
    checks::check,
    json as any_json, nasty,
};
use crate::slack::command::COMMANDS;

fn elements(message: &Message) -> Vec<Value> {
    let actions = message.blocks.iter().filter(|block| block["type"] == "actions");
    actions.filter_map(|block| block["elements"].as_array()).flatten().cloned().collect()
}

fn clicks(message: &Message) -> Vec<Click> {
    let read = |element: &Value| Click::read(element["action_id"].as_str()?, element["value"].as_str());
    elements(message).iter().map(|element| read(element).expect("a click")).collect()
}

fn shown(card_type: &str, data: &Value, actions: Vec<CardAction>) -> Message {
    let card_ = Card {
        card_id: CardId::derive(RunId::new(), "toolu_1"),
        card_type: card_type.into(),
        summary: "An <offer> for *Acme*".into(),
        data: data.as_object().cloned().unwrap_or_default(),
        actions,
    };
    let message = card(&card_);
    check(&message);
    message
}

#[test]
fn a_card_is_shown_with_what_can_be_done_with_it() {
    let approval = ApprovalId::new();
    let label = "Do it <!here>".to_owned();
    let message = shown(
        "offer",
        &json!({"price": 7, "parts": [{"name": "a"}]}),
        vec![
            CardAction::Open { label: label.clone(), kind: EntityKind::Deal, id: "D:1".into() },
            CardAction::OpenUrl { label: label.clone(), url: "https://acme.example".into() },
            CardAction::OpenUrl { label: label.clone(), url: "javascript:alert(1)".into() },
            CardAction::SendMessage { label: label.clone(), prompt: "Tell me more".into() },
            CardAction::Approve { label, approval_id: approval },
        ],
    );
    assert_eq!(message.blocks[0]["text"]["text"], "*An &lt;offer&gt; for *Acme**");
    let expected =
        [Click::Open(EntityKind::Deal, "D:1".into()), Click::Page, Click::Say("Tell me more".into())];
    assert_eq!(clicks(&message), expected);
    assert_eq!(elements(&message)[0]["text"]["text"], "Do it ‹!here>");
    // What a click says is seen before.
    assert_eq!(elements(&message)[2]["confirm"]["text"]["text"], "Tell me more");
}

#[test]
fn the_built_in_types_are_shown_as_text_and_as_a_mail() {
    let text = shown("text", &json!({"text": "**Bold** <@U1>"}), Vec::new());
    assert_eq!(text.blocks[1]["text"], "**Bold** &lt;@U1>");
    let mail =
        shown("email_draft", &json!({"to": "a@b.example", "subject": "S", "body": "B <@U1>"}), Vec::new());
    assert_eq!(mail.blocks[1]["type"], "rich_text");
    assert!(mail.blocks[1].to_string().contains("B <@U1>"));
}

#[test]
fn the_options_of_a_question_are_buttons_or_boxes() {
    let id = QuestionId::new();
    let options = ["Acme".to_owned(), "A very long name of a company ".repeat(4)];
    let one = question(id, "Which?", &options, false);
    check(&one);
    assert_eq!(clicks(&one), [Click::Choose(id, 0), Click::Choose(id, 1)]);
    assert!(one.blocks[1]["text"]["text"].as_str().expect("a list").starts_with("1. Acme\n2. A very long"));
    let several = question(id, "Which?", &options, true);
    check(&several);
    assert_eq!(clicks(&several), [Click::Page, Click::Submit(id)]);
    let free = question(id, "Why?", &[], true);
    check(&free);
    assert_eq!(clicks(&free), []);
}

#[test]
fn the_boxes_that_are_checked_are_read() {
    let state = json!({"sixty_question": {"sixty_boxes": {"type": "checkboxes", "selected_options": [
        {"value": "0"}, {"value": "2"}, {"value": "x"}]}}});
    assert_eq!(chosen(&state), [0, 2]);
    for state in [json!({}), json!(null), json!({"b": {"sixty_boxes": {"selected_options": null}}})] {
        assert_eq!(chosen(&state), Vec::<usize>::new());
    }
}

#[test]
fn an_answer_stands_under_its_question() {
    let message = answered("Which <one>?", &["A & B".into(), "C".into()], Some("<@UDECIDED>"));
    check(&message);
    assert_eq!(message.blocks[1]["text"]["text"], ":speech_balloon: *A &amp; B, C* – <@UDECIDED>");
}

#[test]
fn steps_are_a_list_with_where_each_stands() {
    let step = |order, status, error: Option<&str>| RunStep {
        order,
        of: 3,
        name: "Look <up>".into(),
        skill_key: None,
        action: None,
        fallback: false,
        status,
        duration_ms: Some(1_234),
        error: error.map(str::to_owned),
        missing: Vec::new(),
    };
    let message = steps(&[step(1, StepStatus::Done, None), step(2, StepStatus::Failed, Some("no & no"))]);
    check(&message);
    assert_eq!(
        message.blocks[0]["text"]["text"],
        ":white_check_mark: 1. Look &lt;up&gt; (1.2 s)\n:x: 2. Look &lt;up&gt; (1.2 s): no &amp; no"
    );
    assert_eq!(message.text, "1 of 2 steps are done.");
    let many: Vec<RunStep> =
        (1..200).map(|n| step(n, StepStatus::Failed, Some(&"<>&".repeat(500)))).collect();
    check(&steps(&many));
}

#[test]
fn hints_are_messages_with_their_links() {
    let person = unlinked_person("https://sixty.example/slack/link?token=x");
    check(&person);
    assert_eq!(elements(&person)[0]["url"], "https://sixty.example/slack/link?token=x");
    let long = unlinked_person(&format!("https://sixty.example/{}", "x".repeat(3_000)));
    check(&long);
    assert_eq!(elements(&long).len(), 0);
    check(&unlinked_workspace(None));
    assert_eq!(elements(&unlinked_workspace(Some("https://sixty.example"))).len(), 1);
    let shown = help("/60");
    check(&shown);
    for wanted in COMMANDS {
        assert!(
            shown.blocks[1]["text"]["text"]
                .as_str()
                .expect("a text")
                .contains(&format!("`/60 {}`", wanted.form))
        );
        check(&usage("/60", wanted));
    }
    let meant = did_you_mean("/60", "deal Acme", "dael Acme");
    check(&meant);
    assert_eq!(clicks(&meant), [Click::Run("deal Acme".into()), Click::Ask("dael Acme".into())]);
}

#[test]
fn replies_say_who_sees_them_and_what_they_replace() {
    let reply = serde_json::to_value(notice("Done").to_person().replacing()).expect("JSON");
    assert_eq!((&reply["response_type"], &reply["replace_original"]), (&json!("ephemeral"), &json!(true)));
    assert_eq!((&reply["text"], &reply["unfurl_links"]), (&json!("Done"), &json!(false)));
    let reply = serde_json::to_value(notice("Done").to_channel()).expect("JSON");
    assert_eq!((&reply["response_type"], &reply["replace_original"]), (&json!("in_channel"), &json!(false)));
}

#[test]
fn a_click_that_is_none_of_ours_is_none() {
    for (action, value) in [
        ("sixty_approve", Some("no id")),
        ("sixty_approve", None),
        ("sixty_choose:1", Some("x")),
        ("sixty_open", Some("planet:9")),
        ("sixty_say", Some("")),
        ("other", Some("x")),
        ("", None),
    ] {
        assert_eq!(Click::read(action, value), None, "{action} {value:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_card_shows_slack_takes_it(
        card_type in prop_oneof![Just("text"), Just("email_draft"), Just("offer")],
        data in any_json(), texts in vec((nasty(), nasty()), 0..8),
    ) {
        let mut actions = Vec::new();
        for (label, text) in &texts {
            let label = label.clone();
            actions.push(CardAction::SendMessage { label: label.clone(), prompt: text.clone() });
            actions.push(CardAction::Open { label: label.clone(), kind: EntityKind::Deal, id: text.clone() });
            actions.push(CardAction::OpenUrl { label, url: format!("https://x.example/{text}") });
        }
        let mut data = data.as_object().cloned().unwrap_or_default();
        for (name, text) in texts {
            data.insert(name, text.into());
        }
        let data: Map<String, Value> = ["text", "to", "body"].iter().map(|name| ((*name).to_owned(), data.values().next().cloned().unwrap_or_default())).chain(data.clone()).collect();
        shown(card_type, &Value::Object(data), actions);
    }

    #[test]
    fn whatever_is_asked_slack_takes_it(text in nasty(), options in vec(nasty(), 0..30), multiple: bool, who in nasty()) {
        check(&question(QuestionId::new(), &text, &options, multiple));
        // A mention by itself is the person who answered.
        check(&answered(&text, &options, Some(&format!("by {who}"))));
        check(&notice(&text));
        check(&did_you_mean(&text, &text, &who));
    }
}
