//! What a call leaves behind, in whatever way it ends.

use model_sim::{Gate, Reply};
use serde_json::{Value, json};

use super::{World, only_result, probe, unknown};
use crate::harness::{
    Process, Spawn, eventually,
    look::{all, answers, end, messages, prompts, run_of, system},
    probe::Answer,
};

#[tokio::test]
async fn a_call_outside_is_made_once_and_leaves_its_record() {
    let world = World::start().await;
    let process = world.process().await;
    let alice = world.app.alice().at(process.address);
    for (tool, class) in
        [("probe_read", "read"), ("probe_idempotent", "idempotent"), ("probe_unsafe", "unsafe")]
    {
        let session = alice.session().await;
        world.app.sim.push(probe(tool, tool));
        world.app.sim.push(Reply::text("Done."));
        let frames = alice.hear(&session, "Do it").await;
        let told = only_result(&world, &alice, &session, &frames).await;
        assert_eq!(told["result"], format!("{{\"did\":\"{tool}\"}}"), "{class}");
        assert_eq!(told.get("unknown"), None);
        let delivery = world.probe.deliveries().pop().expect("a delivery");
        assert_eq!(delivery.run, run_of(&frames));
        assert_eq!(delivery.key, format!("{}:{}", delivery.run, delivery.call));
        assert_eq!(told["id"], delivery.call);
        assert_eq!(world.probe.count(tool), 1);
    }
    assert_eq!(world.states("done").await, 3);
    let classes = "select count(distinct class) from sixty.tool_calls";
    assert_eq!(world.app.database.count(classes).await, 3);
}

#[tokio::test]
async fn the_intent_is_committed_and_no_connection_held_while_a_call_is_made() {
    let world = World::start().await;
    let process = world.process().await;
    let alice = world.app.alice().at(process.address);
    let session = alice.session().await;
    let gate = Gate::new();
    world.probe.answer("wait", Answer::Hold(gate.clone()));
    world.app.sim.push(probe("probe_unsafe", "wait"));
    world.app.sim.push(Reply::text("Done."));
    let events = alice.say(&session, "Do it").await;
    gate.reached().await;
    assert_eq!(world.states("started").await, 1);
    let whole = "select count(*) from sixty.tool_calls where class = 'unsafe' and fence = 1
        and args_hash = sha256(convert_to(args, 'UTF8')) and result is null";
    assert_eq!(world.app.database.count(whole).await, 1);
    let open = "select count(*) from pg_stat_activity
        where datname = current_database() and state like 'idle in transaction%'";
    // What runs in the background has one for moments.
    eventually("none is held", async || (world.app.database.count(open).await == 0).then_some(())).await;
    gate.release();
    assert_eq!(end(&events.rest().await).data["status"], "done");
    assert_eq!((world.states("started").await, world.states("done").await), (0, 1));
}

#[tokio::test]
async fn what_breaks_off_is_unknown_unless_it_may_be_repeated() {
    let world = World::start().await;
    let process = Process::start(&Spawn { extra: vec![("SIXTY_TOOL_SECONDS", "1".into())], ..world.spawn() })
        .await
        .expect("a server");
    let alice = world.app.alice().at(process.address);
    let never = Answer::Hold(Gate::new());
    for (text, answer, repeats) in
        [("cut", Answer::Cut, 3), ("late", never, 1), ("broken", Answer::Status(502), 3)]
    {
        for (tool, times) in [("probe_unsafe", 1), ("probe_idempotent", repeats)] {
            let text = format!("{text} {tool}");
            world.probe.answer(&text, answer.clone());
            let session = alice.session().await;
            world.app.sim.push(probe(tool, &text));
            world.app.sim.push(Reply::text("I cannot tell."));
            let frames = alice.hear(&session, "Do it").await;
            unknown(&only_result(&world, &alice, &session, &frames).await);
            assert_eq!((world.probe.count(&text), world.probe.effects(&text)), (times, 1), "{text}");
        }
    }
    assert_eq!(world.states("unknown").await, 6);
}

#[tokio::test]
async fn a_refusal_is_a_plain_failure() {
    let world = World::start().await;
    let spawn = world.spawn();
    let nobody = Process::start(&Spawn { probe_url: Some("http://127.0.0.1:9/".into()), ..spawn.clone() })
        .await
        .expect("a server");
    let process = Process::start(&spawn).await.expect("a server");
    world.probe.answer("no", Answer::Status(422));
    for (process, words) in [(&process, "422"), (&nobody, "cannot be reached")] {
        let alice = world.app.alice().at(process.address);
        let session = alice.session().await;
        world.app.sim.push(probe("probe_unsafe", "no"));
        world.app.sim.push(Reply::text("Refused."));
        let frames = alice.hear(&session, "Do it").await;
        let told = only_result(&world, &alice, &session, &frames).await;
        assert!(told["error"].as_str().expect("a text").contains(words), "{told}");
        assert_eq!(told.get("unknown"), None);
    }
    assert_eq!((world.states("failed").await, world.probe.count("no")), (2, 1));
}

#[tokio::test]
async fn a_cancel_stops_a_call_and_the_conversation_tells_of_it() {
    let world = World::start().await;
    let process = world.process().await;
    let alice = world.app.alice().at(process.address);
    let session = alice.session().await;
    let gate = Gate::new();
    world.probe.answer("wait", Answer::Hold(gate.clone()));
    let calls = [("probe_unsafe", "first"), ("probe_unsafe", "wait"), ("probe_unsafe", "never")];
    world.app.sim.push(
        calls.iter().fold(Reply::message(), |reply, (tool, text)| reply.tool(*tool, json!({"text": text}))),
    );
    let mut events = alice.say(&session, "Do it").await;
    let seen = events.until("tool_start").await;
    gate.reached().await;
    alice.post(&format!("/v1/runs/{}/cancel", run_of(&seen)), json!({})).await.expect(202);
    let rest = events.rest().await;
    assert_eq!(end(&rest).data["status"], "cancelled");
    let results = all(&rest, "tool_result");
    assert_eq!(results[0]["success"], true, "{rest:#?}");
    unknown(results[1]);
    assert!(results[2]["error"].as_str().expect("a text").contains("not carried out"), "{rest:#?}");
    assert_eq!((world.probe.count("wait"), world.probe.count("never")), (1, 0));
    assert_eq!(alice.history(&session).await[2]["content"].as_array().expect("a list").len(), 3);
    world.app.sim.push(Reply::text("I cannot tell."));
    assert_eq!(answers(&alice.hear(&session, "Did it?").await), ["I cannot tell."]);
    let prompt = prompts(&world.app.sim).pop().expect("a prompt");
    let told = messages(&prompt)[2]["content"][1]["content"].as_str().expect("a text").to_owned();
    assert!(told.starts_with("The outcome is unknown"), "{told}");
}

#[tokio::test]
async fn reads_go_side_by_side_and_writes_in_order_wherever_their_effect_is() {
    let world = World::start().await;
    let process = world.process().await;
    let alice = world.app.alice().at(process.address);
    alice.deal().await;
    let session = alice.session().await;
    let (reads, write) = (Gate::new(), Gate::new());
    world.probe.answer("read", Answer::Hold(reads.clone()));
    world.probe.answer("third", Answer::Hold(write.clone()));
    let note = json!({"kind": "deal", "id": "D-42", "text": "Between"});
    world.app.sim.push(
        Reply::message()
            .tool("probe_unsafe", json!({"text": "first"}))
            .tool("probe_read", json!({"text": "read"}))
            .tool("add_note", note)
            .tool("probe_idempotent", json!({"text": "third"}))
            .tool("probe_read", json!({"text": "read"})),
    );
    world.app.sim.push(Reply::text("Done."));
    let events = alice.say(&session, "Do it").await;
    reads.reached_by(2).await;
    assert_eq!(world.probe.count("first"), 0, "reads come first");
    reads.release();
    write.reached().await;
    assert_eq!(world.app.database.count("select count(*) from sixty.entity_notes").await, 1);
    assert_eq!((world.states("done").await, world.states("started").await), (3, 1));
    write.release();
    let frames = events.rest().await;
    assert_eq!(end(&frames).data["status"], "done");
    let texts: Vec<String> = world.probe.deliveries().into_iter().map(|delivery| delivery.text).collect();
    assert_eq!(texts, ["read", "read", "first", "third"]);
    let order = |event: &str| -> Vec<Value> {
        all(&frames, event).into_iter().map(|data| data["id"].clone()).collect()
    };
    assert_eq!(order("tool_start"), order("tool_result"));
    let told: Vec<Value> = alice.history(&session).await[2]["content"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|block| block["tool_use_id"].clone())
        .collect();
    assert_eq!(told, order("tool_result"));
}

#[tokio::test]
async fn probes_are_offered_only_where_a_harness_is_named() {
    let world = World::start().await;
    let without = Process::start(&Spawn { probe_url: None, ..world.spawn() }).await.expect("a server");
    let with = world.process().await;
    let mut offered = Vec::new();
    for process in [&without, &with] {
        let alice = world.app.alice().at(process.address);
        world.app.sim.push(Reply::text("Hello."));
        alice.hear(&alice.session().await, "Hi").await;
        let prompt = prompts(&world.app.sim).pop().expect("a prompt");
        assert!(!system(&prompt).is_empty());
        let tools = prompt.json()["tools"].as_array().expect("a list").clone();
        offered.push(
            tools.iter().filter(|t| t["name"].as_str().is_some_and(|n| n.starts_with("probe_"))).count(),
        );
    }
    assert_eq!(offered, [0, 3]);
}
