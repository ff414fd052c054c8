//! A model fails before it has said anything: another one answers, and nobody sees a seam.

use std::time::Duration;

use model_sim::{Gate, Reply};
use serde_json::json;

use super::{Two, circuit};
use crate::harness::{
    Setup, TestApp, eventually,
    look::{answers, end, names, run_of},
};

type MakesReply = fn() -> Reply;

#[tokio::test]
async fn whatever_befalls_a_model_before_its_first_word_the_next_one_answers() {
    let failures: [(&str, MakesReply); 11] = [
        ("408", || Reply::status(408)),
        ("429", || Reply::status(429)),
        ("429 with a wish", || Reply::status(429).header("retry-after", "20")),
        ("500", || Reply::status(500)),
        ("502", || Reply::html(502)),
        ("503", || Reply::status(503)),
        ("504", || Reply::status(504)),
        ("529", || Reply::status(529)),
        ("an error in the stream", || Reply::text("Lost.").error_event_after(0, "overloaded_error")),
        ("cut at once", || Reply::text("Lost.").cut_after(0)),
        ("cut before the first word", || Reply::text("Lost.").cut_after(1)),
    ];
    let both = failures.into_iter().flat_map(|failure| [false, true].map(|chat| (failure, chat)));
    for ((what, failure), chat) in both {
        let what = format!("{what}, chat: {chat}");
        let two = Two::routed_with(Setup { chat, ..Setup::default() }).await;
        two.app.sim.push(failure());
        two.second.push(Reply::text("Here I am."));
        let alice = two.app.alice();
        let session = alice.session().await;
        let frames = alice.hear(&session, "Hi").await;
        assert_eq!(names(&frames), ["run_started", "token", "message_complete", "done"], "{what}");
        assert_eq!(answers(&frames), ["Here I am."], "{what}");
        assert_eq!(two.calls(), (1, 1), "{what}");
        let run = alice.get(&format!("/v1/runs/{}", run_of(&frames))).await;
        assert_eq!(run.json()["model"], "second/next", "{what}");
        let why = run.json()["model_reason"].to_string();
        assert!(
            why.contains("anthropic/first failed") && why.contains("second/next was asked"),
            "{what}: {why}"
        );
        assert_eq!(alice.history(&session).await.len(), 2, "{what}");
    }
}

#[tokio::test]
async fn a_provider_that_is_silent_or_not_there_is_passed_over() {
    for chat in [false, true] {
        let setup = Setup { chat, first_byte_timeout: Duration::from_secs(1), ..Setup::default() };
        let two = Two::routed_with(setup).await;
        two.app.sim.push(Reply::hang());
        two.second.respond_with(|_| Reply::text("Here I am."));
        let alice = two.app.alice();
        let frames = alice.hear(&alice.session().await, "Hi").await;
        assert_eq!((answers(&frames), two.calls().0), (vec!["Here I am.".to_owned()], 1), "chat: {chat}");

        let closed =
            std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        let providers = vec![("gone".to_owned(), format!("http://{closed}"))];
        let app = TestApp::with(Setup { providers, chat, ..Setup::default() }).await;
        let routes = json!({ "routes": [{ "candidates": ["gone/first", "anthropic/next"] }] });
        app.alice().put("/v1/admin/models", routes).await.expect(200);
        app.sim.push(Reply::text("Here I am."));
        let frames = app.alice().hear(&app.alice().session().await, "Hi").await;
        assert_eq!(answers(&frames), ["Here I am."], "chat: {chat}");
    }
}

#[tokio::test]
async fn a_model_behind_the_other_protocol_goes_on_with_the_conversation() {
    for chat in [false, true] {
        let two = Two::routed_with(Setup { chat, others_chat: Some(!chat), ..Setup::default() }).await;
        let alice = two.app.alice();
        let session = alice.session().await;
        two.app.sim.push(Reply::message().thinking("What is on?").tool("list_tasks", json!({})));
        two.app.sim.push(Reply::text("You have nothing to do."));
        alice.hear(&session, "What is to be done?").await;
        two.calls();
        two.app.sim.push(Reply::status(529));
        two.second.push(Reply::call("list_tasks", json!({})));
        two.second.push(Reply::text("Still nothing."));
        let frames = alice.hear(&session, "And now?").await;
        assert_eq!(answers(&frames).last().map(String::as_str), Some("Still nothing."), "{frames:#?}");
        let sent = two.second.requests();
        let prompt = String::from_utf8_lossy(&sent[0].body);
        assert!(prompt.contains("You have nothing to do.") && prompt.contains("list_tasks"), "{prompt}");
        assert_eq!(two.calls(), (1, 2), "chat: {chat}");
        // And back, once nobody keeps the prompt.
        two.app.database.run("update sixty.runs set finished_at = finished_at - interval '6 minutes'").await;
        two.app.sim.push(Reply::text("Nothing at all."));
        assert_eq!(answers(&alice.hear(&session, "And later?").await), ["Nothing at all."], "chat: {chat}");
    }
}

#[tokio::test]
async fn an_answer_that_is_given_again_asks_the_model_that_gave_it() {
    let two = Two::routed().await;
    let alice = two.app.alice();
    let session = alice.session().await;
    two.app.sim.push(Reply::status(529));
    two.second.push(Reply::text("Here I am."));
    alice.hear(&session, "Hi").await;
    two.calls();
    two.second.push(Reply::text("Here I am again."));
    let path = format!("/v1/sessions/{session}/regenerate");
    let again = alice.post(&path, json!({})).await.expect(200).json();
    assert_eq!((&again["run"]["model"], two.calls()), (&json!("second/next"), (0, 1)));
}

/// What a provider says of a request or a key, or says in place of an answer; and what the run then fails with.
const REFUSALS: [(&str, MakesReply, &str); 7] = [
    ("400", || Reply::status(400), "model_refused_request"),
    ("401", || Reply::status(401), "model_unauthorized"),
    ("402", || Reply::status(402), "model_unauthorized"),
    ("403", || Reply::status(403), "model_unauthorized"),
    ("404", || Reply::status(404), "model_refused_request"),
    ("a page", || Reply::html(200), "model_bad_answer"),
    (
        "an error in the stream",
        || Reply::text("Lost.").error_event_after(0, "invalid_request_error"),
        "model_refused_request",
    ),
];

#[tokio::test]
async fn a_refused_request_or_key_is_nobody_elses_to_answer() {
    let two = Two::routed().await;
    let alice = two.app.alice();
    for (what, refusal, code) in REFUSALS {
        two.app.sim.push(refusal());
        let frames = alice.hear(&alice.session().await, "Hi").await;
        assert_eq!(end(&frames).data["code"], code, "{what}");
        assert_eq!(two.calls(), (1, 0), "{what}");
    }
}

#[tokio::test]
async fn after_a_visible_word_the_same_model_is_asked_once_more_and_no_other() {
    let two = Two::routed().await;
    let alice = two.app.alice();
    let half = || Reply::text("Half an answer that goes on and on.").chunk_chars(4).cut_after(6);
    two.app.sim.push(half());
    two.app.sim.push(Reply::text("Here I am."));
    let frames = alice.hear(&alice.session().await, "Hi").await;
    assert!(names(&frames).contains(&"reset"), "{frames:#?}");
    assert_eq!((answers(&frames), two.calls()), (vec!["Here I am.".to_owned()], (2, 0)));

    two.app.sim.push(half());
    two.app.sim.push(half());
    let frames = alice.hear(&alice.session().await, "Hi").await;
    assert_eq!((end(&frames).data["code"].as_str(), two.calls()), (Some("model_cut_off"), (2, 0)));

    two.app.sim.push(half());
    two.app.sim.push(Reply::status(529));
    two.app.sim.push(Reply::text("Here I am."));
    let frames = alice.hear(&alice.session().await, "Hi").await;
    assert_eq!((answers(&frames), two.calls()), (vec!["Here I am.".to_owned()], (3, 0)));
}

#[tokio::test]
async fn the_last_candidate_is_asked_again_in_silence() {
    let two = Two::routed().await;
    let alice = two.app.alice();
    two.app.sim.push(Reply::status(529));
    two.second.push(Reply::status(529));
    two.second.push(Reply::status(503));
    two.second.push(Reply::text("Here I am."));
    let frames = alice.hear(&alice.session().await, "Hi").await;
    assert_eq!((answers(&frames), two.calls()), (vec!["Here I am.".to_owned()], (1, 3)));
}

#[tokio::test]
async fn a_run_goes_on_with_the_model_that_answered_and_so_does_its_conversation() {
    let two = Two::routed().await;
    let alice = two.app.alice();
    let session = alice.session().await;
    two.app.sim.push(Reply::status(529));
    two.second.push(Reply::call("list_tasks", json!({})));
    two.second.push(Reply::text("You have nothing to do."));
    let frames = alice.hear(&session, "What is to be done?").await;
    assert_eq!(
        (answers(&frames).last().map(String::as_str), two.calls()),
        (Some("You have nothing to do."), (1, 2))
    );
    two.second.push(Reply::text("Still nothing."));
    let frames = alice.hear(&session, "And now?").await;
    assert_eq!(frames[0].data["model"], "second/next");
    assert_eq!(two.calls(), (0, 1));
    // Another conversation has nothing to keep warm.
    two.app.sim.push(Reply::text("Nothing."));
    alice.hear(&alice.session().await, "And here?").await;
    assert_eq!(two.calls(), (1, 0));
    // After five minutes the provider has forgotten the prompt.
    two.app.database.run("update sixty.runs set finished_at = finished_at - interval '6 minutes'").await;
    two.app.sim.push(Reply::text("Still nothing."));
    let frames = alice.hear(&session, "And later?").await;
    assert_eq!((frames[0].data["model"].as_str(), two.calls()), (Some("anthropic/first"), (1, 0)));
}

#[tokio::test]
async fn a_model_that_has_failed_three_times_is_left_alone_for_everybody() {
    let two = Two::routed().await;
    let alice = two.app.alice();
    two.app.sim.respond_with(|_| Reply::status(503));
    two.second.respond_with(|_| Reply::text("Here I am."));
    for _ in 0..3 {
        alice.hear(&alice.session().await, "Hi").await;
    }
    assert_eq!(two.calls(), (3, 3));
    assert_eq!(circuit(&alice, "anthropic/first").await["state"], "open");
    assert_eq!(circuit(&alice, "second/next").await["state"], "closed");
    alice.hear(&alice.session().await, "Hi").await;
    assert_eq!(two.calls(), (0, 1));
    // There is nobody else to ask: better than to refuse is to try.
    two.route(json!([{ "candidates": ["anthropic/first"] }])).await;
    two.app.sim.respond_with(|_| Reply::text("I am back."));
    let frames = alice.hear(&alice.session().await, "Hi").await;
    assert_eq!((answers(&frames), two.calls()), (vec!["I am back.".to_owned()], (1, 0)));
}

#[tokio::test]
async fn a_single_turn_tries_a_model_that_was_left_alone_and_what_comes_of_that_decides() {
    let two = Two::routed().await;
    let alice = two.app.alice();
    two.app.sim.respond_with(|_| Reply::status(503));
    two.second.respond_with(|_| Reply::text("The second."));
    for _ in 0..3 {
        alice.hear(&alice.session().await, "Hi").await;
    }
    let left_alone = circuit(&alice, "anthropic/first").await;
    let seconds = left_alone["retry_in_seconds"].as_u64().expect("how long it is left alone");
    // Half a minute: circuits go by the service's own clock, which no test can move.
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    eventually("it may be tried", async || {
        (circuit(&alice, "anthropic/first").await["state"] == "half_open").then_some(())
    })
    .await;
    two.calls();
    let gate = Gate::new();
    let held = gate.clone();
    two.app.sim.respond_with(move |_| Reply::text("The first.").hold_before(&held));
    let tries = alice.say(&alice.session().await, "Hi").await;
    gate.reached().await;
    for _ in 0..3 {
        assert_eq!(answers(&alice.hear(&alice.session().await, "Hi").await), ["The second."]);
    }
    assert_eq!(two.calls(), (1, 3));
    gate.release();
    assert_eq!(answers(&tries.rest().await), ["The first."]);
    assert_eq!(circuit(&alice, "anthropic/first").await["state"], "closed");
    assert_eq!(answers(&alice.hear(&alice.session().await, "Hi").await), ["The first."]);
}

#[tokio::test]
async fn bad_keys_and_refused_requests_open_no_circuit() {
    let two = Two::routed().await;
    let alice = two.app.alice();
    for (what, refusal, _) in REFUSALS {
        for _ in 0..4 {
            two.app.sim.push(refusal());
            alice.hear(&alice.session().await, "Hi").await;
        }
        assert_eq!(two.calls(), (4, 0), "{what}");
    }
}

#[tokio::test]
async fn a_cancel_while_the_next_model_is_asked_ends_the_run() {
    let two = Two::routed().await;
    let alice = two.app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    two.app.sim.push(Reply::status(529));
    two.second.push(Reply::text("Too late.").hold_before(&gate));
    let mut events = alice.say(&session, "Hi").await;
    let run = run_of(&events.until("run_started").await);
    gate.reached().await;
    alice.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(202);
    let frames = events.rest().await;
    assert_eq!(frames.last().expect("an end").data["status"], "cancelled", "{frames:#?}");
    gate.release();
}
