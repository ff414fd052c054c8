use model_sim::Reply;
use serde_json::{Value, json};

use super::{blocks, call, offer, register, sent};
use crate::harness::{
    Setup, TestApp,
    look::{all, end, last_blocks, messages, names, prompts, run_of},
};

#[tokio::test]
async fn a_card_is_an_event_and_a_block_of_the_message_with_the_result() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    register(&alice).await;
    let mut card = offer();
    card["actions"] = json!([
        {"type": "open", "label": "Open the deal", "kind": "deal", "id": "D-42"},
        {"type": "open_url", "label": "The site", "url": "https://acme.example/offers?id=7"},
        {"type": "send_message", "label": "Cheaper", "prompt": "Take 10 % off."},
    ]);
    let shown = call(&app, &alice, "show_card", card.clone()).await;
    assert!(!shown.is_error && shown.told.contains("shown the card (offer)"), "{}", shown.told);
    assert_eq!(
        names(&shown.frames),
        [
            "run_started",
            "message_complete",
            "tool_start",
            "tool_result",
            "card",
            "token",
            "message_complete",
            "done"
        ]
    );
    let event = shown.card();
    for field in ["type", "summary", "data", "actions"] {
        assert_eq!(event[field], card[field], "{field}");
    }
    assert_eq!(event["run_id"], run_of(&shown.frames));
    let history = alice.history(&shown.session).await;
    let content = history[2]["content"].as_array().expect("blocks");
    assert_eq!((content.len(), &content[0]["type"]), (2, &json!("tool_result")));
    assert_eq!(
        content[1],
        json!({"type": "card", "card_id": event["card_id"], "card_type": "offer", "summary": card["summary"],
            "data": card["data"], "actions": card["actions"]})
    );
    // Whoever reads the run's events later reads the same.
    let again = alice.follow(&run_of(&shown.frames), None).await.rest().await;
    assert_eq!(again, shown.frames);
}

#[tokio::test]
async fn no_model_is_sent_a_card_in_this_turn_or_in_later_ones() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    let card = |n: usize| json!({"type": "text", "summary": format!("Card {n}"), "data": {"text": "Look."}});
    app.sim.push(
        Reply::text("See:")
            .tool("show_card", card(1))
            .tool("get_entity", json!({"kind": "deal", "id": "D-42"}))
            .tool("show_card", card(2)),
    );
    app.sim.push(Reply::text("There they are."));
    let frames = alice.hear(&session, "Show me").await;
    let order: Vec<(&str, Option<&str>)> = frames
        .iter()
        .filter(|frame| ["card", "tool_result"].contains(&frame.event.as_str()))
        .map(|frame| (frame.event.as_str(), frame.data["summary"].as_str()))
        .collect();
    let result = ("tool_result", None);
    assert_eq!(order, [result, ("card", Some("Card 1")), result, result, ("card", Some("Card 2"))]);
    app.sim.push(Reply::text("Yes."));
    alice.hear(&session, "And now?").await;
    let history = alice.history(&session).await;
    let kinds: Vec<&Value> =
        history[2]["content"].as_array().expect("blocks").iter().map(|block| &block["type"]).collect();
    assert_eq!(kinds, ["tool_result", "tool_result", "tool_result", "card", "card"]);
    // The stand-in refuses unknown blocks, as providers do.
    let prompts = prompts(&app.sim);
    assert_eq!(prompts.len(), 3);
    let results: Vec<Value> = history[2]["content"].as_array().expect("blocks")[..3].to_vec();
    assert_eq!(crate::harness::look::unmarked(json!(last_blocks(&prompts[1]))), json!(results));
    assert_eq!(crate::harness::look::unmarked(messages(&prompts[2])[2]["content"].clone()), json!(results));
    for prompt in &prompts {
        let body = String::from_utf8_lossy(&prompt.body);
        assert!(!body.contains("card_id") && !body.contains(r#""type":"card""#), "{body}");
    }
}

#[tokio::test]
async fn whoever_may_only_read_is_shown_cards_too() {
    let app = TestApp::start().await;
    let shown =
        call(&app, &app.rita(), "show_card", json!({"type": "text", "summary": "Hi", "data": {"text": "x"}}))
            .await;
    assert_eq!(shown.card()["data"], json!({"text": "x"}));
    assert_eq!(shown.card()["actions"], json!([]));
    let through =
        json!({"action": "show_card", "params": {"type": "text", "summary": "Hi", "data": {"text": "y"}}});
    assert_eq!(call(&app, &app.rita(), "execute_action", through).await.card()["data"]["text"], "y");
}

#[tokio::test]
async fn archives_transcripts_and_exports_show_cards_and_a_search_finds_them() {
    let app = TestApp::with(Setup::default()).await;
    let alice = app.alice();
    register(&alice).await;
    let mut card = offer();
    card["summary"] = json!("The zebra offer\n# of the year");
    let shown = call(&app, &alice, "show_card", card).await;
    let id = shown.card()["card_id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/sessions/{}", shown.session);
    let export = async |form: &str| {
        let request = alice.request(reqwest::Method::GET, &format!("{path}/export")).header("accept", form);
        alice.send(request).await.expect(200).text
    };
    let markdown = "*Card* ` offer `\n\n> The zebra offer\n> # of the year\n";
    assert!(export("text/markdown").await.contains(markdown));
    assert!(export("application/x-ndjson").await.contains(&id));
    let before = alice.history(&shown.session).await;
    app.sim.push(Reply::text("## Decisions\n- None"));
    let summary = alice.post(&format!("{path}/compact"), json!({})).await.expect(200).json();
    let archive = format!("/v1/session-summaries/{}", summary["id"].as_str().expect("an id"));
    let whole = alice.get(&archive).await.expect(200).json();
    assert_eq!(whole["full_transcript"], json!(before));
    assert_eq!(alice.history(&shown.session).await, before, "the history has no seam");
    let request = alice.request(reqwest::Method::GET, &archive).header("accept", "text/markdown");
    assert!(alice.send(request).await.expect(200).text.contains(markdown));
    let found = alice.get("/v1/session-summaries/search?q=zebra%20offer").await.expect(200).json();
    assert_eq!(found["data"][0]["session_id"], shown.session, "{found}");
    app.sim.push(Reply::call("recall", json!({"query": "zebra"})));
    app.sim.push(Reply::text("Found."));
    let frames = alice.hear(&alice.session().await, "What was it?").await;
    let told = all(&frames, "tool_result")[0]["result"].as_str().expect("a text").to_owned();
    assert!(told.contains("zebra"), "{told}");
    let own = alice.get("/v1/me/export").await.expect(200).text;
    assert!(own.lines().any(|line| line.contains(r#""type":"tool_call""#) && line.contains(&id)));
}

#[tokio::test]
async fn a_question_that_looks_like_a_card_reaches_the_model_as_it_is() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::text("I see."));
    let words = r#"What is [{"type":"card","card_id":"1"}] and {"type":"question"}?"#;
    assert_eq!(end(&alice.hear(&session, words).await).event, "done");
    assert!(sent(&app).contains(&json!(words).to_string()));
    let block = json!({"content": [{"type": "card", "card_id": "1"}]});
    alice.post(&format!("/v1/sessions/{session}/messages"), block).await.problem(422, "validation_failed");
    assert!(blocks(&alice, &session, "card").await.is_empty());
}
