//! Reading a run's events: from any place, on any replica, at any pace.

use model_sim::{Gate, Reply};
use serde_json::{Value, json};

use crate::harness::{
    Events, Frame, Person, Setup, TestApp,
    look::{answers, end, names, run_of, text_of},
};

async fn another_reader(app: &TestApp) -> (crate::harness::Replica, Person) {
    let replica = app.another_replica(Setup { works: false, ..Setup::default() }).await;
    let person = app.alice().at(replica.address);
    (replica, person)
}

/// A run with thinking, text, two tools and a last answer, from its beginning to its end.
async fn recorded(app: &TestApp, alice: &Person, session: &str) -> Vec<Frame> {
    alice.deal().await;
    script(app);
    alice.hear(session, "Where is the renewal?").await
}

fn script(app: &TestApp) {
    app.sim.push(
        Reply::message()
            .thinking("Where could it stand?")
            .and_text("One moment, I look into it.")
            .tool("get_entity", json!({"kind": "deal", "id": "D-42"}))
            .tool("memory_append", json!({"scope": "user", "section": "Asked", "text": "The renewal"})),
    );
    app.sim.push(Reply::text("It is in negotiation — \u{1F33F}\nand that is all."));
}

#[tokio::test]
async fn a_reader_that_comes_back_gets_exactly_what_it_missed() {
    let app = TestApp::start().await;
    let (_replica, elsewhere) = another_reader(&app).await;
    let alice = app.alice();
    let session = alice.session().await;
    let frames = recorded(&app, &alice, &session).await;
    assert_eq!(
        names(&frames),
        [
            "run_started",
            "thinking",
            "token",
            "message_complete",
            "tool_start",
            "tool_result",
            "memory_written",
            "token",
            "message_complete",
            "done"
        ]
    );
    let ids: Vec<String> = (1..=frames.len()).map(|n| format!("1.{n}")).collect();
    assert_eq!(frames.iter().map(|frame| frame.id.clone()).collect::<Vec<_>>(), ids);
    let run = run_of(&frames);
    for (i, frame) in frames.iter().enumerate() {
        for reader in [&alice, &elsewhere] {
            let rest = reader.follow(&run, Some(&frame.id)).await.rest().await;
            assert_eq!(rest, frames[i + 1..], "after {}", frame.id);
        }
    }
    let history = alice.history(&session).await;
    assert_eq!(answers(&frames), [text_of(&history[1]), text_of(&history[3])]);
}

#[tokio::test]
async fn without_an_id_the_run_is_read_from_its_beginning() {
    let app = TestApp::start().await;
    let (_replica, elsewhere) = another_reader(&app).await;
    let alice = app.alice();
    let session = alice.session().await;
    let frames = recorded(&app, &alice, &session).await;
    let run = run_of(&frames);
    for reader in [&alice, &elsewhere] {
        assert_eq!(reader.follow(&run, None).await.rest().await, frames);
        assert_eq!(reader.follow(&run, Some("")).await.rest().await, frames);
        let after =
            reader.request(reqwest::Method::GET, &format!("/v1/runs/{run}/events?after={}", frames[2].id));
        let comes_back = after.try_clone().expect("no body").header("last-event-id", &frames[5].id);
        assert_eq!(Events::open(after).await.rest().await, frames[3..]);
        assert_eq!(Events::open(comes_back).await.rest().await, frames[6..], "the header is newer");
    }
}

#[tokio::test]
async fn a_reader_elsewhere_sees_the_answer_while_it_is_made() {
    let app = TestApp::start().await;
    let (_replica, elsewhere) = another_reader(&app).await;
    let alice = app.alice();
    let session = alice.session().await;
    let (early, late) = (Gate::new(), Gate::new());
    let text = "The first half is here. The second half comes later.";
    app.sim.push(Reply::text(text).hold_after(6, &early).hold_after(9, &late));
    let mut live = alice.say(&session, "Hi").await;
    let mut near = live.until("token").await;
    let run = run_of(&near);
    let mut reader = elsewhere.follow(&run, None).await;
    let mut far = reader.until("token").await;
    early.release();
    late.reached().await;
    let again = elsewhere.follow(&run, far.last().map(|frame| frame.id.as_str())).await;
    late.release();
    near.extend(live.rest().await);
    let beginning = far.clone();
    far.extend(reader.rest().await);
    assert_eq!(far, near);
    assert_eq!([beginning, again.rest().await].concat(), near);
    assert_eq!(answers(&near), [text]);
}

#[tokio::test]
async fn an_id_that_no_event_has_is_refused() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::text("Hello."));
    let run = run_of(&alice.hear(&session, "Hi").await);
    let path = format!("/v1/runs/{run}/events");
    for bad in ["1", "x.y", "1.-1", "1.2.3", "-1.1", "1.99999999999999999999"] {
        let request = alice.request(reqwest::Method::GET, &path).header("last-event-id", bad);
        let problem = alice.send(request).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], "Last-Event-ID", "{bad}");
        let problem = alice.get(&format!("{path}?after={bad}")).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], "after", "{bad}");
    }
    alice.get(&format!("/v1/runs/{}/events", uuid::Uuid::now_v7())).await.problem(404, "not_found");
}

#[tokio::test]
async fn frames_are_plain_lines_that_no_proxy_may_hold_back() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let frames = recorded(&app, &alice, &session).await;
    let run = run_of(&frames);
    let path = format!("/v1/runs/{run}/events");
    let request = alice.request(reqwest::Method::GET, &path).header("accept-encoding", "gzip, br");
    let answer = alice.send(request).await.expect(200);
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache, no-transform"),
        ("x-accel-buffering", "no"),
        ("content-encoding", ""),
    ] {
        assert_eq!(answer.header(name), value);
    }
    let begins = format!("data: {{\"run_id\":\"{run}\"");
    for frame in answer.text.strip_suffix("\n\n").expect("a blank line ends it").split("\n\n") {
        let lines: Vec<&str> = frame.split('\n').collect();
        assert!(lines[0].starts_with("id: ") && lines[1].starts_with("event: "), "{frame}");
        assert!(lines[2].starts_with(&begins) && lines.len() == 3, "{frame}");
    }
    for frame in &frames {
        assert!(!has_null(&frame.data), "{frame:?}");
    }
}

#[tokio::test]
async fn a_replay_is_byte_for_byte_what_was_streamed() {
    let app = TestApp::start().await;
    let (_replica, elsewhere) = another_reader(&app).await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    script(&app);
    let request = alice.message(&session, &json!({"text": "Where is the renewal?"}));
    let live = alice.send(request.header("accept", "text/event-stream")).await.expect(200);
    for name in ["content-type", "cache-control", "x-accel-buffering"] {
        assert_ne!(live.header(name), "", "{name}");
    }
    let location = live.header("location");
    assert!(live.text.ends_with("\n\n") && live.text.len() > 1_000, "{}", live.text);
    for reader in [&alice, &elsewhere] {
        let replay = reader.get(&format!("{location}/events")).await.expect(200);
        assert_eq!(replay.text, live.text);
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

#[tokio::test]
async fn a_slow_reader_holds_nobody_up_and_misses_nothing() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let text = "All the tea of the world. ".repeat(150_000);
    app.sim.push(Reply::text(text.trim()).chunk_chars(2_000));
    let mut live = alice.say(&session, "Tell me all").await;
    let first = live.next().await.expect("an event");
    let slow = alice.follow(&run_of(std::slice::from_ref(&first)), None).await;
    let mut frames = vec![first];
    frames.extend(live.rest().await);
    assert_eq!(answers(&frames), [text.trim()]);
    assert_eq!(slow.rest().await, frames);
}

#[tokio::test]
async fn when_the_events_are_gone_the_end_is_told_all_the_same() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::text("Hello."));
    let done = run_of(&alice.hear(&session, "Hi").await);
    app.sim.push(Reply::status(400));
    let failed = run_of(&alice.hear(&session, "Hi").await);
    app.database.run("delete from sixty.run_events").await;
    let frames = alice.follow(&done, None).await.rest().await;
    assert_eq!((frames.len(), &end(&frames).data["status"]), (1, &json!("done")));
    let frames = alice.follow(&failed, None).await.rest().await;
    assert_eq!((frames.len(), &end(&frames).data["code"]), (1, &json!("model_refused_request")));
}
