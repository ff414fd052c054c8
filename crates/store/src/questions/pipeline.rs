//! Deals in the pipeline, and contacts that nobody has been in touch with.

use chrono::{DateTime, NaiveDate, Utc};
use domain::{Result, brief::Brief};

use super::{Alarm, Page, bring};
use crate::{TenantTx, error::from_sqlx};

/// When deals are to close.
#[derive(Clone, Copy, Debug)]
pub struct Closing {
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// Those too of which nobody has said when.
    pub undated: bool,
}

/// Open deals by close date, the next first, those without one last. With an alarm only those that
/// need attention: at risk, stale, overdue, or without an amount.
pub async fn by_close(
    tx: &mut TenantTx,
    closing: Closing,
    alarm: Option<Alarm>,
    page: Page,
) -> Result<Vec<Brief>> {
    bring!(
        tx,
        "by_close",
        "left(coalesce(e.fields ->> 'summary', e.fields ->> 'body', e.fields ->> 'description'), 600)",
        "(select 'deal' as kind, d.id, d.close_date from sixty.entities d
            where d.org_id = $1 and d.kind = 'deal' and d.open and d.close_date >= $3 and d.close_date <= $4
                and ($8::date is null or coalesce(d.amount, 0) = 0 or d.health < $9 or d.ghost_risk > $10
                    or d.touched_at is null or d.touched_at < $11 or d.close_date < $8)
            order by d.close_date, d.id limit $12)
        union all
        (select 'deal', d.id, d.close_date from sixty.entities d
            where d.org_id = $1 and d.kind = 'deal' and d.open and d.close_date is null and $5
                and ($8::date is null or coalesce(d.amount, 0) = 0 or d.health < $9 or d.ghost_risk > $10
                    or d.touched_at is null or d.touched_at < $11)
            order by d.close_date, d.id limit $12)
        order by close_date nulls last, id offset $6 limit $7",
        "k.close_date nulls last, k.id",
        closing.from,
        closing.to,
        closing.undated,
        page.offset,
        page.rows(),
        alarm.map(|alarm| alarm.today),
        alarm.map(|alarm| alarm.health),
        alarm.map(|alarm| alarm.ghost_risk),
        alarm.map(|alarm| alarm.silent_since),
        page.end(),
    )
}

/// Open deals in danger, the greatest danger first.
pub async fn at_risk(tx: &mut TenantTx, closing: Closing, alarm: Alarm, page: Page) -> Result<Vec<Brief>> {
    bring!(
        tx,
        "at_risk",
        "left(coalesce(e.fields ->> 'summary', e.fields ->> 'body', e.fields ->> 'description'), 600)",
        "(select 'deal' as kind, d.id, greatest(100 - d.health, d.ghost_risk) as danger from sixty.entities d
            where d.org_id = $1 and d.kind = 'deal' and d.open and d.health < $8
                and ($5 or d.close_date >= $3 and d.close_date <= $4)
            order by d.health, d.id limit $10)
        union
        (select 'deal', d.id, greatest(100 - d.health, d.ghost_risk) from sixty.entities d
            where d.org_id = $1 and d.kind = 'deal' and d.open and d.ghost_risk > $9
                and ($5 or d.close_date >= $3 and d.close_date <= $4)
            order by d.ghost_risk desc, d.id limit $10)
        order by danger desc, id offset $6 limit $7",
        "k.danger desc, k.id",
        closing.from,
        closing.to,
        closing.undated,
        page.offset,
        page.rows(),
        alarm.health,
        alarm.ghost_risk,
        page.end(),
    )
}

/// Open deals without activity since then, those first that never had any, then the longest silent.
pub async fn stale(
    tx: &mut TenantTx,
    closing: Closing,
    silent_since: DateTime<Utc>,
    page: Page,
) -> Result<Vec<Brief>> {
    bring!(
        tx,
        "stale",
        "left(coalesce(e.fields ->> 'summary', e.fields ->> 'body', e.fields ->> 'description'), 600)",
        "(select 'deal' as kind, d.id, d.touched_at from sixty.entities d
            where d.org_id = $1 and d.kind = 'deal' and d.open and d.touched_at is null
                and ($5 or d.close_date >= $3 and d.close_date <= $4)
            order by d.touched_at nulls first, d.id limit $9)
        union all
        (select 'deal', d.id, d.touched_at from sixty.entities d
            where d.org_id = $1 and d.kind = 'deal' and d.open and d.touched_at < $8
                and ($5 or d.close_date >= $3 and d.close_date <= $4)
            order by d.touched_at nulls first, d.id limit $9)
        order by touched_at nulls first, id offset $6 limit $7",
        "k.touched_at nulls first, k.id",
        closing.from,
        closing.to,
        closing.undated,
        page.offset,
        page.rows(),
        silent_since,
        page.end(),
    )
}

/// Contacts without activity since then, the longest silent first; last those that never had any.
pub async fn contacts(tx: &mut TenantTx, silent_since: DateTime<Utc>, page: Page) -> Result<Vec<Brief>> {
    bring!(
        tx,
        "contacts",
        "null::text",
        "(select 'contact' as kind, c.id, c.touched_at from sixty.entities c
            where c.org_id = $1 and c.kind = 'contact' and c.touched_at < $3
            order by c.touched_at nulls first, c.id limit $6)
        union all
        (select 'contact', c.id, c.touched_at from sixty.entities c
            where c.org_id = $1 and c.kind = 'contact' and c.touched_at is null
            order by c.touched_at nulls first, c.id limit $6)
        order by touched_at nulls last, id offset $4 limit $5",
        "k.touched_at nulls last, k.id",
        silent_since,
        page.offset,
        page.rows(),
        page.end(),
    )
}

/// Open deals of one stage and one currency; `None` in both: of all.
#[derive(Clone, Debug, PartialEq)]
pub struct StageSum {
    /// Whether it is the sum of one stage, and of one currency; else of all of them.
    pub of_stage: bool,
    pub of_currency: bool,
    pub stage: Option<String>,
    pub currency: Option<String>,
    pub deals: i64,
    pub amount: f64,
    /// Each amount by its probability, where both are known.
    pub weighted: f64,
    pub with_probability: i64,
    pub without_amount: i64,
    pub at_risk: i64,
    pub stale: i64,
    pub overdue: i64,
    /// An integration has written one of them.
    pub integration: bool,
}

/// Sums of the open deals: of all, of each currency, and of each stage and currency (of which the
/// largest three hundred).
pub async fn summary(tx: &mut TenantTx, closing: Closing, alarm: Alarm) -> Result<Vec<StageSum>> {
    let org = tx.org();
    sqlx::query_as!(
        StageSum,
        r#"/* question: summary */
        select grouping(s.stage) = 0 as "of_stage!", grouping(s.currency) = 0 as "of_currency!", s.stage, s.currency,
            coalesce(sum(s.deals), 0)::bigint as "deals!", coalesce(sum(s.amount), 0) as "amount!",
            coalesce(sum(s.weighted), 0) as "weighted!",
            coalesce(sum(s.with_probability), 0)::bigint as "with_probability!",
            coalesce(sum(s.without_amount), 0)::bigint as "without_amount!",
            coalesce(sum(s.at_risk), 0)::bigint as "at_risk!", coalesce(sum(s.stale), 0)::bigint as "stale!",
            coalesce(sum(s.overdue), 0)::bigint as "overdue!", coalesce(bool_or(s.integration), false) as "integration!"
        from (
            select d.stage, d.currency, count(*) as deals, coalesce(sum(d.amount), 0) as amount,
                coalesce(sum(d.amount * d.probability / 100), 0) as weighted,
                count(d.amount * d.probability) as with_probability,
                count(*) filter (where coalesce(d.amount, 0) = 0) as without_amount,
                count(*) filter (where d.health < $5 or d.ghost_risk > $6) as at_risk,
                count(*) filter (where d.touched_at is null or d.touched_at < $7) as stale,
                count(*) filter (where d.close_date < $8) as overdue, bool_or(d.integration) as integration
            from sixty.entities d
            where d.org_id = $1 and d.kind = 'deal' and d.open
                and ($4 or d.close_date >= $2 and d.close_date <= $3)
            group by d.stage, d.currency
        ) s
        group by grouping sets ((s.stage, s.currency), (s.currency), ())
        order by grouping(s.stage) desc, grouping(s.currency) desc, sum(s.deals) desc, s.stage, s.currency limit 400"#,
        org.0,
        closing.from,
        closing.to,
        closing.undated,
        alarm.health,
        alarm.ghost_risk,
        alarm.silent_since,
        alarm.today,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)
}
