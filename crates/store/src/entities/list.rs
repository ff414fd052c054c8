//! Lists of the record. Each is answered from an index, and looks at a bounded part of what is
//! there: what is searched for at the newest thousand of its rarest word, what is linked at the
//! newest thousand of each kind.

use chrono::{DateTime, Utc};
use domain::{
    EntityKind, Result,
    entity::{Entity, Link},
    words::{Sought, sought},
};
use serde_json::{Map, Value};
use sqlx::types::Json;

use super::Row;
use crate::{TenantTx, error::from_sqlx};

/// The first and the last of the kinds' names, in any order of letters.
const FIRST: &str = "activity";
const LAST: &str = "task";
/// Comes after every word that begins as the one before it.
const END: char = '\u{10FFFF}';

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By kind and id.
    #[default]
    Id,
    /// The last changed first. Not for searches and links.
    Updated,
}

/// Which entities a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    pub kind: Option<EntityKind>,
    /// Words of the name and the fields, which all have to be there, of the last one its
    /// beginning; or the beginning of the id.
    pub text: Option<&'a str>,
    /// External id of the owner.
    pub owner: Option<&'a str>,
    /// What they are linked to.
    pub linked: Option<(EntityKind, &'a str)>,
    pub updated_since: Option<DateTime<Utc>>,
    pub open: Option<bool>,
    pub stage: Option<&'a str>,
    pub order: Order,
    /// The last entity of the page before: kind, id, and when it was changed.
    pub after: Option<(EntityKind, &'a str, Option<DateTime<Utc>>)>,
    pub limit: i64,
}

impl<'a> Filter<'a> {
    fn kinds(&self) -> Vec<&'static str> {
        self.kind.map_or_else(|| EntityKind::ALL.map(EntityKind::as_str).to_vec(), |kind| vec![kind.as_str()])
    }

    fn first(&self) -> &'static str {
        self.kind.map_or(FIRST, EntityKind::as_str)
    }

    fn last(&self) -> &'static str {
        self.kind.map_or(LAST, EntityKind::as_str)
    }

    /// Kind and id behind which the page begins. No id is empty.
    fn place(&self) -> (&'static str, &'a str) {
        self.after.map_or((self.first(), ""), |(kind, id, _)| (kind.as_str(), id))
    }
}

/// The columns of an entity, and the filters that every list knows: $1 is the organization,
/// $2 to $5 are owner, time, open and stage.
macro_rules! select {
    ($rest:tt, $tx:expr, $filter:expr, $($value:expr),* $(,)?) => {{
        let org = $tx.org();
        sqlx::query_as!(
            Row,
            r#"select e.kind, e.id, e.name, e.owner, e.visibility,
                (select coalesce(jsonb_agg(l.link order by l.n), '[]')
                    from jsonb_array_elements(e.links) with ordinality l (link, n)
                    where (select true from sixty.entities t where t.org_id = $1
                        and t.kind = l.link->>'kind' and t.id = l.link->>'id')) as "links!: Json<Vec<Link>>",
                e.fields as "fields: Json<Map<String, Value>>",
                e.attributes as "attributes: Json<Map<String, Value>>", e.version, e.updated_at "# + $rest,
            org.0,
            $filter.owner,
            $filter.updated_since,
            $filter.open,
            $filter.stage,
            $($value),*
        )
        .fetch_all($tx.connection())
        .await
        .map_err(from_sqlx)?
    }};
}

/// A page of entities, in the order of the filter.
pub async fn list(tx: &mut TenantTx, filter: &Filter<'_>) -> Result<Vec<Entity>> {
    let rows = match (filter.text, filter.linked, filter.order, filter.kind) {
        (Some(text), ..) => found(tx, filter, sought(text)).await?,
        (None, Some(to), ..) => linked(tx, filter, to).await?,
        (None, None, Order::Id, _) => by_id(tx, filter).await?,
        (None, None, Order::Updated, Some(kind)) => by_update_of(tx, filter, kind).await?,
        (None, None, Order::Updated, None) => by_update(tx, filter).await?,
    };
    rows.into_iter().map(Entity::try_from).collect()
}

async fn by_id(tx: &mut TenantTx, filter: &Filter<'_>) -> Result<Vec<Row>> {
    let (kind, id) = filter.place();
    Ok(select!(
        "from sixty.entities e
         where e.org_id = $1 and e.kind >= $6 and e.kind <= $7 and (e.kind, e.id) > ($8, $9)
            and ($2::text is null or e.owner = $2) and ($3::timestamptz is null or e.updated_at >= $3)
            and ($4::boolean is null or e.open = $4) and ($5::text is null or e.stage = $5)
         order by e.kind, e.id limit $10",
        tx,
        filter,
        filter.first(),
        filter.last(),
        kind,
        id,
        filter.limit,
    ))
}

/// When the last of the page before was changed; the first page begins with what is newest.
fn changed(filter: &Filter<'_>) -> DateTime<Utc> {
    filter.after.and_then(|(_, _, at)| at).unwrap_or(DateTime::<Utc>::MAX_UTC).min(far_off())
}

/// The end of the years that every store can hold.
fn far_off() -> DateTime<Utc> {
    DateTime::from_timestamp(253_402_300_799, 0).unwrap_or_default()
}

async fn by_update_of(tx: &mut TenantTx, filter: &Filter<'_>, kind: EntityKind) -> Result<Vec<Row>> {
    let (_, id) = filter.place();
    Ok(select!(
        "from sixty.entities e
         where e.org_id = $1 and e.kind = $6 and e.updated_at <= $7 and (e.updated_at < $7 or e.id > $8)
            and e.updated_at >= coalesce($3::timestamptz, '-infinity')
            and ($2::text is null or e.owner = $2)
            and ($4::boolean is null or e.open = $4) and ($5::text is null or e.stage = $5)
         order by e.updated_at desc, e.id limit $9",
        tx,
        filter,
        kind.as_str(),
        changed(filter),
        id,
        filter.limit,
    ))
}

async fn by_update(tx: &mut TenantTx, filter: &Filter<'_>) -> Result<Vec<Row>> {
    let (kind, id) = filter.place();
    Ok(select!(
        "from sixty.entities e
         where e.org_id = $1 and e.updated_at <= $6 and (e.updated_at < $6 or (e.kind, e.id) > ($7, $8))
            and e.updated_at >= coalesce($3::timestamptz, '-infinity')
            and ($2::text is null or e.owner = $2)
            and ($4::boolean is null or e.open = $4) and ($5::text is null or e.stage = $5)
         order by e.updated_at desc, e.kind, e.id limit $9",
        tx,
        filter,
        changed(filter),
        kind,
        id,
        filter.limit,
    ))
}

async fn linked(tx: &mut TenantTx, filter: &Filter<'_>, to: (EntityKind, &str)) -> Result<Vec<Row>> {
    let (kind, id) = filter.place();
    Ok(select!(
        r#"from unnest($6::text[]) as k (kind)
         cross join lateral (select l.kind, l.id from sixty.entity_links l
            where l.org_id = $1 and l.to_kind = $7 and l.to_id = $8 and l.kind = k.kind
            order by l.at desc limit 1000) c
         join sixty.entities e on e.org_id = $1 and e.kind = c.kind and e.id = c.id collate "default"
         where (e.kind, e.id) > ($9, $10)
            and ($2::text is null or e.owner = $2) and ($3::timestamptz is null or e.updated_at >= $3)
            and ($4::boolean is null or e.open = $4) and ($5::text is null or e.stage = $5)
         order by e.kind, e.id limit $11"#,
        tx,
        filter,
        &filter.kinds() as _,
        to.0.as_str(),
        to.1,
        kind,
        id,
        filter.limit,
    ))
}

/// Takes the newest entities of the rarest word, and those whose id begins so, and keeps those
/// that have the other words as well.
async fn found(tx: &mut TenantTx, filter: &Filter<'_>, sought: Sought) -> Result<Vec<Row>> {
    let mut ranges: Vec<(String, String)> =
        sought.words.iter().map(|word| (word.clone(), word.clone())).collect();
    if let Some((_, end)) = ranges.last_mut() {
        end.push(END);
    }
    let rarest = rarest(tx, filter, &ranges).await?;
    let (lowest, highest) = rarest.map(|place| ranges[place].clone()).unwrap_or_default();
    // A whole word has its newest in the order of the index; of a beginning any are taken.
    let whole = if lowest == highest { lowest.as_str() } else { "" };
    let (from, to) = if lowest == highest { ("", "") } else { (lowest.as_str(), highest.as_str()) };
    let (low, high): (Vec<String>, Vec<String>) = ranges.into_iter().unzip();
    let by_id_to = format!("{}{END}", sought.id);
    let (kind, id) = filter.place();
    let (to_kind, to_id) = filter.linked.unzip();
    Ok(select!(
        r#"from (select c.kind, c.id, bool_or(c.by_id) as by_id from (
                (select w.kind, w.id, false as by_id from unnest($6::text[]) as k (kind)
                    cross join lateral (select n.kind, n.id, n.at from sixty.entity_words n
                        where n.org_id = $1 and n.word = $7 and n.kind = k.kind order by n.at desc limit 1000) w
                    order by w.at desc limit 1000)
                union all
                (select w.kind, w.id, false from sixty.entity_words w
                    where w.org_id = $1 and w.word >= $8 and w.word <= $9 and w.kind = any($6) limit 1000)
                union all
                (select w.kind, w.id, true from sixty.entity_words w
                    where w.org_id = $1 and w.word >= $10 and w.word <= $11 and w.kind = any($6) limit 1000)
            ) c group by c.kind, c.id) c
         join sixty.entities e on e.org_id = $1 and e.kind = c.kind and e.id = c.id collate "default"
         where (e.kind, e.id) > ($14, $15)
            and (c.by_id or not exists (select from unnest($12::text[], $13::text[]) as o (low, high)
                where not exists (select from unnest(e.words) as w (coded)
                    where substr(w.coded, 2) collate "C" >= o.low and substr(w.coded, 2) collate "C" <= o.high)))
            and ($16::text is null or exists (select from sixty.entity_links l where l.org_id = $1
                and l.to_kind = $16 and l.to_id = $17 and l.kind = e.kind and l.at = e.at
                and l.id = e.id collate "C"))
            and ($2::text is null or e.owner = $2) and ($3::timestamptz is null or e.updated_at >= $3)
            and ($4::boolean is null or e.open = $4) and ($5::text is null or e.stage = $5)
         order by e.kind, e.id limit $18"#,
        tx,
        filter,
        &filter.kinds() as _,
        whole,
        from,
        to,
        sought.id,
        by_id_to,
        &low,
        &high,
        kind,
        id,
        to_kind.map(EntityKind::as_str),
        to_id,
        filter.limit,
    ))
}

/// The place of the word that the fewest entities have, as far as a thousand.
async fn rarest(
    tx: &mut TenantTx,
    filter: &Filter<'_>,
    ranges: &[(String, String)],
) -> Result<Option<usize>> {
    if ranges.len() < 2 {
        return Ok(ranges.len().checked_sub(1));
    }
    let org = tx.org();
    let (low, high): (Vec<&str>, Vec<&str>) =
        ranges.iter().map(|(low, high)| (low.as_str(), high.as_str())).unzip();
    let counts = sqlx::query_scalar!(
        r#"select (select count(*) from (select from sixty.entity_words w
                where w.org_id = $1 and w.word >= o.low collate "C" and w.word <= o.high collate "C"
                    and w.kind = any($2) limit 1001) few) as "count!"
         from unnest($3::text[], $4::text[]) with ordinality as o (low, high, n) order by o.n"#,
        org.0,
        &filter.kinds() as _,
        &low as _,
        &high as _,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(counts.iter().enumerate().min_by_key(|(_, count)| **count).map(|(place, _)| place))
}
