//! One run: the loop. Its state is the conversation in the database; what is
//! kept here can be loaded again at any moment, by any replica.

mod act;
mod answer;
mod ask;
mod billing;
mod compact;
mod decide;
mod finish;
mod gate;
mod observe;
mod opened;
mod outside;
mod park;
mod resume;
mod sequence;
mod shown;
mod skill;
mod trust;

use std::{sync::Arc, time::Duration};

use chrono_tz::Tz;
use domain::{
    Error, Event, Result, Role, Usage,
    audit::Channel,
    budget::{Limits, Standing},
    event::ToolUsed,
    models::{Candidate, Routes},
    permission::Matrix,
    run::{Lease, Mode, PinnedSkill},
    usage::Call,
};
use model::{AnswerStream, ModelError, Ring};
use store::{
    Guarded, RunTx, TenantTx,
    steps::{Frames, Recorded},
    turns::{Context, NewTurn, Past},
    usage,
};
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};
use tools::Offer;

use crate::{
    Begun, Engine, Live, Stop,
    crash::{self, CrashPoint},
    feed::{Feed, Staged},
    prompt::{Choice, Frozen, is_question},
    repetition::RepetitionGuard,
    secrets::Secrets,
    sequence::Sequence,
    skills::Library,
    telemetry::{ModelCall, Traced},
    turn::store_turn,
};

pub(crate) use act::{calls_in, results_content, shorten, tools_used};
pub(crate) use sequence::STEP_CALL;

/// A run that begins in the transaction of its message.
pub(crate) struct Start {
    pub lease: Lease,
    pub role: Role,
    pub mode: Mode,
    pub zone: Tz,
    pub candidates: Vec<Candidate>,
    pub routes: Arc<Routes>,
    pub secrets: Arc<Secrets>,
    pub context: Context,
    pub matrix: Matrix,
    /// Where the limits of what may be used stand.
    pub standings: Vec<Standing>,
    pub library: Arc<Library>,
    pub skill: Option<PinnedSkill>,
    /// The steps of that skill, if they are executed one by one.
    pub sequence: Option<Sequence>,
    pub started: Event,
    /// The request that begins it.
    pub parent: Traced,
}

pub(crate) struct Run {
    engine: Engine,
    lease: Lease,
    role: Role,
    /// The tools of its prompt, which stay the same while it goes on.
    offer: Offer,
    mode: Mode,
    /// Where the person is, as far as days and hours go.
    zone: Tz,
    feed: Arc<Feed>,
    stop: watch::Receiver<Option<Stop>>,
    /// The organization's skills, as they were when the run was loaded.
    library: Arc<Library>,
    /// What stands for models, and whom the run asks.
    routes: Arc<Routes>,
    ring: Ring,
    /// What the organization keeps secret: no text of the run holds it, and some of it may be keys for models.
    secrets: Arc<Secrets>,
    /// The skill that it follows.
    skill: Option<PinnedSkill>,
    /// Until when it may follow it, here: what waits for a person, or is taken over, begins anew.
    deadline: Option<Instant>,
    /// The steps of that skill, if they are executed one by one.
    sequence: Option<Box<Sequence>>,
    frozen: Frozen,
    history: Vec<Past>,
    /// Place of the last message that is this run's own.
    own_seq: i64,
    entity: Option<domain::EntityRef>,
    iterations: i32,
    steps: i32,
    usage: Usage,
    tools_used: Vec<ToolUsed>,
    repetition: RepetitionGuard,
    /// Its conversation has read what came from outside, this run or an earlier one.
    untrusted: bool,
    /// What earlier owners recorded of the run's calls.
    recorded: Vec<Recorded>,
    /// Whether the provider was asked once more after visible text.
    asked_again: bool,
    /// Models that failed since the last step, and who was asked instead.
    detours: Vec<String>,
    /// Why no model may be asked; none: one may.
    nobody: Option<String>,
    /// Tokens per character, from the last prompt that the provider counted.
    token_ratio: Option<f64>,
    errand: Errand,
    /// The way on which it was asked for.
    channel: Channel,
    /// An answer of this run that waited for a person: its place, its content.
    open: Option<(i64, String)>,
    /// Ids of the calls that a person was asked about.
    asked: Vec<String>,
    /// The provider paused in mid-answer: it goes on when it is sent its answer.
    paused: bool,
    /// Model calls that no stored step accounts for yet.
    unbilled: Vec<Call>,
    /// What may be used; none: as much as one likes.
    limits: Limits,
    /// Where that stood before the last model call.
    standings: Vec<Standing>,
    /// Where the live part of the session begins.
    live_from: i64,
    /// Compactions that freed too little.
    futile: u32,
    /// Compactions after the provider refused the prompt.
    rescues: u32,
    /// Claims since the run's last step.
    attempts: i32,
    span: Traced,
    /// The model call that is under way.
    call: Option<ModelCall>,
}

/// What a run works with, beside its conversation.
struct Given {
    frozen: Frozen,
    library: Arc<Library>,
    routes: Arc<Routes>,
    secrets: Arc<Secrets>,
    candidates: Vec<Candidate>,
}

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errand {
    Answer,
    /// A person asked for a compaction, and for nothing else.
    Compaction,
    /// A person accepted a proposal: that one call is carried out, and no model is asked.
    Proposal,
}

/// What a run waits before it goes back after a failure; twice as long with each
/// attempt, so that its attempts outlast a database that restarts.
const HAND_BACK_AFTER: Duration = Duration::from_millis(250);

/// Why the loop was left.
#[derive(Debug)]
enum Left {
    /// The run has ended, and the database says so.
    Ended,
    Stopped(Stop),
    /// The database failed. What is committed is committed; a claim goes on from there.
    Store(Error),
}

impl From<Error> for Left {
    fn from(error: Error) -> Self {
        Left::Store(error)
    }
}

impl From<Stop> for Left {
    fn from(stop: Stop) -> Self {
        Left::Stopped(stop)
    }
}

/// The time until the deadline, if that is less.
fn time_left(limit: Duration, deadline: Option<Instant>) -> Duration {
    deadline.map_or(limit, |deadline| limit.min(deadline.saturating_duration_since(Instant::now())))
}

fn is_past(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

pub(crate) type Opened = Result<AnswerStream, ModelError>;

impl Engine {
    /// Stores the message and asks the provider side by side. None: nothing was
    /// stored, and there is no run.
    pub(crate) async fn open_fresh(
        &self,
        start: Start,
        tx: TenantTx,
        mut turn: NewTurn,
        tell: oneshot::Sender<Result<Begun>>,
    ) -> Option<(Run, Option<Opened>)> {
        let offer = self.offer(&start.matrix, start.role, start.sequence.is_some());
        let frozen = self.frozen(start.lease.user, offer, (&start.context, &start.library));
        let Start { library, routes, secrets, candidates, .. } = start;
        let given = Given { frozen, library, routes, secrets, candidates };
        let mut run = self.run_of(start.lease, (start.role, offer), start.mode, given, start.context);
        run.take_skill(start.skill, start.sequence);
        run.zone = start.zone;
        run.channel = turn.trigger;
        run.standings = start.standings;
        run.begin_call(false);
        run.trace(&start.parent);
        // Else the loop begins with a step, compacts first, or asks how much fits: after the commit.
        let asks_now = run.sequence.is_none() && run.outgrown_as_known() == Some(false);
        turn.reserve = if asks_now { run.needs() } else { None };
        let staged = run.feed.stage(std::slice::from_ref(&start.started));
        let first = Frames { n_from: 1, n_to: 1, text: staged.text() };
        let feed = run.feed.clone();
        let store = async {
            let stored = store_turn(tx, &turn).await;
            let ok = stored.is_ok();
            if ok {
                crash::at(CrashPoint::TurnCommitted);
                feed.publish(&first, &staged);
                self.0.committed(start.lease);
            }
            // Nobody waits any more when the client has gone; the turn goes on.
            drop(tell.send(stored));
            ok
        };
        if !asks_now {
            run.ring.rest();
            return store.await.then_some((run, None));
        }
        let deadline = run.deadline_of_call();
        let (stored, opened) = tokio::join!(store, run.open(deadline));
        // Where a stop came first, the loop sees it as well.
        stored.then_some((run, opened.ok()))
    }

    fn run_of(
        &self,
        lease: Lease,
        (role, offer): (Role, Offer),
        mode: Mode,
        given: Given,
        context: Context,
    ) -> Run {
        let Given { frozen, library, routes, secrets, candidates } = given;
        let (sender, stop) = watch::channel(None);
        let feed = self.0.feeds.open(lease);
        self.0.live().insert(lease.run, Live { lease, committed: false, stop: sender });
        if self.0.stopping.is_cancelled() {
            // The shutdown may have looked before the entry was there.
            self.0.stop(lease.run, Stop::Shutdown);
        }
        Run {
            engine: self.clone(),
            lease,
            role,
            offer,
            mode,
            zone: Tz::UTC,
            feed,
            stop,
            library,
            routes,
            ring: self.ring(lease.org, candidates),
            secrets,
            skill: None,
            deadline: None,
            sequence: None,
            frozen,
            untrusted: context.holds_untrusted(),
            own_seq: context.history.last().map_or(0, |last| last.seq),
            history: context.history,
            entity: context.entity,
            iterations: 0,
            steps: 0,
            usage: Usage::default(),
            tools_used: Vec::new(),
            repetition: RepetitionGuard::default(),
            recorded: Vec::new(),
            asked_again: false,
            detours: Vec::new(),
            nobody: None,
            token_ratio: None,
            errand: Errand::Answer,
            channel: Channel::Http,
            open: None,
            asked: Vec::new(),
            paused: false,
            unbilled: Vec::new(),
            limits: context.limits,
            standings: Vec::new(),
            live_from: context.live_from,
            futile: 0,
            rescues: 0,
            attempts: 1,
            span: Traced::default(),
            call: None,
        }
    }
}

impl Run {
    pub(crate) async fn execute(mut self, opened: Option<Opened>) {
        let mut opened = opened;
        let left = loop {
            if let Err(left) = self.step(opened.take()).await {
                break left;
            }
        };
        Box::pin(self.leave(left)).await;
    }

    fn take_skill(&mut self, skill: Option<PinnedSkill>, sequence: Option<Sequence>) {
        let time = skill.as_ref().and_then(|skill| skill.timeout_ms).map(Duration::from_millis);
        self.deadline = time.map(|time| Instant::now() + time);
        self.skill = skill;
        self.sequence = sequence.map(Box::new);
    }

    /// Whether the time of the skill that it follows is over.
    fn is_overdue(&self) -> bool {
        is_past(self.deadline)
    }

    async fn leave(&mut self, left: Left) {
        self.trace_leaving(&left);
        match left {
            Left::Ended | Left::Stopped(Stop::Lost) => {}
            Left::Stopped(Stop::Cancelled) => {
                crash::at(CrashPoint::Cancel);
                if let Err(Left::Store(error)) = self.cancelled().await {
                    self.hand_back(&error).await;
                }
            }
            Left::Stopped(Stop::Shutdown) => {
                if let Err(error) = self.engine.hand_back_once(self.lease, true, &self.unbilled).await {
                    tracing::warn!(run = %self.lease.run, %error, "the lease ends by itself");
                }
            }
            Left::Stopped(Stop::Unstored) => {
                self.hand_back(&Error::internal("its stream could not be stored")).await;
            }
            Left::Store(error) => self.hand_back(&error).await,
        }
    }

    /// Looks at where the conversation stands, and does what comes next.
    async fn step(&mut self, opened: Option<Opened>) -> Result<(), Left> {
        self.check_stop()?;
        self.learn_secrets().await?;
        match self.errand {
            Errand::Answer => {}
            Errand::Compaction => return self.compact_only().await,
            Errand::Proposal => return Box::pin(self.carry_out()).await,
        }
        if self.is_overdue() {
            return Box::pin(self.overdue()).await;
        }
        if let Some((seq, content)) = self.open.take() {
            let calls = self.open_calls(&content);
            // Of a sequence that has asked before, the last answer may have none.
            if !calls.is_empty() {
                return Box::pin(self.act(seq, calls)).await;
            }
        }
        self.question_last();
        if self.sequence.is_some() {
            return Box::pin(self.go_on()).await;
        }
        match self.history.last() {
            Some(last) if last.role == "assistant" => {
                let (seq, calls) = (last.seq, self.open_calls(&last.content));
                if !calls.is_empty() {
                    Box::pin(self.act(seq, calls)).await
                } else if self.paused && self.iterations < self.most_calls() {
                    self.ask(opened).await
                } else {
                    self.done().await
                }
            }
            Some(last) if !is_question(&last.content) && self.iterations >= self.most_calls() => {
                self.failed("iteration_limit", "the run made as many model calls as a run may", false).await
            }
            _ => self.ask(opened).await,
        }
    }

    /// What the organization keeps secret from here on, if that has changed.
    async fn learn_secrets(&mut self) -> Result<(), Left> {
        if self.engine.has_newer_secrets(self.lease.org, &self.secrets.door) {
            self.secrets = self.engine.secrets(self.lease.org).await?;
        }
        Ok(())
    }

    /// Another run of the session may have spoken after this one's question: an answer
    /// that is not its own is not acted on, and the question comes last.
    fn question_last(&mut self) {
        let foreign = |last: &Past| last.role == "assistant" && last.seq != self.own_seq;
        if self.history.last().is_some_and(foreign)
            && let Some(at) = self.history.iter().position(|past| past.seq == self.own_seq)
        {
            let question = self.history.remove(at);
            self.history.push(question);
        }
    }

    fn check_stop(&self) -> Result<(), Left> {
        match *self.stop.borrow() {
            Some(stop) => Err(stop.into()),
            None => Ok(()),
        }
    }

    /// Model calls that this run may make.
    fn most_calls(&self) -> i32 {
        let limit = self.engine.limits().iterations;
        if self.sequence.is_some() {
            return self.most_of_sequence();
        }
        if self.mode == Mode::Single { limit.min(2) } else { limit }
    }

    /// Which tools the next model call may call; the last of a run none.
    fn choice(&self) -> Choice {
        match &self.sequence {
            Some(sequence) => self.choice_in(sequence),
            None if self.iterations + 1 < self.most_calls() => Choice::Auto,
            None => Choice::None,
        }
    }

    /// Opens the transaction in which this run may write.
    async fn guarded(&self) -> Result<RunTx, Left> {
        let seconds = self.engine.settings().lease_seconds;
        match self.engine.store().run(&self.lease, seconds).await? {
            Guarded::Open(tx) => Ok(*tx),
            Guarded::Lost => Err(Stop::Lost.into()),
        }
    }

    /// Commits, and shows the events only then.
    async fn commit(&self, tx: RunTx, frames: &Frames, staged: &Staged) -> Result<(), Left> {
        crash::at(CrashPoint::BeforeCommit);
        tx.commit().await?;
        crash::at(CrashPoint::AfterCommit);
        self.feed.publish(frames, staged);
        Ok(())
    }

    async fn hand_back(&self, error: &Error) {
        self.engine.hand_back(self.lease, self.attempts, error, &self.unbilled).await;
    }
}

/// However a run is left, by a panic too: its heartbeats end, and its readers
/// go on from the database.
impl Drop for Run {
    fn drop(&mut self) {
        let mut live = self.engine.0.live();
        // This replica may have claimed the run again meanwhile.
        if live.get(&self.lease.run).is_some_and(|live| live.lease == self.lease) {
            live.remove(&self.lease.run);
        }
        drop(live);
        self.engine.0.feeds.close(&self.feed);
    }
}

impl Engine {
    /// The tools of a run's prompt.
    fn offer(&self, matrix: &Matrix, role: Role, executes_sequence: bool) -> Offer {
        let offer = self.0.toolbox.offer(matrix, role);
        if executes_sequence { self.0.toolbox.for_sequence(offer) } else { offer }
    }

    fn limits(&self) -> &crate::Limits {
        &self.0.settings.limits
    }

    /// After a failure of the database: gives the run back, so that somebody
    /// goes on from the log without waiting for the lease's end. `calls` are those that nothing accounts for yet.
    async fn hand_back(&self, lease: Lease, attempts: i32, error: &Error, calls: &[Call]) {
        tracing::warn!(run = %lease.run, %error, "the run goes back to the queue");
        let pause = HAND_BACK_AFTER * (1 << attempts.clamp(0, 6));
        for _ in 0..self.settings().lease_seconds {
            if self.stopping().run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                // The shutdown hands back whatever is left, but knows of no calls.
                if !calls.is_empty() && self.hand_back_once(lease, false, calls).await.is_err() {
                    tracing::warn!(run = %lease.run, calls = calls.len(), "model calls are not accounted for");
                }
                return;
            }
            if self.hand_back_once(lease, false, calls).await.is_ok() {
                self.wake();
                return;
            }
        }
    }

    /// `in_order`: nothing went wrong with the run, and the attempt does not count.
    async fn hand_back_once(&self, lease: Lease, in_order: bool, calls: &[Call]) -> Result<()> {
        if !calls.is_empty() {
            let Guarded::Open(mut tx) = self.store().run(&lease, self.settings().lease_seconds).await? else {
                return Ok(());
            };
            usage::record(&mut tx, calls).await?;
            store::runs::hand_back_in(&mut tx, in_order).await?;
            return tx.commit().await;
        }
        let mut tx = self.store().heartbeat().await?;
        store::runs::hand_back(&mut tx, lease, in_order).await?;
        tx.commit().await
    }
}
