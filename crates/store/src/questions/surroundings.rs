//! One entity, and what stands around it.

use chrono::{DateTime, Utc};
use domain::{EntityKind, EntityRef, Result, brief::Brief};

use super::{Page, bring};
use crate::TenantTx;

/// The entity, if it is there for the person.
pub async fn one(tx: &mut TenantTx, kind: EntityKind, id: &str) -> Result<Option<Brief>> {
    let found: Result<Vec<Brief>> = bring!(
        tx,
        "one",
        "left(coalesce(e.fields ->> 'summary', e.fields ->> 'body', e.fields ->> 'description'), 600)",
        "select $3::text as kind, $4::text as id",
        "k.id",
        kind.as_str(),
        id,
    );
    Ok(found?.pop())
}

/// What is linked to the entity, from whichever end: of deals, contacts, companies and to-dos the
/// newest twenty of each, the next three meetings, and of what happened the newest five of each kind.
pub async fn around(tx: &mut TenantTx, entity: &EntityRef, now: DateTime<Utc>) -> Result<Vec<Brief>> {
    bring!(
        tx,
        "around",
        "left(coalesce(e.fields ->> 'summary', e.fields ->> 'body', e.fields ->> 'description'), 600)",
        "(select l.kind, l.id from sixty.entities s
                cross join lateral jsonb_to_recordset(s.links) as l (kind text, id text)
            where s.org_id = $1 and s.kind = $3 and s.id = $4 limit 40)
        union
        (select r.kind, r.id from unnest('{deal,contact,company,task}'::text[]) as of_kind (kind)
            cross join lateral (select r.kind, r.id collate \"default\" as id from sixty.entity_links r
                where r.org_id = $1 and r.to_kind = $3 and r.to_id = $4 and r.kind = of_kind.kind
                order by r.at desc, r.id desc limit 20) r)
        union
        (select r.kind, r.id collate \"default\" from sixty.entity_links r
            where r.org_id = $1 and r.to_kind = $3 and r.to_id = $4 and r.kind = 'meeting' and r.at >= $5
            order by r.at, r.id limit 3)
        union
        (select r.kind, r.id from unnest('{meeting,activity,email}'::text[]) as of_kind (kind)
            cross join lateral (select r.kind, r.id collate \"default\" as id from sixty.entity_links r
                where r.org_id = $1 and r.to_kind = $3 and r.to_id = $4 and r.kind = of_kind.kind and r.at < $5
                order by r.at desc, r.id desc limit 5) r)",
        "e.at desc, e.kind, e.id",
        entity.kind.as_str(),
        entity.id,
        now,
    )
}

/// Meetings, activities and e-mails that are linked to the entity, newest first.
pub async fn activities(tx: &mut TenantTx, entity: &EntityRef, page: Page) -> Result<Vec<Brief>> {
    bring!(
        tx,
        "activities",
        "left(coalesce(e.fields ->> 'summary', e.fields ->> 'body', e.fields ->> 'description'), 600)",
        "select r.kind, r.id, r.at from unnest('{meeting,activity,email}'::text[]) as of_kind (kind)
            cross join lateral (select r.kind, r.id collate \"default\" as id, r.at from sixty.entity_links r
                where r.org_id = $1 and r.to_kind = $3 and r.to_id = $4 and r.kind = of_kind.kind
                order by r.at desc, r.id desc limit $7) r
            order by r.at desc, r.kind, r.id desc offset $5 limit $6",
        "k.at desc, k.kind, k.id desc",
        entity.kind.as_str(),
        entity.id,
        page.offset,
        page.rows(),
        page.end(),
    )
}
