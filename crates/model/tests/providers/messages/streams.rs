//! Answers piece by piece, whole and broken.

use domain::block;
use model::{Broken, Delta, InvalidInput, ModelError, StopReason};

use crate::fake::{Fake, Reply, answer, drain, impatient};

pub const START: &str =
    r#"{"type":"message_start","message":{"id":"msg_1","model":"m-1","usage":{"input_tokens":3}}}"#;
pub const OPEN: &str =
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
const HELLO: &str =
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüße "}}"#;
const WORLD: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"🌍"}}"#;
const CLOSE: &str = r#"{"type":"content_block_stop","index":0}"#;
const END: &str =
    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;
const OVERLOADED: &str = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
pub const INVALID: &str = r#"{"type":"error","error":{"type":"invalid_request_error","message":"no"}}"#;

pub fn good() -> Reply {
    Reply::events(&[START, OPEN, HELLO, WORLD, CLOSE, END, STOP])
}

#[tokio::test]
async fn what_has_come_already_is_shown_as_one_piece_before_the_whole_answer() {
    let fake = Fake::start([good()]).await;
    let body = r#"{ "model":"m", "stream": true,"messages":[]}"#;
    let stream = fake.client().stream(body.into());
    let (shown, answer) = drain(stream).await;
    let answer = answer.expect("an answer");
    assert_eq!(shown, ["<started>", "Grüße 🌍"], "what has come already is one piece");
    assert_eq!(answer.text(), "Grüße 🌍");
    assert_eq!(answer.stop_reason, StopReason::EndTurn);
    assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (3, 2));
    let seen = &fake.seen()[0];
    assert_eq!((seen.line.as_str(), seen.body.as_str()), ("POST /v1/messages HTTP/1.1", body));
}

#[tokio::test]
async fn bytes_that_trickle_in_give_the_same_answer() {
    let fake = Fake::start([good().byte_by_byte()]).await;
    let stream = fake.client().stream("{}".into());
    let (shown, answer) = drain(stream).await;
    assert_eq!(shown.concat(), "<started>Grüße 🌍");
    assert_eq!(block::to_json(&answer.expect("an answer").blocks), r#"[{"type":"text","text":"Grüße 🌍"}]"#);
}

#[tokio::test]
async fn a_delta_is_handed_out_while_the_provider_still_thinks() {
    let fake = Fake::start([Reply::events(&[START, OPEN, HELLO]).then_silence()]).await;
    let mut stream = fake.client().stream("{}".into());
    while let Some(delta) = stream.next().await.expect("a delta") {
        if let Delta::Text(text) = delta {
            assert_eq!(text, "Grüße ");
            break;
        }
    }
}

#[tokio::test]
async fn thinking_goes_back_with_its_signature() {
    let fake = Fake::start([Reply::events(&[
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm."}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}"#,
        STOP,
    ])])
    .await;
    let (shown, answer) = drain(fake.client().stream("{}".into())).await;
    assert_eq!(shown, ["<started>", "Hm."]);
    assert_eq!(
        block::to_json(&answer.expect("an answer").blocks),
        r#"[{"type":"thinking","thinking":"Hm.","signature":"c2ln"}]"#
    );
}

#[tokio::test]
async fn tool_arguments_that_are_no_json_and_events_that_nobody_knows_do_not_end_an_answer() {
    let fake = Fake::start([Reply::events(&[
        START,
        r#"{"type":"tomorrow","index":"x"}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t1","name":"find","input":{}}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
        STOP,
    ])])
    .await;
    let (shown, answer) = drain(fake.client().stream("{}".into())).await;
    assert_eq!(shown, ["<started>", "<find>"]);
    let answer = answer.expect("an answer");
    assert_eq!(block::to_json(&answer.blocks), r#"[{"type":"tool_use","id":"t1","name":"find","input":{}}]"#);
    assert_eq!(answer.invalid_inputs, [InvalidInput { tool_use_id: "t1".into(), raw: r#"{"a":"#.into() }]);
}

#[tokio::test]
async fn blocks_that_come_whole_keep_their_bytes() {
    let blocks = [
        r#"{"type":"thinking","thinking":"t","signature":"s"}"#,
        r#"{"type":"redacted_thinking", "data":"b3A="}"#,
        r#"{"type":"text","text":"hi"}"#,
        r#"{"type":"tool_use","id":"t1","name":"find","input":{"q": 1.0}}"#,
    ];
    let starts = blocks.map(|block| format!(r#"{{"type":"content_block_start","content_block":{block}}}"#));
    let mut events = vec![START];
    events.extend(starts.iter().map(String::as_str));
    events.push(STOP);
    let fake = Fake::start([Reply::events(&events)]).await;
    let (shown, answer) = drain(fake.client().stream("{}".into())).await;
    assert_eq!(shown, ["<started>", "t", "hi", "<find>"]);
    assert_eq!(block::to_json(&answer.expect("an answer").blocks), format!("[{}]", blocks.join(",")));
}

#[tokio::test]
async fn what_breaks_before_anything_visible_is_asked_again() {
    const BROKE_OFF: &str = "<started><broke off>";
    let silent = Reply::events(&[START]).then_silence();
    for (broken, told) in [
        (Reply::events(&[START, OPEN, OVERLOADED]), BROKE_OFF),
        (Reply::events(&[START, OPEN]), BROKE_OFF),
        (Reply::events(&[START, OPEN]).cut(), BROKE_OFF),
        (silent, BROKE_OFF),
        (Reply::raw(": alive\n\n").cut(), "<broke off>"),
        (Reply::events(&[OVERLOADED]), ""),
        (Reply::nothing(), ""),
        (Reply::hang_up(), ""),
    ] {
        let fake = Fake::start([broken, good()]).await;
        let client = fake.client_with(model::Auth::XApiKey("k".into()), impatient(500));
        let (shown, answer) = drain(client.stream("{}".into())).await;
        assert_eq!(shown.concat(), format!("{told}<started>Grüße 🌍"));
        assert_eq!(answer.expect("an answer").text(), "Grüße 🌍");
        assert_eq!(fake.seen().len(), 2);
    }
}

#[tokio::test]
async fn what_breaks_after_visible_text_is_the_caller_s_to_decide() {
    let text = [START, OPEN, HELLO];
    for (broken, name) in [
        (Reply::events(&[&text[..], &[OVERLOADED]].concat()), "ErrorEvent"),
        (Reply::events(&text), "Cut"),
        (Reply::events(&text).cut(), "Cut"),
        (Reply::events(&text).then_silence(), "Timeout"),
    ] {
        let fake = Fake::start([broken, good()]).await;
        let client = fake.client_with(model::Auth::XApiKey("k".into()), impatient(500));
        let (shown, answer) = drain(client.stream("{}".into())).await;
        let error = answer.expect_err("an error");
        assert_eq!(shown, ["<started>", "Grüße "]);
        assert!(format!("{error:?}").starts_with(name), "{name}: {error:?}");
        assert!(error.is_retryable());
        assert_eq!(fake.seen().len(), 1);
    }
}

#[tokio::test]
async fn text_is_shown_whole_before_the_error_that_came_with_it_is_told() {
    let fake = Fake::start([Reply::events(&[START, OPEN, HELLO, WORLD, OVERLOADED])]).await;
    let mut stream = fake.client().stream("{}".into());
    let mut shown = Vec::new();
    let error = loop {
        match stream.next().await {
            Ok(Some(Delta::Text(text))) => shown.push(text),
            Ok(Some(_)) => {}
            Ok(None) => panic!("no error"),
            Err(error) => break error,
        }
    };
    assert_eq!(shown.concat(), "Grüße 🌍");
    assert!(matches!(error, ModelError::ErrorEvent { .. }), "{error:?}");
    let broken = stream.broken();
    assert!(matches!(broken, Some(Broken { received: 1.., .. })), "{broken:?}");
}

#[tokio::test]
async fn the_retries_of_a_stream_and_of_its_opening_come_from_one_budget() {
    let cut = || Reply::events(&[START]).cut();
    let fake = Fake::start([Reply::error(500, "", "api_error", "x"), cut(), cut(), good()]).await;
    let (shown, answer) = drain(fake.client().stream("{}".into())).await;
    assert_eq!(shown, ["<started>", "<broke off>", "<started>"]);
    assert!(matches!(answer, Err(ModelError::Cut { .. })), "{answer:?}");
    assert_eq!(fake.seen().len(), 3);
}

#[tokio::test]
async fn an_error_event_that_blames_the_request_is_not_retried() {
    let fake = Fake::start([Reply::events(&[START, INVALID]), good()]).await;
    let error = answer(fake.client().stream("{}".into())).await.expect_err("an error");
    assert_eq!(error, ModelError::ErrorEvent { kind: "invalid_request_error".into(), message: "no".into() });
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn a_page_instead_of_a_stream_is_a_bad_answer() {
    for (page, kind, words) in [
        (Reply::html(), "text/html", "Please log in"),
        (Reply::json(r#"{"ok":true}"#), "application/json", "ok"),
    ] {
        let fake = Fake::start([page, good()]).await;
        let error = fake.client().stream("{}".into()).opened().await.expect_err("an error");
        let ModelError::BadAnswer { detail } = &error else { panic!("{error:?}") };
        assert!(detail.contains(kind) && detail.contains(words), "{detail}");
        assert_eq!(fake.seen().len(), 1);
    }
}

#[tokio::test]
async fn an_error_in_the_clothes_of_a_success_is_told_as_that_error() {
    let overloaded = || Reply::json(OVERLOADED);
    let fake = Fake::start([overloaded(), overloaded(), overloaded()]).await;
    let error = fake.client().stream("{}".into()).opened().await.expect_err("an error");
    assert!(matches!(error, ModelError::ErrorEvent { .. }), "{error:?}");
    assert_eq!(fake.seen().len(), 3);
}

#[tokio::test]
async fn finished_streams_leave_their_connections_to_others() {
    let fake = Fake::start((0..8).map(|_| good())).await;
    let client = fake.client();
    for _ in 0..8 {
        answer(client.stream("{}".into())).await.expect("an answer");
    }
    // A new one now and then is fine: the pool opens one while it waits for the old.
    assert!(fake.seen().iter().all(|seen| seen.connection < 8), "each had its own");
}

#[tokio::test]
async fn a_provider_that_never_closes_its_body_does_not_hold_the_answer_back() {
    let fake = Fake::start([good().then_silence()]).await;
    let answer = answer(fake.client().stream("{}".into())).await.expect("an answer");
    assert_eq!(answer.text(), "Grüße 🌍");
}

#[tokio::test]
async fn a_pending_next_can_be_dropped_and_called_again() {
    let fake = Fake::start([Reply::events(&[START]).cut(), good().byte_by_byte()]).await;
    let mut stream = fake.client().stream("{}".into());
    let mut text = String::new();
    loop {
        tokio::select! {
            biased;
            delta = stream.next() => match delta.expect("a delta") {
                Some(Delta::Text(piece)) => text.push_str(&piece),
                Some(_) => {}
                None => break,
            },
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(text, "Grüße 🌍");
    assert_eq!(fake.seen().len(), 2);
}

#[test]
fn a_stream_can_move_between_threads() {
    fn is_send<T: Send>() {}
    is_send::<model::AnswerStream>();
    is_send::<model::MessagesClient>();
}
