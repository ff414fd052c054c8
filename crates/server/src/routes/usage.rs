//! What model calls used and cost: one's own, the organization's, and for the platform each call.

use axum::Json;
use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::{Error, FieldError, Usage, UserId, budget::Standing, usage::UsageEvent};
use serde::{Deserialize, Serialize};
use store::{
    TenantTx, budgets,
    usage::{self, Group, GroupBy},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    caller::{Caller, Platform},
    extract::Query,
    page::{Page, after, limit, page},
    problem::{Problems, Result},
};

/// Days of one answer, and days where none are named.
const MOST_DAYS: i64 = 400;
const USUAL_DAYS: u64 = 30;
/// Groups of one answer.
const MOST_GROUPS: usize = 10_000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// First day, as `2026-11-01`: 29 days before the last one unless given.
    from: Option<String>,
    /// Last day, which is included: today unless given. Days are those of UTC; at most 400.
    to: Option<String>,
    /// By what sums are told apart, a comma list of `day`, `user`, `model` and `feature`; `day` when left out.
    group_by: Option<String>,
}

/// What was used in a time.
#[derive(Serialize, ToSchema)]
pub struct Used {
    data: Vec<UsageGroup>,
    totals: Sum,
    from: NaiveDate,
    to: NaiveDate,
    /// Where the limits stand now that bind the caller; of the organization's usage, the organization's.
    budgets: Vec<Standing>,
}

#[derive(Serialize, ToSchema)]
pub struct UsageGroup {
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<NaiveDate>,
    /// External id of a member; null: people who were erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    user: Option<Option<String>>,
    /// `provider/model`.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// `chat`, `slack`, `schedule`, `skill` (an answer that follows one) or `summary` (of a compaction).
    #[serde(skip_serializing_if = "Option::is_none")]
    feature: Option<String>,
    #[serde(flatten)]
    sum: Sum,
}

#[derive(Serialize, ToSchema)]
pub struct Sum {
    /// Model calls.
    calls: i64,
    #[serde(flatten)]
    usage: Usage,
    /// The part of all tokens sent that was read from the provider's cache, from 0 to 1.
    cache_read_share: f64,
}

impl Sum {
    fn new(calls: i64, usage: Usage) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a share of numbers far below 2^52")]
        let share = usage.cache_read_input_tokens as f64 / usage.prompt_tokens().max(1) as f64;
        Self { calls, usage, cache_read_share: (share * 10_000.0).round() / 10_000.0 }
    }
}

/// What is asked for, in order.
struct Wanted {
    days: (NaiveDate, NaiveDate),
    by: GroupBy,
}

impl Asked {
    fn check(&self) -> domain::Result<Wanted> {
        let mut problems = Vec::new();
        let to = date(&mut problems, "to", self.to.as_deref()).unwrap_or_else(|| Utc::now().date_naive());
        let usual = to.checked_sub_days(Days::new(USUAL_DAYS - 1)).unwrap_or(to);
        let from = date(&mut problems, "from", self.from.as_deref()).unwrap_or(usual);
        let by = group_by(&mut problems, self.group_by.as_deref().unwrap_or("day"));
        let days = (to - from).num_days() + 1;
        if problems.is_empty() && days < 1 {
            problems.push(problem("from", "must not be after the last day"));
        } else if problems.is_empty() && days > MOST_DAYS {
            problems
                .push(problem("from", format!("must be at most {MOST_DAYS} days before the end of `to`")));
        }
        if problems.is_empty() { Ok(Wanted { days: (from, to), by }) } else { Err(Error::fields(problems)) }
    }
}

fn problem(field: &str, error: impl Into<String>) -> FieldError {
    FieldError { field: field.into(), error: error.into() }
}

fn date(problems: &mut Vec<FieldError>, field: &str, text: Option<&str>) -> Option<NaiveDate> {
    let text = text?;
    // No shorter or longer spelling of a day.
    let date = text.parse::<NaiveDate>().ok().filter(|date| date.to_string() == text);
    if date.is_none() {
        problems.push(problem(field, "must be a day such as 2026-11-30"));
    }
    date
}

fn group_by(problems: &mut Vec<FieldError>, text: &str) -> GroupBy {
    let mut by = GroupBy::default();
    for name in text.split(',') {
        match name.trim() {
            "day" => by.day = true,
            "user" => by.user = true,
            "model" => by.model = true,
            "feature" => by.feature = true,
            _ => {
                problems.push(problem("group_by", "must be a comma list of day, user, model and feature"));
                break;
            }
        }
    }
    by
}

async fn read(tx: &mut TenantTx, of: Option<UserId>, wanted: Wanted) -> domain::Result<Used> {
    let Wanted { days, by } = wanted;
    let most = i64::try_from(MOST_GROUPS).unwrap_or(i64::MAX);
    let groups = usage::grouped(tx, of, days, by, most + 1).await?;
    if groups.len() > MOST_GROUPS {
        let error = format!("makes more than {MOST_GROUPS} groups; ask for fewer days, or by less");
        return Err(Error::field("group_by", error));
    }
    let totals =
        Sum::new(groups.iter().map(|group| group.calls).sum(), groups.iter().map(|group| group.usage).sum());
    let limits = budgets::find(tx).await?.limits;
    let limits = if of.is_none() { domain::budget::Limits { user: None, ..limits } } else { limits };
    let me = tx.tenant().user;
    let standings = budgets::standings(tx, &limits, me, None).await?;
    let data = groups.into_iter().map(|group| shown(group, by)).collect();
    Ok(Used { data, totals, from: days.0, to: days.1, budgets: standings })
}

fn shown(group: Group, by: GroupBy) -> UsageGroup {
    UsageGroup {
        day: group.day,
        user: by.user.then_some(group.external_id),
        model: group.model,
        feature: group.feature,
        sum: Sum::new(group.calls, group.usage),
    }
}

/// What the caller's own model calls used, and where the budgets stand that bind them.
#[utoipa::path(get, path = "/v1/usage", tag = "usage", security(("bearer" = [])), params(Asked),
    responses((status = 200, body = Used), Problems))]
pub async fn own(caller: Caller, Query(asked): Query<Asked>) -> Result<Json<Used>> {
    let wanted = asked.check()?;
    let used = caller
        .tx(async |tx| {
            let me = tx.tenant().user;
            read(tx, Some(me), wanted).await
        })
        .await?;
    Ok(Json(used))
}

/// The same of all of the organization: owners and administrators.
#[utoipa::path(get, path = "/v1/admin/usage", tag = "usage", security(("bearer" = [])), params(Asked),
    responses((status = 200, body = Used), Problems))]
pub async fn of_organization(caller: Caller, Query(asked): Query<Asked>) -> Result<Json<Used>> {
    let wanted = asked.check()?;
    let used = caller
        .tx(async |tx| {
            tx.administers()?;
            read(tx, None, wanted).await
        })
        .await?;
    Ok(Json(used))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListUsageEvents {
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

/// Every model call of every organization, oldest first, for a platform administrator's token: half a minute after it
/// was made. Whoever fetches what is new keeps the cursor of the last page and asks with it again; an event's id tells
/// which ones are known.
#[utoipa::path(get, path = "/v1/platform/usage-events", tag = "platform", security(("bearer" = [])),
    params(ListUsageEvents), responses((status = 200, body = Page<UsageEvent>), Problems))]
pub async fn usage_events(
    platform: Platform,
    Query(query): Query<ListUsageEvents>,
) -> Result<Json<Page<UsageEvent>>> {
    let limit = limit(query.limit)?;
    let after: Option<(DateTime<Utc>, Uuid)> = after(query.cursor.as_deref())?;
    let mut tx = platform.app.store().system().await?;
    let found = usage::events(&mut tx, after, limit + 1).await;
    tx.rollback().await?;
    Ok(page(found?, limit, |event| (event.at, event.id)))
}
