//! What model calls used and cost: a row a call, and sums by day.

use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Cost, Result, RunId, Usage, UserId,
    usage::{Call, UsageEvent},
};
use uuid::Uuid;

use crate::{RunTx, SystemTx, TenantTx, error::from_sqlx};

/// Rows that hold a day's sum of an organization.
const SHARDS: u128 = 16;

/// Who used what was used by people who were erased.
pub const NOBODY: UserId = UserId(Uuid::nil());

/// Calls as columns.
#[derive(Default)]
pub(crate) struct Columns {
    pub ids: Vec<Uuid>,
    pub features: Vec<String>,
    pub models: Vec<String>,
    pub sent: Vec<i64>,
    pub answered: Vec<i64>,
    pub read: Vec<i64>,
    pub written: Vec<i64>,
    pub costs: Vec<i64>,
    pub estimated: Vec<bool>,
    pub own_keys: Vec<bool>,
}

impl From<&[Call]> for Columns {
    fn from(calls: &[Call]) -> Self {
        let mut columns = Self::default();
        for Call { id, feature, model, own_key, usage, estimated } in calls {
            columns.ids.push(*id);
            columns.features.push(feature.as_str().to_owned());
            columns.models.push(model.clone());
            columns.sent.push(usage.input_tokens);
            columns.answered.push(usage.output_tokens);
            columns.read.push(usage.cache_read_input_tokens);
            columns.written.push(usage.cache_creation_input_tokens);
            columns.costs.push(usage.cost.0);
            columns.estimated.push(*estimated);
            columns.own_keys.push(*own_key);
        }
        columns
    }
}

/// The row of a day's sum that this run adds to.
pub(crate) fn shard(run: RunId) -> i16 {
    i16::try_from(run.0.as_u128() % SHARDS).unwrap_or_default()
}

/// A statement that accounts for a run's calls on the way, in the name of whoever asked: a row a call, the sums, and what
/// was set aside for them is free again. Its parameters begin with `$15`; before them are the run, `$1` to `$4`, and the
/// calls. Of the calls that were not stored before, `spent` has the sum. One statement for all, so that rows are always
/// locked in the same order.
macro_rules! accounting {
    ($query:ident, $lease:expr, $calls:expr, $sql:tt, $($value:expr),* $(,)?) => {{
        let (lease, calls) = ($lease, $crate::usage::Columns::from($calls));
        sqlx::$query!(
            "with call as (
                select * from unnest($5::uuid[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::bigint[],
                    $11::bigint[], $12::bigint[], $13::boolean[], $14::boolean[])
                    as c (id, feature, model, sent, answered, read, written, cost, estimated, own_key)
            ), made as (
                insert into sixty.usage_events (org_id, id, user_id, run_id, feature, model, input_tokens,
                    output_tokens, cache_read_input_tokens, cache_creation_input_tokens, cost, estimated, own_key)
                select $1::uuid, id, $2::uuid, $3::uuid, feature, model, sent, answered, read, written, cost, estimated,
                    own_key
                from call
                on conflict (org_id, id) do nothing
                returning feature, model, input_tokens as sent, output_tokens as answered,
                    cache_read_input_tokens as read, cache_creation_input_tokens as written, cost
            ), day as (
                insert into sixty.usage_days (org_id, day, user_id, feature, model, calls, input_tokens,
                    output_tokens, cache_read_input_tokens, cache_creation_input_tokens, cost)
                select $1::uuid, (now() at time zone 'utc')::date, $2::uuid, feature, model, count(*), sum(sent),
                    sum(answered), sum(read), sum(written), sum(cost)
                from made group by feature, model order by feature, model
                on conflict (org_id, day, user_id, feature, model) do update set
                    calls = usage_days.calls + excluded.calls,
                    input_tokens = usage_days.input_tokens + excluded.input_tokens,
                    output_tokens = usage_days.output_tokens + excluded.output_tokens,
                    cache_read_input_tokens = usage_days.cache_read_input_tokens + excluded.cache_read_input_tokens,
                    cache_creation_input_tokens =
                        usage_days.cache_creation_input_tokens + excluded.cache_creation_input_tokens,
                    cost = usage_days.cost + excluded.cost
            ), total as (
                insert into sixty.usage_totals (org_id, day, shard, tokens, cost)
                select $1::uuid, (now() at time zone 'utc')::date, $4::smallint,
                    sum(sent + answered + read + written), sum(cost)
                from made having count(*) > 0
                on conflict (org_id, day, shard) do update set
                    tokens = usage_totals.tokens + excluded.tokens, cost = usage_totals.cost + excluded.cost
            ), freed as (
                delete from sixty.budget_reservations
                where org_id = $1::uuid and run_id = $3::uuid and cardinality($5::uuid[]) > 0
            ), spent as (
                select coalesce(sum(sent), 0)::bigint as sent, coalesce(sum(answered), 0)::bigint as answered,
                    coalesce(sum(read), 0)::bigint as read, coalesce(sum(written), 0)::bigint as written,
                    coalesce(sum(cost), 0)::bigint as cost
                from made
            ) " + $sql,
            lease.org.0,
            lease.author.0,
            lease.run.0,
            $crate::usage::shard(lease.run),
            &calls.ids,
            &calls.features,
            &calls.models,
            &calls.sent,
            &calls.answered,
            &calls.read,
            &calls.written,
            &calls.costs,
            &calls.estimated,
            &calls.own_keys,
            $($value),*
        )
    }};
}
pub(crate) use accounting;

/// Stores the run's calls, if there are any, where nothing else is stored of the run. Those that are stored already stay as
/// they are.
pub async fn record(tx: &mut RunTx, calls: &[Call]) -> Result<()> {
    if calls.is_empty() {
        return Ok(());
    }
    let lease = *tx.lease();
    accounting!(
        query,
        lease,
        calls,
        "update sixty.runs r set input_tokens = r.input_tokens + spent.sent,
            output_tokens = r.output_tokens + spent.answered,
            cache_read_input_tokens = r.cache_read_input_tokens + spent.read,
            cache_creation_input_tokens = r.cache_creation_input_tokens + spent.written, cost = r.cost + spent.cost
         from spent where r.org_id = $1 and r.owner_id = $15 and r.id = $3",
        lease.user.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// By what sums are told apart.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "any of the four may be asked for")]
pub struct GroupBy {
    pub day: bool,
    pub user: bool,
    pub model: bool,
    pub feature: bool,
}

/// What a group of calls used. What it is not told apart by is none.
#[derive(Clone, Debug)]
pub struct Group {
    pub day: Option<NaiveDate>,
    pub user: Option<UserId>,
    /// None: people who were erased.
    pub external_id: Option<String>,
    pub model: Option<String>,
    pub feature: Option<String>,
    pub calls: i64,
    pub usage: Usage,
}

/// Sums of these days, the first and the last included; of one person, or of the organization.
pub async fn grouped(
    tx: &mut TenantTx,
    of: Option<UserId>,
    (from, to): (NaiveDate, NaiveDate),
    by: GroupBy,
    limit: i64,
) -> Result<Vec<Group>> {
    let org = tx.org();
    let rows = sqlx::query!(
        r#"select g.*, m.external_id as "external_id?" from (
            select case when $5 then d.day end as day, case when $6 then d.user_id end as user_id,
                case when $7 then d.model end as model, case when $8 then d.feature end as feature,
                sum(d.calls)::bigint as "calls!", sum(d.input_tokens)::bigint as "input_tokens!",
                sum(d.output_tokens)::bigint as "output_tokens!",
                sum(d.cache_read_input_tokens)::bigint as "cache_read_input_tokens!",
                sum(d.cache_creation_input_tokens)::bigint as "cache_creation_input_tokens!",
                sum(d.cost)::bigint as "cost!"
            from sixty.usage_days d
            where d.org_id = $1 and ($2::uuid is null or d.user_id = $2) and d.day between $3 and $4
            group by 1, 2, 3, 4 order by 1, 2, 3, 4 limit $9) g
         left join sixty.members m on m.org_id = $1 and m.user_id = g.user_id
         order by g.day, m.external_id, g.user_id, g.model, g.feature"#,
        org.0,
        of.map(|user| user.0),
        from,
        to,
        by.day,
        by.user,
        by.model,
        by.feature,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let groups = rows.into_iter().map(|row| Group {
        day: row.day,
        user: row.user_id.map(UserId),
        external_id: row.external_id,
        model: row.model,
        feature: row.feature,
        calls: row.calls,
        usage: Usage {
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            cache_read_input_tokens: row.cache_read_input_tokens,
            cache_creation_input_tokens: row.cache_creation_input_tokens,
            cost: Cost(row.cost),
        },
    });
    Ok(groups.collect())
}

/// Calls of all organizations, oldest first, after the last one of the page before. Those of the last half minute are
/// left out: what is committed late must not be passed over.
pub async fn events(
    tx: &mut SystemTx,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<UsageEvent>> {
    let rows = sqlx::query!(
        "select e.id, o.external_id, e.user_id, e.run_id, e.feature, e.model, e.own_key, e.input_tokens, e.output_tokens,
            e.cache_read_input_tokens, e.cache_creation_input_tokens, e.cost, e.estimated, e.at
         from sixty.usage_events e join sixty.orgs o on o.org_id = e.org_id
         where e.at < now() - interval '30 seconds' and ($1::timestamptz is null or (e.at, e.id) > ($1, $2::uuid))
         order by e.at, e.id limit $3",
        after.map(|(at, _)| at),
        after.map(|(_, id)| id),
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let events = rows.into_iter().map(|row| UsageEvent {
        id: row.id,
        organization: row.external_id,
        user_id: row.user_id.map(UserId),
        run_id: row.run_id.into(),
        feature: row.feature,
        model: row.model,
        own_key: row.own_key,
        usage: Usage {
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            cache_read_input_tokens: row.cache_read_input_tokens,
            cache_creation_input_tokens: row.cache_creation_input_tokens,
            cost: Cost(row.cost),
        },
        estimated: row.estimated,
        at: row.at,
    });
    Ok(events.collect())
}
