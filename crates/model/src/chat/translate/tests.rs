use serde_json::{Value, json};

use super::*;

fn translated(body: &Value, dialect: Dialect) -> Value {
    let bytes = translate(body.to_string().as_bytes(), dialect).expect("a request");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// What these messages become on a compatible server.
fn said(messages: &Value) -> Value {
    translated(&json!({"model": "m", "max_tokens": 9, "messages": messages}), Dialect::Compatible)["messages"]
        .take()
}

fn call(id: &str) -> Value {
    json!({"type": "tool_use", "id": id, "name": "find", "input": {}})
}

fn result(id: &str, content: &Value) -> Value {
    json!({"type": "tool_result", "tool_use_id": id, "content": content})
}

#[test]
fn a_request_becomes_one_of_the_other_protocol() {
    let cached = json!({"type": "ephemeral"});
    let body = json!({
        "model": "m", "max_tokens": 9, "stream": true, "metadata": {"user_id": "u"},
        "stop_sequences": ["END"], "temperature": 0.5,
        "system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind.", "cache_control": cached}],
        "tools": [{"name": "find", "description": "Finds.", "input_schema": {"type": "object", "properties": {"q": {}}}, "cache_control": cached},
            {"type": "web_search_20250305", "name": "web_search"}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
        "messages": [{"role": "user", "content": "Hi"}],
    });
    let expected = json!({
        "model": "m", "max_tokens": 9, "user": "u", "stop": ["END"], "temperature": 0.5,
        "stream": true, "stream_options": {"include_usage": true},
        "tools": [{"type": "function", "function": {"name": "find", "description": "Finds.",
            "parameters": {"type": "object", "properties": {"q": {}}}}}],
        "tool_choice": "required", "parallel_tool_calls": false,
        "messages": [{"role": "system", "content": "Be brief.\n\nBe kind."}, {"role": "user", "content": "Hi"}],
    });
    assert_eq!(translated(&body, Dialect::Compatible), expected);
    let openai = translated(&body, Dialect::OpenAi);
    assert_eq!((&openai["max_completion_tokens"], openai.get("max_tokens")), (&json!(9), None));
}

#[test]
fn each_choice_of_tools_has_its_name_and_none_stands_without_tools() {
    let choose = |tools: Value, choice: Value| {
        let body = json!({"model": "m", "messages": [], "tools": tools, "tool_choice": choice});
        translated(&body, Dialect::OpenAi)
    };
    let tools = json!([{"name": "find", "input_schema": {"type": "object", "properties": {}}}]);
    for (choice, expected) in [
        (json!({"type": "auto"}), None),
        (json!({"type": "none"}), Some(json!("none"))),
        (json!({"type": "any"}), Some(json!("required"))),
        (
            json!({"type": "tool", "name": "find"}),
            Some(json!({"type": "function", "function": {"name": "find"}})),
        ),
    ] {
        assert_eq!(choose(tools.clone(), choice).get("tool_choice"), expected.as_ref());
    }
    let without = choose(json!([]), json!({"type": "none"}));
    assert_eq!((without.get("tools"), without.get("tool_choice")), (None, None));
}

#[test]
fn a_schema_keeps_its_bytes_and_always_has_properties() {
    for (schema, expected) in [
        (
            r#"{"type": "object", "properties":{"n":{"maximum":1.0}}}"#,
            r#"{"type": "object", "properties":{"n":{"maximum":1.0}}}"#,
        ),
        (r#"{"type":"object"}"#, r#"{"properties":{},"type":"object"}"#),
        ("{ }", r#"{"properties":{} }"#),
    ] {
        let body =
            format!(r#"{{"model":"m","messages":[],"tools":[{{"name":"n","input_schema":{schema}}}]}}"#);
        let bytes = translate(body.as_bytes(), Dialect::OpenAi).expect("a request");
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(&format!(r#""parameters":{expected}"#)), "{text}");
        assert!(text.contains(r#""stream":true"#), "{text}");
    }
}

#[test]
fn arguments_are_the_same_bytes_as_a_string() {
    let input = r#"{"b": 1.0, "a":[ 1e2,"\u00fc \"x\"" ]}"#;
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"assistant","content":[{{"type":"tool_use","id":"t","name":"find","input":{input}}}]}}]}}"#
    );
    let bytes = translate(body.as_bytes(), Dialect::Compatible).expect("a request");
    let json: Value = serde_json::from_slice(&bytes).expect("JSON");
    let message = &json["messages"][0];
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], input);
    assert_eq!((&message["content"], &message["tool_calls"][0]["type"]), (&Value::Null, &json!("function")));
}

#[test]
fn results_come_before_what_the_user_says_and_tell_their_errors() {
    let failed = json!({"type": "tool_result", "tool_use_id": "b", "content": "gone", "is_error": true});
    let messages = said(&json!([
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}, call("a"), call("b"), call("c")]},
        {"role": "user", "content": [
            result("a", &json!([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}])),
            failed, {"type": "tool_result", "tool_use_id": "c"},
            {"type": "text", "text": "And?"}, {"type": "future", "text": 7}]},
    ]));
    assert_eq!(messages[1]["content"], "I look.");
    assert_eq!(messages[1]["tool_calls"].as_array().map(Vec::len), Some(3));
    let rest = json!([
        {"role": "tool", "tool_call_id": "a", "content": "one\n\ntwo"},
        {"role": "tool", "tool_call_id": "b", "content": "Error: gone"},
        {"role": "tool", "tool_call_id": "c", "content": ""},
        {"role": "user", "content": "And?"},
    ]);
    assert_eq!(&messages.as_array().expect("messages")[2..], rest.as_array().expect("messages"));
}

#[test]
fn pictures_and_documents_go_along_as_far_as_they_can() {
    let image =
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}});
    let document = |source: Value| json!({"type": "document", "title": "Plan", "source": source});
    let messages = said(&json!([{"role": "user", "content": [
        {"type": "text", "text": "See"}, image,
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        document(json!({"type": "text", "media_type": "text/plain", "data": "Step 1"})),
        document(json!({"type": "base64", "media_type": "application/pdf", "data": "JVBE"})),
        document(json!({"type": "url", "url": "https://example.com/a.pdf"})),
        document(json!({"type": "file", "file_id": "f"})),
    ]}]));
    let parts = json!([
        {"type": "text", "text": "See"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "text", "text": "Plan\n\nStep 1"},
        {"type": "file", "file": {"filename": "Plan", "file_data": "data:application/pdf;base64,JVBE"}},
        {"type": "text", "text": "Plan\n\n(a document at https://example.com/a.pdf)"},
    ]);
    assert_eq!(messages, json!([{"role": "user", "content": parts}]));
    let shown = said(&json!([{"role": "user", "content": [result("a", &json!([image]))]}]));
    assert_eq!(shown[0], json!({"role": "tool", "tool_call_id": "a", "content": ""}));
    assert_eq!(shown[1]["content"][0]["text"], "From the result of the call a:");
    assert_eq!(shown[1]["content"][1], parts[1]);
}

#[test]
fn reasoning_goes_back_within_its_turn_and_where_it_came_from() {
    let thought =
        |text: &str, signature: &str| json!({"type": "thinking", "thinking": text, "signature": signature});
    let messages = json!([
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": [thought("old", ""), {"type": "text", "text": "1"}]},
        {"role": "user", "content": "Two"},
        {"role": "assistant", "content": [thought("signed", "c2ln"), thought("new", ""), call("a")]},
        {"role": "user", "content": [result("a", &json!("x"))]},
    ]);
    let compatible = said(&messages);
    assert_eq!(compatible[1].get("reasoning_content"), None);
    assert_eq!(compatible[3]["reasoning_content"], "new");
    let body = json!({"model": "m", "messages": messages});
    assert!(!translated(&body, Dialect::OpenAi).to_string().contains("reasoning"));
    let only_thought = said(&json!([{"role": "assistant", "content": [thought("hm", "")]}]));
    assert_eq!(only_thought, json!([]));
}

#[test]
fn an_id_that_is_too_long_is_cut_alike_in_the_call_and_in_its_result() {
    let id = format!("call_{}_{}", "a".repeat(24), "0123456789abcdef".repeat(2));
    let messages = said(&json!([
        {"role": "assistant", "content": [call(&id), call("b")]},
        {"role": "user", "content": [result(&id, &json!("x")), result("b", &json!("y"))]},
    ]));
    let ids = [&messages[0]["tool_calls"][0]["id"], &messages[1]["tool_call_id"]];
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ids[0].as_str().map(str::len), Some(40));
    assert_eq!(
        (&messages[0]["tool_calls"][1]["id"], &messages[2]["tool_call_id"]),
        (&json!("b"), &json!("b"))
    );
}

#[test]
fn what_is_no_request_is_refused_before_it_is_sent() {
    for body in ["", "[]", r#"{"model":"m"}"#] {
        let error = translate(body.as_bytes(), Dialect::Compatible).expect_err("an error");
        assert!(matches!(error, ModelError::Refused { status: 400, .. }), "{error:?}");
    }
}
