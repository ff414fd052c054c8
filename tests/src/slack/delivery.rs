//! How answers reach a thread or a direct message: live, once, whatever breaks.

use model_sim::{Gate, Reply};

use super::{ALICE, DIRECT, Desk, TEAM, standin::Fault};
use crate::harness::Setup;

const WHOLE: &str = "One thing and another.";

/// An answer of which the first words are there, and the rest comes as the gate is opened.
async fn begun(desk: &Desk) -> Gate {
    let gate = Gate::new();
    desk.app.sim.push(Reply::text(WHOLE).chunk_chars(6).hold_after(2, &gate));
    desk.say("tell me").await;
    desk.hears("One").await;
    gate
}

#[tokio::test]
async fn an_answer_appears_in_the_thread_as_it_is_made() {
    let desk = Desk::open().await;
    let gate = Gate::new();
    desk.app.sim.push(Reply::text("The first words, and the last.").chunk_chars(8).hold_after(2, &gate));
    let asked = desk.direct(ALICE, "tell me");
    desk.deliver(&asked).await;
    let seen = desk.hears("The first").await;
    assert!(seen.growing, "{seen:?}");
    assert_eq!((seen.channel.as_str(), seen.thread), (DIRECT, Some(asked.ts)));
    gate.release();
    desk.settled().await;
    assert_eq!(desk.slack.shown(), ["The first words, and the last."]);
    assert!(!desk.slack.said().iter().any(|seen| seen.growing));
    let stream = &desk.slack.calls("chat.startStream")[0];
    assert_eq!(stream.team.as_deref(), Some(TEAM));
    assert_eq!(
        (&stream.args["recipient_user_id"], &stream.args["recipient_team_id"]),
        (&ALICE.into(), &TEAM.into())
    );
    assert_eq!(desk.slack.calls("chat.stopStream").len(), 1);
    assert!(desk.slack.calls("chat.postMessage").is_empty());
}

#[tokio::test]
async fn without_streams_a_message_is_changed_and_without_that_there_is_one_post() {
    let desk = Desk::open().await;
    desk.without_streams();
    let gate = begun(&desk).await;
    gate.release();
    desk.settled().await;
    assert_eq!(desk.slack.shown(), [WHOLE]);
    assert!(desk.hears(WHOLE).await.edits > 0);
    desk.without_drafts();
    desk.app.sim.push(Reply::text("Posted."));
    desk.say("tell me more").await;
    desk.settled().await;
    assert_eq!(desk.slack.shown(), [WHOLE, "Posted."]);
    assert_eq!(desk.hears("Posted.").await.edits, 0);
}

#[tokio::test]
async fn a_stream_that_has_expired_is_gone_on_with_by_changing_its_message() {
    let desk = Desk::open().await;
    let gate = begun(&desk).await;
    desk.slack.expire_streams();
    gate.release();
    desk.settled().await;
    assert_eq!(desk.slack.shown(), [WHOLE]);
    assert!(desk.hears(WHOLE).await.edits > 0);
    let refused = desk.slack.calls("chat.appendStream");
    assert_eq!(refused.last().expect("a call").error.as_deref(), Some("message_not_in_streaming_state"));
    assert!(desk.slack.calls("chat.postMessage").is_empty());
}

#[tokio::test]
async fn an_expired_stream_that_cannot_be_changed_either_is_followed_by_one_post() {
    let desk = Desk::open().await;
    let gate = begun(&desk).await;
    desk.slack.expire_streams();
    desk.slack.fail("chat.update", vec![Fault::Error("edit_window_closed"); 9]);
    gate.release();
    desk.settled().await;
    let shown = desk.slack.shown();
    assert_eq!(shown.iter().filter(|text| *text == WHOLE).count(), 1, "{shown:?}");
    assert_eq!(desk.slack.calls("chat.postMessage").len(), 1);
}

#[tokio::test]
async fn an_answer_whose_beginning_somebody_deletes_arrives_whole() {
    let desk = Desk::open().await;
    let gate = begun(&desk).await;
    let seen = desk.hears("One").await;
    desk.slack.world().delete(&seen.channel, &seen.ts);
    gate.release();
    desk.settled().await;
    assert_eq!(desk.slack.shown(), [WHOLE]);
}

#[tokio::test]
async fn a_post_whose_fate_is_unknown_is_looked_up_before_it_is_repeated() {
    let desk = Desk::opened(Setup { lease_seconds: 3, ..Setup::default() }).await;
    for (fault, words) in [
        (Fault::DroppedAfter, "It was there."),
        (Fault::DroppedBefore, "It was not."),
        (Fault::Error("fatal_error"), "Nor was it now."),
    ] {
        desk.without_drafts();
        desk.slack.fail("chat.postMessage", [fault]);
        desk.app.sim.push(Reply::text(words));
        desk.say("tell me").await;
        desk.settled().await;
        let shown = desk.slack.shown();
        assert_eq!(shown.iter().filter(|text| *text == words).count(), 1, "{shown:?}");
    }
    assert_eq!(desk.slack.calls("conversations.replies").len(), 3);
}

#[tokio::test]
async fn a_run_that_fails_says_so() {
    let desk = Desk::open().await;
    desk.app.sim.respond_with(|_| Reply::status(400));
    desk.say("tell me").await;
    desk.settled().await;
    let shown = desk.slack.shown();
    assert!(shown.len() == 1 && shown[0].contains("could not answer"), "{shown:?}");
}
