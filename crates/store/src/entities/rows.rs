//! The statements on the record's rows, each for many entities.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{Error, Result, entity::Link};
use serde_json::{Map, Value, to_string};
use sqlx::{Postgres, QueryBuilder, types::Json};

use super::{
    NewEntity, kind,
    prepared::{Current, Found, Key, Prepared},
    visibility,
};
use crate::{TenantTx, error::from_sqlx};

/// Between the words of a list: no word has a line's end in it.
const BETWEEN: &str = "\n";
/// Rows of one statement. A few sizes, so that each is planned once a connection.
const SIZES: [usize; 5] = [500, 100, 20, 5, 1];

/// The rows in pieces, each of the largest of the sizes that it fills.
pub(super) fn pieces<'r, T>(mut rows: &'r [T], sizes: &[usize]) -> impl Iterator<Item = &'r [T]> {
    std::iter::from_fn(move || {
        let size = *sizes.iter().find(|size| **size <= rows.len())?;
        let (piece, rest) = rows.split_at(size);
        rows = rest;
        Some(piece)
    })
}

/// Locks what the transaction sees of the entities, and of those that they link to: always in
/// the same order, so that two writers wait for each other and never around each other.
pub(super) async fn lock<'n>(
    tx: &mut TenantTx,
    entities: impl IntoIterator<Item = &'n NewEntity<'n>>,
) -> Result<Found> {
    let mut wanted: HashMap<(&str, &str), bool> = HashMap::new();
    for new in entities {
        wanted.insert((new.kind.as_str(), new.id), true);
        for link in new.links {
            wanted.entry((link.kind.as_str(), &link.id)).or_default();
        }
    }
    let (names, own): (Vec<(&str, &str)>, Vec<bool>) = wanted.into_iter().unzip();
    let (kinds, ids): (Vec<&str>, Vec<&str>) = names.into_iter().unzip();
    let org = tx.org();
    let rows = sqlx::query!(
        r#"select w.own as "own!", e.kind, e.id, e.name, e.owner, e.visibility, e.owner_user, e.integration, e.at,
            e.created_at, e.product_touched_at, e.version,
            case when w.own then e.links end as "links: Json<Vec<Link>>",
            case when w.own then (select coalesce(jsonb_agg(l.link order by l.n), '[]')
                from jsonb_array_elements(e.links) with ordinality l (link, n)
                where (select true from sixty.entities t where t.org_id = $1
                    and t.kind = l.link->>'kind' and t.id = l.link->>'id')) end as "seen_links: Json<Vec<Link>>",
            case when w.own then e.fields end as "fields: Json<Map<String, Value>>",
            case when w.own then e.attributes end as "attributes: Json<Map<String, Value>>",
            case when w.own then e.words end as words
         from unnest($2::text[], $3::text[], $4::boolean[]) as w (kind, id, own)
         join sixty.entities e on e.org_id = $1 and e.kind = w.kind and e.id = w.id
         order by e.kind, e.id
         for no key update of e"#,
        org.0,
        &kinds as _,
        &ids as _,
        &own,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let mut found = Found::default();
    for row in rows {
        let key = (kind(&row.kind)?, row.id);
        let current = Current {
            name: row.name,
            owner: row.owner,
            visibility: visibility(&row.visibility)?,
            owner_user: row.owner_user,
            links: row.links.map(|Json(links)| links).unwrap_or_default(),
            seen_links: row.seen_links.map(|Json(links)| links).unwrap_or_default(),
            fields: row.fields.map(|Json(fields)| fields).unwrap_or_default(),
            attributes: row.attributes.map(|Json(attributes)| attributes).unwrap_or_default(),
            integration: row.integration,
            at: row.at,
            created_at: row.created_at,
            product_touched_at: row.product_touched_at,
            words: row.words.unwrap_or_default(),
            version: row.version,
        };
        found.0.insert(key, row.own.then_some(current));
    }
    Ok(found)
}

/// Adds entities. Those whose id is taken are left out of the answer, which has the time of each.
pub(super) async fn insert<'p>(
    tx: &mut TenantTx,
    entities: impl Iterator<Item = &'p Prepared<'p>>,
) -> Result<HashMap<Key, DateTime<Utc>>> {
    let mut entities: Vec<&Prepared<'_>> = entities.collect();
    entities.sort_unstable_by_key(|entity| (entity.kind.as_str(), entity.id));
    let mut made = HashMap::with_capacity(entities.len());
    for piece in pieces(&entities, &SIZES) {
        made.extend(insert_piece(tx, piece).await?);
    }
    Ok(made)
}

async fn insert_piece(tx: &mut TenantTx, entities: &[&Prepared<'_>]) -> Result<Vec<(Key, DateTime<Utc>)>> {
    let org = tx.org();
    let mut sql: QueryBuilder<Postgres> = QueryBuilder::new(
        "insert into sixty.entities (org_id, kind, id, name, owner, visibility, owner_user, links, fields,
            attributes, integration, at, ends_at, stage, open, amount, currency, close_date, due_date,
            probability, health, ghost_risk, assignee_user, touched_at, product_touched_at, words) ",
    );
    sql.push_values(entities, |mut row, entity| {
        let facets = &entity.facets;
        row.push_bind(org.0)
            .push_bind(entity.kind.as_str())
            .push_bind(entity.id)
            .push_bind(entity.name)
            .push_bind(entity.owner)
            .push_bind(entity.visibility.as_str())
            .push_bind(entity.owner_user)
            .push_bind(Json(entity.links.as_ref()))
            .push_bind(Json(entity.fields))
            .push_bind(Json(entity.attributes))
            .push_bind(entity.integration)
            .push("coalesce(")
            .push_bind_unseparated(entity.at)
            .push_unseparated(", now())")
            .push_bind(facets.ends_at)
            .push_bind(facets.stage.as_deref())
            .push_bind(facets.open)
            .push_bind(facets.amount)
            .push_bind(facets.currency.as_deref())
            .push_bind(facets.close_date)
            .push_bind(facets.due_date)
            .push_bind(facets.probability)
            .push_bind(facets.health)
            .push_bind(facets.ghost_risk)
            .push_bind(facets.assignee.map(|user| user.0))
            .push_bind(facets.touched_at)
            .push_bind(facets.touched_at)
            .push_bind(&entity.words);
    });
    sql.push(" on conflict (org_id, kind, id) do nothing returning kind, id, at");
    let rows: Vec<(String, String, DateTime<Utc>)> =
        sql.build_query_as().fetch_all(tx.connection()).await.map_err(from_sqlx)?;
    rows.into_iter().map(|(word, id, at)| Ok(((kind(&word)?, id), at))).collect()
}

/// Writes entities that are locked, each as its next version.
pub(super) async fn update<'p>(
    tx: &mut TenantTx,
    entities: impl Iterator<Item = (&'p Prepared<'p>, &'p Current)>,
) -> Result<()> {
    let entities: Vec<(&Prepared<'_>, &Current)> = entities.collect();
    if entities.is_empty() {
        return Ok(());
    }
    let all = Columns { entities: &entities };
    let org = tx.org();
    sqlx::query!(
        "update sixty.entities e
         set name = n.name, owner = n.owner, visibility = n.visibility, owner_user = n.owner_user,
            links = n.links::jsonb, fields = n.fields::jsonb, attributes = n.attributes::jsonb,
            integration = n.integration, at = n.at, ends_at = n.ends_at, stage = n.stage, open = n.open,
            amount = n.amount, currency = n.currency, close_date = n.close_date, due_date = n.due_date,
            probability = n.probability, health = n.health, ghost_risk = n.ghost_risk,
            assignee_user = n.assignee_user, product_touched_at = n.product_touched_at,
            words = string_to_array(n.words, $25), version = e.version + 1, updated_at = now()
         from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::text[],
            $9::text[], $10::text[], $11::boolean[], $12::timestamptz[], $13::timestamptz[], $14::text[],
            $15::boolean[], $16::float8[], $17::text[], $18::date[], $19::date[], $20::float8[],
            $21::float8[], $22::float8[], $23::uuid[], $24::timestamptz[], $26::text[])
            as n (kind, id, name, owner, visibility, owner_user, links, fields, attributes, integration, at,
                ends_at, stage, open, amount, currency, close_date, due_date, probability, health, ghost_risk,
                assignee_user, product_touched_at, words)
         where e.org_id = $1 and e.kind = n.kind and e.id = n.id",
        org.0,
        &all.of(|e| e.kind.as_str()) as _,
        &all.of(|e| e.id) as _,
        &all.of(|e| e.name) as _,
        &all.of(|e| e.owner) as _,
        &all.of(|e| e.visibility.as_str()) as _,
        &all.of(|e| e.owner_user) as _,
        &all.json(|e| to_string(&e.links))? as _,
        &all.json(|e| to_string(e.fields))? as _,
        &all.json(|e| to_string(e.attributes))? as _,
        &all.of(|e| e.integration) as _,
        &entities.iter().map(|(new, old)| new.at.unwrap_or(old.created_at)).collect::<Vec<_>>() as _,
        &all.of(|e| e.facets.ends_at) as _,
        &all.of(|e| e.facets.stage.as_deref()) as _,
        &all.of(|e| e.facets.open) as _,
        &all.of(|e| e.facets.amount) as _,
        &all.of(|e| e.facets.currency.as_deref()) as _,
        &all.of(|e| e.facets.close_date) as _,
        &all.of(|e| e.facets.due_date) as _,
        &all.of(|e| e.facets.probability) as _,
        &all.of(|e| e.facets.health) as _,
        &all.of(|e| e.facets.ghost_risk) as _,
        &all.of(|e| e.facets.assignee.map(|user| user.0)) as _,
        &all.of(|e| e.facets.touched_at) as _,
        BETWEEN,
        &all.of(|e| e.words.join(BETWEEN)) as _,
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// The entities column by column.
struct Columns<'c, 'p> {
    entities: &'c [(&'c Prepared<'p>, &'c Current)],
}

impl<'c, 'p> Columns<'c, 'p> {
    fn of<T>(&self, column: impl Fn(&'c Prepared<'p>) -> T) -> Vec<T> {
        self.entities.iter().map(|(entity, _)| column(entity)).collect()
    }

    fn json(&self, column: impl Fn(&'c Prepared<'p>) -> serde_json::Result<String>) -> Result<Vec<String>> {
        self.of(column).into_iter().map(|text| text.map_err(Error::internal)).collect()
    }
}
