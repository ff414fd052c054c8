//! What administrators store, and what is told of it.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PATH, keep, use_keys};
use crate::{
    harness::{Logs, Setup, TestApp, eventually},
    resources::if_match,
    secrets::tables_with,
};

const VALUE: &str = "correct horse battery staple 4711";

#[tokio::test]
async fn a_secret_has_versions_and_nothing_shows_its_value() {
    let logs = Logs::default();
    let app = TestApp::with(Setup { logs: Some(logs.clone()), ..Setup::default() }).await;
    let alice = app.alice();
    let path = format!("{PATH}/crm.token-1");
    let made = keep(&alice, "crm.token-1", VALUE).await.expect(201);
    assert_eq!(made.header("etag"), "\"1\"");
    let told = made.json();
    assert_eq!(
        (&told["name"], &told["version"], &told["updated_by"]),
        (&json!("crm.token-1"), &json!(1), &json!("alice"))
    );
    let again = keep(&app.replica.person("acme", "adam", "admin"), "crm.token-1", VALUE).await.expect(200);
    assert_eq!((again.header("etag"), &again.json()["updated_by"]), ("\"2\"", &json!("adam")));
    assert_eq!(again.json()["created_at"], told["created_at"]);
    let at = async |method: Method, tag: &str| {
        if_match(&alice, method, &path, tag, json!({ "value": VALUE })).await
    };
    at(Method::PUT, "\"1\"").await.problem(412, "version_mismatch");
    at(Method::PUT, "\"0\"").await.problem(412, "version_mismatch");
    at(Method::DELETE, "\"1\"").await.problem(412, "version_mismatch");
    at(Method::PUT, "\"2\"").await.expect(200);
    let listed = alice.get(PATH).await.expect(200);
    assert_eq!(listed.json()["data"].as_array().map(Vec::len), Some(1), "{listed:?}");
    at(Method::DELETE, "\"3\"").await.expect(204);
    alice.delete(&path).await.problem(404, "not_found");
    at(Method::PUT, "\"3\"").await.problem(412, "version_mismatch");
    keep(&alice, "crm.token-1", VALUE).await.expect(201);
    let trail = alice.get("/v1/admin/audit?limit=100").await.expect(200);
    let told: Vec<Value> = trail.json()["data"].as_array().expect("a list").clone();
    let told = told.iter().filter(|entry| entry["target"] == "secret:crm.token-1");
    let told: Vec<&str> = told.map(|entry| entry["action"].as_str().expect("an action")).collect();
    assert_eq!(told, ["secret.put", "secret.delete", "secret.put", "secret.put", "secret.put"]);
    for text in [made.text, again.text, listed.text, trail.text, logs.text()] {
        assert!(!text.contains("horse"), "{text}");
    }
    assert_eq!(tables_with(&app, "horse").await, Vec::<String>::new());
}

#[tokio::test]
async fn secrets_are_listed_by_name_and_are_for_administrators_of_the_organization() {
    let app = TestApp::start().await;
    let (alice, mallory) = (app.alice(), app.stranger());
    for name in ["b", "a-1", "a_1", "zoo"] {
        keep(&alice, name, VALUE).await.expect(201);
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = alice.get(&format!("{PATH}?limit=3{cursor}")).await.expect(200).json();
        for secret in page["data"].as_array().expect("a list") {
            names.push(secret["name"].as_str().expect("a name").to_owned());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["a-1", "a_1", "b", "zoo"]);
    for person in [app.bob(), app.rita()] {
        person.get(PATH).await.problem(403, "forbidden");
        keep(&person, "b", VALUE).await.problem(403, "forbidden");
        // They are not told whether there is one of that name.
        for name in ["b", "none"] {
            person.delete(&format!("{PATH}/{name}")).await.problem(403, "forbidden");
        }
    }
    assert_eq!(mallory.get(PATH).await.expect(200).json()["data"], json!([]));
    mallory.delete(&format!("{PATH}/b")).await.problem(404, "not_found");
    keep(&mallory, "b", "another value").await.expect(201);
    assert_eq!(alice.get(PATH).await.json()["data"][2]["version"], 1);
}

#[tokio::test]
async fn what_cannot_be_a_secret_is_refused_field_by_field() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let refused = async |name: &str, value: Value| {
        let problem = alice.put(&format!("{PATH}/{name}"), value).await.problem(422, "validation_failed");
        assert!(!problem.to_string().contains("horse"), "{problem}");
        problem["errors"][0]["field"].as_str().unwrap_or_default().to_owned()
    };
    for name in ["-a", "A", "a%20b", &"x".repeat(65)] {
        assert_eq!(refused(name, json!({ "value": VALUE })).await, "name", "{name}");
    }
    for value in ["", &"x".repeat(8193), "[REDACTED:secret]", "a horse [REDACTED:jwt]", "a\0b"] {
        assert_eq!(refused("a", json!({ "value": value })).await, "value", "{value}");
    }
    keep(&alice, "a", &"x".repeat(4096)).await.expect(201);
    keep(&alice, "short", "7").await.expect(201);
}

#[tokio::test]
async fn an_organization_has_a_bounded_number_of_secrets() {
    let app = TestApp::start().await;
    let alice = app.alice();
    keep(&alice, "a", VALUE).await.expect(201);
    let more = "insert into sixty.secrets (org_id, name, version)
        select org_id, 'n' || n, 1 from sixty.secrets, generate_series(1, 99) n";
    app.database.run(more).await;
    keep(&alice, "one-more", VALUE).await.problem(409, "too_many_secrets");
    keep(&alice, "a", VALUE).await.expect(200);
    alice.delete(&format!("{PATH}/n1")).await.expect(204);
    keep(&alice, "one-more", VALUE).await.expect(201);
}

#[tokio::test]
async fn all_secrets_of_an_organization_together_are_bounded() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let value = |n: usize, length: usize| format!("{n:03}{}", "x".repeat(length - 3));
    for n in 0..15 {
        keep(&alice, &format!("n{n}"), &value(n, 4096)).await.expect(201);
    }
    let problem = keep(&alice, "one-more", &value(15, 4096)).await.problem(409, "too_many_secrets");
    assert!(problem["detail"].as_str().expect("a detail").contains("65536 bytes together"), "{problem}");
    alice.get(&format!("{PATH}?limit=100")).await.expect(200);
    keep(&alice, "one-more", &value(15, 3000)).await.expect(201);
    keep(&alice, "one-more", &value(16, 4096)).await.problem(409, "too_many_secrets");
    assert_eq!(alice.get(PATH).await.json()["data"][15]["version"], 1);
}

#[tokio::test]
async fn a_secret_that_is_in_use_is_not_deleted() {
    let app = TestApp::start().await;
    let alice = app.alice();
    keep(&alice, "provider-key", VALUE).await.expect(201);
    use_keys(&alice, &[("anthropic", "provider-key")]).await;
    let problem = alice.delete(&format!("{PATH}/provider-key")).await.problem(409, "secret_in_use");
    assert!(problem["detail"].as_str().expect("a detail").contains("anthropic"), "{problem}");
    use_keys(&alice, &[]).await;
    alice.delete(&format!("{PATH}/provider-key")).await.expect(204);
}

#[tokio::test]
async fn secrets_go_with_their_organization_and_are_no_part_of_its_export() {
    let app = TestApp::start().await;
    let alice = app.alice();
    keep(&alice, "provider-key", VALUE).await.expect(201);
    use_keys(&alice, &[("anthropic", "provider-key")]).await;
    let mut out = Vec::new();
    server::export::export(app.replica.engine.store(), "acme", None, &mut out).await.expect("an export");
    let text = String::from_utf8(out).expect("text");
    assert!(
        text.contains(r#""secret" : "provider-key""#) || text.contains(r#""secret":"provider-key""#),
        "{text}"
    );
    assert!(!text.contains("horse") && !text.contains("sealed\""), "{text}");
    app.replica.root().delete("/v1/platform/orgs/acme").await.expect(202);
    let left = "select (select count(*) from sixty.secrets) + (select count(*) from sixty.secret_values)
        + (select count(*) from sixty.secret_states) + (select count(*) from sixty.model_keys)";
    eventually("all of it is gone", async || (app.database.count(left).await == 0).then_some(())).await;
}
