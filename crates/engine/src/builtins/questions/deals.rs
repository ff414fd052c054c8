//! The pipeline, and the contacts that nobody has been in touch with.

use chrono::Days;
use domain::brief::Brief;
use serde_json::{Value, json};
use store::{
    TenantTx,
    questions::{self, Closing, StageSum},
};
use tools::{DealFilter, Part, Span};

use super::{
    Answer, Answered, Asking, Found, LINES, STALE_DAYS, lines, listed, page,
    period::{Period, every_day},
    say::{self, count},
    told,
};

/// Days in which a deal closes soon.
pub const SOON: u16 = 30;
/// Stages that a summary names one by one.
const STAGES: usize = 12;

/// Closing in the period; in none: ever.
fn closing(period: Option<&Period>) -> Closing {
    match period {
        Some(period) => Closing { from: period.first, to: period.last, undated: false },
        None => ever(),
    }
}

/// Every day that a close date can be, and the deals without one.
fn ever() -> Closing {
    let (from, to) = every_day();
    Closing { from, to, undated: true }
}

fn of_period(period: Option<&Period>) -> String {
    match period {
        None => String::new(),
        Some(Period { first, last }) if first == last => {
            format!(" that are to close on {}", say::date(*first))
        }
        Some(Period { first, last }) => {
            format!(" that are to close from {} to {}", say::date(*first), say::date(*last))
        }
    }
}

pub async fn list(
    tx: &mut TenantTx,
    asking: Asking<'_>,
    (filter, days): (Option<DealFilter>, Option<u16>),
    span: &Span,
    part: Part,
) -> Answered {
    let asking = asking.within(span.timezone.as_deref())?;
    let period = asking.period(span.period.as_deref())?;
    let (closing, clock, page) = (closing(period.as_ref()), asking.clock(), page(part, LINES));
    let when = of_period(period.as_ref());
    let (what, rows) = match filter {
        None => ("Open deals".to_owned(), questions::by_close(tx, closing, None, page).await?),
        Some(DealFilter::ClosingSoon) => {
            if period.is_some() {
                return told("closing_soon is a period of its own: give either that filter or a period.");
            }
            let days = days.unwrap_or(SOON);
            let today = clock.today();
            let last = today.checked_add_days(Days::new(days.into())).unwrap_or(today);
            let soon = Closing { from: today, to: last, undated: false };
            (
                format!("Open deals that close within {}", say::count(days.into(), "day")),
                questions::by_close(tx, soon, None, page).await?,
            )
        }
        Some(DealFilter::AtRisk) => (
            "Open deals at risk (health under 40 or ghost risk over 50 %)".to_owned(),
            questions::at_risk(tx, closing, asking.alarm(), page).await?,
        ),
        Some(DealFilter::Stale) => {
            let days = days.unwrap_or(STALE_DAYS);
            let rows = questions::stale(tx, closing, clock.days_ago(days), page).await?;
            (format!("Open deals without activity for {}", say::count(days.into(), "day")), rows)
        }
        Some(DealFilter::NeedsAttention) => (
            "Open deals that need attention".to_owned(),
            questions::by_close(tx, closing, Some(asking.alarm()), page).await?,
        ),
    };
    let heading = format!("{what}{when}{}:", order(filter));
    let none = format!("{what}{when}: none.");
    Ok(listed(&heading, &none, Found { rows, name: "deals", part, page }, |deal: &Brief| {
        lines::line(deal, clock)
    }))
}

fn order(filter: Option<DealFilter>) -> &'static str {
    match filter {
        Some(DealFilter::AtRisk) => ", the greatest risk first",
        Some(DealFilter::Stale) => ", the longest silent first",
        _ => ", the next to close first",
    }
}

pub async fn contacts(tx: &mut TenantTx, asking: Asking<'_>, days: Option<u16>, part: Part) -> Answered {
    let (days, clock, page) = (days.unwrap_or(STALE_DAYS), asking.clock(), page(part, LINES));
    let rows = questions::contacts(tx, clock.days_ago(days), page).await?;
    Ok(listed(
        &format!(
            "Contacts without activity for {}, the longest silent first:",
            say::count(days.into(), "day")
        ),
        &format!("There is no contact without activity for {}.", say::count(days.into(), "day")),
        Found { rows, name: "contacts", part, page },
        |contact| lines::line(contact, clock),
    ))
}

pub async fn summary(tx: &mut TenantTx, asking: Asking<'_>, span: &Span) -> Answered {
    let asking = asking.within(span.timezone.as_deref())?;
    let period = asking.period(span.period.as_deref())?;
    let sums = questions::summary(tx, closing(period.as_ref()), asking.alarm()).await?;
    let when = of_period(period.as_ref());
    // Stages are quoted as they were written.
    let untrusted = sums.iter().any(|sum| sum.integration);
    Ok(Answer { text: summarized(&sums, &when), value: summary_value(&sums), untrusted })
}

/// `{"deals": 3, "overdue": 1, …, "currencies": [{"currency", "amount", "weighted"}], "stages": [{"stage", "currency",
/// "deals", "amount"}]}`.
fn summary_value(sums: &[StageSum]) -> Value {
    let whole = sums.iter().find(|sum| !sum.of_stage && !sum.of_currency);
    let count = |of: fn(&StageSum) -> i64| whole.map_or(0, of);
    let currencies = sums.iter().filter(|sum| !sum.of_stage && sum.of_currency);
    let currencies: Vec<Value> = currencies
        .map(|sum| json!({"currency": sum.currency, "amount": sum.amount, "weighted": sum.weighted}))
        .collect();
    let stages = sums.iter().filter(|sum| sum.of_stage).map(
        |sum| json!({"stage": sum.stage, "currency": sum.currency, "deals": sum.deals, "amount": sum.amount}),
    );
    json!({
        "deals": count(|sum| sum.deals),
        "overdue": count(|sum| sum.overdue),
        "at_risk": count(|sum| sum.at_risk),
        "stale": count(|sum| sum.stale),
        "without_amount": count(|sum| sum.without_amount),
        "currencies": currencies,
        "stages": stages.collect::<Vec<_>>(),
    })
}

fn summarized(sums: &[StageSum], when: &str) -> String {
    let whole = sums.iter().find(|sum| !sum.of_stage && !sum.of_currency);
    let Some(whole) = whole.filter(|sum| sum.deals > 0) else {
        return format!("Open deals{when}: none.");
    };
    let currencies: Vec<&StageSum> = sums.iter().filter(|sum| !sum.of_stage && sum.of_currency).collect();
    let mut text =
        vec![format!("Open deals{when}: {}, {}", whole.deals, amounts(&currencies, |sum| sum.amount))];
    if whole.with_probability > 0 {
        text.push(format!(
            "weighted by probability ({} of them have one): {}",
            whole.with_probability,
            amounts(&currencies, |sum| sum.weighted)
        ));
    }
    text.push(format!(
        "overdue {}, at risk {}, stale {}, without an amount {}",
        whole.overdue, whole.at_risk, whole.stale, whole.without_amount
    ));
    text.extend(stages(sums));
    text.join("\n")
}

/// The sums side by side, never added across currencies.
fn amounts(sums: &[&StageSum], of: impl Fn(&StageSum) -> f64) -> String {
    let mut sums: Vec<(f64, Option<&str>)> = sums
        .iter()
        .map(|sum| (of(sum), sum.currency.as_deref()))
        .filter(|(amount, _)| *amount > 0.0)
        .collect();
    sums.sort_by(|a, b| a.1.cmp(&b.1));
    let told: Vec<String> =
        sums.into_iter().map(|(amount, currency)| say::amount(amount, currency)).collect();
    if told.is_empty() { "no amount".into() } else { told.join(" and ") }
}

/// A line for each stage, that with the most deals first.
fn stages(sums: &[StageSum]) -> Vec<String> {
    let mut stages: Vec<(Option<&str>, Vec<&StageSum>)> = Vec::new();
    for sum in sums.iter().filter(|sum| sum.of_stage) {
        match stages.iter_mut().find(|(stage, _)| *stage == sum.stage.as_deref()) {
            Some((_, of_stage)) => of_stage.push(sum),
            None => stages.push((sum.stage.as_deref(), vec![sum])),
        }
    }
    let deals = |of_stage: &[&StageSum]| of_stage.iter().map(|sum| sum.deals).sum::<i64>();
    stages.sort_by(|a, b| deals(&b.1).cmp(&deals(&a.1)).then_with(|| a.0.cmp(&b.0)));
    let more = stages.len().saturating_sub(STAGES);
    let line = |(stage, of_stage): &(Option<&str>, Vec<&StageSum>)| {
        let stage = stage.map_or("without a stage".into(), |stage| format!("stage {}", say::short(stage)));
        format!("- {stage}: {}, {}", count(deals(of_stage), "deal"), amounts(of_stage, |sum| sum.amount))
    };
    let lines = stages.iter().take(STAGES).map(line);
    lines.chain((more > 0).then(|| format!("- and {more} more stages"))).collect()
}
