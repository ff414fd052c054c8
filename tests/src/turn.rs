//! A message becomes an answer, with tools in between.

use model_sim::{Reply, Usage};
use serde_json::{Value, json};

use crate::harness::{
    Setup, TestApp,
    look::{all, answers, end, last_blocks, messages, names, prompts, result, run_of, text_of},
};

#[tokio::test]
async fn an_answer_is_streamed_stored_and_read_again() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::text("Good morning, Alice."));
    let frames = alice.say(&session, "Good morning").await.rest().await;
    let names: Vec<&str> = frames.iter().map(|frame| frame.event.as_str()).collect();
    assert_eq!(names.first(), Some(&"run_started"));
    assert_eq!(names[names.len() - 2..], ["message_complete", "done"]);
    let text: String = frames
        .iter()
        .filter_map(|frame| frame.data["text"].as_str().filter(|_| frame.event == "token"))
        .collect();
    assert_eq!(text, "Good morning, Alice.");
    let history = alice.history(&session).await;
    assert_eq!(history.len(), 2);
    assert_eq!(history[0]["content"], json!([{"type": "text", "text": "Good morning"}]));
    assert_eq!(history[1]["content"], json!([{"type": "text", "text": "Good morning, Alice."}]));
    let run = frames[0].data["run_id"].as_str().expect("an id");
    assert_eq!(alice.follow(run, None).await.rest().await, frames);
}

#[tokio::test]
async fn a_tool_is_called_and_its_result_goes_into_the_answer() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    let look = json!({"kind": "deal", "id": "D-42"});
    app.sim.push(Reply::text("Let me look.").tool("get_entity", look.clone()));
    app.sim.push(Reply::text("It is in negotiation."));
    let frames = alice.hear(&session, "Where is the renewal?").await;
    assert_eq!(
        names(&frames),
        [
            "run_started",
            "token",
            "message_complete",
            "tool_start",
            "tool_result",
            "token",
            "message_complete",
            "done"
        ]
    );
    assert_eq!(answers(&frames), ["Let me look.", "It is in negotiation."]);
    let (start, result) = (all(&frames, "tool_start")[0], all(&frames, "tool_result")[0]);
    assert_eq!((&start["name"], &start["input"]), (&json!("get_entity"), &look));
    assert_eq!((&result["id"], &result["success"]), (&start["id"], &json!(true)));
    assert!(result["result"].as_str().expect("a result").contains("Acme renewal"), "{result}");
    let done = &end(&frames).data;
    assert_eq!((&done["status"], &done["iterations"]), (&json!("done"), &json!(2)));
    assert_eq!(done["tools_used"], json!([{"id": start["id"], "name": "get_entity", "success": true}]));

    let history = alice.history(&session).await;
    let roles: Vec<&Value> = history.iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant"]);
    assert_eq!(history[1]["content"][1]["type"], "tool_use");
    assert_eq!(history[2]["content"][0]["tool_use_id"], history[1]["content"][1]["id"]);
    assert_eq!(history[3]["id"], done["message_id"]);
}

#[tokio::test]
async fn results_go_back_in_one_message_in_the_order_of_the_calls() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    let calls = Reply::call("add_note", json!({"kind": "deal", "id": "D-42", "text": "Wants a discount"}))
        .tool("find_entities", json!({"query": "nobody"}))
        .tool("memory_append", json!({"scope": "user", "section": "Style", "text": "Short answers"}))
        .tool("get_entity", json!({"kind": "deal", "id": "D-42"}))
        .tool("get_entity", json!({"kind": "deal", "id": "D-99"}));
    app.sim.push(calls);
    app.sim.push(Reply::text("All done."));
    let frames = alice.hear(&session, "Note it, and look around").await;
    let prompt = &prompts(&app.sim)[1];
    let (calls, results) = (&messages(prompt)[1]["content"], last_blocks(prompt));
    assert_eq!(messages(prompt).len(), 3);
    assert_eq!(results.len(), 5);
    for (call, result) in calls.as_array().expect("blocks").iter().zip(results) {
        assert_eq!(call["id"], result["tool_use_id"]);
    }
    let texts: Vec<String> = (0..5).map(|i| result(prompt, i).0).collect();
    for (text, expected) in
        texts.iter().zip(["Noted", "Nothing on record", "Written", "Acme renewal", "There is no"])
    {
        assert!(text.contains(expected), "{texts:#?}");
    }
    assert!(!result(prompt, 3).1);
    assert!(result(prompt, 4).1);
    let shown: Vec<&Value> = all(&frames, "tool_result").iter().map(|event| &event["id"]).collect();
    let called: Vec<&Value> = calls.as_array().expect("blocks").iter().map(|call| &call["id"]).collect();
    assert_eq!(shown, called);
}

#[tokio::test]
async fn thinking_is_shown_and_goes_back_unchanged() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let sealed = json!({"type": "redacted_thinking", "data": "c2VhbGVk"});
    app.sim.push(
        Reply::message()
            .thinking("Who is it?\nI look.")
            .raw_block(sealed.clone())
            .tool("find_entities", json!({"query": "Dana"})),
    );
    app.sim.push(Reply::text("Nobody of that name."));
    let frames = alice.hear(&session, "Who is Dana?").await;
    let thinking: String =
        all(&frames, "thinking").iter().map(|event| event["text"].as_str().expect("a text")).collect();
    assert_eq!(thinking, "Who is it?\nI look.");
    assert_eq!(answers(&frames), ["", "Nobody of that name."]);
    let sent = prompts(&app.sim);
    let echoed = &messages(&sent[1])[1]["content"];
    assert_eq!(echoed[0]["thinking"], "Who is it?\nI look.");
    assert!(echoed[0]["signature"].as_str().is_some_and(|signature| signature.starts_with("sim-")));
    assert_eq!(echoed[1], sealed);
}

#[tokio::test]
async fn the_text_that_was_shown_is_the_text_that_is_stored() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let search = json!({"query": "Dana"});
    app.sim.push(Reply::text(" \n\n").tool("find_entities", search.clone()));
    app.sim.push(Reply::text("\n One.\n").and_text(" Two.").thinking("Hm.").and_text("Three.\n"));
    let frames = alice.hear(&session, "Who is Dana?").await;
    assert_eq!(answers(&frames), ["", "\n One.\n Two.Three.\n"]);
    let history = alice.history(&session).await;
    assert_eq!(history[1]["content"].as_array().expect("blocks").len(), 1);
    assert_eq!(history[3]["content"][1], json!({"type": "text", "text": " Two."}));
}

#[tokio::test]
async fn the_usage_of_all_model_calls_is_added_up() {
    // A dollar for a token, and more for those of the cache.
    let price =
        r#"{"anthropic/claude-test": {"input": 1e6, "output": 1e6, "cache_read": 1e5, "cache_write": 2e5}}"#;
    let prices = model::Prices::parse(price).expect("prices");
    let app = TestApp::with(Setup { prices, ..Setup::default() }).await;
    let alice = app.alice();
    let session = alice.session().await;
    let usage = |n| Usage {
        input_tokens: n,
        output_tokens: 10 * n,
        cache_read_input_tokens: 100 * n,
        cache_creation_input_tokens: 1000 * n,
    };
    app.sim.push(Reply::call("find_entities", json!({"query": "Dana"})).usage(usage(1)));
    app.sim.push(Reply::text("Nobody.").usage(usage(2)));
    let frames = alice.hear(&session, "Who is Dana?").await;
    let sum = &end(&frames).data["usage"];
    for (name, tokens) in [
        ("input_tokens", 3),
        ("output_tokens", 30),
        ("cache_read_input_tokens", 300),
        ("cache_creation_input_tokens", 3000),
    ] {
        assert_eq!(sum[name], tokens, "{name}");
    }
    assert_eq!(sum["cost_usd"], 3.0 + 30.0 + 30.0 + 600.0);
    let run = alice.get(&format!("/v1/runs/{}", run_of(&frames))).await.expect(200).json();
    assert_eq!(&run["usage"], sum);
    // A model without a price has no cost.
    let sum = "select count(*) from sixty.runs where cost = 663000000000";
    assert_eq!(app.database.count(sum).await, 1);
    let app = TestApp::start().await;
    let frames = app.alice().hear(&app.alice().session().await, "Hello?").await;
    assert_eq!(end(&frames).data["usage"].get("cost_usd"), None);
}

#[tokio::test]
async fn ids_of_calls_that_come_twice_are_told_apart() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let again = || Reply::message().tool_with_id("toolu_1", "find_entities", json!({"query": "Dana"}));
    app.sim.push(again().tool_with_id("toolu_1", "find_entities", json!({"query": "Roe"})));
    app.sim.push(again());
    app.sim.push(Reply::text("Nobody."));
    let frames = alice.hear(&session, "Who is Dana?").await;
    assert_eq!(end(&frames).event, "done", "{frames:#?}");
    assert_eq!(all(&frames, "tool_result").len(), 3);
}

#[tokio::test]
async fn a_session_gets_a_title_and_a_preview() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::text("It is in **negotiation**."));
    alice.hear(&session, "Where is the\nrenewal?").await;
    let shown = alice.get(&format!("/v1/sessions/{session}")).await.expect(200).json();
    assert_eq!(shown["title"], "Where is the renewal?");
    assert_eq!(shown["title_source"], "auto");
    assert_eq!(shown["preview"], "It is in **negotiation**.");
    assert_eq!(shown["message_count"], 2);
    app.sim.push(Reply::text("Nothing else."));
    alice.hear(&session, "And else?").await;
    let shown = alice.get(&format!("/v1/sessions/{session}")).await.expect(200).json();
    assert_eq!(
        (&shown["title"], &shown["preview"]),
        (&json!("Where is the renewal?"), &json!("Nothing else."))
    );
}

#[tokio::test]
async fn a_question_without_an_answer_is_told_from_the_next_one() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::status(400));
    assert_eq!(end(&alice.hear(&session, "First").await).event, "error");
    app.sim.push(Reply::text("Second it is."));
    assert_eq!(end(&alice.hear(&session, "Second").await).event, "done");
    let sent = prompts(&app.sim);
    let sent = messages(sent.last().expect("a prompt"));
    assert_eq!(sent.len(), 3);
    assert!(text_of(&sent[0]).ends_with("First") && text_of(&sent[2]).ends_with("Second"));
    assert_eq!(
        (&sent[1]["role"], text_of(&sent[1]).as_str()),
        (&json!("assistant"), "[no answer was given]")
    );
    assert_eq!(alice.history(&session).await.len(), 3, "the text that fills the gap is not stored");
}

#[tokio::test]
async fn tools_without_an_answer_are_told_from_the_next_question() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::call("find_entities", json!({"query": "Dana"})));
    app.sim.push(Reply::status(400));
    assert_eq!(end(&alice.hear(&session, "Who is Dana?").await).event, "error");
    app.sim.push(Reply::text("Nobody."));
    assert_eq!(end(&alice.hear(&session, "Well?").await).event, "done");
    let sent = prompts(&app.sim);
    let roles: Vec<&Value> =
        messages(sent.last().expect("a prompt")).iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"]);
}

#[tokio::test]
async fn an_answer_that_pauses_is_sent_back_and_goes_on() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::text("Still at it.").stop_reason("pause_turn"));
    app.sim.push(Reply::text("Here it is."));
    let frames = alice.hear(&session, "Take your time").await;
    assert_eq!(answers(&frames), ["Still at it.", "Here it is."]);
    assert_eq!(end(&frames).data["iterations"], 2);
    let sent = prompts(&app.sim);
    assert_eq!(text_of(&messages(&sent[1])[1]), "Still at it.");
    app.sim.push(Reply::text("Yes."));
    assert_eq!(end(&alice.hear(&session, "All of it?").await).event, "done");
}
