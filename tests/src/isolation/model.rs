//! The model asks for what is not its person's: a prompt told it the ids.

use model_sim::{Gate, Reply};
use serde_json::{Value, json};

use super::{
    masked_text,
    world::{CANARY, World},
};
use crate::harness::look::{end, prompts, result};

/// Calls that name an entity and an archive.
fn calls(entity: (&str, &str), archive: &str) -> Vec<(&'static str, Value)> {
    let (kind, id) = entity;
    vec![
        ("get_entity", json!({"kind": kind, "id": id})),
        ("find_entities", json!({"query": id})),
        ("find_entities", json!({"query": CANARY})),
        ("recall", json!({"query": CANARY})),
        ("read_archive", json!({"summary_id": archive})),
        ("read_archive", json!({"summary_id": archive, "from_seq": 1, "to_seq": 9})),
        ("add_note", json!({"kind": kind, "id": id, "text": "Seen."})),
        ("update_entity", json!({"kind": kind, "id": id, "changes": {"title": "Mine"}})),
        ("memory_append", json!({"scope": "entity", "kind": kind, "id": id, "section": "A", "text": "Mine"})),
        ("memory_replace", json!({"scope": "entity", "kind": kind, "id": id, "old": "A", "new": "B"})),
    ]
}

/// What the model is told, without the names that it gave.
async fn told(
    world: &World,
    entity: (&str, &str),
    archive: &str,
    lie: Option<domain::Tenant>,
) -> Vec<String> {
    let session = world.alice.session().await;
    let mut told = Vec::new();
    for (tool, arguments) in calls(entity, archive) {
        let gate = Gate::new();
        world.app.sim.push(Reply::call(tool, arguments).hold_before(&gate));
        let mut events = world.alice.say(&session, "Look").await;
        let mut frames = events.until("run_started").await;
        gate.reached().await;
        let before = prompts(&world.app.sim).len();
        // The tool reads with filters that lie; what began before it, and what follows, does not.
        world.app.replica.engine.store().name_in_queries(lie);
        world.app.sim.push(Reply::text("I see."));
        gate.release();
        frames.extend(events.rest().await);
        world.app.replica.engine.store().name_in_queries(None);
        assert_eq!(end(&frames).event, "done", "{tool}: {frames:?}");
        let sent = prompts(&world.app.sim);
        assert_eq!(sent.len(), before + 1);
        let (text, failed) = result(sent.last().expect("a prompt"), 0);
        // The answer repeats what was looked for, and no more.
        let looks = ["find_entities", "recall"].contains(&tool);
        assert!(!text.replacen(CANARY, "", usize::from(looks)).contains(CANARY), "{tool}: {text}");
        assert_eq!(looks, text.starts_with("Nothing"), "{tool}: {text}");
        told.push(masked_text(&format!("{tool} {failed}: {text}"), &[entity.1.into(), archive.into()]));
    }
    told
}

async fn nothing_is_told(world: &World, lies: [Option<domain::Tenant>; 2]) {
    let before = world.of_others().await;
    let nobodys = uuid::Uuid::now_v7().to_string();
    let mut compared = 0;
    for (lie, of) in lies.into_iter().zip([&world.mallorys, &world.bobs]) {
        for (theirs, free) in [(("deal", "D-9"), ("deal", "N-9")), (("contact", "C-9"), ("contact", "N-9"))] {
            let foreign = told(world, theirs, &of.summary, lie).await;
            let missing = told(world, free, &nobodys, lie).await;
            assert_eq!(foreign, missing);
            compared += foreign.len();
        }
    }
    assert_eq!(world.of_others().await, before);
    assert_eq!(world.astray().await, 0);
    println!("{compared} tool calls told of nothing that is somebody else's");
    assert!(compared >= 40, "{compared}");
}

#[tokio::test]
async fn a_model_that_names_what_is_somebody_elses_is_told_of_nothing() {
    nothing_is_told(&World::new().await, [None, None]).await;
}

#[tokio::test]
async fn the_filters_alone_tell_a_model_of_nothing() {
    let world = World::new().await;
    world.without_policies().await;
    nothing_is_told(&world, [None, None]).await;
}

#[tokio::test]
async fn the_policies_alone_tell_a_model_of_nothing() {
    let world = World::new().await;
    let [(_, mallory), (_, bob), _] = world.insiders[0].victims();
    nothing_is_told(&world, [Some(mallory), Some(bob)]).await;
}
