//! What model calls used and cost: a row a call, and sums by day.

use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Cost, Result, Usage, UserId,
    run::Lease,
    usage::{Call, UsageEvent},
};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{RunTx, SystemTx, TenantTx, error::from_sqlx};

/// Rows that hold a day's sum of an organization.
const SHARDS: u128 = 16;

/// Who used what was used by people who were erased.
pub const NOBODY: UserId = UserId(Uuid::nil());

/// Stores the run's calls, in the name of whoever asked; what was set aside for the last of them is free again.
/// One statement for all, so that rows are always locked in the same order.
pub async fn record(tx: &mut RunTx, calls: &[Call]) -> Result<()> {
    if calls.is_empty() {
        return Ok(());
    }
    let Lease { org, author, run, .. } = *tx.lease();
    let shard = i16::try_from(run.0.as_u128() % SHARDS).unwrap_or_default();
    let mut sql: QueryBuilder<Postgres> = QueryBuilder::new(
        "with call (id, feature, model, own_key, sent, answered, read, written, cost) as (",
    );
    sql.push_values(calls, |mut row, call| {
        row.push_bind(Uuid::now_v7())
            .push_bind(call.feature.as_str())
            .push_bind(&call.model)
            .push_bind(call.own_key)
            .push_bind(call.usage.input_tokens)
            .push_bind(call.usage.output_tokens)
            .push_bind(call.usage.cache_read_input_tokens)
            .push_bind(call.usage.cache_creation_input_tokens)
            .push_bind(call.usage.cost.0);
    });
    sql.push(
        "), event as (insert into sixty.usage_events (org_id, id, user_id, run_id, feature, model, input_tokens,
            output_tokens, cache_read_input_tokens, cache_creation_input_tokens, cost, own_key) select ",
    )
    .push_bind(org.0)
    .push(", id, ")
    .push_bind(author.0)
    .push(", ")
    .push_bind(run.0)
    .push(
        ", feature, model, sent, answered, read, written, cost, own_key from call
        ), day as (insert into sixty.usage_days (org_id, day, user_id, feature, model, calls, input_tokens,
            output_tokens, cache_read_input_tokens, cache_creation_input_tokens, cost) select ",
    )
    .push_bind(org.0)
    .push(", (now() at time zone 'utc')::date, ")
    .push_bind(author.0)
    .push(
        ", feature, model, count(*), sum(sent), sum(answered), sum(read), sum(written), sum(cost)
            from call group by feature, model order by feature, model
            on conflict (org_id, day, user_id, feature, model) do update set
                calls = usage_days.calls + excluded.calls,
                input_tokens = usage_days.input_tokens + excluded.input_tokens,
                output_tokens = usage_days.output_tokens + excluded.output_tokens,
                cache_read_input_tokens = usage_days.cache_read_input_tokens + excluded.cache_read_input_tokens,
                cache_creation_input_tokens =
                    usage_days.cache_creation_input_tokens + excluded.cache_creation_input_tokens,
                cost = usage_days.cost + excluded.cost
        ), total as (insert into sixty.usage_totals (org_id, day, shard, tokens, cost) select ",
    )
    .push_bind(org.0)
    .push(", (now() at time zone 'utc')::date, ")
    .push_bind(shard)
    .push(
        ", sum(sent + answered + read + written), sum(cost) from call
            on conflict (org_id, day, shard) do update set
                tokens = usage_totals.tokens + excluded.tokens, cost = usage_totals.cost + excluded.cost
        ) delete from sixty.budget_reservations where org_id = ",
    )
    .push_bind(org.0)
    .push(" and run_id = ")
    .push_bind(run.0);
    sql.build().execute(tx.connection()).await.map_err(from_sqlx).map(drop)
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
            e.cache_read_input_tokens, e.cache_creation_input_tokens, e.cost, e.at
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
        at: row.at,
    });
    Ok(events.collect())
}
