//! A secret reaches no stream, no prompt and no table.

use model_sim::Reply;
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::{
    harness::{
        Setup, TestApp,
        look::{all, answers, end, prompts, text_of},
    },
    identity::forge,
};

const SECRET: &str = "canary-of-the-process-4711-zyx";

async fn app() -> TestApp {
    TestApp::with(Setup { secrets: vec![SECRET.to_owned()], ..Setup::default() }).await
}

/// Tables in which a row holds the words.
pub async fn tables_with(app: &TestApp, words: &str) -> Vec<String> {
    let pool = app.database.superuser().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables
         where table_schema = 'sixty' and table_type = 'BASE TABLE'",
    )
    .fetch_all(&pool)
    .await
    .expect("names");
    assert!(tables.len() > 10, "{tables:?}");
    let mut found = Vec::new();
    for table in tables {
        let sql = format!("select exists (select from sixty.{table} t where strpos(t::text, $1) > 0)");
        if sqlx::query_scalar(AssertSqlSafe(sql)).bind(words).fetch_one(&pool).await.expect("an answer") {
            found.push(table);
        }
    }
    pool.close().await;
    found
}

#[tokio::test]
async fn a_secret_of_the_process_is_removed_from_what_the_model_says() {
    let app = app().await;
    let alice = app.alice();
    for chars in [1, 3, 7, 1000] {
        let session = alice.session().await;
        let text = format!("The key is {SECRET}, keep it. Half of it is {}.", &SECRET[..9]);
        app.sim
            .push(Reply::message().thinking(format!("I know {SECRET}.")).and_text(&text).chunk_chars(chars));
        app.sim.push(Reply::text("Which key?"));
        let frames = alice.hear(&session, "What is the key?").await;
        let clean = text.replace(SECRET, "[REDACTED:secret]");
        assert_eq!(answers(&frames), [clean.as_str()], "in pieces of {chars}");
        assert!(!format!("{frames:?}").contains(SECRET), "{frames:#?}");
        assert_eq!(text_of(&alice.history(&session).await[1]), clean);
        alice.hear(&session, "And again?").await;
    }
    for prompt in prompts(&app.sim) {
        assert!(!String::from_utf8_lossy(&prompt.body).contains(SECRET));
    }
    assert_eq!(tables_with(&app, SECRET).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_secret_in_a_tool_call_is_removed_before_anything_is_stored() {
    let app = app().await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    let note = json!({"kind": "deal", "id": "D-42", "text": format!("The key: {SECRET}")});
    let calls = [
        Reply::call("add_note", note),
        Reply::message().tool_raw("add_note", format!("{{\"text\": \"{SECRET}")),
        Reply::call(format!("tool_{SECRET}"), json!({})),
        Reply::call("find_entities", json!({"query": SECRET})),
    ];
    for (n, call) in calls.into_iter().enumerate() {
        app.sim.push(call.chunk_chars(2));
        app.sim.push(Reply::text("Done."));
        let frames = alice.hear(&session, "Note the key").await;
        assert_eq!(end(&frames).event, "done", "call {n}");
        assert_eq!(all(&frames, "tool_result").len(), 1);
        assert!(!format!("{frames:?}").contains(SECRET), "call {n}: {frames:#?}");
    }
    for prompt in prompts(&app.sim) {
        assert!(!String::from_utf8_lossy(&prompt.body).contains(SECRET));
    }
    assert_eq!(tables_with(&app, SECRET).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_a_person_sends_is_redacted_at_the_door() {
    let app = app().await;
    let alice = app.alice();
    let key = format!("sk-{}-api03-{}", "ant", "Ab3dEf6hIj9k".repeat(6));
    for secret in [SECRET, key.as_str()] {
        alice.put("/v1/memory/user", json!({"content": format!("My key: {secret}")})).await.expect(200);
        let named = json!({"name": format!("Deal {secret}"), "attributes": {"key": secret}});
        let answer = alice.put("/v1/entities/deal/D-1", named).await;
        assert!(answer.status.is_success(), "{answer:?}");
        let note = json!({"text": format!("The key: {secret}")});
        let answer = alice.post("/v1/entities/deal/D-1/notes", note).await;
        assert!(answer.status.is_success(), "{answer:?}");
        let session = alice.session_with(json!({"title": format!("About {secret}")})).await;
        app.sim.push(Reply::text("I see no key."));
        let body = json!({"text": format!("Use {secret} please"), "context": {"view": {"key": secret}}});
        assert_eq!(end(&alice.say_with(&session, &body).await.rest().await).event, "done");
        assert!(text_of(&alice.history(&session).await[0]).starts_with("Use [REDACTED:"));
        let sent = prompts(&app.sim);
        assert!(!String::from_utf8_lossy(&sent.last().expect("a prompt").body).contains(secret));
        assert_eq!(tables_with(&app, secret).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_zero_character_is_replaced_or_refused() {
    let app = app().await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    app.sim.push(
        Reply::message()
            .thinking("hm\0m")
            .and_text("One\0two")
            .tool("add_note", json!({"kind": "deal", "id": "D-42", "text": "three\0four"})),
    );
    app.sim.push(Reply::call("no\0tool", json!({})));
    app.sim.push(Reply::text("\0"));
    let frames = alice.hear(&session, "Note it.").await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    assert_eq!(answers(&frames)[0], "One\u{FFFD}two");
    let history = alice.history(&session).await;
    assert_eq!(text_of(&history[1]), "One\u{FFFD}two");
    assert_eq!(
        history[1]["content"].as_array().expect("blocks").last().expect("a call")["input"]["text"],
        "three\u{FFFD}four"
    );
    let notes = alice.get("/v1/entities/deal/D-42/notes").await.expect(200).json();
    assert_eq!(notes["data"][0]["text"], "three\u{FFFD}four");
    let sent = alice.message(&session, &json!({"text": "nothing\0here"}));
    alice.send(sent).await.problem(422, "validation_failed");
}

/// A private key whose block is cut off, as the last thing in a string.
fn cut_off_key() -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}", "MIIEvQIBADANBgkq".repeat(4))
}

#[tokio::test]
async fn a_secret_before_the_end_of_a_string_breaks_no_json() {
    let app = app().await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    let key = cut_off_key();
    let quoted = json!({"key": key}).to_string();
    for (n, text) in [key.as_str(), &quoted, &format!("{quoted} and {SECRET}")].into_iter().enumerate() {
        let path = format!("/v1/entities/deal/D-{n}");
        let deal = json!({"name": "Acme", "stage": text, "attributes": {"a": [text, 1.5], "b": "kept"}});
        let stored = alice.put(&path, deal).await.expect(201).json();
        assert_eq!(
            (&stored["attributes"]["a"][1], &stored["attributes"]["b"]),
            (&json!(1.5), &json!("kept"))
        );
        assert!(stored["stage"].as_str().expect("a text").contains("[REDACTED:private_key]"), "{stored}");
        let note = json!({"kind": "deal", "id": "D-42", "text": text, "x": {"y": 1e2}});
        app.sim.push(Reply::call("add_note", note));
        app.sim.push(Reply::text("Done."));
        let body = json!({"text": "Note it", "context": {"view": {"key": text, "page": "deals"}}});
        let frames = alice.say_with(&session, &body).await.rest().await;
        assert_eq!(end(&frames).data["status"], "done");
        let input = &all(&frames, "tool_start")[0]["input"];
        assert_eq!((&input["kind"], &input["x"]["y"]), (&json!("deal"), &json!(100.0)), "{input}");
        let sent = prompts(&app.sim);
        let sent = String::from_utf8_lossy(&sent.last().expect("a prompt").body);
        assert!(sent.contains("page") && sent.contains("deals") && !sent.contains("MIIEvQ"), "{sent}");
    }
    assert_eq!(tables_with(&app, "MIIEvQ").await, Vec::<String>::new());
    assert_eq!(tables_with(&app, SECRET).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_secret_with_invisible_characters_in_it_is_found_where_they_are_dropped() {
    let app = app().await;
    let alice = app.alice();
    alice.deal().await;
    let hidden = format!("{}\u{200B}{}\u{2060}{}", &SECRET[..6], &SECRET[6..9], &SECRET[9..]);
    let content = json!({"content": format!("My key: {hidden}")});
    let memory = alice.put("/v1/memory/user", content).await.expect(200).json();
    assert_eq!(memory["content"], "My key: [REDACTED:secret]");
    let deal = json!({"name": format!("Deal {hidden}"), "stage": hidden, "attributes": {"key": [hidden], "family": "👩‍👧"}});
    alice.put("/v1/entities/contact/C-1", json!({"name": "Dana"})).await.expect(201);
    let stored = alice.put("/v1/entities/deal/D-1", deal).await.expect(201).json();
    assert_eq!(
        (&stored["name"], &stored["stage"]),
        (&json!("Deal [REDACTED:secret]"), &json!("[REDACTED:secret]"))
    );
    assert_eq!(stored["attributes"], json!({"key": ["[REDACTED:secret]"], "family": "👩‍👧"}));
    alice.post("/v1/entities/deal/D-1/notes", json!({"text": hidden})).await.expect(201);
    let session = alice.session().await;
    for call in [
        Reply::call("memory_append", json!({"scope": "user", "section": "Keys", "text": hidden})),
        Reply::call("memory_replace", json!({"scope": "user", "old": "My key", "new": hidden})),
        Reply::call("add_note", json!({"kind": "deal", "id": "D-42", "text": hidden})),
    ] {
        app.sim.push(call);
        app.sim.push(Reply::text("No."));
        let body = json!({"text": "Keep it", "context": {"view": {"key": hidden}}});
        let frames = alice.say_with(&session, &body).await.rest().await;
        assert_eq!(all(&frames, "tool_result")[0]["success"], false, "{frames:#?}");
    }
    for prompt in prompts(&app.sim) {
        assert!(!String::from_utf8_lossy(&prompt.body).contains(SECRET));
    }
    for words in [SECRET, hidden.as_str()] {
        assert_eq!(tables_with(&app, words).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn no_column_keeps_a_secret_that_a_person_sends() {
    let app = app().await;
    let claims = json!({"sub": "alice", "name": format!("Alice {SECRET}"), "org_id": "acme"});
    let alice = app.replica.bearer(&forge::with_claims(claims));
    let me = alice.get("/v1/me").await.expect(200).json();
    assert_eq!(me["user"]["name"], "Alice [REDACTED:secret]");
    let link = |id: &str, role: &str| json!([{"kind": "contact", "id": id, "role": role}]);
    let deal = json!({"name": "Acme", "owner": format!("Bob {SECRET}"), "links": link("C-1", SECRET)});
    alice.put("/v1/entities/contact/C-1", json!({"name": "Dana"})).await.expect(201);
    let stored = alice.put("/v1/entities/deal/D-1", deal).await.expect(201).json();
    assert_eq!(
        (&stored["owner"], &stored["links"][0]["role"]),
        (&json!("Bob [REDACTED:secret]"), &json!("[REDACTED:secret]"))
    );
    let session = alice.session().await;
    for (method, path, body, field) in [
        (
            "PUT",
            "/v1/entities/deal/D-2".to_owned(),
            json!({"name": "x", "links": link(SECRET, "buyer")}),
            "links[0].id",
        ),
        ("PUT", format!("/v1/entities/deal/{SECRET}"), json!({"name": "x"}), "id"),
        ("PUT", format!("/v1/sessions/by-key/{SECRET}"), json!({}), "key"),
        (
            "POST",
            format!("/v1/sessions/{session}/messages"),
            json!({"content": [{"type": "image", "source": {"type": "url", "url": format!("https://x.example/{SECRET}")}}]}),
            "content[0].source.url",
        ),
    ] {
        let method = method.parse().expect("a method");
        let answer = alice.send(alice.request(method, &path).json(&body)).await;
        assert_eq!(answer.problem(422, "validation_failed")["errors"][0]["field"], field, "{answer:?}");
    }
    assert_eq!(tables_with(&app, SECRET).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_mask_is_refused_as_a_value() {
    let app = app().await;
    let alice = app.alice();
    alice.deal().await;
    let mask = "Key: [REDACTED:secret]";
    let deal = "/v1/entities/deal/D-42";
    for (method, path, body, field) in [
        ("PUT", "/v1/memory/user", json!({"content": mask}), "content"),
        ("PUT", "/v1/memory/org", json!({"content": mask}), "content"),
        ("PUT", "/v1/memory/entities/deal/D-42", json!({"content": mask}), "content"),
        ("PUT", deal, json!({"name": mask}), "name"),
        ("PUT", deal, json!({"name": "x", "owner": mask}), "owner"),
        ("PUT", deal, json!({"name": "x", "attributes": {"a": [1, {"b": mask}]}}), "attributes.a[1].b"),
        ("PUT", deal, json!({"name": "x", "attributes": {mask: 1}}), "attributes"),
        ("PATCH", deal, json!({"stage": mask}), "stage"),
        ("POST", "/v1/entities", json!({"kind": "deal", "id": "D-2", "name": mask}), "name"),
        ("POST", "/v1/entities/deal/D-42/notes", json!({"text": mask}), "text"),
    ] {
        let request = alice.request(method.parse().expect("a method"), path).json(&body);
        let problem = alice.send(request).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
    }
    // What was masked at its first write stays so, whatever else changes.
    alice.put(deal, json!({"name": "Acme", "owner": SECRET})).await.expect(200);
    let changed = alice.patch(deal, json!({"stage": "won"})).await.expect(200).json();
    assert_eq!((&changed["owner"], &changed["stage"]), (&json!("[REDACTED:secret]"), &json!("won")));
}
