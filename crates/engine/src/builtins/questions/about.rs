//! One deal, contact or company with what stands around it.

use std::collections::BTreeMap;

use domain::{EntityKind, EntityRef, brief::Brief};
use store::{TenantTx, questions};
use tools::{Part, Which};

use super::{
    Answer, Answered, Asking, Found, LINES, lines, listed, page,
    say::{self, Clock},
    untrusted, value, which,
};

/// Lines of one section.
const SECTION: usize = 5;

pub async fn entity(tx: &mut TenantTx, asking: Asking<'_>, kind: EntityKind, which: &Which) -> Answered {
    let (entity, taken) = which::one(tx, asking, kind, which).await?;
    let reference = EntityRef { kind, id: entity.id.clone() };
    let around = questions::around(tx, &reference, asking.now).await?;
    let clock = asking.clock();
    let mut text: Vec<String> = taken.into_iter().collect();
    text.push(lines::line(&entity, clock));
    if let (EntityKind::Deal, Some(health)) = (kind, health(&entity)) {
        text.push(health);
    }
    text.extend(entity.text.as_deref().map(|words| format!("description: {}", say::short(words))));
    text.extend(sections(kind, &around, clock));
    let untrusted = untrusted(around.iter().chain([&entity]));
    let value = value::one(kind, Some(&entity), &around);
    Ok(Answer { text: text.join("\n"), value, untrusted })
}

fn health(deal: &Brief) -> Option<String> {
    let health = deal.health.map(|health| format!("health {}", say::number(health)));
    let ghost = deal.ghost_risk.map(|risk| format!("ghost risk {} %", say::number(risk)));
    let facts: Vec<String> = [health, ghost].into_iter().flatten().collect();
    (!facts.is_empty()).then(|| facts.join("; "))
}

fn sections(kind: EntityKind, around: &[Brief], clock: Clock) -> Vec<String> {
    use EntityKind::{Company, Contact, Deal, Meeting, Task};
    let of = |wanted: EntityKind| around.iter().filter(move |entity| entity.kind == wanted);
    let mut text = Vec::new();
    if kind != Company {
        text.extend(section("companies", of(Company), clock));
    }
    text.extend(section(if kind == Contact { "other people" } else { "people" }, of(Contact), clock));
    if kind != Deal {
        text.extend(sums(of(Deal).filter(|deal| deal.open)));
        text.extend(section("deals", of(Deal), clock));
    }
    let to_come = |entity: &&Brief| entity.at >= clock.now;
    let mut next: Vec<&Brief> = of(Meeting).filter(to_come).collect();
    next.sort_by_key(|meeting| meeting.at);
    text.extend(section("next meetings", next.into_iter(), clock));
    let mut open: Vec<&Brief> = of(Task).filter(|task| task.open).collect();
    open.sort_by_key(|task| (task.due_date.is_none(), task.due_date, task.id.clone()));
    text.extend(section("open to-dos", open.into_iter(), clock));
    // They come newest first.
    let happened = around.iter().filter(|entity| entity.kind.is_event() && entity.at < clock.now);
    text.extend(section("last activities", happened, clock));
    text
}

fn section<'a>(name: &str, entities: impl Iterator<Item = &'a Brief>, clock: Clock) -> Vec<String> {
    let all: Vec<&Brief> = entities.collect();
    if all.is_empty() {
        return vec![format!("{name}: none on record")];
    }
    let lines =
        all.iter().take(SECTION).map(|entity| format!("- {}{}", lines::line(entity, clock), quote(entity)));
    let more = all.len().saturating_sub(SECTION);
    let more = (more > 0).then(|| format!("- and {more} more"));
    std::iter::once(format!("{name}:")).chain(lines).chain(more).collect()
}

/// Of what happened also what was said.
fn quote(entity: &Brief) -> String {
    if entity.kind.is_event() { lines::excerpt(entity) } else { String::new() }
}

/// What the open deals come to, each currency by itself.
fn sums<'a>(deals: impl Iterator<Item = &'a Brief>) -> Option<String> {
    let mut sums: BTreeMap<Option<&str>, f64> = BTreeMap::new();
    let mut count = 0;
    for deal in deals {
        count += 1;
        *sums.entry(deal.currency.as_deref()).or_default() += deal.amount.unwrap_or_default();
    }
    let sums: Vec<String> = sums
        .into_iter()
        .filter(|(_, sum)| *sum > 0.0)
        .map(|(currency, sum)| say::amount(sum, currency))
        .collect();
    let sums = if sums.is_empty() { "no amount".into() } else { sums.join(" and ") };
    (count > 0).then(|| format!("open deals shown here: {count}, {sums}"))
}

pub async fn activities(tx: &mut TenantTx, asking: Asking<'_>, which: &Which, part: Part) -> Answered {
    let (deal, taken) = which::one(tx, asking, EntityKind::Deal, which).await?;
    let page = page(part, LINES);
    let reference = EntityRef { kind: EntityKind::Deal, id: deal.id.clone() };
    let rows = questions::activities(tx, &reference, page).await?;
    let clock = asking.clock();
    let title = say::title(&deal);
    let mut answer = listed(
        &format!("Activities of {title}, newest first:"),
        &format!("No meeting, e-mail or other activity of {title} is on record."),
        Found { rows, name: "activities", part, page },
        |event| format!("{}{}", lines::line(event, clock), lines::excerpt(event)),
    );
    answer.untrusted |= untrusted([&deal]);
    if let Some(taken) = taken {
        answer.text = format!("{taken}\n{}", answer.text);
    }
    Ok(answer)
}
