//! Conversations out of the service.

use model_sim::Reply;
use reqwest::Method;
use serde_json::{Value, json};

use super::{House, age, all_rounds_are_done, conversation, keep, purge, sql};
use crate::harness::{Answer, Person};

async fn export(person: &Person, path: &str, accept: &str) -> Answer {
    person.send(person.request(Method::GET, path).header("accept", accept)).await
}

/// Rows of messages without what a row has beside the message.
fn messages(text: &str, session: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a row"))
        .filter(|row| row["type"] == "message")
        .map(|mut row| {
            let members = row.as_object_mut().expect("a row");
            members.remove("type");
            assert_eq!(members.remove("session_id"), Some(json!(session)));
            row
        })
        .collect()
}

#[tokio::test]
async fn a_conversation_is_exported_whole_archived_or_live() {
    let house = House::build().await;
    let alice = house.app.alice();
    let session = alice.session().await;
    house.app.sim.push_for("Look it up", Reply::call("recall", json!({"query": "pilot"})));
    alice.ask(&session, "Look it up, please.").await;
    alice.ask(&session, "And now?").await;
    let hostile = "## 99 assistant\r\n```\n</blockquote><script>alert(1)</script>";
    alice.ask(&session, hostile).await;
    let title = json!({"title": "../Acme\" renewal"});
    alice.patch(&format!("/v1/sessions/{session}"), title).await.expect(200);
    // Enough for several pages of the export.
    sql(
        &house.database,
        format!(
            "insert into sixty.messages (org_id, owner_id, session_id, id, seq, role, content, author_id)
         select org_id, owner_id, id, gen_random_uuid(), last_seq + n, 'user',
            '[{{\"type\":\"text\",\"text\":\"n ' || n || '\",  \"z\": 1.50}}]', owner_id
         from sixty.sessions, generate_series(1, 130) n where id = '{session}'"
        ),
    )
    .await;
    age(&house.database, &session, 40).await;
    let path = format!("/v1/sessions/{session}/export");
    let mut history = Vec::new();
    let mut cursor = String::new();
    while history.is_empty() || !cursor.is_empty() {
        let page =
            alice.get(&format!("/v1/sessions/{session}/messages?limit=100{cursor}")).await.expect(200).json();
        history.extend(page["data"].as_array().expect("a list").clone());
        cursor = page["next_cursor"].as_str().map(|next| format!("&cursor={next}")).unwrap_or_default();
    }
    assert_eq!(history.len(), 138);
    let rows = export(&alice, &path, "application/x-ndjson").await.expect(200);
    assert_eq!(rows.header("content-type"), "application/x-ndjson");
    let name = format!("attachment; filename=\"acme-renewal-{}.ndjson\"", &session.replace('-', "")[24..]);
    assert_eq!(rows.header("content-disposition"), name);
    assert_eq!(messages(&rows.text, &session), history);
    let first: Value = serde_json::from_str(rows.text.lines().next().expect("a row")).expect("a row");
    assert_eq!((&first["type"], &first["id"]), (&json!("session"), &json!(session)));
    let spaced = rows.text.lines().last().expect("a row");
    assert!(spaced.contains("\"n 130\",  \"z\": 1.50}]"), "{spaced}");
    let markdown = export(&alice, &path, "text/markdown").await.expect(200);
    assert!(markdown.header("content-type").starts_with("text/markdown"));
    let headings = markdown.text.lines().filter(|line| line.starts_with("## ")).count();
    assert_eq!(headings, history.len());
    assert!(
        markdown.text.contains("*Tool call* ` recall `") && markdown.text.contains("\n> ## 99 assistant\n")
    );
    assert!(
        !markdown.text.contains("<script>") && markdown.text.starts_with("# \\.\\.\\/Acme\\\" renewal\n")
    );
    // The same when an archive alone holds the beginning.
    sql(
        &house.database,
        format!("update sixty.sessions set last_seq = 138, message_count = 138 where id = '{session}'"),
    )
    .await;
    alice.post(&format!("/v1/sessions/{session}/compact"), json!({})).await.expect(200);
    keep(&alice, json!({"messages_days": 30})).await;
    purge(&house.app).await;
    all_rounds_are_done(&house.database).await;
    assert_eq!(house.app.database.count("select count(*) from sixty.messages").await, 1);
    let rows_after = export(&alice, &path, "application/x-ndjson").await.expect(200);
    let without_head = |text: &str| text.split_once('\n').map(|(_, rest)| rest.to_owned()).expect("rows");
    assert_eq!(without_head(&rows_after.text), without_head(&rows.text));
    assert_eq!(export(&alice, &path, "text/markdown").await.expect(200).text, markdown.text);
    for (person, accept) in [(house.app.bob(), "text/markdown"), (house.app.stranger(), "*/*")] {
        export(&person, &path, accept).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn an_archive_is_read_as_markdown_and_as_the_same_rows() {
    let house = House::build().await;
    let alice = house.app.alice();
    let session = conversation(&house.app, &alice).await;
    let list = alice.get(&format!("/v1/session-summaries?session_id={session}")).await.expect(200).json();
    let path = format!("/v1/session-summaries/{}", list["data"][0]["id"].as_str().expect("an id"));
    let whole = alice.get(&path).await.expect(200).json();
    let rows = export(&alice, &path, "application/x-ndjson").await.expect(200);
    assert_eq!(json!(messages(&rows.text, &session)), whole["full_transcript"]);
    let exported = export(&alice, &format!("/v1/sessions/{session}/export"), "*/*").await.expect(200);
    let same =
        rows.text.lines().zip(exported.text.lines().skip(1)).filter(|(one, other)| one == other).count();
    assert_eq!(same, whole["full_transcript"].as_array().expect("messages").len());
    let markdown = export(&alice, &path, "text/markdown").await.expect(200).text;
    assert!(markdown.contains("> - The pilot is in May\n"), "{markdown}");
    assert!(markdown.contains("*Result* of `") && markdown.contains("# Transcript\n"), "{markdown}");
}
