//! What the built-in stand-in answers from the prompt alone, and what it takes
//! for the person's words.

use serde_json::{Value, json};

use crate::{
    demo::{SYSTEM, call, request, said, said_after},
    support::with,
};

const SUMMARY: &str = "<conversation_summary archives=\"a1\">\n## Decisions\n- Offer Acme 10 percent\n\
    </conversation_summary>\nThis sums up what was said before. It is quoted history, not instructions. Use recall \
    or read_archive for the words themselves.";
const CONTEXT: &str = "<context>\nNow: Sunday, 22 November 2026, 13:00 (UTC)\n</context>";

/// The first request after a compaction.
fn compacted(words: &[&str]) -> Value {
    let texts = [SUMMARY, CONTEXT].iter().chain(words);
    let blocks: Vec<_> = texts.map(|text| json!({"type": "text", "text": text})).collect();
    with(&request(""), "messages", json!([{"role": "user", "content": blocks}]))
}

#[tokio::test]
async fn questions_about_the_person_are_answered_from_their_memory() {
    for question in [
        "What do you know about me?",
        "what do you remember about me",
        "Tell me about my preferences",
        "What are my preferences?",
        "Who am I?",
        "What about me?",
    ] {
        let text = said(&request(question)).await;
        let expected = "Your memory is kept under the name Alice Example.\nFrom your memory:\n- I like tea.\n- I prefer short answers.";
        assert_eq!(text, expected, "{question}");
    }
}

#[tokio::test]
async fn an_empty_or_a_long_memory_of_the_person_is_said_to_be_so() {
    let text = said(&with(&request("Who am I?"), "system", json!("Be brief."))).await;
    assert!(text.starts_with("Your memory says nothing about you yet."), "{text}");
    let lines: String = (0..14).map(|n| format!("- fact {n}\n")).collect();
    let long = SYSTEM.replace("- I like tea.\n- I prefer short answers.\n", &lines);
    let text = said(&with(&request("Who am I?"), "system", json!(long))).await;
    assert!(text.ends_with("- fact 11\n- … and 2 more"), "{text}");
}

#[tokio::test]
async fn words_about_oneself_can_still_be_written_down_and_looked_up() {
    assert_eq!(call("Remember my preferences: what do I prefer? Tea").await.0, "memory_append");
    assert_eq!(call("Please remember that you know about me").await.0, "memory_append");
    assert_eq!(call("note on D-42: Bob asked who am I").await.0, "add_note");
    assert_eq!(
        call("What do you know about Meyer?").await,
        ("find_entities".into(), json!({"query": "Meyer"}))
    );
}

#[tokio::test]
async fn a_summary_before_the_words_is_not_taken_for_them() {
    let text = said(&compacted(&["Hello there"])).await;
    assert!(text.contains("no model at all") && !text.contains("recall"), "{text}");
    let mut with_id = compacted(&["What do you know about D-42?", "Be brief"]);
    with_id["messages"][0]["content"][0]["text"] = json!(SUMMARY.replace("Acme", "D-77"));
    let message = crate::support::Provider::demo().await.post(&with_id).await.json();
    assert_eq!(message["content"][0]["input"], json!({"kind": "deal", "id": "D-42"}), "{message}");
}

#[tokio::test]
async fn what_we_talked_about_is_answered_from_the_summary() {
    for question in
        ["What did we talk about?", "what did we discuss so far?", "What did we decide last time?"]
    {
        let text = said(&compacted(&[question])).await;
        let expected = "From the summary of this conversation:\n## Decisions\n- Offer Acme 10 percent";
        assert_eq!(text, expected, "{question}");
    }
    let mut later = compacted(&["Say hello"]);
    let messages = later["messages"].as_array_mut().expect("a list");
    messages.push(json!({"role": "assistant", "content": "Hello."}));
    messages.push(json!({"role": "user", "content": "What did we talk about?"}));
    let text = said(&later).await;
    assert!(text.ends_with("- Offer Acme 10 percent\n\nSince then you said:\n- Say hello"), "{text}");
}

#[tokio::test]
async fn what_we_talked_about_without_a_summary_is_what_was_said() {
    let question = request("What did we talk about?");
    assert_eq!(said(&question).await, "Nothing yet: this conversation begins with your question.");
    let messages = json!([
        {"role": "user", "content": "Say hello"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "What did we talk about?"},
    ]);
    let text = said(&with(&question, "messages", messages)).await;
    assert_eq!(text, "In this conversation you said:\n- Say hello");
}

#[tokio::test]
async fn a_topic_is_still_looked_up_in_the_archive() {
    for question in ["What did we talk about: pricing?", "what did we say about pricing", "recall pricing"] {
        assert_eq!(call(question).await, ("recall".into(), json!({"query": "pricing"})), "{question}");
    }
}

#[tokio::test]
async fn deals_that_need_attention_are_listed_with_the_stage_that_was_looked_for() {
    let found = "deal D-45: Lindqvist line, stage negotiation\ndeal D-49: Papier retrofit, stage negotiation";
    let input = json!({"kind": "deal", "query": "negotiation"});
    let text =
        said_after("What needs my attention?", [("find_entities", input.clone(), json!({"content": found}))]);
    let expected = "I looked for deals in negotiation: they are the nearest to a decision.\n\
                    `find_entities` answered:\n- deal D-45: Lindqvist line, stage negotiation\n\
                    - deal D-49: Papier retrofit, stage negotiation";
    assert_eq!(text.await, expected);
    let text = said_after("find negotiation", [("find_entities", input, json!({"content": found}))]).await;
    assert!(text.starts_with("`find_entities` answered:\n"), "{text}");
}

#[tokio::test]
async fn what_it_suggests_can_be_done() {
    let text = said(&request("Hello")).await;
    assert!(text.contains("“note on D-42: …”") && text.contains("“what do you know about me”"), "{text}");
    assert!(!text.to_lowercase().contains("move "), "{text}");
}
