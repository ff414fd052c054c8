//! What was used, and what may be.

use domain::{Result, UserId};

use super::ROWS;
use crate::{TenantTx, error::from_sqlx, usage::NOBODY};

/// A piece of the organization's. What is set aside goes with its run.
pub(super) async fn of_organization(tx: &mut TenantTx) -> Result<u64> {
    let org = tx.org();
    let events = affected!(
        tx,
        "delete from sixty.usage_events where org_id = $1 and id in (
            select id from sixty.usage_events where org_id = $1 order by id limit $2)",
        org.0,
        ROWS
    );
    let days = affected!(
        tx,
        "delete from sixty.usage_days where org_id = $1 and (day, user_id, feature, model) in (
            select day, user_id, feature, model from sixty.usage_days
            where org_id = $1 order by day, user_id, feature, model limit $2)",
        org.0,
        ROWS
    );
    let totals = affected!(
        tx,
        "delete from sixty.usage_totals where org_id = $1 and (day, shard) in (
            select day, shard from sixty.usage_totals where org_id = $1 order by day, shard limit $2)",
        org.0,
        ROWS
    );
    let budgets = affected!(tx, "delete from sixty.budgets where org_id = $1", org.0);
    Ok([events, days, totals, budgets].iter().sum())
}

/// What the person's model calls used stays in the organization's sums, as nobody's.
pub(super) async fn of_person(tx: &mut TenantTx, user: UserId) -> Result<u64> {
    let org = tx.org();
    let events = affected!(
        tx,
        "update sixty.usage_events e set user_id = null
         from (select id from sixty.usage_events where org_id = $1 and user_id = $2 limit $3) his
         where e.org_id = $1 and e.id = his.id",
        org.0,
        user.0,
        ROWS
    );
    let days = affected!(
        tx,
        "with gone as (
            delete from sixty.usage_days where org_id = $1 and user_id = $2 and (day, feature, model) in (
                select day, feature, model from sixty.usage_days
                where org_id = $1 and user_id = $2 order by day, feature, model limit $3)
            returning *
         )
         insert into sixty.usage_days (org_id, day, user_id, feature, model, calls, input_tokens, output_tokens,
            cache_read_input_tokens, cache_creation_input_tokens, cost)
         select org_id, day, $4, feature, model, calls, input_tokens, output_tokens, cache_read_input_tokens,
            cache_creation_input_tokens, cost from gone order by day, feature, model
         on conflict (org_id, day, user_id, feature, model) do update set
            calls = usage_days.calls + excluded.calls,
            input_tokens = usage_days.input_tokens + excluded.input_tokens,
            output_tokens = usage_days.output_tokens + excluded.output_tokens,
            cache_read_input_tokens = usage_days.cache_read_input_tokens + excluded.cache_read_input_tokens,
            cache_creation_input_tokens =
                usage_days.cache_creation_input_tokens + excluded.cache_creation_input_tokens,
            cost = usage_days.cost + excluded.cost",
        org.0,
        user.0,
        ROWS,
        NOBODY.0
    );
    Ok(events + days)
}
