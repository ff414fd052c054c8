//! The search as archives grow: a thousand organizations, one of them a hundred times as large as the others.

use std::time::Instant;

use chrono::Utc;
use domain::{OrgId, Tenant, UserId};
use store::{
    Store,
    archives::{Search, search},
};

use crate::{
    Result,
    archives::{archive, message, sessions, store},
    corpus::Seed,
    fail,
    measure::ROUNDS,
    postgres::Postgres,
    report::Report,
    service,
    stats::{median, quantile, spread},
};

const DATABASE: &str = "bench_archive";
const ORGS: usize = 1_000;
/// Passages; a tenth of them belongs to the first organization.
const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
/// Passages that one compaction archives, of which each message is one: few for a compaction.
const TOGETHER: usize = 20;
const SEARCHES: usize = 400;
const WARMING: usize = 40;
/// Words of the language.
const WORDS: f64 = 30_000.0;
const INDEX: &str = "create index copilot_summary_passages_search on sixty.copilot_summary_passages \
    using gin (search) with (fastupdate = off)";

/// Organizations, people, conversations, archives; and texts, of which two make a passage. Ranks of words are as in
/// natural text: the n-th is 1/n as frequent as the first.
const FOUNDATION: &str = "
create schema bench;
create function bench.word(rank int) returns text language sql immutable as
    $$ select 'w' || translate(rank::text, '0123456789', 'bcdfgjkmnp') $$;
create table bench.texts as select n, (
    select string_agg(bench.word(floor(exp(random() * ln(30000)))::int), ' ') from generate_series(1, 10 + n % 20) k where n >= 0
) as text from generate_series(0, 9999) n;
alter table bench.texts add primary key (n);
insert into sixty.orgs (org_id, external_id, name)
    select md5('org' || n)::uuid, 'o' || n, 'o' from generate_series(0, 999) n;
insert into sixty.members (org_id, user_id, external_id, role)
    select md5('org' || n)::uuid, md5('user' || n)::uuid, 'u' || n, 'member' from generate_series(0, 999) n;
insert into sixty.sessions (org_id, owner_id, id)
    select md5('org' || n)::uuid, md5('user' || n)::uuid, md5('session' || n)::uuid from generate_series(0, 999) n;
insert into sixty.copilot_session_summaries (org_id, owner_id, session_id, id, first_seq, last_seq, message_count,
        transcript, sha256, summary_text, summarized_by)
    select md5('org' || n)::uuid, md5('user' || n)::uuid, md5('session' || n)::uuid, md5('archive' || n)::uuid,
        1, 10000000, 1, '[]', '', 'x', 'x' from generate_series(0, 999) n;
";

/// The tables that a search reads.
const READ: [&str; 5] =
    ["copilot_summary_passages", "copilot_session_summaries", "sessions", "entities", "members"];

pub async fn growth(postgres: &Postgres, report: &mut Report) -> Result<()> {
    service::database(postgres, DATABASE)?;
    postgres.sql(DATABASE, "alter database bench_archive set synchronous_commit = off")?;
    postgres.sql(DATABASE, FOUNDATION)?;
    let store = store(postgres, DATABASE)?;
    let people = people(postgres)?;
    let (mut loaded, mut tails, mut middles, mut ingested) = (0, Vec::new(), Vec::new(), Vec::new());
    let mut large = (0.0, 0.0);
    for size in SIZES {
        fill(postgres, loaded, size)?;
        loaded = size;
        let times = searches(&store, &people, 0).await?;
        middles.push(median(&times));
        tails.push(quantile(&times, 0.99));
        let times = searches(&store, &people[..1], 1).await?;
        large = (median(&times), quantile(&times, 0.99));
        ingested.push(ingestion(postgres, &store, people[1]).await?);
    }
    let list = |of: &[f64], digits: usize| {
        of.iter().map(|x| format!("{x:.digits$}")).collect::<Vec<_>>().join(" / ")
    };
    report.add(
        "archive search, 1 to 6 words, at 1,000 / 100,000 / 1,000,000 passages: median (ms)",
        list(&middles, 2),
        "",
    );
    report.add("— 99th percentile (ms)", list(&tails, 1), "≤ 10");
    report.add(
        "— 99th percentile at a million ÷ at a thousand",
        format!("{:.1}", tails[2] / tails[0]),
        "≤ 8",
    );
    report.add(
        "— in the organization of 100,000: median; 99th percentile (ms)",
        format!("{:.1}; {:.1}", large.0, large.1),
        "p99 ≤ 25",
    );
    report.add("archiving a message at these sizes (ms)", list(&ingested, 2), "");
    report.add(
        "archive search with row-level security ÷ without",
        policies(postgres, &store, &people).await?,
        "≤ 1.2",
    );
    store.close().await;
    Ok(())
}

/// Fills up to so many passages. The index is built afterwards: that takes a third of the time.
///
/// They lie as archives write them, the messages of one conversation side by side; the first thousand are one for
/// each organization.
fn fill(postgres: &Postgres, from: usize, to: usize) -> Result<()> {
    let together = if from == 0 { 1 } else { TOGETHER };
    let sql = format!(
        "drop index sixty.copilot_summary_passages_search; \
         insert into sixty.copilot_summary_passages \
            (org_id, owner_id, summary_id, seq, part, session_id, role, text, said_at) \
         select md5('org' || o)::uuid, md5('user' || o)::uuid, md5('archive' || o)::uuid, numbers.n, 0, \
            md5('session' || o)::uuid, 'user', a.text || ' ' || b.text, now() - (1000000 - numbers.n) * interval '1 minute' \
         from (select n, case when n / {together} % 10 = 0 then 0 else 1 + n / {together} * 13 % 999 end as o \
            from generate_series({from}::bigint, {to} - 1) n) numbers \
         join bench.texts a on a.n = numbers.n * 7919 % 10000 join bench.texts b on b.n = numbers.n * 104729 / 7 % 10000; \
         {INDEX}; "
    );
    postgres.sql(DATABASE, &sql)?;
    postgres.sql(DATABASE, "vacuum analyze sixty.copilot_summary_passages")?;
    postgres.sql(DATABASE, "checkpoint").map(drop)
}

/// The people, by number.
fn people(postgres: &Postgres) -> Result<Vec<Tenant>> {
    let sql = format!(
        "select md5('org' || n)::uuid, md5('user' || n)::uuid from generate_series(0, {ORGS} - 1) n order by n"
    );
    let tenant = |line: &str| {
        let (org, user) = line.split_once('|').ok_or("an odd line")?;
        Ok(Tenant::own(OrgId(org.parse()?), UserId(user.parse()?)))
    };
    postgres.sql(DATABASE, &sql)?.lines().map(tenant).collect()
}

/// Times of searches in milliseconds, from begin to commit. Every one of them has to find something, unless its
/// words are rare.
async fn searches(store: &Store, people: &[Tenant], round: usize) -> Result<Vec<f64>> {
    let mut seed = Seed(round as u64);
    let (mut times, mut found) = (Vec::new(), 0);
    for n in 0..SEARCHES + WARMING {
        let query: Vec<String> = (0..=n % 6).map(|_| word(&mut seed)).collect();
        let person = people[n * 7_919 % people.len()];
        let query = query.join(" ");
        let start = Instant::now();
        let mut tx = store.tenant(person).await?;
        let passages = search(&mut tx, &Search::of(&query, 10)).await?;
        tx.commit().await?;
        if n >= WARMING {
            times.push(start.elapsed().as_secs_f64() * 1e3);
            found += usize::from(!passages.is_empty());
        }
    }
    if found < SEARCHES / 10 {
        fail(format!("only {found} of {SEARCHES} searches found anything"))
    } else {
        Ok(times)
    }
}

/// A word, as frequent as in the texts.
fn word(seed: &mut Seed) -> String {
    let share = (seed.next() >> 11) as f64 / (1_u64 << 53) as f64;
    let rank = (share * WORDS.ln()).exp().floor() as usize;
    let digits = rank.to_string();
    let letters = digits.bytes().map(|digit| char::from(b"bcdfgjkmnp"[usize::from(digit - b'0')]));
    std::iter::once('w').chain(letters).collect()
}

/// Milliseconds a message of the way that a run archives by: conversations of fifty messages.
async fn ingestion(postgres: &Postgres, store: &Store, person: Tenant) -> Result<f64> {
    const MESSAGES: i64 = 50;
    let titles = vec!["Growth".to_owned(); 2 * ROUNDS];
    let mut seed = Seed(99);
    let mut times = Vec::new();
    for session in &sessions(postgres, DATABASE, person, &titles)? {
        let messages = (1..=MESSAGES).map(|seq| {
            let text: Vec<String> = (0..40).map(|_| word(&mut seed)).collect();
            message(seq, if seq % 2 == 1 { "user" } else { "assistant" }, &text.join(" "), Utc::now())
        });
        let messages = messages.collect::<Result<Vec<_>>>()?;
        let start = Instant::now();
        archive(store, session, &messages).await?;
        times.push(start.elapsed().as_secs_f64() * 1e3 / MESSAGES as f64);
    }
    Ok(median(&times))
}

/// The same searches with the policies and without them, by turns.
async fn policies(postgres: &Postgres, store: &Store, people: &[Tenant]) -> Result<String> {
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let mut middle = [0.0; 2];
        for (at, state) in ["enable", "disable"].into_iter().enumerate() {
            for table in READ {
                postgres.sql(DATABASE, &format!("alter table sixty.{table} {state} row level security"))?;
            }
            middle[at] = median(&searches(store, people, round).await?);
        }
        ratios.push(middle[0] / middle[1]);
    }
    for table in READ {
        postgres.sql(DATABASE, &format!("alter table sixty.{table} enable row level security"))?;
    }
    Ok(spread(&ratios, 2))
}
