//! `sixty seed-demo`: an organization to try the service with, and the lines to
//! paste that the server prints at its start.

use std::{net::SocketAddr, time::Duration};

use chrono::{Days, Utc};
use domain::{
    EntityKind, EntityRef, Error, OrgId, Role, SessionId, Tenant, UserId,
    entity::{Link, Visibility},
};
use serde_json::{Map, Value, json};
use store::{
    Store, TenantTx,
    entities::{self, NewEntity, Origin},
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

/// id, name, stage, amount, days until close, probability, health, owner, contacts.
type Deal =
    (&'static str, &'static str, &'static str, u32, i64, u8, u8, &'static str, &'static [&'static str]);

const DEALS: [Deal; 12] = [
    ("D-42", "Acme renewal", "proposal", 84_000, 18, 60, 72, "alice", &["C-1", "C-2"]),
    ("D-43", "Borealis plant 2", "discovery", 210_000, 74, 25, 58, "alice", &["C-3"]),
    ("D-44", "Helvetia Foods pilot", "qualification", 32_000, 41, 30, 66, "bob", &["C-4"]),
    ("D-45", "Lindqvist cleanroom line", "negotiation", 156_000, 9, 75, 81, "alice", &["C-5", "C-6"]),
    ("D-46", "Orion Glass inspection", "proposal", 97_500, 27, 45, 35, "bob", &["C-7"]),
    ("D-47", "Castellan spare parts", "won", 18_400, -6, 100, 90, "bob", &["C-8"]),
    ("D-48", "Tessera Mobility framework", "discovery", 340_000, 120, 15, 50, "alice", &["C-9"]),
    ("D-49", "Mühlbauer Papier retrofit", "negotiation", 64_000, 12, 70, 63, "bob", &["C-10"]),
    ("D-50", "Savoy Pharma validation", "proposal", 128_000, 33, 50, 28, "alice", &["C-11"]),
    ("D-51", "Drava Steel rollout", "qualification", 0, 60, 10, 44, "bob", &["C-12"]),
    ("D-52", "Kornati Shipyard trial", "lost", 45_000, -20, 0, 20, "alice", &["C-13"]),
    ("D-53", "Wallis Energy service contract", "proposal", 52_000, 21, 55, 77, "bob", &["C-14"]),
];

/// id, name, title, company, e-mail, days since the last contact.
type Contact = (&'static str, &'static str, &'static str, &'static str, &'static str, u64);

const CONTACTS: [Contact; 14] = [
    ("C-1", "Dana Whitfield", "VP Operations", "Acme", "dana.whitfield@acme.example", 3),
    ("C-2", "Tom Arendt", "Head of IT Security", "Acme", "tom.arendt@acme.example", 16),
    ("C-3", "Ingrid Solberg", "Plant Manager", "Borealis", "ingrid.solberg@borealis.example", 6),
    ("C-4", "Matteo Keller", "Quality Lead", "Helvetia Foods", "matteo.keller@helvetia-foods.example", 9),
    ("C-5", "Elin Lindqvist", "CEO", "Lindqvist Medtech", "elin@lindqvist.example", 1),
    ("C-6", "Jonas Berg", "Procurement", "Lindqvist Medtech", "jonas.berg@lindqvist.example", 2),
    ("C-7", "Priya Raman", "Production Director", "Orion Glass", "priya.raman@orion-glass.example", 22),
    ("C-8", "Luc Moreau", "Maintenance Lead", "Castellan", "luc.moreau@castellan.example", 5),
    ("C-9", "Sofia Duarte", "Head of Manufacturing", "Tessera Mobility", "sofia.duarte@tessera.example", 12),
    ("C-10", "Karl Mühlbauer", "Owner", "Mühlbauer Papier", "karl@muehlbauer-papier.example", 4),
    ("C-11", "Claire Fontaine", "Validation Manager", "Savoy Pharma", "claire.fontaine@savoy.example", 31),
    ("C-12", "Goran Petek", "Operations", "Drava Steel", "goran.petek@drava.example", 19),
    ("C-13", "Marin Babić", "Yard Manager", "Kornati Shipyard", "marin.babic@kornati.example", 24),
    ("C-14", "Nadia Favre", "Asset Manager", "Wallis Energy", "nadia.favre@wallis-energy.example", 7),
];

/// Fills the demo organization, unless it is there.
pub async fn seed(config: &Database) -> Result<(), Fatal> {
    let connected = Connected::open(config).await?;
    let store = connected.store(2)?;
    let seeded = fill(&store).await;
    store.close().await;
    connected.close().await?;
    if seeded? {
        println!("The demo organization is ready: alice (owner), bob (member), 12 deals, 14 contacts.");
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
    for contact in CONTACTS {
        write(&mut tx, &contact_of(contact)).await?;
    }
    for deal in DEALS {
        write(&mut tx, &deal_of(deal)).await?;
    }
    let acme = EntityRef { kind: EntityKind::Deal, id: "D-42".into() };
    for (subject, text) in [
        (Subject::Org, ORG_MEMORY),
        (Subject::Me, ALICE_MEMORY),
        (Subject::Entity(acme.clone()), DEAL_MEMORY),
    ] {
        memories::write(&mut tx, &subject, text, Change::Put, None, None).await?;
    }
    entities::add_note(&mut tx, &acme, "Dana wants the renewal signed before her budget closes.", None)
        .await?;
    let session = NewSession { client_key: Some(DEMO_SESSION), entity: Some(&acme), ..NewSession::default() };
    sessions::create(&mut tx, SessionId::new(), &session).await?;
    tx.commit().await?;
    let mut tx = store.tenant(Tenant::own(org, UserId::derive("bob"))).await?;
    memories::write(&mut tx, &Subject::Me, BOB_MEMORY, Change::Put, None, None).await?;
    tx.commit().await?;
    Ok(true)
}

struct Record {
    entity: EntityRef,
    name: &'static str,
    owner: Option<&'static str>,
    links: Vec<Link>,
    fields: Map<String, Value>,
}

async fn write(tx: &mut TenantTx, record: &Record) -> domain::Result<()> {
    let attributes = Map::new();
    let new = NewEntity {
        kind: record.entity.kind,
        id: &record.entity.id,
        name: record.name,
        owner: record.owner,
        visibility: Visibility::Org,
        links: &record.links,
        fields: &record.fields,
        attributes: &attributes,
    };
    entities::create(tx, new, Origin::Person).await.map(drop)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn deal_of((id, name, stage, amount, closes, probability, health, owner, contacts): Deal) -> Record {
    let today = Utc::now().date_naive();
    let close_date = if closes < 0 {
        today - Days::new(closes.unsigned_abs())
    } else {
        today + Days::new(closes.unsigned_abs())
    };
    let fields = json!({ "stage": stage, "amount": amount, "currency": "EUR", "close_date": close_date,
        "probability": probability, "health": health });
    let link = |id: &&str| Link { kind: EntityKind::Contact, id: (*id).to_owned(), role: None };
    Record {
        entity: EntityRef { kind: EntityKind::Deal, id: id.into() },
        name,
        owner: Some(owner),
        links: contacts.iter().map(link).collect(),
        fields: object(fields),
    }
}

fn contact_of((id, name, title, company, email, days): Contact) -> Record {
    let last = (Utc::now() - Days::new(days)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    Record {
        entity: EntityRef { kind: EntityKind::Contact, id: id.into() },
        name,
        owner: None,
        links: Vec::new(),
        fields: object(
            json!({ "title": title, "company": company, "email": email, "last_activity_at": last }),
        ),
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
