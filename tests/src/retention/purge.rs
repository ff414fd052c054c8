//! Whole conversations.

use model_sim::{Gate, Reply};
use serde_json::{Value, json};

use super::{House, age, all_rounds_are_done, conversation, count, keep, preview, purge, sql, trail};
use crate::harness::look::run_of;

/// Rows that belong to a session, in every table.
async fn rows(database: &sqlx::PgPool, session: &str) -> Vec<i64> {
    let mut rows = Vec::new();
    for table in ["messages", "runs", "copilot_session_summaries", "copilot_summary_passages", "approvals"] {
        rows.push(
            count(database, format!("select count(*) from sixty.{table} where session_id = '{session}'"))
                .await,
        );
    }
    for table in ["steps", "tool_calls", "run_events"] {
        let of = format!("select id from sixty.runs where session_id = '{session}'");
        rows.push(
            count(database, format!("select count(*) from sixty.{table} where run_id in ({of})")).await,
        );
    }
    rows.push(count(database, format!("select count(*) from sixty.sessions where id = '{session}'")).await);
    rows
}

#[tokio::test]
async fn conversations_without_activity_go_whole_and_all_others_stay() {
    let house = House::build().await;
    let (alice, bob, mallory) = (house.app.alice(), house.app.bob(), house.app.stranger());
    let old = conversation(&house.app, &alice).await;
    let bobs = conversation(&house.app, &bob).await;
    let young = conversation(&house.app, &alice).await;
    let elsewhere = conversation(&house.app, &mallory).await;
    let keyed = alice.put("/v1/sessions/by-key/main", json!({})).await.expect(201).json();
    let keyed = keyed["id"].as_str().expect("an id").to_owned();
    let (app, database) = house.rest().await;
    for session in [&old, &bobs, &elsewhere, &keyed] {
        age(&database, session, 31).await;
    }
    age(&database, &young, 29).await;
    // Streams expire by themselves; the preview counts those as well.
    let of = format!("select id from sixty.runs where session_id = '{young}'");
    sql(&database, format!("delete from sixty.run_events where run_id in ({of})")).await;
    let kept = [rows(&database, &young).await, rows(&database, &elsewhere).await];
    assert!(rows(&database, &old).await[..4].iter().all(|rows| *rows > 0));
    let sum: Vec<i64> = {
        let (a, b) = (rows(&database, &old).await, rows(&database, &bobs).await);
        a.iter().zip(&b).map(|(a, b)| a + b).collect()
    };
    let tried = preview(&alice, "?transcripts_days=30").await;
    assert_eq!(preview(&alice, "").await["sessions"], 0);
    keep(&alice, json!({"transcripts_days": 30})).await;
    assert_eq!(preview(&alice, "").await, tried);
    let purged = purge(&app).await;
    assert_eq!(serde_json::to_value(purged).expect("JSON"), tried);
    assert_eq!((purged.sessions, purged.messages, purged.runs), (3, sum[0], sum[1]));
    assert_eq!((purged.archives, purged.events), (sum[2], sum[7]));
    for session in [&old, &bobs, &keyed] {
        assert_eq!(rows(&database, session).await, [0; 9]);
    }
    assert_eq!([rows(&database, &young).await, rows(&database, &elsewhere).await], kept);
    alice.get(&format!("/v1/sessions/{old}")).await.problem(404, "not_found");
    assert_eq!(alice.history(&young).await.len(), 6);
    let entries = trail(&alice, "retention.purge").await;
    let entry = entries.first().expect("an entry");
    assert_eq!((entries.len(), &entry["detail"]), (1, &json!(purged.to_string())));
    assert_eq!((&entry["actor_kind"], &entry["channel"]), (&json!("service"), &json!("service")));
    // The day's round is done, and says nothing twice.
    assert!(purge(&app).await.is_nothing());
    assert_eq!(trail(&alice, "retention.purge").await.len(), 1);
    assert!(trail(&mallory, "retention.purge").await.is_empty());
    let again = alice.put("/v1/sessions/by-key/main", json!({})).await.expect(201).json();
    assert_ne!(again["id"], json!(keyed));
}

#[tokio::test]
async fn a_conversation_with_a_run_that_is_not_at_its_end_stays() {
    let house = House::build().await;
    let alice = house.app.alice();
    alice.deal().await;
    let waiting = alice.session().await;
    let change = json!({"kind": "deal", "id": "D-42", "changes": {"stage": "won"}});
    house.app.sim.push(Reply::call("update_entity", change));
    assert_eq!(alice.ask(&waiting, "Close it.").await["run"]["status"], "waiting");
    let running = alice.session().await;
    let gate = Gate::new();
    house.app.sim.push(Reply::text("One moment, please.").hold_after(1, &gate));
    let mut events = alice.say(&running, "Hi").await;
    let run = run_of(&events.until("token").await);
    let ended = alice.session().await;
    alice.ask(&ended, "Hi").await;
    for session in [&waiting, &running, &ended] {
        age(&house.database, session, 100).await;
    }
    keep(&alice, json!({"transcripts_days": 30, "messages_days": 1})).await;
    assert_eq!(preview(&alice, "").await["sessions"], 1);
    purge(&house.app).await;
    all_rounds_are_done(&house.database).await;
    for session in [&waiting, &running] {
        alice.get(&format!("/v1/sessions/{session}")).await.expect(200);
    }
    alice.get(&format!("/v1/sessions/{ended}")).await.problem(404, "not_found");
    gate.release();
    let rest = events.rest().await;
    assert_eq!(rest.last().map(|frame| frame.event.as_str()), Some("done"), "{run}");
    let open = alice.get(&format!("/v1/approvals?session_id={waiting}")).await.expect(200).json();
    let path = format!("/v1/approvals/{}", open["data"][0]["id"].as_str().expect("an id"));
    alice.post(&path, json!({"decision": "approve"})).await.expect(202);
}

#[tokio::test]
async fn a_big_conversation_goes_in_many_small_transactions_and_is_gone_from_the_first_on() {
    let house = House::build().await;
    let alice = house.app.alice();
    let session = conversation(&house.app, &alice).await;
    let (app, database) = house.rest().await;
    sql(
        &database,
        format!(
            "insert into sixty.messages (org_id, owner_id, session_id, id, seq, role, content, author_id)
         select org_id, owner_id, id, gen_random_uuid(), last_seq + n, 'user', '[]', owner_id
         from sixty.sessions, generate_series(1, 1700) n where id = '{session}'"
        ),
    )
    .await;
    age(&database, &session, 31).await;
    keep(&alice, json!({"transcripts_days": 30})).await;
    let store = app.replica.engine.store();
    let round = super::rounds::claim(store).await.expect("a round");
    let mut steps = 0;
    let mut most = 0;
    loop {
        match store::retention::step(store, &round, false, async || {}).await.expect("a step") {
            store::retention::Step::More(purged) => {
                steps += 1;
                most = most.max(purged.messages);
                alice.get(&format!("/v1/sessions/{session}")).await.problem(404, "not_found");
                let body = json!({"text": "Are you there?"});
                alice.post(&format!("/v1/sessions/{session}/messages"), body).await.problem(404, "not_found");
            }
            store::retention::Step::Finished(all) => {
                assert_eq!((all.sessions, all.messages), (1, 1_706));
                break;
            }
            store::retention::Step::Lost => panic!("nobody else deletes"),
        }
    }
    assert!(steps >= 4 && most <= 500, "{steps} steps, {most} messages in one");
    assert_eq!(rows(&database, &session).await, [0; 9]);
    let listed: Value = alice.get("/v1/sessions").await.expect(200).json();
    assert_eq!(listed["data"], json!([]));
}
