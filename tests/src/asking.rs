//! The copilot asks its person, and goes on with what they say.

use model_sim::Reply;
use serde_json::{Value, json};

use crate::{
    approvals::desk::tamper,
    harness::{
        Frame, Person, TestApp, eventually,
        look::{all, answers, end, last_blocks, messages, names, prompts, result, run_of},
    },
};

const QUESTION: &str = "Which Dana do you mean?";

fn which() -> Value {
    json!({"question": QUESTION, "options": ["Dana Roe", "Dana Reed"]})
}

/// A question that waits.
struct Asked {
    session: String,
    run: String,
    id: String,
    frames: Vec<Frame>,
}

impl Asked {
    fn path(&self) -> String {
        format!("/v1/questions/{}", self.id)
    }

    async fn rest(&self, person: &Person) -> Vec<Frame> {
        let last = &self.frames.last().expect("a frame").id;
        person.follow(&self.run, Some(last)).await.rest().await
    }
}

async fn asked(app: &TestApp, person: &Person, arguments: Value) -> Asked {
    asked_in(app, person, person.session().await, Reply::call("ask_user", arguments)).await
}

async fn asked_in(app: &TestApp, person: &Person, session: String, reply: Reply) -> Asked {
    app.sim.push(reply);
    let frames = person.hear(&session, "Write to Dana").await;
    assert_eq!(end(&frames).data["status"], "waiting", "{frames:#?}");
    let id = all(&frames, "question")[0]["question_id"].as_str().expect("an id").to_owned();
    Asked { session, run: run_of(&frames), id, frames }
}

async fn status(person: &Person, path: &str) -> String {
    person.get(path).await.expect(200).json()["status"].as_str().expect("a status").to_owned()
}

#[tokio::test]
async fn a_question_ends_the_stream_and_its_answer_lets_the_same_run_go_on() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let asked = asked(&app, &alice, which()).await;
    assert_eq!(names(&asked.frames), ["run_started", "message_complete", "tool_start", "question", "done"]);
    let event = all(&asked.frames, "question")[0];
    assert_eq!(
        (&event["question"], &event["options"]),
        (&json!(QUESTION), &json!(["Dana Roe", "Dana Reed"]))
    );
    assert!(event.get("multiple").is_none(), "what is left out is not null");
    assert_eq!(status(&alice, &format!("/v1/runs/{}", asked.run)).await, "waiting");

    app.sim.push(Reply::text("To Dana Reed, then."));
    let body = json!({"answer": "Dana Reed"});
    let answered = alice.post(&asked.path(), body.clone()).await.expect(202);
    assert_eq!(answered.json()["run_id"], asked.run.as_str());
    assert_eq!(answered.header("location"), format!("/v1/runs/{}", asked.run));
    let rest = asked.rest(&alice).await;
    assert_eq!(names(&rest), ["tool_result", "token", "message_complete", "done"]);
    assert_eq!(answers(&rest), ["To Dana Reed, then."]);
    let sent = prompts(&app.sim);
    assert_eq!(
        result(&sent[1], 0),
        (format!("You asked: {QUESTION}\nThe person answered: Dana Reed"), false)
    );
    assert_eq!(messages(&sent[1]).len(), 3, "the question, the call, its result");

    let stored = alice.get(&asked.path()).await.expect(200).json();
    assert_eq!((&stored["status"], &stored["answer"]), (&json!("answered"), &json!(["Dana Reed"])));
    alice.post(&asked.path(), body).await.problem(409, "already_answered");
    let kinds: Vec<Value> =
        alice.history(&asked.session).await.iter().map(|m| m["content"][0]["type"].clone()).collect();
    assert_eq!(kinds, ["text", "tool_use", "tool_result", "text"]);
}

#[tokio::test]
async fn whoever_comes_back_to_the_page_finds_the_question_that_is_open() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let asked = asked(&app, &alice, which()).await;
    let listed = alice
        .get(&format!("/v1/questions?status=open&session_id={}", asked.session))
        .await
        .expect(200)
        .json();
    let [question] = &listed["data"].as_array().expect("a list")[..] else { panic!("{listed}") };
    assert_eq!(question["id"], asked.id.as_str());
    assert_eq!(question["question"], QUESTION);
    assert_eq!(question["run_id"], asked.run.as_str());
    assert!(question.get("answer").is_none() && question.get("answered_at").is_none(), "{question}");
    let history = alice.history(&asked.session).await;
    assert_eq!(question["tool_call_id"], history[1]["content"][0]["id"]);
    assert_eq!(alice.get("/v1/questions?status=answered").await.expect(200).json()["data"], json!([]));
}

#[tokio::test]
async fn several_options_are_chosen_where_several_fit() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let one = asked(&app, &alice, which()).await;
    let refused = alice.post(&one.path(), json!({"answer": ["Dana Roe", "Dana Reed"]})).await;
    assert_eq!(refused.problem(422, "validation_failed")["errors"][0]["field"], "answer");
    let whom = json!({"question": "Whom?", "options": ["Roe", "Reed", "Ray"], "multiple": true});
    let several = asked(&app, &alice, whom).await;
    assert_eq!(all(&several.frames, "question")[0]["multiple"], true);
    app.sim.push(Reply::text("Both."));
    alice.post(&several.path(), json!({"answer": ["Roe", "somebody else"]})).await.expect(202);
    several.rest(&alice).await;
    let sent = prompts(&app.sim);
    let (told, _) = result(sent.last().expect("a prompt"), 0);
    assert!(told.ends_with("The person answered:\n- Roe\n- somebody else"), "{told}");
}

#[tokio::test]
async fn the_next_message_is_the_answer_and_the_conversation_goes_on_with_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let asked = asked(&app, &alice, which()).await;
    app.sim.push(Reply::text("Reed it is."));
    let next = alice.hear(&asked.session, "The second one").await;
    assert_eq!((answers(&next), run_of(&next) == asked.run), (vec!["Reed it is.".to_owned()], false));
    let sent = prompts(&app.sim);
    let prompt = messages(&sent[1]);
    let roles: Vec<&Value> = prompt.iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"]);
    let told = prompt[2]["content"][0]["content"].as_str().expect("a text");
    assert!(told.starts_with("The person went on with another message"), "{told}");
    let blocks = last_blocks(&sent[1]);
    assert_eq!(blocks.last().expect("a block")["text"], "The second one");

    // The run that asked has ended, and says so to whoever reads on.
    assert_eq!(status(&alice, &format!("/v1/runs/{}", asked.run)).await, "done");
    assert_eq!(status(&alice, &asked.path()).await, "overtaken");
    let rest = asked.rest(&alice).await;
    assert_eq!(names(&rest), ["tool_result", "done"]);
    assert_eq!(end(&rest).data["status"], "done");
    let whole = alice.follow(&asked.run, None).await.rest().await;
    assert_eq!(end(&whole).data["status"], "done", "one end: {whole:#?}");
    alice.post(&asked.path(), json!({"answer": "Roe"})).await.problem(409, "question_overtaken");

    // Each call has its result, whatever is said later, and the bytes stay.
    app.sim.push(Reply::text("Bye."));
    alice.hear(&asked.session, "Thanks").await;
    let sent = prompts(&app.sim);
    let [.., before, after] = &sent[..] else { panic!("three prompts") };
    let unmarked = |prompt: &[Value]| {
        let text = serde_json::to_string(prompt).expect("JSON");
        text.replace(r#""cache_control":{"type":"ephemeral"},"#, "")
    };
    let (before, after) = (unmarked(messages(before)), unmarked(messages(after)));
    assert!(after.starts_with(before.trim_end_matches(']')), "{before}\n{after}");
    let history = alice.history(&asked.session).await;
    assert_eq!(history[2]["content"][0]["type"], "tool_result");
    assert_eq!(history[2]["run_id"], asked.run.as_str());
}

#[tokio::test]
async fn what_the_other_calls_of_the_answer_brought_is_kept_when_the_next_message_comes() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let look = json!({"kind": "deal", "id": "D-42"});
    let note = json!({"kind": "deal", "id": "D-42", "text": "Dana called."});
    let reply = Reply::call("get_entity", look).tool("ask_user", which()).tool("add_note", note);
    let asked = asked_in(&app, &alice, alice.session().await, reply).await;
    app.sim.push(Reply::text("Fine."));
    alice.hear(&asked.session, "Never mind").await;
    let sent = prompts(&app.sim);
    let results = messages(&sent[1])[2]["content"].as_array().expect("blocks");
    let texts: Vec<&str> = results.iter().map(|block| block["content"].as_str().expect("a text")).collect();
    assert!(texts[0].contains("Acme renewal"), "{texts:?}");
    assert!(texts[2].contains("not carried out") && results[2]["is_error"] == true, "{texts:?}");
    let notes = alice.get("/v1/entities/deal/D-42/notes").await.expect(200).json();
    assert_eq!(notes["data"], json!([]), "what stood behind the question was not done");
    // Whoever reads the stream learns how each call ended, and at the end of all of them.
    let rest = asked.rest(&alice).await;
    let told: Vec<(&Value, &Value)> =
        all(&rest, "tool_result").iter().map(|told| (&told["name"], &told["success"])).collect();
    assert_eq!(told, [(&json!("ask_user"), &json!(true)), (&json!("add_note"), &json!(false))]);
    let used = end(&rest).data["tools_used"].as_array().expect("a list");
    let names: Vec<&Value> = used.iter().map(|used| &used["name"]).collect();
    assert_eq!(names, ["get_entity", "ask_user", "add_note"]);
}

#[tokio::test]
async fn an_overtaken_run_tells_of_all_its_tools_by_their_own_names() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    app.sim.push(Reply::call("get_entity", json!({"kind": "deal", "id": "D-42"})));
    let action = json!({"action": "ask_user", "params": which()});
    let asked = asked_in(&app, &alice, session, Reply::call("execute_action", action)).await;
    assert_eq!(all(&asked.frames, "tool_start")[1]["name"], "ask_user");
    app.sim.push(Reply::text("Fine."));
    alice.hear(&asked.session, "Never mind").await;
    let rest = asked.rest(&alice).await;
    assert_eq!(all(&rest, "tool_result")[0]["name"], "ask_user");
    let used = end(&rest).data["tools_used"].as_array().expect("a list");
    let names: Vec<&Value> = used.iter().map(|used| &used["name"]).collect();
    assert_eq!(names, ["get_entity", "ask_user"]);
}

#[tokio::test]
async fn the_next_message_answers_the_question_while_the_decision_is_still_waited_for() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let change = json!({"kind": "deal", "id": "D-42", "changes": {"stage": "won"}});
    let reply = Reply::call("ask_user", which()).tool("update_entity", change);
    let asked = asked_in(&app, &alice, alice.session().await, reply).await;
    app.sim.push(Reply::text("Fine."));
    alice.hear(&asked.session, "Never mind").await;
    let said = messages(&prompts(&app.sim)[1])[2]["content"][0]["content"].to_string();
    assert!(said.contains("What the person says next is the answer"), "{said}");
    assert_eq!(status(&alice, &asked.path()).await, "overtaken");
    assert_eq!(status(&alice, &format!("/v1/runs/{}", asked.run)).await, "waiting");
    app.sim.push(Reply::text("Moved."));
    let approval = all(&asked.frames, "approval_required")[0]["approval_id"].as_str().expect("an id");
    alice.post(&format!("/v1/approvals/{approval}"), json!({"decision": "approve"})).await.expect(202);
    let rest = asked.rest(&alice).await;
    assert_eq!((answers(&rest), &end(&rest).data["status"]), (vec!["Moved.".to_owned()], &json!("done")));
    let told = all(&rest, "tool_result")[0]["result"].as_str().expect("a result");
    assert!(told.starts_with("The person went on"), "{told}");
    assert_eq!(alice.get("/v1/entities/deal/D-42").await.json()["stage"], "won");
}

#[tokio::test]
async fn a_write_behind_a_question_waits_for_the_answer() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let note = json!({"kind": "deal", "id": "D-42", "text": "Dana called."});
    let reply = Reply::call("ask_user", which()).tool("add_note", note);
    let asked = asked_in(&app, &alice, alice.session().await, reply).await;
    let notes = async || alice.get("/v1/entities/deal/D-42/notes").await.expect(200).json()["data"].clone();
    assert_eq!(notes().await, json!([]));
    app.sim.push(Reply::text("Noted."));
    alice.post(&asked.path(), json!({"answer": "Roe"})).await.expect(202);
    let rest = asked.rest(&alice).await;
    assert_eq!(all(&rest, "tool_result").len(), 2);
    assert_eq!(notes().await.as_array().expect("a list").len(), 1, "once");
}

#[tokio::test]
async fn a_question_and_a_decision_of_one_answer_are_both_waited_for() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let change = json!({"kind": "deal", "id": "D-42", "changes": {"stage": "won"}});
    let fence = async || app.database.count("select max(fence) from sixty.runs").await;
    for question_first in [true, false] {
        let reply = Reply::call("ask_user", which()).tool("update_entity", change.clone());
        let asked = asked_in(&app, &alice, alice.session().await, reply).await;
        let approval = all(&asked.frames, "approval_required")[0]["approval_id"].as_str().expect("an id");
        let approve = async || {
            alice.post(&format!("/v1/approvals/{approval}"), json!({"decision": "approve"})).await.expect(202)
        };
        let answer = async || alice.post(&asked.path(), json!({"answer": "Roe"})).await.expect(202);
        let run = format!("/v1/runs/{}", asked.run);
        if question_first {
            answer().await
        } else {
            approve().await
        };
        eventually("it waits for the other", async || {
            (status(&alice, &run).await == "waiting").then_some(())
        })
        .await;
        // Nobody claims what cannot go on: a worker looks at least once a second.
        let wakes = "select count(*) from sixty.runs where status = 'waiting' and wake_at <= now()";
        let before = fence().await;
        assert_eq!((app.database.count(wakes).await, fence().await), (0, before));
        app.sim.push(Reply::text("Done."));
        if question_first {
            approve().await
        } else {
            answer().await
        };
        let rest = asked.rest(&alice).await;
        assert_eq!((answers(&rest), &end(&rest).data["status"]), (vec!["Done.".to_owned()], &json!("done")));
        let (said, failed) = result(prompts(&app.sim).last().expect("a prompt"), 1);
        assert!(said.contains("approved this call") && !failed, "{said}");
    }
}

#[tokio::test]
async fn one_question_at_a_time_and_none_with_a_mark_in_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let reply = Reply::call("ask_user", which()).tool("ask_user", json!({"question": "And why?"}));
    let first = asked_in(&app, &alice, alice.session().await, reply).await;
    assert_eq!(all(&first.frames, "question").len(), 1);
    app.sim.push(Reply::text("Good."));
    alice.post(&first.path(), json!({"answer": "Roe"})).await.expect(202);
    first.rest(&alice).await;
    let (why, failed) = result(prompts(&app.sim).last().expect("a prompt"), 1);
    assert!(failed && why.contains("one question at a time"), "{why}");

    let session = alice.session().await;
    for (bad, says) in [
        (json!({"question": "Is it [REDACTED:key]?"}), "REDACTED"),
        (json!({"question": "  "}), "question: "),
        (json!({"question": "x".repeat(1_001)}), "question: "),
        (json!({"question": "Which?", "options": ["one"]}), "options: "),
        (json!({"question": "Which?", "options": ["a", "a"]}), "options: "),
        (json!({"question": "Which?", "options": [7, 8]}), "options.0: "),
        (json!({"question": "Which?", "user": "bob"}), "user"),
        (json!({"question": "\u{200B}"}), "can be seen"),
        (json!({"question": "Which?", "options": ["Yes", "Yes\u{200B}"]}), "different"),
    ] {
        app.sim.push(Reply::call("ask_user", bad.clone()));
        app.sim.push(Reply::text("Sorry."));
        let frames = alice.hear(&session, "Go").await;
        assert_eq!(end(&frames).data["status"], "done", "{bad}: {frames:#?}");
        let (told, failed) = result(prompts(&app.sim).last().expect("a prompt"), 0);
        assert!(failed && told.contains(says), "{bad}: {told}");
    }
    assert_eq!(alice.get("/v1/questions?status=open").await.json()["data"], json!([]));
}

#[tokio::test]
async fn what_is_no_answer_is_refused_and_the_question_stays_open() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let asked =
        asked(&app, &alice, json!({"question": "Whom?", "options": ["a", "b"], "multiple": true})).await;
    for bad in [
        json!({"answer": ""}),
        json!({"answer": " \n"}),
        json!({"answer": "\u{200B}"}),
        json!({"answer": []}),
        json!({"answer": ["a", ""]}),
        json!({"answer": vec!["a"; 11]}),
        json!({"answer": "x".repeat(4_001)}),
        json!({"answer": "use [REDACTED:key]"}),
        json!({"answer": "a\u{0}b"}),
        json!({"answer": 7}),
        json!({"answer": null}),
        json!({}),
        json!({"answer": "a", "run_id": asked.run}),
    ] {
        alice.post(&asked.path(), bad.clone()).await.problem(422, "validation_failed");
    }
    for (person, who) in [(app.bob(), "a colleague"), (app.stranger(), "a stranger")] {
        person.post(&asked.path(), json!({"answer": "a"})).await.problem(404, "not_found");
        person.get(&asked.path()).await.problem(404, "not_found");
        assert_eq!(person.get("/v1/questions").await.json()["data"], json!([]), "{who}");
    }
    assert_eq!(status(&alice, &asked.path()).await, "open");
    assert_eq!(prompts(&app.sim).len(), 1, "nobody went on");
}

#[tokio::test]
async fn an_answer_counts_once_however_often_it_is_sent() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let asked = asked(&app, &alice, which()).await;
    app.sim.push(Reply::text("Good."));
    let send = |text: &str| {
        let request = alice.request(reqwest::Method::POST, &asked.path()).json(&json!({"answer": text}));
        alice.send(request.header("idempotency-key", "the-answer"))
    };
    let (first, second) = tokio::join!(send("Roe"), send("Roe"));
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert!([[202, 202], [202, 409]].contains(&statuses), "{first:?} {second:?}");
    assert_eq!(send("Roe").await.expect(202).json()["run_id"], asked.run.as_str());
    asked.rest(&alice).await;
    assert_eq!(prompts(&app.sim).len(), 2);
}

#[tokio::test]
async fn a_secret_in_an_answer_is_stored_nowhere() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let asked = asked(&app, &alice, json!({"question": "Which key?"})).await;
    app.sim.push(Reply::text("I did not see it."));
    let secret = "sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789";
    alice.post(&asked.path(), json!({"answer": format!("It is {secret}")})).await.expect(202);
    asked.rest(&alice).await;
    let (told, _) = result(prompts(&app.sim).last().expect("a prompt"), 0);
    assert!(told.contains("[REDACTED:") && !told.contains(secret), "{told}");
    assert!(!alice.get(&asked.path()).await.expect(200).text.contains(secret));
}

#[tokio::test]
async fn a_cancelled_or_regenerated_turn_asks_nobody_any_more() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let cancelled = asked(&app, &alice, which()).await;
    alice.post(&format!("/v1/runs/{}/cancel", cancelled.run), json!({})).await.expect(202);
    assert_eq!(status(&alice, &cancelled.path()).await, "void");
    alice.post(&cancelled.path(), json!({"answer": "Roe"})).await.problem(409, "question_void");

    let again = asked(&app, &alice, which()).await;
    app.sim.push(Reply::text("Which one I know by now."));
    alice.post(&format!("/v1/sessions/{}/regenerate", again.session), json!({})).await.expect(200);
    assert_eq!(status(&alice, &again.path()).await, "void");
    assert_eq!(status(&alice, &format!("/v1/runs/{}", again.run)).await, "cancelled");
}

#[tokio::test]
async fn a_question_that_nobody_answers_in_time_is_no_answer() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let asked = asked(&app, &alice, which()).await;
    app.sim.push(Reply::text("I went on without."));
    let past = "now() - interval '1 second'";
    tamper(
        &app,
        format!("update sixty.questions set expires_at = {past}; update sixty.runs set wake_at = {past}"),
    )
    .await;
    alice.post(&asked.path(), json!({"answer": "Roe"})).await.problem(409, "question_expired");
    let run = format!("/v1/runs/{}", asked.run);
    eventually("the run goes on", async || (status(&alice, &run).await == "done").then_some(())).await;
    assert_eq!(answers(&asked.rest(&alice).await), ["I went on without."]);
    let (told, failed) = result(prompts(&app.sim).last().expect("a prompt"), 0);
    assert!(failed && told.starts_with("Nobody answered"), "{told}");
    assert_eq!(status(&alice, &asked.path()).await, "expired");
}

#[tokio::test]
async fn readonly_members_are_asked_as_well_and_another_replica_goes_on() {
    let app = TestApp::start().await;
    let rita = app.rita();
    let asked = asked(&app, &rita, which()).await;
    let other = app.another_replica(crate::harness::Setup::default()).await;
    app.sim.push(Reply::text("I see."));
    rita.at(other.address).post(&asked.path(), json!({"answer": "Roe"})).await.expect(202);
    assert_eq!(answers(&asked.rest(&rita).await), ["I see."]);
}

#[tokio::test]
async fn an_answer_to_a_question_that_is_archived_says_what_was_asked() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let asked = asked(&app, &alice, which()).await;
    app.sim.push_for("Write the summary now", Reply::text("A summary."));
    alice.post(&format!("/v1/sessions/{}/compact", asked.session), json!({})).await.expect(200);
    app.sim.push(Reply::text("Well."));
    alice.post(&asked.path(), json!({"answer": "Roe"})).await.expect(202);
    asked.rest(&alice).await;
    let sent = prompts(&app.sim);
    let told = json!(messages(sent.last().expect("a prompt"))).to_string();
    assert!(told.contains("Roe") && told.contains(QUESTION), "{told}");
}

#[tokio::test]
async fn a_reader_gets_the_end_of_a_run_that_waited_more_often_than_one_look_brings() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let asked = asked(&app, &alice, which()).await;
    // As if it had been claimed in vain again and again: rows that tell only that it waits.
    let waits = "insert into sixty.run_events (org_id, owner_id, run_id, fence, n_from, n_to, frames)
        select e.org_id, e.owner_id, e.run_id, 1, 100 + n, 100 + n, format(E'id: 1.%s\\nevent: done\\ndata: %s\\n\\n',
            100 + n, '{\"run_id\":\"' || e.run_id || '\",\"status\":\"waiting\"}')
        from (select distinct org_id, owner_id, run_id from sixty.run_events) e, generate_series(1, 150) n;
        update sixty.runs set fence = 2";
    tamper(&app, waits).await;
    app.sim.push(Reply::text("It is Roe."));
    alice.post(&asked.path(), json!({"answer": "Roe"})).await.expect(202);
    let run = format!("/v1/runs/{}", asked.run);
    eventually("the run ends", async || (status(&alice, &run).await == "done").then_some(())).await;
    let elsewhere = app.another_replica(crate::harness::Setup::default()).await;
    let reader = alice.at(elsewhere.address);
    let rest = reader.follow(&asked.run, Some("1.100")).await.rest().await;
    assert_eq!((answers(&rest), end(&rest).event.as_str()), (vec!["It is Roe.".to_owned()], "done"));
}
