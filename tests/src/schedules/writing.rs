//! What a person writes, and reads of it.

use serde_json::{Value, json};

use super::{PATH, act, allow, clock, daily, make, read, with};
use crate::harness::TestApp;

#[tokio::test]
async fn a_task_tells_in_words_and_in_times_when_it_fires() {
    let app = TestApp::start().await;
    let alice = app.alice();
    clock(&app, "2026-03-27T12:00:00Z").await;
    let made = alice.post(PATH, daily()).await.expect(201);
    let task = made.json();
    assert_eq!(made.header("location"), format!("{PATH}/{}", task["id"].as_str().unwrap()));
    assert_eq!(made.header("etag"), "\"1\"");
    assert_eq!(task["description"], "every day at 09:00 (Europe/Berlin)");
    assert_eq!(task["status"], "active");
    assert_eq!(task["next_run_at"], "2026-03-28T08:00:00Z");
    // The clocks change on the 29th.
    let upcoming = ["03-28T08", "03-29T07", "03-30T07", "03-31T07", "04-01T07"];
    let upcoming: Vec<String> = upcoming.iter().map(|at| format!("2026-{at}:00:00Z")).collect();
    assert_eq!(task["upcoming"], json!(upcoming));
    assert_eq!((&task["session"], &task["catch_up"]), (&json!("isolated"), &json!("one")));
    assert_eq!(task["deliver"], json!({"kind": "notification"}));
    let id = task["id"].as_str().unwrap();
    assert_eq!(read(&alice, id).await, task);
    let listed = alice.get(PATH).await.expect(200).json();
    assert_eq!(listed["data"], json!([task]));
    assert_eq!(alice.get(&format!("{PATH}?status=paused")).await.expect(200).json()["data"], json!([]));
    let bob = app.bob();
    bob.get(&format!("{PATH}/{id}")).await.problem(404, "not_found");
    assert_eq!(bob.get(PATH).await.expect(200).json()["data"], json!([]));
}

#[tokio::test]
async fn intervals_are_counted_from_the_beginning_and_one_time_is_meant_in_its_zone() {
    let app = TestApp::start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:30Z").await;
    let task = with(json!({"schedule": {"kind": "interval", "every_seconds": 5400}}));
    let task = read(&alice, &make(&alice, task).await).await;
    assert_eq!(task["next_run_at"], "2026-06-01T13:30:30Z");
    assert_eq!(task["upcoming"][1], "2026-06-01T15:00:30Z");
    assert_eq!(task["description"], "every 1 hour and 30 minutes");
    let at = json!({"kind": "once", "at": "2026-06-02T09:00", "timezone": "Asia/Kathmandu"});
    let task = read(&alice, &make(&alice, with(json!({"schedule": at}))).await).await;
    assert_eq!(task["next_run_at"], "2026-06-02T03:15:00Z");
    assert_eq!(task["upcoming"], json!(["2026-06-02T03:15:00Z"]));
    assert_eq!(task["schedule"]["at"], "2026-06-02T03:15:00Z");
}

#[tokio::test]
async fn a_change_moves_the_next_time_and_no_change_makes_no_version() {
    let app = TestApp::start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let id = make(&alice, daily()).await;
    let path = format!("{PATH}/{id}");
    let named = alice.patch(&path, json!({"name": "Brief", "prompt": "And tomorrow?"})).await.expect(200);
    assert_eq!(
        (named.header("etag"), &named.json()["next_run_at"]),
        ("\"2\"", &json!("2026-06-02T07:00:00Z"))
    );
    let same =
        alice.patch(&path, json!({"name": "Brief", "schedule": daily()["schedule"]})).await.expect(200);
    assert_eq!(same.header("etag"), "\"2\"");
    let hourly = json!({"schedule": {"kind": "cron", "cron": "*/30 * * * *"}});
    let changed = alice.patch(&path, hourly).await.expect(200).json();
    assert_eq!(changed["next_run_at"], "2026-06-01T12:30:00Z");
    assert_eq!(changed["schedule"]["timezone"], "UTC");
    let stale =
        alice.request(reqwest::Method::PATCH, &path).header("if-match", "\"1\"").json(&json!({"name": "X"}));
    alice.send(stale).await.problem(412, "version_mismatch");
    alice
        .send(alice.request(reqwest::Method::DELETE, &path).header("if-match", "\"1\""))
        .await
        .problem(412, "version_mismatch");
    alice.delete(&path).await.expect(204);
    alice.get(&path).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_task_is_paused_resumed_and_cancelled_and_what_its_state_does_not_allow_is_a_conflict() {
    let app = TestApp::start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let id = make(&alice, daily()).await;
    let state = |task: &Value| (task["status"].clone(), task["next_run_at"].clone());
    for _ in 0..2 {
        let paused = act(&alice, &id, "pause").await.expect(200).json();
        assert_eq!(state(&paused), (json!("paused"), Value::Null));
        assert_eq!(paused["upcoming"][0], "2026-06-02T07:00:00Z");
    }
    // What passes meanwhile does not fire.
    clock(&app, "2026-06-05T12:00:00Z").await;
    let resumed = act(&alice, &id, "resume").await.expect(200).json();
    assert_eq!(state(&resumed), (json!("active"), json!("2026-06-06T07:00:00Z")));
    for _ in 0..2 {
        let cancelled = act(&alice, &id, "cancel").await.expect(200).json();
        assert_eq!(state(&cancelled), (json!("cancelled"), Value::Null));
    }
    for what in ["pause", "resume", "run"] {
        act(&alice, &id, what).await.problem(409, "schedule_over");
    }
    alice.patch(&format!("{PATH}/{id}"), json!({"name": "X"})).await.problem(409, "schedule_over");
    // One that has no time left is not resumed.
    let once = with(json!({"schedule": {"kind": "once", "at": "2026-06-06T09:00:00Z"}}));
    let once = make(&alice, once).await;
    act(&alice, &once, "pause").await.expect(200);
    clock(&app, "2026-06-07T12:00:00Z").await;
    act(&alice, &once, "resume").await.problem(409, "schedule_over");
    let later = json!({"schedule": {"kind": "once", "at": "2026-06-08T09:00:00Z"}});
    alice.patch(&format!("{PATH}/{once}"), later).await.expect(200);
    let resumed = act(&alice, &once, "resume").await.expect(200).json();
    assert_eq!(resumed["next_run_at"], "2026-06-08T09:00:00Z");
    assert!(super::runs(&alice, &id).await.is_empty() && super::runs(&alice, &once).await.is_empty());
}

#[tokio::test]
async fn a_person_has_at_most_fifty_and_what_is_over_does_not_count() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let mut last = String::new();
    for _ in 0..50 {
        last = make(&alice, daily()).await;
    }
    alice.post(PATH, daily()).await.problem(409, "schedule_limit");
    act(&alice, &last, "cancel").await.expect(200);
    make(&alice, daily()).await;
    let bob = app.bob();
    let many = (0..60).map(async |_| bob.post(PATH, daily()).await.status.as_u16());
    let made = futures_util::future::join_all(many).await;
    assert_eq!(made.iter().filter(|status| **status == 201).count(), 50, "{made:?}");
}

#[tokio::test]
async fn who_may_not_schedule_is_refused_and_may_still_stop() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let reader = app.rita();
    reader.post(PATH, daily()).await.problem(403, "forbidden");
    let bob = app.bob();
    let id = make(&bob, daily()).await;
    allow(&alice, "schedule_task", "disabled").await;
    bob.post(PATH, daily()).await.problem(403, "forbidden");
    act(&bob, &id, "run").await.problem(403, "forbidden");
    act(&bob, &id, "pause").await.expect(200);
    act(&bob, &id, "resume").await.problem(403, "forbidden");
    bob.delete(&format!("{PATH}/{id}")).await.expect(204);
}
