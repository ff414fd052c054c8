//! What people are offered to ask.

use chrono::{TimeDelta, Utc};
use domain::EntityKind;
use serde_json::{Value, json};

use super::{Desk, Stored, record};
use crate::harness::{Answer, Person};

const GENERAL: &str = "What needs my attention today?";

impl Desk {
    /// What the person is offered, in the desk's zone.
    async fn offered(&self, person: &Person, query: &str) -> Vec<Value> {
        let path = format!("/v1/suggestions?timezone={}{query}", self.zone.name().replace('+', "%2B"));
        let offered = person.get(&path).await.expect(200).json();
        let data = offered["data"].as_array().expect("a list").clone();
        assert!((1..=4).contains(&data.len()), "{offered}");
        data
    }

    async fn offered_about(&self, kind: &str, id: &str) -> Vec<String> {
        let offered = self.offered(&self.alice, &format!("&entity_kind={kind}&entity_id={id}")).await;
        for it in &offered {
            assert_eq!(it["entity"], json!({"kind": kind, "id": id}));
        }
        prompts(&offered)
    }
}

fn prompts(offered: &[Value]) -> Vec<String> {
    offered.iter().map(|it| it["prompt"].as_str().expect("a prompt").to_owned()).collect()
}

/// A record in which everything presses on alice.
async fn busy(desk: &Desk) -> String {
    let at = Utc::now() + TimeDelta::minutes(30);
    desk.put(
        "meeting",
        "M-1",
        json!({"name": "Rollout call", "starts_at": at.to_rfc3339(), "attendees": ["alice", "Dana Roe"]}),
    )
    .await;
    desk.put("task", "T-1", json!({"name": "Send the offer", "assignee": "alice", "due_date": desk.iso(-2)}))
        .await;
    for (id, name, fields) in [
        ("D-1", "Acme renewal", json!({"health": 35})),
        ("D-2", "Globex pilot", json!({"ghost_risk": 90})),
        ("D-3", "Initech rollout", json!({"close_date": desk.iso(10)})),
        ("D-4", "Hooli trial", json!({"close_date": desk.iso(10), "stage": "lost", "health": 1})),
    ] {
        let mut deal = json!({"name": name, "owner": "alice", "amount": 9});
        deal.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
        desk.put("deal", id, deal).await;
        let links = json!([{"kind": "deal", "id": id}]);
        let call = json!({"name": "Call", "date": desk.time(-1, 9), "links": links});
        desk.put("activity", &format!("V-{id}"), call).await;
    }
    at.with_timezone(&desk.zone).format("%H:%M").to_string()
}

#[tokio::test]
async fn what_presses_on_a_person_is_suggested_the_most_urgent_first() {
    let desk = Desk::start().await;
    let time = busy(&desk).await;
    let offered = desk.offered(&desk.alice, "").await;
    assert_eq!(
        prompts(&offered),
        [
            format!("Prepare my meeting “Rollout call” with Dana Roe at {time}"),
            "Help me get my overdue to-do “Send the offer” done".into(),
            "What can I do about the risks of the deal “Globex pilot”?".into(),
            "What is left to do until the deal “Initech rollout” closes?".into(),
        ]
    );
    let due = format!("Due {}, overdue by 2 days", desk.date(-2));
    assert_eq!(
        offered[1],
        json!({"prompt": "Help me get my overdue to-do “Send the offer” done", "reason": due,
            "entity": {"kind": "task", "id": "T-1"}, "name": "Send the offer"})
    );
    assert_eq!(offered[2]["reason"], "At risk (ghost risk 90 %)");
    // What is done presses no more, and makes room for the rest.
    for (path, change) in [
        ("task/T-1", json!({"status": "done"})),
        ("deal/D-1", json!({"health": 80})),
        ("deal/D-2", json!({"ghost_risk": 50})),
        ("meeting/M-1", json!({"starts_at": (Utc::now() + TimeDelta::minutes(70)).to_rfc3339()})),
    ] {
        desk.alice.patch(&format!("/v1/entities/{path}"), change).await.expect(200);
    }
    desk.put("deal", "D-5", json!({"name": "Umbrella", "owner": "alice", "amount": 9})).await;
    assert_eq!(
        prompts(&desk.offered(&desk.alice, "").await),
        [
            "How do I get the deal “Umbrella” moving again?",
            "What is left to do until the deal “Initech rollout” closes?"
        ]
    );
}

#[tokio::test]
async fn what_is_others_does_not_press_on_a_person() {
    let desk = Desk::start().await;
    let (bob, rita, mallory) = (desk.app.bob(), desk.app.rita(), desk.app.stranger());
    busy(&desk).await;
    let private = Stored::new(
        EntityKind::Meeting,
        "M-9",
        "Secret",
        json!({"starts_at": Utc::now() + TimeDelta::minutes(9),
        "attendees": ["bob", "alice"]}),
    );
    desk.store("acme", "carl", &[private.private_to("carl")]).await;
    for person in [&bob, &rita, &mallory] {
        let offered = desk.offered(person, "").await;
        assert_eq!(offered[0]["prompt"], GENERAL, "{offered:?}");
        assert_eq!(
            offered[0].as_object().map(|it| it.keys().cloned().collect()),
            Some(vec!["prompt".to_owned(), "reason".into()])
        );
    }
    assert!(!prompts(&desk.offered(&desk.alice, "").await).iter().any(|prompt| prompt.contains("Secret")));
}

#[tokio::test]
async fn who_looks_at_an_entity_is_offered_what_fits_it() {
    let desk = Desk::start().await;
    record(&desk).await;
    assert_eq!(
        desk.offered_about("deal", "D-1").await,
        [
            "What are the risks of the deal “Acme renewal”, and what can I do about them?",
            "Catch me up on the deal “Acme renewal”",
            "What is the next step in the deal “Acme renewal”?"
        ]
    );
    assert_eq!(
        desk.offered_about("deal", "D-4").await,
        ["Catch me up on the deal “Hooli trial”", "What can we learn from the deal “Hooli trial”?"]
    );
    for (kind, id, first) in [
        ("contact", "C-1", "Draft a follow-up to “Dana Roe”"),
        ("contact", "C-2", "Draft a first message to “Tom Berg”"),
        ("company", "A-1", "What is our status with “Acme”?"),
        ("meeting", "M-1", "Summarize the meeting “Demo”"),
        ("meeting", "M-2", "Prepare the meeting “Rollout call”"),
        ("task", "T-1", "How do I get the to-do “Send the offer” done?"),
        ("email", "E-1", "Summarize the e-mail “Re: discount”"),
    ] {
        assert_eq!(desk.offered_about(kind, id).await[0], first);
    }
    let about = desk.offered(&desk.alice, "&entity_kind=deal&entity_id=D-1").await;
    assert_eq!(about[0]["reason"], "At risk (health 35), at risk (ghost risk 60 %)");
    assert_eq!(about[1]["reason"], format!("Last activity {}", desk.told(-3)));
}

#[tokio::test]
async fn an_entity_that_is_not_there_for_the_person_is_not_found() {
    let desk = Desk::start().await;
    let (bob, mallory) = (desk.app.bob(), desk.app.stranger());
    bob.get("/v1/me").await.expect(200);
    mallory.put("/v1/entities/deal/D-9", json!({"name": "Theirs"})).await.expect(201);
    let private = Stored::new(EntityKind::Deal, "D-8", "Carl's", json!({})).private_to("carl");
    desk.store("acme", "carl", &[private]).await;
    let said = |answer: Answer| {
        let mut problem = answer.problem(404, "not_found");
        problem.as_object_mut().expect("an object").remove("request_id");
        problem
    };
    let ask =
        async |id: &str| desk.alice.get(&format!("/v1/suggestions?entity_kind=deal&entity_id={id}")).await;
    let nobodys = said(ask("D-0").await);
    for id in ["D-8", "D-9", "", "..", "%20", &"9".repeat(3_000)] {
        assert_eq!(said(ask(id).await), nobodys, "{id}");
    }
    mallory.get("/v1/suggestions?entity_kind=deal&entity_id=D-9").await.expect(200);
}

#[tokio::test]
async fn suggestions_that_cannot_be_asked_for_are_refused() {
    let desk = Desk::start().await;
    for (query, field) in [
        ("entity_kind=deal", "entity_id"),
        ("entity_id=D-1", "entity_kind"),
        ("entity_kind=invoice&entity_id=D-1", "entity_kind"),
        ("timezone=Berlin", "timezone"),
        ("timezone=", "timezone"),
        ("entity_kind=deal&entity_id=%00", ""),
    ] {
        let problem =
            desk.alice.get(&format!("/v1/suggestions?{query}")).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{query}: {problem}");
    }
}

#[tokio::test]
async fn a_meeting_is_told_in_the_zone_that_is_asked_for() {
    let desk = Desk::start().await;
    let at = Utc::now() + TimeDelta::minutes(20);
    desk.put("meeting", "M-1", json!({"name": "Demo", "starts_at": at.to_rfc3339(), "owner": "alice"})).await;
    for (query, hours) in [("", 0), ("?timezone=UTC", 0), ("?timezone=Etc/GMT-5", 5)] {
        let offered = desk.alice.get(&format!("/v1/suggestions{query}")).await.expect(200).json();
        let time = (at + TimeDelta::hours(hours)).format("%H:%M");
        assert_eq!(offered["data"][0]["prompt"], format!("Prepare my meeting “Demo” at {time}"));
    }
}
