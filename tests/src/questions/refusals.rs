use serde_json::json;

use super::{Desk, record};

const EMPTY: [(&str, &str); 11] = [
    ("get_pipeline_deals", "Open deals: none."),
    ("get_pipeline_summary", "Open deals: none."),
    ("get_contacts_needing_attention", "There is no contact without activity for 14 days."),
    ("get_meetings", "Meetings: none on record."),
    ("get_next_meeting", "There is no meeting to come on record."),
    ("get_meetings_for_period", "Meetings from Mon 2 Nov 2026 to Sun 8 Nov 2026 (UTC): none on record."),
    ("search_meeting_context", "Nothing matches \"x\" in meetings."),
    ("search_emails", "Nothing matches \"x\" in e-mails."),
    ("list_tasks", "Open to-dos, for the person: none on record."),
    ("find_entities", "Nothing on record matches \"x\"."),
    ("resolve_entity", "Nobody and nothing on record fits \"x\"."),
];

#[tokio::test]
async fn an_empty_record_has_nothing_and_every_tool_says_so() {
    let desk = Desk::start().await;
    for (tool, expected) in EMPTY {
        let args = match tool {
            "get_meetings_for_period" => json!({"period": "2026-11-02..2026-11-08", "timezone": "UTC"}),
            "search_meeting_context" | "search_emails" | "find_entities" => json!({"query": "x"}),
            "resolve_entity" => json!({"name": "x"}),
            _ => json!({}),
        };
        assert_eq!(desk.answer(tool, args).await, expected, "{tool}");
    }
    for filter in ["closing_soon", "at_risk", "stale", "needs_attention"] {
        let told = desk.answer("get_pipeline_deals", json!({ "filter": filter })).await;
        assert!(told.ends_with(": none."), "{told}");
    }
}

#[tokio::test]
async fn bad_arguments_are_refused_with_what_could_be_given() {
    let desk = Desk::start().await;
    record(&desk).await;
    for (tool, args, words) in [
        ("get_pipeline_deals", json!({"filter": "lost"}), "needs_attention"),
        (
            "get_pipeline_deals",
            json!({"period": "soon"}),
            "There is no period \"soon\". A period is today, tomorrow",
        ),
        (
            "get_pipeline_deals",
            json!({"period": "today", "timezone": "Mars/Base"}),
            "There is no time zone \"Mars/Base\"",
        ),
        (
            "get_pipeline_deals",
            json!({"filter": "closing_soon", "period": "today"}),
            "either that filter or a period",
        ),
        ("get_pipeline_deals", json!({"days": 0}), "days: "),
        ("get_pipeline_deals", json!({"limit": 51}), "limit: "),
        ("get_pipeline_deals", json!({"page": "2"}), "page: "),
        ("get_pipeline_summary", json!({"period": "2026-Q5"}), "last_quarter"),
        ("get_pipeline_summary", json!({"timezone": "CEST?"}), "Europe/Berlin"),
        ("get_meetings_for_period", json!({}), "\"period\" is a required"),
        ("get_meetings_for_period", json!({"period": "2026-11-15..2026-11-01"}), "There is no period"),
        ("get_meetings_for_period", json!({"period": "today", "whose": "bob"}), "whose: "),
        ("get_deal", json!({"id": "D-1", "name": "Acme"}), "Give an id or a name, not both."),
        ("get_deal", json!({}), "Give the id or the name of the deal."),
        ("get_contact", json!({}), "Give the id or the name of the contact."),
        ("get_company_status", json!({"id": "A-9"}), "There is no company \"A-9\" on record."),
        ("get_deal", json!({"id": "C-1"}), "There is no deal \"C-1\" on record."),
        ("get_deal_activities", json!({"id": "D-9"}), "There is no deal \"D-9\" on record."),
        ("get_meetings", json!({"deal_id": "D-9"}), "There is no deal \"D-9\" on record."),
        ("get_meetings", json!({"contact_id": "C-9"}), "There is no contact \"C-9\" on record."),
        ("search_emails", json!({"query": "a", "contact_id": "C-1", "deal_id": "D-1"}), "not both"),
        ("search_emails", json!({"query": "?!"}), "There is no word in the query"),
        (
            "search_meeting_context",
            json!({"query": "a", "deal_id": "D-9"}),
            "There is no deal \"D-9\" on record.",
        ),
        ("list_tasks", json!({"due_before": "tomorrow"}), "due_before must be a date such as 2026-12-01"),
        ("list_tasks", json!({"status": "late"}), "in_progress"),
        ("list_tasks", json!({"filter": "late"}), "high_priority"),
        ("resolve_entity", json!({"name": ""}), "name: "),
        ("resolve_entity", json!({"name": "Dana", "org_id": "x"}), "org_id"),
    ] {
        let (told, is_error) = desk.ask(tool, args.clone()).await;
        assert!(is_error && told.contains(words), "{tool} {args}: {told}");
    }
}

#[tokio::test]
async fn a_run_that_somebody_else_takes_over_counts_days_in_the_same_zone() {
    use model_sim::Reply;

    use crate::harness::{
        Setup, TestApp,
        look::{prompts, result},
    };
    // Nobody executes the run at first; the replica that claims it knows the zone from the database.
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let alice = app.alice();
    let meeting = json!({"name": "Late", "starts_at": "2026-06-10T22:30:00Z"});
    alice.put("/v1/entities/meeting/M-9", meeting).await.expect(201);
    let session = alice.session().await;
    app.sim.push(Reply::call("get_meetings_for_period", json!({"period": "2026-06-11"})));
    app.sim.push(Reply::text("Done."));
    let body = json!({"text": "What was on?", "context": {"timezone": "Europe/Berlin"}});
    let request = alice.message(&session, &body).header("prefer", "respond-async");
    let run = alice.send(request).await.expect(202).json()["run"]["id"].as_str().expect("an id").to_owned();
    let _worker = app.another_replica(Setup::default()).await;
    alice.follow(&run, None).await.rest().await;
    let (told, _) = result(prompts(&app.sim).last().expect("a prompt"), 0);
    assert!(told.contains("(Europe/Berlin):\n- meeting M-9: Late; Thu 11 Jun 2026 00:30"), "{told}");
}
