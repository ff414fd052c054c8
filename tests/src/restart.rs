//! A release goes round: replicas leave in order, and no turn is lost by it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::join_all;
use model_sim::{Gate, Reply};
use serde_json::json;

use crate::harness::{
    Frame, Person, Replica, Setup, TestApp,
    look::{answers, end, run_of, text_of},
};

const CLIENTS: usize = 50;

/// Addresses that a client may try, as a load balancer knows them.
#[derive(Clone, Default)]
struct Addresses(Arc<Mutex<Vec<SocketAddr>>>);

impl Addresses {
    fn replace(&self, old: Option<SocketAddr>, new: SocketAddr) {
        let mut all = self.0.lock().expect("nobody panicked");
        all.retain(|address| Some(*address) != old);
        all.push(new);
    }

    fn any(&self, turn: usize) -> SocketAddr {
        let all = self.0.lock().expect("nobody panicked");
        all[turn % all.len()]
    }
}

/// Follows a run from replica to replica until one event ends it.
async fn to_the_end(alice: &Person, addresses: &Addresses, mut frames: Vec<Frame>) -> (Vec<Frame>, usize) {
    let run = run_of(&frames);
    let mut moves = 0;
    while !frames.last().is_some_and(|last| ["done", "error"].contains(&&*last.event)) {
        moves += 1;
        let place = alice.at(addresses.any(moves));
        let path = format!("/v1/runs/{run}/events");
        let request = place.request(reqwest::Method::GET, &path);
        let request = request.header("last-event-id", &frames[frames.len() - 1].id);
        // A replica that leaves refuses, or says that it cannot; the next one can.
        match request.send().await {
            Ok(response) if response.status() == 200 => {
                frames.extend(crate::harness::Events::of(response).rest().await);
            }
            Ok(response) => assert_eq!(response.status(), 503),
            Err(error) => assert!(error.is_connect() || error.is_request(), "{error:?}"),
        }
        tokio::task::yield_now().await;
    }
    (frames, moves)
}

#[tokio::test]
async fn a_rolling_restart_with_fifty_open_streams_fails_no_turn() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let alice = app.alice();
    let text = "All the words of an answer that takes its time to come, one after the other.";
    let gate = Gate::new();
    let held = gate.clone();
    app.sim.respond_with(move |_| {
        Reply::text(text).hold_after(3, &held).delay_between(Duration::from_millis(20))
    });
    let addresses = Addresses::default();
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let replica = app.another_replica(Setup::default()).await;
        addresses.replace(None, replica.address);
        replicas.push(replica);
    }
    let opened = join_all((0..CLIENTS).map(|i| {
        let place = alice.at(addresses.any(i));
        async move {
            let session = place.session().await;
            let mut events = place.say(&session, "Hi").await;
            let seen = events.until("token").await;
            (session, events, seen)
        }
    }))
    .await;
    let clients = join_all(opened.into_iter().map(|(session, events, mut frames)| {
        let (alice, addresses) = (&alice, &addresses);
        async move {
            frames.extend(events.rest().await);
            let (frames, moves) = to_the_end(alice, addresses, frames).await;
            (session, frames, moves)
        }
    }));
    let restarts = async {
        for (i, old) in std::mem::take(&mut replicas).into_iter().enumerate() {
            if i == 2 {
                // The last one leaves while the answers go on.
                gate.release();
            }
            let gone = old.address;
            let new: Replica = app.another_replica(Setup::default()).await;
            addresses.replace(Some(gone), new.address);
            old.shut_down().await;
            replicas.push(new);
        }
        replicas
    };
    let (ended, _replicas) = tokio::join!(clients, restarts);
    let (mut moved, mut reset) = (0, 0);
    for (session, frames, moves) in &ended {
        assert_eq!(end(frames).data["status"], "done", "{frames:#?}");
        assert_eq!(answers(frames), [text]);
        let said: Vec<String> = alice.history(session).await.iter().map(text_of).collect();
        assert_eq!(said, ["Hi", text]);
        let all = alice.follow(&run_of(frames), None).await.rest().await;
        assert_eq!(answers(&all), [text]);
        moved += usize::from(*moves > 0);
        reset += usize::from(frames.iter().any(|frame| frame.event == "reset"));
    }
    println!("{CLIENTS} streams through a rolling restart: {moved} moved on, {reset} were begun again");
    assert!(moved >= CLIENTS / 2 && reset >= CLIENTS / 2, "{moved} moved, {reset} begun again");
    let open = "select count(*) from sixty.runs where status <> 'done'";
    assert_eq!(app.database.count(open).await, 0);
}

#[tokio::test]
async fn an_owner_that_leaves_in_order_uses_up_no_attempt() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let alice = app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::text("Half an answer.").hold_after(3, &gate));
    app.sim.push(Reply::text("A whole answer."));
    let leaving = app.another_replica(Setup::default()).await;
    let mut events = alice.at(leaving.address).say(&session, "Hi").await;
    let seen = events.until("token").await;
    gate.reached().await;
    // As after four replicas before it that died.
    app.database.run("update sixty.runs set attempts = 5").await;
    leaving.shut_down().await;
    assert_eq!(app.database.count("select attempts::bigint from sixty.runs").await, 4);
    let _heir = app.another_replica(Setup::default()).await;
    let rest = alice.follow(&run_of(&seen), seen.last().map(|frame| &*frame.id)).await.rest().await;
    assert_eq!(end(&rest).data["status"], json!("done"));
    assert_eq!(answers(&rest), ["A whole answer."]);
}
