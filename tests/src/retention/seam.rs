//! The history is the same, byte for byte, whether its messages are live or archived.

use std::{collections::BTreeMap, ops::Range};

use model_sim::Reply;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{json, value::RawValue};

use super::{House, age, all_rounds_are_done, count, keep, purge};
use crate::harness::Person;

/// The whole history, read in pages of this size.
async fn pages(person: &Person, session: &str, order: &str, size: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/sessions/{session}/messages?order={order}&limit={size}{cursor}");
        let text = person.get(&path).await.expect(200).text;
        // The messages as their bytes.
        let page: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text).expect("a page");
        let data: Vec<Box<RawValue>> = serde_json::from_str(page["data"].get()).expect("messages");
        let next: Option<String> = serde_json::from_str(page["next_cursor"].get()).expect("a cursor");
        assert!(data.len() <= size);
        all.extend(data.iter().map(|message| message.get().to_owned()));
        match next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// So many things that may happen in a conversation.
async fn happen(house: &House, alice: &Person, session: &str, dice: &mut StdRng, times: Range<u32>) {
    for _ in 0..dice.random_range(times) {
        match dice.random_range(0..4) {
            0 => {
                house.app.sim.push(Reply::call("recall", json!({"query": "pilot", "limit": 2})));
                alice.ask(session, "Look it up.").await;
            }
            1 => {
                // What has been archived cannot be answered anew.
                let again = alice.post(&format!("/v1/sessions/{session}/regenerate"), json!({})).await;
                assert!([200, 409].contains(&again.status.as_u16()), "{again:?}");
            }
            _ => {
                let text = format!("question {} \u{e4}\u{1f980} \"\\", dice.random::<u32>());
                alice.ask(session, &text).await;
            }
        }
    }
}

#[tokio::test]
async fn every_page_of_every_size_in_both_orders_is_what_it_was() {
    let house = House::build().await;
    let alice = house.app.alice();
    let mut dropped = 0;
    for seed in 0..6 {
        let dice = &mut StdRng::seed_from_u64(seed);
        let session = alice.session().await;
        let live = format!("select count(*) from sixty.messages where session_id = '{session}'");
        for stage in 0..3 {
            happen(&house, &alice, &session, dice, 2..6).await;
            age(&house.database, &session, dice.random_range(5..40)).await;
            happen(&house, &alice, &session, dice, 0..3).await;
            if dice.random_bool(0.8) {
                let done = alice.post(&format!("/v1/sessions/{session}/compact"), json!({})).await;
                assert!([200, 409].contains(&done.status.as_u16()), "{done:?}");
            }
            happen(&house, &alice, &session, dice, 0..3).await;
            let before = pages(&alice, &session, "asc", 100).await;
            let (was, days) = (count(&house.database, live.clone()).await, dice.random_range(1..40));
            keep(&alice, json!({"messages_days": days})).await;
            purge(&house.app).await;
            all_rounds_are_done(&house.database).await;
            dropped += was - count(&house.database, live.clone()).await;
            let mut backwards = before.clone();
            backwards.reverse();
            for size in 1..=before.len() + 1 {
                let case = format!("seed {seed}, stage {stage}, pages of {size}");
                let size = size.min(100);
                assert_eq!(pages(&alice, &session, "asc", size).await, before, "{case}");
                assert_eq!(pages(&alice, &session, "desc", size).await, backwards, "{case}, backwards");
            }
            let shown = alice.get(&format!("/v1/sessions/{session}")).await.expect(200).json();
            assert_eq!(shown["message_count"], before.len(), "seed {seed}");
        }
    }
    println!("{dropped} live messages dropped");
    assert!(dropped > 30, "{dropped}");
}

#[tokio::test]
async fn a_message_goes_only_when_the_archive_has_its_very_bytes() {
    let house = House::build().await;
    let alice = house.app.alice();
    let session = alice.session().await;
    for n in 0..3 {
        alice.ask(&session, &format!("question {n}")).await;
    }
    age(&house.database, &session, 40).await;
    alice.post(&format!("/v1/sessions/{session}/compact"), json!({})).await.expect(200);
    alice.ask(&session, "live").await;
    // As when an answer was replaced between the archive and its summary.
    let superseded =
        format!("update sixty.messages set superseded_at = now() where session_id = '{session}' and seq = 4");
    super::sql(&house.database, superseded).await;
    let before = alice.history(&session).await;
    assert_eq!(before[3]["superseded"], true);
    keep(&alice, json!({"messages_days": 30})).await;
    purge(&house.app).await;
    all_rounds_are_done(&house.database).await;
    let live = format!("select count(*) from sixty.messages where session_id = '{session}'");
    // The newest turn was not archived; of the four that were, one is not what it was.
    assert_eq!(count(&house.database, live).await, 5);
    assert_eq!(alice.history(&session).await, before);
}

#[tokio::test]
async fn what_reads_old_messages_reads_them_in_the_archive() {
    let house = House::build().await;
    let alice = house.app.alice();
    let session = alice.session().await;
    house.app.sim.push_for("Graz", Reply::text("The pilot in Graz ran eight weeks."));
    let path = format!("/v1/sessions/{session}/messages");
    let keyed = || {
        let request = alice.request(reqwest::Method::POST, &path).header("idempotency-key", "once");
        request.json(&json!({"text": "How did Graz go?"}))
    };
    let turn = alice.send(keyed()).await.expect(200).json();
    age(&house.database, &session, 40).await;
    let archive = alice.post(&format!("/v1/sessions/{session}/compact"), json!({})).await.expect(200).json();
    alice.ask(&session, "Anything else?").await;
    let before = alice.get(&format!("/v1/sessions/{session}")).await.expect(200).json();
    let whole =
        alice.get(&format!("/v1/session-summaries/{}", archive["id"].as_str().expect("an id"))).await.text;
    keep(&alice, json!({"messages_days": 30})).await;
    purge(&house.app).await;
    all_rounds_are_done(&house.database).await;
    let live = format!("select count(*) from sixty.messages where session_id = '{session}'");
    assert_eq!(count(&house.database, live).await, 2);
    // The same request again joins its run, and hears the same answer.
    let joined = alice.send(keyed()).await.expect(200).json();
    assert_eq!(joined["message"]["id"], turn["message"]["id"]);
    assert_eq!(joined["message"]["content"], turn["message"]["content"]);
    let after = alice.get(&format!("/v1/sessions/{session}")).await.expect(200).json();
    assert_eq!(after, before);
    let again =
        alice.get(&format!("/v1/session-summaries/{}", archive["id"].as_str().expect("an id"))).await.text;
    assert_eq!(again, whole);
    let old = json!({"message_id": turn["message"]["id"]});
    alice.post(&format!("/v1/sessions/{session}/regenerate"), old).await.problem(404, "not_found");
    alice.post(&format!("/v1/sessions/{session}/regenerate"), json!({})).await.expect(200);
    house.app.sim.take_requests();
    house.app.sim.push(Reply::call("read_archive", json!({"summary_id": archive["id"], "from_seq": 1})));
    alice.ask(&session, "Read it again.").await;
    let last = house.app.sim.requests().last().expect("a request").json().to_string();
    assert!(last.contains("ran eight weeks"), "{last}");
    alice.delete(&format!("/v1/sessions/{session}")).await.expect(204);
    assert_eq!(count(&house.database, "select count(*) from sixty.copilot_session_summaries").await, 0);
}
