//! What is told of the attempts that break off, and of those that are under way.

use std::time::Duration;

use domain::Usage;
use model::{AnswerStream, Auth, Broken, Delta, ModelError};
use tokio::time::timeout;

use super::streams::{INVALID, OPEN, START, good};
use crate::fake::{Fake, Reply, answer, slow_to_retry};

const CALL: &str = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t1","name":"find","input":{}}}"#;
const INPUT: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#;
const COUNTS: &str = r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":2}}"#;

/// How long it is watched that nothing happens.
const MOMENT: Duration = Duration::from_millis(30);

fn usage(input_tokens: i64, output_tokens: i64) -> Usage {
    Usage { input_tokens, output_tokens, ..Usage::default() }
}

/// The attempt that breaks off before anything visible.
async fn broke_off(stream: &mut AnswerStream) -> Broken {
    loop {
        match stream.next().await.expect("a delta") {
            Some(Delta::BrokeOff(broken)) => return broken,
            Some(Delta::Started { .. } | Delta::ToolUseStarted { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_attempt_that_broke_off_is_told_once_with_what_has_come_of_it() {
    let fake = Fake::start([Reply::events(&[START, CALL, INPUT]).cut()]).await;
    let mut stream = fake.client_with(Auth::XApiKey("k".into()), slow_to_retry()).stream("{}".into());
    let broken = broke_off(&mut stream).await;
    assert_eq!(broken, Broken { usage: usage(3, 0), received: r#"{"a":"#.len(), whole: false });
    assert_eq!(stream.broken(), None);
    timeout(MOMENT, stream.next()).await.expect_err("it waits for its next attempt");
    assert_eq!(stream.broken(), None);
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn what_breaks_off_before_its_first_event_may_have_cost_something() {
    let fake = Fake::start([Reply::raw(": alive\n\n").cut()]).await;
    let mut stream = fake.client_with(Auth::XApiKey("k".into()), slow_to_retry()).stream("{}".into());
    let delta = stream.next().await.expect("a delta");
    let Some(Delta::BrokeOff(broken)) = delta else { panic!("{delta:?}") };
    assert_eq!((broken, stream.broken()), (Broken::default(), None));
}

#[tokio::test]
async fn an_answer_without_its_beginning_is_told_as_far_as_it_has_come() {
    let fake = Fake::start([Reply::events(&[CALL, INPUT]).cut(), Reply::events(&[COUNTS]).cut()]).await;
    for (usage, received) in [(usage(0, 0), r#"{"a":"#.len()), (usage(0, 2), 0)] {
        let client = fake.client_with(Auth::XApiKey("k".into()), slow_to_retry());
        assert_eq!(
            broke_off(&mut client.stream("{}".into())).await,
            Broken { usage, received, whole: false }
        );
    }
}

#[tokio::test]
async fn what_is_under_way_may_have_to_be_paid_before_anything_has_come_of_it() {
    for silence in [Reply::nothing(), Reply::raw(": alive\n\n").then_silence()] {
        let fake = Fake::start([silence]).await;
        let mut stream = fake.client().stream("{}".into());
        timeout(MOMENT, stream.next()).await.expect_err("the provider is silent");
        assert_eq!(stream.broken(), Some(Broken::default()));
    }
}

#[tokio::test]
async fn a_refusal_costs_nothing_however_it_is_said() {
    let too_long = r#"{"type":"error","error":{"type":"request_too_large","message":"no"}}"#;
    let refused = Reply::error(400, "", "invalid_request_error", "no");
    for reply in [Reply::events(&[INVALID]), Reply::events(&[too_long]), Reply::json(INVALID), refused] {
        let fake = Fake::start([reply]).await;
        let mut stream = fake.client().stream("{}".into());
        let error = stream.next().await.expect_err("an error");
        assert!(!error.is_retryable(), "{error:?}");
        assert_eq!(stream.broken(), None, "{error:?}");
    }
}

#[tokio::test]
async fn the_attempt_with_which_a_stream_ends_is_left_when_the_others_were_told() {
    let cut = || Reply::events(&[START, OPEN]).cut();
    let fake = Fake::start([cut(), cut(), Reply::events(&[START, CALL, INPUT, INVALID]), good()]).await;
    let mut stream = fake.client().stream("{}".into());
    let mut told = Vec::new();
    let error = loop {
        match stream.next().await {
            Ok(Some(Delta::BrokeOff(broken))) => told.push(broken),
            Ok(Some(_)) => {}
            Ok(None) => panic!("no error"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ModelError::ErrorEvent { .. }), "{error:?}");
    assert_eq!(told, [Broken { usage: usage(3, 0), ..Broken::default() }; 2]);
    assert_eq!(
        stream.broken(),
        Some(Broken { usage: usage(3, 0), received: r#"{"a":"#.len(), whole: false })
    );
}

#[tokio::test]
async fn a_whole_answer_is_with_the_provider_until_it_is_handed_out() {
    let fake = Fake::start([good()]).await;
    let mut stream = fake.client().stream("{}".into());
    while let Some(delta) = stream.next().await.expect("a delta") {
        match delta {
            Delta::Text(_) => {
                let received = r#"[{"type":"text","text":"Grüße 🌍"}]"#.len();
                assert_eq!(stream.broken(), Some(Broken { usage: usage(3, 2), received, whole: true }));
            }
            Delta::Complete(answer) => {
                assert_eq!((answer.usage, stream.broken()), (usage(3, 2), None));
            }
            _ => {}
        }
    }
    assert_eq!(stream.broken(), None);
}

#[tokio::test]
async fn a_question_is_not_sent_before_somebody_waits_for_its_answer() {
    let fake = Fake::start([good()]).await;
    let client = fake.client();
    let unread = client.stream("{}".into());
    answer(client.stream("{}".into())).await.expect("an answer");
    assert_eq!((unread.broken(), fake.seen().len()), (None, 1));
}
