//! Calls to the outside that a person is asked about.

use model_sim::Reply;
use serde_json::{Value, json};

use super::World;
use crate::harness::look::{all, end, names, run_of};

/// A turn whose call waits. The run, and the approval as the stream told it.
async fn parked(world: &World, text: &str, beside: Option<(&str, Value)>) -> (String, Value) {
    let process = world.process().await;
    let alice = world.app.alice().at(process.address);
    alice.put("/v1/entities/deal/D-42", json!({"name": "Acme renewal", "stage": "new"})).await;
    let mut reply = Reply::text("I see to it.");
    if let Some((tool, input)) = beside {
        reply = reply.tool(tool, input);
    }
    world.app.sim.push(reply.tool("probe_unsafe", json!({"text": text})));
    let frames = alice.hear(&alice.session().await, "Do it").await;
    assert!(frames.iter().all(|frame| frame.id.starts_with("1.")), "it broke off: {frames:#?}");
    assert!(!names(&frames).contains(&"reset"), "{frames:#?}");
    assert_eq!((&*end(&frames).event, &end(&frames).data["status"]), ("done", &json!("waiting")));
    assert_eq!(world.probe.effects(text), 0);
    let asked = all(&frames, "approval_required");
    (run_of(&frames), (*asked.last().expect("an approval")).clone())
}

#[tokio::test]
async fn a_call_to_the_outside_waits_for_a_person_and_is_made_once_as_it_was_decided() {
    let world = World::that_asks().await;
    let edited = json!({"decision": "approve", "input": {"text": "other words"}});
    for (text, word, made, told) in [
        ("as it is", json!({"decision": "approve"}), "as it is", "alice approved this call."),
        ("edited", edited, "other words", "with other arguments"),
        ("denied", json!({"decision": "deny", "reason": "not now"}), "", "denied this call"),
    ] {
        let (run, approval) = parked(&world, text, None).await;
        assert_eq!(approval["input"], json!({"text": text}));
        let process = world.process().await;
        let alice = world.app.alice().at(process.address);
        world.app.sim.push(Reply::text("It is settled."));
        let id = approval["approval_id"].as_str().expect("an id");
        alice.post(&format!("/v1/approvals/{id}"), word).await.expect(202);
        let frames = alice.follow(&run, None).await.rest().await;
        assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
        let results = all(&frames, "tool_result");
        let result = results[0]["result"].as_str().or(results[0]["error"].as_str()).expect("a text");
        assert!(results.len() == 1 && result.contains(told), "{results:?}");
        assert_eq!(world.probe.effects(text), usize::from(made == text));
        assert_eq!(world.probe.effects("other words"), usize::from(text != "as it is"));
        let list = alice.get(&format!("/v1/admin/audit?run_id={run}")).await.expect(200).json();
        let entries = list["data"].as_array().expect("entries");
        let hash = |decision: &str| {
            let of = entries.iter().find(|entry| entry["decision"] == decision);
            of.map(|entry| entry["args_hash"].clone())
        };
        assert_eq!(hash("executed"), if made.is_empty() { None } else { hash("approved") }, "{entries:#?}");
    }
}

#[tokio::test]
async fn a_call_that_waits_before_one_to_the_outside_is_asked_about_once() {
    let world = World::start().await;
    let change = json!({"kind": "deal", "id": "D-42", "changes": {"stage": "won"}});
    let (run, approval) = parked(&world, "behind", Some(("update_entity", change))).await;
    assert_eq!(approval["name"], "update_entity");
    let process = world.process().await;
    let alice = world.app.alice().at(process.address);
    world.app.sim.push(Reply::text("Both are done."));
    let id = approval["approval_id"].as_str().expect("an id");
    alice.post(&format!("/v1/approvals/{id}"), json!({"decision": "approve"})).await.expect(202);
    let frames = alice.follow(&run, None).await.rest().await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    assert_eq!(all(&frames, "approval_required").len(), 1);
    assert_eq!(all(&frames, "tool_result").len(), 2);
    assert_eq!(world.probe.effects("behind"), 1);
    assert_eq!(alice.get("/v1/entities/deal/D-42").await.json()["stage"], "won");
}
