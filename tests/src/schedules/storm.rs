//! A thousand slots through both changes of the clocks, on three servers that are killed at random, of which one has a
//! wrong clock.

use std::{collections::BTreeSet, path::PathBuf, process::Command, time::Duration};

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use domain::{ScheduleId, ScheduleRunId};
use model_sim::Reply;
use rand::Rng as _;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{make, set_clock};
use crate::harness::{Person, Process, Setup, Spawn, TestApp};

/// Each with a time of day that its clocks skip once, and show twice once, between the days below.
const ZONES: [(&str, u32, u32); 5] = [
    ("Australia/Lord_Howe", 2, 10),
    ("America/Sao_Paulo", 0, 20),
    ("Asia/Kathmandu", 2, 30),
    ("Europe/Berlin", 2, 30),
    ("America/New_York", 2, 15),
];
/// Tasks in each zone, a minute apart.
const TASKS: u32 = 8;
/// The Sundays of half a year.
const FIRST: NaiveDate = NaiveDate::from_ymd_opt(2018, 10, 7).expect("a day");
const WEEKS: u64 = 27;

/// Sets the clock, which goes on from there.
async fn start_clock(app: &TestApp, at: DateTime<Utc>) {
    let now = Utc::now().to_rfc3339();
    set_clock(app, &format!("timestamptz '{}' + (now() - timestamptz '{now}')", at.to_rfc3339())).await;
}

/// A library that puts the clock of a process forward by an hour.
const SKEW: &str = include_str!("skew.c");

struct Skew(PathBuf);

impl Skew {
    fn build() -> Self {
        let folder = std::env::temp_dir().join(format!("sixty-skew-{}", Uuid::now_v7()));
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(folder.join("skew.c"), SKEW).expect("a file");
        let arguments = ["-shared", "-fPIC", "-o", "skew.so", "skew.c", "-ldl"];
        let built = Command::new("cc").args(arguments).current_dir(&folder).status().expect("a C compiler");
        assert!(built.success());
        Self(folder)
    }
}

impl Drop for Skew {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The moment at which clocks there first show this, or jump over it: found minute by minute.
fn moment(zone: Tz, day: NaiveDate, time: NaiveTime) -> DateTime<Utc> {
    let shown = day.and_time(time);
    let from = shown.and_utc() - TimeDelta::hours(15);
    let minutes = (0..).map(|minute| from + TimeDelta::minutes(minute));
    let past = |at: &DateTime<Utc>| at.with_timezone(&zone).naive_local() >= shown;
    { minutes }.find(past).expect("it comes")
}

/// Task, id, slot, state, try and run.
type Fired = (Uuid, Uuid, DateTime<Utc>, String, i32, Option<Uuid>);

struct Storm {
    database: PgPool,
    spawns: Vec<Spawn>,
    servers: Vec<Process>,
    kills: usize,
}

impl Storm {
    async fn begin(app: &TestApp, skew: &Skew) -> Self {
        let spawn =
            Spawn { database_url: app.database.url(), model_url: app.model_url(), ..Spawn::default() };
        let library = skew.0.join("skew.so").display().to_string();
        let wrong = Spawn { extra: vec![("LD_PRELOAD", library)], ..spawn.clone() };
        let spawns = vec![spawn.clone(), spawn, wrong];
        let mut servers = Vec::new();
        for spawn in &spawns {
            servers.push(Process::start(spawn).await.expect("a server"));
        }
        Self { database: app.database.superuser().await, spawns, servers, kills: 0 }
    }

    /// Kills one of them, and starts it again.
    async fn kill_one(&mut self) {
        let which = rand::rng().random_range(0..self.servers.len());
        self.servers[which].kill();
        self.servers[which] = Process::start(&self.spawns[which]).await.expect("a server");
        self.kills += 1;
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.database).await.expect("a number")
    }
}

/// Tasks with their zones and times of day.
async fn tasks(alice: &Person) -> Vec<(ScheduleId, Tz, NaiveTime)> {
    let mut tasks = Vec::new();
    for (zone, hour, first) in ZONES {
        for minute in first..first + TASKS {
            let schedule =
                json!({"kind": "cron", "cron": format!("{minute} {hour} * * SUN"), "timezone": zone});
            let task =
                json!({"name": format!("{zone} {minute}"), "prompt": "Tell me.", "schedule": schedule});
            let id = make(alice, task).await;
            let time = NaiveTime::from_hms_opt(hour, minute, 0).expect("a time");
            tasks.push((id.parse().expect("an id"), zone.parse().expect("a zone"), time));
        }
    }
    tasks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_slots_fire_each_once_whatever_dies_and_whatever_clocks_say() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    app.sim.respond_with(|_| Reply::text("All is well."));
    let alice = app.alice();
    start_clock(&app, FIRST.and_time(NaiveTime::MIN).and_utc() - TimeDelta::days(2)).await;
    let tasks = tasks(&alice).await;
    let skew = Skew::build();
    let mut storm = Storm::begin(&app, &skew).await;
    let mut expected = BTreeSet::new();
    for week in 0..WEEKS {
        let sunday = FIRST + Days::new(7 * week);
        assert_eq!(sunday.weekday(), Weekday::Sun);
        expected.extend(tasks.iter().map(|(id, zone, time)| (*id, moment(*zone, sunday, *time))));
        // Sunday is over everywhere.
        start_clock(&app, (sunday + Days::new(1)).and_hms_opt(12, 0, 0).expect("a time").and_utc()).await;
        let wanted = i64::try_from(expected.len()).expect("a number");
        let mut looks = 0;
        while storm
            .count("select count(*) from sixty.schedule_runs where state not in ('due', 'begun')")
            .await
            < wanted
        {
            looks += 1;
            assert!(looks < 3_000, "week {week}: slots do not end");
            if looks % 10 == 5 {
                storm.kill_one().await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let fired: Vec<Fired> =
        sqlx::query_as("select schedule_id, id, slot, state, attempt, run_id from sixty.schedule_runs")
            .fetch_all(&storm.database)
            .await
            .expect("slots");
    for (task, id, slot, state, attempt, run) in &fired {
        let computed = ScheduleRunId::of_slot(ScheduleId(*task), *slot);
        assert_eq!((computed.0, state.as_str()), (*id, "done"), "{task} at {slot}");
        assert_eq!(*run, Some(computed.run(*attempt).0));
    }
    let found: BTreeSet<(ScheduleId, DateTime<Utc>)> =
        fired.iter().map(|(task, _, slot, ..)| (ScheduleId(*task), *slot)).collect();
    let (missing, more) =
        (expected.difference(&found).count(), fired.len() - found.intersection(&expected).count());
    let runs = storm.count("select count(*) from sixty.runs where trigger = 'schedule'").await;
    let tries = storm.count("select sum(attempt)::bigint from sixty.schedule_runs").await;
    let told = "select count(*) - count(distinct about ->> 'run_id') from sixty.notifications";
    assert_eq!(storm.count(told).await, 0, "a result was told twice");
    println!("{} slots, {missing} missing, {more} too many, {} kills, {runs} runs", fired.len(), storm.kills);
    assert_eq!((missing, more, runs), (0, 0, tries));
    assert!(fired.len() >= 1_000 && storm.kills >= 10, "{} slots, {} kills", fired.len(), storm.kills);
}
