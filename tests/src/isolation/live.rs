//! Runs that are under way: their events are read from memory.

use domain::{Cursor, Error, RunId, Tenant};
use model_sim::{Gate, Reply};
use reqwest::Method;

use super::{
    gist,
    world::{CANARY, World},
};
use crate::harness::{
    Answer, Events,
    look::{end, run_of},
};

/// What Alice is answered about this run, whatever she asks.
async fn asked_about(world: &World, run: &str) -> Vec<Answer> {
    let alice = &world.alice;
    let path = format!("/v1/runs/{run}");
    let events = format!("{path}/events");
    vec![
        alice.get(&path).await,
        alice.get(&events).await,
        alice.get(&format!("{events}?after=1.1")).await,
        alice.send(alice.request(Method::GET, &events).header("last-event-id", "1.1")).await,
        alice.send(alice.request(Method::POST, &format!("{path}/cancel"))).await,
    ]
}

async fn nothing_is_known(world: &World, runs: &[String], how: &str) {
    let missing = asked_about(world, &uuid::Uuid::now_v7().to_string()).await;
    for run in runs {
        let foreign = asked_about(world, run).await;
        for (foreign, missing) in foreign.iter().zip(&missing) {
            foreign.problem(404, "not_found");
            assert_eq!(gist(foreign), gist(missing), "{how}");
        }
    }
}

/// A reader checks whose run it is although the routes have done so.
async fn by_its_id_alone_no_run_is_read(world: &World, runs: &[String]) {
    let engine = &world.app.replica.engine;
    let [(_, mallory), (_, bob), (_, elsewhere)] = world.insiders[0].victims();
    let alice = Tenant { org: bob.org, ..elsewhere };
    for (run, own) in runs.iter().zip([bob, mallory]) {
        let run = RunId(run.parse().expect("an id"));
        for tenant in [alice, bob, mallory, elsewhere] {
            let read = engine.reader(tenant, run, Cursor::default()).next().await;
            if tenant == own {
                assert!(read.is_ok_and(|frames| frames.is_some()), "one's own is read");
            } else {
                assert!(matches!(read, Err(Error::NotFound)), "{tenant:?} {read:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_run_that_is_under_way_is_nobody_elses() {
    let world = World::new().await;
    let gate = Gate::new();
    let mut streams: Vec<Events> = Vec::new();
    let mut runs = Vec::new();
    for (person, of) in [(&world.bob, &world.bobs), (&world.mallory, &world.mallorys)] {
        world.app.sim.push(Reply::text(CANARY).hold_after(1, &gate));
        let mut events = person.say(&of.session, "Slowly.").await;
        runs.push(run_of(&events.until("token").await));
        streams.push(events);
    }
    gate.reached_by(2).await;
    by_its_id_alone_no_run_is_read(&world, &runs).await;
    nothing_is_known(&world, &runs, "as built").await;
    let store = world.app.replica.engine.store();
    for (whose, victim) in world.insiders[0].victims() {
        store.name_in_queries(Some(victim));
        nothing_is_known(&world, &runs, whose).await;
        store.name_in_queries(None);
    }
    world.without_policies().await;
    nothing_is_known(&world, &runs, "by the filters alone").await;
    gate.release();
    for events in streams {
        assert_eq!(end(&events.rest().await).data["status"], "done", "nobody has cancelled it");
    }
}
