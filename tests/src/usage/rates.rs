//! How often one may ask, how much may be under way, and that organizations take turns.

use domain::{OrgId, UserId};
use futures_util::future::join_all;
use model_sim::{Gate, Reply};
use serde_json::json;
use sqlx::AssertSqlSafe;

use super::send;
use crate::harness::{Setup, TestApp, eventually};

#[tokio::test]
async fn answers_count_down_what_is_left_of_each_limit() {
    let app = TestApp::with(Setup { rate_per_minute: 3, org_rate_per_minute: 5, ..Setup::default() }).await;
    let (alice, bob) = (app.alice(), app.bob());
    let seen = async |person: &crate::harness::Person| {
        let answer = person.get("/v1/sessions").await;
        (
            answer.status.as_u16(),
            answer.header("ratelimit").to_owned(),
            answer.header("ratelimit-policy").to_owned(),
        )
    };
    let policy = r#""user";q=3;w=60, "org";q=5;w=60"#.to_owned();
    assert_eq!(seen(&alice).await, (200, r#""user";r=2;t=20, "org";r=4;t=12"#.into(), policy.clone()));
    assert_eq!(seen(&alice).await, (200, r#""user";r=1;t=40, "org";r=3;t=24"#.into(), policy.clone()));
    // Refusals count as well.
    alice.get("/v1/runs/none").await.problem(404, "not_found");
    let refused = alice.get("/v1/sessions").await;
    refused.problem(429, "rate_limited");
    let wait = refused.header("retry-after").to_owned();
    assert_eq!(refused.header("ratelimit"), format!(r#""user";r=0;t={wait}"#));
    // The organization's is shared.
    assert_eq!(seen(&bob).await, (200, r#""user";r=2;t=20, "org";r=1;t=48"#.into(), policy.clone()));
    assert_eq!(seen(&bob).await.0, 200);
    let refused = bob.get("/v1/sessions").await;
    let problem = refused.problem(429, "rate_limited");
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("organization")), "{problem}");
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|wait| (1..=12).contains(&wait)));
    app.stranger().get("/v1/sessions").await.expect(200);
    // Nobody in particular is told nothing.
    let nobody = app.replica.bearer("nonsense").get("/v1/sessions").await;
    assert_eq!((nobody.status.as_u16(), nobody.header("ratelimit-policy")), (401, ""));
}

#[tokio::test]
async fn one_persons_runs_at_the_same_time_are_limited_and_so_are_an_organizations() {
    let app = TestApp::with(Setup { runs_of_user: 2, runs_of_org: 3, ..Setup::default() }).await;
    let (alice, bob) = (app.alice(), app.bob());
    let gate = Gate::new();
    app.sim.respond_with({
        let gate = gate.clone();
        move |_| Reply::text("At last.").hold_before(&gate)
    });
    let begin = async |person: &crate::harness::Person| {
        let session = person.session().await;
        let request = person.message(&session, &json!({"text": "Hi"})).header("prefer", "respond-async");
        person.send(request).await
    };
    for _ in 0..2 {
        begin(&alice).await.expect(202);
    }
    let refused = begin(&alice).await;
    let problem = refused.problem(429, "too_many_runs");
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|wait| wait >= 1));
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("of yours")), "{problem}");
    begin(&bob).await.expect(202);
    let problem = begin(&bob).await.problem(429, "too_many_runs");
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("your organization")), "{problem}");
    begin(&app.stranger()).await.expect(202);
    gate.release();
    eventually("all runs have ended", async || (app.replica.engine.running() == 0).then_some(())).await;
    begin(&bob).await.expect(202);
}

#[tokio::test]
async fn an_organization_with_a_thousand_queued_runs_does_not_delay_anothers_first() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let (alice, mallory) = (app.alice(), app.stranger());
    let session = alice.session().await;
    send_async(&alice, &session).await;
    let (org, alices) = (OrgId::derive("acme"), UserId::derive("alice"));
    let many = format!(
        "insert into sixty.sessions (org_id, owner_id, id) \
         select '{org}', '{alices}', gen_random_uuid() from generate_series(1, 1000); \
         insert into sixty.messages (org_id, owner_id, session_id, id, seq, role, content, author_id) \
         select org_id, owner_id, id, id, 1, 'user', '[]', owner_id from sixty.sessions where id <> '{session}'; \
         insert into sixty.runs (org_id, owner_id, session_id, id, message_id, trigger, status, mode, model, role, created_at) \
         select org_id, owner_id, id, id, id, 'http', 'queued', 'auto', 'anthropic/claude-test', 'owner', \
            now() - interval '1 hour' from sixty.sessions where id <> '{session}'"
    );
    let pool = app.database.superuser().await;
    sqlx::raw_sql(AssertSqlSafe(many)).execute(&pool).await.expect("a thousand runs");
    send_async(&mallory, &mallory.session().await).await;
    let store = app.replica.engine.store();
    let mut tx = store.system().await.expect("a transaction");
    let first = store::runs::candidates(&mut tx, domain::id::ReplicaId::new(), 2).await.expect("candidates");
    let mut owners = Vec::new();
    for candidate in &first {
        let lease = store::runs::claim(&mut tx, candidate, 30).await.expect("an answer").expect("a lease");
        owners.push(lease.org);
    }
    tx.commit().await.expect("a commit");
    owners.sort_unstable();
    let mut both = [org, OrgId::derive("globex")];
    both.sort_unstable();
    assert_eq!(owners, both, "the other organization's only run is among the first two");
}

async fn send_async(person: &crate::harness::Person, session: &str) {
    let request = person.message(session, &json!({"text": "Hi"})).header("prefer", "respond-async");
    person.send(request).await.expect(202);
}

#[tokio::test]
async fn a_limit_on_runs_is_none_on_messages_one_after_the_other() {
    let app = TestApp::with(Setup { runs_of_user: 1, runs_of_org: 1, ..Setup::default() }).await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.respond_with(|_| Reply::text("Yes."));
    for _ in 0..5 {
        let answer = send(&alice, &session, "And?").await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let others =
        join_all((0..3).map(|_| async { app.stranger().get("/v1/usage").await.status.as_u16() })).await;
    assert_eq!(others, [200; 3]);
}
