//! What the copilot does with the sales record and with memory.

mod changes;

use model_sim::Reply;
use serde_json::{Value, json};

use crate::harness::{
    Person, TestApp,
    look::{all, end, prompts, result},
};

/// Has the model call a tool in a session; what the model was told, and whether it is an error.
async fn call_in(app: &TestApp, person: &Person, session: &str, reply: Reply) -> (String, bool) {
    app.sim.push(reply);
    app.sim.push(Reply::text("Done."));
    assert_eq!(end(&person.hear(session, "Do it").await).event, "done");
    result(prompts(&app.sim).last().expect("a prompt"), 0)
}

async fn call(app: &TestApp, person: &Person, tool: &str, args: Value) -> (String, bool) {
    let session = person.session().await;
    call_in(app, person, &session, Reply::call(tool, args)).await
}

#[track_caller]
fn refused((text, is_error): (String, bool), words: &[&str]) {
    assert!(is_error, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is missing: {text}");
    }
}

async fn memory(person: &Person, path: &str) -> Value {
    person.get(&format!("/v1/memory/{path}")).await.expect(200).json()
}

#[tokio::test]
async fn facts_are_filed_under_their_headings() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for (section, text) in [("Style", "Short answers"), ("People", "Dana signs"), ("style", "No jargon")] {
        let args = json!({"scope": "user", "section": section, "text": text});
        let (told, is_error) = call(&app, &alice, "memory_append", args).await;
        assert!(!is_error, "{told}");
    }
    let document = memory(&alice, "user").await;
    assert_eq!(document["content"], "## Style\n- Short answers\n- No jargon\n\n## People\n- Dana signs");
    assert_eq!((&document["version"], &document["updated_by"]), (&json!(3), &json!("alice")));
    let revisions = alice.get("/v1/memory/user/revisions").await.expect(200).json();
    assert!(revisions["data"][0]["run_id"].is_string(), "{revisions}");
}

#[tokio::test]
async fn what_is_known_or_does_not_fit_is_not_written() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.put("/v1/memory/user", json!({"content": "## Style\n- Short answers, please"})).await.expect(200);
    let known = json!({"scope": "user", "section": "Other", "text": "short answers please!"});
    refused(call(&app, &alice, "memory_append", known).await, &["Short answers, please", "memory_replace"]);
    let full = format!("## Notes\n- {}", "x".repeat(15_980));
    alice.put("/v1/memory/user", json!({"content": full})).await.expect(200);
    let more = json!({"scope": "user", "section": "Notes", "text": "One more fact that is too much"});
    refused(call(&app, &alice, "memory_append", more).await, &["16000", "Condense"]);
    assert_eq!(memory(&alice, "user").await["version"], 2);
}

#[tokio::test]
async fn a_passage_of_memory_is_replaced_or_removed() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.put("/v1/memory/user", json!({"content": "## A\n- one\n- two\n- one"})).await.expect(200);
    let replace = |old: &str, new: &str| json!({"scope": "user", "old": old, "new": new});
    let (told, is_error) = call(&app, &alice, "memory_replace", replace("- two", "- three")).await;
    assert!(!is_error, "{told}");
    assert_eq!(memory(&alice, "user").await["content"], "## A\n- one\n- three\n- one");
    let (told, is_error) = call(&app, &alice, "memory_replace", replace("\n- three", "")).await;
    assert!(!is_error, "{told}");
    refused(call(&app, &alice, "memory_replace", replace("- one", "x")).await, &["2 times"]);
    refused(call(&app, &alice, "memory_replace", replace("absent", "x")).await, &["no such passage"]);
    assert_eq!(memory(&alice, "user").await["content"], "## A\n- one\n- one");
}

#[tokio::test]
async fn organization_memory_is_proposed_and_not_written() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let append = json!({"scope": "org", "section": "Facts", "text": "We sell tea"});
    let replace = json!({"scope": "org", "old": "coffee", "new": "tea"});
    alice.put("/v1/memory/org", json!({"content": "We sell coffee"})).await.expect(200);
    for (tool, args) in [("memory_append", append), ("memory_replace", replace)] {
        let (told, is_error) = call(&app, &alice, tool, args).await;
        assert!(!is_error && told.contains("proposal") && told.contains("administrator"), "{told}");
    }
    // Nobody is asked about what cannot be done.
    let absent = json!({"scope": "org", "old": "milk", "new": "tea"});
    refused(call(&app, &alice, "memory_replace", absent).await, &["no such passage"]);
    assert_eq!(app.database.count("select count(*) from sixty.approvals").await, 2);
    assert_eq!(memory(&alice, "org").await["version"], 1);
}

#[tokio::test]
async fn entity_memory_is_that_of_the_session_or_of_the_one_that_is_named() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    alice.contact().await;
    let fact = json!({"scope": "entity", "section": "People", "text": "Dana signs"});
    refused(call(&app, &alice, "memory_append", fact.clone()).await, &["not bound"]);
    let bound = alice.session_with(json!({"entity": {"kind": "deal", "id": "D-42"}})).await;
    let (told, is_error) = call_in(&app, &alice, &bound, Reply::call("memory_append", fact)).await;
    assert!(!is_error, "{told}");
    assert_eq!(memory(&app.bob(), "entities/deal/D-42").await["content"], "## People\n- Dana signs");
    let named = |id: &str| json!({"scope": "entity", "section": "Style", "text": "Calls on Mondays", "kind": "contact", "id": id});
    let (told, is_error) = call_in(&app, &alice, &bound, Reply::call("memory_append", named("C-7"))).await;
    assert!(!is_error, "{told}");
    assert_eq!(memory(&alice, "entities/contact/C-7").await["version"], 1);
    refused(call(&app, &alice, "memory_append", named("C-8")).await, &["no contact"]);
}

#[tokio::test]
async fn records_are_found_and_looked_up_with_their_notes_and_memory() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    alice.contact().await;
    let (told, _) = call(&app, &alice, "find_entities", json!({"query": "acme"})).await;
    assert!(told.contains("deal D-42: Acme renewal") && told.contains("48,000 EUR"), "{told}");
    let (told, _) = call(&app, &alice, "find_entities", json!({"query": "acme", "kind": "contact"})).await;
    assert!(told.contains("C-7") && !told.contains("D-42"), "{told}");
    let (told, _) = call(&app, &alice, "find_entities", json!({"query": "100%_\\"})).await;
    assert!(told.contains("Nothing on record"), "{told}");
    call(&app, &alice, "add_note", json!({"kind": "deal", "id": "D-42", "text": "Wants a discount"})).await;
    alice.put("/v1/memory/entities/deal/D-42", json!({"content": "Dana decides."})).await.expect(200);
    let (told, _) = call(&app, &alice, "get_entity", json!({"kind": "deal", "id": "D-42"})).await;
    for words in ["stage negotiation", "by alice: Wants a discount", "memory:\nDana decides."] {
        assert!(told.contains(words), "{told}");
    }
    let notes = app.bob().get("/v1/entities/deal/D-42/notes").await.expect(200).json();
    assert_eq!(
        (&notes["data"][0]["text"], &notes["data"][0]["author"]),
        (&json!("Wants a discount"), &json!("alice"))
    );
}

#[tokio::test]
async fn records_are_changed_where_the_organization_lets_its_copilots() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    alice.contact().await;
    alice.put("/v1/admin/permissions", json!({"preset": "autonomous"})).await.expect(200);
    let change = |kind: &str, id: &str, changes: Value| json!({"kind": kind, "id": id, "changes": changes});
    let good = change("contact", "C-7", json!({"title": "Head of buying", "email": null}));
    let (told, is_error) = call(&app, &alice, "update_entity", good).await;
    assert!(!is_error && told.contains("title: Buyer → Head of buying"), "{told}");
    let contact = alice.get("/v1/entities/contact/C-7").await.expect(200).json();
    assert_eq!((&contact["title"], contact.get("email")), (&json!("Head of buying"), None));
    let deal = change("deal", "D-42", json!({"stage": "won"}));
    let (told, is_error) = call(&app, &alice, "update_entity", deal).await;
    assert!(!is_error && told.contains("stage: negotiation → won"), "{told}");
    assert_eq!(alice.get("/v1/entities/deal/D-42").await.expect(200).json()["stage"], "won");
}

#[tokio::test]
async fn a_change_that_cannot_be_made_is_refused_at_once_whoever_would_decide() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    alice.contact().await;
    for preset in ["conservative", "balanced", "autonomous"] {
        alice.put("/v1/admin/permissions", json!({ "preset": preset })).await.expect(200);
        for (kind, id, changes, words) in [
            (
                "contact",
                "C-7",
                json!({"email": "no address", "shoe_size": 43}),
                ["email must be", "shoe_size is not"],
            ),
            ("deal", "D-42", json!({"amount": -1}), ["amount must be", "Nothing was changed"]),
            ("contact", "C-9", json!({"title": "x"}), ["no contact", "C-9"]),
        ] {
            let args = json!({"kind": kind, "id": id, "changes": changes});
            refused(call(&app, &alice, "update_entity", args).await, &words);
        }
    }
    assert_eq!(app.database.count("select count(*) from sixty.approvals").await, 0);
}

#[tokio::test]
async fn a_mark_of_a_removed_secret_is_no_value() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.contact().await;
    let mark = "key [REDACTED:secret]";
    for (tool, args) in [
        ("add_note", json!({"kind": "contact", "id": "C-7", "text": mark})),
        ("update_entity", json!({"kind": "contact", "id": "C-7", "changes": {"title": mark}})),
        ("memory_append", json!({"scope": "user", "section": "Keys", "text": mark})),
    ] {
        refused(call(&app, &alice, tool, args).await, &["[REDACTED] mark"]);
    }
}

#[tokio::test]
async fn bad_arguments_go_back_to_the_model_with_the_field() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    for (reply, words) in [
        (Reply::call("get_entity", json!({"kind": "deal"})), ["\"id\" is a required", "get_entity"]),
        (Reply::call("get_entity", json!({"kind": "ship", "id": "1"})), ["kind: ", "ship"]),
        (
            Reply::call("get_entity", json!({"kind": "deal", "id": "D-42", "org_id": "x"})),
            ["org_id", "not valid"],
        ),
        (Reply::call("delete_everything", json!({})), ["There is no tool", "get_entity"]),
        (Reply::message().tool_raw("get_entity", r#"{"kind": "deal", "id"#), ["get_entity", "not valid"]),
        (Reply::message().tool_raw("get_entity", "[1]"), ["get_entity", "not valid"]),
    ] {
        refused(call_in(&app, &alice, &session, reply).await, &words);
    }
    let string = Value::from(r#"{"kind": "deal", "id": "D-42"}"#).to_string();
    let (told, is_error) =
        call_in(&app, &alice, &session, Reply::message().tool_raw("get_entity", string)).await;
    assert!(!is_error && told.contains("Acme renewal"), "{told}");
}

#[tokio::test]
async fn runs_of_readonly_members_only_read() {
    let app = TestApp::start().await;
    let (alice, rita) = (app.alice(), app.rita());
    alice.deal().await;
    let note = json!({"kind": "deal", "id": "D-42", "text": "I was here"});
    refused(call(&app, &rita, "add_note", note).await, &["There is no tool", "add_note"]);
    let sent = prompts(&app.sim);
    let offered: Vec<&Value> =
        sent[0].json()["tools"].as_array().expect("a list").iter().map(|tool| &tool["name"]).collect();
    let reading = [
        "ask_user",
        "draft_email",
        "execute_action",
        "find_entities",
        "get_company_status",
        "get_contact",
        "get_contacts_needing_attention",
        "get_deal",
        "get_deal_activities",
        "get_entity",
        "get_meetings",
        "get_meetings_for_period",
        "get_next_meeting",
        "get_pipeline_deals",
        "get_pipeline_summary",
        "get_skill",
        "list_schedules",
        "list_skills",
        "list_tasks",
        "read_archive",
        "recall",
        "resolve_entity",
        "search_emails",
        "search_meeting_context",
        "show_card",
    ];
    assert_eq!(offered, reading);
    let (told, is_error) = call(&app, &rita, "get_entity", json!({"kind": "deal", "id": "D-42"})).await;
    assert!(!is_error && told.contains("Acme renewal"), "{told}");
    assert_eq!(app.database.count("select count(*) from sixty.entity_notes").await, 0);
}

#[tokio::test]
async fn what_another_organization_has_does_not_exist() {
    let app = TestApp::start().await;
    let (alice, mallory) = (app.alice(), app.stranger());
    alice.deal().await;
    alice.contact().await;
    for (tool, args) in [
        ("get_entity", json!({"kind": "deal", "id": "D-42"})),
        ("update_entity", json!({"kind": "contact", "id": "C-7", "changes": {"title": "x"}})),
        ("add_note", json!({"kind": "deal", "id": "D-42", "text": "x"})),
        (
            "memory_append",
            json!({"scope": "entity", "section": "a", "text": "b", "kind": "deal", "id": "D-42"}),
        ),
        ("memory_replace", json!({"scope": "entity", "old": "a", "new": "b", "kind": "deal", "id": "D-42"})),
    ] {
        let unknown = args.to_string().replace("D-42", "D-00").replace("C-7", "C-0");
        let unknown = serde_json::from_str(&unknown).expect("JSON");
        let foreign = call(&app, &mallory, tool, args).await;
        let absent = call(&app, &mallory, tool, unknown).await;
        assert!(foreign.1, "{foreign:?}");
        assert_eq!(foreign.0.replace("D-42", "D-00").replace("C-7", "C-0"), absent.0);
    }
    let (told, _) = call(&app, &mallory, "find_entities", json!({"query": "acme"})).await;
    assert!(told.contains("Nothing on record"), "{told}");
    let session = mallory.session().await;
    app.sim.push(Reply::text("Hello."));
    assert!(all(&mallory.hear(&session, "Hi").await, "tool_start").is_empty());
    for request in prompts(&app.sim) {
        assert!(!String::from_utf8_lossy(&request.body).contains("Acme renewal"));
    }
}
