//! Budgets: what administrators set, what has been used of it, and what is set aside.

use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Cost, Error, Result, RunId, UserId,
    budget::{Limits, Spent, Standing, Used},
    run::Lease,
    skill::PLATFORM,
};
use sqlx::types::Json;

use crate::{RunTx, TenantTx, error::from_sqlx, orgs};

/// The limits in force.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    pub limits: Limits,
    /// They are the platform's: the organization has set none.
    pub inherited: bool,
    /// 0: the organization has never set any.
    pub version: i64,
    pub updated_at: Option<DateTime<Utc>>,
    /// External id of the administrator who set them, or went back to the platform's.
    pub updated_by: Option<String>,
}

/// The organization's own, or else the platform's.
pub async fn find(tx: &mut TenantTx) -> Result<Budget> {
    let org = tx.org();
    let row = sqlx::query!(
        r#"select o.limits as "own?: Json<Limits>", p.limits as "platform?: Json<Limits>", o.version as "version?",
            o.updated_at as "updated_at?", m.external_id as "updated_by?"
         from (select $1::uuid as org_id) a
         left join sixty.budgets o on o.org_id = a.org_id
         left join sixty.budgets p on p.org_id = $2
         left join sixty.members m on m.org_id = a.org_id and m.user_id = o.updated_by"#,
        org.0,
        PLATFORM.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(Budget {
        inherited: row.own.is_none() && row.platform.is_some(),
        limits: row.own.or(row.platform).map(|limits| limits.0).unwrap_or_default(),
        version: row.version.unwrap_or_default(),
        updated_at: row.updated_at,
        updated_by: row.updated_by,
    })
}

/// Sets the limits, on top of the version that the administrator saw if one is given.
pub async fn put(tx: &mut TenantTx, limits: &Limits, seen: Option<i64>) -> Result<()> {
    orgs::stands(tx).await?;
    let (org, author) = (tx.org(), orgs::author(tx));
    let done = sqlx::query_scalar!(
        "insert into sixty.budgets as b (org_id, limits, version, updated_by)
         select $1, $2, 1, $3
         where coalesce($4::bigint, 0) = 0 or exists (select from sixty.budgets x where x.org_id = $1)
         on conflict (org_id) do update
         set limits = excluded.limits, version = b.version + 1, updated_at = now(), updated_by = $3
         where $4::bigint is null or b.version = $4
         returning version",
        org.0,
        Json(limits) as _,
        author.map(|author| author.0),
        seen
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    match done {
        Some(_) => Ok(()),
        None => Err(Error::VersionMismatch { current: find(tx).await?.version }),
    }
}

/// Goes back to the platform's limits, from the version that the administrator saw if one is given. False: the
/// organization has none of its own.
pub async fn delete(tx: &mut TenantTx, seen: Option<i64>) -> Result<bool> {
    let (org, author) = (tx.org(), orgs::author(tx));
    let done = sqlx::query!(
        "update sixty.budgets set limits = null, version = version + 1, updated_at = now(), updated_by = $2
         where org_id = $1 and limits is not null and ($3::bigint is null or version = $3)",
        org.0,
        author.map(|author| author.0),
        seen
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if done.rows_affected() == 1 {
        return Ok(true);
    }
    let current = find(tx).await?.version;
    match seen {
        Some(seen) if seen != current => Err(Error::VersionMismatch { current }),
        _ => Ok(false),
    }
}

/// Where the limits of this person and the organization stand now. What this run has set aside does not count.
pub async fn standings(
    tx: &mut TenantTx,
    limits: &Limits,
    user: UserId,
    run: Option<RunId>,
) -> Result<Vec<Standing>> {
    if !limits.counts() {
        return Ok(Vec::new());
    }
    let org = tx.org();
    let row = sqlx::query!(
        r#"select c.today as "today!: NaiveDate",
            o.day_tokens as "org_day_tokens!", o.day_cost as "org_day_cost!",
            o.tokens as "org_tokens!", o.cost as "org_cost!",
            u.day_tokens as "day_tokens!", u.day_cost as "day_cost!", u.tokens as "tokens!", u.cost as "cost!",
            r.org_tokens as "org_reserved_tokens!", r.org_cost as "org_reserved_cost!",
            r.tokens as "reserved_tokens!", r.cost as "reserved_cost!"
         from (select (now() at time zone 'utc')::date as today,
                date_trunc('month', now() at time zone 'utc')::date as month) c
         cross join lateral (
            select coalesce(sum(t.tokens) filter (where t.day = c.today), 0)::bigint as day_tokens,
                coalesce(sum(t.cost) filter (where t.day = c.today), 0)::bigint as day_cost,
                coalesce(sum(t.tokens), 0)::bigint as tokens, coalesce(sum(t.cost), 0)::bigint as cost
            from sixty.usage_totals t where t.org_id = $1 and t.day >= c.month) o
         cross join lateral (
            select coalesce(sum(s.tokens) filter (where s.day = c.today), 0)::bigint as day_tokens,
                coalesce(sum(s.cost) filter (where s.day = c.today), 0)::bigint as day_cost,
                coalesce(sum(s.tokens), 0)::bigint as tokens, coalesce(sum(s.cost), 0)::bigint as cost
            from (select d.day, d.cost, d.input_tokens + d.output_tokens + d.cache_read_input_tokens
                    + d.cache_creation_input_tokens as tokens
                from sixty.usage_days d where d.org_id = $1 and d.user_id = $2 and d.day >= c.month) s) u
         cross join lateral (
            select coalesce(sum(b.tokens), 0)::bigint as org_tokens, coalesce(sum(b.cost), 0)::bigint as org_cost,
                coalesce(sum(b.tokens) filter (where b.user_id = $2), 0)::bigint as tokens,
                coalesce(sum(b.cost) filter (where b.user_id = $2), 0)::bigint as cost
            from sixty.budget_reservations b
            where b.org_id = $1 and b.run_id is distinct from $3) r"#,
        org.0,
        user.0,
        run.map(|run| run.0)
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let spent = |tokens, cost| Spent { tokens, cost: Cost(cost) };
    let own = Used {
        day: spent(row.day_tokens, row.day_cost),
        month: spent(row.tokens, row.cost),
        reserved: spent(row.reserved_tokens, row.reserved_cost),
    };
    let all = Used {
        day: spent(row.org_day_tokens, row.org_day_cost),
        month: spent(row.org_tokens, row.org_cost),
        reserved: spent(row.org_reserved_tokens, row.org_reserved_cost),
    };
    Ok(limits.standings(own, all, row.today))
}

/// Sets aside what the run's next model call may use, instead of what was.
pub async fn reserve(
    tx: &mut TenantTx,
    run: RunId,
    user: UserId,
    Spent { tokens, cost }: Spent,
) -> Result<()> {
    let org = tx.org();
    sqlx::query!(
        "insert into sixty.budget_reservations (org_id, run_id, user_id, tokens, cost) values ($1, $2, $3, $4, $5)
         on conflict (org_id, run_id) do update
         set user_id = excluded.user_id, tokens = excluded.tokens, cost = excluded.cost, made_at = now()",
        org.0,
        run.0,
        user.0,
        tokens,
        cost.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// The same of a run that goes on.
pub async fn reserve_for(tx: &mut RunTx, spent: Spent) -> Result<()> {
    let Lease { run, author, .. } = *tx.lease();
    reserve(tx.tenant(), run, author, spent).await
}

/// Nothing is set aside any more for this run.
pub async fn release(tx: &mut TenantTx, run: RunId) -> Result<()> {
    let org = tx.org();
    sqlx::query!("delete from sixty.budget_reservations where org_id = $1 and run_id = $2", org.0, run.0)
        .execute(tx.connection())
        .await
        .map_err(from_sqlx)
        .map(drop)
}
