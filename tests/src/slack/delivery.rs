//! How answers reach a thread or a direct message: live, once, whatever breaks.

use std::time::Duration;

use model_sim::{Gate, Reply};
use serde_json::json;
use tokio::time::Instant;

use super::{Desk, TEAM, direct, envelope, fake::Answer};
use crate::harness::{Setup, eventually};

#[tokio::test]
async fn an_answer_appears_in_the_thread_as_it_is_made() {
    let desk = Desk::open().await;
    let gate = Gate::new();
    desk.app.sim.push(Reply::text("The first words, and the last.").chunk_chars(8).hold_after(2, &gate));
    let event = direct("tell me");
    let ts = event["ts"].clone();
    assert_eq!(desk.event(event).await.status(), 200);
    eventually("the first words are there", async || {
        desk.slack.shown().iter().any(|text| text.starts_with("The first")).then_some(())
    })
    .await;
    gate.release();
    desk.settled().await;
    assert_eq!(desk.slack.shown(), ["The first words, and the last."]);
    let begun = &desk.slack.calls("chat.startStream")[0];
    assert_eq!(begun.token, "Bearer xoxb-secret-of-the-workspace");
    assert_eq!(begun.body["thread_ts"], ts);
    assert_eq!(begun.body["recipient_user_id"], "U0ALICE");
    assert_eq!(begun.body["recipient_team_id"], TEAM);
    assert_eq!(desk.slack.calls("chat.stopStream").len(), 1);
    assert!(desk.slack.calls("chat.postMessage").is_empty());
}

#[tokio::test]
async fn without_streams_a_message_is_changed_and_without_that_there_is_one_post() {
    let desk = Desk::open().await;
    desk.slack.next("chat.startStream", Answer::Refuse("method_not_supported_for_channel_type"));
    desk.app.sim.push(Reply::text("Changed."));
    desk.event(direct("tell me")).await;
    desk.settled().await;
    let shown = desk.slack.shown();
    assert!(shown.len() == 1 && shown[0].contains("Changed."), "{shown:?}");

    desk.slack.next("chat.startStream", Answer::Refuse("unknown_method"));
    desk.slack.next("chat.postMessage", Answer::Refuse("some_error"));
    desk.app.sim.push(Reply::text("Posted."));
    desk.event(direct("tell me more")).await;
    desk.settled().await;
    let shown = desk.slack.shown();
    assert!(shown.len() == 2 && shown[1].contains("Posted."), "{shown:?}");
}

#[tokio::test]
async fn a_stream_that_has_expired_is_gone_on_with_by_changing_its_message() {
    let desk = Desk::open().await;
    let gate = Gate::new();
    desk.app.sim.push(Reply::text("One thing and another.").chunk_chars(6).hold_after(2, &gate));
    desk.event(direct("tell me")).await;
    eventually("it has begun", async || (!desk.slack.shown().is_empty()).then_some(())).await;
    desk.slack.next("chat.appendStream", Answer::Refuse("message_not_in_streaming_state"));
    gate.release();
    desk.settled().await;
    let shown = desk.slack.shown();
    assert!(shown.len() == 1 && shown[0].contains("One thing and another."), "{shown:?}");
    assert!(!desk.slack.calls("chat.update").is_empty());
}

#[tokio::test]
async fn slack_is_left_alone_as_long_as_it_asks() {
    let desk = Desk::open().await;
    desk.slack.next("chat.startStream", Answer::Refuse("unknown_method"));
    desk.slack.next("chat.postMessage", Answer::Refuse("some_error"));
    desk.slack.next("chat.postMessage", Answer::Limit(2));
    desk.app.sim.push(Reply::text("In a while."));
    let began = Instant::now();
    desk.event(direct("tell me")).await;
    desk.settled().await;
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    let shown = desk.slack.shown();
    assert!(shown.len() == 1 && shown[0].contains("In a while."), "{shown:?}");
}

#[tokio::test]
async fn a_post_whose_fate_is_unknown_is_looked_up_before_it_is_repeated() {
    let desk = Desk::opened(Setup { lease_seconds: 3, ..Setup::default() }).await;
    for (answer, words) in [(Answer::Lose, "It was there."), (Answer::Refuse("fatal_error"), "It was not.")] {
        desk.slack.next("chat.startStream", Answer::Refuse("unknown_method"));
        desk.slack.next("chat.postMessage", Answer::Refuse("some_error"));
        desk.slack.next("chat.postMessage", answer);
        desk.app.sim.push(Reply::text(words));
        desk.event(direct("tell me")).await;
        desk.settled().await;
        let shown = desk.slack.shown();
        assert_eq!(shown.iter().filter(|text| text.contains(words)).count(), 1, "{shown:?}");
    }
    assert_eq!(desk.slack.calls("conversations.replies").len(), 2);
}

#[tokio::test]
async fn three_replicas_that_get_everything_several_times_answer_once() {
    let desk = Desk::open().await;
    let (second, third) = (desk.another_replica().await, desk.another_replica().await);
    let bases = [desk.base(), format!("http://{}", second.address), format!("http://{}", third.address)];
    let events: Vec<_> = (0..6).map(|n| (n, direct(&format!("question {n}")))).collect();
    for (n, _) in &events {
        desk.app.sim.push_for(format!("question {n}"), Reply::text(format!("answer {n}.")));
    }
    let mut sending = Vec::new();
    for (n, event) in &events {
        // The same message under two ids, each delivered to every replica, and again.
        let envelopes = [envelope(event.clone()), envelope(event.clone())];
        for (place, base) in bases.iter().cycle().take(9).enumerate() {
            let body = envelopes[(place + n) % 2].to_string();
            sending.push(desk.signed_at(base, "/slack/events", body));
        }
    }
    for answer in futures_util::future::join_all(sending).await {
        assert_eq!(answer.status(), 200);
    }
    desk.settled().await;
    assert_eq!(desk.turns().await, 6);
    assert_eq!(desk.app.database.count("select count(*) from sixty.runs").await, 6);
    let shown = desk.slack.shown();
    for (n, _) in &events {
        let answer = format!("answer {n}.");
        assert_eq!(shown.iter().filter(|text| text.contains(&answer)).count(), 1, "{shown:?}");
    }
}

#[tokio::test]
async fn what_a_killed_replica_has_taken_in_or_begun_another_one_finishes() {
    let desk = Desk::opened(Setup { lease_seconds: 3, ..Setup::default() }).await;
    let short = || Setup { lease_seconds: 3, slack: Some(super::settings(&desk.slack)), ..Setup::default() };
    let doomed = desk.app.another_replica(short()).await;
    let gate = Gate::new();
    desk.app.sim.push(Reply::text("Half an answer and").chunk_chars(6).hold_after(2, &gate));
    desk.app.sim.push(Reply::text("A whole answer."));
    desk.app.sim.push(Reply::text("A whole answer."));
    let base = format!("http://{}", doomed.address);
    assert_eq!(
        desk.signed_at(&base, "/slack/events", envelope(direct("tell me")).to_string()).await.status(),
        200
    );
    eventually("it has begun", async || {
        let begun = "select count(*) from sixty.slack_posts where state = 'sent'";
        (desk.app.database.count(begun).await == 1).then_some(())
    })
    .await;
    doomed.kill();
    gate.release();
    desk.settled().await;
    let shown = desk.slack.shown();
    assert!(shown.len() == 1 && shown[0].contains("answer"), "{shown:?}");
    assert_eq!(desk.app.database.count("select count(*) from sixty.runs").await, 1);
}

#[tokio::test]
async fn a_burst_is_acknowledged_within_a_second_and_starves_nobody() {
    let desk = Desk::open().await;
    desk.app.sim.respond_with(|_| Reply::text("Yes."));
    super::load::colleagues(&desk, 50).await;
    let burst: Vec<String> = (0..200)
        .map(|n| {
            let mut event = direct(&format!("burst {n}"));
            event["user"] = format!("U0C{}", n % 50 + 1).into();
            envelope(event).to_string()
        })
        .collect();
    let began = Instant::now();
    let slowest = futures_util::future::join_all(burst.into_iter().map(async |body| {
        let sent = Instant::now();
        let answer = desk.signed("/slack/events", body).await;
        (answer.status().as_u16(), sent.elapsed())
    }));
    let answers = slowest.await;
    // Slack repeats what was not acknowledged; nothing else is lost.
    assert!(answers.iter().all(|(status, _)| [200, 503].contains(status)), "{answers:?}");
    let taken = answers.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(desk.turns().await, i64::try_from(taken).expect("a number"));
    println!("{taken} of 200 taken in, in {:?}", began.elapsed());
    assert!(taken > 0);
}

#[tokio::test]
async fn a_run_that_fails_says_so() {
    let desk = Desk::open().await;
    desk.app.sim.respond_with(|_| Reply::status(400));
    desk.event(direct("tell me")).await;
    desk.settled().await;
    let shown = desk.slack.shown();
    assert!(shown.len() == 1 && shown[0].contains("could not answer"), "{shown:?}");
    assert_eq!(json!(shown).to_string().matches("could not answer").count(), 2, "text and block");
}
