//! One trial: a server dies at a named point, and another goes on.

use std::os::unix::process::ExitStatusExt as _;

use engine::crash::CrashPoint;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{
    findings::{Findings, Turn, inspect},
    script::{self, Script},
};
use crate::harness::{
    Events, Frame, Person, Process, Setup, Spawn, TestApp, eventually, look::run_of, probe::Probe,
};

const LEASE: u32 = 3;
const SIGABRT: i32 = 6;

/// How a point is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A turn that calls every kind of tool.
    Work,
    /// A turn that waits in the queue.
    Queued,
    /// A compaction that a person asks for.
    Compact,
    /// A turn that needs a person's decision.
    Approval,
    /// A sequence whose steps call every kind of tool.
    Sequence,
    /// A scheduled task that fires.
    Schedule,
    /// Something that is said in Slack.
    Slack,
    /// Conversations that are no longer kept.
    Purge,
    /// A turn whose model is silent, and meanwhile:
    Cancel,
    Nothing,
    Shutdown,
}

/// How the point is reached, and how often a trial may pass it.
pub fn way(point: CrashPoint) -> (Way, usize) {
    match point {
        CrashPoint::TurnCommitted | CrashPoint::AfterResult | CrashPoint::Finish => (Way::Work, 1),
        CrashPoint::BeforeModelCall | CrashPoint::AfterIntent | CrashPoint::Replied => (Way::Work, 2),
        CrashPoint::CallSent => (Way::Work, 3),
        CrashPoint::BeforeCommit | CrashPoint::AfterCommit => (Way::Work, 5),
        CrashPoint::MidStream => (Way::Work, 8),
        CrashPoint::Claimed => (Way::Queued, 1),
        CrashPoint::Archived | CrashPoint::Summarized => (Way::Compact, 1),
        CrashPoint::Cancel => (Way::Cancel, 1),
        CrashPoint::Heartbeat => (Way::Nothing, 2),
        CrashPoint::Shutdown => (Way::Shutdown, 1),
        CrashPoint::ApprovalStored | CrashPoint::ApprovalDecided => (Way::Approval, 1),
        CrashPoint::StepBegun => (Way::Sequence, 4),
        CrashPoint::SlotClaimed | CrashPoint::SlotSettled => (Way::Schedule, 1),
        CrashPoint::Purging | CrashPoint::Purged => (Way::Purge, 2),
        CrashPoint::SlackStored | CrashPoint::PostIntended | CrashPoint::Posted => (Way::Slack, 1),
    }
}

/// A database with a replica that lives, and a world outside.
pub struct Lane {
    pub app: TestApp,
    pub probe: Probe,
    pub database: PgPool,
    script: Script,
    pub(super) heir: Process,
    pub(super) alice: Person,
    trials: usize,
}

impl Lane {
    pub async fn open() -> Self {
        let app = TestApp::with(Setup { works: false, connections: 2, ..Setup::default() }).await;
        let script = Script::play(&app.sim);
        let probe = Probe::start().await;
        let heir = Process::start(&spawn(&app, &probe)).await.expect("a server");
        let alice = app.alice();
        alice.deal().await;
        alice.lets_connectors_act().await;
        let database = app.database.superuser().await;
        Self { app, probe, database, script, heir, alice, trials: 0 }
    }

    /// Has a server die at the point as it is passed for the `nth` time.
    pub async fn trial(&mut self, point: CrashPoint, nth: usize) -> Findings {
        let (way, _) = way(point);
        let tag = self.tag(point);
        let crash_at = Some(format!("{}:{nth}", point.name()));
        if way == Way::Purge {
            return self.purge(crash_at, tag).await;
        }
        if way == Way::Schedule {
            return self.slot(crash_at, tag).await;
        }
        if way == Way::Slack {
            return self.said(point, crash_at, tag).await;
        }
        if way == Way::Sequence {
            return self.sequence(point, nth).await;
        }
        let doomed =
            Process::start(&Spawn { crash_at, ..spawn(&self.app, &self.probe) }).await.expect("a server");
        let session = self.alice.session().await;
        if way == Way::Compact {
            return self.compaction(doomed, session, tag).await;
        }
        if way == Way::Approval {
            return self.approval(doomed, session, tag, point).await;
        }
        let (run, seen) = self.turn(doomed, &session, &tag, way).await;
        self.script.release(&tag);
        let there = self.alice.at(self.heir.address);
        let after = seen.last().map(|frame| frame.id.clone());
        let rest = there.follow(&run, after.as_deref()).await.rest().await;
        let ends = if way == Way::Cancel { "cancelled" } else { "done" };
        let works = matches!(way, Way::Work | Way::Queued);
        let turn = Turn { session, run, tag, works, ends, heard: [seen, rest].concat() };
        let mut found = inspect(&self.alice, &self.database, &self.probe, &turn).await;
        found.add(self.goes_on(&turn.session, &turn.tag).await);
        found
    }

    /// What the trial's texts hold.
    pub(super) fn tag(&mut self, point: CrashPoint) -> String {
        self.trials += 1;
        format!("{}-{}", point.name(), self.trials)
    }

    /// Sends the message, and has its server die. The run, and what its client heard.
    async fn turn(&self, mut doomed: Process, session: &str, tag: &str, way: Way) -> (String, Vec<Frame>) {
        let there = self.alice.at(doomed.address);
        let question =
            if matches!(way, Way::Work | Way::Queued) { script::work(tag) } else { script::wait(tag) };
        if way == Way::Queued {
            // Nobody but the doomed one may claim it.
            self.heir.signal("STOP");
            let queued = self.alice.message(session, &json!({"text": question}));
            let queued = self.alice.send(queued.header("prefer", "respond-async")).await.expect(202).json();
            dies(&mut doomed).await;
            self.heir.signal("CONT");
            return (queued["run"]["id"].as_str().expect("an id").to_owned(), Vec::new());
        }
        let keyed = |person: &Person| {
            let request = person.message(session, &json!({"text": question}));
            request.header("accept", "text/event-stream").header("idempotency-key", tag)
        };
        let Ok(response) = keyed(&there).send().await else {
            // The server died before it answered; the client asks another one again.
            dies(&mut doomed).await;
            let frames = Events::open(keyed(&self.alice.at(self.heir.address))).await.rest().await;
            return (run_of(&frames), frames);
        };
        let seen = self.until_death(&mut doomed, Events::of(response), way).await;
        dies(&mut doomed).await;
        (run_of(&seen), seen)
    }

    async fn until_death(&self, doomed: &mut Process, mut events: Events, way: Way) -> Vec<Frame> {
        let mut seen = events.until("run_started").await;
        match way {
            Way::Cancel => {
                let run = run_of(&seen);
                self.alice.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(202);
            }
            Way::Shutdown => doomed.signal("TERM"),
            _ => {}
        }
        seen.extend(events.rest().await);
        seen
    }

    async fn compaction(&mut self, mut doomed: Process, session: String, tag: String) -> Findings {
        let mut found = Findings::default();
        let there = self.alice.at(self.heir.address);
        for n in 0..3 {
            there.ask(&session, &script::plain(&format!("{tag}-{n}"))).await;
        }
        let before = self.alice.history(&session).await;
        self.heir.signal("STOP");
        let path = format!("/v1/sessions/{session}/compact");
        let asked = self.alice.at(doomed.address).request(reqwest::Method::POST, &path).json(&json!({}));
        let (_cut, ()) = tokio::join!(asked.send(), dies(&mut doomed));
        self.heir.signal("CONT");
        let sql = "select count(*) from sixty.runs
            where session_id = $1::uuid and trigger = 'compact' and status = 'done' and fence > 1";
        eventually("the compaction ends", async || {
            let done: i64 =
                sqlx::query_scalar(sql).bind(&session).fetch_one(&self.database).await.expect("a number");
            (done == 1).then_some(())
        })
        .await;
        found.taken_over += 1;
        if let Err(problem) = self.archived_once(&session, &before).await {
            found.missing += 1;
            found.notes.push(format!("{tag}: {problem}"));
        }
        found.add(self.goes_on(&session, &tag).await);
        found
    }

    /// One archive, word for word from the beginning, with its summary; the history is what it was.
    async fn archived_once(&self, session: &str, before: &[Value]) -> Result<(), String> {
        let list =
            self.alice.get(&format!("/v1/session-summaries?session_id={session}")).await.expect(200).json();
        let [archive] = list["data"].as_array().expect("a list").as_slice() else {
            return Err(format!("not one archive: {list}"));
        };
        let id = archive["id"].as_str().expect("an id");
        let whole = self.alice.get(&format!("/v1/session-summaries/{id}")).await.expect(200).json();
        let transcript = whole["full_transcript"].as_array().expect("messages");
        let same = !transcript.is_empty() && before.starts_with(transcript);
        if !same || whole["message_count"] != transcript.len() || whole["summary_text"] != script::SUMMARY {
            return Err(format!("the archive is not whole: {whole}"));
        }
        let now = self.alice.history(session).await;
        if now == before { Ok(()) } else { Err(format!("the history has changed: {now:?}")) }
    }

    /// How often the trial's note was written.
    pub(super) async fn notes(&self, tag: &str) -> i64 {
        sqlx::query_scalar("select count(*) from sixty.entity_notes where text = $1")
            .bind(format!("{tag} note"))
            .fetch_one(&self.database)
            .await
            .expect("a number")
    }

    /// The conversation takes one more question.
    pub(super) async fn goes_on(&self, session: &str, tag: &str) -> Findings {
        let mut found = Findings::default();
        let answer =
            self.alice.at(self.heir.address).ask(session, &script::plain(&format!("{tag}-next"))).await;
        if answer["run"]["status"] != "done" || answer["message"]["content"][0]["text"] != script::ANSWER {
            found.lost += 1;
            found.notes.push(format!("{tag}: the conversation does not go on: {answer}"));
        }
        found
    }
}

pub(super) fn spawn(app: &TestApp, probe: &Probe) -> Spawn {
    Spawn {
        database_url: app.database.url(),
        model_url: app.model_url(),
        lease_seconds: LEASE,
        probe_url: Some(probe.url.clone()),
        ..Spawn::default()
    }
}

/// Waits until the server has died where it was told to.
pub(super) async fn dies(doomed: &mut Process) {
    let status = doomed.ended().await;
    assert_eq!(status.signal(), Some(SIGABRT), "it died in another way: {status}");
}
