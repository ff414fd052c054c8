//! One entity on one line.

use domain::{EntityKind, brief::Brief};

use super::{
    LEAST_HEALTH, MOST_GHOST_RISK, STALE_DAYS,
    say::{self, Clock, amount, field, neighbours, number, people, title},
};

const PARTIES: [EntityKind; 3] = [EntityKind::Deal, EntityKind::Contact, EntityKind::Company];

/// Kind, id and name, and what matters of the kind.
pub fn line(entity: &Brief, clock: Clock) -> String {
    let facts = match entity.kind {
        EntityKind::Deal => deal(entity, clock),
        EntityKind::Contact => contact(entity, clock),
        EntityKind::Company => named(entity, &["industry", "status", "size", "country", "website", "phone"]),
        EntityKind::Meeting => meeting(entity, clock),
        EntityKind::Task => task(entity, clock),
        EntityKind::Activity | EntityKind::Email => event(entity, clock),
    };
    let owner = entity.owner.as_deref().filter(|_| entity.kind != EntityKind::Task);
    let owner = owner.map(|owner| format!("owner {}", say::short(owner)));
    [title(entity)].into_iter().chain(facts).chain(owner).collect::<Vec<_>>().join("; ")
}

/// The typed fields of these names that it has.
fn named(entity: &Brief, names: &[&str]) -> Vec<String> {
    names.iter().filter_map(|name| Some(format!("{name} {}", field(entity, name)?))).collect()
}

fn deal(deal: &Brief, clock: Clock) -> Vec<String> {
    let with =
        neighbours(deal, &[EntityKind::Contact, EntityKind::Company]).map(|with| format!("with {with}"));
    let flags = flags(deal, clock);
    let flags = (!flags.is_empty()).then(|| format!("FLAGS: {}", flags.join(", ")));
    [
        deal.stage.as_deref().map(|stage| format!("stage {}", say::short(stage))),
        Some(deal.amount.map_or("no amount".into(), |of| amount(of, deal.currency.as_deref()))),
        deal.probability.map(|probability| format!("probability {} %", number(probability))),
        deal.close_date.map(|day| closes(deal, day, clock)),
        deal.touched_at.map(|last| format!("last activity {}", clock.day_at(last))),
        with,
        flags,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn closes(deal: &Brief, day: chrono::NaiveDate, clock: Clock) -> String {
    if deal.open { format!("closes {}", clock.due(day)) } else { format!("close date {}", clock.day(day)) }
}

/// What was agreed to be told of an open deal, each with its reason.
pub fn flags(deal: &Brief, clock: Clock) -> Vec<String> {
    let mut flags = alarms(deal, clock);
    if is_open_deal(deal) && deal.amount.unwrap_or(0.0) == 0.0 {
        flags.push("no amount: ask to qualify it".into());
    }
    flags
}

/// Those of them that are bad news.
pub fn alarms(deal: &Brief, clock: Clock) -> Vec<String> {
    if !is_open_deal(deal) {
        return Vec::new();
    }
    [
        deal.close_date.and_then(|day| clock.overdue(day)),
        weak(deal).map(|health| format!("at risk (health {})", number(health))),
        ghosted(deal).map(|risk| format!("at risk (ghost risk {} %)", number(risk))),
        stale(deal, clock),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn is_open_deal(entity: &Brief) -> bool {
    entity.open && entity.kind == EntityKind::Deal
}

fn weak(deal: &Brief) -> Option<f64> {
    deal.health.filter(|health| *health < LEAST_HEALTH)
}

fn ghosted(deal: &Brief) -> Option<f64> {
    deal.ghost_risk.filter(|risk| *risk > MOST_GHOST_RISK)
}

/// Of a deal at risk how great the danger is, out of a hundred.
pub fn danger(deal: &Brief) -> Option<f64> {
    let at_risk = weak(deal).is_some() || ghosted(deal).is_some();
    at_risk.then(|| deal.health.map_or(0.0, |health| 100.0 - health).max(deal.ghost_risk.unwrap_or(0.0)))
}

/// For how long nothing has happened with a deal, if that is too long.
pub fn stale(deal: &Brief, clock: Clock) -> Option<String> {
    match deal.touched_at.map(|last| clock.days_since(last)) {
        None => Some("stale (no activity on record)".into()),
        Some(days) if days > i64::from(STALE_DAYS) => Some(format!("stale ({days} days without activity)")),
        Some(_) => None,
    }
}

fn contact(contact: &Brief, clock: Clock) -> Vec<String> {
    let mut facts = named(contact, &["title", "company", "email", "phone"]);
    facts.push(match contact.touched_at {
        Some(last) => format!("last contact {}", clock.day_at(last)),
        None => "no contact on record".into(),
    });
    facts.extend(
        neighbours(contact, &[EntityKind::Deal, EntityKind::Company]).map(|with| format!("linked to {with}")),
    );
    facts
}

fn meeting(meeting: &Brief, clock: Clock) -> Vec<String> {
    let mut facts = vec![clock.when(meeting)];
    facts.extend(meeting.mine.then(|| "the person's own".into()));
    facts.extend(field(meeting, "location").map(|place| format!("at {place}")));
    facts.extend(people(meeting, "attendees").map(|people| format!("attendees {people}")));
    facts.extend(neighbours(meeting, &PARTIES).map(|about| format!("about {about}")));
    facts
}

fn task(task: &Brief, clock: Clock) -> Vec<String> {
    let mut facts = vec![format!("status {}", field(task, "status").unwrap_or_else(|| "open".into()))];
    facts.extend(match task.due_date {
        Some(day) if task.open => Some(format!("due {}", clock.due(day))),
        Some(day) => Some(format!("due {}", clock.day(day))),
        None => Some("no due date".into()),
    });
    facts.extend(named(task, &["priority", "assignee"]));
    facts.extend(neighbours(task, &PARTIES).map(|about| format!("about {about}")));
    facts
}

fn event(event: &Brief, clock: Clock) -> Vec<String> {
    let mut facts = vec![clock.when(event)];
    facts.extend(field(event, "type").map(|kind| format!("type {kind}")));
    facts.extend(people(event, "from").map(|people| format!("from {people}")));
    facts.extend(people(event, "to").map(|people| format!("to {people}")));
    facts.extend(
        field(event, "subject").filter(|subject| *subject != event.name).map(|it| format!("subject {it}")),
    );
    facts.extend(neighbours(event, &PARTIES).map(|about| format!("about {about}")));
    facts
}

/// The beginning of its long text, quoted.
pub fn excerpt(entity: &Brief) -> String {
    let text = entity.text.as_deref().map(say::short).filter(|text| !text.is_empty());
    text.map(|text| format!("; says “{text}”")).unwrap_or_default()
}
