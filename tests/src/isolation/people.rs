//! What a body, a header or a list could give away.

use serde_json::json;
use uuid::Uuid;

use super::world::{CANARY, World};

#[tokio::test]
async fn a_body_cannot_name_what_the_caller_may_not_know() {
    let world = World::new().await;
    let alice = &world.alice;
    // An entity of another organization is as unknown as one that nobody has.
    let bind = async |id: &str| {
        let answer = alice.post("/v1/sessions", json!({"entity": {"kind": "deal", "id": id}})).await;
        answer.problem(422, "validation_failed")["errors"].to_string().replace(id, "?")
    };
    assert_eq!(bind("D-9").await, bind("never").await);
    // Neither is a message of somebody else one that can be answered again.
    let own = alice.session().await;
    for message in [world.bobs.message.clone(), world.mallorys.message.clone(), Uuid::now_v7().to_string()] {
        alice
            .post(&format!("/v1/sessions/{own}/regenerate"), json!({"message_id": message}))
            .await
            .problem(404, "not_found");
    }
    // No organization and no person can be named at all.
    for field in ["org_id", "user_id", "owner_id"] {
        let answer = alice.post("/v1/sessions", json!({field: "globex"})).await;
        assert_eq!(answer.problem(422, "validation_failed")["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn another_organization_cannot_be_asked_for() {
    let world = World::new().await;
    let ask = async |org: &str| {
        let request = world.alice.request(reqwest::Method::GET, "/v1/sessions").header("x-org-id", org);
        world.alice.send(request).await
    };
    ask("acme").await.expect(200);
    let unknown = super::gist(&ask("never").await);
    assert_eq!(unknown.0, 404);
    for org in ["globex", "", "ACME", "acme ,globex", "\u{fc}"] {
        assert_eq!(super::gist(&ask(org).await), unknown, "{org:?}");
    }
}

#[tokio::test]
async fn an_idempotency_key_is_one_persons() {
    let world = World::new().await;
    let create = async |person: &crate::harness::Person| {
        let request = person.request(reqwest::Method::POST, "/v1/sessions").header("idempotency-key", "same");
        person.send(request.json(&json!({"title": "Same"}))).await.expect(201).json()["id"].clone()
    };
    let (bobs, mallorys) = (create(&world.bob).await, create(&world.mallory).await);
    let alices = create(&world.alice).await;
    assert!(alices != bobs && alices != mallorys && bobs != mallorys);
    assert_eq!(create(&world.alice).await, alices, "the answer to the same person");
    assert_eq!(create(&world.bob).await, bobs);
    // A run as well: the key of a colleague's run starts one's own.
    let say = async |person: &crate::harness::Person, session: &str| {
        let path = format!("/v1/sessions/{session}/messages");
        let request = person.request(reqwest::Method::POST, &path).header("idempotency-key", "run");
        let request = request.header("prefer", "respond-async").json(&json!({"text": "Hello"}));
        person.send(request).await.expect(202).json()["run"]["id"].clone()
    };
    world.app.sim.push(model_sim::Reply::text("One"));
    world.app.sim.push(model_sim::Reply::text("Two"));
    let bobs = say(&world.bob, &world.bobs.session).await;
    let session = world.alice.session().await;
    assert_ne!(say(&world.alice, &session).await, bobs);
}

#[tokio::test]
async fn lists_show_ones_own() {
    let world = World::new().await;
    let own = world.alice.session().await;
    let list = world.alice.get("/v1/sessions?limit=100").await.expect(200).json();
    let ids: Vec<&str> =
        list["data"].as_array().expect("a list").iter().filter_map(|s| s["id"].as_str()).collect();
    assert_eq!(ids, [own.as_str(), world.insiders[0].own.session.as_str()]);
    let found = world.alice.get(&format!("/v1/sessions?q={CANARY}")).await.expect(200).json();
    assert_eq!(found["data"], json!([]));
    let found = world.alice.get("/v1/sessions?entity_kind=deal&entity_id=D-9").await.expect(200).json();
    assert_eq!(found["data"], json!([]));
    let found = world.alice.get(&format!("/v1/entities?q={CANARY}")).await.expect(200).json();
    assert_eq!(found["data"], json!([]));
    // A colleague sees the organization's record, and only that.
    let seen = world.bob.get("/v1/entities").await.expect(200).json();
    assert_eq!(seen["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(seen["data"][0]["id"], "D-1");
    assert_eq!(world.alice.get("/v1/memory/user").await.expect(200).json()["version"], 0);
}
