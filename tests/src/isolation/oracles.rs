//! What is another organization's changes nothing in what one is told: keys that
//! are taken, versions, counts, rates.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    masked,
    world::{THEIR_KEY, World},
};
use crate::{
    harness::{Answer, Person, Setup, TestApp},
    identity::forge,
};

/// Byte for byte the same answer, but for the name that was asked for and new ids and times.
#[track_caller]
fn same(what: &str, (theirs, foreign): (&str, &Answer), (nobodys, missing): (&str, &Answer)) {
    let (foreign, missing) =
        (masked(foreign, &[theirs.into()], true), masked(missing, &[nobodys.into()], true));
    assert_eq!(foreign, missing, "{what}");
}

async fn put(person: &Person, path: &str, version: Option<&str>, body: &Value) -> Answer {
    let mut request = person.request(Method::PUT, path).json(body);
    if let Some(version) = version {
        request = request.header("if-match", version);
    }
    person.send(request).await
}

#[tokio::test]
async fn an_entity_of_another_organization_is_written_as_one_that_nobody_has() {
    let world = World::new().await;
    let body = json!({"name": "Mine"});
    // At any version there is nothing, and then what is made is one's own, at version 1.
    for (version, status, etag) in [
        (Some("\"1\""), 404, ""),
        (Some("\"9\""), 404, ""),
        (Some("\"0\""), 201, "\"1\""),
        // Word for word the same is no new version.
        (None, 200, "\"1\""),
    ] {
        let foreign = put(&world.alice, "/v1/entities/deal/D-9", version, &body).await.expect(status);
        let missing = put(&world.alice, "/v1/entities/deal/N-9", version, &body).await.expect(status);
        assert_eq!((foreign.header("etag"), missing.header("etag")), (etag, etag));
        same("an entity", ("D-9", &foreign), ("N-9", &missing));
    }
    for (name, status) in [("D-8", 201), ("D-8", 409)] {
        let create = async |id: &str| {
            let new = json!({"kind": "deal", "id": id, "name": "Mine"});
            world.alice.post("/v1/entities", new).await.expect(status)
        };
        let missing = create("N-8").await;
        same("a new entity", (name, &create(name).await), ("N-8", &missing));
    }
    let theirs = world.mallory.get("/v1/entities/deal/D-9").await.expect(200);
    assert_eq!(theirs.header("etag"), "\"1\"", "theirs is as it was");
}

#[tokio::test]
async fn memory_of_another_organization_moves_no_version() {
    let world = World::new().await;
    for content in ["one", "two", "three"] {
        let path = "/v1/memory/entities/deal/D-9";
        world.mallory.put(path, json!({"content": content})).await.expect(200);
    }
    for id in ["D-9", "N-9"] {
        world.alice.put(&format!("/v1/entities/deal/{id}"), json!({"name": "Mine"})).await.expect(201);
    }
    let body = json!({"content": "Mine."});
    for version in [Some("\"4\""), Some("\"1\""), Some("\"0\""), None] {
        let [foreign, missing] = [
            put(&world.alice, "/v1/memory/entities/deal/D-9", version, &body).await,
            put(&world.alice, "/v1/memory/entities/deal/N-9", version, &body).await,
        ];
        assert_eq!(foreign.header("etag"), missing.header("etag"));
        same("memory", ("D-9", &foreign), ("N-9", &missing));
        let [foreign, missing] = [
            world.alice.get("/v1/memory/entities/deal/D-9/revisions").await,
            world.alice.get("/v1/memory/entities/deal/N-9/revisions").await,
        ];
        same("revisions", ("D-9", &foreign), ("N-9", &missing));
    }
    // The organization's and one's own begin at nothing as well, although Mallory and Bob have theirs.
    for path in ["/v1/memory/org", "/v1/memory/user"] {
        let stale = put(&world.alice, path, Some("\"1\""), &body).await.problem(412, "version_mismatch");
        assert!(stale["detail"].as_str().is_some_and(|detail| detail.ends_with("\"0\"")), "{stale}");
    }
}

#[tokio::test]
async fn a_key_that_others_use_is_free() {
    let world = World::new().await;
    let open = async |key: &str| {
        let path = format!("/v1/sessions/by-key/{key}");
        world.alice.put(&path, json!({})).await.expect(201)
    };
    let (foreign, missing) = (open("main").await, open("nobodys").await);
    assert_eq!(foreign.header("etag"), missing.header("etag"));
    same("a session's key", ("main", &foreign), ("nobodys", &missing));
    // The same request that Bob and Mallory have sent, under the same key.
    let create = async |key: &str| {
        let request = world.alice.request(Method::POST, "/v1/sessions").header("idempotency-key", key);
        world.alice.send(request.json(&json!({"title": "Mine"}))).await.expect(201)
    };
    let (foreign, missing) = (create(THEIR_KEY).await, create("nobodys").await);
    same("an idempotency key", (THEIR_KEY, &foreign), ("nobodys", &missing));
    let run = async |key: &str| {
        let session = world.alice.session().await;
        world.app.sim.push(model_sim::Reply::text("Yes."));
        let request = world.alice.message(&session, &json!({"text": "Well?"})).header("idempotency-key", key);
        world.alice.send(request).await.expect(200)
    };
    let (foreign, missing) = (run("other-key").await, run("other-nobodys").await);
    same("a run's key", ("other-key", &foreign), ("other-nobodys", &missing));
}

#[tokio::test]
async fn lists_searches_and_pages_count_ones_own() {
    let world = World::new().await;
    let nobody = world.app.replica.person("initech", "ina", "owner");
    for path in [
        "/v1/sessions?limit=1",
        "/v1/sessions?q=canary",
        "/v1/entities?limit=1",
        "/v1/entities?q=canary",
        "/v1/entities?kind=contact",
        "/v1/session-summaries?limit=1",
        "/v1/session-summaries/search?q=canary&limit=1",
        "/v1/memory/org/revisions",
        "/v1/memory/user/revisions",
    ] {
        let answer = nobody.get(path).await.expect(200);
        assert_eq!(answer.json(), json!({"data": [], "next_cursor": null}), "{path}");
    }
    // A page that others' things would fill up ends with one's own.
    let own = world.alice.get("/v1/entities?limit=1").await.expect(200).json();
    assert_eq!((&own["data"][0]["id"], &own["next_cursor"]), (&json!("D-1"), &Value::Null));
    let own = world.alice.get("/v1/session-summaries?limit=1").await.expect(200).json();
    assert_eq!((own["data"].as_array().map(Vec::len), &own["next_cursor"]), (Some(1), &Value::Null));
}

#[tokio::test]
async fn a_login_without_rights_learns_of_no_organization() {
    let world = World::new().await;
    world.mallory.get("/v1/me").await.expect(200);
    let login = |org: &str| {
        let claims = json!({"sub": "olga", "org_id": org, "org_role": null});
        world.app.replica.bearer(&forge::with_claims(claims))
    };
    for path in ["/v1/me", "/v1/sessions", "/v1/entities/deal/D-9", "/v1/memory/org"] {
        let (foreign, missing) = (login("globex").get(path).await, login("never").get(path).await);
        foreign.problem(403, "not_a_member");
        same(path, ("globex", &foreign), ("never", &missing));
    }
    assert_eq!(world.app.database.count("select count(*) from sixty.orgs").await, 2);
}

#[tokio::test]
async fn asking_for_an_organization_is_limited_whether_or_not_it_exists() {
    let app = TestApp::with(Setup { rate_per_minute: 5, ..Setup::default() }).await;
    app.stranger().get("/v1/me").await.expect(200);
    let login = |sub: &str| {
        let claims = json!({"sub": sub, "org_id": null, "org_role": null});
        app.replica.bearer(&forge::with_claims(claims))
    };
    let ask = async |person: Person, org: &str| {
        let mut answers = Vec::new();
        for _ in 0..8 {
            let answer =
                person.send(person.request(Method::GET, "/v1/sessions").header("x-org-id", org)).await;
            answers.push(masked(&answer, &[org.into()], false));
        }
        answers
    };
    for (one, other) in [(app.alice(), app.bob()), (login("olga"), login("otto"))] {
        let (foreign, missing) = (ask(one, "globex").await, ask(other, "never").await);
        assert_eq!(foreign, missing);
        let count = |status| foreign.iter().filter(|answer| answer.starts_with(status)).count();
        assert_eq!((count("404"), count("429")), (5, 3), "{foreign:?}");
    }
}

#[tokio::test]
async fn asking_for_what_is_anothers_costs_what_asking_for_nothing_costs() {
    let app = TestApp::with(Setup { rate_per_minute: 5, ..Setup::default() }).await;
    let mallory = app.stranger();
    mallory.put("/v1/entities/deal/D-9", json!({"name": "Theirs"})).await.expect(201);
    let session = mallory.session().await;
    let ask = async |person: Person, entity: &str, session: &str| {
        let mut answers = Vec::new();
        for n in 0..8 {
            let path = match n % 2 {
                0 => format!("/v1/entities/deal/{entity}"),
                _ => format!("/v1/sessions/{session}"),
            };
            let answer = person.get(&path).await;
            answers.push((answer.status.as_u16(), masked(&answer, &[entity.into(), session.into()], false)));
        }
        answers
    };
    let foreign = ask(app.alice(), "D-9", &session).await;
    let missing = ask(app.bob(), "N-9", &uuid::Uuid::now_v7().to_string()).await;
    assert_eq!(foreign, missing);
    let count = |status| foreign.iter().filter(|(seen, _)| *seen == status).count();
    assert_eq!((count(404), count(429)), (5, 3), "{foreign:?}");
}
