//! `sixty seed-demo`: an organization to try the service with, and the lines to
//! paste that the server prints at its start.

use std::{net::SocketAddr, time::Duration};

use chrono::{DateTime, DurationRound as _, SecondsFormat, TimeDelta, Utc};
use domain::{
    EntityKind, EntityRef, Error, OrgId, Role, SessionId, Tenant, UserId,
    entity::{Link, Visibility},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::{
    Store,
    entities::{self, NewEntity, NewNote, Origin, Write},
    memories::{self, Change, Subject},
    orgs::{self, NewMember},
    sessions::{self, NewSession},
};

use crate::{
    auth::{self, Grant},
    config::Database,
    serve::{Connected, Fatal},
};

const ORG: &str = "demo";
const DEMO_SESSION: &str = "deal:D-42";
const TOKEN_LIFE: Duration = Duration::from_hours(24);

const ORG_MEMORY: &str = "## Company
- Northwind Robotics sells inspection robots to factories, mostly in Germany, Austria and Switzerland
- Prices are in EUR; list prices hold until the end of the quarter
- A discount above 12 % needs Marta's word

## Competitors
- Kestrel Automation: cheaper, weak service outside Germany
- Bluecrane: strong in food, no support for cleanrooms";

const ALICE_MEMORY: &str = "## Preferences
- Short answers, numbers first
- Amounts with currency, dates with the weekday

## Role
- Account executive for manufacturing; her quarter ends on the last Friday";

const BOB_MEMORY: &str = "## Preferences
- Wants the open risks before anything else";

const DEAL_MEMORY: &str = "## People
- Dana Whitfield (C-1) decides; Tom Arendt (C-2) must sign for security

## History
- The pilot in Graz ran eight weeks without a stop
- They asked twice for a written answer on data residency";

/// A line for each entity, those first that others link to. `@-3T14:30` is a moment, `@+18` a
/// day from today, and `@+0h1` the next full hour.
const RECORD: &str = include_str!("record.ndjson");

/// Fills the demo organization, unless it is there.
pub async fn seed(config: &Database) -> Result<(), Fatal> {
    let connected = Connected::open(config).await?;
    let store = connected.store(2)?;
    let seeded = fill(&store).await;
    store.close().await;
    connected.close().await?;
    if seeded? {
        println!(
            "The demo organization is ready: alice (owner), bob (member), 12 deals, 30 contacts, meetings, to-dos."
        );
    } else {
        println!("The demo organization is there already; nothing was changed.");
    }
    Ok(())
}

async fn fill(store: &Store) -> Result<bool, Fatal> {
    let org = OrgId::derive(ORG);
    let alice = Tenant::own(org, UserId::derive("alice"));
    let mut tx = store.tenant(alice).await?;
    if !orgs::create(&mut tx, ORG, Some("Northwind Robotics")).await? {
        tx.rollback().await?;
        return Ok(false);
    }
    for (user, name, role) in [("alice", "Alice Example", Role::Owner), ("bob", "Bob Sample", Role::Member)] {
        let member = NewMember {
            user: UserId::derive(user),
            external_id: user,
            name: Some(name),
            role: Some(role),
            service: false,
        };
        orgs::put_member(&mut tx, &member).await?;
    }
    let record = record(Utc::now()).map_err(Error::internal)?;
    let writes: Vec<Write<'_>> = record.iter().map(Line::write).collect();
    for written in entities::upsert(&mut tx, &writes, Origin::Person).await? {
        written?;
    }
    let acme = EntityRef { kind: EntityKind::Deal, id: "D-42".into() };
    for (subject, text) in [
        (Subject::Org, ORG_MEMORY),
        (Subject::Me, ALICE_MEMORY),
        (Subject::Entity(acme.clone()), DEAL_MEMORY),
    ] {
        memories::write(&mut tx, &subject, text, Change::Put, None, None).await?;
    }
    let note = NewNote {
        text: "Dana wants the renewal signed before her budget closes.",
        run: None,
        integration: false,
    };
    entities::add_note(&mut tx, &acme, &note).await?;
    let session = NewSession { client_key: Some(DEMO_SESSION), entity: Some(&acme), ..NewSession::default() };
    sessions::create(&mut tx, SessionId::new(), &session).await?;
    tx.commit().await?;
    let mut tx = store.tenant(Tenant::own(org, UserId::derive("bob"))).await?;
    memories::write(&mut tx, &Subject::Me, BOB_MEMORY, Change::Put, None, None).await?;
    tx.commit().await?;
    Ok(true)
}

/// An entity as the file has it.
#[derive(Deserialize)]
struct Line {
    kind: EntityKind,
    id: String,
    name: String,
    owner: Option<String>,
    #[serde(default)]
    links: Vec<Link>,
    #[serde(flatten)]
    fields: Map<String, Value>,
    #[serde(skip)]
    attributes: Map<String, Value>,
}

impl Line {
    fn write(&self) -> Write<'_> {
        let new = NewEntity {
            kind: self.kind,
            id: &self.id,
            name: &self.name,
            owner: self.owner.as_deref(),
            visibility: Visibility::Org,
            links: &self.links,
            fields: &self.fields,
            attributes: &self.attributes,
        };
        Write { new, seen: None }
    }
}

/// The record as of this moment.
fn record(now: DateTime<Utc>) -> serde_json::Result<Vec<Line>> {
    let dated = |value: &mut Value| {
        if let Some(at) =
            value.as_str().and_then(|text| text.strip_prefix('@')).and_then(|at| moment(now, at))
        {
            *value = at.into();
        }
    };
    let line = |text: &str| {
        let mut line: Line = serde_json::from_str(text)?;
        line.fields.values_mut().for_each(dated);
        Ok(line)
    };
    RECORD.lines().map(line).collect()
}

/// A day, a time of a day, or a full hour to come, counted from now.
fn moment(now: DateTime<Utc>, at: &str) -> Option<String> {
    let seconds = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    let day = |days: &str| now.date_naive().checked_add_signed(TimeDelta::days(days.parse().ok()?));
    if let Some((days, hours)) = at.split_once('h') {
        let hour = now.duration_trunc(TimeDelta::hours(1)).ok()?;
        return Some(seconds(
            hour + TimeDelta::days(days.parse().ok()?) + TimeDelta::hours(hours.parse().ok()?),
        ));
    }
    match at.split_once('T') {
        Some((days, time)) => Some(seconds(day(days)?.and_time(time.parse().ok()?).and_utc())),
        None => day(at).map(|day| day.to_string()),
    }
}

/// Prints what a newcomer pastes, where the demo organization exists.
pub async fn hint(store: &Store, settings: &auth::Settings, address: SocketAddr) -> Result<(), Fatal> {
    let alice = Tenant::own(OrgId::derive(ORG), UserId::derive("alice"));
    let mut tx = store.tenant(alice).await?;
    let found = sessions::find_by_key(&mut tx, DEMO_SESSION).await;
    tx.rollback().await?;
    let session = match found {
        Ok(session) => session,
        Err(Error::NotFound) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let grant =
        Grant { user: "alice", org: Some(ORG), role: Some("owner"), platform_admin: false, ttl: TOKEN_LIFE };
    let token = auth::mint(settings, &grant)?;
    println!(
        "\nSixty answers at http://{address}\n\nA token of alice, owner of the demo organization, for 24 hours:\n\n  \
         TOKEN={token}\n\nAsk the copilot about the deal D-42 (paste this and the token into another terminal):\n\n  \
         curl -N http://{address}/v1/sessions/{session}/messages \\\n    -H \"Authorization: Bearer $TOKEN\" \
         -H 'Content-Type: application/json' \\\n    -H 'Accept: text/event-stream' \
         -d '{{\"text\": \"What do you know about D-42?\"}}'\n\nAsk it to change the deal: it needs your approval, \
         which the second command gives.\n\n  curl -N http://{address}/v1/sessions/{session}/messages \\\n    -H \"Authorization: \
         Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n    -H 'Accept: text/event-stream' -d '{{\"text\": \"Move D-42 to \
         negotiation\"}}'\n  curl http://{address}/v1/approvals/APPROVAL_ID -H \"Authorization: Bearer $TOKEN\" \\\n    \
         -H 'Content-Type: application/json' -d '{{\"decision\": \"approve\"}}'\n\nCtrl-C stops server and database.\n"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::{facets::Facets, fields};

    use super::*;

    #[test]
    fn the_record_is_sound_at_any_hour() {
        for now in ["2026-11-28T23:59:59Z", "2026-01-01T00:00:00Z", "2028-02-29T12:00:00Z"] {
            let now = now.parse().expect("a time");
            let record = record(now).expect("JSON");
            for line in &record {
                assert_eq!(fields::check(line.kind, &line.fields), Vec::new(), "{}", line.id);
                let facets = Facets::of(line.kind, &line.fields);
                let dated = facets.at.is_some() || !line.kind.is_event();
                assert!(
                    dated && !line.fields.values().any(|value| value.to_string().contains("\"@")),
                    "{}",
                    line.id
                );
            }
            let next = record.iter().find(|line| line.id == "M-1").expect("a meeting");
            let begins = Facets::of(next.kind, &next.fields).at.expect("a time");
            assert!(begins > now && begins <= now + TimeDelta::hours(1));
        }
    }

    #[test]
    fn a_day_and_a_time_count_from_now() {
        let now = "2026-11-28T10:20:30Z".parse().expect("a time");
        let at = |text: &str| moment(now, text);
        assert_eq!(at("+18").as_deref(), Some("2026-12-16"));
        assert_eq!(at("-3T14:30").as_deref(), Some("2026-11-25T14:30:00Z"));
        assert_eq!(at("+0h1").as_deref(), Some("2026-11-28T11:00:00Z"));
        assert_eq!(at("northwind.example"), None);
    }
}
