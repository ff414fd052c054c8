//! What is checked again when an approved call is carried out, and every policy of every tool.

use model_sim::Reply;
use serde_json::{Value, json};

use super::desk::{
    Waiting, approve, deal_waits, decide, goes_on, note, see, set, stage, stage_of, tamper, title,
};
use crate::harness::{
    Person, Replica, Setup, TestApp,
    look::{all, end, prompts, result},
};

/// A service whose own replica only answers, and one that works until it is shut down.
async fn parted() -> (TestApp, Replica) {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let worker = app.another_replica(Setup::default()).await;
    (app, worker)
}

/// A change of the person's that is approved while nobody works.
async fn approved(app: &TestApp, worker: Replica, person: &Person) -> Waiting {
    let waiting = deal_waits(app, &person.at(worker.address)).await;
    worker.shut_down().await;
    approve(person, &waiting.approval).await;
    waiting
}

/// Lets somebody work again; the run's last events and what the model was told.
async fn carried_out(app: &TestApp, person: &Person, waiting: &Waiting) -> (Value, String) {
    app.sim.push(Reply::text("I see."));
    let worker = app.another_replica(Setup::default()).await;
    let rest = goes_on(person, waiting).await;
    worker.shut_down().await;
    let told =
        all(&rest, "tool_result").first().map(|result| result["error"].to_string()).unwrap_or_default();
    (end(&rest).data.clone(), told)
}

#[tokio::test]
async fn rights_that_were_taken_away_since_are_gone() {
    let row = |row: Value| json!({"preset": "autonomous", "rows": [row]});
    for (body, words) in [
        (row(json!({"action": "modify_deals", "policy": "disabled"})), "may not do this any more"),
        (
            row(json!({"role": "member", "action": "modify_deals", "policy": "disabled"})),
            "may not do this any more",
        ),
        (
            json!({"preset": "autonomous", "users": [{"user": "bob", "action": "modify_deals", "policy": "disabled"}]}),
            "may not do this any more",
        ),
        (
            row(json!({"action": "modify_deals", "policy": "approve", "decider": "admin"})),
            "an administrator has to decide",
        ),
    ] {
        let (app, worker) = parted().await;
        let (alice, bob) = (app.alice(), app.bob());
        let waiting = approved(&app, worker, &bob).await;
        set(&alice, body).await;
        let (done, told) = carried_out(&app, &bob, &waiting).await;
        assert!(told.contains("although it was approved") && told.contains(words), "{told}");
        assert_eq!(done["status"], "done");
        assert_eq!(see(&bob, &waiting.approval).await["status"], "refused");
        assert_eq!(stage_of(&bob).await, "negotiation");
    }
}

#[tokio::test]
async fn a_matrix_that_became_laxer_or_stayed_lets_it_through() {
    for body in [json!({"preset": "autonomous"}), json!({"preset": "conservative"})] {
        let (app, worker) = parted().await;
        let bob = app.bob();
        let waiting = approved(&app, worker, &bob).await;
        set(&app.alice(), body).await;
        carried_out(&app, &bob, &waiting).await;
        assert_eq!(stage_of(&bob).await, "won");
    }
}

#[tokio::test]
async fn a_ceiling_or_the_end_of_a_membership_counts_at_the_execution() {
    let (app, worker) = parted().await;
    let bob = app.bob();
    let waiting = approved(&app, worker, &bob).await;
    tamper(&app, "update sixty.members set ceiling = 'readonly' where external_id = 'bob'").await;
    let (_, told) = carried_out(&app, &bob, &waiting).await;
    assert!(told.contains("may not do this any more"), "{told}");

    let (app, worker) = parted().await;
    let (alice, bob) = (app.alice(), app.bob());
    let waiting = approved(&app, worker, &bob).await;
    tamper(&app, "update sixty.members set status = 'removed' where external_id = 'bob'").await;
    let worker = app.another_replica(Setup::default()).await;
    crate::harness::eventually("the run has failed", async || {
        let failed = "select count(*) from sixty.runs where error_code = 'membership_ended'";
        (app.database.count(failed).await == 1).then_some(())
    })
    .await;
    worker.shut_down().await;
    let void = "select count(*) from sixty.approvals where status = 'void'";
    assert_eq!(app.database.count(void).await, 1, "{}", waiting.approval);
    assert_eq!(stage_of(&alice).await, "negotiation");
}

#[tokio::test]
async fn what_was_tampered_with_in_the_database_is_not_carried_out() {
    let (app, worker) = parted().await;
    let alice = app.alice();
    let hash = "args_hash = sha256(convert_to(replace(args, 'won', 'lost'), 'UTF8'))";
    let cases = [
        ("args = replace(args, 'won', 'lost')".to_owned(), "not the call that was asked for"),
        (format!("args = replace(args, 'won', 'lost'), {hash}"), "not the call that was asked for"),
        ("args_hash = sha256('x')".to_owned(), "not those that were approved"),
        ("schema_hash = sha256('x')".to_owned(), "the tool has changed"),
        ("tool = 'add_note'".to_owned(), "not the call that was asked for"),
        ("action = 'manage_tasks'".to_owned(), "another kind of act"),
        (
            "edited_args = replace(args, 'won', 'lost'), edited_hash = args_hash".to_owned(),
            "not those that were approved",
        ),
    ];
    let mut waiting = Vec::new();
    for _ in &cases {
        waiting.push(deal_waits(&app, &alice.at(worker.address)).await);
    }
    worker.shut_down().await;
    for (waiting, (change, _)) in waiting.iter().zip(&cases) {
        approve(&alice, &waiting.approval).await;
        tamper(&app, format!("update sixty.approvals set {change} where id = '{}'", waiting.approval)).await;
    }
    app.sim.respond_with(|_| Reply::text("I see."));
    let _worker = app.another_replica(Setup::default()).await;
    for (waiting, (change, words)) in waiting.iter().zip(&cases) {
        let rest = goes_on(&alice, waiting).await;
        let told = all(&rest, "tool_result")[0]["error"].to_string();
        assert!(told.contains("although it was approved") && told.contains(words), "{change}: {told}");
        assert_eq!(see(&alice, &waiting.approval).await["status"], "refused", "{change}");
    }
    assert_eq!(app.database.count("select version from sixty.entities").await, 1, "nothing was changed");
}

#[tokio::test]
async fn a_proposal_that_was_tampered_with_is_not_carried_out() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.contact().await;
    let session = alice.session().await;
    app.sim.push(Reply::call("update_entity", title("CEO")));
    app.sim.push(Reply::text("Proposed."));
    let frames = alice.hear(&session, "Do it").await;
    let asked = all(&frames, "approval_required")[0]["approval_id"].as_str().expect("an id").to_owned();
    tamper(
        &app,
        "update sixty.approvals set args = replace(args, 'CEO', 'CFO'),
            args_hash = sha256(convert_to(replace(args, 'CEO', 'CFO'), 'UTF8'))",
    )
    .await;
    let run = approve(&alice, &asked).await["run_id"].as_str().expect("an id").to_owned();
    let done = alice.follow(&run, None).await.rest().await;
    assert_eq!(all(&done, "tool_result")[0]["success"], false);
    assert_eq!(see(&alice, &asked).await["status"], "refused");
}

/// Everything that a writing tool could have changed.
async fn effects(app: &TestApp) -> i64 {
    app.database
        .count(
            "select (select coalesce(sum(version), 0)::bigint from sixty.entities)
                + (select count(*) from sixty.entity_notes) + (select count(*) from sixty.copilot_memory_revisions)",
        )
        .await
}

#[tokio::test]
async fn each_policy_holds_for_each_tool() {
    let memory = |scope: &str| json!({"scope": scope, "section": "Facts", "text": "It rains", "kind": "deal", "id": "D-42"});
    let correct =
        |scope: &str| json!({"scope": scope, "old": "sun", "new": "rain", "kind": "deal", "id": "D-42"});
    let tools = [
        ("memory_append", memory("user"), "write_user_memory"),
        ("memory_append", memory("entity"), "write_entity_memory"),
        ("memory_append", memory("org"), "write_org_memory"),
        ("memory_replace", correct("user"), "write_user_memory"),
        ("memory_replace", correct("entity"), "write_entity_memory"),
        ("memory_replace", correct("org"), "write_org_memory"),
        ("update_entity", stage("won"), "modify_deals"),
        ("update_entity", title("CEO"), "modify_contacts"),
        ("add_note", note("Seen"), "manage_tasks"),
    ];
    let app = TestApp::start().await;
    for (n, (tool, args, action)) in tools.into_iter().enumerate() {
        for policy in ["auto", "suggest", "approve", "disabled"] {
            if (action, policy) != ("write_org_memory", "auto") {
                let person = app.replica.person(&format!("org-{n}-{policy}"), "alice", "owner");
                holds(&app, &person, tool, &args, (action, policy)).await;
            }
        }
    }
}

async fn holds(app: &TestApp, alice: &Person, tool: &str, args: &Value, (action, policy): (&str, &str)) {
    let case = format!("{tool} {action} {policy}");
    app.sim.take_requests();
    alice.deal().await;
    alice.contact().await;
    for path in ["org", "user", "entities/deal/D-42"] {
        alice.put(&format!("/v1/memory/{path}"), json!({"content": "The sun shines."})).await.expect(200);
    }
    set(alice, json!({"preset": "balanced", "rows": [{"action": action, "policy": policy}]})).await;
    let before = effects(app).await;
    let session = alice.session().await;
    app.sim.push(Reply::call(tool, args.clone()));
    app.sim.push(Reply::text("So it is."));
    let frames = alice.hear(&session, "Do it").await;
    let asked = all(&frames, "approval_required");
    let status = end(&frames).data["status"].as_str().expect("a status").to_owned();
    let told = || result(&prompts(&app.sim)[1], 0);
    match policy {
        "auto" => {
            assert_eq!((asked.len(), told().1, effects(app).await - before), (0, false, 1), "{case}");
        }
        "disabled" => {
            let (text, is_error) = told();
            assert!(is_error, "{case}");
            assert!(
                text.contains("There is no tool") || text.contains("does not let its copilots"),
                "{case}: {text}"
            );
            assert_eq!((asked.len(), effects(app).await), (0, before), "{case}");
        }
        _ => {
            let blocking = policy == "approve";
            assert_eq!((asked.len(), &asked[0]["blocking"]), (1, &json!(blocking)), "{case}");
            assert_eq!(status, if blocking { "waiting" } else { "done" }, "{case}");
            assert_eq!((&asked[0]["action"], effects(app).await), (&json!(action), before), "{case}");
            let id = asked[0]["approval_id"].as_str().expect("an id");
            let run = approve(alice, id).await["run_id"].as_str().expect("an id").to_owned();
            let after = blocking.then(|| frames.last().expect("a frame").id.clone());
            let rest = alice.follow(&run, after.as_deref()).await.rest().await;
            assert_eq!(end(&rest).data["status"], "done", "{case}");
            assert_eq!(effects(app).await, before + 1, "{case}: accepted, it is done once");
        }
    }
}

#[tokio::test]
async fn a_call_of_an_offered_tool_is_refused_where_its_action_is_disabled() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let off = |actions: &[&str]| -> Vec<Value> {
        actions.iter().map(|action| json!({"action": action, "policy": "disabled"})).collect()
    };
    set(&alice, json!({"preset": "autonomous", "rows": off(&["modify_deals"])})).await;
    let session = alice.session().await;
    app.sim.push(Reply::call("update_entity", stage("won")));
    app.sim.push(Reply::text("I may not."));
    alice.hear(&session, "Move it").await;
    let sent = prompts(&app.sim);
    assert!(result(&sent[1], 0).0.contains("does not let its copilots do this"));
    let names = |prompt: &model_sim::Request| -> Vec<String> {
        let tools = prompt.json()["tools"].as_array().expect("a list").clone();
        tools.iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert!(names(&sent[0]).contains(&"update_entity".to_owned()));
    set(
        &alice,
        json!({"preset": "autonomous", "rows": off(&["modify_deals", "modify_contacts", "manage_tasks"])}),
    )
    .await;
    app.sim.push(Reply::text("Hello."));
    alice.hear(&session, "And now?").await;
    let sent = prompts(&app.sim);
    assert!(!names(&sent[2]).contains(&"update_entity".to_owned()), "what is never allowed is not offered");
}

#[tokio::test]
async fn a_right_that_ends_while_a_run_is_under_way_ends_for_that_run() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    set(&alice, json!({"preset": "autonomous"})).await;
    let session = alice.session().await;
    let gate = model_sim::Gate::new();
    app.sim.push(Reply::call("update_entity", stage("won")).hold_before(&gate));
    app.sim.push(Reply::text("I may not."));
    let events = alice.say(&session, "Move it").await;
    gate.reached().await;
    set(&alice, json!({"preset": "balanced", "rows": [{"action": "modify_deals", "policy": "disabled"}]}))
        .await;
    gate.release();
    events.rest().await;
    assert!(result(&prompts(&app.sim)[1], 0).1);
    assert_eq!(stage_of(&alice).await, "negotiation");
    let gone = decide(&alice, &uuid::Uuid::now_v7().to_string(), json!({"decision": "approve"})).await;
    gone.problem(404, "not_found");
}
