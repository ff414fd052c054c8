//! Organizations that ask providers with keys of their own.

use model_sim::Reply;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Two, circuit};
use crate::{
    harness::{
        Person, Setup, TestApp,
        look::{answers, end},
    },
    usage::half_a_minute_passes,
    vault::{keep, sent, use_keys},
};

const OURS: &str = "acme-key-4711";
const PLATFORMS: &str = "sim-key-of-the-tests";

async fn turn(person: &Person) -> Vec<String> {
    answers(&person.hear(&person.session().await, "Hi").await)
}

#[tokio::test]
async fn calls_of_an_organization_carry_its_own_key_and_those_of_others_the_platforms() {
    for chat in [false, true] {
        let app = TestApp::with(Setup { chat, ..Setup::default() }).await;
        app.sim.respond_with(|_| Reply::text("Here I am."));
        let (alice, mallory) = (app.alice(), app.stranger());
        keep(&alice, "ours", OURS).await.expect(201);
        use_keys(&alice, &[("anthropic", "ours")]).await;
        assert_eq!(turn(&alice).await, ["Here I am."]);
        assert_eq!(turn(&mallory).await, ["Here I am."]);
        assert_eq!(turn(&app.bob()).await, ["Here I am."]);
        assert_eq!(sent(&app.sim), [OURS, PLATFORMS, OURS], "chat: {chat}");
        let set = alice.get("/v1/admin/models").await.expect(200).json();
        assert_eq!(set["keys"], json!([{"provider": "anthropic", "secret": "ours"}]));
        assert_eq!(alice.get("/v1/models").await.json()["data"][0]["own_key"], true);
        assert_eq!(mallory.get("/v1/models").await.json()["data"][0]["own_key"], Value::Null);
        half_a_minute_passes(&app).await;
        let told = app.replica.root().get("/v1/platform/usage-events").await.expect(200).json();
        let told: Vec<(&Value, &Value)> = told["data"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|event| (&event["organization"], &event["own_key"]))
            .collect();
        let [acme, globex] = [json!("acme"), json!("globex")];
        let [own, platforms] = [json!(true), json!(false)];
        assert_eq!(told, [(&acme, &own), (&globex, &platforms), (&acme, &own)]);
    }
}

#[tokio::test]
async fn summaries_are_asked_for_with_the_same_key() {
    let app = TestApp::start().await;
    app.sim.respond_with(|_| Reply::text("Decisions: none."));
    let alice = app.alice();
    keep(&alice, "ours", OURS).await.expect(201);
    use_keys(&alice, &[("anthropic", "ours")]).await;
    let session = alice.session().await;
    for _ in 0..3 {
        alice.hear(&session, "Hi").await;
    }
    alice.post(&format!("/v1/sessions/{session}/compact"), json!({})).await.expect(200);
    assert_eq!(sent(&app.sim), [OURS; 4]);
}

#[tokio::test]
async fn a_new_value_is_used_by_the_next_turn_on_every_replica() {
    let app = TestApp::start().await;
    app.sim.respond_with(|_| Reply::text("Here I am."));
    let other = app.another_replica(Setup::default()).await;
    let (here, there) = (app.alice(), other.person("acme", "alice", "owner"));
    keep(&here, "ours", OURS).await.expect(201);
    use_keys(&here, &[("anthropic", "ours")]).await;
    turn(&here).await;
    turn(&there).await;
    keep(&here, "ours", "acme-key-4712").await.expect(200);
    turn(&there).await;
    turn(&here).await;
    assert_eq!(sent(&app.sim), [OURS, OURS, "acme-key-4712", "acme-key-4712"]);
    use_keys(&there, &[]).await;
    turn(&here).await;
    assert_eq!(sent(&app.sim), [PLATFORMS]);
}

#[tokio::test]
async fn a_key_that_is_no_key_here_is_refused_field_by_field() {
    let app = TestApp::start().await;
    let alice = app.alice();
    keep(&alice, "ours", OURS).await.expect(201);
    keep(&app.stranger(), "theirs", OURS).await.expect(201);
    for (key, field) in [
        (json!({"provider": "anthropic", "secret": "none"}), "keys[0].secret"),
        (json!({"provider": "anthropic", "secret": "theirs"}), "keys[0].secret"),
        (json!({"provider": "nobody", "secret": "ours"}), "keys[0].provider"),
    ] {
        let problem =
            alice.put("/v1/admin/models", json!({"keys": [key]})).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let keys = json!({"keys": [{"provider": "anthropic", "secret": "ours"}]});
    let problem = app.replica.root().put("/v1/platform/models", keys).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "keys", "{problem}");
    // What no header carries is told when it is to be used.
    keep(&alice, "ours", "two\nlines").await.expect(200);
    use_keys(&alice, &[("anthropic", "ours")]).await;
    let frames = alice.hear(&alice.session().await, "Hi").await;
    assert_eq!(end(&frames).data["code"], "model_key_unusable");
    assert_eq!(sent(&app.sim), Vec::<String>::new());
}

/// Both organizations ask the first provider, then the second; acme does so with a key of its own for the first.
async fn both() -> (Two, Person, Person) {
    let two = Two::with(Setup::default()).await;
    let (alice, mallory) = (two.app.alice(), two.app.stranger());
    keep(&alice, "ours", OURS).await.expect(201);
    let routes = json!([{ "candidates": ["anthropic/first", "second/next"] }]);
    let keys = json!([{"provider": "anthropic", "secret": "ours"}]);
    alice.put("/v1/admin/models", json!({"routes": routes, "keys": keys})).await.expect(200);
    mallory.put("/v1/admin/models", json!({ "routes": routes })).await.expect(200);
    two.second.respond_with(|_| Reply::text("The second."));
    (two, alice, mallory)
}

/// The first provider fails for this key alone.
fn fails_for(two: &Two, key: &'static str, status: u16) {
    two.app.sim.respond_with(move |request| {
        if request.header("x-api-key") == key {
            Reply::status(status).header("retry-after", "60")
        } else {
            Reply::text("The first.")
        }
    });
}

#[tokio::test]
async fn a_refused_key_tells_who_can_replace_it_and_is_nobody_elses_trouble() {
    let (two, alice, mallory) = both().await;
    fails_for(&two, OURS, 401);
    for _ in 0..5 {
        let frames = alice.hear(&alice.session().await, "Hi").await;
        assert_eq!(end(&frames).data["code"], "model_key_refused");
        let message = end(&frames).data["message"].as_str().expect("a message");
        assert!(message.contains("anthropic") && message.contains("the secret ours"), "{message}");
    }
    assert_eq!(two.calls(), (5, 0));
    assert_eq!(turn(&mallory).await, ["The first."]);
    assert_eq!(circuit(&mallory, "anthropic/first").await["state"], "closed");
}

#[tokio::test]
async fn the_circuits_of_one_key_are_not_those_of_another() {
    for (failing, states) in [(OURS, ["open", "closed"]), (PLATFORMS, ["closed", "open"])] {
        let (two, alice, mallory) = both().await;
        fails_for(&two, failing, StatusCode::TOO_MANY_REQUESTS.as_u16());
        let (unlucky, lucky) = if failing == OURS { (&alice, &mallory) } else { (&mallory, &alice) };
        for _ in 0..5 {
            assert_eq!(turn(unlucky).await, ["The second."]);
        }
        // Three have opened it; the others did not even ask.
        assert_eq!(two.calls(), (3, 5));
        for (person, state) in [&alice, &mallory].into_iter().zip(states) {
            assert_eq!(circuit(person, "anthropic/first").await["state"], state);
        }
        assert_eq!(turn(lucky).await, ["The first."]);
    }
}
