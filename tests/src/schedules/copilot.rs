//! What the copilot does with scheduled tasks when it is asked to.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{PATH, allow, clock, daily, make, read, run_now, start};
use crate::harness::{
    Person,
    look::{end, prompts, result},
};

async fn tasks(person: &Person) -> Vec<Value> {
    person.get(PATH).await.expect(200).json()["data"].as_array().expect("a list").clone()
}

/// Says something in a zone.
async fn say(person: &Person, session: &str, text: &str) -> Vec<crate::harness::Frame> {
    let body = json!({"text": text, "context": {"timezone": "Europe/Berlin"}});
    person.say_with(session, &body).await.rest().await
}

#[tokio::test]
async fn it_schedules_in_the_persons_zone_and_tells_the_next_times() {
    let app = start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let session = alice.session().await;
    let schedule = json!({"kind": "cron", "cron": "0 9 * * MON-FRI"});
    let task = json!({"name": "Brief", "prompt": "What is on?", "schedule": schedule});
    app.sim.push(Reply::call("schedule_task", task));
    app.sim.push(Reply::call("list_schedules", json!({})));
    app.sim.push(Reply::text("It is set up."));
    say(&alice, &session, "Brief me each morning.").await;
    let [task] = &tasks(&alice).await[..] else { panic!("one task") };
    assert_eq!(
        task["schedule"],
        json!({"kind": "cron", "cron": "0 9 * * MON-FRI", "timezone": "Europe/Berlin"})
    );
    let prompts = prompts(&app.sim);
    let (told, failed) = result(&prompts[1], 0);
    assert!(!failed && told.contains("Monday to Friday at 09:00 (Europe/Berlin)"), "{told}");
    assert!(told.contains("The next times: 2026-06-02 07:00 UTC, 2026-06-03 07:00 UTC"), "{told}");
    let (listed, _) = result(&prompts[2], 0);
    assert!(listed.contains(task["id"].as_str().unwrap()) && listed.contains("active"), "{listed}");
}

#[tokio::test]
async fn it_pauses_resumes_and_cancels_and_is_told_what_it_cannot_do() {
    let app = start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let id = make(&alice, daily()).await;
    let bobs = make(&app.bob(), daily()).await;
    app.sim.push(
        Reply::call("change_schedule", json!({"id": id, "to": "pause"}))
            .tool("change_schedule", json!({"id": bobs, "to": "cancel"}))
            .tool("change_schedule", json!({"id": "main", "to": "cancel"}))
            .tool(
                "schedule_task",
                json!({"name": "X", "prompt": "Y", "schedule": {"kind": "cron", "cron": "0 25 * * *"}}),
            ),
    );
    app.sim.push(Reply::text("Done."));
    say(&alice, &session, "Stop it for now.").await;
    assert_eq!(read(&alice, &id).await["status"], "paused");
    assert_eq!(read(&app.bob(), &bobs).await["status"], "active");
    let prompts = prompts(&app.sim);
    assert!(result(&prompts[1], 0).0.contains("paused"));
    for (index, words) in [
        (1, format!("The person has no scheduled task {bobs:?}")),
        (2, "The person has no scheduled task \"main\"".to_owned()),
        (3, "Nothing was done: schedule.cron".to_owned()),
    ] {
        let (told, failed) = result(&prompts[1], index);
        assert!(failed && told.contains(&words), "{told}");
    }
}

#[tokio::test]
async fn a_person_is_asked_where_the_matrix_wants_it_and_sees_when_it_would_fire() {
    let app = start().await;
    let (alice, bob) = (app.alice(), app.bob());
    allow(&alice, "schedule_task", "approve").await;
    let session = bob.session().await;
    let task =
        json!({"name": "Brief", "prompt": "What is on?", "schedule": {"kind": "cron", "cron": "0 9 * * *"}});
    app.sim.push(Reply::call("schedule_task", task));
    let frames = say(&bob, &session, "Brief me each morning.").await;
    assert_eq!(end(&frames).data["status"], "waiting");
    assert!(tasks(&bob).await.is_empty());
    let open = bob.get("/v1/approvals?status=pending").await.expect(200).json();
    let asked = &open["data"][0];
    assert_eq!(asked["preview"]["title"], "Schedule \"Brief\": every day at 09:00 (Europe/Berlin)");
    let path = format!("/v1/approvals/{}", asked["id"].as_str().unwrap());
    let decided = bob.post(&path, json!({"decision": "approve"})).await.expect(202).json();
    bob.follow(decided["run_id"].as_str().unwrap(), None).await.rest().await;
    assert_eq!(tasks(&bob).await.len(), 1);
}

#[tokio::test]
async fn a_task_makes_no_task_that_fires_sooner_than_five_minutes_later_or_as_close() {
    let app = start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let id = make(&alice, daily()).await;
    let task = |schedule: Value| json!({"name": "More", "prompt": "Again.", "schedule": schedule});
    app.sim.push(
        Reply::call("schedule_task", task(json!({"kind": "interval", "every_seconds": 60})))
            .tool("schedule_task", task(json!({"kind": "cron", "cron": "*/2 * * * *"})))
            .tool("schedule_task", task(json!({"kind": "once", "at": "2026-06-01T12:04:59Z"})))
            .tool("schedule_task", task(json!({"kind": "cron", "cron": "0,1 9 * * *"})))
            .tool("schedule_task", task(json!({"kind": "once", "at": "2026-06-01T12:05:00Z"}))),
    );
    app.sim.push(Reply::text("Done."));
    run_now(&alice, &id, 1).await;
    let made = tasks(&alice).await;
    assert_eq!(made.len(), 2, "{made:?}");
    assert_eq!(made[0]["next_run_at"], "2026-06-01T12:05:00Z");
    let prompts = prompts(&app.sim);
    for index in 0..4 {
        let (told, failed) = result(&prompts[1], index);
        assert!(failed && told.contains("five minutes later or more"), "{told}");
    }
}

#[tokio::test]
async fn what_a_task_of_foreign_words_wants_to_remember_is_only_proposed() {
    let app = start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let task =
        json!({"name": "Brief", "prompt": "Remember it.", "schedule": {"kind": "cron", "cron": "0 9 * * *"}});
    app.sim.push(Reply::call("schedule_task", task));
    app.sim.push(Reply::text("Done."));
    let page = json!({"text": "Do what the mail says.", "context": {"view": {"mail": "Schedule this."}}});
    alice.say_with(&session, &page).await.rest().await;
    let id = tasks(&alice).await[0]["id"].as_str().expect("a task").to_owned();
    app.sim.push(Reply::call(
        "memory_append",
        json!({"scope": "user", "section": "Facts", "text": "Likes tea"}),
    ));
    app.sim.push(Reply::text("Done."));
    run_now(&alice, &id, 1).await;
    let memory = alice.get("/v1/memory/user").await.expect(200).json();
    assert_eq!(memory["content"], "", "{memory}");
    let proposals = alice.get("/v1/memory/proposals").await.expect(200).json();
    assert_eq!(proposals["data"].as_array().unwrap().len(), 1, "{proposals}");
}
