//! Results on their way: what befalls them between two looks.

use model_sim::{Gate, Reply};
use serde_json::{Value, json};

use super::{
    act, clock,
    delivery::{BOB, by_mail, delivery, mailing, told},
    make, read, run_now, start, with,
};
use crate::harness::{Fault, Mailbox, Person, Setup, TestApp, eventually};

const NOON: &str = "2026-06-01T12:00:00Z";

/// Waits until the newest result was tried, and stays where it is.
async fn tried(person: &Person, id: &str, times: i64, app: &TestApp) -> Value {
    eventually("a try", async || {
        let sql = "select coalesce(max(delivery_tries), 0)::bigint from sixty.schedule_runs where delivery = 'pending'";
        (app.database.count(sql).await == times).then_some(())
    })
    .await;
    super::runs(person, id).await[0]["delivery"].clone()
}

#[tokio::test]
async fn a_server_that_died_before_it_noted_that_it_wrote_to_a_colleague_writes_nothing_again() {
    let app = start().await;
    let (alice, bob) = (app.alice(), app.bob());
    clock(&app, NOON).await;
    let session = bob.session().await;
    let id = make(&alice, with(json!({"deliver": {"kind": "session", "session_id": session}}))).await;
    run_now(&alice, &id, 1).await;
    delivery(&alice, &id, "sent").await;
    let undone = "update sixty.schedule_runs set delivery = 'pending', lease_until = '2026-06-01T12:05:00Z'";
    app.database.run(undone).await;
    clock(&app, "2026-06-01T12:05:01Z").await;
    delivery(&alice, &id, "sent").await;
    assert_eq!(bob.history(&session).await.len(), 1);
    assert_eq!((told(&bob).await.len(), told(&alice).await.len()), (1, 1));
}

#[tokio::test]
async fn a_right_that_is_taken_away_while_a_mail_waits_keeps_it_from_being_sent() {
    let (app, mailbox, alice, _bob) = mailing().await;
    clock(&app, NOON).await;
    let id = make(&alice, with(json!({"deliver": {"kind": "email", "to": BOB}}))).await;
    mailbox.fail([Fault::Refuse("451 try later")]);
    act(&alice, &id, "run").await.expect(202);
    tried(&alice, &id, 1, &app).await;
    let rows: Vec<Value> = ["owner", "admin"]
        .iter()
        .map(|role| json!({"role": role, "action": "access_all_org", "policy": "disabled"}))
        .collect();
    alice.put("/v1/admin/permissions", json!({"preset": "balanced", "rows": rows})).await.expect(200);
    clock(&app, "2026-06-01T12:01:01Z").await;
    let failed = delivery(&alice, &id, "failed").await;
    assert!(failed["error"].as_str().expect("a reason").contains("not yours to reach"), "{failed}");
    assert_eq!(read(&alice, &id).await["paused_for"], "target");
    assert!(mailbox.mails().is_empty());
}

#[tokio::test]
async fn a_mail_that_nobody_takes_is_given_up_after_its_last_try_and_told() {
    let (app, mailbox, _alice, bob) = mailing().await;
    clock(&app, NOON).await;
    let id = make(&bob, by_mail()).await;
    mailbox.fail(std::iter::repeat_n(Fault::Refuse("451 try later"), 5));
    act(&bob, &id, "run").await.expect(202);
    for (i, then) in ["12:01:01", "12:06:02", "12:36:03", "14:36:04"].into_iter().enumerate() {
        let pending = tried(&bob, &id, i64::try_from(i).expect("few") + 1, &app).await;
        assert!(pending["error"].as_str().expect("a reason").contains("try later"), "{pending}");
        clock(&app, &format!("2026-06-01T{then}Z")).await;
    }
    let failed = delivery(&bob, &id, "failed").await;
    assert!(failed["error"].as_str().expect("a reason").contains("try later"), "{failed}");
    assert_eq!(told(&bob).await, ["schedule_undelivered", "schedule_done"]);
    assert_eq!((mailbox.mails().len(), &read(&bob, &id).await["status"]), (0, &json!("active")));
}

#[tokio::test]
async fn a_shutdown_waits_for_a_mail_that_is_being_sent() {
    let mailbox = Mailbox::start().await;
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    app.sim.respond_with(|_| Reply::text("Two meetings."));
    let setup = Setup { smtp_url: Some(mailbox.url.clone()), ..Setup::default() };
    let leaving = app.another_replica(setup).await;
    let bob = leaving.mailed("acme", "bob", "member", BOB);
    let gate = Gate::new();
    mailbox.fail([Fault::Late(gate.clone())]);
    let id = make(&bob, by_mail()).await;
    act(&bob, &id, "run").await.expect(202);
    gate.reached().await;
    let stopping = leaving.engine.stopping();
    let opened = async {
        stopping.cancelled().await;
        gate.release();
    };
    tokio::join!(leaving.shut_down(), opened);
    let bob = bob.at(app.replica.address);
    assert_eq!(super::runs(&bob, &id).await[0]["delivery"]["status"], "sent");
    assert_eq!(mailbox.mails().len(), 1);
}
