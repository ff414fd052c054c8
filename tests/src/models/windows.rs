//! Models with less room than others: whom a long conversation is left to, and what is made of it first.

use model::tokens::estimate;
use model_sim::Reply;
use serde_json::{Value, json};

use super::Two;
use crate::harness::{
    Frame, Setup,
    look::{answers, end, names, prompts, run_of},
};

/// Routes to these models, in order, of which these windows are known.
async fn windows(two: &Two, candidates: &[&str], known: &[(&str, usize)]) {
    let models: Vec<Value> =
        known.iter().map(|(model, window)| json!({"model": model, "context_window": window})).collect();
    let settings = json!({"models": models, "routes": [{"candidates": candidates}]});
    two.app.alice().put("/v1/admin/models", settings).await.expect(200);
}

/// Which model answered.
async fn model_of(two: &Two, frames: &[Frame]) -> Value {
    let run = two.app.alice().get(&format!("/v1/runs/{}", run_of(frames))).await;
    run.expect(200).json()["model"].clone()
}

/// A conversation of some thousand characters, and the size of its first prompt in bytes: rules and tools, mostly.
async fn long_conversation(two: &Two) -> (String, usize) {
    let alice = two.app.alice();
    let session = alice.session().await;
    for turn in 0..8 {
        two.app.sim.push(Reply::text("fine"));
        let words = format!("question {turn} about the security review {}", "and so on ".repeat(60));
        alice.ask(&session, &words).await;
    }
    let fixed = prompts(&two.app.sim)[0].body.len();
    two.calls();
    (session, fixed)
}

fn is_summary(request: &model_sim::Request) -> bool {
    String::from_utf8_lossy(&request.body).contains("Write the summary now")
}

#[tokio::test]
async fn a_model_without_room_for_the_conversation_is_passed_over_while_another_one_has_it() {
    let two = Two::with(Setup::default()).await;
    let all = ["anthropic/first", "second/small", "second/large"];
    windows(&two, &all, &[("second/small", 4_200), ("second/large", 200_000)]).await;
    two.app.sim.push(Reply::status(529));
    two.second.push(Reply::text("Here I am."));
    let frames = two.app.alice().hear(&two.app.alice().session().await, "Hi").await;
    assert_eq!((answers(&frames), two.calls()), (vec!["Here I am.".to_owned()], (1, 1)));
    assert_eq!(model_of(&two, &frames).await, "second/large");
    // Nor does it come first.
    windows(&two, &["second/small", "anthropic/first"], &[("second/small", 4_200)]).await;
    two.app.sim.push(Reply::text("Here I am."));
    let frames = two.app.alice().hear(&two.app.alice().session().await, "Hi").await;
    assert_eq!((answers(&frames), two.calls()), (vec!["Here I am.".to_owned()], (1, 0)));
}

#[tokio::test]
async fn where_only_smaller_models_are_left_the_conversation_is_compacted_for_the_one_that_is_asked() {
    let two = Two::with(Setup::default()).await;
    let both = ["anthropic/first", "second/small"];
    windows(&two, &both, &[("anthropic/first", 200_000)]).await;
    let (session, fixed) = long_conversation(&two).await;
    // The conversation fills more than three quarters of what rules, tools and the answer leave.
    let small = estimate(fixed) + 4_096 + 1_500;
    windows(&two, &both, &[("anthropic/first", 200_000), ("second/small", small)]).await;
    two.app.sim.push(Reply::status(529));
    two.second
        .respond_with(|request| Reply::text(if is_summary(request) { "A summary." } else { "Here I am." }));
    let frames = two.app.alice().hear(&session, "And now?").await;
    assert!(names(&frames).contains(&"compaction"), "{:?}", names(&frames));
    assert_eq!((answers(&frames), end(&frames).event.as_str()), (vec!["Here I am.".to_owned()], "done"));
    assert_eq!(model_of(&two, &frames).await, "second/small");
    let asked = prompts(&two.second);
    let last = asked.last().expect("it was asked");
    assert!(estimate(last.body.len()) + 4_096 < small, "{} bytes for {small} tokens", last.body.len());
    // The first, which has room for all, was asked with all (and then for a summary).
    let first: Vec<usize> = prompts(&two.app.sim).iter().map(|request| request.body.len()).collect();
    assert!(first[0] > last.body.len(), "{first:?} bytes, then {}", last.body.len());
}

#[tokio::test]
async fn a_conversation_that_fits_is_not_compacted_for_a_model_that_is_not_asked() {
    let two = Two::with(Setup::default()).await;
    let both = ["anthropic/first", "second/small"];
    windows(&two, &both, &[("anthropic/first", 200_000), ("second/small", 5_000)]).await;
    let (session, _) = long_conversation(&two).await;
    two.app.sim.push(Reply::text("Here I am."));
    let frames = two.app.alice().hear(&session, "And now?").await;
    assert!(!names(&frames).contains(&"compaction"), "{:?}", names(&frames));
    assert_eq!(two.calls(), (1, 0));
}

#[tokio::test]
async fn a_stand_in_that_finds_the_prompt_too_long_leaves_it_to_a_larger_one() {
    let two = Two::with(Setup::default()).await;
    let all = ["anthropic/first", "second/unknown", "second/large"];
    windows(&two, &all, &[("second/large", 200_000)]).await;
    let (session, _) = long_conversation(&two).await;
    let too_long = || {
        Reply::status(400)
            .error("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")
    };
    two.app.sim.push(Reply::status(529));
    two.second.push(too_long());
    two.second.push(Reply::text("Here I am."));
    let frames = two.app.alice().hear(&session, "And now?").await;
    assert!(!names(&frames).contains(&"compaction"), "{:?}", names(&frames));
    assert_eq!((answers(&frames), two.calls()), (vec!["Here I am.".to_owned()], (1, 2)));
    assert_eq!(model_of(&two, &frames).await, "second/large");
    // Where there is none, it is compacted.
    windows(&two, &all[..2], &[]).await;
    let (session, _) = long_conversation(&two).await;
    two.app.sim.push(Reply::status(529));
    two.second.push(too_long());
    two.app.sim.respond_with(|_| Reply::status(529));
    two.second
        .respond_with(|request| Reply::text(if is_summary(request) { "A summary." } else { "Here I am." }));
    let frames = two.app.alice().hear(&session, "And now?").await;
    assert!(names(&frames).contains(&"compaction"), "{:?}", names(&frames));
    assert_eq!(answers(&frames), ["Here I am."]);
}

#[tokio::test]
async fn a_stand_in_without_room_for_the_newest_turn_is_not_asked_and_nothing_is_compacted_for_it() {
    let two = Two::with(Setup::default()).await;
    let both = ["anthropic/first", "second/tiny"];
    windows(&two, &both, &[("anthropic/first", 200_000), ("second/tiny", 4_200)]).await;
    let (session, _) = long_conversation(&two).await;
    two.app.sim.push(Reply::status(529));
    two.app.sim.push(Reply::text("Here I am."));
    let frames = two.app.alice().hear(&session, "And now?").await;
    assert!(!names(&frames).contains(&"compaction"), "{:?}", names(&frames));
    assert_eq!((answers(&frames), two.calls()), (vec!["Here I am.".to_owned()], (2, 0)));
}
