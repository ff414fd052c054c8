//! The questions about the sales record, each as the service asks it: a connection of its pool, one
//! tenant transaction, one statement. Of the large organization and of small ones.

use std::time::{Duration, Instant};

use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::{EntityKind, EntityRef, OrgId, Tenant, UserId, brief::Brief};
use store::{
    PoolSize, Store, TenantTx,
    questions::{self as ask, Alarm, Closing, Due, Me, Page, Soon, Sought},
};
use uuid::Uuid;

use crate::{Result, fail, postgres::Postgres, report::Report, service, stats::quantile};

const DATABASE: &str = "questions";
const LOAD: &str = include_str!("questions/load.sql");
/// Organizations, of which the first has a hundred thousand entities and the others nine hundred each.
const ORGS: u128 = 1_000;
const CALLS: u128 = 300;
const PAGE: Page = Page { offset: 0, limit: 20 };

/// As the loader numbers them.
fn org(number: u128) -> Tenant {
    let id = |family: u128| Uuid::from_u128(family << 112 | 0x8000 << 48 | number);
    Tenant::own(OrgId(id(1)), UserId(id(2)))
}

/// What a question needs to know, and what it must bring in the large organization.
struct Question {
    name: &'static str,
    at_least: usize,
}

/// The last one makes suggestions, which a page waits for.
const QUESTIONS: [Question; 18] = [
    Question { name: "open deals by close date", at_least: 21 },
    Question { name: "needs attention", at_least: 21 },
    Question { name: "at risk", at_least: 21 },
    Question { name: "stale", at_least: 21 },
    Question { name: "pipeline summary", at_least: 3 },
    Question { name: "silent contacts", at_least: 21 },
    Question { name: "next meeting", at_least: 1 },
    Question { name: "meetings of a week", at_least: 21 },
    Question { name: "meetings of a deal", at_least: 21 },
    Question { name: "activities of a deal", at_least: 21 },
    Question { name: "a deal with what stands around it", at_least: 10 },
    Question { name: "own to-dos", at_least: 21 },
    Question { name: "closed to-dos", at_least: 21 },
    Question { name: "a name (two words, thousands of each)", at_least: 21 },
    Question { name: "a misspelled name", at_least: 21 },
    Question { name: "e-mails with three common words", at_least: 11 },
    Question { name: "e-mails of a deal with two words", at_least: 1 },
    Question { name: "what presses on a person", at_least: 1 },
];

pub async fn all(postgres: &Postgres, report: &mut Report) -> Result<()> {
    service::database(postgres, DATABASE)?;
    let start = Instant::now();
    postgres.sql(DATABASE, LOAD)?;
    postgres.sql(DATABASE, "vacuum analyze sixty.entities, sixty.entity_links, sixty.entity_words")?;
    let counts = "select concat_ws(', ', (select count(*) from sixty.entities) || ' entities',
        (select count(*) from sixty.entity_links) || ' links', (select count(*) from sixty.entity_words) || ' words')";
    let counts = postgres.sql(DATABASE, counts)?;
    eprintln!("loaded in {:.0} s: {counts}", start.elapsed().as_secs_f64());
    let size = PoolSize { connections: 2, acquire_timeout: Duration::from_secs(30) };
    let store = Store::connect(&postgres.app_url(DATABASE, None), size)?;
    for (place, question) in QUESTIONS.iter().enumerate() {
        let large = times(&store, place, question, |_| 0).await?;
        let small = times(&store, place, question, |n| 1 + n * 7 % (ORGS - 1)).await?;
        let told = |times: &[f64]| {
            format!(
                "{:.1} / {:.1} / {:.1}",
                quantile(times, 0.5),
                quantile(times, 0.99),
                quantile(times, 1.0)
            )
        };
        report.add(
            format!(
                "{} of {counts}: organization of 100,000; of 900; median / p99 / largest (ms)",
                question.name
            ),
            format!("{}; {}", told(&large), told(&small)),
            if place + 1 == QUESTIONS.len() { "p99 ≤ 5" } else { "p99 ≤ 20" },
        );
    }
    store.close().await;
    Ok(())
}

/// Milliseconds of each call, the connection warm.
async fn times(
    store: &Store,
    place: usize,
    question: &Question,
    of: impl Fn(u128) -> u128,
) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for n in 0..CALLS + 20 {
        let tenant = org(of(n));
        let start = Instant::now();
        let mut tx = store.tenant(tenant).await?;
        let rows = one(&mut tx, place, n).await?;
        tx.commit().await?;
        if n >= 20 {
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        if tenant == org(0) && rows < question.at_least {
            return fail(format!("{}: {rows} rows, and not {}", question.name, question.at_least));
        }
    }
    Ok(times)
}

fn alarm(now: DateTime<Utc>) -> Alarm {
    Alarm { health: 40.0, ghost_risk: 50.0, silent_since: now - Days::new(14), today: now.date_naive() }
}

async fn one(tx: &mut TenantTx, place: usize, n: u128) -> Result<usize> {
    let now = Utc::now();
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
    let ever = Closing { from: day(1, 1, 1), to: day(9999, 12, 31), undated: true };
    let all = Due { from: ever.from, to: ever.to, undated: true, status: None, pressing: false };
    let deal = EntityRef { kind: EntityKind::Deal, id: "D-0".into() };
    let me = tx.tenant().user;
    let rows: Vec<Brief> = match place {
        0 => ask::by_close(tx, ever, None, PAGE).await?,
        1 => ask::by_close(tx, ever, Some(alarm(now)), PAGE).await?,
        2 => ask::at_risk(tx, ever, alarm(now), PAGE).await?,
        3 => ask::stale(tx, ever, alarm(now).silent_since, PAGE).await?,
        4 => return Ok(ask::summary(tx, ever, alarm(now)).await?.len()),
        5 => ask::contacts(tx, alarm(now).silent_since, PAGE).await?,
        6 => ask::next(tx, now, "nobody", None).await?.into_iter().map(|(meeting, _)| meeting).collect(),
        7 => ask::in_period(tx, (now, now + Days::new(7)), PAGE).await?,
        8 => ask::of(tx, &deal, None, now, PAGE).await?,
        9 => ask::activities(tx, &deal, PAGE).await?,
        10 => ask::around(tx, &deal, now).await?,
        11 => ask::tasks_of(tx, me, all, PAGE).await?,
        12 => ask::closed_tasks(tx, None, all, PAGE).await?,
        13 => find(tx, &EntityKind::ALL, &["jane", "smith", "~jn", "~smt"], 60, false).await?,
        14 => find(tx, &EntityKind::ALL, &["smyhte", "~smt"], 60, false).await?,
        15 => {
            let topic = format!("topic{}", n % 40);
            find(tx, &[EntityKind::Email], &["pricing", "renewal", &topic], 300, true).await?
        }
        16 => {
            let words = ["pricing".to_owned(), "topic7".to_owned()];
            ask::find_linked(tx, (EntityKind::Email, &words), &deal, Page { offset: 0, limit: 10 }).await?
        }
        _ => {
            let me = Me { external_id: "nobody", name: None };
            let soon = Soon { now, until: now + Days::new(1), last_day: (now + Days::new(30)).date_naive() };
            ask::pressing(tx, me, soon, alarm(now)).await?
        }
    };
    Ok(rows.len())
}

async fn find(
    tx: &mut TenantTx,
    kinds: &[EntityKind],
    words: &[&str],
    newest: i64,
    texts: bool,
) -> Result<Vec<Brief>> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let prefix = (!texts).then(|| words[0].as_str());
    let page = if texts { Page { offset: 0, limit: 10 } } else { Page { offset: 0, limit: 60 } };
    Ok(ask::find(tx, Sought { kinds, words: &words, prefix, newest, texts }, page).await?)
}
