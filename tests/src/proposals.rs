//! What copilots want to remember and may not by themselves: how it is shown, who decides,
//! and what comes of it.

use chrono::{DateTime, Duration, Utc};
use model_sim::Reply;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    Answer, Frame, Person, TestApp,
    look::{all, end},
};

const PATH: &str = "/v1/memory/proposals";

fn org(text: &str) -> Value {
    json!({"scope": "org", "section": "Facts", "text": text})
}

fn user(text: &str) -> Value {
    json!({"scope": "user", "section": "Style", "text": text})
}

/// Has the model call a tool after the person has looked at a mail; the run's events.
async fn shown_a_mail(app: &TestApp, person: &Person, tool: &str, args: Value) -> Vec<Frame> {
    let session = person.session().await;
    app.sim.push(Reply::call(tool, args));
    app.sim.push(Reply::text("I proposed it."));
    let view = json!({"text": "Read it", "context": {"view": {"mail": "Dear all, please note"}}});
    let frames = person.say_with(&session, &view).await.rest().await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    frames
}

/// A proposal of a fact; its id.
async fn propose(app: &TestApp, person: &Person, tool: &str, args: Value) -> String {
    let frames = shown_a_mail(app, person, tool, args).await;
    let told = all(&frames, "memory_written");
    assert!(told[0].get("version").is_none(), "{told:?}");
    told[0]["proposal_id"].as_str().expect("an id").to_owned()
}

async fn list(person: &Person, query: &str) -> Vec<Value> {
    let listed = person.get(&format!("{PATH}{query}")).await.expect(200).json();
    listed["data"].as_array().expect("a list").clone()
}

async fn see(person: &Person, id: &str) -> Value {
    let found = list(person, "").await.into_iter().find(|proposal| proposal["id"] == id);
    found.unwrap_or_else(|| panic!("{id} is not listed"))
}

async fn decide(person: &Person, id: &str, body: Value) -> Answer {
    person.post(&format!("{PATH}/{id}"), body).await
}

/// Accepts, and waits for the run that carries it out; its events, as its owner sees them.
async fn accept(decider: &Person, owner: &Person, id: &str, mut body: Value) -> Vec<Frame> {
    body["decision"] = "approve".into();
    let run = decide(decider, id, body).await.expect(202).json()["run_id"].clone();
    let frames = owner.follow(run.as_str().expect("an id"), None).await.rest().await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    frames
}

#[tokio::test]
async fn a_proposal_shows_what_it_would_do_to_the_document_as_it_stands() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    alice.put("/v1/memory/org", json!({"content": "## Facts\n- We sell coffee"})).await.expect(200);
    let id = propose(&app, &bob, "memory_append", org("We sell tea")).await;
    for person in [&alice, &bob] {
        let shown = see(person, &id).await;
        let told = |name: &str| shown[name].clone();
        assert_eq!(told("proposed"), json!({"change": "append", "section": "Facts", "text": "We sell tea"}));
        assert_eq!(told("why"), json!(["untrusted_content", "organization_memory"]));
        assert_eq!((told("status"), told("scope")), (json!("pending"), json!("org")));
        assert_eq!((told("decider"), told("requested_by")), (json!("admin"), json!("bob")));
        assert_eq!(told("blocking"), false);
        assert!(told("run_id").is_string() && told("session_id").is_string(), "{shown}");
        let change = json!({"section": "## Facts", "removed": [], "added": ["- We sell tea"]});
        let content = "## Facts\n- We sell coffee\n- We sell tea";
        assert_eq!(told("outlook"), json!({"version": 1, "content": content, "change": change}));
        let preview = json!({"kind": "memory", "scope": "org", "version": 1, "section": "## Facts",
            "removed": [], "added": ["- We sell tea"]});
        assert_eq!(told("preview"), preview);
    }
    // The document moves on, and so does the outlook; what was shown at first stays.
    alice.put("/v1/memory/org", json!({"content": "## Facts\n- We sell cake"})).await.expect(200);
    let shown = see(&alice, &id).await;
    assert_eq!(shown["outlook"]["version"], 2);
    assert_eq!(shown["outlook"]["content"], "## Facts\n- We sell cake\n- We sell tea");
    assert_eq!(shown["preview"]["version"], 1);
    // Colleagues of the one who is asked see nothing of it.
    let mel = app.replica.person("acme", "mel", "member");
    assert_eq!(list(&mel, "").await, Vec::<Value>::new());
    decide(&mel, &id, json!({"decision": "deny"})).await.problem(404, "not_found");
    app.stranger().post(&format!("{PATH}/{id}"), json!({"decision": "deny"})).await.problem(404, "not_found");
}

#[tokio::test]
async fn what_an_administrator_accepts_is_written_with_its_whole_provenance() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    let id = propose(&app, &bob, "memory_append", org("We sell tea")).await;
    decide(&bob, &id, json!({"decision": "approve"})).await.problem(403, "forbidden");
    let frames = accept(&alice, &bob, &id, json!({})).await;
    let written = all(&frames, "memory_written");
    assert_eq!((&written[0]["version"], &written[0]["proposal_id"]), (&json!(1), &json!(id)));
    let revisions = alice.get("/v1/memory/org/revisions").await.expect(200).json();
    let revision = &revisions["data"][0];
    assert_eq!(revision["content"], "## Facts\n- We sell tea");
    assert_eq!((&revision["written_by"], &revision["accepted_by"]), (&json!("bob"), &json!("alice")));
    assert_eq!((&revision["proposal_id"], &revision["step"]), (&json!(id), &json!(1)));
    let shown = see(&alice, &id).await;
    assert_eq!((&shown["status"], &shown["decision_run_id"]), (&json!("executed"), &revision["run_id"]));
    assert_eq!((&shown["decided_by"], shown.get("outlook")), (&json!("alice"), None));
    decide(&alice, &id, json!({"decision": "deny"})).await.problem(409, "already_decided");
}

#[tokio::test]
async fn a_revision_says_which_step_of_which_run_wrote_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    app.sim.push(Reply::call("find_entities", json!({"query": "acme"})));
    app.sim.push(Reply::call("memory_append", user("Short answers")));
    app.sim.push(Reply::text("Noted."));
    let frames = alice.hear(&session, "Short, please").await;
    let written = all(&frames, "memory_written");
    assert_eq!((&written[0]["version"], written[0].get("proposal_id")), (&json!(1), None));
    let revisions = alice.get("/v1/memory/user/revisions").await.expect(200).json();
    let revision = &revisions["data"][0];
    // A question, its results, a second question, and now its results.
    assert_eq!((&revision["run_id"], &revision["step"]), (&frames[0].data["run_id"], &json!(4)));
    assert_eq!((revision.get("accepted_by"), revision.get("proposal_id")), (None, None));
    let step = "select count(*) from sixty.copilot_memory_revisions v join sixty.steps s
        on s.org_id = v.org_id and s.run_id = v.run_id and s.seq = v.step_seq and s.kind = 'tools'";
    assert_eq!(app.database.count(step).await, 1, "the step is in the log");
    alice.put("/v1/memory/user", json!({"content": "Mine."})).await.expect(200);
    let revisions = alice.get("/v1/memory/user/revisions").await.expect(200).json();
    for member in ["run_id", "step", "accepted_by", "proposal_id"] {
        assert_eq!(revisions["data"][0].get(member), None, "a person wrote it");
    }
}

#[tokio::test]
async fn a_persons_memory_is_proposed_to_that_person_alone() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    let id = propose(&app, &bob, "memory_append", user("Short answers")).await;
    assert_eq!(list(&alice, "").await, Vec::<Value>::new());
    decide(&alice, &id, json!({"decision": "approve"})).await.problem(404, "not_found");
    let shown = see(&bob, &id).await;
    assert_eq!((&shown["decider"], &shown["why"]), (&json!("requester"), &json!(["untrusted_content"])));
    accept(&bob, &bob, &id, json!({})).await;
    let memory = bob.get("/v1/memory/user").await.expect(200).json();
    assert_eq!(memory["content"], "## Style\n- Short answers");
}

#[tokio::test]
async fn an_administrator_who_decides_about_a_persons_memory_does_not_see_it() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    let rows = json!([{"action": "write_user_memory", "policy": "suggest", "decider": "admin"}]);
    alice.put("/v1/admin/permissions", json!({"preset": "balanced", "rows": rows})).await.expect(200);
    bob.put("/v1/memory/user", json!({"content": "Hates mornings."})).await.expect(200);
    alice.put("/v1/memory/user", json!({"content": "Loves mornings."})).await.expect(200);
    let session = bob.session().await;
    app.sim.push(Reply::call("memory_append", user("Short answers")));
    app.sim.push(Reply::text("I proposed it."));
    bob.hear(&session, "Short, please").await;
    let listed = alice.get(PATH).await.expect(200);
    assert!(listed.text.contains("Short answers") && !listed.text.contains("mornings"), "{listed:?}");
    let proposal = &listed.json()["data"][0];
    assert_eq!((&proposal["why"], proposal.get("outlook")), (&json!(["policy"]), None));
    let id = proposal["id"].as_str().expect("an id");
    assert!(see(&bob, id).await["outlook"]["content"].as_str().is_some_and(|it| it.starts_with("Hates")));
    accept(&alice, &bob, id, json!({})).await;
    let memory = async |person: &Person| person.get("/v1/memory/user").await.expect(200).json();
    assert_eq!(memory(&bob).await["content"], "Hates mornings.\n\n## Style\n- Short answers");
    assert_eq!(memory(&alice).await["content"], "Loves mornings.");
}

#[tokio::test]
async fn what_does_not_fit_any_more_is_refused_with_a_sentence_and_stays_open() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.put("/v1/memory/org", json!({"content": "We sell tea and cake"})).await.expect(200);
    let replace = json!({"scope": "org", "old": "tea", "new": "coffee"});
    let replaced = propose(&app, &alice, "memory_replace", replace).await;
    let shown = see(&alice, &replaced).await;
    let change = json!({"removed": ["We sell tea and cake"], "added": ["We sell coffee and cake"]});
    assert_eq!(shown["outlook"]["change"], change);
    assert_eq!(shown["proposed"], json!({"change": "replace", "old": "tea", "new": "coffee"}));
    let added = propose(&app, &alice, "memory_append", org("We never sell milk")).await;
    alice.put("/v1/memory/org", json!({"content": "- We never sell milk"})).await.expect(200);
    for (id, words) in [(&replaced, "does not have the passage"), (&added, "says so already")] {
        let problem = see(&alice, id).await["outlook"]["problem"].clone();
        assert!(problem.as_str().is_some_and(|problem| problem.contains(words)), "{problem}");
        for path in [format!("{PATH}/{id}"), format!("/v1/approvals/{id}")] {
            let refused = alice.post(&path, json!({"decision": "approve"})).await;
            assert_eq!(refused.problem(409, "proposal_outdated")["detail"], problem);
        }
    }
    // Nothing was used up: one is turned down, the other accepted in other words.
    decide(&alice, &replaced, json!({"decision": "deny", "reason": "too late"})).await.expect(202);
    accept(&alice, &alice, &added, json!({"text": "Cake is only for members"})).await;
    let memory = alice.get("/v1/memory/org").await.expect(200).json();
    assert_eq!(memory["content"], "- We never sell milk\n\n## Facts\n- Cake is only for members");
    let shown = see(&alice, &added).await;
    let edited = json!({"change": "append", "section": "Facts", "text": "Cake is only for members"});
    assert_eq!((&shown["edited"], &shown["proposed"]["text"]), (&edited, &json!("We never sell milk")));
    assert_eq!(see(&alice, &replaced).await["reason"], "too late");
}

#[tokio::test]
async fn other_words_are_held_to_what_the_tool_takes() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.put("/v1/memory/org", json!({"content": "We sell tea"})).await.expect(200);
    let id = propose(&app, &alice, "memory_append", org("Open on Sundays")).await;
    let key = format!("sk-ant-api03-{}", "aB3dE5".repeat(8));
    for (body, field) in [
        (json!({"decision": "approve", "text": " "}), "text"),
        (json!({"decision": "approve", "text": "x".repeat(2_001)}), "text"),
        (json!({"decision": "approve", "text": key}), "text"),
        (json!({"decision": "approve", "text": "a [REDACTED:key]"}), "text"),
        (json!({"decision": "deny", "text": "Open"}), "text"),
        (json!({"decision": "approve", "text": 7}), "text"),
        (json!({"decision": "approve", "text": "a\u{0}b"}), "text"),
        (json!({"decision": "approve", "input": {}}), "input"),
        (json!({"decision": "later"}), "decision"),
        (json!({"decision": "deny", "reason": "x".repeat(2_001)}), "reason"),
    ] {
        let refused = decide(&alice, &id, body.clone()).await;
        assert_eq!(refused.problem(422, "validation_failed")["errors"][0]["field"], field, "{body}");
    }
    assert_eq!(see(&alice, &id).await["status"], "pending");
    // A replacement may take a passage away.
    let replace = json!({"scope": "org", "old": "We sell tea", "new": "We sell coffee"});
    let gone = propose(&app, &alice, "memory_replace", replace).await;
    accept(&alice, &alice, &gone, json!({"text": ""})).await;
    assert_eq!(alice.get("/v1/memory/org").await.expect(200).json()["content"], "");
}

#[tokio::test]
async fn only_what_would_write_memory_is_a_proposal() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.contact().await;
    let session = alice.session().await;
    let change = json!({"kind": "contact", "id": "C-7", "changes": {"title": "CEO"}});
    app.sim.push(Reply::call("update_entity", change));
    app.sim.push(Reply::text("I proposed it."));
    let frames = alice.hear(&session, "She is CEO now").await;
    assert!(all(&frames, "memory_written").is_empty());
    let id = all(&frames, "approval_required")[0]["approval_id"].as_str().expect("an id").to_owned();
    assert_eq!(list(&alice, "").await, Vec::<Value>::new());
    decide(&alice, &id, json!({"decision": "approve"})).await.problem(404, "not_found");
    assert_eq!(alice.get(&format!("/v1/approvals/{id}")).await.expect(200).json()["untrusted"], false);
}

#[tokio::test]
async fn proposals_are_listed_by_status_page_by_page() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let mut ids = Vec::new();
    for text in ["We sell tea", "Open on Sundays", "Cake is for members"] {
        ids.push(propose(&app, &alice, "memory_append", org(text)).await);
    }
    decide(&alice, &ids[1], json!({"decision": "deny"})).await.expect(202);
    let of = async |query: &str| -> Vec<Value> {
        list(&alice, query).await.iter().map(|proposal| proposal["id"].clone()).collect()
    };
    assert_eq!(of("?status=pending").await, [json!(ids[2]), json!(ids[0])]);
    assert_eq!(of("?status=denied").await, [json!(ids[1])]);
    let page = alice.get(&format!("{PATH}?limit=2")).await.expect(200).json();
    assert_eq!((&page["data"][0]["id"], &page["data"][1]["id"]), (&json!(ids[2]), &json!(ids[1])));
    let cursor = page["next_cursor"].as_str().expect("one more");
    assert_eq!(of(&format!("?limit=2&cursor={cursor}")).await, [json!(ids[0])]);
    for query in ["?status=open", "?limit=0", "?limit=101", "?limit=x", "?cursor=x", "?status=%00"] {
        alice.get(&format!("{PATH}{query}")).await.expect(422);
    }
}

#[tokio::test]
async fn a_repeated_decision_is_answered_as_the_first() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let id = propose(&app, &alice, "memory_append", org("We sell tea")).await;
    let send = async |body: Value| {
        let request = alice.request(Method::POST, &format!("{PATH}/{id}")).header("idempotency-key", "once");
        alice.send(request.json(&body)).await
    };
    let first = send(json!({"decision": "approve"})).await.expect(202).json();
    assert_eq!(send(json!({"decision": "approve"})).await.expect(202).json(), first);
    send(json!({"decision": "deny"})).await.problem(422, "idempotency_mismatch");
}

#[tokio::test]
async fn proposals_to_memory_can_be_decided_for_thirty_days_and_other_calls_for_one() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let lasts = |proposal: &Value| {
        let time =
            |name: &str| proposal[name].as_str().expect("a time").parse::<DateTime<Utc>>().expect("a time");
        time("expires_at") - time("created_at")
    };
    let id = propose(&app, &alice, "memory_append", org("We sell tea")).await;
    assert_eq!(lasts(&see(&alice, &id).await), Duration::days(30));
    // A run that waits does so for a day.
    let rows = json!([{"action": "write_user_memory", "policy": "approve"}]);
    alice.put("/v1/admin/permissions", json!({"preset": "balanced", "rows": rows})).await.expect(200);
    let session = alice.session().await;
    app.sim.push(Reply::call("memory_append", user("Short answers")));
    assert_eq!(end(&alice.hear(&session, "Short, please").await).data["status"], "waiting");
    let waiting = list(&alice, "").await[0].clone();
    assert_eq!((&waiting["blocking"], &waiting["why"]), (&json!(true), &json!(["policy"])));
    assert_eq!(lasts(&waiting), Duration::days(1));
}

#[tokio::test]
async fn readonly_members_write_no_memory_by_any_route_or_tool() {
    let app = TestApp::start().await;
    let (alice, rita) = (app.alice(), app.rita());
    alice.deal().await;
    let paths = ["/v1/memory/org", "/v1/memory/user", "/v1/memory/entities/deal/D-42"];
    for path in paths {
        alice.put(path, json!({"content": "We sell tea"})).await.expect(200);
        rita.put(path, json!({"content": "Mine"})).await.problem(403, "forbidden");
        rita.post(&format!("{path}/revert"), json!({"version": 1})).await.problem(403, "forbidden");
        rita.get(path).await.expect(200);
    }
    let session = rita.session_with(json!({"entity": {"kind": "deal", "id": "D-42"}})).await;
    for scope in ["org", "user", "entity"] {
        for (tool, args) in [
            ("memory_append", json!({"scope": scope, "section": "Facts", "text": "Obey"})),
            ("memory_replace", json!({"scope": scope, "old": "tea", "new": "milk"})),
        ] {
            app.sim.push(Reply::call(tool, args));
            app.sim.push(Reply::text("I cannot."));
            let frames = rita.hear(&session, "Remember it").await;
            let told = &all(&frames, "tool_result")[0]["error"];
            assert!(told.as_str().is_some_and(|told| told.contains("There is no tool")), "{frames:#?}");
        }
    }
    // What was proposed to somebody who may only read by now is not accepted any more.
    let bob = app.bob();
    let id = propose(&app, &bob, "memory_append", user("Short answers")).await;
    let reader = bob.with_token(app.replica.person("acme", "bob", "readonly").token);
    decide(&reader, &id, json!({"decision": "approve"})).await.problem(403, "forbidden");
    decide(&reader, &id, json!({"decision": "approve", "text": "Long"})).await.problem(403, "forbidden");
    assert_eq!(see(&reader, &id).await["status"], "pending");
    let written = "select count(*) from sixty.copilot_memory_revisions where run_id is not null";
    assert_eq!(app.database.count(written).await, 0);
    let all_of_them = "select count(*) from sixty.copilot_memory_revisions";
    assert_eq!(app.database.count(all_of_them).await, 3, "alice's own");
}
