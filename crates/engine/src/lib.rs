//! What a run does: context, model, tools, persist, repeat. And who does it:
//! the workers that claim runs, renew their leases and hand them back. No SQL,
//! no HTTP.

mod asking;
pub mod audit;
mod builtins;
mod bulletin;
pub mod compaction;
pub mod crash;
mod crowds;
mod decisions;
mod door;
mod erasure;
pub mod export;
mod feed;
pub mod keys;
mod lookup;
mod mode;
pub mod notebook;
pub mod preview;
pub mod prompt;
mod proposals;
mod reader;
mod repetition;
pub mod retention;
mod routing;
mod rulings;
mod run;
mod scheduled;
pub mod seal;
mod secrets;
mod sequence;
mod skills;
mod spending;
pub mod telemetry;
mod tier;
mod turn;
mod warnings;
mod windows;
mod worker;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{
    Cursor, Event, RunId,
    id::ReplicaId,
    run::{Lease, Run, RunStatus},
};
use model::Providers;
use redact::Redactor;
use store::{Store, steps::Frames};
use tokio::sync::{Notify, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tools::{Outside, Toolbox};

pub use builtins::{Asking, check_card_schema, suggestions};
pub use bulletin::Listener;
pub use decisions::Word;
pub use door::Door;
pub use reader::Reader;
pub use scheduled::{NewTask, TaskAuthor, TaskChange, TaskMove, TaskTimes, may_schedule};
pub use skills::{Asker, Beside, NewSkill, Wanted};
pub use turn::{Begun, Prepared};

/// Limits of a run (design, "A run").
#[derive(Clone, Debug)]
pub struct Limits {
    /// Model calls of one run; the last may call no tool.
    pub iterations: i32,
    /// Tool calls of one answer that are performed.
    pub calls_per_step: usize,
    /// Longest time of one tool call.
    pub tool_time: Duration,
    /// Longest time of one model call, from the request to its last event.
    pub model_time: Duration,
    /// Longest tool result, in characters.
    pub result_chars: usize,
    /// How long a person can decide about a call.
    pub approval_time: Duration,
    /// The same for a proposal to memory, for which no run waits.
    pub proposal_time: Duration,
    /// How long a person can answer a question. It ends, because a conversation that waits is not
    /// deleted by retention.
    pub answer_time: Duration,
    /// Claims without a committed step, after which a run has failed.
    pub attempts: i32,
    /// Runs that one replica executes at the same time.
    pub runs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            iterations: 15,
            calls_per_step: 16,
            tool_time: Duration::from_secs(20),
            model_time: Duration::from_mins(10),
            result_chars: 20_000,
            approval_time: Duration::from_hours(24),
            proposal_time: Duration::from_hours(30 * 24),
            answer_time: Duration::from_hours(7 * 24),
            attempts: 5,
            runs: 10_000,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// `provider/model`: whom turns ask, where no route says anything.
    pub default_model: String,
    /// Longest answer of the model, in tokens.
    pub max_tokens: u32,
    pub lease_seconds: u32,
    /// Whether this process executes runs, or leaves them to others.
    pub works: bool,
    pub limits: Limits,
    pub compaction: compaction::Thresholds,
    /// A model that has none costs nothing that is known.
    pub prices: model::Prices,
    /// Unset: nothing is mailed.
    pub mailer: Option<tools::mail::Mailer>,
    pub keys: keys::MasterKeys,
    /// Runs of one person, and of one organization, that may be queued or running at the same time.
    pub runs_of_user: u32,
    pub runs_of_org: u32,
    /// What operators are told.
    pub telemetry: telemetry::Telemetry,
    /// Where a harness counts the effects of the probes; unset: there are no probes.
    #[cfg(feature = "faults")]
    pub probe_url: Option<String>,
}

/// Why a run that this replica executes is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// Somebody asked for it.
    Cancelled,
    /// The lease is gone.
    Lost,
    /// The process ends; the run goes back to the queue.
    Shutdown,
    /// Its stream could not be stored; the run goes back to the queue.
    Unstored,
}

struct Live {
    lease: Lease,
    /// Whether the database knows of it yet; before, a heartbeat would not find it.
    committed: bool,
    stop: watch::Sender<Option<Stop>>,
}

impl Live {
    /// The first reason stands.
    fn stop(&self, why: Stop) {
        self.stop.send_if_modified(|stop| stop.is_none() && stop.replace(why).is_none());
    }
}

/// The engine of one process. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    store: Store,
    providers: Providers,
    routes: routing::Known,
    vault: secrets::Vault,
    toolbox: Toolbox,
    libraries: skills::Libraries,
    outside: Outside,
    settings: Settings,
    replica: ReplicaId,
    feeds: feed::Feeds,
    live: Mutex<HashMap<RunId, Live>>,
    windows: windows::Windows,
    /// There may be a queued run.
    wake: Notify,
    bulletin: bulletin::Bulletin,
    warned: warnings::Warned,
    crowds: crowds::Crowds,
    tasks: TaskTracker,
    stopping: CancellationToken,
    seal_keys: audit::SealKeys,
}

impl Engine {
    pub fn new(store: Store, providers: Providers, redactor: Redactor, settings: Settings) -> Self {
        #[cfg(not(feature = "faults"))]
        let toolbox = Toolbox::new();
        #[cfg(feature = "faults")]
        let toolbox = settings.probe_url.as_deref().map_or_else(Toolbox::new, Toolbox::with_probes);
        Self(Arc::new(Inner {
            seal_keys: audit::SealKeys::new(&settings.keys),
            store,
            routes: routing::Known::new(&providers, &settings),
            providers,
            vault: secrets::Vault::new(redactor, &settings.keys),
            toolbox,
            libraries: skills::Libraries::default(),
            outside: Outside::new(),
            settings,
            replica: ReplicaId::new(),
            feeds: feed::Feeds::default(),
            live: Mutex::default(),
            windows: windows::Windows::default(),
            wake: Notify::new(),
            bulletin: bulletin::Bulletin::default(),
            warned: warnings::Warned::default(),
            crowds: crowds::Crowds::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        }))
    }

    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// What operators are told of what this process does.
    pub fn telemetry(&self) -> &telemetry::Telemetry {
        &self.0.settings.telemetry
    }

    /// Starts what runs in the background: claims, heartbeats, the group writer.
    pub fn start(&self) {
        worker::serve(self);
        if self.0.settings.works {
            worker::start(self);
            scheduled::start(self);
        }
    }

    /// Ends event streams, hands leases back so that others take over at once,
    /// and waits for what is being committed.
    pub async fn shutdown(&self) {
        worker::shutdown(self).await;
    }

    /// Ends when the engine begins to shut down.
    pub fn stopping(&self) -> CancellationToken {
        self.0.stopping.clone()
    }

    /// Runs database work that a client's disconnect must not drop.
    pub fn detach(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn(task);
    }

    /// Runs that this replica executes at this moment.
    pub fn running(&self) -> usize {
        self.0.live().len()
    }

    /// Tells the workers that a run was queued.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Stops a run that this replica executes; another replica sees the request
    /// in the database.
    pub fn cancel(&self, run: RunId) {
        self.0.stop(run, Stop::Cancelled);
    }
}

impl Inner {
    fn live(&self) -> MutexGuard<'_, HashMap<RunId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self, run: RunId, why: Stop) {
        if let Some(live) = self.live().get(&run) {
            live.stop(why);
        }
    }

    /// Stops the run under this lease, and not one that was claimed again.
    fn stop_lease(&self, lease: &Lease, why: Stop) {
        if let Some(live) = self.live().get(&lease.run).filter(|live| live.lease == *lease) {
            live.stop(why);
        }
    }

    fn stop_all(&self, why: Stop) {
        for live in self.live().values() {
            live.stop(why);
        }
    }

    fn committed(&self, lease: Lease) {
        if let Some(live) = self.live().get_mut(&lease.run) {
            live.committed = true;
        }
    }

    fn committed_leases(&self) -> Vec<Lease> {
        self.live().values().filter(|live| live.committed).map(|live| live.lease).collect()
    }
}

/// The last frames of a run that is cancelled while nobody executes it. Under an
/// earlier fence somebody did: half an answer of it is void.
pub fn cancelled_frames(run: &Run, fence: i64) -> Frames {
    let broken_off =
        (run.status == RunStatus::Queued && fence > 1).then_some(Event::Reset { message_id: None });
    let steps = run.steps.iter().filter_map(|step| step.broken_off(RunStatus::Cancelled)).map(Event::Step);
    let last = cancelled_event(run.iterations, run.usage, Vec::new());
    framed(run.id, fence, broken_off.into_iter().chain(steps).chain([last]))
}

/// The events of a run, the first ones under this fence.
fn framed(run: RunId, fence: i64, events: impl IntoIterator<Item = Event>) -> Frames {
    let mut frames = Frames { n_from: 1, n_to: 0, text: String::new() };
    for event in events {
        frames.n_to += 1;
        event.write_frame(run, Cursor { fence, n: frames.n_to }, &mut frames.text);
    }
    frames
}

fn cancelled_event(iterations: i32, usage: domain::Usage, tools_used: Vec<domain::event::ToolUsed>) -> Event {
    Event::Done { status: domain::run::RunStatus::Cancelled, message_id: None, iterations, tools_used, usage }
}
