use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::if_match;
use crate::harness::{Answer, Person, TestApp};

const PATHS: [&str; 3] = ["/v1/memory/org", "/v1/memory/user", "/v1/memory/entities/deal/D-1"];

async fn markdown(person: &Person, path: &str, text: &str) -> Answer {
    let request = person.request(Method::PUT, path).header("content-type", "text/markdown; charset=utf-8");
    person.send(request.body(text.to_owned())).await
}

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.alice().put("/v1/entities/deal/D-1", json!({"name": "Acme"})).await.expect(201);
    app
}

#[tokio::test]
async fn a_document_is_written_read_and_reverted_in_each_scope() {
    let app = app().await;
    let alice = app.alice();
    for (path, scope) in PATHS.into_iter().zip(["org", "user", "entity"]) {
        let empty = alice.get(path).await.expect(200);
        let nobody =
            json!({"scope": scope, "content": "", "version": 0, "updated_at": null, "updated_by": null});
        assert_eq!((empty.json(), empty.header("etag")), (nobody, "\"0\""));
        let text = "# Facts\n\n- \"Quotes\" & <tags>\n\t- 日本語 🦀\n";
        let written = alice.put(path, json!({"content": text})).await.expect(200);
        assert_eq!(written.header("etag"), "\"1\"");
        assert_eq!(
            (&written.json()["content"], &written.json()["updated_by"]),
            (&json!(text), &json!("alice"))
        );
        let second = markdown(&alice, path, "Second.").await.expect(200).json();
        assert_eq!((&second["content"], &second["version"]), (&json!("Second."), &json!(2)));
        let back = alice.post(&format!("{path}/revert"), json!({"version": 1})).await.expect(200);
        assert_eq!((back.json()["content"].clone(), back.header("etag")), (json!(text), "\"3\""));
        for version in [0, 4, -1, i64::MAX] {
            let refused = alice.post(&format!("{path}/revert"), json!({"version": version})).await;
            assert_eq!(refused.problem(422, "validation_failed")["errors"][0]["field"], "version");
        }
        let revisions = alice.get(&format!("{path}/revisions")).await.expect(200).json()["data"].clone();
        let told = |revision: &Value| {
            (revision["version"].clone(), revision["change"].clone(), revision["written_by"].clone())
        };
        let told: Vec<_> = revisions.as_array().expect("a list").iter().map(told).collect();
        let by = |version: i64, change: &str| (json!(version), json!(change), json!("alice"));
        assert_eq!(told, [by(3, "revert"), by(2, "put"), by(1, "put")]);
        let page = alice.get(&format!("{path}/revisions?limit=2")).await.expect(200).json();
        let cursor = page["next_cursor"].as_str().expect("one more");
        let rest = alice.get(&format!("{path}/revisions?limit=2&cursor={cursor}")).await.expect(200).json();
        assert_eq!((&rest["data"][0]["version"], &rest["next_cursor"]), (&json!(1), &json!(null)));
    }
}

#[tokio::test]
async fn a_document_is_written_at_the_version_that_was_seen() {
    let app = app().await;
    let alice = app.alice();
    for path in PATHS {
        let put = |tag: &'static str, n: usize| {
            if_match(&alice, Method::PUT, path, tag, json!({"content": format!("{n}")}))
        };
        put("\"1\"", 0).await.problem(412, "version_mismatch");
        let answers = join_all((0..20).map(|n| put("\"0\"", n))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{path}");
        assert_eq!(answers.iter().filter(|answer| answer.status == 412).count(), 19, "{path}");
        put("\"1\"", 1).await.expect(200);
        let revert =
            if_match(&alice, Method::POST, &format!("{path}/revert"), "\"1\"", json!({"version": 1})).await;
        revert.problem(412, "version_mismatch");
        // Without a version everybody writes, one after the other, and nothing is lost.
        let answers = join_all((0..20).map(|n| alice.put(path, json!({"content": format!("{n}")})))).await;
        assert!(answers.iter().all(|answer| answer.status == 200));
        let revisions = alice.get(&format!("{path}/revisions?limit=100")).await.expect(200).json();
        assert_eq!(revisions["data"].as_array().map(Vec::len), Some(22), "{path}");
    }
}

#[tokio::test]
async fn a_document_has_a_limit_and_only_what_can_be_seen() {
    let app = app().await;
    let alice = app.alice();
    for path in PATHS {
        let most = "ü".repeat(16_000);
        assert_eq!(markdown(&alice, path, &most).await.expect(200).json()["content"], most);
        let over = format!("{most}x");
        let problem = markdown(&alice, path, &over).await.problem(422, "validation_failed");
        assert!(
            problem["errors"][0]["error"].as_str().is_some_and(|error| error.contains("16001")),
            "{problem}"
        );
        alice.put(path, json!({"content": over})).await.problem(422, "validation_failed");
        markdown(&alice, path, "a\0b").await.problem(422, "validation_failed");
        alice.put(path, json!({"content": "a\u{0}b"})).await.problem(422, "validation_failed");
        let hidden = markdown(&alice, path, "a\u{200b}b\u{202e}c\u{7}d\u{e0041}e").await.expect(200).json();
        assert_eq!(hidden["content"], "abcde");
        assert_eq!(markdown(&alice, path, "").await.expect(200).json()["content"], "");
        alice.put(path, json!({"text": "x"})).await.problem(422, "validation_failed");
        alice.put(path, json!({"content": null})).await.problem(422, "validation_failed");
    }
}

#[tokio::test]
async fn who_may_write_which_document() {
    let app = app().await;
    let admin = app.replica.person("acme", "adam", "admin");
    for (person, org, other) in
        [(app.alice(), 200, 200), (admin, 200, 200), (app.bob(), 403, 200), (app.rita(), 403, 403)]
    {
        for (path, status) in PATHS.into_iter().zip([org, other, other]) {
            person.get(path).await.expect(200);
            person.get(&format!("{path}/revisions")).await.expect(200);
            person.put(path, json!({"content": "Mine"})).await.expect(status);
            // Whoever may not write is told so before the version is looked at.
            person.post(&format!("{path}/revert"), json!({"version": 1})).await.expect(status);
        }
    }
    // Memory of a person is theirs, and of an entity that nobody has there is none.
    let alices = app.alice().put("/v1/memory/user", json!({"content": "Alice's"})).await.expect(200).json();
    assert_eq!(app.bob().get("/v1/memory/user").await.expect(200).json()["content"], "Mine");
    assert_eq!(app.alice().get("/v1/memory/user").await.expect(200).json(), alices);
    app.alice()
        .put("/v1/memory/entities/deal/never", json!({"content": "x"}))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn markdown_is_given_to_those_who_ask_for_it() {
    let app = app().await;
    let alice = app.alice();
    let text = "# Facts\n\n- \"Quotes\" & <tags> 日本語 🦀\n";
    for path in PATHS {
        alice.put(path, json!({"content": text})).await.expect(200);
        let get = async |accept: &'static str| {
            alice.send(alice.request(Method::GET, path).header("accept", accept)).await.expect(200)
        };
        for accept in ["text/markdown", "text/markdown, */*", "application/json;q=0.1, text/*"] {
            let answer = get(accept).await;
            assert_eq!((answer.text.as_str(), answer.header("etag")), (text, "\"1\""), "{accept}");
            assert_eq!(answer.header("content-type"), "text/markdown; charset=utf-8");
            assert!(answer.headers.get_all("vary").iter().any(|vary| vary == "accept"), "{answer:?}");
        }
        for accept in ["*/*", "application/json, text/markdown", "text/markdown;q=0, */*", "image/png", ""] {
            let answer = get(accept).await;
            assert_eq!(
                (answer.json()["content"].as_str(), answer.header("etag")),
                (Some(text), "\"1\""),
                "{accept}"
            );
        }
        // What was read can be sent back under its tag.
        let back = alice
            .request(Method::PUT, path)
            .header("if-match", "\"1\"")
            .header("content-type", "text/markdown");
        let back = alice.send(back.body(get("text/markdown").await.text)).await.expect(200);
        assert_eq!(back.json()["content"], text);
    }
    let missing =
        alice.request(Method::GET, "/v1/memory/entities/deal/D-9").header("accept", "text/markdown");
    alice.send(missing).await.problem(404, "not_found");
}
