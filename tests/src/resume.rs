//! Two hundred streams, each broken off after every event and read on at
//! another replica: nothing is lost, nothing comes twice.

use std::time::Duration;

use engine::compaction::Thresholds;
use futures_util::{StreamExt as _, stream};
use model_sim::{Gate, Reply, Request};
use reqwest::Method;
use serde_json::json;

use crate::harness::{
    Events, Frame, Person, Setup, TestApp,
    look::{all, answers, end, last_blocks, names, run_of, text_of},
};

const AT_ONCE: usize = 12;
const STREAMS: usize = 200;
/// Places at which a stream was broken off.
const PAIRS: usize = 3_000;
const LEASE: u32 = 3;

fn setup() -> Setup {
    Setup {
        lease_seconds: LEASE,
        compaction: Thresholds { at_tokens: Some(600), keep_tokens: Some(100), keep_messages: Some(4) },
        ..Setup::default()
    }
}

/// A run whose events were read to the end, by whatever way.
struct Told {
    session: String,
    run: String,
    /// As they came, from one server or from several.
    frames: Vec<Frame>,
}

fn pieces(text: &str) -> Reply {
    Reply::text(text).chunk_chars(6).delay_between(Duration::from_millis(1))
}

/// What the question asks for.
fn reply(request: &Request, gate: &Gate) -> Reply {
    if request.json()["system"].as_str().is_some_and(|system| system.contains("Summarise the conversation")) {
        return Reply::text("## Decisions\n- The review is in March");
    }
    let question = request.last_user_text();
    let answered = last_blocks(request).iter().any(|block| block["type"] == "tool_result");
    let number = question.rsplit('#').next().unwrap_or_default();
    match () {
        () if question.contains("think") => Reply::message()
            .thinking("What could be meant? Something short.")
            .and_text(format!("I thought of {number}, \u{1F33F} at length."))
            .chunk_chars(6)
            .delay_between(Duration::from_millis(1)),
        () if question.contains("tools") && !answered => pieces("One moment.")
            .tool("get_entity", json!({"kind": "deal", "id": "D-42"}))
            .tool("add_note", json!({"kind": "deal", "id": "D-42", "text": format!("note {number}")})),
        () if question.contains("taken over") => {
            pieces("An answer that begins here and ends where somebody else ends it.").hold_after(4, gate)
        }
        () => pieces(&format!("The answer to {number} is short,\n\nbut it has a few words.")),
    }
}

async fn told(person: &Person, session: String, question: String) -> Told {
    let frames = person.hear(&session, &question).await;
    Told { run: run_of(&frames), session, frames }
}

/// Plain answers, thinking and tools, each in a session of its own.
async fn short_ones(alice: &Person) -> Vec<Told> {
    let runs = (0..90).map(|i| async move {
        let what = ["plain", "think", "tools"][i % 3];
        told(alice, alice.session().await, format!("{what} #{i}")).await
    });
    stream::iter(runs).buffer_unordered(AT_ONCE).collect().await
}

/// Turns of long conversations, which are compacted on the way.
async fn long_ones(alice: &Person) -> Vec<Told> {
    let talks = (0..12).map(|i| async move {
        let session = alice.session().await;
        let mut turns = Vec::new();
        for turn in 0..7 {
            let filler = "and so on ".repeat(40);
            turns.push(told(alice, session.clone(), format!("{filler} #{i}-{turn}")).await);
        }
        turns
    });
    stream::iter(talks).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await.into_iter().flatten().collect()
}

/// Answers whose server dies in the middle of them.
async fn taken_over(app: &TestApp, alice: &Person, gate: &Gate) -> Vec<Told> {
    let doomed = app.another_replica(setup()).await;
    let there = alice.at(doomed.address);
    let there = &there;
    let begun = (0..30).map(|i| async move {
        let session = alice.session().await;
        let mut events = there.say(&session, &format!("taken over #{i}")).await;
        let seen = events.until("token").await;
        (session, events, seen)
    });
    let begun: Vec<_> = stream::iter(begun).buffer_unordered(30).collect().await;
    gate.reached_by(30).await;
    doomed.kill();
    gate.release();
    let read_on = begun.into_iter().map(|(session, events, mut frames)| async move {
        // Some of the answer was shown and never stored.
        frames.extend(events.rest().await);
        let run = run_of(&frames);
        frames.extend(alice.follow(&run, frames.last().map(|frame| &*frame.id)).await.rest().await);
        Told { session, run, frames }
    });
    stream::iter(read_on).buffer_unordered(AT_ONCE).collect().await
}

/// Reads one event, breaks off, and reads the next one at the other replica, while the run is made.
async fn hop(alice: &Person, elsewhere: &Person, i: usize) -> Told {
    let session = alice.session().await;
    let request = alice.message(&session, &json!({"text": format!("plain #{i}")}));
    let run = alice.send(request.header("prefer", "respond-async")).await.expect(202).json()["run"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let mut frames: Vec<Frame> = Vec::new();
    for place in [elsewhere, alice].iter().cycle() {
        let mut events = place.follow(&run, frames.last().map(|frame| &*frame.id)).await;
        frames.push(events.next().await.expect("an event follows"));
        if ["done", "error"].contains(&&*frames[frames.len() - 1].event) {
            break;
        }
    }
    Told { session, run, frames }
}

async fn after(person: &Person, run: &str, id: &str) -> Vec<Frame> {
    let path = format!("/v1/runs/{run}/events?after={id}");
    Events::open(person.request(Method::GET, &path)).await.rest().await
}

/// Breaks the stream off after every event. Returns how often.
async fn check(told: &Told, places: [&Person; 2]) -> usize {
    let Told { run, frames, session } = told;
    let stored = places[0].follow(run, None).await.rest().await;
    assert_eq!(places[1].follow(run, None).await.rest().await, stored);
    assert_eq!(end(&stored).data["status"], "done", "{stored:?}");
    let cut = stored.iter().any(|frame| frame.event == "reset");
    assert!(cut || *frames == stored, "a replay is what was streamed: {frames:#?} {stored:#?}");
    for (i, frame) in frames.iter().enumerate() {
        // What was never stored is void: whoever has it goes on with the new owner.
        let next = stored.iter().position(|other| place(other) > place(frame)).unwrap_or(stored.len());
        let rest = places[i % 2].follow(run, Some(&frame.id)).await.rest().await;
        assert_eq!(rest, stored[next..], "after {} of {run}", frame.id);
        if i % 4 == 0 {
            assert_eq!(after(places[1 - i % 2], run, &frame.id).await, rest);
        }
    }
    let said: Vec<String> = places[0]
        .history(session)
        .await
        .iter()
        .filter(|message| message["role"] == "assistant" && message["run_id"] == **run)
        .map(text_of)
        .collect();
    assert_eq!((answers(frames), answers(&stored)), (said.clone(), said));
    frames.len()
}

fn place(frame: &Frame) -> (u64, u64) {
    let (fence, n) = frame.id.split_once('.').expect("two numbers");
    (fence.parse().expect("a number"), n.parse().expect("a number"))
}

#[tokio::test]
async fn two_hundred_streams_that_break_off_after_every_event_lose_nothing() {
    let app = TestApp::with(setup()).await;
    let other = app.another_replica(Setup { works: false, ..setup() }).await;
    let gate = Gate::new();
    let held = gate.clone();
    app.sim.respond_with(move |request| reply(request, &held));
    let alice = app.alice();
    let elsewhere = alice.at(other.address);
    alice.deal().await;
    let mut streams = taken_over(&app, &alice, &gate).await;
    let taken_over = streams.len();
    streams.extend(short_ones(&alice).await);
    streams.extend(long_ones(&alice).await);
    let hops = (0..20).map(|i| hop(&alice, &elsewhere, i));
    streams.extend(stream::iter(hops).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await);
    let with = |event: &str| streams.iter().filter(|told| !all(&told.frames, event).is_empty()).count();
    let (thinking, tools, compactions, resets) =
        (with("thinking"), with("tool_result"), with("compaction"), with("reset"));
    assert!(streams.len() >= STREAMS && thinking >= 30 && tools >= 30 && compactions >= 12);
    assert_eq!(
        resets,
        taken_over,
        "each was taken over: {:?}",
        streams.iter().map(|t| names(&t.frames)).next()
    );
    let checks = streams.iter().map(|told| check(told, [&alice, &elsewhere]));
    let pairs: usize = stream::iter(checks).buffer_unordered(AT_ONCE).fold(0, async |sum, n| sum + n).await;
    println!(
        "{} streams broken off at {pairs} places: {thinking} with thinking, {tools} with tools, \
         {compactions} with a compaction, {resets} taken over",
        streams.len()
    );
    assert!(pairs >= PAIRS, "{pairs}");
}
