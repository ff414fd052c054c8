//! `sixty seed-demo`: an organization to try the service with, and the lines to
//! paste that the server prints at its start.
//!
//! Everything in its record is dated from the moment of seeding. Seeded again, on a later day
//! too, the dates are counted from then: the next meeting is within the hour again, and what
//! was overdue by two days is so again. Whatever else people or the copilot have changed,
//! deleted or added stays as they left it.

mod calendar;
mod hint;

use chrono::{DateTime, Utc};
use domain::{
    EntityKind, EntityRef, Error, OptionalExt, OrgId, Role, SessionId, Tenant, UserId,
    entity::{Link, Visibility},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::{
    Store, TenantTx,
    entities::{self, NewEntity, NewNote, Origin, Write},
    memories::{self, Change, Subject},
    orgs::{self, NewMember},
    sessions::{self, NewSession},
};

use crate::{
    config::Database,
    serve::{Connected, Fatal},
};
pub use hint::hint;

const ORG: &str = "demo";
/// A conversation about the renewal, and one about everything.
const DEAL_SESSION: &str = "deal:D-42";
const DAY_SESSION: &str = "main";

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

/// A line for each entity, those first that others link to. Dates are written as [`calendar`] says.
const RECORD: &str = include_str!("record.ndjson");

/// Fills the demo organization; if it is there, brings its dates up to this moment.
pub async fn seed(config: &Database) -> Result<(), Fatal> {
    let connected = Connected::open(config).await?;
    let store = connected.store(2)?;
    let seeded = fill(&store, Utc::now()).await;
    store.close().await;
    connected.close().await?;
    if seeded? {
        println!(
            "The demo organization is ready: alice (owner), bob (member), 12 deals, 30 contacts, meetings, to-dos, \
             e-mails."
        );
    } else {
        println!(
            "The demo organization is there already: its dates are counted from now again, everything else stays as it was."
        );
    }
    Ok(())
}

/// Whether the organization was made; false: it was there, and only its dates were changed.
pub async fn fill(store: &Store, now: DateTime<Utc>) -> Result<bool, Fatal> {
    let (org, record) = (OrgId::derive(ORG), record(now).map_err(Error::internal)?);
    let mut tx = store.tenant(Tenant::own(org, UserId::derive("alice"))).await?;
    if !orgs::create(&mut tx, ORG, Some("Northwind Robotics")).await? {
        date_again(&mut tx, &record).await?;
        tx.commit().await?;
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
    for (key, entity) in [(DEAL_SESSION, Some(&acme)), (DAY_SESSION, None)] {
        let session = NewSession { client_key: Some(key), entity, ..NewSession::default() };
        sessions::create(&mut tx, SessionId::new(), &session).await?;
    }
    tx.commit().await?;
    let mut tx = store.tenant(Tenant::own(org, UserId::derive("bob"))).await?;
    memories::write(&mut tx, &Subject::Me, BOB_MEMORY, Change::Put, None, None).await?;
    tx.commit().await?;
    Ok(true)
}

/// Gives what is left of the record its dates of this moment, and changes nothing else.
async fn date_again(tx: &mut TenantTx, record: &[Line]) -> Result<(), Fatal> {
    for line in record.iter().filter(|line| !line.dated.is_empty()) {
        let Some(mut entity) = entities::find(tx, line.kind, &line.id).await.optional()? else { continue };
        let dates = line.dated.iter().map(|name| (name.clone(), line.fields[name].clone()));
        entity.fields.extend(dates);
        let new = NewEntity {
            kind: entity.kind,
            id: &entity.id,
            name: &entity.name,
            owner: entity.owner.as_deref(),
            visibility: entity.visibility,
            links: &entity.links,
            fields: &entity.fields,
            attributes: &entity.attributes,
        };
        entities::put(tx, new, Some(entity.version), Origin::Kept).await?;
    }
    Ok(())
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
    /// The fields that count from the moment of seeding.
    #[serde(skip)]
    dated: Vec<String>,
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
    let line = |text: &str| {
        let mut line: Line = serde_json::from_str(text)?;
        for (name, value) in &mut line.fields {
            if let Some(at) = value.as_str().and_then(|text| calendar::moment(now, text)) {
                *value = at.into();
                line.dated.push(name.clone());
            }
        }
        Ok(line)
    };
    RECORD.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
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
}
