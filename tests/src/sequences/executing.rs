//! What a sequence does when all goes well, and what is seen of it.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{
    FOLLOW_UP, begin, prepare, run, script, sequence, shown, statuses, steps, submit, tasks, told, write,
};
use crate::{
    approvals::desk::approve,
    harness::{
        TestApp,
        look::{all, end, messages, names, prompts, result, run_of},
    },
};

#[tokio::test]
async fn actions_and_skills_hand_what_they_found_on_to_an_effect_on_the_record() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", FOLLOW_UP).await;
    script(&app.sim);
    let frames = run(&alice, "follow-up").await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    let expected = [(1, "running"), (1, "done"), (2, "running"), (2, "done"), (3, "running"), (3, "done")];
    assert_eq!(told(&frames), steps(&expected));
    let [task] = &tasks(&alice).await[..] else { panic!("one task") };
    assert_eq!(task["name"], "Call Dana");
    assert!(task["links"].to_string().contains("D-42"), "{task}");
    let begun = &frames[0].data;
    assert_eq!(
        (&begun["mode"], &begun["mode_reason"]),
        (&json!("agent"), &json!("a sequence is executed step by step"))
    );
    assert_eq!(begun["routing"]["skill_key"], "follow-up");
    let first = all(&frames, "step")[0].clone();
    assert_eq!(
        (&first["of"], &first["name"], &first["action"], first.get("duration_ms")),
        (&json!(3), &json!("Look at the deal"), &json!("get_deal"), None)
    );
    assert_eq!(app.sim.unused(), 0);
}

#[tokio::test]
async fn the_model_is_given_a_steps_skill_with_what_the_step_works_on_and_asked_once_at_the_end() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", FOLLOW_UP).await;
    script(&app.sim);
    run(&alice, "follow-up").await;
    let prompts = prompts(&app.sim);
    let [working, last] = &prompts[..] else { panic!("two model calls: {}", prompts.len()) };
    let (text, failed) = result(working, 0);
    assert!(!failed && text.starts_with("Step 2 of 3 of the sequence: next-step."), "{text}");
    for words in [
        "Think of ONE next step.",
        "Acme renewal",
        "\"tone\":null",
        "Nothing was found for: inputs.tone",
        "minLength",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(working.json().get("tool_choice"), None);
    assert_eq!(last.json()["tool_choice"], json!({"type": "none"}));
    let (text, failed) = result(last, 0);
    assert!(
        !failed && text.ends_with("(The sequence is over. Tell the person in a few words what came of it.)"),
        "{text}"
    );
    assert_eq!(working.json()["tools"], last.json()["tools"], "the prompts share their prefix");
    assert!(working.json()["tools"].to_string().contains("submit_output"));
    assert!(!working.json()["tools"].to_string().contains("begin_step"));
    app.sim.push(Reply::text("Hello."));
    let session = alice.session().await;
    alice.hear(&session, "Hi, what is new with the deal?").await;
    let plain = crate::harness::look::prompts(&app.sim);
    assert!(!plain[2].json()["tools"].to_string().contains("submit_output"), "only sequences are offered it");
}

#[tokio::test]
async fn a_step_reads_the_members_of_what_an_action_found_or_made() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let reading = "
    - {order: 1, action: get_pipeline_deals, output_key: deals}
    - {order: 2, action: get_deal, input_mapping: {id: '${outputs.deals.data.deals[0].id}'}, output_key: found}
    - {order: 3, action: create_task, input_mapping: {title: 'Ask about ${outputs.found.deal.amount}'}, output_key: made}
    - {order: 4, action: complete_task, input_mapping: {id: '${outputs.made.id}'}, output_key: done, \
       requires_approval: true}
    - {order: 5, action: add_note, input_mapping: {kind: deal, id: D-42, \
       text: '${outputs.done.text}|${outputs.deals.more}|${outputs.deals.deals[*].name}'}}";
    prepare(&alice, "reading", reading).await;
    app.sim.push(Reply::text("All is noted."));
    let session = alice.session().await;
    let frames = begin(&alice, "reading", &session).await.rest().await;
    let asked = all(&frames, "approval_required")[0];
    approve(&alice, asked["approval_id"].as_str().expect("an id")).await;
    let last = frames.last().expect("an end").id.clone();
    let rest = alice.follow(&run_of(&frames), Some(&last)).await.rest().await;
    assert_eq!(end(&rest).data["status"], "done", "{rest:#?}");
    let [task] = &tasks(&alice).await[..] else { panic!("one task") };
    assert_eq!((&task["status"], task["name"].as_str()), (&json!("done"), Some("Ask about 48000")));
    let id = task["id"].as_str().expect("an id");
    let note = all(&rest, "tool_start").last().expect("a call")["input"]["text"].clone();
    // The person's part in it is for the model, and no part of the result.
    assert_eq!(note, format!("Done: Ask about 48000 ({id}).|false|[\"Acme renewal\"]"));
}

#[tokio::test]
async fn a_run_shows_its_steps() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", FOLLOW_UP).await;
    script(&app.sim);
    let frames = run(&alice, "follow-up").await;
    let shown = shown(&alice, &run_of(&frames)).await;
    assert_eq!(statuses(&shown), ["done", "done", "done"]);
    assert_eq!(
        (&shown[1]["skill_key"], &shown[1]["missing"]),
        (&json!("next-step"), &json!(["inputs.tone"]))
    );
    assert!(shown.iter().all(|step| step["duration_ms"].is_i64() && step["of"] == 3), "{shown:?}");
    assert_eq!(app.stranger().get(&format!("/v1/runs/{}", run_of(&frames))).await.status, 404);
}

#[tokio::test]
async fn a_result_that_does_not_fit_goes_back_to_the_model_with_the_reason() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", FOLLOW_UP).await;
    app.sim.push(submit(json!({"title": 7})));
    app.sim.push(submit(json!({"wrong": "x".repeat(70_000)})));
    script(&app.sim);
    let frames = run(&alice, "follow-up").await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    let prompts = prompts(&app.sim);
    let (text, failed) = result(&prompts[1], 0);
    assert!(failed && text.contains("title: 7 is not of type"), "{text}");
    let (text, failed) = result(&prompts[2], 0);
    assert!(failed && text.contains("65536 is the most"), "{text}");
    assert_eq!(tasks(&alice).await.len(), 1);
}

#[tokio::test]
async fn of_two_results_in_one_answer_the_first_counts_and_the_second_is_an_error() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", FOLLOW_UP).await;
    let titled = |title: &str| json!({"output": {"title": title}});
    let twice = Reply::message().tool("submit_output", titled("Call Dana"));
    app.sim.push(twice.tool("submit_output", titled("Call nobody")));
    app.sim.push(Reply::text("The task is made."));
    let frames = run(&alice, "follow-up").await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    let [task] = &tasks(&alice).await[..] else { panic!("one task") };
    assert_eq!(task["name"], "Call Dana");
    let told: Vec<&Value> =
        all(&frames, "tool_result").into_iter().filter(|it| it["name"] == "submit_output").collect();
    assert_eq!((&told[0]["success"], &told[1]["success"]), (&json!(true), &json!(false)));
    assert!(told[1]["error"].as_str().is_some_and(|it| it.starts_with("Only the first submit_output")));
}

#[tokio::test]
async fn where_the_first_of_two_results_does_not_fit_the_model_hands_in_again() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", FOLLOW_UP).await;
    let twice = Reply::message().tool("submit_output", json!({"output": {"title": 7}}));
    app.sim.push(twice.tool("submit_output", json!({"output": {"title": "Call nobody"}})));
    script(&app.sim);
    let frames = run(&alice, "follow-up").await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    let [task] = &tasks(&alice).await[..] else { panic!("one task") };
    assert_eq!(task["name"], "Call Dana");
}

#[tokio::test]
async fn a_model_that_ends_without_a_result_is_asked_for_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", FOLLOW_UP).await;
    app.sim.push(Reply::text("I would call Dana."));
    script(&app.sim);
    let frames = run(&alice, "follow-up").await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    let prompts = prompts(&app.sim);
    assert_eq!(prompts[1].json()["tool_choice"], json!({"type": "tool", "name": "submit_output"}));
    let (asked, later) = (messages(&prompts[1]), messages(&prompts[2]));
    let unmarked = |all: &[Value]| crate::harness::look::unmarked(json!(all));
    assert_eq!(unmarked(&later[..asked.len()]), unmarked(asked), "what was sent stays");
    assert_eq!(asked.last().expect("a message")["role"], "user");
}

#[tokio::test]
async fn a_reader_that_comes_back_has_each_step_event_once_and_in_order() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", FOLLOW_UP).await;
    script(&app.sim);
    let whole = run(&alice, "follow-up").await;
    let run = run_of(&whole);
    for (place, frame) in whole.iter().enumerate() {
        let rest = if place + 1 < whole.len() {
            alice.follow(&run, Some(&frame.id)).await.rest().await
        } else {
            Vec::new()
        };
        let ids =
            |frames: &[crate::harness::Frame]| frames.iter().map(|it| it.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&rest), ids(&whole[place + 1..]), "after {}", frame.id);
    }
    assert_eq!(names(&whole).first(), Some(&"run_started"));
}

#[tokio::test]
async fn a_command_calls_a_sequence_and_a_trigger_only_hints_at_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "unused", FOLLOW_UP).await;
    let document = sequence("Tidy", "\n    - {order: 1, action: get_pipeline_summary, input_mapping: {}}").replace(
        "  inputs:",
        "  command_centre: {enabled: true, label: tidy}\n  triggers: [{pattern: tidy up the pipeline, confidence: 0.9}]\n  inputs:",
    );
    write(&alice, "tidy", &document).await;
    app.sim.push(Reply::text("All is tidy."));
    let session = alice.session().await;
    let frames = alice.hear(&session, "/tidy").await;
    assert_eq!(told(&frames), steps(&[(1, "running"), (1, "done")]));
    app.sim.push(Reply::text("Shall I?"));
    let frames = alice.hear(&session, "Please tidy up the pipeline").await;
    assert_eq!((told(&frames), &frames[0].data["routing"]["skill_key"]), (vec![], &json!("tidy")));
}

#[tokio::test]
async fn a_sequence_goes_on_with_the_version_that_it_began_with() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", FOLLOW_UP).await;
    let gate = model_sim::Gate::new();
    app.sim.push(submit(json!({"title": "Call Dana"})).hold_before(&gate));
    app.sim.push(Reply::text("Done."));
    let session = alice.session().await;
    let mut events = begin(&alice, "follow-up", &session).await;
    let mut frames = events.until("run_started").await;
    gate.reached().await;
    for key in ["follow-up", "next-step"] {
        alice.delete(&format!("/v1/admin/skills/{key}")).await.expect(204);
    }
    gate.release();
    frames.extend(events.rest().await);
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    assert_eq!(tasks(&alice).await.len(), 1);
}

#[tokio::test]
async fn a_sequence_that_lacks_what_it_needs_to_know_is_not_begun() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let document = sequence(
        "Needy",
        "\n    - {order: 1, action: get_deal, input_mapping: {id: '${inputs.deal_id}'}}",
    )
    .replace(
        "  inputs:",
        "  required_context: [deal OR contact]\n  command_centre: {enabled: true, label: needy}\n  inputs:",
    );
    write(&alice, "needy", &document).await;
    let refused = alice.post("/v1/skills/needy/runs", json!({})).await;
    let problem = refused.problem(422, "validation_failed");
    assert!(problem.to_string().contains("deal or contact"), "{problem}");
    app.sim.push(Reply::text("Which deal?"));
    let session = alice.session().await;
    let frames = alice.hear(&session, "/needy").await;
    assert!(told(&frames).is_empty());
    let asked = prompts(&app.sim)[0].json()["messages"].to_string();
    assert!(asked.contains("cannot begin yet") && asked.contains("deal or contact"), "{asked}");
    app.sim.push(Reply::text("Done."));
    let mentions = json!({"mentions": [{"kind": "deal", "id": "D-42"}]});
    let done = alice.post("/v1/skills/needy/runs", mentions).await.expect(200).json();
    assert_eq!(statuses(done["run"]["steps"].as_array().expect("steps")), ["done"], "{done}");
}

#[tokio::test]
async fn the_stand_in_hands_in_what_a_step_wants() {
    let app = TestApp::answered_by(model_sim::Sim::demo(), crate::harness::Setup::default()).await;
    let alice = app.alice();
    prepare(&alice, "follow-up", FOLLOW_UP).await;
    let frames = run(&alice, "follow-up").await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    assert_eq!(statuses(&shown(&alice, &run_of(&frames)).await), ["done"; 3]);
    assert!(tasks(&alice).await[0]["name"].as_str().expect("a name").starts_with("(stand-in)"));
}
