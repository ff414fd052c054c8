use domain::{Block, block};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{InvalidInput, framer::Framer};

fn feed<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Delta>, ModelError> {
    let (mut framer, mut assembler, mut deltas) = (Framer::default(), Assembler::default(), Vec::new());
    for chunk in chunks {
        framer.push(chunk);
        while let Some(frame) = framer.next()? {
            deltas.extend(assembler.take(&frame)?);
        }
    }
    Ok(deltas)
}

fn wire(events: &[Value]) -> String {
    let frame = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or(""));
    events.iter().map(frame).collect()
}

fn answer(events: &[Value]) -> Answer {
    match feed([wire(events).as_bytes()]).expect("an answer").pop() {
        Some(Delta::Complete(answer)) => answer,
        other => panic!("no answer but {other:?}"),
    }
}

fn start(index: u64, block: &Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn delta(index: u64, delta: &Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn stop() -> Value {
    json!({"type": "message_stop"})
}

fn text(index: u64, text: &str) -> Value {
    delta(index, &json!({"type": "text_delta", "text": text}))
}

fn input(index: u64, json: &str) -> Value {
    delta(index, &json!({"type": "input_json_delta", "partial_json": json}))
}

fn tool(index: u64, id: &str) -> Value {
    start(index, &json!({"type": "tool_use", "id": id, "name": "find", "input": {}}))
}

/// Thinking, text and a tool call, with a ping and things nobody knows yet.
fn everything() -> Vec<Value> {
    vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "model": "m-1", "content": [],
            "usage": {"input_tokens": 9, "cache_read_input_tokens": 5, "output_tokens": 1}}}),
        start(0, &json!({"type": "thinking", "thinking": "", "signature": ""})),
        json!({"type": "ping"}),
        delta(0, &json!({"type": "thinking_delta", "thinking": "Hm, \u{1F914}"})),
        delta(0, &json!({"type": "signature_delta", "signature": "c2ln"})),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "future_event", "delta": "not an object", "index": -1}),
        start(1, &json!({"type": "text", "text": "", "citations": null})),
        text(1, "Grüße\n\n"),
        delta(1, &json!({"type": "future_delta", "text": {"not": "text"}})),
        text(1, "an \"alle\""),
        tool(2, "toolu_1"),
        input(2, ""),
        input(2, r#"{"q": "Zü"#),
        input(2, r#"rich", "n":1.0}"#),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null},
            "usage": {"output_tokens": 42}}),
        stop(),
    ]
}

const EVERYTHING: &str = concat!(
    r#"[{"type":"thinking","thinking":"Hm, 🤔","signature":"c2ln"},"#,
    r#"{"type":"text","text":"Grüße\n\nan \"alle\""},"#,
    r#"{"type":"tool_use","id":"toolu_1","name":"find","input":{"q": "Zürich", "n":1.0}}]"#
);

#[test]
fn an_answer_holds_what_was_streamed() {
    let deltas = feed([wire(&everything()).as_bytes()]).expect("an answer");
    let shown: Vec<String> = deltas[..deltas.len() - 1].iter().map(|delta| format!("{delta:?}")).collect();
    assert_eq!(
        shown,
        [
            r#"Started { model: "m-1", id: "msg_1" }"#,
            r#"Thinking("Hm, 🤔")"#,
            r#"Text("Grüße\n\n")"#,
            r#"Text("an \"alle\"")"#,
            r#"ToolUseStarted { id: "toolu_1", name: "find" }"#,
        ]
    );
    let answer = answer(&everything());
    assert_eq!(block::to_json(&answer.blocks), EVERYTHING);
    assert_eq!((answer.stop_reason, answer.model.as_str()), (StopReason::ToolUse, "m-1"));
    let usage = Usage { input_tokens: 9, output_tokens: 42, cache_read_input_tokens: 5, ..Usage::default() };
    assert_eq!(answer.usage, usage);
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_answer(
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        line_end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
    ) {
        let wire = wire(&everything()).replace('\n', line_end);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len())).collect();
        cuts.extend([0, wire.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &wire.as_bytes()[cut[0]..cut[1]]);
        let whole = feed([wire.as_bytes()]).expect("an answer");
        let split = feed(pieces).expect("an answer");
        prop_assert_eq!(format!("{whole:?}"), format!("{split:?}"));
        let Some(Delta::Complete(answer)) = split.last() else { panic!("no answer") };
        prop_assert_eq!(block::to_json(&answer.blocks), EVERYTHING);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..1500) {
        let mut wire = wire(&everything()).into_bytes();
        wire.splice(at.min(wire.len()).., bytes);
        let _ = feed([wire.as_slice()]);
    }
}

#[test]
fn arguments_that_are_no_object_leave_a_block_that_can_be_sent_back() {
    let raw = r#"{"q": "cut of"#;
    let answer = answer(&[tool(0, "t1"), input(0, raw), tool(1, "t2"), stop()]);
    assert_eq!(
        block::to_json(&answer.blocks),
        r#"[{"type":"tool_use","id":"t1","name":"find","input":{}},{"type":"tool_use","id":"t2","name":"find","input":{}}]"#
    );
    assert_eq!(answer.invalid_inputs, [InvalidInput { tool_use_id: "t1".into(), raw: raw.into() }]);
}

#[test]
fn arguments_may_stand_at_the_beginning_of_their_block() {
    let whole = start(0, &json!({"type": "tool_use", "id": "t", "name": "find", "input": {"q": 1}}));
    let answer = answer(&[whole, stop()]);
    assert_eq!(
        block::to_json(&answer.blocks),
        r#"[{"type":"tool_use","id":"t","name":"find","input":{"q":1}}]"#
    );
}

#[test]
fn blocks_that_we_do_not_interpret_are_kept_with_what_grew_on_them() {
    let redacted = json!({"type": "redacted_thinking", "data": "b3BhcXVl"});
    let search = json!({"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}});
    let result = json!({"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"url": "u"}]});
    let future = json!({"type": "future", "text": 7, "input": "x", "citations": {}});
    let answer = answer(&[
        start(0, &redacted),
        start(1, &search),
        input(1, r#"{"query": "#),
        input(1, r#""x"}"#),
        start(2, &result),
        start(3, &future),
        stop(),
    ]);
    let blocks: Vec<Value> = serde_json::from_str(&block::to_json(&answer.blocks)).expect("JSON");
    let mut search = search;
    search["input"] = json!({"query": "x"});
    assert_eq!(blocks, [redacted, search, result, future]);
    assert!(answer.blocks.iter().all(|block| matches!(block, Block::Other(_))), "{:?}", answer.blocks);
}

#[test]
fn citations_stay_on_their_text() {
    let citation = json!({"type": "char_location", "cited_text": "a", "document_index": 0});
    let answer = answer(&[
        start(0, &json!({"type": "text", "text": "", "citations": []})),
        text(0, "As "),
        delta(0, &json!({"type": "citations_delta", "citation": citation})),
        text(0, "said."),
        stop(),
    ]);
    let blocks: Vec<Value> = serde_json::from_str(&block::to_json(&answer.blocks)).expect("JSON");
    assert_eq!(blocks, [json!({"type": "text", "text": "As said.", "citations": [citation]})]);
    assert_eq!(answer.text(), "As said.");
}

#[test]
fn blocks_keep_their_places_and_blank_text_goes() {
    let block = |index, text: &str| start(index, &json!({"type": "text", "text": text}));
    let answer = answer(&[block(2, "c"), block(0, "a"), block(1, ""), text(1, "\n\n"), text(0, "b"), stop()]);
    assert_eq!(block::to_json(&answer.blocks), r#"[{"type":"text","text":"ab"},{"type":"text","text":"c"}]"#);
}

#[test]
fn counts_grow_and_may_be_absent() {
    let counts = |start: Value, end: Value| {
        answer(&[
            json!({"type": "message_start", "message": {"usage": start}}),
            json!({"type": "message_delta", "delta": {}, "usage": end}),
            stop(),
        ])
        .usage
    };
    let usage = |input_tokens, output_tokens| Usage { input_tokens, output_tokens, ..Usage::default() };
    for (start, end, expected) in [
        (json!({"input_tokens": 8, "output_tokens": 1}), json!({"output_tokens": 5}), usage(8, 5)),
        (json!({"input_tokens": 8}), json!({"input_tokens": 0, "output_tokens": 5}), usage(8, 5)),
        (json!({"input_tokens": 0}), json!({"input_tokens": 8, "output_tokens": null}), usage(8, 0)),
        (json!(null), json!(null), usage(0, 0)),
        (json!({}), json!({"server_tool_use": {"web_search_requests": 1}}), usage(0, 0)),
    ] {
        assert_eq!(counts(start, end), expected);
    }
}

#[test]
fn stop_reasons_are_kept_known_or_not() {
    let stopped =
        |delta: Value| answer(&[json!({"type": "message_delta", "delta": delta}), stop()]).stop_reason;
    let refused = stopped(json!({"stop_reason": "refusal", "stop_details": {"category": "cyber"}}));
    assert_eq!(refused, StopReason::Refusal);
    assert_eq!(stopped(json!({"stop_reason": "nap"})), StopReason::Other("nap".into()));
    assert_eq!(stopped(json!({"stop_reason": null})), StopReason::Other(String::new()));
}

#[test]
fn an_error_is_found_with_and_without_its_event_name() {
    for (wire, kind, message) in [
        (
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"k\",\"message\":\"m\"}}\n\n",
            "k",
            "m",
        ),
        ("data: {\"type\":\"error\",\"error\":{\"type\":\"k\",\"message\":\"m\"}}\n\n", "k", "m"),
        ("data: {\"error\":{\"message\":\"m\",\"code\":500}}\n\n", "api_error", "m"),
        ("event: error\ndata: out of memory\n\n", "", "out of memory"),
    ] {
        let error = feed([wire.as_bytes()]).expect_err("an error");
        assert_eq!(error, ModelError::ErrorEvent { kind: kind.into(), message: message.into() }, "{wire}");
    }
    let too_long = "event: error\ndata: {\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Prompt is too long\"}}\n\n";
    let error = feed([too_long.as_bytes()]).expect_err("an error");
    assert!(matches!(error, ModelError::PromptTooLong { .. }), "{error:?}");
}

#[test]
fn what_cannot_be_read_is_a_bad_answer() {
    for wire in [
        "data: {\"type\":\"content_block_delta\",\n\n",
        "data: <html>\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":1}}\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n",
    ] {
        let error = feed([wire.as_bytes()]).expect_err("an error");
        assert!(matches!(error, ModelError::BadAnswer { .. }), "{wire}: {error:?}");
    }
    let latin1 = b"data: {\"type\":\"content_block_start\",\"content_block\":{\"text\":\"gr\xFCn\"}}\n\n";
    assert!(feed([&latin1[..]]).is_err());
    assert!(feed([&b"data: [DONE]\n\n"[..]]).expect("tolerated").is_empty());
}

#[test]
fn an_answer_has_begun_with_whatever_came_first() {
    let so_far = |events: &[Value]| {
        let (wire, mut framer, mut assembler) = (wire(events), Framer::default(), Assembler::default());
        framer.push(wire.as_bytes());
        while let Some(frame) = framer.next().expect("a frame") {
            assembler.take(&frame).expect("an event");
        }
        assembler.so_far().map(|broken| (broken.usage.output_tokens, broken.received))
    };
    let counts = json!({"type": "message_delta", "delta": {}, "usage": {"output_tokens": 5}});
    assert_eq!(so_far(&[json!({"type": "ping"})]), None);
    assert_eq!(so_far(&[json!({"type": "message_start", "message": {}})]), Some((0, 0)));
    assert_eq!(so_far(&[tool(0, "t"), input(0, r#"{"q""#)]), Some((0, r#"{"q""#.len())));
    assert_eq!(so_far(&[counts]), Some((5, 0)));
}

#[test]
fn an_answer_without_end_is_refused_at_its_limit() {
    let piece = wire(&[text(0, &"x".repeat(1 << 20))]);
    let begin = wire(&[start(0, &json!({"type": "text", "text": ""}))]);
    let chunks = std::iter::once(begin.as_bytes()).chain(std::iter::repeat_n(piece.as_bytes(), 17));
    assert!(matches!(feed(chunks), Err(ModelError::BadAnswer { .. })));
}
