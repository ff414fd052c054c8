//! Whichever protocol the model's provider speaks, a conversation is the same.

use std::sync::Arc;

use model_sim::{Quirk, Reply, Request, Usage};
use serde_json::{Value, json};

use crate::harness::{
    Frame, Setup, TestApp,
    look::{all, answers, end, names},
};

async fn over(chat: bool) -> TestApp {
    TestApp::with(Setup { chat, ..Setup::default() }).await
}

/// What the provider was sent over Chat Completions.
fn completions(app: &TestApp) -> Vec<Arc<Request>> {
    app.sim.requests().into_iter().filter(|request| request.path == "/v1/chat/completions").collect()
}

/// What clients see of these events, less what is new in every run.
fn seen(frames: &[Frame]) -> Value {
    let of = |event: &str, fields: &[&str]| -> Vec<Value> {
        let pick = |data: &&Value| fields.iter().map(|field| data[*field].clone()).collect();
        all(frames, event).iter().map(pick).collect()
    };
    json!({
        "names": names(frames), "answers": answers(frames),
        "calls": of("tool_start", &["id", "name", "input"]),
        "results": of("tool_result", &["id", "success", "result"]),
        "complete": of("message_complete", &["content", "stop_reason"]),
        "done": of("done", &["status", "iterations", "tools_used", "usage"]),
    })
}

/// A question with two calls at once and an answer upon their results: the events and the history.
async fn conversation(app: &TestApp) -> (Value, Vec<Value>) {
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    let usage = |n| Usage {
        input_tokens: n,
        output_tokens: 2 * n,
        cache_read_input_tokens: 3 * n,
        ..Usage::default()
    };
    let calls = Reply::text("Let me look. ")
        .tool_with_id("call_1", "get_entity", json!({"kind": "deal", "id": "D-42"}))
        .tool_with_id("call_2", "find_entities", json!({"query": "nobody"}))
        .usage(usage(7));
    app.sim.push(calls);
    app.sim.push(Reply::text("It is in negotiation.").usage(usage(9)));
    let frames = alice.hear(&session, "Where is the renewal?").await;
    let history = alice.history(&session).await;
    let told = history.iter().map(|message| json!([message["role"], message["content"]])).collect();
    (seen(&frames), told)
}

#[tokio::test]
async fn events_and_history_of_a_conversation_do_not_tell_which_protocol_it_was() {
    let (messages, chat) = (over(false).await, over(true).await);
    let (expected, had) = (conversation(&messages).await, conversation(&chat).await);
    assert_eq!(had, expected);
    assert_eq!(expected.1.len(), 4);
    let sent = completions(&chat);
    assert_eq!(sent.len(), 2);
    let roles: Vec<&Value> = sent[1].json()["messages"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|message| &message["role"])
        .collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "tool"]);
}

#[tokio::test]
async fn failures_and_quirks_of_a_compatible_server_end_as_well_as_on_the_other_protocol() {
    let app = over(true).await;
    let alice = app.alice();
    let session = alice.session().await;
    let good = || Reply::text("Here I am.");
    for (replies, expected) in [
        (vec![Reply::status(529), Reply::status(500), good()], &["token", "message_complete", "done"][..]),
        (
            vec![good().error_event_after(0, "overloaded_error"), good()],
            &["token", "message_complete", "done"],
        ),
        (vec![good().cut_after(3), good()], &["token", "reset", "token", "message_complete", "done"]),
        (vec![Reply::status(401)], &["error"]),
        (
            vec![good().quirk(Quirk::NoDone).quirk(Quirk::NoUsage).quirk(Quirk::NoCreated)],
            &["token", "message_complete", "done"],
        ),
        (vec![good().stop_reason("eos").usage(Usage::default())], &["token", "message_complete", "done"]),
    ] {
        for reply in replies {
            app.sim.push(reply);
        }
        let frames = alice.hear(&session, "Hi").await;
        assert_eq!(&names(&frames)[1..], expected, "{frames:#?}");
        assert_eq!(app.sim.unused(), 0);
    }
    let calls =
        Reply::call("find_entities", json!({"query": "Dana"})).tool("find_entities", json!({"query": "Kim"}));
    app.sim.push(calls.quirk(Quirk::NoIndex).quirk(Quirk::NoIds).quirk(Quirk::AlwaysStop));
    app.sim.push(Reply::text("Nobody."));
    let frames = alice.hear(&session, "Who are they?").await;
    assert_eq!((all(&frames, "tool_result").len(), &end(&frames).data["iterations"]), (2, &json!(2)));
}

#[tokio::test]
async fn a_conversation_may_move_from_one_protocol_to_the_other() {
    let app = over(true).await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::message().thinking("Who is it?").tool("find_entities", json!({"query": "Dana"})));
    app.sim.push(Reply::text("Nobody."));
    let frames = alice.hear(&session, "Who is Dana?").await;
    assert!(!all(&frames, "thinking").is_empty());
    let sent = completions(&app);
    assert_eq!(sent[1].json()["messages"][2]["reasoning_content"], "Who is it?");
    // The other API refuses thinking that it did not sign, for ever.
    let moved = app.another_replica(Setup::default()).await;
    let there = alice.at(moved.address);
    app.sim.push(Reply::message().thinking("Again?").and_text("Still nobody."));
    assert_eq!(answers(&there.hear(&session, "And now?").await), ["Still nobody."]);
    app.sim.push(Reply::text("As I said."));
    assert_eq!(answers(&alice.hear(&session, "Sure?").await), ["As I said."]);
    let last = completions(&app).pop().expect("a request");
    assert!(!last.json().to_string().contains("Again?"), "signed thinking is its maker's");
}
