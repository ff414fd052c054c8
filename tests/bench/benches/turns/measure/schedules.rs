//! Tasks by the hundred thousand: how long a thousand of them take that are due in the same second, on three servers;
//! what a claim costs beside a bare loop that claims and commits; and what a look costs that finds nothing.

use std::time::{Duration, Instant};

use schedules::Wanted;
use store::{
    PoolSize, Store,
    schedules::firing::{self, Fired},
};
use tokio::time::sleep;

use crate::{
    Result, fail,
    measure::ROUNDS,
    postgres::Postgres,
    report::Report,
    service,
    stats::{median, spread},
};

const DATABASE: &str = "schedules";
const TASKS: usize = 100_000;
const DUE: usize = 1_000;
/// Tasks of one claim, as the service claims them.
const BATCH: usize = 100;
const REPLICAS: usize = 3;
/// Looks of each kind.
const LOOKS: usize = 200;
/// Time that servers have before the tasks are due, in seconds.
const AHEAD: usize = 4;
/// When they are due that are claimed at once.
const PAST: &str = "now() - interval '1 minute'";
/// Longest wait for all of them to end.
const PATIENCE: Duration = Duration::from_mins(2);

pub async fn all(postgres: &Postgres, report: &mut Report) -> Result<()> {
    service::database(postgres, DATABASE)?;
    fill(postgres, DUE)?;
    let few = look(postgres)?;
    fill(postgres, TASKS)?;
    let many = look(postgres)?;
    report.add(
        format!("a look for what is due that finds nothing, {DUE} / {TASKS} tasks: median execution (ms)"),
        format!("{few:.3} / {many:.3}"),
        "",
    );
    claims(postgres, report).await?;
    fires(postgres, report).await
}

/// Organizations of a hundred members with a task each, none of which is due, up to this many.
fn fill(postgres: &Postgres, tasks: usize) -> Result<()> {
    let sql = format!(
        "insert into sixty.orgs (org_id, external_id, name)
            select md5('org' || n)::uuid, 'org-' || n, 'Org' from generate_series(0, {tasks} / 100 - 1) n
            on conflict do nothing;
         insert into sixty.members (org_id, user_id, external_id, role)
            select md5('org' || n / 100)::uuid, md5('user' || n)::uuid, 'user-' || n, 'member'
            from generate_series(0, {tasks} - 1) n on conflict do nothing;
         insert into sixty.schedules (org_id, owner_id, id, name, prompt, schedule, anchor, next_run_at, catch_up, deliver,
                role, untrusted)
            select md5('org' || n / 100)::uuid, md5('user' || n)::uuid, md5('task' || n)::uuid, 'Brief', 'What is on?',
                '{{\"kind\": \"cron\", \"cron\": \"0 9 * * *\", \"timezone\": \"Europe/Berlin\"}}', now(),
                now() + interval '1 day' + n * interval '1 second', 'one', '{{\"kind\": \"notification\"}}', 'member', false
            from generate_series(0, {tasks} - 1) n on conflict do nothing;
         vacuum analyze sixty.schedules"
    );
    for statement in sql.split(';') {
        postgres.sql(DATABASE, statement)?;
    }
    Ok(())
}

/// The execution of a look, without the way to it.
fn look(postgres: &Postgres) -> Result<f64> {
    let explain =
        "explain analyze select org_id, id from sixty.schedules where next_run_at <= sixty.schedule_clock()
        order by next_run_at limit 100 for no key update skip locked;";
    let told = postgres.script(DATABASE, &explain.repeat(LOOKS))?;
    let times = told.lines().filter_map(|line| line.strip_prefix("Execution Time: ")?.strip_suffix(" ms"));
    let times: Vec<f64> = times.filter_map(|time| time.parse().ok()).collect();
    if times.len() == LOOKS {
        Ok(median(&times))
    } else {
        fail(format!("{} looks were explained", times.len()))
    }
}

/// Makes a thousand tasks due: those of this round.
fn make_due(postgres: &Postgres, round: usize, table: &str, when: &str) -> Result<()> {
    let (from, upto) = (round * DUE, (round + 1) * DUE - 1);
    let sql = format!(
        "update {table} set next_run_at = {when} where id in (
            select md5('task' || n)::uuid from generate_series({from}, {upto}) n)"
    );
    postgres.sql(DATABASE, &sql).map(drop)
}

/// One connection that claims and commits, beside bare statements that do no more than that: on the same tables, and on
/// tables without keys, policies and indexes but the one that is needed. Then the same while somebody keeps an old
/// snapshot, so that no row that a claim has replaced can be cleaned away.
async fn claims(postgres: &Postgres, report: &mut Report) -> Result<()> {
    postgres.sql(
        DATABASE,
        "create table narrow (org_id uuid, owner_id uuid, id uuid, next_run_at timestamptz, primary key (org_id, id));
         insert into narrow select org_id, owner_id, id, next_run_at from sixty.schedules;
         create index on narrow (next_run_at);
         create table narrow_runs (org_id uuid, owner_id uuid, schedule_id uuid, id uuid, slot timestamptz,
            begin_at timestamptz, lease_until timestamptz, primary key (org_id, id))",
    )?;
    let size = PoolSize { connections: 2, acquire_timeout: Duration::from_secs(30) };
    let store = Store::connect(&postgres.app_url(DATABASE, None), size)?;
    let free = rounds(postgres, &store).await?;
    report.add("slots claimed a second on one connection", spread(&free.ours, 0), "");
    report.add("— ÷ bare statements that claim and commit the same rows", spread(&free.same, 2), "≥ 0.8");
    report.add("— ÷ the same on tables without keys, policies and indexes", spread(&free.narrow, 2), "");
    let snapshot = postgres.old_snapshot(DATABASE)?;
    let held = rounds(postgres, &store).await?;
    drop(snapshot);
    let ratio = median(&held.ours) / median(&free.ours);
    report.add("— with an old snapshot held ÷ without", format!("{ratio:.2}"), "≥ 0.8");
    Ok(())
}

/// Slots a second, and their ratios to what bare statements manage.
#[derive(Default)]
struct Claims {
    ours: Vec<f64>,
    same: Vec<f64>,
    narrow: Vec<f64>,
}

async fn rounds(postgres: &Postgres, store: &Store) -> Result<Claims> {
    let mut claims = Claims::default();
    for round in 0..ROUNDS {
        make_due(postgres, round, "sixty.schedules", PAST)?;
        let start = Instant::now();
        let claimed = claim_all(store).await?;
        let per_second = claimed as f64 / start.elapsed().as_secs_f64();
        if claimed != DUE {
            return fail(format!("{claimed} slots were claimed, and {DUE} were due"));
        }
        claims.ours.push(per_second);
        for (schedules, runs, ratios) in [
            ("sixty.schedules", "sixty.schedule_runs", &mut claims.same),
            ("narrow", "narrow_runs", &mut claims.narrow),
        ] {
            postgres.sql(DATABASE, &format!("delete from {runs}"))?;
            make_due(postgres, round, schedules, PAST)?;
            ratios.push(per_second / bare(postgres, schedules, runs)?);
            postgres.sql(DATABASE, &format!("delete from {runs}"))?;
        }
    }
    Ok(claims)
}

async fn claim_all(store: &Store) -> Result<usize> {
    let mut claimed = 0;
    loop {
        let mut tx = store.system().await?;
        let (now, due) = firing::due(&mut tx, BATCH.try_into()?).await?;
        if due.is_empty() {
            tx.rollback().await?;
            return Ok(claimed);
        }
        let mut fired = Vec::with_capacity(due.len());
        for task in due {
            let wanted: Wanted = serde_json::from_value(task.schedule.clone())?;
            let due = wanted.restore(task.anchor)?.due(task.slot, now, task.catch_up);
            fired.push(Fired { task, fires: due.fires, next: due.next });
        }
        claimed += firing::fire(&mut tx, &fired, 30).await?.len();
        tx.commit().await?;
    }
}

/// Slots a second of a client that sends the same batches as bare statements, past all policies.
fn bare(postgres: &Postgres, schedules: &str, runs: &str) -> Result<f64> {
    let batch = format!(
        "begin;
         with due as (select org_id, owner_id, id, next_run_at from {schedules} where next_run_at <= now()
            order by next_run_at limit {BATCH} for no key update skip locked),
         moved as (update {schedules} s set next_run_at = s.next_run_at + interval '1 day' from due d
            where s.org_id = d.org_id and s.id = d.id)
         insert into {runs} (org_id, owner_id, schedule_id, id, slot, begin_at, lease_until)
         select org_id, owner_id, id, gen_random_uuid(), next_run_at, now(), now() from due;
         commit;"
    );
    let sql = format!(
        "select extract(epoch from clock_timestamp());{}select extract(epoch from clock_timestamp());",
        batch.repeat(DUE / BATCH + 1)
    );
    let told = postgres.script(DATABASE, &sql)?;
    let times: Vec<f64> = told.lines().filter_map(|line| line.parse().ok()).collect();
    let [from, to] = times[..] else { return fail("the bare loop told no times") };
    Ok(DUE as f64 / (to - from))
}

/// Three servers, and a thousand tasks that are due in the same second.
async fn fires(postgres: &Postgres, report: &mut Report) -> Result<()> {
    let provider = service::provider(&["--bench-tokens", "5", "--gap-ms", "1"])?;
    let url = postgres.app_url(DATABASE, None);
    let servers =
        (0..REPLICAS).map(|_| service::service(&url, provider.address)).collect::<Result<Vec<_>>>()?;
    let mut times: [Vec<f64>; 3] = Default::default();
    for round in ROUNDS..2 * ROUNDS {
        let second = format!("date_trunc('second', now()) + interval '{AHEAD} seconds'");
        make_due(postgres, round, "sixty.schedules", &second)?;
        let ended = "select count(*) from sixty.schedule_runs where state = 'done'";
        let wanted = ((round - ROUNDS + 1) * DUE).to_string();
        let start = Instant::now();
        while postgres.sql(DATABASE, ended)? != wanted {
            if start.elapsed() > PATIENCE {
                return fail("the tasks did not end in time");
            }
            sleep(Duration::from_millis(200)).await;
        }
        let told = postgres.sql(
            DATABASE,
            &format!(
                "select extract(epoch from max(f.created_at) - min(f.slot)), extract(epoch from max(r.started_at) - min(f.slot)),
                    extract(epoch from max(r.finished_at) - min(f.slot))
                 from sixty.schedule_runs f join sixty.runs r on r.org_id = f.org_id and r.id = f.run_id
                 where f.schedule_id in (select md5('task' || n)::uuid from generate_series({}, {}) n)",
                round * DUE,
                (round + 1) * DUE - 1
            ),
        )?;
        for (times, time) in times.iter_mut().zip(told.split('|')) {
            times.push(time.parse()?);
        }
    }
    let [claimed, begun, ended] = times.map(|times| spread(&times, 2));
    report.add(
        format!("{DUE} of {TASKS} tasks due in one second, {REPLICAS} servers: all claimed / begun / ended after (s)"),
        format!("{claimed} / {begun} / {ended}"),
        "begun ≤ 5",
    );
    for server in servers {
        server.stop()?;
    }
    provider.stop()
}
