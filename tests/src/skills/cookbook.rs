//! The templates of `sixty skills new`, each as a skill of the demo organization.

use std::collections::BTreeSet;

use ::skills::{Key, cookbook::TEMPLATES};
use chrono::Utc;
use model_sim::Reply;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    book,
    rows::{
        Effect::{Card, Kept, Made, Told},
        Row, action, row,
    },
    send,
    zips::folder,
};
use crate::harness::{
    Person, TestApp,
    look::{prompts, run_of},
};

/// Those that wait for a connector, with what is missing until then.
const LAME: [(&str, [&str; 2]); 2] =
    [("data-lookup", ["billing", "list_invoices"]), ("integration", ["get_product_usage", "product_usage"])];

/// The demo organization with a skill of each template, under the template's name.
async fn start() -> (TestApp, Person) {
    let app = TestApp::start().await;
    server::demo::fill(app.replica.engine.store(), Utc::now()).await.expect("the demo is seeded");
    let alice = app.replica.person("demo", "alice", "owner");
    alice.put("/v1/org/profile", json!({"company_name": "Northwind Robotics"})).await.expect(200);
    let files: Vec<(String, String)> = TEMPLATES
        .iter()
        .flat_map(|template| {
            let key: Key = template.name.parse().expect("a key");
            template.fill(&key).into_iter().map(|(path, text)| (format!("{}/{path}", template.name), text))
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let path = "/v1/admin/skills/import?all_or_nothing=true";
    send(&alice, Method::POST, path, "application/zip", folder(&files)).await.expect(200);
    (app, alice)
}

fn rows() -> Vec<Row> {
    let submit = |output: Value| vec![("submit_output", json!({ "output": output }))];
    let task = json!({"title": "Ask Claire for a sponsor", "due_date": "2031-05-02", "deal_id": "D-50"});
    let mail = json!({"to": "dana@acme.example", "subject": "Frankfurt", "body": "As agreed: Frankfurt."});
    let shown = json!({"type": "text", "summary": "Two slip", "data": {"text": "Savoy and Orion slip."}});
    vec![
        row(
            "research-brief",
            json!({"company": "Acme", "focus": "people"}),
            vec![vec![
                action("get_company_status", &json!({"name": "Acme"})),
                action("recall", &json!({"query": "Acme"})),
            ]],
            vec![Told("You prepare a seller of Northwind Robotics"), Told("Acme renewal")],
        ),
        row(
            "meeting-preparation",
            json!({}),
            vec![
                vec![action("get_next_meeting", &json!({}))],
                vec![action("search_meeting_context", &json!({"query": "next steps", "deal_id": "D-42"}))],
            ],
            vec![Told("Acme: renewal terms")],
        ),
        row(
            "follow-up-draft",
            json!({"contact": "Dana", "tone": "brief"}),
            vec![
                vec![action("get_contact", &json!({"name": "Dana Whitfield"}))],
                vec![action("draft_email", &mail)],
            ],
            vec![Card("email_draft", "As agreed: Frankfurt.")],
        ),
        row(
            "deal-rescue",
            json!({"deal_id": "D-50"}),
            vec![
                vec![
                    action("get_deal", &json!({"id": "D-50"})),
                    ("get_skill", json!({"key": "deal-rescue", "document": "references/signals.md"})),
                ],
                vec![action("create_task", &task)],
            ],
            vec![Kept("/v1/entities?kind=task&limit=100", "Ask Claire for a sponsor")],
        ),
        row(
            "pipeline-review",
            json!({}),
            vec![
                vec![
                    action("get_pipeline_summary", &json!({"period": "this_year"})),
                    action("get_pipeline_deals", &json!({"filter": "at_risk"})),
                ],
                vec![("show_card", shown)],
            ],
            vec![Told("Open deals"), Card("text", "Savoy and Orion slip.")],
        ),
        row(
            "approval-gated-action",
            json!({"deal_id": "D-43", "stage": "proposal", "to": "ingrid@borealis.example"}),
            vec![],
            vec![
                Kept("/v1/entities/deal/D-43", r#""stage":"proposal""#),
                Kept("/v1/entities/deal/D-43/notes", "Moved from discovery to proposal."),
                Card("email_draft", "it is in stage proposal now."),
            ],
        ),
        row(
            "multi-step-sequence",
            json!({"period": "this_year"}),
            vec![
                submit(
                    json!({"diagnosis": "No sponsor", "plan": ["Have Claire name a sponsor"], "message": "Hello"}),
                ),
                vec![action("draft_email", &mail)],
                submit(json!({"subject": "Frankfurt", "body": "As agreed.", "next_step": "Call"})),
            ],
            vec![
                Made("get_pipeline_deals", json!({"filter": "needs_attention"})),
                Made("create_task", json!({"title": "Have Claire name a sponsor"})),
                Kept("/v1/entities?kind=task&limit=100", "Have Claire name a sponsor"),
            ],
        ),
    ]
}

#[tokio::test]
async fn each_template_of_the_cookbook_is_carried_out_to_its_effect() {
    let (app, alice) = start().await;
    for row in rows() {
        book::is_new(&alice, &row).await;
        for calls in &row.answers {
            let call = |reply: Reply, (tool, input): &(&str, Value)| reply.tool(*tool, input.clone());
            app.sim.push(calls.iter().fold(Reply::message(), call));
        }
        app.sim.push(Reply::text("That is done."));
        let since = prompts(&app.sim).len();
        let frames = book::carry_out(&alice, &row).await;
        assert_eq!(frames.last().expect("an end").data["status"], "done", "{}: {frames:#?}", row.key);
        assert_eq!(app.sim.unused(), 0, "{}", row.key);
        book::check(&alice, &row, &frames, &book::told(&app, since)).await;
        // What mappings read is there.
        let run = alice.get(&format!("/v1/runs/{}", run_of(&frames))).await.expect(200).json();
        for step in run["steps"].as_array().into_iter().flatten() {
            assert!(step["status"] == "done" && step["missing"].is_null(), "{}: {step}", row.key);
        }
    }
    for (key, missing) in LAME {
        let path = format!("/v1/skills/{key}/runs");
        let refused = alice.post(&path, json!({"inputs": {"customer": "Acme"}})).await;
        let detail = refused.problem(409, "skill_not_runnable")["detail"].to_string();
        assert!(missing.iter().all(|name| detail.contains(name)), "{key}: {detail}");
    }
    let tried: BTreeSet<&str> = rows().iter().map(|row| row.key).chain(LAME.map(|(key, _)| key)).collect();
    assert_eq!(tried, TEMPLATES.iter().map(|template| template.name).collect());
}
