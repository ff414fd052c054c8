//! A person is erased.

use domain::{OrgId, Tenant, UserId};
use model_sim::{Gate, Reply};
use serde_json::json;
use sqlx::AssertSqlSafe;
use store::{
    idempotency,
    memories::{self, Change, Subject},
    sessions::{self, NewSession},
};
use uuid::Uuid;

use super::{erased, fates::GONE, lives, number, platform, quick};
use crate::harness::{Setup, TestApp, eventually, look::run_of};

const BOBS: &str = "/v1/admin/members/bob/data";

/// Rows that are bob's, in every table that holds a person's own.
async fn bobs(app: &TestApp) -> i64 {
    let (org, user) = (OrgId::derive("acme"), UserId::derive("bob"));
    let counts: Vec<String> = GONE
        .iter()
        .map(|(table, column, _)| {
            format!("(select count(*) from sixty.{table} where org_id = '{org}' and {column} = '{user}')")
        })
        .collect();
    number(app, format!("select {}", counts.join(" + "))).await
}

#[tokio::test]
async fn what_is_left_of_an_erased_person_is_an_id_that_no_token_lifts() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    alice.deal().await;
    lives(&app, &bob, "Bob's own words.").await;
    let alices = lives(&app, &alice, "Alice's own words.").await;
    bob.post("/v1/entities/deal/D-42/notes", json!({"text": "They will sign."})).await.expect(201);
    bob.put("/v1/memory/entities/deal/D-42", json!({"content": "They pay late."})).await.expect(200);
    let strict = json!({"preset": "balanced", "users": [{"user": "bob", "action": "send_slack", "policy": "disabled"}]});
    alice.put("/v1/admin/permissions", strict).await.expect(200);
    assert!(bobs(&app).await > 8);

    let done = erased(&alice, BOBS).await;
    assert_eq!(bobs(&app).await, 0);
    assert!(done["rows"].as_i64().is_some_and(|rows| rows >= 6), "{done}");
    // To ask again changes nothing.
    assert_eq!(alice.delete(BOBS).await.expect(200).json(), done);
    alice.get("/v1/admin/members/bob/export").await.problem(404, "not_found");
    // The token is as good as before, and the membership is over.
    bob.get("/v1/me").await.problem(403, "membership_ended");
    bob.get("/v1/me/export").await.problem(403, "membership_ended");
    let left = "select external_id || coalesce(name, '') || coalesce(role, '') || status from sixty.members
        where user_id = $1";
    let pool = app.database.superuser().await;
    let id = UserId::derive("bob");
    let left: String = sqlx::query_scalar(left).bind(id.0).fetch_one(&pool).await.expect("a tombstone");
    assert_eq!(left, format!("erased:{id}removed"));
    // The organization keeps what it was told, and forgets by whom.
    let note = &alice.get("/v1/entities/deal/D-42/notes").await.expect(200).json()["data"][0];
    assert_eq!((&note["text"], &note["author"]), (&json!("They will sign."), &json!(null)), "{note}");
    let memory = alice.get("/v1/memory/entities/deal/D-42").await.expect(200).json();
    assert_eq!(memory["content"], "They pay late.");
    assert_eq!(memory["updated_by"], json!(null));
    let matrix = alice.get("/v1/admin/permissions").await.expect(200).json();
    assert_eq!((&matrix["users"], &matrix["version"]), (&json!([]), &json!(2)));
    // What is alice's is as it was.
    assert_eq!(alice.history(&alices).await.len(), 2);
    assert_eq!(alice.get("/v1/memory/user").await.expect(200).json()["content"], "Alice's own words.");
    let trail = alice.get("/v1/admin/audit?limit=100").await.expect(200).json();
    let told = |action: &str| {
        let entries = trail["data"].as_array().expect("a list");
        entries.iter().find(|entry| entry["action"] == action).unwrap_or_else(|| panic!("{trail}")).clone()
    };
    let target = json!(format!("member:erased:{id}"));
    assert_eq!((&told("member.erase")["actor"], &told("member.erase")["target"]), (&json!("alice"), &target));
    assert_eq!(told("member.erased")["actor_kind"], "service");
    assert!(!trail.to_string().contains("\"bob\""), "{trail}");

    // The platform can make the person a member again, who begins with nothing.
    platform(&app).put("/v1/platform/orgs/acme/members/bob", json!({"role": "member"})).await.expect(200);
    assert_eq!(bob.get("/v1/memory/user").await.expect(200).json()["version"], 0);
    assert_eq!(bob.get("/v1/sessions").await.expect(200).json()["data"], json!([]));
    alice.get("/v1/admin/members/bob/erasure").await.problem(404, "not_found");
    let again = erased(&alice, BOBS).await;
    assert_ne!(again["id"], done["id"]);
}

#[tokio::test]
async fn who_may_erase_whom_is_what_the_documents_say() {
    let app = TestApp::start().await;
    let (alice, bob, mallory) = (app.alice(), app.bob(), app.stranger());
    let adam = app.replica.person("acme", "adam", "admin");
    for person in [&alice, &bob, &mallory, &adam] {
        person.get("/v1/me").await.expect(200);
    }
    let platform = platform(&app);
    platform.put("/v1/platform/orgs/acme/members/alice", json!({"role": "owner"})).await.expect(200);
    for barred in [&bob, &app.rita()] {
        for user in ["bob", "alice", "nobody", "mallory"] {
            barred.delete(&format!("/v1/admin/members/{user}/data")).await.problem(403, "forbidden");
            barred.get(&format!("/v1/admin/members/{user}/export")).await.problem(403, "forbidden");
        }
    }
    alice.delete("/v1/admin/members/alice/data").await.problem(403, "own_data");
    adam.delete("/v1/admin/members/alice/data").await.problem(403, "owner_protected");
    // Unknown, another organization's, and no name at all.
    let mut answers = Vec::new();
    for user in ["nobody", "mallory", "%00", "%ff", "a%2Fb", &"9".repeat(2_000)] {
        for path in [format!("{user}/data"), format!("{user}/export"), format!("{user}/erasure")] {
            let path = format!("/v1/admin/members/{path}");
            let answer =
                if path.ends_with("data") { alice.delete(&path).await } else { alice.get(&path).await };
            let mut problem = answer.problem(404, "not_found");
            problem["request_id"] = json!(null);
            answers.push(problem);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(app.database.count("select count(*) from sixty.erasures").await, 0);
    // A name that has to be encoded.
    let odd = app.replica.person("acme", "a/b c?d", "member");
    odd.get("/v1/me").await.expect(200);
    erased(&adam, "/v1/admin/members/a%2Fb%20c%3Fd/data").await;
    odd.get("/v1/me").await.problem(403, "membership_ended");
    // An owner's word goes for an owner.
    let olga = app.replica.person("acme", "olga", "owner");
    olga.get("/v1/me").await.expect(200);
    erased(&olga, "/v1/admin/members/alice/data").await;
    mallory.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn runs_of_whoever_is_erased_stop_wherever_they_are_executed_and_write_no_more() {
    let app = TestApp::with(Setup { works: false, ..quick() }).await;
    let other = app.another_replica(quick()).await;
    let alice = app.alice();
    let bob = app.bob().at(other.address);
    let session = bob.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::text("Nobody will read all of this.").hold_after(1, &gate));
    let mut events = bob.say(&session, "Hi").await;
    run_of(&events.until("token").await);
    assert_eq!(other.engine.running(), 1);
    let place = alice.delete(BOBS).await.expect(202).header("location").to_owned();
    bob.post(&format!("/v1/sessions/{session}/messages"), json!({"text": "Still here?"}))
        .await
        .problem(403, "membership_ended");
    // The stream ends although the model is still speaking.
    events.rest().await;
    eventually("the run stops", async || (other.engine.running() == 0).then_some(())).await;
    gate.release();
    eventually("the erasure is done", async || {
        (alice.get(&place).await.expect(200).json()["status"] == "done").then_some(())
    })
    .await;
    assert_eq!(bobs(&app).await, 0);
}

#[tokio::test]
async fn an_erasure_goes_on_where_a_killed_server_left_it() {
    let app = TestApp::with(Setup { works: false, ..quick() }).await;
    let (alice, bob) = (app.alice(), app.bob());
    alice.get("/v1/me").await.expect(200);
    let session = bob.session().await;
    let pool = app.database.superuser().await;
    let many = format!(
        "insert into sixty.messages (org_id, owner_id, session_id, id, seq, role, content, author_id)
         select '{}', '{bob}', '{session}', gen_random_uuid(), n, 'user', '[]', '{bob}' from generate_series(1, 9000) n;
         update sixty.sessions set last_seq = 9000",
        OrgId::derive("acme"),
        bob = UserId::derive("bob"),
    );
    sqlx::raw_sql(AssertSqlSafe(many)).execute(&pool).await.expect("messages");
    // Somebody holds the oldest message, so that the first server cannot get to the end.
    let mut holding = pool.begin().await.expect("a transaction");
    let hold = "select id from sixty.messages order by seq limit 1 for update";
    sqlx::query(hold).fetch_one(&mut *holding).await.expect("a message");
    let first = app.another_replica(quick()).await;
    let place = alice.delete(BOBS).await.expect(202).header("location").to_owned();
    let rows = async || alice.get(&place).await.expect(200).json()["rows"].as_i64().unwrap_or_default();
    eventually("the first server is stuck in the middle", async || {
        let blocked = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        (rows().await >= 8_000 && app.database.count(blocked).await > 0).then_some(())
    })
    .await;
    first.kill();
    let before = rows().await;
    let left = bobs(&app).await;
    assert!(left > 1_000 && left < 1_100, "{left}");
    holding.rollback().await.expect("the message is free");
    let _second = app.another_replica(quick()).await;
    eventually("the second server is done", async || {
        (alice.get(&place).await.expect(200).json()["status"] == "done").then_some(())
    })
    .await;
    assert_eq!(bobs(&app).await, 0);
    // What the first had committed was not done again: the session is all that was left.
    assert_eq!((before, rows().await), (8_000, 8_001));
}

#[tokio::test]
async fn a_request_that_was_under_way_adds_nothing_to_whoever_is_erased() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    alice.get("/v1/me").await.expect(200);
    bob.get("/v1/me").await.expect(200);
    let tenant = Tenant::own(OrgId::derive("acme"), UserId::derive("bob"));
    // Three requests have been let in, and stand before their first write.
    let store = app.replica.engine.store();
    let open = async || store.tenant(tenant).await.expect("a transaction");
    let (mut opens, mut keeps, mut remembers) = (open().await, open().await, open().await);
    assert!(opens.membership().is_some_and(|member| member.active));
    erased(&alice, BOBS).await;
    let new = NewSession::default();
    let made = sessions::create(&mut opens, domain::SessionId::new(), &new).await.expect("an answer");
    assert_eq!(made, None);
    let claimed = idempotency::claim(&mut keeps, &Uuid::now_v7().to_string(), b"").await;
    assert!(claimed.is_err(), "{claimed:?}");
    let written = memories::write(&mut remembers, &Subject::Me, "Me.", Change::Put, None, None).await;
    assert!(written.is_err(), "{written:?}");
    for tx in [opens, keeps, remembers] {
        tx.commit().await.expect("a commit");
    }
    assert_eq!(bobs(&app).await, 0);
}
