//! Calls whose effect is outside of the service, made by real processes.

use model_sim::{Gate, Reply};
use serde_json::{Value, json};

use crate::harness::{
    Frame, Person, Process, Setup, Spawn, TestApp,
    look::{all, answers, end, messages, names, prompts, result, run_of, system},
    probe::{Answer, Probe},
};

const LEASE: u32 = 3;

/// A service whose own replica only reads, and a world outside.
struct World {
    app: TestApp,
    probe: Probe,
}

impl World {
    async fn start() -> Self {
        let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
        Self { app, probe: Probe::start().await }
    }

    fn spawn(&self) -> Spawn {
        Spawn {
            database_url: self.app.database.url(),
            model_url: self.app.model_url(),
            lease_seconds: LEASE,
            probe_url: Some(self.probe.url.clone()),
            ..Spawn::default()
        }
    }

    async fn process(&self) -> Process {
        Process::start(&self.spawn()).await.expect("a server")
    }

    async fn states(&self, state: &str) -> i64 {
        let pool = self.app.database.superuser().await;
        let count = sqlx::query_scalar("select count(*) from sixty.tool_calls where state = $1")
            .bind(state)
            .fetch_one(&pool)
            .await
            .expect("a number");
        pool.close().await;
        count
    }
}

fn probe(tool: &str, text: &str) -> Reply {
    Reply::call(tool, json!({"text": text}))
}

/// The only result of the stream, checked against what the model was told and the history shows.
async fn only_result(world: &World, person: &Person, session: &str, frames: &[Frame]) -> Value {
    let results = all(frames, "tool_result");
    assert_eq!(results.len(), 1, "{frames:#?}");
    let text = results[0]["result"].as_str().or(results[0]["error"].as_str()).expect("a text");
    let failed = results[0]["success"] == false;
    assert_eq!(result(prompts(&world.app.sim).last().expect("a prompt"), 0), (text.to_owned(), failed));
    let history = person.history(session).await;
    assert_eq!(history[2]["content"][0]["content"], text);
    results[0].clone()
}

/// Fails unless the result says that nobody knows.
#[track_caller]
fn unknown(result: &Value) {
    assert_eq!((&result["success"], &result["unknown"]), (&json!(false), &json!(true)), "{result}");
    let text = result["error"].as_str().expect("a text");
    assert!(text.starts_with("The outcome is unknown: "), "{text}");
    assert!(text.contains("Do not repeat it blindly"), "{text}");
}

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
    assert_eq!(world.app.database.count(open).await, 0);
    gate.release();
    assert_eq!(end(&events.rest().await).data["status"], "done");
    assert_eq!((world.states("started").await, world.states("done").await), (0, 1));
}

#[tokio::test]
async fn a_repeatable_call_of_a_dead_owner_is_made_again_under_its_key() {
    let world = World::start().await;
    let mut doomed = world.process().await;
    let alice = world.app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    world.probe.answer("once", Answer::Hold(gate.clone()));
    world.app.sim.push(probe("probe_idempotent", "once"));
    world.app.sim.push(Reply::text("Done."));
    let mut events = alice.at(doomed.address).say(&session, "Do it").await;
    let seen = events.until("tool_start").await;
    gate.reached().await;
    doomed.kill();
    gate.release();
    let heir = world.process().await;
    let there = alice.at(heir.address);
    let rest = there.follow(&run_of(&seen), seen.last().map(|frame| frame.id.as_str())).await.rest().await;
    assert_eq!(names(&rest), ["reset", "tool_result", "token", "message_complete", "done"]);
    assert_eq!(only_result(&world, &there, &session, &rest).await["success"], true);
    assert_eq!((world.probe.count("once"), world.probe.effects("once")), (2, 1));
    let by_the_heir = "select count(*) from sixty.tool_calls where state = 'done' and fence = 2";
    assert_eq!(world.app.database.count(by_the_heir).await, 1);
}

#[tokio::test]
async fn an_unrepeatable_call_of_a_dead_owner_is_unknown_and_not_made_again() {
    let world = World::start().await;
    let mut doomed = world.process().await;
    let alice = world.app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    world.probe.answer("once", Answer::Hold(gate.clone()));
    world.app.sim.push(probe("probe_unsafe", "once"));
    world.app.sim.push(Reply::text("I cannot tell."));
    let mut events = alice.at(doomed.address).say(&session, "Do it").await;
    let seen = events.until("tool_start").await;
    gate.reached().await;
    doomed.kill();
    gate.release();
    let heir = world.process().await;
    let there = alice.at(heir.address);
    let rest = there.follow(&run_of(&seen), seen.last().map(|frame| frame.id.as_str())).await.rest().await;
    assert_eq!(names(&rest), ["reset", "tool_result", "token", "message_complete", "done"]);
    unknown(&only_result(&world, &there, &session, &rest).await);
    assert_eq!(end(&rest).data["tools_used"][0]["success"], false);
    assert_eq!((world.probe.count("once"), world.states("unknown").await), (1, 1));
    world.app.sim.push(Reply::text("Still not."));
    assert_eq!(answers(&there.hear(&session, "And now?").await), ["Still not."]);
    assert_eq!(world.probe.count("once"), 1);
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
async fn a_dead_owners_results_are_neither_lost_nor_told_twice() {
    let world = World::start().await;
    let mut doomed = world.process().await;
    let alice = world.app.alice();
    alice.deal().await;
    let session = alice.session().await;
    let gate = Gate::new();
    world.probe.answer("last", Answer::Hold(gate.clone()));
    world.app.sim.push(
        Reply::message()
            .tool("add_note", json!({"kind": "deal", "id": "D-42", "text": "Once"}))
            .tool("probe_unsafe", json!({"text": "first"}))
            .tool("probe_idempotent", json!({"text": "last"})),
    );
    world.app.sim.push(Reply::text("Done."));
    let mut events = alice.at(doomed.address).say(&session, "Do it").await;
    let mut seen = events.until("tool_result").await;
    gate.reached().await;
    doomed.kill();
    seen.extend(events.rest().await);
    gate.release();
    let heir = world.process().await;
    let after = seen.last().map(|frame| frame.id.as_str());
    let rest = alice.at(heir.address).follow(&run_of(&seen), after).await.rest().await;
    let told: Vec<Value> = all(&[seen, rest.clone()].concat(), "tool_result")
        .into_iter()
        .map(|data| data["name"].clone())
        .collect();
    assert_eq!(told, ["add_note", "probe_unsafe", "probe_idempotent"]);
    let used = end(&rest).data["tools_used"].as_array().expect("a list").clone();
    assert_eq!(used.len(), 3, "{used:?}");
    assert!(used.iter().all(|tool| tool["success"] == true), "{used:?}");
    assert_eq!(world.app.database.count("select count(*) from sixty.entity_notes").await, 1);
    assert_eq!(
        (world.probe.count("first"), world.probe.count("last"), world.probe.effects("last")),
        (1, 2, 1)
    );
    let history = alice.history(&session).await;
    assert_eq!((history.len(), history[2]["content"].as_array().expect("a list").len()), (4, 3));
}

#[tokio::test]
async fn a_shutdown_waits_a_moment_for_a_call_that_ends() {
    let world = World::start().await;
    let mut leaving = world.process().await;
    let alice = world.app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    world.probe.answer("soon", Answer::Hold(gate.clone()));
    world.app.sim.push(probe("probe_unsafe", "soon"));
    world.app.sim.push(Reply::text("Done."));
    let mut events = alice.at(leaving.address).say(&session, "Do it").await;
    let seen = events.until("tool_start").await;
    gate.reached().await;
    leaving.signal("TERM");
    // Its stream ends first of all.
    let seen = [seen, events.rest().await].concat();
    gate.release();
    assert!(leaving.ended().await.success());
    let heir = world.process().await;
    let there = alice.at(heir.address);
    let rest = there.follow(&run_of(&seen), seen.last().map(|frame| frame.id.as_str())).await.rest().await;
    assert_eq!(end(&rest).data["status"], "done");
    assert_eq!(only_result(&world, &there, &session, &rest).await["success"], true);
    assert_eq!((world.probe.count("soon"), world.states("done").await), (1, 1));
}

#[tokio::test]
async fn a_run_that_is_given_up_or_cancelled_by_its_heir_tells_of_its_effects() {
    let world = World::start().await;
    let alice = world.app.alice();
    for cancelled in [false, true] {
        let mut doomed = world.process().await;
        let session = alice.session().await;
        let gate = Gate::new();
        let text = format!("once, {cancelled}");
        world.probe.answer(&text, Answer::Hold(gate.clone()));
        world.app.sim.push(probe("probe_unsafe", &text));
        let mut events = alice.at(doomed.address).say(&session, "Do it").await;
        let seen = events.until("tool_start").await;
        gate.reached().await;
        doomed.kill();
        gate.release();
        let change = if cancelled { "cancel_requested = true" } else { "attempts = 5" };
        let pool = world.app.database.superuser().await;
        let sql = format!("update sixty.runs set {change} where status = 'running'");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.expect("the statement runs");
        pool.close().await;
        let heir = world.process().await;
        let after = seen.last().map(|frame| frame.id.as_str());
        let rest = alice.at(heir.address).follow(&run_of(&seen), after).await.rest().await;
        let ended = &end(&rest).data;
        assert!(ended["status"] == "cancelled" || ended["code"] == "gave_up", "{ended}");
        unknown(all(&rest, "tool_result")[0]);
        let history = alice.history(&session).await;
        let told = history[2]["content"][0]["content"].as_str().expect("a text");
        assert!(told.starts_with("The outcome is unknown"), "{told}");
        assert_eq!(world.probe.count(&text), 1);
    }
    assert_eq!(world.states("unknown").await, 2);
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
