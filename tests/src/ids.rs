//! What a client may send as its place in a stream or in a list: whatever it
//! is, it is understood or refused.

use domain::Cursor;
use futures_util::{StreamExt as _, stream};
use model_sim::Reply;
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use reqwest::{Method, Url, header::HeaderValue};
use serde_json::json;

use crate::harness::{
    Events, Frame, Person, TestApp,
    look::{end, run_of},
};

const CASES: usize = 1_500;
const AT_ONCE: usize = 8;

/// Anything, and much that is nearly an id.
fn id() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        (0_u64..12).prop_map(|n| n.to_string()),
        any::<u64>().prop_map(|n| n.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        Just(i64::MAX.to_string()),
        "0{1,30}[0-9]{0,3}",
        "[0-9]{1,40}",
    ];
    prop_oneof![
        4 => (number.clone(), number.clone()).prop_map(|(fence, n)| format!("{fence}.{n}")),
        1 => (number.clone(), "[.,:;_ ]{1,2}", number).prop_map(|(a, between, b)| format!("{a}{between}{b}")),
        1 => "[-+0-9.eE ]{0,12}",
        1 => "[ -~]{0,40}",
        1 => "\\PC{0,12}",
        1 => "[\\x00-\\x{ff}]{0,8}",
    ]
}

/// Values of the strategy, the same ones each time.
fn values<S: Strategy>(strategy: &S) -> Vec<S::Value> {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    (0..CASES).map(|_| strategy.new_tree(&mut runner).expect("a value").current()).collect()
}

/// The path with a parameter, encoded.
fn with(path: &str, name: &str, value: &str) -> String {
    let url = Url::parse_with_params("http://service", [(name, value)]).expect("a URL");
    format!("{path}?{}", url.query().unwrap_or_default())
}

fn place(frame: &Frame) -> Cursor {
    frame.id.parse().expect("an id")
}

/// What the service has to answer: the events after the place, or a refusal.
async fn check(person: &Person, run: &str, frames: &[Frame], id: &str, field: &str) -> bool {
    let path = format!("/v1/runs/{run}/events");
    let request = if field == "after" {
        person.request(Method::GET, &with(&path, "after", id))
    } else {
        // A header cannot hold everything.
        let Ok(value) = HeaderValue::from_bytes(id.as_bytes()) else { return false };
        person.request(Method::GET, &path).header("last-event-id", value)
    };
    // A header's value has no white space around it.
    let given = if field == "after" { id } else { id.trim_matches([' ', '\t']) };
    let after = if given.is_empty() { Ok(Cursor::default()) } else { given.parse::<Cursor>() };
    let Ok(after) = after else {
        let problem = person.send(request).await.problem(422, "validation_failed");
        // U+0000 is refused wherever it stands.
        assert!(id.contains('\0') || problem["errors"][0]["field"] == field, "{id:?}: {problem}");
        return false;
    };
    let rest = Events::open(request).await.rest().await;
    let expected: Vec<_> = frames.iter().filter(|frame| place(frame) > after).cloned().collect();
    assert_eq!(rest, expected, "after {id:?}");
    true
}

#[tokio::test]
async fn a_place_in_a_stream_is_understood_or_refused() {
    let app = TestApp::start().await;
    let alice = app.alice();
    app.sim.push(Reply::text("Hello, and what can I do for you today?").chunk_chars(4));
    let frames = alice.hear(&alice.session().await, "Hi").await;
    end(&frames);
    let run = run_of(&frames);
    let cases = values(&id()).into_iter().enumerate().map(|(i, id)| {
        let (alice, run, frames) = (&alice, &run, &frames);
        async move { check(alice, run, frames, &id, ["after", "Last-Event-ID"][i % 2]).await }
    });
    let understood: usize = stream::iter(cases)
        .buffer_unordered(AT_ONCE)
        .fold(0, async |sum, understood| sum + usize::from(understood))
        .await;
    println!("{CASES} places in a stream: {understood} were understood, the others refused");
    assert!((CASES / 5..CASES).contains(&understood), "{understood}");
}

#[tokio::test]
async fn a_cursor_of_a_list_is_understood_or_refused() {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    for i in 0..3 {
        alice
            .put(&format!("/v1/entities/deal/D-{i}"), json!({"name": format!("Deal {i}")}))
            .await
            .expect(201);
    }
    let lists = [
        "/v1/sessions".to_owned(),
        format!("/v1/sessions/{session}/messages"),
        "/v1/session-summaries".to_owned(),
        "/v1/entities".to_owned(),
        "/v1/memory/user/revisions".to_owned(),
    ];
    let json = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        "\\PC{0,12}".prop_map(|text| json!(text).to_string()),
        (any::<i64>(), "\\PC{0,8}").prop_map(|(n, text)| json!([n, text]).to_string()),
        ("[0-9-]{4,12}T[0-9:]{2,9}Z", any::<u128>()).prop_map(|(at, id)| json!([
            at,
            uuid::Uuid::from_u128(id)
        ])
        .to_string()),
        (any::<i32>(), any::<u128>()).prop_map(|(year, id)| {
            json!([format!("{year:+05}-01-01T00:00:00Z"), uuid::Uuid::from_u128(id)]).to_string()
        }),
        Just("[null]".to_owned()),
        Just("[".repeat(200)),
    ];
    let cursor = prop_oneof![
        3 => json.prop_map(|json| BASE64_URL_SAFE_NO_PAD.encode(json)),
        1 => "[A-Za-z0-9_=+/-]{0,60}",
        1 => "\\PC{0,20}",
    ];
    let cases = values(&cursor).into_iter().enumerate().map(|(i, cursor)| {
        let (alice, list) = (&alice, &lists[i % lists.len()]);
        async move {
            let answer = alice.get(&with(list, "cursor", &cursor)).await;
            assert!([200, 422].contains(&answer.status.as_u16()), "{list} {cursor:?}: {answer:?}");
            answer.status == 422
        }
    });
    let refused: usize = stream::iter(cases)
        .buffer_unordered(AT_ONCE)
        .fold(0, async |sum, refused| sum + usize::from(refused))
        .await;
    assert!(refused > CASES / 3, "{refused}");
}
