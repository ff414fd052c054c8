//! Calls and their results.

use model_sim::Reply;
use serde_json::{Value, json};

use crate::support::{Provider, chat};

fn call(id: &str) -> Value {
    json!({"type": "tool_use", "id": id, "name": "look", "input": {}})
}

fn result(id: &str) -> Value {
    json!({"type": "tool_result", "tool_use_id": id, "content": "seen"})
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// A conversation that begins with a user's text; then roles alternate.
fn conversation(turns: &[Value]) -> Value {
    let turns = turns.iter().enumerate().map(|(index, content)| {
        json!({"role": if index % 2 == 0 { "assistant" } else { "user" }, "content": content})
    });
    chat([json!({"role": "user", "content": "Hi"})].into_iter().chain(turns).collect())
}

async fn refused(turns: &[Value]) -> String {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("never"));
    let message = provider.post(&conversation(turns)).await.refusal(400, "invalid_request_error");
    assert_eq!(provider.sim.unused(), 1, "a wrong request uses up no reply");
    message
}

#[tokio::test]
async fn calls_with_their_results_first_are_accepted() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("ok"));
    let turns = [
        json!([text("Let me see."), call("t1"), call("t2")]),
        json!([result("t2"), result("t1"), text("and?")]),
    ];
    assert_eq!(provider.post(&conversation(&turns)).await.status, 200);
}

#[tokio::test]
async fn a_call_without_its_result_is_refused() {
    let expected = "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: t2. \
                    Each `tool_use` block must have a corresponding `tool_result` block in the next message.";
    assert_eq!(refused(&[json!([call("t1"), call("t2")]), json!([result("t1")])]).await, expected);
    let at_the_end = refused(&[json!([call("t1")])]).await;
    assert!(at_the_end.starts_with("messages.1: `tool_use` ids were found without"), "{at_the_end}");
}

#[tokio::test]
async fn a_result_after_text_counts_for_nothing() {
    let message = refused(&[json!([call("t1")]), json!([text("and"), result("t1")])]).await;
    assert!(message.contains("without `tool_result` blocks immediately after: t1"), "{message}");
}

#[tokio::test]
async fn a_result_without_its_call_is_refused() {
    let message = refused(&[json!([text("Well.")]), json!([result("t9")])]).await;
    assert!(
        message
            .starts_with("messages.2.content.0: unexpected `tool_use_id` found in `tool_result` blocks: t9"),
        "{message}"
    );
}

#[tokio::test]
async fn a_second_result_is_refused() {
    let message = refused(&[json!([call("t1")]), json!([result("t1"), result("t1")])]).await;
    assert!(message.contains("each tool_use must have a single result"), "{message}");
}

#[tokio::test]
async fn ids_of_calls_are_unique_in_the_whole_conversation() {
    let again = [json!([call("t1")]), json!([result("t1")]), json!([call("t1")]), json!([result("t1")])];
    assert_eq!(refused(&again).await, "messages.3: `tool_use` ids must be unique");
}

#[tokio::test]
async fn a_call_needs_an_object_as_input_and_a_plain_id() {
    let input = json!([{"type": "tool_use", "id": "t1", "name": "look", "input": "{"}]);
    assert!(refused(&[input]).await.ends_with("tool_use.input: Input should be a valid dictionary"));
    assert!(refused(&[json!([call("a b")])]).await.contains("tool_use.id: String should match pattern"));
}

#[tokio::test]
async fn an_error_result_needs_words() {
    let empty = json!([{"type": "tool_result", "tool_use_id": "t1", "content": "", "is_error": true}]);
    let message = refused(&[json!([call("t1")]), empty]).await;
    assert_eq!(message, "messages.2.content.0: content cannot be empty if `is_error` is true");
}

#[tokio::test]
async fn blocks_stand_in_messages_of_their_role() {
    let message = refused(&[json!([result("t1")])]).await;
    assert_eq!(message, "messages.1.content.0: `tool_result` blocks can only be in `user` messages");
}
