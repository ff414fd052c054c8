//! Whoever answers out there is none of the organization's people.

use model_sim::Reply;
use serde_json::json;

use super::{World, probe};
use crate::harness::{
    look::{all, end},
    probe::Answer,
};

#[tokio::test]
async fn what_a_tool_outside_says_is_only_proposed_to_memory() {
    let world = World::start().await;
    let process = world.process().await;
    let alice = world.app.alice().at(process.address);
    let remember = |reply: Reply, text: &str| {
        reply.tool("memory_append", json!({"scope": "user", "section": "Facts", "text": text}))
    };
    // One that refuses says something as well.
    world.probe.answer("refused", Answer::Status(422));
    for (n, (tool, text)) in [
        ("probe_read", "read"),
        ("probe_idempotent", "told"),
        ("probe_unsafe", "done"),
        ("probe_unsafe", "refused"),
    ]
    .into_iter()
    .enumerate()
    {
        let session = alice.session().await;
        world.app.sim.push(remember(probe(tool, text), &format!("Fact {n} of {text}")));
        world.app.sim.push(remember(Reply::message(), &format!("Rule {n} of {text}")));
        world.app.sim.push(Reply::text("I proposed both."));
        let frames = alice.hear(&session, "Do it").await;
        assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
        let told = all(&frames, "memory_written");
        assert_eq!(told.len(), 2, "{tool} {text}: {frames:#?}");
        assert!(told.iter().all(|event| event.get("version").is_none()), "{tool} {text}: {told:?}");
    }
    let sessions = "select count(*) from sixty.sessions where untrusted";
    assert_eq!(world.app.database.count(sessions).await, 4);
    assert_eq!(world.app.database.count("select count(*) from sixty.copilot_memories").await, 0);
}
