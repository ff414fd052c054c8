//! Everything that grows is bounded.

use model_sim::Reply;
use serde_json::json;

use crate::harness::TestApp;

#[tokio::test]
async fn streams_and_keys_are_dropped_a_day_after_the_end_and_not_before() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let mut runs = Vec::new();
    for n in 0..2 {
        app.sim.push(Reply::text("an answer"));
        let path = format!("/v1/sessions/{session}/messages");
        let request =
            alice.request(reqwest::Method::POST, &path).header("idempotency-key", format!("key-{n}"));
        let turn = alice.send(request.json(&json!({"text": "hello"}))).await.expect(200).json();
        runs.push(turn["run"]["id"].as_str().expect("an id").to_owned());
    }
    let old = runs[0].clone();
    let superuser = app.database.superuser().await;
    for sql in [
        "update sixty.runs set finished_at = now() - interval '25 hours' where id = $1::uuid",
        "update sixty.run_events set created_at = now() - interval '25 hours' where run_id = $1::uuid",
        "update sixty.idempotency set created_at = now() - interval '25 hours' where run_id = $1::uuid",
    ] {
        sqlx::query(sql).bind(&old).execute(&superuser).await.expect("the rows age");
    }
    let mut tx = app.replica.engine.store().system().await.expect("a transaction");
    let dropped = store::housekeeping::drop_streams(&mut tx, None).await.expect("a count");
    assert!(dropped.rows >= 1 && dropped.next.is_some(), "{dropped:?}");
    let dropped = store::housekeeping::drop_streams(&mut tx, dropped.next).await.expect("a count");
    assert_eq!((dropped.rows, dropped.next), (0, None));
    assert_eq!(store::housekeeping::drop_keys(&mut tx).await.expect("a count"), 1);
    tx.commit().await.expect("a commit");
    assert_eq!(app.database.count("select count(distinct run_id) from sixty.run_events").await, 1);
    assert_eq!(app.database.count("select count(*) from sixty.idempotency").await, 1);
    // Whoever comes later learns at least the end.
    let frames = alice.follow(&old, None).await.rest().await;
    assert_eq!(frames.iter().map(|frame| frame.event.as_str()).collect::<Vec<_>>(), ["done"]);
    assert!(alice.follow(&runs[1], None).await.rest().await.len() > 2);
}

#[tokio::test]
async fn single_model_calls_are_forgotten_after_400_days_and_their_sums_stay() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    for _ in 0..3 {
        app.sim.push(Reply::text("an answer"));
        alice.ask(&session, "Hello?").await;
    }
    let superuser = app.database.superuser().await;
    let age = "update sixty.usage_events set at = now() - make_interval(days => $1)
        where id = (select id from sixty.usage_events order by id offset $2 limit 1)";
    for (days, place) in [(401, 0_i64), (399, 1)] {
        sqlx::query(age).bind(days).bind(place).execute(&superuser).await.expect("the row ages");
    }
    let before = alice.get("/v1/usage").await.expect(200).json();
    for gone in [1, 0] {
        let mut tx = app.replica.engine.store().system().await.expect("a transaction");
        assert_eq!(store::housekeeping::drop_usage(&mut tx).await.expect("a count"), gone);
        tx.commit().await.expect("a commit");
    }
    assert_eq!(app.database.count("select count(*) from sixty.usage_events").await, 2);
    let told = alice.get("/v1/usage").await.expect(200).json();
    assert_eq!((&told["totals"]["calls"], &told), (&json!(3), &before));
}
