//! What the owner is told, and what pauses a task.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{PATH, act, allow, clock, daily, ended, make, read, run_now, start, with};
use crate::harness::{Events, Person, eventually};

async fn told(person: &Person) -> Vec<Value> {
    let told = person.get("/v1/notifications").await.expect(200).json();
    told["data"].as_array().expect("a list").clone()
}

async fn kinds(person: &Person) -> Vec<String> {
    told(person).await.iter().map(|it| it["kind"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_result_is_a_notification_until_it_is_read() {
    let app = start().await;
    let alice = app.alice();
    let id = make(&alice, daily()).await;
    app.sim.push(Reply::text("Two meetings."));
    run_now(&alice, &id, 1).await;
    let [told] = &told(&alice).await[..] else { panic!("one notification") };
    assert_eq!(
        (&told["kind"], &told["title"]),
        (&json!("schedule_done"), &json!("\"Morning brief\" is done"))
    );
    assert_eq!((&told["text"], &told["read_at"]), (&json!("Two meetings."), &Value::Null));
    assert_eq!(told["about"]["schedule_id"], id);
    let path = format!("/v1/notifications/{}/read", told["id"].as_str().unwrap());
    let bob = app.bob();
    bob.send(bob.request(reqwest::Method::POST, &path)).await.problem(404, "not_found");
    let mut times = Vec::new();
    for _ in 0..2 {
        let read = alice.send(alice.request(reqwest::Method::POST, &path)).await.expect(200).json();
        times.push(read["read_at"].as_str().expect("a time").to_owned());
    }
    assert_eq!(times[0], times[1]);
    let unread = alice.get("/v1/notifications?unread=true").await.expect(200).json();
    assert_eq!(unread["data"], json!([]));
    assert!(kinds(&bob).await.is_empty());
}

#[tokio::test]
async fn eight_failures_in_a_row_pause_a_task_and_a_success_begins_anew() {
    let app = start().await;
    let alice = app.alice();
    let id = make(&alice, daily()).await;
    let fails = |count: usize| {
        for _ in 0..count {
            app.sim.push(Reply::status(400).error("invalid_request_error", "no"));
        }
    };
    fails(7);
    for n in 1..=7 {
        assert_eq!(run_now(&alice, &id, n).await[0]["error"]["code"], "model_refused_request");
    }
    assert_eq!(read(&alice, &id).await["failures"], 7);
    app.sim.push(Reply::text("Fine."));
    run_now(&alice, &id, 8).await;
    assert_eq!(read(&alice, &id).await["failures"], 0);
    fails(8);
    for n in 9..=16 {
        run_now(&alice, &id, n).await;
    }
    let task = read(&alice, &id).await;
    assert_eq!((&task["status"], &task["paused_for"]), (&json!("paused"), &json!("failures")));
    assert_eq!(kinds(&alice).await[..2], ["schedule_paused", "schedule_failed"]);
    let resumed = act(&alice, &id, "resume").await.expect(200).json();
    assert_eq!((&resumed["failures"], &resumed["paused_for"]), (&json!(0), &Value::Null));
    let trail = alice.get("/v1/admin/audit?action=schedule.pause").await.expect(200).json();
    assert_eq!(trail["data"][0]["detail"], "for failures", "{trail}");
}

#[tokio::test]
async fn what_a_provider_fails_is_tried_again_unless_it_has_had_an_effect() {
    let app = start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let id = make(&alice, daily()).await;
    // The client asks again by itself; what remains is a failure of the run.
    app.sim.respond_with(|_| Reply::status(529).error("overloaded_error", "busy"));
    act(&alice, &id, "run").await.expect(202);
    let first = eventually("a first try", async || {
        let run = super::runs(&alice, &id).await.remove(0);
        (run["error"]["code"] == "model_overloaded").then_some(run)
    })
    .await;
    assert_eq!((&first["status"], &first["attempt"]), (&json!("running"), &json!(1)));
    app.sim.respond_with(|_| Reply::text("Now."));
    clock(&app, "2026-06-01T12:01:01Z").await;
    let second = ended(&alice, &id, 1).await[0].clone();
    assert_eq!(
        (&second["status"], &second["attempt"], &second["result"]),
        (&json!("done"), &json!(2), &json!("Now."))
    );
    assert_ne!(first["run_id"], second["run_id"]);
    assert_eq!(kinds(&alice).await, ["schedule_done"]);
}

#[tokio::test]
async fn who_has_left_or_may_not_any_more_causes_nothing() {
    let app = start().await;
    let alice = app.alice();
    let bob = app.bob();
    clock(&app, "2026-06-01T11:00:00Z").await;
    let (one, other) = (make(&bob, daily()).await, make(&bob, daily()).await);
    run_now(&bob, &one, 1).await;
    clock(&app, "2026-06-01T12:00:00Z").await;
    let soon = json!({"schedule": {"kind": "once", "at": "2026-06-01T12:30:00Z"}});
    bob.patch(&format!("{PATH}/{one}"), soon.clone()).await.expect(200);
    bob.patch(&format!("{PATH}/{other}"), soon).await.expect(200);
    allow(&alice, "schedule_task", "disabled").await;
    clock(&app, "2026-06-01T12:30:00Z").await;
    let history = ended(&bob, &one, 2).await;
    assert_eq!(
        (&history[0]["status"], &history[0]["error"]["code"]),
        (&json!("cancelled"), &json!("not_allowed"))
    );
    let task = read(&bob, &one).await;
    assert_eq!((&task["status"], &task["paused_for"]), (&json!("paused"), &json!("rights")));
    assert!(kinds(&bob).await.contains(&"schedule_paused".to_owned()));
    allow(&alice, "schedule_task", "auto").await;
    let later = json!({"schedule": {"kind": "once", "at": "2026-06-01T13:00:00Z"}});
    bob.patch(&format!("{PATH}/{one}"), later).await.expect(200);
    let resumed = act(&bob, &one, "resume").await.expect(200).json();
    assert_eq!(resumed["next_run_at"], "2026-06-01T13:00:00Z");
    alice.patch("/v1/admin/members/bob", json!({"status": "suspended"})).await.expect(200);
    clock(&app, "2026-06-01T13:00:01Z").await;
    let paused = "select count(*) from sixty.schedules where status = 'paused' and paused_for = 'membership'";
    eventually("a pause", async || (app.database.count(paused).await == 1).then_some(())).await;
    assert_eq!(app.database.count("select count(*) from sixty.runs").await, 1);
}

#[tokio::test]
async fn what_needs_a_yes_waits_and_its_owner_is_told_once() {
    let app = start().await;
    let alice = app.alice();
    alice.deal().await;
    let bob = app.bob();
    allow(&alice, "manage_tasks", "approve").await;
    let id = make(&bob, with(json!({"prompt": "Remind me."}))).await;
    app.sim.push(Reply::message().tool("create_task", json!({"title": "Call"})));
    app.sim.push(Reply::text("Done."));
    act(&bob, &id, "run").await.expect(202);
    eventually("a notice", async || (kinds(&bob).await == ["schedule_waiting"]).then_some(())).await;
    assert_eq!(super::runs(&bob, &id).await[0]["status"], "waiting");
    let open = bob.get("/v1/approvals?status=pending").await.expect(200).json();
    let approval = open["data"][0]["id"].as_str().expect("an approval").to_owned();
    bob.post(&format!("/v1/approvals/{approval}"), json!({"decision": "approve"})).await.expect(202);
    assert_eq!(ended(&bob, &id, 1).await[0]["status"], "done");
    assert_eq!(kinds(&bob).await, ["schedule_done", "schedule_waiting"]);
}

#[tokio::test]
async fn notifications_come_to_whoever_listens_and_what_was_missed_comes_first() {
    let app = start().await;
    let alice = app.alice();
    let id = make(&alice, daily()).await;
    let listen = async |after: Option<&str>| {
        let mut request = alice.request(reqwest::Method::GET, "/v1/events");
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        Events::open(request).await
    };
    let mut events = listen(None).await;
    act(&alice, &id, "run").await.expect(202);
    let first = events.next().await.expect("a notification");
    assert_eq!((first.event.as_str(), &first.data["kind"]), ("notification", &json!("schedule_done")));
    assert_eq!(first.id, first.data["id"].as_str().unwrap());
    drop(events);
    run_now(&alice, &id, 2).await;
    let mut again = listen(Some(&first.id)).await;
    let second = again.next().await.expect("what was missed");
    assert_ne!(second.id, first.id);
    act(&alice, &id, "run").await.expect(202);
    let third = again.next().await.expect("what comes");
    assert!(third.id != second.id && third.id != first.id);
    let bad = alice.request(reqwest::Method::GET, "/v1/events").header("last-event-id", "7");
    alice.send(bad).await.problem(422, "validation_failed");
}

#[tokio::test]
async fn a_try_does_not_wait_past_the_next_slot_so_that_failures_are_counted() {
    let app = start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let id = make(&alice, with(json!({"schedule": {"kind": "cron", "cron": "* * * * *"}}))).await;
    app.sim.respond_with(|_| Reply::status(529).error("overloaded_error", "busy"));
    for minute in 1..=8 {
        clock(&app, &format!("2026-06-01T12:{minute:02}:00Z")).await;
        assert_eq!(ended(&alice, &id, minute).await[0]["status"], "failed");
    }
    let task = read(&alice, &id).await;
    assert_eq!((&task["status"], &task["paused_for"]), (&json!("paused"), &json!("failures")));
}

#[tokio::test]
async fn a_lower_role_in_a_token_counts_for_what_fires_later() {
    let app = start().await;
    let bob = app.bob();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let id = make(&bob, daily()).await;
    app.replica.person("acme", "bob", "readonly").get("/v1/me").await.expect(200);
    clock(&app, "2026-06-02T07:00:00Z").await;
    let paused = "select count(*) from sixty.schedules where paused_for = 'rights'";
    eventually("a pause", async || (app.database.count(paused).await == 1).then_some(())).await;
    assert_eq!(ended(&bob, &id, 1).await[0]["error"]["code"], "not_allowed");
}

#[tokio::test]
async fn a_program_whose_keys_are_over_schedules_nothing_any_more() {
    let app = start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let key = alice
        .post("/v1/admin/api-keys", json!({"name": "Import", "role": "member"}))
        .await
        .expect(201)
        .json();
    let program = app.replica.bearer(key["key"].as_str().unwrap());
    make(&program, daily()).await;
    app.database.run("update sixty.api_keys set expires_at = now() - interval '1 second'").await;
    clock(&app, "2026-06-02T07:00:00Z").await;
    let paused = "select count(*) from sixty.schedules where paused_for = 'membership'";
    eventually("a pause", async || (app.database.count(paused).await == 1).then_some(())).await;
    assert_eq!(app.database.count("select count(*) from sixty.runs").await, 0);
}

#[tokio::test]
async fn each_thing_that_a_run_waits_for_is_told() {
    let app = start().await;
    let (alice, bob) = (app.alice(), app.bob());
    allow(&alice, "manage_tasks", "approve").await;
    let id = make(&bob, daily()).await;
    for title in ["One", "Two"] {
        app.sim.push(Reply::message().tool("create_task", json!({"title": title})));
    }
    act(&bob, &id, "run").await.expect(202);
    for count in 1..=2 {
        let told = vec!["schedule_waiting"; count];
        eventually("a notice", async || (kinds(&bob).await == told).then_some(())).await;
        let open = bob.get("/v1/approvals?status=pending").await.expect(200).json();
        let path = format!("/v1/approvals/{}", open["data"][0]["id"].as_str().expect("an approval"));
        bob.post(&path, json!({"decision": "approve"})).await.expect(202);
    }
    assert_eq!(ended(&bob, &id, 1).await[0]["status"], "done");
}
