//! Slots fire, each once.

use domain::{ScheduleId, ScheduleRunId};
use model_sim::{Gate, Reply};
use serde_json::json;

use super::{PATH, act, becomes, clock, daily, ended, make, read, run_now, runs, start, with};
use crate::harness::{
    Setup, TestApp, eventually,
    look::{last_blocks, prompts},
};

#[tokio::test]
async fn a_slot_fires_in_a_conversation_of_its_own_and_its_result_is_told() {
    let price = r#"{"anthropic/claude-test": {"input": 3, "output": 15}}"#;
    let prices = model::Prices::parse(price).expect("prices");
    let app = TestApp::with(Setup { prices, ..Setup::default() }).await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let id = make(&alice, daily()).await;
    app.sim.push(Reply::text("Two meetings."));
    clock(&app, "2026-06-02T07:00:02Z").await;
    let history = ended(&alice, &id, 1).await;
    let [run] = &history[..] else { panic!("one slot: {history:?}") };
    assert_eq!((&run["status"], &run["slot"]), (&json!("done"), &json!("2026-06-02T07:00:00Z")));
    assert_eq!(
        (&run["result"], &run["attempt"], &run["manual"]),
        (&json!("Two meetings."), &json!(1), &json!(false))
    );
    assert!(run["duration_ms"].as_i64().is_some_and(|time| time >= 0), "{run}");
    assert!(run["usage"]["output_tokens"].as_i64().is_some_and(|tokens| tokens > 0), "{run}");
    assert!(run["cost"].as_f64().is_some_and(|dollars| dollars > 0.0), "{run}");
    // Its ids can be computed from the task and the slot.
    let task: ScheduleId = id.parse().unwrap();
    let slot = ScheduleRunId::of_slot(task, "2026-06-02T07:00:00Z".parse().unwrap());
    assert_eq!(run["id"], slot.to_string());
    assert_eq!(run["run_id"], slot.run(1).to_string());
    assert_eq!(read(&alice, &id).await["next_run_at"], "2026-06-03T07:00:00Z");
    let session = run["session_id"].as_str().unwrap();
    let said = alice.history(session).await;
    assert_eq!(said[0]["content"][0]["text"], "Tell me what is on today.");
    assert_eq!(said[1]["content"][0]["text"], "Two meetings.");
    let told = alice.get(&format!("/v1/runs/{}", run["run_id"].as_str().unwrap())).await.expect(200).json();
    assert_eq!(told["trigger"], "schedule");
    // The conversation is in no list.
    assert_eq!(alice.get("/v1/sessions").await.expect(200).json()["data"], json!([]));
    let prompt = &prompts(&app.sim)[0];
    let context = last_blocks(prompt)[0]["text"].as_str().unwrap();
    assert!(
        context.contains("This is the scheduled task \"Morning brief\", of 2026-06-02 07:00 UTC."),
        "{context}"
    );
    assert!(context.contains("Europe/Berlin"), "{context}");
}

#[tokio::test]
async fn replicas_that_look_at_once_fire_a_slot_once() {
    let app = start().await;
    let alice = app.alice();
    let more = [app.another_replica(Setup::default()).await, app.another_replica(Setup::default()).await];
    clock(&app, "2026-06-01T12:00:00Z").await;
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(make(&alice, with(json!({"schedule": {"kind": "cron", "cron": "0 * * * *"}}))).await);
    }
    for hour in 13..16 {
        clock(&app, &format!("2026-06-01T{hour}:00:00Z")).await;
        for id in &ids {
            assert_eq!(ended(&alice, id, hour - 12).await.len(), hour - 12);
        }
    }
    assert_eq!(app.database.count("select count(*) from sixty.runs where trigger = 'schedule'").await, 90);
    assert_eq!(app.database.count("select count(*) from sixty.schedule_runs").await, 90);
    for replica in more {
        replica.shut_down().await;
    }
}

#[tokio::test]
async fn after_a_day_without_the_service_one_slot_fires_or_none() {
    let app = start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let hourly = json!({"kind": "cron", "cron": "0 * * * *"});
    let one = make(&alice, with(json!({"schedule": hourly}))).await;
    let none = make(&alice, with(json!({"schedule": hourly, "catch_up": "skip"}))).await;
    let gone = json!({"kind": "once", "at": "2026-06-01T20:00:00Z"});
    let gone = make(&alice, with(json!({"schedule": gone, "catch_up": "skip"}))).await;
    clock(&app, "2026-06-02T12:30:00Z").await;
    let history = ended(&alice, &one, 1).await;
    assert_eq!(history[0]["slot"], "2026-06-02T12:00:00Z");
    becomes(&alice, &gone, "completed").await;
    assert_eq!(read(&alice, &none).await["next_run_at"], "2026-06-02T13:00:00Z");
    assert_eq!((history.len(), runs(&alice, &none).await.len()), (1, 0));
    // Its only time was missed: its owner sees that, and is told.
    let missed = ended(&alice, &gone, 1).await;
    assert_eq!((&missed[0]["status"], &missed[0]["error"]["code"]), (&json!("cancelled"), &json!("missed")));
    let told = alice.get("/v1/notifications").await.expect(200).json();
    let told = told["data"].as_array().unwrap().iter().filter(|it| it["about"]["schedule_id"] == gone);
    assert_eq!(told.map(|it| it["kind"].as_str().unwrap()).collect::<Vec<_>>(), ["schedule_failed"]);
}

#[tokio::test]
async fn one_time_fires_and_is_over() {
    let app = start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let once = json!({"kind": "once", "at": "2026-06-01T13:00:00Z"});
    let id = make(&alice, with(json!({"schedule": once}))).await;
    clock(&app, "2026-06-01T13:00:00Z").await;
    ended(&alice, &id, 1).await;
    becomes(&alice, &id, "completed").await;
    act(&alice, &id, "run").await.problem(409, "schedule_over");
    clock(&app, "2026-06-03T13:00:00Z").await;
    act(&alice, &id, "pause").await.problem(409, "schedule_over");
    assert_eq!(runs(&alice, &id).await.len(), 1);
}

#[tokio::test]
async fn a_run_by_hand_moves_no_schedule_and_a_repeated_request_is_one() {
    let app = start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let id = make(&alice, daily()).await;
    act(&alice, &id, "pause").await.expect(200);
    let mut answers = Vec::new();
    for _ in 0..2 {
        let path = format!("{PATH}/{id}/run");
        let request = alice.request(reqwest::Method::POST, &path).header("idempotency-key", "now");
        answers.push(alice.send(request).await.expect(202).json());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!((&answers[0]["status"], &answers[0]["manual"]), (&json!("running"), &json!(true)));
    let history = ended(&alice, &id, 1).await;
    assert_eq!((history.len(), &history[0]["status"]), (1, &json!("done")));
    let task = read(&alice, &id).await;
    assert_eq!((&task["status"], &task["next_run_at"]), (&json!("paused"), &serde_json::Value::Null));
}

#[tokio::test]
async fn what_is_paused_or_cancelled_or_changed_before_it_begins_does_not_begin() {
    // This replica claims nothing: what is due stays so.
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let pool = app.database.superuser().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = make(&alice, daily()).await;
        let run = ScheduleRunId::of_slot(id.parse().unwrap(), "2026-06-01T12:00:00Z".parse().unwrap());
        sqlx::query(
            "insert into sixty.schedule_runs (org_id, owner_id, schedule_id, id, slot, begin_at, lease_until)
             select org_id, owner_id, id, $2, $3, $3, $3 from sixty.schedules where id = $1::uuid",
        )
        .bind(&id)
        .bind(run.0)
        .bind(chrono::DateTime::parse_from_rfc3339("2026-06-01T12:00:00Z").unwrap())
        .execute(&pool)
        .await
        .expect("a slot that somebody has claimed");
        ids.push(id);
    }
    act(&alice, &ids[0], "pause").await.expect(200);
    act(&alice, &ids[1], "cancel").await.expect(200);
    let other = json!({"schedule": {"kind": "cron", "cron": "0 8 * * *"}});
    alice.patch(&format!("{PATH}/{}", ids[2]), other).await.expect(200);
    clock(&app, "2026-06-01T12:00:10Z").await;
    app.sim.respond_with(|_| Reply::text("All is well."));
    let worker = app.another_replica(Setup::default()).await;
    for id in &ids {
        assert_eq!(ended(&alice, id, 1).await[0]["status"], "cancelled");
    }
    assert_eq!(app.database.count("select count(*) from sixty.runs").await, 0);
    worker.shut_down().await;
}

#[tokio::test]
async fn a_deleted_task_takes_its_conversations_with_it() {
    let app = start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let id = make(&alice, daily()).await;
    let session = run_now(&alice, &id, 1).await[0]["session_id"].as_str().unwrap().to_owned();
    alice.get(&format!("/v1/sessions/{session}")).await.expect(200);
    alice.delete(&format!("{PATH}/{id}")).await.expect(204);
    alice.get(&format!("/v1/sessions/{session}")).await.problem(404, "not_found");
    for table in ["sessions", "runs", "messages", "schedule_runs", "schedules"] {
        let sql: &'static str = format!("select count(*) from sixty.{table}").leak();
        assert_eq!(app.database.count(sql).await, 0, "{table}");
    }
}

#[tokio::test]
async fn a_task_goes_on_in_the_conversation_that_it_names() {
    let app = start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let session = alice.session().await;
    alice.hear(&session, "We talk about Acme.").await;
    let id = make(&alice, with(json!({"session": session}))).await;
    run_now(&alice, &id, 1).await;
    let history = run_now(&alice, &id, 2).await;
    assert!(history.iter().all(|run| run["session_id"] == session && run["status"] == "done"), "{history:?}");
    assert_eq!(alice.history(&session).await.len(), 6);
    // One that is gone pauses it.
    alice.delete(&format!("/v1/sessions/{session}")).await.expect(204);
    let history = run_now(&alice, &id, 3).await;
    assert!(history.iter().any(|run| run["error"]["code"] == "conversation_gone"), "{history:?}");
    let task = read(&alice, &id).await;
    assert_eq!((&task["status"], &task["paused_for"]), (&json!("paused"), &json!("target")));
}

#[tokio::test]
async fn a_result_is_written_into_the_conversation_that_waits_for_it() {
    let app = start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let session = alice.session().await;
    alice.hear(&session, "Report here.").await;
    let deliver = json!({"kind": "session", "session_id": session});
    let id = make(&alice, with(json!({"deliver": deliver}))).await;
    app.sim.push(Reply::text("All is well."));
    let history = run_now(&alice, &id, 1).await;
    assert_ne!(history[0]["session_id"], session);
    let said = alice.history(&session).await;
    assert_eq!(said.len(), 3);
    assert_eq!(
        said[2]["content"][0]["text"],
        "Result of the scheduled task \"Morning brief\":\n\nAll is well."
    );
    // The conversation goes on with it.
    alice.hear(&session, "Thanks, and what next?").await;
    assert_eq!(alice.history(&session).await.len(), 5);
}

#[tokio::test]
async fn one_run_is_asked_for_at_a_time_and_takes_no_slot_away() {
    let app = start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let session = alice.session().await;
    app.sim.push(Reply::call("ask_user", json!({"question": "Which one?"})));
    let asked = alice.ask(&session, "Do it.").await;
    assert_eq!(asked["run"]["status"], "waiting");
    let once = json!({"kind": "once", "at": "2026-06-01T13:00:00Z"});
    let id = make(&alice, with(json!({"schedule": once, "session": session}))).await;
    // The conversation is busy: both wait.
    clock(&app, "2026-06-01T13:00:00Z").await;
    eventually("the slot is claimed", async || (runs(&alice, &id).await.len() == 1).then_some(())).await;
    act(&alice, &id, "run").await.expect(202);
    act(&alice, &id, "run").await.problem(409, "schedule_running");
    alice
        .post(&format!("/v1/runs/{}/cancel", asked["run"]["id"].as_str().unwrap()), json!({}))
        .await
        .expect(202);
    clock(&app, "2026-06-01T13:01:00Z").await;
    ended(&alice, &id, 1).await;
    clock(&app, "2026-06-01T13:02:00Z").await;
    let history = ended(&alice, &id, 2).await;
    assert!(history.iter().all(|run| run["status"] == "done"), "{history:?}");
    becomes(&alice, &id, "completed").await;
}

#[tokio::test]
async fn what_is_cancelled_stays_so_and_its_last_result_is_told() {
    let app = start().await;
    let alice = app.alice();
    let target = alice.session().await;
    let deliver = json!({"kind": "session", "session_id": target});
    let id = make(&alice, with(json!({"deliver": deliver}))).await;
    let gate = Gate::new();
    app.sim.push(Reply::text("All is well.").hold_before(&gate));
    act(&alice, &id, "run").await.expect(202);
    eventually("it has begun", async || runs(&alice, &id).await[0]["run_id"].is_string().then_some(())).await;
    act(&alice, &id, "cancel").await.expect(200);
    alice.delete(&format!("/v1/sessions/{target}")).await.expect(204);
    gate.release();
    assert_eq!(ended(&alice, &id, 1).await[0]["status"], "done");
    assert_eq!(read(&alice, &id).await["status"], "cancelled");
    let told = alice.get("/v1/notifications").await.expect(200).json();
    assert_eq!(told["data"].as_array().unwrap().len(), 1, "{told}");
    let text = told["data"][0]["text"].as_str().unwrap();
    assert!(text.contains("not there any more") && text.contains("All is well."), "{text}");
}

#[tokio::test]
async fn the_newest_results_are_kept_and_what_waits_or_is_held() {
    let app = start().await;
    let alice = app.alice();
    let id = make(&alice, daily()).await;
    for count in 1..=3 {
        run_now(&alice, &id, count).await;
    }
    let pool = app.database.superuser().await;
    // As if two hundred more had come since, of which the oldest conversation is held and the next one waits.
    sqlx::query(
        "insert into sixty.schedule_runs (org_id, owner_id, schedule_id, id, slot, state, begin_at, lease_until)
         select s.org_id, s.owner_id, s.id, gen_random_uuid(), now() + n * interval '1 hour', 'done', now(), now()
         from sixty.schedules s, generate_series(1, 200) n",
    )
    .execute(&pool)
    .await
    .expect("slots");
    let sessions: Vec<uuid::Uuid> = sqlx::query_scalar("select id from sixty.sessions order by id")
        .fetch_all(&pool)
        .await
        .expect("three");
    alice.put("/v1/admin/retention", json!({"legal_hold": {"organization": false}})).await.expect(200);
    sqlx::query(
        "insert into sixty.retention_holds (org_id, user_id, session_id)
         select org_id, owner_id, id from sixty.sessions where id = $1",
    )
    .bind(sessions[0])
    .execute(&pool)
    .await
    .expect("a hold");
    sqlx::query("update sixty.schedule_runs set state = 'begun', lease_until = now() + interval '1 day' where session_id = $1")
        .bind(sessions[1])
        .execute(&pool)
        .await
        .expect("it waits");
    let session = alice.session().await;
    alice.patch(&format!("{PATH}/{id}"), json!({"session": session})).await.expect(200);
    sqlx::query("update sixty.schedule_runs set manual = false")
        .execute(&pool)
        .await
        .expect("nothing is open by hand");
    act(&alice, &id, "run").await.expect(202);
    let kept = "select count(*) from sixty.sessions where schedule_id is not null";
    eventually("the third goes", async || (app.database.count(kept).await == 2).then_some(())).await;
    let open = "select count(*) from sixty.schedule_runs where state = 'begun'";
    assert_eq!(app.database.count(open).await, 1);
    alice.delete(&format!("{PATH}/{id}")).await.problem(409, "legal_hold");
}

#[tokio::test]
async fn of_slots_that_wait_for_a_conversation_the_newest_begins() {
    let app = start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let session = alice.session().await;
    app.sim.push(Reply::call("ask_user", json!({"question": "Which one?"})));
    let asked = alice.ask(&session, "Do it.").await;
    let hourly = json!({"kind": "cron", "cron": "0 * * * *"});
    let id = make(&alice, with(json!({"schedule": hourly, "session": session}))).await;
    for hour in 13..=15 {
        clock(&app, &format!("2026-06-01T{hour}:00:00Z")).await;
        eventually("it is claimed", async || (runs(&alice, &id).await.len() == hour - 12).then_some(()))
            .await;
    }
    let overtaken = ended(&alice, &id, 2).await;
    assert!(overtaken[1..].iter().all(|run| run["error"]["code"] == "overtaken"), "{overtaken:?}");
    assert_eq!(overtaken[0]["status"], "running");
    alice
        .post(&format!("/v1/runs/{}/cancel", asked["run"]["id"].as_str().unwrap()), json!({}))
        .await
        .expect(202);
    clock(&app, "2026-06-01T15:01:00Z").await;
    assert_eq!(ended(&alice, &id, 3).await[0]["status"], "done");
}
