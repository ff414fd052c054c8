use domain::block;
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// The answer to these chunks.
fn answer(chunks: &[String]) -> Result<Answer, ModelError> {
    let (mut assembler, mut deltas) = (Assembler::default(), VecDeque::new());
    for chunk in chunks {
        assembler.take(serde_json::from_str(chunk).unwrap_or_default(), &mut deltas)?;
    }
    Ok(assembler.finish())
}

/// The calls of an answer: id and arguments.
fn called(answer: &Answer) -> Vec<(&str, &str)> {
    let calls = answer.blocks.iter().filter_map(|block| match block {
        Block::ToolUse { id, input, .. } => Some((id.as_str(), input.get())),
        _ => None,
    });
    calls.collect()
}

fn piece(index: usize, first: bool, arguments: &str) -> String {
    let mut call = json!({"index": index, "function": {"arguments": arguments}});
    if first {
        call["id"] = json!(format!("c{index}"));
        call["function"]["name"] = json!("find");
    }
    json!({"choices": [{"delta": {"tool_calls": [call]}}]}).to_string()
}

proptest! {
    #[test]
    fn any_interleaving_of_any_pieces_gives_the_same_calls(
        order in prop::collection::vec(0_usize..3, 0..60),
        sizes in prop::collection::vec(1_usize..5, 60),
    ) {
        let arguments = [r#"{"q": "Zürich", "n":1.0}"#, "{}", r#"{"a":[ 1e2,"\u00fc"]}"#];
        let mut rests = arguments.map(|text| text.chars().collect::<Vec<_>>());
        let mut begun = [false; 3];
        let mut chunks = Vec::new();
        let tail = (0..3).flat_map(|call| std::iter::repeat_n(call, 30));
        for (call, size) in order.into_iter().chain(tail).zip(sizes.into_iter().cycle()) {
            let size = size.min(rests[call].len());
            let text: String = rests[call].drain(..size).collect();
            if !text.is_empty() {
                chunks.push(piece(call, !std::mem::replace(&mut begun[call], true), &text));
            }
        }
        let answer = answer(&chunks).expect("an answer");
        let mut calls = called(&answer);
        calls.sort_unstable();
        prop_assert_eq!(calls, [("c0", arguments[0]), ("c1", arguments[1]), ("c2", arguments[2])]);
    }

    #[test]
    fn no_chunk_makes_it_panic(text in r#"[\[\]{}",:a-z0-9 ]{0,80}"#) {
        let _ = answer(&[text.clone(), format!(r#"{{"choices":[{{"delta":{text}}}]}}"#)]);
    }
}

#[test]
fn an_error_ends_an_answer_however_it_is_said() {
    let error = answer(&[r#"{"error":{"message":"no","code":503},"choices":[]}"#.to_owned()]);
    let expected = ModelError::ErrorEvent { kind: "api_error".into(), message: "no".into() };
    assert_eq!(error.expect_err("an error"), expected);
    let reason = answer(&[json!({"choices": [{"delta": {}, "finish_reason": "error"}]}).to_string()]);
    assert!(reason.expect_err("an error").is_retryable());
}

#[test]
fn blocks_keep_the_order_of_their_pieces_and_blank_text_goes() {
    let say = |text: &str| json!({"choices": [{"delta": {"content": text}}]}).to_string();
    let answer = answer(&[say("\n\n"), piece(0, true, "{}"), say("Look"), say("ing.")]).expect("an answer");
    assert_eq!(
        block::to_json(&answer.blocks),
        r#"[{"type":"tool_use","id":"c0","name":"find","input":{}},{"type":"text","text":"Looking."}]"#
    );
}

#[test]
fn an_answer_without_end_is_refused_at_its_limit() {
    let chunk = json!({"choices": [{"delta": {"content": "x".repeat(1 << 20)}}]}).to_string();
    let chunks = vec![chunk; 17];
    assert!(matches!(answer(&chunks), Err(ModelError::BadAnswer { .. })));
}
