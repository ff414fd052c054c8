//! Skills at work: what stands in the prompt, what a message follows, what its run may call.

use model_sim::{Reply, Request};
use serde_json::{Value, json};

use super::{PATH, document, push, put, with};
use crate::harness::{
    Person, TestApp, eventually,
    look::{all, end, last_blocks, names, prompts, result, run_of, system, text_of},
};

/// A skill for deals that are in danger, with everything that can be said of it.
const RESCUE: &str = r#"---
name: Deal rescue
description: Finds out why a deal is stuck and what to do about it.
metadata:
  category: sales-ai
  priority: high
  tags: [deals, risk]
  triggers:
    - pattern: rescue the deal
      confidence: 0.9
    - pattern: save [deal]
  keywords: [rescue]
  command_centre: {enabled: true, label: rescue, description: Save a deal, icon: life-buoy}
  inputs:
    - {name: deal_id, type: string, description: Id of the deal, required: true}
    - {name: days, type: integer}
  required_context: [deal OR contact]
---

Work for ${company_name|'the company'}. First execute_action("get_deal", {"id": "…"}), then say what to do.
Consult `references/objections.md`.
"#;

async fn rescue(alice: &Person) {
    let new = json!({"key": "deal-rescue", "document": RESCUE, "files": {"references/objections.md": "Too dear: …"}});
    alice.post(PATH, new).await.expect(201);
}

/// The `<context>` of the newest message.
fn context(prompt: &Request) -> String {
    last_blocks(prompt)[0]["text"].as_str().expect("a text").to_owned()
}

fn skills_in(prompt: &Request) -> Option<String> {
    system(prompt).into_iter().find(|text| text.contains("<skills>")).map(ToOwned::to_owned)
}

#[tokio::test]
async fn a_skill_stands_in_the_next_prompt_and_the_copilot_opens_it_for_this_organization() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.put("/v1/org/profile", json!({"company_name": "Acme <Tea>"})).await.expect(200);
    let session = alice.session().await;
    app.sim.push(Reply::text("Hello."));
    alice.hear(&session, "Hi there, who are you and what can you do for me?").await;
    assert_eq!(skills_in(&prompts(&app.sim)[0]), None);
    rescue(&alice).await;
    app.sim.push(Reply::message().tool("get_skill", json!({"key":"deal-rescue"})));
    app.sim.push(
        Reply::message()
            .tool("get_skill", json!({"key":"deal-rescue","document":"references/objections.md"}))
            .tool("get_skill", json!({"key":"deal-rescu"}))
            .tool("get_skill", json!({"key":"deal-rescue","document":"../x.md"}))
            .tool("list_skills", json!({"query":"stuck RISK"}))
            .tool("list_skills", json!({"category":"nothing"})),
    );
    app.sim.push(Reply::text("Done."));
    alice.hear(&session, "What about my stuck one?").await;
    let prompts = prompts(&app.sim);
    let listed = skills_in(&prompts[1]).expect("a list of skills");
    assert!(listed.contains("- deal-rescue (/rescue): Finds out why a deal is stuck"), "{listed}");
    let (text, failed) = result(&prompts[2], 0);
    assert!(!failed && text.contains("Work for Acme &lt;Tea>."), "{text}");
    assert!(text.contains("execute_action") && text.contains("references/objections.md"), "{text}");
    let (text, failed) = result(&prompts[3], 0);
    assert!(!failed && text.contains("Too dear: …"), "{text}");
    for (index, words) in
        [(1, "The nearest name is \"deal-rescue\""), (2, "It has: references/objections.md")]
    {
        let (text, failed) = result(&prompts[3], index);
        assert!(failed && text.contains(words), "{text}");
    }
    assert!(result(&prompts[3], 3).0.contains("- deal-rescue [sales-ai]"));
    assert!(result(&prompts[3], 4).0.contains("No skill fits"));
}

#[tokio::test]
async fn the_copilot_opens_no_sequence_and_nothing_that_it_is_not_offered() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let steps = "metadata:\n  skill_type: sequence\n  command_centre: {enabled: true, label: push}\n  triggers: [push the \
                 campaign]\n  workflow:\n    - {order: 1, action: get_next_meeting, requires_approval: true}";
    put(&alice, "push", &with("Push", steps)).await.expect(201);
    put(&alice, "elsewhere", &with("Elsewhere", "metadata: {namespace: fleet}")).await.expect(201);
    put(&alice, "needy", &with("Needy", "metadata: {required_context: [deal OR contact]}")).await.expect(201);
    let session = alice.session().await;
    app.sim.push(
        ["push", "elsewhere", "needy"]
            .iter()
            .fold(Reply::message(), |reply, key| reply.tool("get_skill", json!({ "key": key }))),
    );
    app.sim.push(Reply::text("Call it with /push."));
    alice.hear(&session, "Could you push the campaign now, please?").await;
    let prompts = prompts(&app.sim);
    let hint = context(&prompts[0]);
    assert!(hint.contains("The sequence push may fit") && hint.contains("call for it with /push"), "{hint}");
    let (text, failed) = result(&prompts[1], 0);
    assert!(!failed && text.contains("Do not carry them out yourself") && text.contains("/push"), "{text}");
    assert!(!text.contains("# Push"), "{text}");
    let (text, failed) = result(&prompts[1], 1);
    assert!(failed && text.contains("There is no skill \"elsewhere\""), "{text}");
    let (text, _) = result(&prompts[1], 2);
    assert!(text.contains("It needs to know: deal or contact. Ask the person"), "{text}");
}

#[tokio::test]
async fn a_record_is_known_by_its_id_and_what_stands_behind_a_command_is_what_it_lacks() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let lines = "metadata:\n  skill_type: sequence\n  command_centre: {enabled: true, label: look}\n  required_context: \
                 [deal]\n  inputs: [{name: deal_id, type: string, required: true}]\n  workflow:\n    - {order: 1, action: \
                 get_deal, input_mapping: {id: '${inputs.deal_id}'}, output_key: found}";
    put(&alice, "look", &with("Look", lines)).await.expect(201);
    for body in
        [json!({"inputs": {"deal_id": "D-42"}}), json!({"mentions": [{"kind": "deal", "id": "D-42"}]})]
    {
        app.sim.push(Reply::text("Looked."));
        let run = alice.post("/v1/skills/look/runs", body.clone()).await.expect(200).json();
        assert_eq!(run["run"]["status"], "done", "{body}: {run}");
    }
    alice.post("/v1/skills/look/runs", json!({})).await.problem(422, "validation_failed");
    app.sim.push(Reply::text("Looked."));
    let session = alice.session().await;
    let frames = alice.hear(&session, "/look D-42").await;
    let called = all(&frames, "tool_start")[0].clone();
    assert_eq!((&called["name"], &called["input"]), (&json!("get_deal"), &json!({"id": "D-42"})));
}

#[tokio::test]
async fn a_run_is_answered_as_its_skill_says_unless_the_request_says_how() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for mode in ["async", "streaming"] {
        put(&alice, mode, &with(mode, &format!("metadata: {{execution_mode: {mode}}}"))).await.expect(201);
        assert_eq!(alice.get(&format!("/v1/skills/{mode}")).await.expect(200).json()["execution_mode"], mode);
    }
    let run = async |key: &str, header: (&str, &str)| {
        app.sim.push(Reply::text("Done."));
        let request =
            alice.request(reqwest::Method::POST, &format!("/v1/skills/{key}/runs")).json(&json!({}));
        let answer = alice.send(request.header(header.0, header.1)).await;
        let kind = answer.header("content-type").split(';').next().unwrap_or_default().to_owned();
        let path = answer.header("location").to_owned();
        eventually("the run ends", async || {
            (alice.get(&path).await.json()["status"] == "done").then_some(())
        })
        .await;
        (answer.status.as_u16(), kind)
    };
    let json = |status| (status, "application/json".to_owned());
    assert_eq!(run("async", ("x-nothing", "")).await, json(202));
    assert_eq!(run("async", ("prefer", "wait=30")).await, json(200));
    assert_eq!(run("streaming", ("accept", "*/*")).await, (200, "text/event-stream".to_owned()));
    assert_eq!(run("streaming", ("accept", "application/json")).await, json(200));
    assert_eq!(run("streaming", ("prefer", "respond-async")).await, json(202));
}

#[tokio::test]
async fn a_command_is_followed_and_the_run_says_so() {
    let app = TestApp::start().await;
    let alice = app.alice();
    rescue(&alice).await;
    let session = alice.session().await;
    app.sim.push(Reply::text("Which deal?"));
    let frames = alice.hear(&session, "/rescue please").await;
    let started = all(&frames, "run_started")[0].clone();
    let routing = &started["routing"];
    assert_eq!((&routing["skill_key"], &routing["matched_by"]), (&json!("deal-rescue"), &json!("command")));
    assert_eq!(started["mode_reason"], "a skill is followed");
    let context = context(&prompts(&app.sim)[0]);
    assert!(context.contains("<skill key=\"deal-rescue\" version=\"1\">\n"), "{context}");
    assert!(context.contains("Work for the company."), "{context}");
    assert!(context.contains("needs to know: deal or contact; deal_id (Id of the deal)"), "{context}");
    let run = alice.get(&format!("/v1/runs/{}", run_of(&frames))).await.expect(200).json();
    assert_eq!(run["routing"], *routing);
    assert_eq!((&run["skill"]["key"], &run["skill"]["version"]), (&json!("deal-rescue"), &json!(1)));
    assert_eq!(run["mode_reason"], "a skill is followed");
    // What was said stays what was said.
    assert_eq!(text_of(&alice.history(&session).await[0]), "/rescue please");
}

#[tokio::test]
async fn a_message_that_fits_a_trigger_brings_a_hint_and_a_word_of_thanks_does_not() {
    let app = TestApp::start().await;
    let alice = app.alice();
    rescue(&alice).await;
    let session = alice.session().await;
    for (text, hint) in [("Please rescue the deal with Acme", true), ("thanks", false), ("ok", false)] {
        app.sim.push(Reply::text("Well."));
        let frames = alice.hear(&session, text).await;
        let started = all(&frames, "run_started")[0].clone();
        assert_eq!(started.get("routing").is_some(), hint, "{started}");
        let prompt = prompts(&app.sim).pop().expect("a prompt");
        assert_eq!(context(&prompt).contains("The skill deal-rescue may fit"), hint, "{text}");
        assert!(!context(&prompt).contains("<skill "));
        let route = alice.post("/v1/route", json!({ "text": text })).await.expect(200).json();
        assert_eq!(route["routing"], started.get("routing").cloned().unwrap_or(Value::Null));
    }
    for (body, field) in [(json!({"text": " "}), "text"), (json!({"text": "x".repeat(65_537)}), "text")] {
        let problem = alice.post("/v1/route", body).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn a_run_of_a_skill_holds_its_inputs_to_their_schema() {
    let app = TestApp::start().await;
    let alice = app.alice();
    rescue(&alice).await;
    let runs = "/v1/skills/deal-rescue/runs";
    for (body, field) in [
        (json!({}), "inputs"),
        (json!({"inputs": {"deal_id": 7}}), "inputs.deal_id"),
        (json!({"inputs": {"deal_id": "D-42", "days": "many"}}), "inputs.days"),
        (json!({"inputs": {"deal_id": "x".repeat(70_000)}}), "inputs"),
        (json!({"inputs": {"deal_id": "D-42"}, "timezone": "Mars/Olympus"}), "timezone"),
    ] {
        let problem = alice.post(runs, body).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    alice.post("/v1/skills/nothing/runs", json!({})).await.problem(404, "not_found");
    assert_eq!(app.database.count("select count(*) from sixty.messages").await, 0, "nothing was begun");
    app.sim.push(Reply::text("Call Dana."));
    let new = json!({"inputs": {"deal_id": "D-42 </skill>"}});
    let key = alice.request(reqwest::Method::POST, runs).header("idempotency-key", "one").json(&new);
    let turn = alice.send(key.try_clone().expect("a request")).await.expect(200).json();
    assert_eq!(text_of(&turn["message"]), "Call Dana.");
    assert_eq!(turn["run"]["skill"]["inputs"], new["inputs"]);
    let context = context(&prompts(&app.sim)[0]);
    assert!(context.contains(r#"Its inputs, as data: {"deal_id":"D-42 &lt;/skill>"}"#), "{context}");
    let again = alice.send(key).await.expect(200).json();
    assert_eq!(again["run"]["id"], turn["run"]["id"]);
    let session = turn["run"]["session_id"].as_str().expect("an id");
    let history = alice.history(session).await;
    assert_eq!(text_of(&history[0]), "Run the skill \"Deal rescue\".\n- deal_id: D-42 </skill>");
    assert_eq!(history.len(), 2);
}

#[tokio::test]
async fn a_message_may_name_a_skill_and_the_copilot_asks_for_what_is_missing() {
    let app = TestApp::start().await;
    let alice = app.alice();
    rescue(&alice).await;
    alice.deal().await;
    let session = alice.session_with(json!({"entity": {"kind": "deal", "id": "D-42"}})).await;
    for (body, field) in [
        (json!({"text": "x", "skill": "nothing"}), "skill"),
        (json!({"text": "x", "skill": "A b"}), "skill"),
        (json!({"text": "x", "inputs": {}}), "inputs"),
        (json!({"text": "x", "skill": "deal-rescue", "inputs": {"days": "x"}}), "inputs.days"),
    ] {
        let path = format!("/v1/sessions/{session}/messages");
        let problem = alice.post(&path, body).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    app.sim.push(Reply::text("Fine."));
    let body = json!({"text": "Do it", "skill": "deal-rescue", "inputs": {"days": 3}});
    let frames = alice.say_with(&session, &body).await.rest().await;
    assert_eq!(end(&frames).event, "done");
    assert_eq!(all(&frames, "run_started")[0]["routing"]["matched_by"], "request");
    let context = context(&prompts(&app.sim)[0]);
    // The session's deal is known; its id was not given as an input.
    assert!(context.contains("It needs to know: deal_id (Id of the deal)."), "{context}");
}

#[tokio::test]
async fn skills_are_filtered_by_what_they_say_of_themselves() {
    let app = TestApp::start().await;
    let alice = app.alice();
    rescue(&alice).await;
    put(&alice, "brief", &with("Brief", "metadata: {category: sales-ai, tags: [short]}")).await.expect(201);
    put(&alice, "plain", &document("Plain", "Do it.")).await.expect(201);
    put(&alice, "visit", &with("Visit", "metadata: {category: Ärzte}")).await.expect(201);
    for (query, keys) in [
        ("?category=sales-ai", vec!["brief", "deal-rescue"]),
        ("?category=sales-ai&limit=1", vec!["brief"]),
        ("?category=sales-ai&tag=risk", vec!["deal-rescue"]),
        ("?category=Sales-AI&tag=Risk&priority=HIGH", vec!["deal-rescue"]),
        ("?priority=high", vec!["deal-rescue"]),
        ("?tag=risky", vec![]),
        ("?category=%C3%A4RZTE", vec!["visit"]),
        ("", vec!["brief", "deal-rescue", "plain", "visit"]),
    ] {
        let listed = alice.get(&format!("/v1/skills{query}")).await.expect(200).json();
        let found: Vec<&Value> =
            listed["data"].as_array().expect("a list").iter().map(|it| &it["key"]).collect();
        assert_eq!(found, keys, "{query}");
    }
    let rescue = alice.get("/v1/skills/deal-rescue").await.expect(200).json();
    assert_eq!(rescue["priority"], "high");
    assert_eq!(rescue["tags"], json!(["deals", "risk"]));
    // The copilot finds the same.
    app.sim.push(Reply::message().tool("list_skills", json!({"category": "äRZTE"})));
    app.sim.push(Reply::text("There it is."));
    let session = alice.session().await;
    alice.hear(&session, "What do you have for doctors?").await;
    assert!(result(&prompts(&app.sim)[1], 0).0.starts_with("- visit [Ärzte]:"));
}

#[tokio::test]
async fn a_skill_that_names_what_is_not_there_is_listed_and_does_not_run() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let body = "execute_action(\"launch_campaign\", {\"id\": 1}) and execute_action(\"get_deal\", {})";
    put(&alice, "campaign", &document("Campaign", body)).await.expect(201);
    put(&alice, "writer", &document("Writer", "execute_action(\"update_entity\", {})")).await.expect(201);
    let of = async |person: &Person| {
        let listed = person.get("/v1/skills").await.expect(200).json();
        let listed = listed["data"].as_array().expect("a list").clone();
        let shown =
            |skill: Value| (skill["key"].clone(), skill["runnable"].clone(), skill["missing"].clone());
        listed.into_iter().map(shown).collect::<Vec<_>>()
    };
    let campaign = (json!("campaign"), json!(false), json!(["launch_campaign"]));
    assert_eq!(of(&alice).await, [campaign.clone(), (json!("writer"), json!(true), json!([]))]);
    // Who may only read misses what writes.
    assert_eq!(of(&app.rita()).await, [campaign, (json!("writer"), json!(false), json!(["update_entity"]))]);
    let problem = alice.post("/v1/skills/campaign/runs", json!({})).await.problem(409, "skill_not_runnable");
    assert!(
        problem["detail"].as_str().expect("a detail").contains("launch_campaign is missing"),
        "{problem}"
    );
    let session = alice.session().await;
    app.sim.push(Reply::message().tool("get_skill", json!({"key":"campaign"})));
    app.sim.push(Reply::text("I cannot."));
    alice.hear(&session, "Start something for me, whatever it is").await;
    let prompts = prompts(&app.sim);
    assert!(skills_in(&prompts[0]).expect("a list").contains("[cannot run, missing: launch_campaign]"));
    assert!(result(&prompts[1], 0).0.contains("launch_campaign is missing. Tell the person"));
}

#[tokio::test]
async fn a_run_that_follows_a_skill_calls_no_tool_that_the_skill_does_not_use() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    put(&alice, "reader", &with("Reader", "allowed-tools: get_deal update_everything")).await.expect(201);
    let session = alice.session().await;
    app.sim.push(
        Reply::message()
            .tool("get_deal", json!({"id":"D-42"}))
            .tool("update_entity", json!({"kind":"deal","id":"D-42","changes":{"stage":"won"}}))
            .tool("update_everything", json!({}))
            .tool(
                "execute_action",
                json!({"action":"add_note","params":{"kind":"deal","id":"D-42","text":"x"}}),
            )
            .tool("list_skills", json!({})),
    );
    app.sim.push(Reply::text("Read."));
    let body = json!({"text": "Do it", "skill": "reader"});
    let frames = alice.say_with(&session, &body).await.rest().await;
    let success: Vec<&Value> = all(&frames, "tool_result").into_iter().map(|it| &it["success"]).collect();
    assert_eq!(success, [true, false, false, false, true], "{frames:?}");
    let prompts = prompts(&app.sim);
    assert!(
        result(&prompts[1], 1)
            .0
            .contains("The skill reader does not use update_entity. Its tools are: get_deal.")
    );
    // The tools of the prompt stay what they are: what is cached of it stays good.
    assert_eq!(prompts[0].json()["tools"], prompts[1].json()["tools"]);
    let deal = alice.get("/v1/entities/deal/D-42").await.expect(200).json();
    assert_ne!(deal["stage"], "won");
    assert!(!names(&frames).contains(&"approval_required"));
}

#[tokio::test]
async fn the_list_of_skills_is_the_same_for_everybody_until_an_administrator_changes_it() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    rescue(&alice).await;
    put(&alice, "brief", &document("Brief", "Do it.")).await.expect(201);
    let mut seen = Vec::new();
    for person in [&alice, &bob, &app.rita(), &alice] {
        let session = person.session().await;
        app.sim.push(Reply::text("Hello."));
        person.hear(&session, "Who is who at the company that we sell to?").await;
        seen.push(skills_in(&prompts(&app.sim).pop().expect("a prompt")).expect("a list"));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
    // The more important one stands first.
    assert!(seen[0].find("deal-rescue") < seen[0].find("brief"), "{}", seen[0]);
    push(&alice, &format!("{PATH}/brief/disable")).await.expect(200);
    let session = alice.session().await;
    app.sim.push(Reply::text("Hello."));
    alice.hear(&session, "And what about the others over there?").await;
    let now = skills_in(&prompts(&app.sim).pop().expect("a prompt")).expect("a list");
    assert!(now.contains("deal-rescue") && !now.contains("brief"), "{now}");
    bob.get("/v1/skills/brief").await.problem(404, "not_found");
    bob.get("/v1/skills/deal-rescue").await.expect(200);
    let stranger = app.stranger();
    stranger.get("/v1/skills/deal-rescue").await.problem(404, "not_found");
    assert_eq!(stranger.get("/v1/skills").await.expect(200).json()["data"], json!([]));
}

#[tokio::test]
async fn an_answer_that_is_given_again_follows_the_same_skill() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "reader", &with("Reader", "allowed-tools: get_deal")).await.expect(201);
    let session = alice.session().await;
    app.sim.push(Reply::text("One."));
    alice.say_with(&session, &json!({"text": "Do it", "skill": "reader"})).await.rest().await;
    app.sim.push(Reply::message().tool("list_tasks", json!({})));
    app.sim.push(Reply::text("Two."));
    let path = format!("/v1/sessions/{session}/regenerate");
    let turn = alice.post(&path, json!({})).await.expect(200).json();
    assert_eq!(turn["run"]["skill"]["key"], "reader");
    assert_eq!(turn["run"]["mode_reason"], "a skill is followed");
    assert!(result(&prompts(&app.sim)[2], 0).0.contains("does not use list_tasks"));
}

#[tokio::test]
async fn one_shot_or_the_loop_is_decided_by_rules_that_the_run_tells() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "quick", &with("Quick", "metadata: {mode: single}")).await.expect(201);
    let mut session = String::new();
    for (body, mode, reason) in [
        (json!({"text": "Hello!"}), "single", "the message only greets or thanks"),
        (json!({"text": "Who signs at Acme?"}), "agent", "the message may take several steps"),
        (json!({"text": "Who signs?", "mode": "single"}), "single", "it was asked for"),
        (json!({"text": "Go", "skill": "quick"}), "single", "the skill asks for it"),
        (json!({"text": "Go", "skill": "quick", "mode": "agent"}), "agent", "it was asked for"),
    ] {
        session = alice.session().await;
        app.sim.push(Reply::text("Shall I go on?"));
        let frames = alice.say_with(&session, &body).await.rest().await;
        let started = all(&frames, "run_started")[0].clone();
        assert_eq!((&started["mode"], &started["mode_reason"]), (&json!(mode), &json!(reason)), "{body}");
        let run = alice.get(&format!("/v1/runs/{}", run_of(&frames))).await.expect(200).json();
        assert_eq!((&run["mode"], &run["mode_reason"]), (&json!(mode), &json!(reason)));
    }
    app.sim.push(Reply::text("Good."));
    let frames = alice.hear(&session, "yes").await;
    assert_eq!(all(&frames, "run_started")[0]["mode_reason"], "the copilot has asked something");
}

#[tokio::test]
async fn a_request_that_is_refused_leaves_no_conversation_behind() {
    let app = TestApp::start().await;
    let alice = app.alice();
    rescue(&alice).await;
    let refused = alice.post("/v1/skills/deal-rescue/runs", json!({"inputs": {"days": "many"}})).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let sessions = alice.get("/v1/sessions").await.expect(200).json();
    assert_eq!(sessions["data"], json!([]));
}
