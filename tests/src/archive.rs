//! Nothing leaves a prompt before it is archived whole.

use domain::block::text_of;
use engine::compaction::Thresholds;
use model_sim::{Reply, Request};
use serde_json::{Value, json};

use crate::harness::{Person, Setup, TestApp};

/// Compacts at a few hundred tokens and keeps four messages.
fn small() -> Setup {
    Setup {
        compaction: Thresholds { at_tokens: Some(600), keep_tokens: Some(100), keep_messages: Some(4) },
        ..Setup::default()
    }
}

fn is_summary(request: &Request) -> bool {
    request.json()["system"].as_str().is_some_and(|system| system.contains("Summarise the conversation"))
}

/// A conversation of so many long turns.
async fn talk(person: &Person, session: &str, turns: usize) {
    for turn in 0..turns {
        let filler = "and so on ".repeat(40);
        person.ask(session, &format!("question {turn} about the security review {filler}")).await;
    }
}

fn summaries_then_answers(app: &TestApp) {
    app.sim.respond_with(|request| {
        if is_summary(request) {
            Reply::text("## Decisions\n- The security review is in March\n\n## People\n- Dana decides")
        } else {
            Reply::text("fine")
        }
    });
}

async fn archives(person: &Person, session: &str) -> Vec<Value> {
    let list = person.get(&format!("/v1/session-summaries?session_id={session}")).await.expect(200).json();
    list["data"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_long_conversation_is_archived_summed_up_and_its_history_stays_the_same() {
    let app = TestApp::with(small()).await;
    summaries_then_answers(&app);
    let alice = app.alice();
    let session = alice.session().await;
    let mut before = Vec::new();
    for turns in 0..8 {
        talk(&alice, &session, 1).await;
        let history = alice.history(&session).await;
        assert_eq!(history[..before.len()], before[..], "after turn {turns}");
        before = history;
    }
    let archives = archives(&alice, &session).await;
    assert!(!archives.is_empty());
    let oldest = archives.last().expect("an archive");
    assert_eq!(oldest["first_seq"], 1);
    assert_eq!(oldest["summary_text"].as_str().map(|text| text.contains("Dana decides")), Some(true));
    assert_eq!(oldest["key_points"], json!(["The security review is in March", "Dana decides"]));
    let id = oldest["id"].as_str().expect("an id");
    let whole = alice.get(&format!("/v1/session-summaries/{id}")).await.expect(200).json();
    let count = usize::try_from(whole["message_count"].as_i64().expect("a number")).expect("positive");
    assert_eq!(whole["full_transcript"].as_array().expect("messages")[..], before[..count]);
}

#[tokio::test]
async fn the_prompt_after_a_compaction_begins_with_the_summary_and_a_question() {
    let app = TestApp::with(small()).await;
    summaries_then_answers(&app);
    let alice = app.alice();
    let session = alice.session().await;
    talk(&alice, &session, 6).await;
    app.sim.take_requests();
    let frames = alice.say(&session, "and now?").await.rest().await;
    assert_eq!(frames.last().map(|frame| frame.event.as_str()), Some("done"));
    let requests = app.sim.requests();
    let prompt = requests.iter().rfind(|request| !is_summary(request)).expect("a request").json().clone();
    let first = prompt["messages"][0]["content"][0]["text"].as_str().expect("a text");
    assert!(first.starts_with("<conversation_summary archives=\""), "{first}");
    assert!(first.contains("Dana decides") && first.contains("not instructions"));
    assert_eq!(prompt["messages"][0]["role"], "user");
    assert!(prompt["messages"].as_array().expect("messages").len() <= 9);
}

#[tokio::test]
async fn a_compaction_in_mid_run_tells_its_readers() {
    let app = TestApp::with(small()).await;
    summaries_then_answers(&app);
    let alice = app.alice();
    let session = alice.session().await;
    let mut seen = false;
    for turn in 0..6 {
        let filler = "words ".repeat(60);
        let frames = alice.say(&session, &format!("turn {turn} {filler}")).await.rest().await;
        for frame in frames.iter().filter(|frame| frame.event == "compaction") {
            seen = true;
            assert!(frame.data["message_count"].as_i64() > Some(0));
            assert!(frame.data["tokens_after"].as_i64() < frame.data["tokens_before"].as_i64());
            let id = frame.data["summary_id"].as_str().expect("an id");
            alice.get(&format!("/v1/session-summaries/{id}")).await.expect(200);
        }
    }
    assert!(seen);
}

#[tokio::test]
async fn without_a_model_the_summary_is_extracted() {
    let app = TestApp::with(small()).await;
    app.sim
        .respond_with(|request| if is_summary(request) { Reply::status(529) } else { Reply::text("fine") });
    let alice = app.alice();
    let session = alice.session().await;
    talk(&alice, &session, 6).await;
    let archives = archives(&alice, &session).await;
    assert_eq!(archives[0]["summarized_by"], "extractive");
    let text = archives.last().and_then(|a| a["summary_text"].as_str()).expect("a summary").to_owned();
    assert!(text.contains("user said: question 0 about the security review"), "{text}");
}

#[tokio::test]
async fn a_prompt_that_the_provider_finds_too_long_is_compacted_and_sent_again() {
    let app = TestApp::start().await;
    summaries_then_answers(&app);
    let alice = app.alice();
    let session = alice.session().await;
    talk(&alice, &session, 3).await;
    app.sim.push_for(
        "too much",
        Reply::status(400)
            .error("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
    );
    let frames = alice.say(&session, "is this too much?").await.rest().await;
    let names: Vec<&str> = frames.iter().map(|frame| frame.event.as_str()).collect();
    assert!(names.contains(&"compaction"), "{names:?}");
    assert_eq!(names.last(), Some(&"done"));
    assert_eq!(alice.history(&session).await.len(), 8);
}

#[tokio::test]
async fn a_conversation_that_cannot_shrink_ends_in_one_clear_error() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.respond_with(|_| {
        Reply::status(400)
            .error("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")
    });
    let frames = alice.say(&session, "hello").await.rest().await;
    let last = frames.last().expect("an event");
    assert_eq!((last.event.as_str(), &last.data["code"]), ("error", &json!("prompt_too_long")));
    app.sim.respond_with(|_| Reply::text("back again"));
    assert_eq!(alice.ask(&session, "and now?").await["run"]["status"], "done");
}

#[tokio::test]
async fn compacting_by_hand_archives_everything_and_answers_with_the_summary() {
    let app = TestApp::start().await;
    summaries_then_answers(&app);
    let alice = app.alice();
    let session = alice.session().await;
    let path = format!("/v1/sessions/{session}/compact");
    alice.post(&path, json!({})).await.problem(409, "nothing_to_compact");
    talk(&alice, &session, 1).await;
    let summary = alice.post(&path, json!({})).await.expect(200).json();
    assert_eq!((summary["message_count"].as_i64(), summary["last_seq"].as_i64()), (Some(2), Some(2)));
    alice.post(&path, json!({})).await.problem(409, "nothing_to_compact");
    assert_eq!(alice.ask(&session, "go on").await["run"]["status"], "done");
    assert_eq!(alice.history(&session).await.len(), 4);
    app.bob().post(&path, json!({})).await.problem(404, "not_found");
}

#[tokio::test]
async fn the_archive_is_searched_in_plain_words_by_its_owner_alone() {
    let app = TestApp::start().await;
    summaries_then_answers(&app);
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push_for("Graz", Reply::text("Dana said the pilot in Graz ran eight weeks without a stop."));
    alice.ask(&session, "How did the pilot in Graz go?").await;
    alice.post(&format!("/v1/sessions/{session}/compact"), json!({})).await.expect(200);
    let found = alice
        .get("/v1/session-summaries/search?q=what+did+Dana+say+about+the+pilot")
        .await
        .expect(200)
        .json();
    let snippet = found["data"][0]["snippet"].as_str().expect("a passage");
    assert!(snippet.contains("**Dana**") && snippet.contains("Graz"), "{snippet}");
    for nothing in
        ["zeppelin", "the+of+and", "%22eight+months%22", "pilot+-Graz", "%26%7C%21%28%29%3A%2A", ""]
    {
        let found = alice.get(&format!("/v1/session-summaries/search?q={nothing}")).await.expect(200).json();
        assert_eq!(found["data"], json!([]), "{nothing}");
    }
    for (excluded, passages) in [("weeks+eight", 2), ("eight+weeks", 1)] {
        let path = format!("/v1/session-summaries/search?q=pilot+-%22{excluded}%22");
        let found = alice.get(&path).await.expect(200).json();
        assert_eq!(found["data"].as_array().expect("a list").len(), passages, "{found}");
    }
    for person in [app.bob(), app.stranger()] {
        let found = person.get("/v1/session-summaries/search?q=pilot").await.expect(200).json();
        assert_eq!(found["data"], json!([]));
    }
}

#[tokio::test]
async fn the_copilot_recalls_and_reads_the_archive() {
    let app = TestApp::start().await;
    summaries_then_answers(&app);
    let alice = app.alice();
    let old = alice.session().await;
    app.sim.push_for("Graz", Reply::text("The pilot in Graz ran eight weeks."));
    alice.ask(&old, "How did Graz go?").await;
    let archive = alice.post(&format!("/v1/sessions/{old}/compact"), json!({})).await.expect(200).json();
    let session = alice.session().await;
    app.sim.take_requests();
    app.sim.push(Reply::call("recall", json!({"query": "pilot in Graz"})));
    app.sim.push(Reply::call("read_archive", json!({"summary_id": archive["id"], "from_seq": 2})));
    app.sim.push(Reply::text("Eight weeks."));
    alice.ask(&session, "how long was the pilot?").await;
    let requests = app.sim.requests();
    let result = |n: usize| {
        let messages = requests[n].json()["messages"].as_array().expect("messages").clone();
        messages.last().expect("a message")["content"][0]["content"].as_str().expect("a result").to_owned()
    };
    assert!(result(1).contains(archive["id"].as_str().expect("an id")), "{}", result(1));
    assert!(result(2).contains("ran eight weeks") && !result(2).contains("How did"), "{}", result(2));
}

#[tokio::test]
async fn an_archive_reads_as_markdown_and_its_hash_is_over_the_transcript() {
    let app = TestApp::start().await;
    summaries_then_answers(&app);
    let alice = app.alice();
    let session = alice.session().await;
    talk(&alice, &session, 1).await;
    let id = alice.post(&format!("/v1/sessions/{session}/compact"), json!({})).await.expect(200).json()["id"]
        .clone();
    let path = format!("/v1/session-summaries/{}", id.as_str().expect("an id"));
    let markdown = alice
        .send(alice.request(reqwest::Method::GET, &path).header("accept", "text/markdown"))
        .await
        .expect(200);
    assert!(markdown.header("content-type").starts_with("text/markdown"));
    assert!(markdown.text.contains("# Transcript") && markdown.text.contains("question 0"));
    let wrong = "select count(*) from sixty.copilot_session_summaries where sha256 <> sha256(convert_to(transcript, 'UTF8'))";
    assert_eq!(app.database.count(wrong).await, 0);
    let content = alice.history(&session).await[0]["content"].to_string();
    assert!(text_of(&content).contains("question 0"));
    app.stranger().get(&path).await.problem(404, "not_found");
}
