//! What is asked about the sales record, one indexed statement for each question. Under row-level
//! security an index answers only =, < and > on columns (`migrations/0015`): each statement first
//! finds the keys of a page, and then brings these rows with the names of what they are linked to.
//!
//! Statements begin with a comment that names them: a test explains each of them, as it is written
//! here, and finds no scan of a whole table.

mod calendar;
mod pipeline;
mod pressing;
mod search;
mod surroundings;
mod todos;

use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Error, Result,
    brief::{Brief, Neighbour},
};
use serde_json::{Map, Value};
use sqlx::types::Json;

use crate::error::corrupt;

pub use calendar::{ended_or_to_come, in_period, mine_in_period, next, of};
pub use pipeline::{Closing, StageSum, at_risk, by_close, contacts, stale, summary};
pub use pressing::{Me, Soon, pressing};
pub use search::{Sought, find, find_linked};
pub use surroundings::{activities, around, one};
pub use todos::{Due, closed_tasks, tasks_of, tasks_of_all, tasks_of_deal};

/// The part of an answer that is asked for: rows are brought from `offset` on, one more than `limit`,
/// which tells that there are more.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    pub offset: i64,
    pub limit: i64,
}

impl Page {
    /// Of several lists that are merged, each has to bring this many.
    fn end(self) -> i64 {
        self.offset + self.limit + 1
    }

    fn rows(self) -> i64 {
        self.limit + 1
    }
}

/// From when a deal is at risk, or stale.
#[derive(Clone, Copy, Debug)]
pub struct Alarm {
    /// Below this health, in percent.
    pub health: f64,
    /// Above this ghost risk, in percent.
    pub ghost_risk: f64,
    /// Without activity since.
    pub silent_since: DateTime<Utc>,
    /// A close date before this day is overdue.
    pub today: NaiveDate,
}

type Fields = Json<Map<String, Value>>;
type Links = Json<Vec<Neighbour>>;

struct Row {
    kind: String,
    id: String,
    name: String,
    owner: Option<String>,
    mine: bool,
    at: DateTime<Utc>,
    ends_at: Option<DateTime<Utc>>,
    stage: Option<String>,
    open: bool,
    amount: Option<f64>,
    currency: Option<String>,
    close_date: Option<NaiveDate>,
    due_date: Option<NaiveDate>,
    probability: Option<f64>,
    health: Option<f64>,
    ghost_risk: Option<f64>,
    touched_at: Option<DateTime<Utc>>,
    integration: bool,
    fields: Fields,
    text: Option<String>,
    links: Option<Links>,
}

impl TryFrom<Row> for Brief {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let mut links: Vec<Neighbour> = row.links.map(|links| links.0).unwrap_or_default();
        // A tie may be written at both ends.
        let mut seen = Vec::new();
        links.retain(|link| {
            let key = (link.kind, link.id.clone());
            let new = !seen.contains(&key);
            seen.push(key);
            new
        });
        Ok(Brief {
            kind: row.kind.parse().map_err(|_| corrupt("an entity kind", &row.kind))?,
            id: row.id,
            name: row.name,
            owner: row.owner,
            mine: row.mine,
            at: row.at,
            ends_at: row.ends_at,
            stage: row.stage,
            open: row.open,
            amount: row.amount,
            currency: row.currency,
            close_date: row.close_date,
            due_date: row.due_date,
            probability: row.probability,
            health: row.health,
            ghost_risk: row.ghost_risk,
            touched_at: row.touched_at,
            integration: row.integration,
            fields: row.fields.0,
            text: row.text,
            links,
        })
    }
}

fn briefs(rows: Vec<Row>) -> Result<Vec<Brief>> {
    rows.into_iter().map(Brief::try_from).collect()
}

/// A statement that brings entities: `$keys` says which, as rows `k` with `kind` and `id`, and in
/// which order. Its first two parameters are the organization and the person who asks.
///
/// Ids of links and words sort as bytes (`collate "C"`), and those of entities as the database does.
/// Compared as they are, no index on entities would serve; so they are brought as `collate "default"`.
///
/// `[before, attended, after]` in the place of the keys has a condition in the middle: whether
/// `m.attendees` names the person of `$4` (id or address) and `$5` (name), both in lower case.
macro_rules! bring {
    ($tx:expr, $name:tt, $text:tt, [$before:tt, attended, $after:tt], $order:tt $(, $argument:expr)* $(,)?) => {
        bring!(
            @ $tx, $name, $text,
            [$before + "exists (select from jsonb_array_elements(
                    case jsonb_typeof(m.attendees) when 'array' then m.attendees
                        else jsonb_build_array(m.attendees) end) a
                where lower(a #>> '{}') in ($4, $5) or lower(a ->> 'email') = $4 or lower(a ->> 'name') in ($4, $5))"
                + $after],
            $order, $($argument),*
        )
    };
    ($tx:expr, $name:tt, $text:tt, $keys:tt, $order:tt $(, $argument:expr)* $(,)?) => {
        bring!(@ $tx, $name, $text, [$keys], $order, $($argument),*)
    };
    (@ $tx:expr, $name:tt, $text:tt, [$($keys:tt)+], $order:tt, $($argument:expr),*) => {{
        let tenant = $tx.tenant();
        let rows = sqlx::query_as!(
            $crate::questions::Row,
            "/* question: " + $name + " */
            select e.kind, e.id, e.name, e.owner, coalesce(e.owner_user = $2, false) as \"mine!\", e.at, e.ends_at,
                e.stage, e.open, e.amount, e.currency, e.close_date, e.due_date, e.probability, e.health,
                e.ghost_risk, e.touched_at, e.integration,
                (e.fields - '{transcript,body,summary,description}'::text[])
                    as \"fields!: super::Fields\",
                " + $text + " as text,
                (select jsonb_agg(jsonb_build_object('kind', n.kind, 'id', n.id, 'role', n.role, 'name', x.name,
                        'integration', x.integration))
                    from (
                        (select l.kind, l.id, l.role
                            from jsonb_to_recordset(e.links) as l (kind text, id text, role text) limit 12)
                        union all
                        (select r.kind, r.id, r.role from unnest('{deal,contact,company}'::text[]) as of_kind (kind)
                            cross join lateral (select r.kind, r.id collate \"default\" as id, r.role
                                from sixty.entity_links r where r.org_id = $1 and r.to_kind = e.kind
                                    and r.to_id = e.id and r.kind = of_kind.kind
                                order by r.at desc, r.id desc limit 4) r)
                    ) n
                    cross join lateral (select x.name, x.integration from sixty.entities x
                        where x.org_id = $1 and x.kind = n.kind and x.id = n.id limit 1) x
                ) as \"links: super::Links\"
            from (" + $($keys)+ + ") k
            cross join lateral (select * from sixty.entities e
                where e.org_id = $1 and e.kind = k.kind and e.id = k.id limit 1) e
            order by " + $order,
            tenant.org.0,
            tenant.user.0,
            $($argument),*
        )
        .fetch_all($tx.connection())
        .await
        .map_err($crate::error::from_sqlx)?;
        $crate::questions::briefs(rows)
    }};
}

use bring;
