//! What is a colleague's alone, or another organization's, is in no answer.

use domain::EntityKind::{self, Activity, Company, Contact, Deal, Email, Meeting, Task};
use serde_json::{Value, json};

use super::{Desk, Stored};
use crate::harness::{Person, look::prompts};

const SECRET: &str = "Zanzibar";

/// One of each kind that fits every question, linked to the public deal D-1 and to the contact C-1.
fn rows(desk: &Desk) -> Vec<Stored> {
    let new = |kind: EntityKind, id: &str, fields: Value| {
        let row = Stored::new(kind, id, format!("{SECRET} {kind}"), fields);
        if kind == Deal || kind == Company { row } else { row.linked(Deal, "D-1").linked(Contact, "C-1") }
    };
    vec![
        new(
            Deal,
            "S-D",
            json!({"stage": SECRET, "amount": 0, "currency": "EUR", "close_date": desk.iso(3), "health": 1, "ghost_risk": 99}),
        )
        .linked(Contact, "C-1"),
        new(Contact, "S-C", json!({"last_activity_at": desk.time(-40, 9)})),
        new(Company, "S-A", json!({})),
        new(Meeting, "S-M1", json!({"starts_at": desk.time(1, 9), "attendees": ["alice"], "transcript": SECRET})),
        new(Meeting, "S-M2", json!({"starts_at": desk.time(-1, 9), "transcript": SECRET})),
        new(Task, "S-T", json!({"assignee": "alice", "due_date": desk.iso(0)})),
        new(Activity, "S-V", json!({"date": desk.iso(-1), "body": SECRET})),
        new(Email, "S-E", json!({"date": desk.iso(-1), "body": SECRET, "subject": SECRET})),
    ]
}

/// Every tool, asked so that it would show the rows.
fn questions(desk: &Desk) -> Vec<(&'static str, Value)> {
    let period = format!("{}..{}", desk.iso(-2), desk.iso(2));
    vec![
        ("find_entities", json!({"query": SECRET})),
        ("find_entities", json!({"query": "S-D"})),
        ("find_entities", json!({"query": "zanz"})),
        ("resolve_entity", json!({"name": SECRET})),
        ("resolve_entity", json!({"name": "Sansibar"})),
        ("get_deal", json!({"id": "S-D"})),
        ("get_deal", json!({"name": SECRET})),
        ("get_deal", json!({"id": "D-1"})),
        ("get_contact", json!({"id": "S-C"})),
        ("get_contact", json!({"id": "C-1"})),
        ("get_company_status", json!({"name": SECRET})),
        ("get_deal_activities", json!({"id": "D-1"})),
        ("get_pipeline_summary", json!({})),
        ("get_pipeline_deals", json!({})),
        ("get_pipeline_deals", json!({"filter": "closing_soon"})),
        ("get_pipeline_deals", json!({"filter": "at_risk"})),
        ("get_pipeline_deals", json!({"filter": "stale"})),
        ("get_pipeline_deals", json!({"filter": "needs_attention"})),
        ("get_contacts_needing_attention", json!({})),
        ("get_meetings", json!({})),
        ("get_meetings", json!({"deal_id": "D-1", "contact_id": "C-1"})),
        ("get_next_meeting", json!({})),
        ("get_meetings_for_period", json!({"period": period})),
        ("search_meeting_context", json!({"query": SECRET})),
        ("search_meeting_context", json!({"query": SECRET, "deal_id": "D-1"})),
        ("list_tasks", json!({})),
        ("list_tasks", json!({"assignee": "anyone"})),
        ("list_tasks", json!({"deal_id": "D-1"})),
        ("search_emails", json!({"query": SECRET})),
        ("search_emails", json!({"query": SECRET, "contact_id": "C-1"})),
        ("get_entity", json!({"kind": "deal", "id": "S-D"})),
        ("get_entity", json!({"kind": "contact", "id": "C-1"})),
    ]
}

/// What the person is told, the words of the question left out.
async fn answers(desk: &Desk, person: &Person) -> Vec<String> {
    let mut told = Vec::new();
    for (tool, args) in questions(desk) {
        let session = person.session().await;
        let (text, _) = desk.ask_in(person, &session, tool, args.clone()).await;
        let quoted = args.to_string();
        let asked: Vec<&str> = quoted.split('"').filter(|word| word.len() > 2).collect();
        told.push(asked.iter().fold(text, |text, word| text.replace(&format!("{word:?}"), "…")));
    }
    told
}

async fn public(desk: &Desk, org: &str, person: &str) {
    let deal = Stored::new(Deal, "D-1", "Acme renewal", json!({"close_date": desk.iso(5)}));
    desk.store(org, person, &[deal, Stored::new(Contact, "C-1", "Dana Roe", json!({}))]).await;
}

#[tokio::test]
async fn what_is_a_colleagues_alone_is_in_no_answer() {
    let desk = Desk::start().await;
    let bob = desk.app.bob();
    bob.get("/v1/me").await.expect(200);
    public(&desk, "acme", "alice").await;
    let before = answers(&desk, &desk.alice).await;
    let rows: Vec<Stored> = rows(&desk).into_iter().map(|row| row.private_to("bob")).collect();
    desk.store("acme", "bob", &rows).await;
    for ((tool, args), (told, before)) in
        questions(&desk).into_iter().zip(answers(&desk, &desk.alice).await.into_iter().zip(before))
    {
        // That bob has been in touch is known of what both of them see, and no more.
        assert!(!told.contains(SECRET) && !told.contains("S-"), "{tool} {args}: {told}");
        if !told.contains("activity") && !told.contains("contact") {
            assert_eq!(told, before, "{tool} {args}");
        }
    }
    let theirs = answers(&desk, &bob).await;
    for ((tool, args), told) in questions(&desk).into_iter().zip(theirs) {
        // His to-do is alice's to do; in everything else he finds his own.
        let his = told.contains(SECRET) || (tool, &args) == ("list_tasks", &json!({}));
        assert!(his, "{tool} {args}: {told}");
    }
    assert!(prompts(&desk.app.sim).len() > 100);
}

#[tokio::test]
async fn what_another_organization_has_is_in_no_answer() {
    let desk = Desk::start().await;
    let mallory = desk.app.stranger();
    mallory.get("/v1/me").await.expect(200);
    public(&desk, "acme", "alice").await;
    public(&desk, "globex", "mallory").await;
    let before = answers(&desk, &mallory).await;
    desk.store("acme", "alice", &rows(&desk)).await;
    for ((tool, args), (told, before)) in
        questions(&desk).into_iter().zip(answers(&desk, &mallory).await.into_iter().zip(before))
    {
        assert_eq!(told, before, "{tool} {args}");
    }
    let own = answers(&desk, &desk.alice).await;
    assert!(own.iter().all(|told| told.contains(SECRET)), "{own:#?}");
}
