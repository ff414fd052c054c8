//! What the copilot is told when it asks about the sales record.

mod calendar;
mod deals;
mod hidden;
mod many;
mod names;
mod plans;
mod refusals;
mod suggestions;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Timelike as _, Utc};
use chrono_tz::Tz;
use domain::{
    EntityKind, OrgId, Tenant, UserId,
    entity::{Link, Visibility},
};
use model_sim::Reply;
use serde_json::{Value, json};
use store::entities::{self, NewEntity, Origin, Write};

use crate::harness::{
    Person, TestApp,
    look::{end, prompts, result},
};

/// An organization with alice at its copilot. She is in a zone in which midnight is far, so that no
/// day changes while a test runs.
struct Desk {
    app: TestApp,
    alice: Person,
    zone: Tz,
    today: NaiveDate,
}

impl Desk {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let alice = app.alice();
        // Whoever has asked once is a member.
        alice.get("/v1/me").await.expect(200);
        let now = Utc::now();
        let zone = if (5..19).contains(&now.hour()) { Tz::UTC } else { Tz::Etc__GMTMinus12 };
        Self { app, alice, zone, today: now.with_timezone(&zone).date_naive() }
    }

    fn day(&self, days: i64) -> NaiveDate {
        if days < 0 {
            self.today - Days::new(days.unsigned_abs())
        } else {
            self.today + Days::new(days.unsigned_abs())
        }
    }

    /// `2026-12-03`
    fn iso(&self, days: i64) -> String {
        self.day(days).to_string()
    }

    /// That hour of that day, as the person's clock shows it.
    fn at(&self, days: i64, hour: u32) -> DateTime<Utc> {
        let time = self.day(days).and_time(NaiveTime::MIN) + TimeDelta::hours(hour.into());
        self.zone.from_local_datetime(&time).earliest().expect("a moment").with_timezone(&Utc)
    }

    fn time(&self, days: i64, hour: u32) -> String {
        self.at(days, hour).to_rfc3339()
    }

    /// `Thu 3 Dec 2026`
    fn date(&self, days: i64) -> String {
        self.day(days).format("%a %-d %b %Y").to_string()
    }

    /// `Thu 3 Dec 2026, in 5 days`
    fn told(&self, days: i64) -> String {
        let distance = match days {
            0 => "today".into(),
            1 => "tomorrow".into(),
            -1 => "yesterday".into(),
            days if days > 0 => format!("in {days} days"),
            days => format!("{} days ago", -days),
        };
        format!("{}, {distance}", self.date(days))
    }

    async fn put(&self, kind: &str, id: &str, entity: Value) {
        self.alice.put(&format!("/v1/entities/{kind}/{id}"), entity).await.expect(201);
    }

    /// Has the model call a tool; what it was told, and whether that is an error.
    async fn ask(&self, tool: &str, args: Value) -> (String, bool) {
        let session = self.alice.session().await;
        self.ask_in(&self.alice, &session, tool, args).await
    }

    async fn ask_in(&self, person: &Person, session: &str, tool: &str, args: Value) -> (String, bool) {
        self.app.sim.push(Reply::call(tool, args));
        self.app.sim.push(Reply::text("Done."));
        let message = json!({"text": "What about it?", "context": {"timezone": self.zone.name()}});
        let frames = person.say_with(session, &message).await.rest().await;
        assert_eq!(end(&frames).event, "done");
        result(prompts(&self.app.sim).last().expect("a prompt"), 0)
    }

    /// The answer of a tool that is no error.
    #[track_caller]
    fn answer(&self, tool: &str, args: Value) -> impl Future<Output = String> {
        let at = std::panic::Location::caller();
        let asked = args.to_string();
        async move {
            let (text, is_error) = self.ask(tool, args).await;
            assert!(!is_error, "{at}: {tool} {asked}: {text}");
            text
        }
    }

    /// Writes entities past the API: for those of one person alone, and for many.
    async fn store(&self, org: &str, person: &str, news: &[Stored]) {
        let tenant = Tenant::own(OrgId::derive(org), UserId::derive(person));
        for part in news.chunks(500) {
            let mut tx = self.app.replica.engine.store().tenant(tenant).await.expect("a transaction");
            let none = serde_json::Map::new();
            let writes: Vec<Write<'_>> = part
                .iter()
                .map(|stored| Write {
                    new: NewEntity {
                        kind: stored.kind,
                        id: &stored.id,
                        name: &stored.name,
                        owner: stored.owner,
                        visibility: stored.visibility,
                        links: &stored.links,
                        fields: stored.fields.as_object().expect("fields"),
                        attributes: &none,
                    },
                    seen: None,
                })
                .collect();
            for outcome in entities::upsert(&mut tx, &writes, Origin::Person).await.expect("writes") {
                outcome.expect("a write");
            }
            tx.commit().await.expect("a commit");
        }
    }
}

/// An entity to be written past the API.
struct Stored {
    kind: EntityKind,
    id: String,
    name: String,
    owner: Option<&'static str>,
    visibility: Visibility,
    links: Vec<Link>,
    fields: Value,
}

impl Stored {
    fn new(kind: EntityKind, id: impl Into<String>, name: impl Into<String>, fields: Value) -> Self {
        let (id, name) = (id.into(), name.into());
        Self { kind, id, name, owner: None, visibility: Visibility::Org, links: Vec::new(), fields }
    }

    /// For its owner alone.
    fn private_to(self, owner: &'static str) -> Self {
        Self { owner: Some(owner), visibility: Visibility::Owner, ..self }
    }

    fn linked(mut self, kind: EntityKind, id: &str) -> Self {
        self.links.push(Link { kind, id: id.into(), role: None });
        self
    }
}

/// The record that most tests ask about: a company, two people, four deals, and what happened.
async fn record(desk: &Desk) {
    desk.put("company", "A-1", json!({"name": "Acme", "industry": "Retail"})).await;
    desk.put(
        "contact",
        "C-1",
        json!({"name": "Dana Roe", "email": "dana@acme.example", "title": "Buyer", "company": "Acme",
            "last_activity_at": desk.time(-20, 9), "links": [{"kind": "company", "id": "A-1"}]}),
    )
    .await;
    desk.put("contact", "C-2", json!({"name": "Tom Berg"})).await;
    let links = json!([{"kind": "contact", "id": "C-1", "role": "buyer"}, {"kind": "company", "id": "A-1"}]);
    desk.put(
        "deal",
        "D-1",
        json!({"name": "Acme renewal", "stage": "negotiation", "amount": 84000, "currency": "EUR",
            "probability": 60, "close_date": desk.iso(5), "health": 35, "ghost_risk": 60, "owner": "bob",
            "links": links}),
    )
    .await;
    desk.put(
        "deal",
        "D-2",
        json!({"name": "Globex pilot", "stage": "discovery", "amount": 0, "currency": "EUR",
            "close_date": desk.iso(-2)}),
    )
    .await;
    desk.put(
        "deal",
        "D-3",
        json!({"name": "Initech rollout", "stage": "negotiation", "amount": 12000.5, "currency": "USD",
            "probability": 50, "close_date": desk.iso(45), "health": 80}),
    )
    .await;
    desk.put("deal", "D-4", json!({"name": "Hooli trial", "stage": "Closed Lost", "amount": 9})).await;
    happened(desk).await;
}

async fn happened(desk: &Desk) {
    let with = |id: &str| json!([{"kind": "deal", "id": id}]);
    desk.put(
        "meeting",
        "M-1",
        json!({"name": "Demo", "starts_at": desk.time(-3, 10), "ends_at": desk.time(-3, 11),
            "attendees": ["Dana Roe", {"name": "Bob", "email": "bob@us.example"}], "links": with("D-1"),
            "summary": "Dana liked the demo.",
            "transcript": "Bob: Welcome.\nDana: Your price is above our budget, and we need a discount."}),
    )
    .await;
    desk.put(
        "meeting",
        "M-2",
        json!({"name": "Rollout call", "starts_at": desk.time(1, 14), "ends_at": desk.time(1, 15),
            "owner": "alice", "links": with("D-3")}),
    )
    .await;
    desk.put(
        "email",
        "E-1",
        json!({"name": "Re: discount", "date": desk.iso(-2), "from": "pat@initech.example", "to": ["alice"],
            "subject": "Re: discount", "body": "We expect a discount of ten percent.", "links": with("D-3")}),
    )
    .await;
    desk.put(
        "task",
        "T-1",
        json!({"name": "Send the offer", "assignee": "alice", "due_date": desk.iso(-1), "priority": "high",
            "links": with("D-1")}),
    )
    .await;
    desk.put("task", "T-2", json!({"name": "Call Initech", "assignee": "bob", "due_date": desk.iso(3)}))
        .await;
    desk.put(
        "task",
        "T-3",
        json!({"name": "Read the contract", "assignee": "alice", "status": "in_progress"}),
    )
    .await;
    desk.put("task", "T-4", json!({"name": "Book the room", "assignee": "alice", "status": "done"})).await;
}
