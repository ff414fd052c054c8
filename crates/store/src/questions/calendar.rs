//! Meetings.

use chrono::{DateTime, Utc};
use domain::{EntityRef, Result, brief::Brief};

use super::{Page, bring};
use crate::TenantTx;

/// The person's next meeting from then on: one that they own, or one of the next two hundred of the
/// organization that names them among the attendees, by id or name; else the organization's next.
/// Whether it is theirs is known from its attendees and its owner.
pub async fn next(
    tx: &mut TenantTx,
    from: DateTime<Utc>,
    external_id: &str,
    name: Option<&str>,
) -> Result<Option<(Brief, bool)>> {
    let external_id = external_id.to_lowercase();
    let name = name.map(str::to_lowercase);
    let found: Result<Vec<Brief>> = bring!(
        tx,
        "next_meeting",
        "left(coalesce(e.fields ->> 'summary', e.fields ->> 'body', e.fields ->> 'description'), 600)",
        ["(select 'meeting' as kind, m.id, m.at, 0 as rank from sixty.entities m
            where m.org_id = $1 and m.kind = 'meeting' and m.owner_user = $2 and m.at >= $3
            order by m.at, m.id desc limit 1)
        union all
        (select 'meeting', m.id, m.at, 0 from (
                select m.id, m.at, m.fields -> 'attendees' as attendees from sixty.entities m
                where m.org_id = $1 and m.kind = 'meeting' and m.at >= $3 order by m.at, m.id desc limit 200) m
            where ", attended, "
            order by m.at, m.id desc limit 1)
        union all
        (select 'meeting', m.id, m.at, 1 from sixty.entities m
            where m.org_id = $1 and m.kind = 'meeting' and m.at >= $3 order by m.at, m.id desc limit 1)
        order by rank, at, id desc limit 2"],
        "k.rank, k.at, k.id desc",
        from,
        external_id,
        name,
    );
    let found = found?;
    let theirs = found.first().is_some_and(|meeting| attends(meeting, &external_id, name.as_deref()));
    Ok(found.into_iter().next().map(|meeting| (meeting, theirs)))
}

/// Whether the meeting is the person's, whose id and name are in lower case.
fn attends(meeting: &Brief, external_id: &str, name: Option<&str>) -> bool {
    let is_them = |text: &serde_json::Value| {
        text.as_str().map(str::to_lowercase).is_some_and(|text| text == external_id || Some(&*text) == name)
    };
    let one = |person: &serde_json::Value| {
        is_them(person) || person.get("email").is_some_and(is_them) || person.get("name").is_some_and(is_them)
    };
    meeting.mine
        || meeting.fields.get("attendees").is_some_and(|attendees| match attendees.as_array() {
            Some(people) => people.iter().any(one),
            None => one(attendees),
        })
}

/// Meetings that begin in that time, the end not included, earliest first.
pub async fn in_period(
    tx: &mut TenantTx,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    page: Page,
) -> Result<Vec<Brief>> {
    bring!(
        tx,
        "in_period",
        "left(coalesce(e.fields ->> 'summary', e.fields ->> 'body', e.fields ->> 'description'), 600)",
        "select 'meeting' as kind, m.id, m.at from sixty.entities m
            where m.org_id = $1 and m.kind = 'meeting' and m.at >= $3 and m.at < $4
            order by m.at, m.id desc offset $5 limit $6",
        "k.at, k.id desc",
        from,
        to,
        page.offset,
        page.rows(),
    )
}

/// The same, of the person's own.
pub async fn mine_in_period(
    tx: &mut TenantTx,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    page: Page,
) -> Result<Vec<Brief>> {
    bring!(
        tx,
        "mine_in_period",
        "left(coalesce(e.fields ->> 'summary', e.fields ->> 'body', e.fields ->> 'description'), 600)",
        "select 'meeting' as kind, m.id, m.at from sixty.entities m
            where m.org_id = $1 and m.kind = 'meeting' and m.owner_user = $2 and m.at >= $3 and m.at < $4
            order by m.at, m.id desc offset $5 limit $6",
        "k.at, k.id desc",
        from,
        to,
        page.offset,
        page.rows(),
    )
}

/// The organization's meetings around now: what is to come, the next first, then what was, the
/// newest first.
pub async fn ended_or_to_come(tx: &mut TenantTx, now: DateTime<Utc>, page: Page) -> Result<Vec<Brief>> {
    bring!(
        tx,
        "around_now",
        "left(coalesce(e.fields ->> 'summary', e.fields ->> 'body', e.fields ->> 'description'), 600)",
        "(select 'meeting' as kind, m.id, m.at, m.at < $3 as past, abs(extract(epoch from m.at - $3)) as away from sixty.entities m
            where m.org_id = $1 and m.kind = 'meeting' and m.at >= $3 order by m.at, m.id desc limit $6)
        union all
        (select 'meeting', m.id, m.at, m.at < $3, abs(extract(epoch from m.at - $3)) from sixty.entities m
            where m.org_id = $1 and m.kind = 'meeting' and m.at < $3 order by m.at desc, m.id limit $6)
        order by past, away, id offset $4 limit $5",
        "k.past, k.away, k.id",
        now,
        page.offset,
        page.rows(),
        page.end(),
    )
}

/// The same, of those that are linked to the entity, and to the other one if there is one.
pub async fn of(
    tx: &mut TenantTx,
    entity: &EntityRef,
    other: Option<&EntityRef>,
    now: DateTime<Utc>,
    page: Page,
) -> Result<Vec<Brief>> {
    bring!(
        tx,
        "meetings_of",
        "left(coalesce(e.fields ->> 'summary', e.fields ->> 'body', e.fields ->> 'description'), 600)",
        "(select 'meeting' as kind, m.id collate \"default\" as id, m.at, m.at < $3 as past,
                abs(extract(epoch from m.at - $3)) as away
            from sixty.entity_links m
            where m.org_id = $1 and m.to_kind = $7 and m.to_id = $8 and m.kind = 'meeting' and m.at >= $3
                and ($9::text is null or exists (select from sixty.entity_links o
                    where o.org_id = $1 and o.to_kind = $9 and o.to_id = $10 and o.kind = 'meeting'
                        and o.at = m.at and o.id = m.id))
            order by m.at, m.id limit $6)
        union all
        (select 'meeting', m.id collate \"default\", m.at, m.at < $3, abs(extract(epoch from m.at - $3))
            from sixty.entity_links m
            where m.org_id = $1 and m.to_kind = $7 and m.to_id = $8 and m.kind = 'meeting' and m.at < $3
                and ($9::text is null or exists (select from sixty.entity_links o
                    where o.org_id = $1 and o.to_kind = $9 and o.to_id = $10 and o.kind = 'meeting'
                        and o.at = m.at and o.id = m.id))
            order by m.at desc, m.id desc limit $6)
        order by past, away, id offset $4 limit $5",
        "k.past, k.away, k.id",
        now,
        page.offset,
        page.rows(),
        page.end(),
        entity.kind.as_str(),
        entity.id,
        other.map(|other| other.kind.as_str()),
        other.map(|other| other.id.as_str()),
    )
}
