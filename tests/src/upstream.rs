//! Whatever the model's provider does: one clear end, nothing half, and the
//! conversation goes on.

use std::time::Duration;

use engine::Limits;
use model_sim::Reply;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

use crate::harness::{
    Frame, Person, Replica, Setup, TestApp,
    look::{answers, end, messages, names, prompts, text_of},
};

/// What a turn came to that asked the provider `calls` times.
struct Turn {
    frames: Vec<Frame>,
    calls: usize,
}

/// A turn with these replies, and one more afterwards to see that all goes on.
async fn turn(app: &TestApp, replies: Vec<Reply>) -> Turn {
    turn_at(&app.replica, app, replies).await
}

/// The same, where this replica is asked first.
async fn turn_at(replica: &Replica, app: &TestApp, replies: Vec<Reply>) -> Turn {
    let alice = app.alice();
    let session = alice.session().await;
    for reply in replies {
        app.sim.push(reply);
    }
    let frames = alice.at(replica.address).hear(&session, "Hi").await;
    let calls = prompts(&app.sim).len();
    assert_eq!(app.sim.unused(), 0, "replies that nobody asked for");
    goes_on(app, &alice, &session, &frames).await;
    app.sim.take_requests();
    Turn { frames, calls }
}

/// The turn ended once, stored an answer or none, and the next one works.
async fn goes_on(app: &TestApp, alice: &Person, session: &str, frames: &[Frame]) {
    let last = end(frames);
    let run = alice.get(&format!("/v1/runs/{}", last.data["run_id"].as_str().expect("an id"))).await;
    let run = run.expect(200).json();
    let failed = last.event == "error";
    assert_eq!(run["status"], if failed { "failed" } else { "done" });
    assert_eq!(run.get("error").is_some(), failed);
    let history = alice.history(session).await;
    assert_eq!(history.len(), if failed { 1 } else { 2 }, "{history:#?}");
    if !failed {
        assert_eq!(answers(frames), [text_of(&history[1])]);
    }
    app.sim.push(Reply::text("I am back."));
    let next = alice.hear(session, "Are you there?").await;
    assert_eq!((end(&next).event.as_str(), answers(&next)), ("done", vec!["I am back.".to_owned()]));
    let sent = prompts(&app.sim);
    assert_eq!(messages(sent.last().expect("a prompt")).len(), 3);
}

impl Turn {
    #[track_caller]
    fn recovered(&self, calls: usize) {
        assert_eq!(end(&self.frames).event, "done", "{:#?}", self.frames);
        assert_eq!((self.calls, answers(&self.frames)), (calls, vec!["Here I am.".to_owned()]));
    }

    #[track_caller]
    fn failed(&self, calls: usize, code: &str, retryable: bool) {
        let error = &end(&self.frames).data;
        assert_eq!((&error["code"], &error["retryable"]), (&json!(code), &json!(retryable)), "{error}");
        assert_eq!(self.calls, calls);
    }

    fn resets(&self) -> usize {
        self.frames.iter().filter(|frame| frame.event == "reset").count()
    }
}

fn good() -> Reply {
    Reply::text("Here I am.")
}

#[tokio::test]
async fn a_busy_or_broken_provider_is_asked_twice_more_in_silence() {
    let app = TestApp::start().await;
    for (status, code) in [
        (429, "model_rate_limited"),
        (500, "model_unavailable"),
        (503, "model_unavailable"),
        (529, "model_overloaded"),
    ] {
        let fail = || Reply::status(status);
        let recovered = turn(&app, vec![fail(), fail(), good()]).await;
        recovered.recovered(3);
        assert_eq!(names(&recovered.frames), ["run_started", "token", "message_complete", "done"]);
        turn(&app, vec![fail(), fail(), fail()]).await.failed(3, code, true);
    }
}

#[tokio::test]
async fn the_provider_says_when_and_whether_to_come_again() {
    let app = TestApp::start().await;
    turn(&app, vec![Reply::status(429).header("retry-after-ms", "20"), good()]).await.recovered(2);
    turn(&app, vec![Reply::status(429).header("retry-after", "1"), good()]).await.recovered(2);
    let too_late = Reply::status(429).header("retry-after", "3600");
    turn(&app, vec![too_late]).await.failed(1, "model_rate_limited", true);
    let never = Reply::status(503).header("x-should-retry", "false");
    turn(&app, vec![never]).await.failed(1, "model_unavailable", true);
}

#[tokio::test]
async fn a_refusal_of_the_request_or_the_key_is_final() {
    let app = TestApp::start().await;
    turn(&app, vec![Reply::status(400)]).await.failed(1, "model_refused_request", false);
    turn(&app, vec![Reply::status(401)]).await.failed(1, "model_unauthorized", false);
    turn(&app, vec![Reply::status(403)]).await.failed(1, "model_unauthorized", false);
}

#[tokio::test]
async fn a_prompt_that_is_too_long_ends_the_turn_clearly() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let too_long = "prompt is too long: 200001 tokens > 200000 maximum";
    app.sim.respond_with(move |_| Reply::status(400).error("invalid_request_error", too_long));
    let frames = alice.hear(&session, "Hi").await;
    assert_eq!(end(&frames).event, "error");
    app.sim.respond_with(|_| Reply::text("I am back."));
    assert_eq!(end(&alice.hear(&session, "Are you there?").await).event, "done");
}

#[tokio::test]
async fn an_answer_that_fails_before_its_first_word_is_asked_again_in_silence() {
    let app = TestApp::start().await;
    for failure in [
        || good().error_event_after(0, "overloaded_error"),
        || good().cut_after(0),
        || good().cut_after(2),
        || good().cut_after(3),
    ] {
        let recovered = turn(&app, vec![failure(), failure(), good()]).await;
        recovered.recovered(3);
        assert_eq!(recovered.resets(), 0);
        let failed = turn(&app, vec![failure(), failure(), failure()]).await;
        assert_eq!((end(&failed.frames).event.as_str(), failed.calls), ("error", 3));
        assert_eq!(failed.resets(), 0);
    }
    let final_one = good().error_event_after(0, "invalid_request_error");
    assert_eq!(turn(&app, vec![final_one]).await.calls, 1);
}

#[tokio::test]
async fn an_answer_that_fails_after_its_first_word_is_asked_once_more_behind_a_reset() {
    let app = TestApp::start().await;
    for failure in [|| good().error_event_after(1, "overloaded_error"), || good().cut_after(5)] {
        let recovered = turn(&app, vec![failure(), good()]).await;
        recovered.recovered(2);
        assert_eq!(
            names(&recovered.frames),
            ["run_started", "token", "reset", "token", "message_complete", "done"]
        );
        let failed = turn(&app, vec![failure(), failure()]).await;
        assert_eq!(names(&failed.frames), ["run_started", "token", "reset", "token", "reset", "error"]);
        assert_eq!((failed.calls, &end(&failed.frames).data["retryable"]), (2, &json!(true)));
    }
    let final_one = good().error_event_after(1, "invalid_request_error");
    let failed = turn(&app, vec![final_one]).await;
    assert_eq!((failed.calls, failed.resets()), (1, 1));
}

#[tokio::test]
async fn bytes_that_trickle_and_events_that_nobody_knows_do_no_harm() {
    let app = TestApp::start().await;
    let text = "Grüße \u{1F33F} ".repeat(20);
    for reply in [
        Reply::text(text.trim()).slow_bytes(1, Duration::ZERO),
        Reply::text(text.trim()).slow_bytes(7, Duration::from_millis(1)),
        Reply::text(text.trim()).unknown_events(),
    ] {
        let turn = turn(&app, vec![reply]).await;
        assert_eq!(answers(&turn.frames), [text.trim()]);
    }
}

#[tokio::test]
async fn what_is_no_answer_of_the_protocol_ends_the_turn() {
    let app = TestApp::start().await;
    turn(&app, vec![Reply::html(200)]).await.failed(1, "model_bad_answer", false);
    let frames = turn(&app, vec![Reply::html(502), Reply::html(502), Reply::html(502)]).await;
    frames.failed(3, "model_unavailable", true);
    assert!(!format!("{:?}", frames.frames).contains("It works"), "a provider's page is not shown");
    turn(&app, vec![Reply::message()]).await.failed(1, "empty_answer", true);
    turn(&app, vec![Reply::message().stop_reason("refusal")]).await.failed(1, "model_refused", false);
}

#[tokio::test]
async fn a_provider_that_is_silent_is_not_waited_for_longer_than_the_limit() {
    let app = TestApp::start().await;
    let limits = Limits { model_time: Duration::from_secs(1), ..Limits::default() };
    let hasty = app.another_replica(Setup { limits, ..Setup::default() }).await;
    turn_at(&hasty, &app, vec![Reply::hang()]).await.failed(1, "model_timeout", true);
    let gate = model_sim::Gate::new();
    let silent = || good().hold_after(1, &gate);
    let failed = turn_at(&hasty, &app, vec![silent(), silent()]).await;
    failed.failed(2, "model_timeout", true);
    assert_eq!(failed.resets(), 2);
    gate.release();
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_an_outage() {
    let app = TestApp::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let nobody = listener.local_addr().expect("an address");
    drop(listener);
    let cut_off = Replica::start(&app.database, &format!("http://{nobody}"), Setup::default()).await;
    let alice = app.alice();
    let session = alice.session().await;
    let frames = alice.at(cut_off.address).hear(&session, "Hi").await;
    assert_eq!(end(&frames).data["code"], "model_unavailable");
    assert!(!format!("{frames:?}").contains(&nobody.port().to_string()), "addresses are not shown");
    goes_on(&app, &alice, &session, &frames).await;
}

/// A provider that answers every request with these frames; its address.
async fn babbling(frames: &'static str) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    #[expect(clippy::disallowed_methods, reason = "the test ends the task")]
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 65536];
            let _what_was_asked = stream.read(&mut request).await;
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
            let _or_the_client_left = stream.write_all(format!("{head}{frames}").as_bytes()).await;
        }
    });
    (url, task)
}

#[tokio::test]
async fn frames_that_are_no_json_end_the_turn() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for frames in [
        "event: message_start\ndata: {\"type\": \"mess\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":7,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n\n",
        "data: null\n\nevent: message_delta\ndata: [1]\n\n",
    ] {
        let (url, babbler) = babbling(frames).await;
        let replica = Replica::start(&app.database, &url, Setup::default()).await;
        let session = alice.session().await;
        let heard = alice.at(replica.address).hear(&session, "Hi").await;
        let error = &end(&heard).data;
        assert!(
            ["model_bad_answer", "model_cut_off"].contains(&error["code"].as_str().expect("a code")),
            "{error}"
        );
        goes_on(&app, &alice, &session, &heard).await;
        babbler.abort();
    }
}
