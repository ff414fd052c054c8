//! Several replicas on one database: what comes several times is answered once, and nothing is left behind.

use futures_util::future::join_all;
use model_sim::{Gate, Reply};

use serde_json::json;

use super::{ALICE, CHANNEL, Desk, base, load::colleagues};
use crate::harness::{Setup, eventually};

#[tokio::test]
async fn three_replicas_that_get_everything_several_times_answer_once() {
    let desk = Desk::open().await;
    let (second, third) =
        (desk.another_replica(Setup::default()).await, desk.another_replica(Setup::default()).await);
    let senders = [desk.sender.clone(), desk.slack.sender(&base(&second)), desk.slack.sender(&base(&third))];
    let events: Vec<_> = (0..6).map(|n| (n, desk.direct(ALICE, &format!("question {n}")))).collect();
    for (n, _) in &events {
        desk.app.sim.push_for(format!("question {n}"), Reply::text(format!("answer {n}.")));
    }
    let mut sending = Vec::new();
    // The same message under two ids, each delivered to every replica, and again; the last message first.
    for (n, event) in events.iter().rev() {
        let envelopes = [event.again(), event.clone()];
        for (place, sender) in senders.iter().cycle().take(9).enumerate() {
            let envelope = envelopes[(place + n) % 2].clone();
            let retry = u32::try_from(place).ok().filter(|place| *place > 2);
            // What comes in while too much does is refused, and Slack sends it again.
            sending.push(eventually("it is taken in", async move || {
                let status = sender.deliver(&envelope, retry).await.status;
                assert!([200, 503].contains(&status), "{status}");
                (status == 200).then_some(())
            }));
        }
    }
    join_all(sending).await;
    desk.settled().await;
    assert_eq!((desk.turns().await, desk.runs().await), (6, 6));
    let shown = desk.slack.shown();
    for (n, _) in &events {
        let answer = format!("answer {n}.");
        assert_eq!(shown.iter().filter(|text| **text == answer).count(), 1, "{shown:?}");
    }
}

#[tokio::test]
async fn a_mention_and_the_message_in_which_it_stands_are_answered_once_whichever_comes_first_and_where() {
    let desk = Desk::open().await;
    desk.app.alice().patch("/v1/admin/slack", json!({ "channels": [CHANNEL] })).await.expect(200);
    let second = desk.another_replica(Setup::default()).await;
    let senders = [desk.sender.clone(), desk.slack.sender(&base(&second))];
    desk.app.sim.respond_with(|_| Reply::text("Once."));
    for (first, second) in [(0, 1), (1, 0), (0, 0)] {
        let mention = desk.mention(ALICE, "hello", None);
        let message = mention.as_message();
        assert_eq!(senders[first].deliver(&message, None).await.status, 200);
        assert_eq!(senders[second].deliver(&mention, None).await.status, 200);
        desk.settled().await;
    }
    assert_eq!((desk.turns().await, desk.runs().await), (3, 3));
    assert_eq!(desk.slack.shown(), ["Once."; 3]);
}

#[tokio::test]
async fn what_a_killed_replica_has_taken_in_or_begun_another_one_finishes() {
    let short = || Setup { lease_seconds: 3, ..Setup::default() };
    let desk = Desk::opened(short()).await;
    let doomed = desk.another_replica(short()).await;
    let gate = Gate::new();
    desk.app.sim.push(Reply::text("Half an answer and").chunk_chars(6).hold_after(2, &gate));
    desk.app.sim.push(Reply::text("A whole answer."));
    desk.app.sim.push(Reply::text("A whole answer."));
    let sent = desk.slack.sender(&base(&doomed)).deliver(&desk.direct(ALICE, "tell me"), None).await;
    assert_eq!(sent.status, 200);
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
    assert_eq!(desk.runs().await, 1);
}

#[tokio::test]
async fn of_a_burst_all_that_is_acknowledged_is_kept_and_the_rest_comes_again() {
    let desk = Desk::open().await;
    colleagues(&desk, 50).await;
    desk.app.sim.respond_with(|_| Reply::text("Yes."));
    let who = |n| format!("U0C{}", n % 50 + 1);
    let burst: Vec<_> = (0..200).map(|n| desk.direct(&who(n), &format!("burst {n}"))).collect();
    let answers =
        join_all(burst.iter().map(async |event| desk.sender.deliver(event, None).await.status)).await;
    // Slack repeats what was not acknowledged; nothing else is lost.
    assert!(answers.iter().all(|status| [200, 503].contains(status)), "{answers:?}");
    let taken = answers.iter().filter(|status| **status == 200).count();
    assert!(taken > 0);
    assert_eq!(desk.turns().await, i64::try_from(taken).expect("a number"));
}
