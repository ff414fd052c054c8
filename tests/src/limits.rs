//! The loop ends.

use model_sim::Reply;
use serde_json::json;

use crate::harness::{
    Setup, TestApp,
    look::{all, answers, end, last_blocks, messages, prompts, result},
};

fn search(n: usize) -> serde_json::Value {
    json!({ "query": format!("nobody {n}") })
}

#[tokio::test]
async fn the_last_call_of_a_run_keeps_the_tools_and_may_use_none() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.respond_with(|request| match request.json()["tool_choice"]["type"].as_str() {
        Some("none") => Reply::text("That is all I found."),
        _ => Reply::call("find_entities", search(messages(request).len())).tool("find_entities", search(0)),
    });
    let frames = alice.hear(&session, "Search everywhere").await;
    let sent = prompts(&app.sim);
    assert_eq!(sent.len(), 15);
    for (i, prompt) in sent.iter().enumerate() {
        assert_eq!(prompt.json().get("tool_choice").is_some(), i == 14);
        assert_eq!(prompt.json()["tools"], sent[0].json()["tools"]);
        let marks = String::from_utf8_lossy(&prompt.body).matches("\"cache_control\"").count();
        assert!((3..=4).contains(&marks), "{marks} cache marks in prompt {i}");
    }
    assert_eq!(end(&frames).data["iterations"], 15);
    assert_eq!(answers(&frames).last().map(String::as_str), Some("That is all I found."));
}

#[tokio::test]
async fn a_model_that_calls_tools_although_it_may_not_ends_the_run() {
    let app = TestApp::start().await;
    let alice = app.alice();
    app.sim.respond_with(|request| Reply::call("find_entities", search(messages(request).len())));
    for (mode, calls) in [("agent", 15), ("single", 2)] {
        app.sim.take_requests();
        let session = alice.session().await;
        let frames = alice.say_with(&session, &json!({"text": "Search", "mode": mode})).await.rest().await;
        assert_eq!(end(&frames).data["code"], "iteration_limit", "{mode}");
        assert_eq!(prompts(&app.sim).len(), calls, "{mode}");
    }
}

#[tokio::test]
async fn a_single_shot_is_one_call_or_with_tools_one_more_without() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session_with(json!({"mode": "single"})).await;
    app.sim.push(Reply::text("Hello."));
    let frames = alice.hear(&session, "Hi").await;
    assert_eq!(frames[0].data["mode"], "single");
    assert_eq!(prompts(&app.sim).len(), 1);
    app.sim.push(Reply::call("find_entities", search(1)).tool("find_entities", search(2)));
    app.sim.push(Reply::text("Nobody."));
    let frames = alice.hear(&session, "Who?").await;
    assert_eq!(answers(&frames), ["", "Nobody."]);
    let sent = prompts(&app.sim);
    assert_eq!(sent.len(), 3);
    assert!(sent[1].json().get("tool_choice").is_none());
    assert_eq!(sent[2].json()["tool_choice"], json!({"type": "none"}));
    assert_eq!(sent[2].json()["tools"], sent[1].json()["tools"]);
}

#[tokio::test]
async fn at_most_sixteen_calls_of_one_answer_are_performed() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push((0..18).fold(Reply::message(), |reply, n| reply.tool("find_entities", search(n))));
    app.sim.push(Reply::text("Nobody at all."));
    let frames = alice.hear(&session, "Search for all of them").await;
    let prompt = &prompts(&app.sim)[1];
    assert_eq!(last_blocks(prompt).len(), 18);
    for n in 0..18 {
        let (text, is_error) = result(prompt, n);
        assert_eq!(is_error, n >= 16, "call {n}: {text}");
        assert_eq!(text.contains("At most 16"), n >= 16);
    }
    assert_eq!(all(&frames, "tool_result").len(), 18);
}

#[tokio::test]
async fn equal_calls_are_warned_then_blocked() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    for _ in 0..7 {
        app.sim.push(Reply::call("find_entities", search(1)));
    }
    app.sim.push(Reply::text("I give up."));
    assert_eq!(end(&alice.hear(&session, "Search").await).event, "done");
    for (n, prompt) in prompts(&app.sim).iter().enumerate().skip(1) {
        let (text, is_error) = result(prompt, 0);
        assert_eq!(text.contains(&format!("this same call {n} times")), n == 3 || n == 4, "call {n}: {text}");
        assert_eq!(is_error, n >= 5, "call {n}: {text}");
        assert_eq!(text.contains("not performed"), n >= 5, "call {n}: {text}");
    }
}

#[tokio::test]
async fn two_calls_in_turn_are_repetition_and_a_batch_of_different_ones_is_not() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    for n in 0..10 {
        app.sim.push(Reply::call("find_entities", search(n % 2)));
    }
    app.sim.push((10..26).fold(Reply::message(), |reply, n| reply.tool("find_entities", search(n))));
    app.sim.push(Reply::text("Nobody."));
    assert_eq!(end(&alice.hear(&session, "Search").await).event, "done");
    let sent = prompts(&app.sim);
    assert!(!result(&sent[8], 0).1, "the fourth of each");
    assert!(result(&sent[9], 0).1 && result(&sent[10], 0).1, "the fifth of each");
    for n in 0..16 {
        let (text, is_error) = result(&sent[11], n);
        assert!(!is_error && !text.contains("same call"), "{text}");
    }
}

#[tokio::test]
async fn a_batch_of_equal_calls_is_blocked_at_the_fifth() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    let note = json!({"kind": "deal", "id": "D-42", "text": "Again"});
    app.sim.push((0..8).fold(Reply::message(), |reply, _| reply.tool("add_note", note.clone())));
    app.sim.push(Reply::text("Noted."));
    alice.hear(&session, "Note it").await;
    assert_eq!(app.database.count("select count(*) from sixty.entity_notes").await, 4);
    let prompt = &prompts(&app.sim)[1];
    assert_eq!((0..8).filter(|n| result(prompt, *n).1).count(), 4);
}

#[tokio::test]
async fn thirty_repetitions_end_the_run() {
    let limits = engine::Limits { iterations: 100, ..engine::Limits::default() };
    let app = TestApp::with(Setup { limits, ..Setup::default() }).await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.respond_with(|_| Reply::call("find_entities", search(1)));
    let frames = alice.hear(&session, "Search").await;
    assert_eq!(end(&frames).data["code"], "repetition");
    assert_eq!(prompts(&app.sim).len(), 32);
    app.sim.respond_with(|_| Reply::text("Hello."));
    assert_eq!(end(&alice.hear(&session, "Hi").await).event, "done");
}

#[tokio::test]
async fn a_long_result_is_cut() {
    let limits = engine::Limits { result_chars: 40, ..engine::Limits::default() };
    let app = TestApp::with(Setup { limits, ..Setup::default() }).await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    app.sim.push(Reply::call("get_entity", json!({"kind": "deal", "id": "D-42"})));
    app.sim.push(Reply::text("Much."));
    alice.hear(&session, "Tell me all").await;
    let (text, _) = result(&prompts(&app.sim)[1], 0);
    let (head, remark) = text.split_once('\n').expect("two lines");
    assert_eq!(head.chars().count(), 40);
    assert!(remark.contains("longer than 40 characters"));
}
