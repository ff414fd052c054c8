//! A pool without a free connection: runs keep their leases, callers are told to come again.

use domain::{OrgId, Tenant, UserId};
use model_sim::{Gate, Reply};
use reqwest::Method;
use serde_json::json;
use server::config::ACQUIRE_TIMEOUT;

use crate::harness::{
    Setup, TestApp, eventually,
    look::{answers, end},
};

const LEASE_SECONDS: u32 = 3;

#[tokio::test]
async fn heartbeats_survive_an_exhausted_pool_and_callers_are_told_to_come_again() {
    let most = std::time::Duration::from_secs(1);
    assert!(ACQUIRE_TIMEOUT <= most, "nobody waits longer than {most:?} to be refused");
    let app = TestApp::with(Setup {
        connections: 2,
        acquire_timeout: ACQUIRE_TIMEOUT,
        lease_seconds: LEASE_SECONDS,
        ..Setup::default()
    })
    .await;
    let alice = app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::text("Still here.").hold_after(1, &gate));
    let mut events = alice.say(&session, "Hi").await;
    let mut frames = events.until("run_started").await;
    gate.reached().await;

    let tenant = Tenant::own(OrgId::derive("acme"), UserId::derive("alice"));
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(app.replica.engine.store().tenant(tenant).await.expect("a connection"));
    }
    for (method, path) in [
        (Method::GET, "/v1/sessions".to_owned()),
        (Method::GET, "/v1/me".to_owned()),
        (Method::PUT, "/v1/memory/user".to_owned()),
        (Method::POST, format!("/v1/sessions/{session}/messages")),
    ] {
        let body = if method == Method::PUT { json!({"content": "Mine"}) } else { json!({"text": "Hi"}) };
        let answer = alice.send(alice.request(method, &path).json(&body)).await;
        answer.problem(503, "unavailable");
        assert_eq!(answer.header("retry-after"), "1", "{path}");
    }
    // Without a heartbeat the lease would end, and the run be taken over.
    let end_of_lease = "select (extract(epoch from lease_until) * 1000)::bigint from sixty.runs";
    let before = app.database.count(end_of_lease).await;
    eventually("the lease is renewed past its end", async || {
        let renewed = app.database.count(end_of_lease).await - before;
        (renewed > i64::from(LEASE_SECONDS) * 1000).then_some(())
    })
    .await;
    drop(held);
    gate.release();
    frames.extend(events.rest().await);
    assert_eq!(end(&frames).data["status"], "done");
    assert_eq!(answers(&frames), ["Still here."]);
    assert!(frames.iter().all(|frame| frame.id.starts_with("1.")), "taken over: {frames:?}");
    alice.get("/v1/sessions").await.expect(200);
}
