//! A person says yes, no, or yes with other arguments.

use model_sim::Reply;
use serde_json::{Value, json};

use super::desk::{
    approve, deal_waits, decide, deny, goes_on, note, see, set, stage, stage_of, wait_for, wait_in,
};
use crate::harness::{
    TestApp,
    look::{all, answers, end, last_blocks, messages, names, prompts, result},
};

#[tokio::test]
async fn a_call_that_needs_a_person_is_not_performed_and_its_run_waits() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let waiting = deal_waits(&app, &alice).await;
    assert_eq!(
        names(&waiting.frames),
        ["run_started", "token", "message_complete", "tool_start", "approval_required", "done"]
    );
    let asked = all(&waiting.frames, "approval_required")[0];
    assert_eq!((&asked["name"], &asked["action"]), (&json!("update_entity"), &json!("modify_deals")));
    assert_eq!((&asked["input"], &asked["blocking"]), (&stage("won"), &json!(true)));
    assert_eq!(
        asked["preview"],
        json!({"kind": "field_changes", "entity": {"kind": "deal", "id": "D-42", "name": "Acme renewal"},
            "changes": [{"field": "stage", "old": "negotiation", "new": "won"}]})
    );
    assert!(asked["expires_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{asked}");
    let shown = see(&alice, &waiting.approval).await;
    for field in ["name", "action", "input", "preview", "blocking", "tool_call_id", "run_id"] {
        assert_eq!(shown[field], asked[field], "{field}");
    }
    assert_eq!((&shown["status"], &shown["requested_by"]), (&json!("pending"), &json!("alice")));
    assert_eq!(shown["decider"], "requester");
    let listed = alice.get("/v1/approvals?status=pending").await.expect(200).json();
    assert_eq!(listed["data"], json!([shown]));
    let run = alice.get(&format!("/v1/runs/{}", waiting.run)).await.expect(200).json();
    assert_eq!((&run["status"], run.get("finished_at")), (&json!("waiting"), None));
    assert_eq!(stage_of(&alice).await, "negotiation");
    assert_eq!(alice.history(&waiting.session).await.len(), 2, "no result is stored yet");
}

#[tokio::test]
async fn an_approved_call_is_performed_and_the_run_goes_on() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let waiting = deal_waits(&app, &alice).await;
    app.sim.push(Reply::text("Moved."));
    let answer = decide(&alice, &waiting.approval, json!({"decision": "approve"})).await.expect(202);
    assert_eq!(answer.json(), json!({"run_id": waiting.run}));
    assert_eq!(answer.header("location"), format!("/v1/runs/{}", waiting.run));
    let rest = goes_on(&alice, &waiting).await;
    assert_eq!(names(&rest), ["tool_result", "token", "message_complete", "done"]);
    assert_eq!((&end(&rest).data["status"], answers(&rest)), (&json!("done"), vec!["Moved.".to_owned()]));
    assert_eq!(end(&rest).data["tools_used"][0]["success"], true);
    assert_eq!(stage_of(&alice).await, "won");
    let sent = prompts(&app.sim);
    let (told, is_error) = result(&sent[1], 0);
    assert!(!is_error && told.contains("alice approved") && told.contains("negotiation → won"), "{told}");
    assert_eq!(messages(&sent[1]).len(), 3, "an ordinary result, right behind its call");
    let shown = see(&alice, &waiting.approval).await;
    assert_eq!((&shown["status"], &shown["decided_by"]), (&json!("executed"), &json!("alice")));
    let listed = alice.get("/v1/approvals?status=pending").await.expect(200).json();
    assert_eq!(listed["data"], json!([]));
    // Whoever reads it all sees one end.
    let whole = alice.follow(&waiting.run, None).await.rest().await;
    assert_eq!(end(&whole).data["status"], "done");
    assert_eq!(answers(&whole), ["One moment.", "Moved."]);
    assert_eq!(alice.history(&waiting.session).await.len(), 4);
}

#[tokio::test]
async fn a_denial_reaches_the_model_with_who_and_why() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let waiting = deal_waits(&app, &alice).await;
    app.sim.push(Reply::text("All right."));
    deny(&alice, &waiting.approval, "  Dana has not signed yet.  ").await;
    let rest = goes_on(&alice, &waiting).await;
    assert_eq!(end(&rest).data["status"], "done");
    assert_eq!(all(&rest, "tool_result")[0]["success"], false);
    let (told, is_error) = result(&prompts(&app.sim)[1], 0);
    assert!(is_error && told.contains("alice denied") && told.contains("Dana has not signed yet."), "{told}");
    assert_eq!(stage_of(&alice).await, "negotiation");
    let shown = see(&alice, &waiting.approval).await;
    assert_eq!((&shown["status"], &shown["reason"]), (&json!("denied"), &json!("Dana has not signed yet.")));
}

#[tokio::test]
async fn other_arguments_are_executed_in_the_place_of_the_models_and_it_is_told() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let waiting = deal_waits(&app, &alice).await;
    app.sim.push(Reply::text("Set."));
    let input = json!({"kind": "deal", "id": "D-42", "changes": {"stage": "lost", "amount": 0}});
    decide(&alice, &waiting.approval, json!({"decision": "approve", "input": input})).await.expect(202);
    assert_eq!(end(&goes_on(&alice, &waiting).await).data["status"], "done");
    let deal = alice.get("/v1/entities/deal/D-42").await.expect(200).json();
    assert_eq!((&deal["stage"], deal["amount"].as_f64()), (&json!("lost"), Some(0.0)));
    let shown = see(&alice, &waiting.approval).await;
    assert_eq!((&shown["input"], &shown["edited_input"]), (&stage("won"), &input));
    let (told, is_error) = result(&prompts(&app.sim)[1], 0);
    assert!(!is_error && told.contains("other arguments") && told.contains(r#""stage":"lost""#), "{told}");
    assert_eq!(
        messages(&prompts(&app.sim)[1])[1]["content"][1]["input"],
        stage("won"),
        "what the model has said stays as it is"
    );
}

#[tokio::test]
async fn other_arguments_must_be_valid_whole_and_of_the_same_kind() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let waiting = deal_waits(&app, &alice).await;
    let edit = |input: Value| json!({"decision": "approve", "input": input});
    for (body, field, words) in [
        (edit(json!({"kind": "deal", "id": "D-42"})), "input", "changes"),
        (edit(json!({"kind": "ship", "id": "D-42", "changes": {"stage": "x"}})), "input.kind", "ship"),
        (edit(json!({"kind": "deal", "id": "D-42", "changes": {}})), "input.changes", ""),
        (
            edit(json!({"kind": "deal", "id": "D-42", "changes": {"stage": "x"}, "org_id": "y"})),
            "input",
            "org_id",
        ),
        (edit(json!({"kind": "contact", "id": "C-7", "changes": {"title": "x"}})), "input", "modify_deals"),
        (edit(stage("[REDACTED:token]")), "input.changes.stage", "REDACTED"),
        (edit(stage("ghp_0123456789abcdefghijklmnopqrstuvwxyz")), "input", "secret"),
        (json!({"decision": "deny", "input": stage("x")}), "input", "denial"),
        (json!({"decision": "perhaps"}), "decision", ""),
        (json!({"decision": "deny", "reason": "x".repeat(2_001)}), "reason", "2000"),
        (json!({"decision": "deny", "reason": "[REDACTED:token]"}), "reason", "REDACTED"),
        (json!({"decision": "approve", "confirm": true}), "confirm", ""),
    ] {
        let problem = decide(&alice, &waiting.approval, body.clone()).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{body}: {problem}");
        assert!(
            problem["errors"][0]["error"].as_str().is_some_and(|error| error.contains(words)),
            "{problem}"
        );
    }
    assert_eq!(see(&alice, &waiting.approval).await["status"], "pending");
    // What is the same, byte for byte, is no edit.
    app.sim.push(Reply::text("Done."));
    decide(&alice, &waiting.approval, edit(stage("won"))).await.expect(202);
    goes_on(&alice, &waiting).await;
    assert_eq!(see(&alice, &waiting.approval).await.get("edited_input"), None);
}

#[tokio::test]
async fn an_approval_is_used_once() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let waiting = deal_waits(&app, &alice).await;
    app.sim.push(Reply::text("Moved."));
    let path = format!("/v1/approvals/{}", waiting.approval);
    let keyed = || {
        let request = alice.request(reqwest::Method::POST, &path).header("idempotency-key", "once");
        request.json(&json!({"decision": "approve"}))
    };
    let first = alice.send(keyed()).await.expect(202);
    let again = alice.send(keyed()).await.expect(202);
    assert_eq!((first.text, first.headers.get("location")), (again.text, again.headers.get("location")));
    for decision in ["approve", "deny"] {
        let late = decide(&alice, &waiting.approval, json!({"decision": decision})).await;
        late.problem(409, "already_decided");
    }
    goes_on(&alice, &waiting).await;
    decide(&alice, &waiting.approval, json!({"decision": "deny"})).await.problem(409, "already_decided");
    assert_eq!(app.database.count("select version from sixty.entities").await, 2, "changed once");
}

#[tokio::test]
async fn reads_go_on_and_writes_wait_behind_the_first_that_needs_a_person() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    let answer = Reply::text("I do four things.")
        .tool("add_note", note("Before"))
        .tool("update_entity", stage("won"))
        .tool("add_note", note("Behind"))
        .tool("get_entity", json!({"kind": "deal", "id": "D-42"}));
    let waiting = wait_in(&app, &alice, session, answer).await;
    let results = all(&waiting.frames, "tool_result");
    let done: Vec<&Value> = results.iter().map(|result| &result["name"]).collect();
    assert_eq!(done, ["add_note", "get_entity"]);
    let notes = "select count(*) from sixty.entity_notes";
    assert_eq!(app.database.count(notes).await, 1, "what stands behind waits");
    assert_eq!(alice.history(&waiting.session).await.len(), 2);
    app.sim.push(Reply::text("All done."));
    approve(&alice, &waiting.approval).await;
    let rest = goes_on(&alice, &waiting).await;
    let done: Vec<&Value> = all(&rest, "tool_result").iter().map(|result| &result["name"]).collect();
    assert_eq!(done, ["update_entity", "add_note"]);
    assert_eq!(app.database.count(notes).await, 2);
    // The results are one message, in the order of the calls.
    let sent = prompts(&app.sim);
    let blocks = last_blocks(&sent[1]);
    let words = ["Noted", "negotiation → won", "Noted", "stage negotiation"];
    assert_eq!(blocks.len(), 4);
    for (block, words) in blocks.iter().zip(words) {
        assert!(block["content"].as_str().is_some_and(|text| text.contains(words)), "{block}");
    }
    let used = end(&rest).data["tools_used"].as_array().map(Vec::len);
    assert_eq!(used, Some(4), "each call is counted once");
}

#[tokio::test]
async fn several_calls_of_one_answer_are_decided_one_by_one_or_together() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    set(&alice, json!({"preset": "conservative"})).await;
    let three = || {
        Reply::text("Three.")
            .tool("add_note", note("One"))
            .tool("update_entity", stage("won"))
            .tool("add_note", note("Three"))
    };
    let ids = |waiting: &super::desk::Waiting| -> Vec<String> {
        let asked = all(&waiting.frames, "approval_required");
        asked.iter().map(|asked| asked["approval_id"].as_str().expect("an id").to_owned()).collect()
    };
    let notes = "select count(*) from sixty.entity_notes";
    // The second is decided first: it waits for the first all the same.
    let session = alice.session().await;
    let waiting = wait_in(&app, &alice, session, three()).await;
    let [one, two, last] = &ids(&waiting)[..] else { panic!("three approvals") };
    approve(&alice, two).await;
    let rest = goes_on(&alice, &waiting).await;
    assert_eq!(end(&rest).data["status"], "waiting");
    assert_eq!(stage_of(&alice).await, "negotiation");
    approve(&alice, one).await;
    let after = rest.last().map(|frame| frame.id.as_str());
    let rest = alice.follow(&waiting.run, after).await.rest().await;
    assert_eq!((names(&rest), app.database.count(notes).await), (vec!["tool_result", "done"], 1));
    assert_eq!(stage_of(&alice).await, "won");
    app.sim.push(Reply::text("Two of three."));
    deny(&alice, last, "enough").await;
    let after = rest.last().map(|frame| frame.id.as_str());
    let rest = alice.follow(&waiting.run, after).await.rest().await;
    assert_eq!(
        (&end(&rest).data["status"], answers(&rest)),
        (&json!("done"), vec!["Two of three.".to_owned()])
    );
    let whole = alice.follow(&waiting.run, None).await.rest().await;
    assert_eq!((end(&whole).data["status"].as_str(), all(&whole, "tool_result").len()), (Some("done"), 3));

    // A batch says for each what came of it.
    let waiting = wait_for(&app, &alice, "add_note", note("Four")).await;
    let gone = uuid::Uuid::now_v7().to_string();
    app.sim.push(Reply::text("Four."));
    let batch = json!({"decisions": [
        {"id": gone, "decision": "approve"},
        {"id": waiting.approval, "decision": "approve"},
        {"id": one, "decision": "deny"},
        {"id": two, "decision": "approve", "input": {"text": "[REDACTED:x]"}},
    ]});
    let results = alice.post("/v1/approvals/batch", batch).await.expect(200).json()["results"].clone();
    let brief: Vec<(u64, &Value)> = results
        .as_array()
        .expect("a list")
        .iter()
        .map(|result| (result["status"].as_u64().expect("a status"), &result["problem"]["code"]))
        .collect();
    assert_eq!(
        brief,
        [
            (404, &json!("not_found")),
            (202, &Value::Null),
            (409, &json!("already_decided")),
            (422, &json!("validation_failed"))
        ]
    );
    assert_eq!((&results[1]["id"], &results[1]["run_id"]), (&json!(waiting.approval), &json!(waiting.run)));
    assert_eq!(end(&goes_on(&alice, &waiting).await).data["status"], "done");
    alice.post("/v1/approvals/batch", json!({"decisions": []})).await.problem(422, "validation_failed");
}
