//! The stand-in: what it was told to do, and what it has seen.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use crate::{Reply, Request, bench::Bench, lock, messages::cache::Cache, request::Log, script::Script};

/// A stand-in for model providers. Clones are the same stand-in.
///
/// A queued reply ([`Sim::push`] and its kin) always comes first. Without one
/// the constructor decides: [`Sim::demo`] makes an answer of its own,
/// [`Sim::scripted`] refuses, [`Sim::bench`] counts tokens.
#[derive(Clone)]
pub struct Sim {
    shared: Arc<Shared>,
}

struct Shared {
    config: Mutex<Config>,
    script: Mutex<Script>,
    cache: Mutex<Cache>,
    log: Log,
    next_id: AtomicU64,
    started: Instant,
}

#[derive(Clone)]
struct Config {
    window: u64,
    pace: Pace,
    models: Option<Vec<String>>,
    hidden: Vec<String>,
    fallback: Fallback,
}

/// How long an answer waits when its reply does not say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    pub first: Duration,
    pub between: Duration,
}

/// What is answered when no reply is queued.
#[derive(Clone)]
pub(crate) enum Fallback {
    Demo,
    Refuse,
    Bench(Arc<Bench>),
    Closure(Arc<dyn Fn(&Request) -> Reply + Send + Sync>),
}

impl Sim {
    /// Answers by itself, at the pace of a small model: see [`crate::demo`].
    pub fn demo() -> Self {
        let sim = Self::new(Fallback::Demo, 100);
        sim.pace(Duration::from_millis(10), Duration::from_millis(15));
        // Conversations outlive the process, and ids must not come twice in one.
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        sim.shared.next_id.store(u64::try_from(since_epoch.as_micros()).unwrap_or(1), Ordering::Relaxed);
        sim
    }

    /// Answers only what was queued. Anything else gets a 500 that says so.
    pub fn scripted() -> Self {
        Self::new(Fallback::Refuse, 10_000)
    }

    /// Always answers `tok0 tok1 …`, `tokens` of them, and spends nearly nothing
    /// on it: no validation beyond the headers, no log, no simulated cache. The
    /// first token leaves `first` after the request was read, the others `gap` apart.
    pub fn bench(tokens: usize, first: Duration, gap: Duration) -> Self {
        Self::new(Fallback::Bench(Arc::new(Bench::new(tokens, first, gap))), 0)
    }

    fn new(fallback: Fallback, keep: usize) -> Self {
        let config =
            Config { window: 200_000, pace: Pace::default(), models: None, hidden: Vec::new(), fallback };
        Self {
            shared: Arc::new(Shared {
                config: Mutex::new(config),
                script: Mutex::default(),
                cache: Mutex::default(),
                log: Log::new(keep),
                next_id: AtomicU64::new(1),
                started: Instant::now(),
            }),
        }
    }

    /// Queues a reply for the next request that has none of its own.
    pub fn push(&self, reply: Reply) {
        lock(&self.shared.script).push(reply);
    }

    /// Queues a reply for the next request whose last user text contains `words`.
    pub fn push_for(&self, words: impl Into<String>, mut reply: Reply) {
        reply.only_for = Some(words.into());
        self.push(reply);
    }

    /// Queues a reply for the next request that `matches`.
    pub fn on(&self, matches: impl Fn(&Request) -> bool + Send + Sync + 'static, reply: Reply) {
        lock(&self.shared.script).push_if(matches, reply);
    }

    /// Answers whatever is not queued by this function.
    pub fn respond_with(&self, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
        lock(&self.shared.config).fallback = Fallback::Closure(Arc::new(answer));
    }

    /// How many queued replies were not asked for.
    pub fn unused(&self) -> usize {
        lock(&self.shared.script).len()
    }

    /// The size of the context window, in estimated tokens; 200,000 if not said.
    pub fn window(&self, tokens: u64) {
        lock(&self.shared.config).window = tokens;
    }

    /// The pace of replies that do not say their own.
    pub fn pace(&self, first: Duration, between: Duration) {
        lock(&self.shared.config).pace = Pace { first, between };
    }

    /// Knows these models only; another one is 404. Any model is known if not said.
    pub fn models(&self, ids: &[&str]) {
        lock(&self.shared.config).models = Some(ids.iter().map(ToString::to_string).collect());
    }

    /// Answers 404 under this path, as compatible servers without an endpoint do.
    pub fn hide(&self, path: impl Into<String>) {
        lock(&self.shared.config).hidden.push(path.into());
    }

    /// Forgets the simulated prompt cache, as a provider does after minutes.
    pub fn forget_cache(&self) {
        *self.cache() = Cache::default();
    }

    /// Every request to the wire so far, refused ones too, oldest first. A
    /// scripted stand-in keeps 10,000, a demo 100, a bench none.
    pub fn requests(&self) -> Vec<Arc<Request>> {
        self.shared.log.all()
    }

    /// As [`Sim::requests`], and begins the log anew.
    pub fn take_requests(&self) -> Vec<Arc<Request>> {
        self.shared.log.take()
    }

    /// Waits until `requests` were received since the log began, then returns it.
    pub async fn wait_for_requests(&self, requests: usize) -> Vec<Arc<Request>> {
        self.shared.log.wait_for(requests).await
    }

    pub(crate) fn record(&self, request: Arc<Request>) {
        self.shared.log.add(request);
    }

    pub(crate) fn clear_script(&self) {
        lock(&self.shared.script).clear();
    }

    /// What is queued for this request, else what to do without.
    pub(crate) fn reply_to(&self, request: &Request) -> Result<Reply, Fallback> {
        let queued = lock(&self.shared.script).take(request);
        queued.ok_or_else(|| lock(&self.shared.config).fallback.clone())
    }

    /// The bench, when this is one and nothing is queued before it.
    pub(crate) fn as_bench(&self) -> Option<Arc<Bench>> {
        match &lock(&self.shared.config).fallback {
            Fallback::Bench(bench) if self.unused() == 0 => Some(bench.clone()),
            _ => None,
        }
    }

    pub(crate) fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        lock(&self.shared.cache)
    }

    pub(crate) fn window_size(&self) -> u64 {
        lock(&self.shared.config).window
    }

    pub(crate) fn pace_of(&self, reply: &Reply) -> Pace {
        let usual = lock(&self.shared.config).pace;
        Pace { first: reply.first.unwrap_or(usual.first), between: reply.between.unwrap_or(usual.between) }
    }

    pub(crate) fn known_models(&self) -> Option<Vec<String>> {
        lock(&self.shared.config).models.clone()
    }

    pub(crate) fn hides(&self, path: &str) -> bool {
        lock(&self.shared.config).hidden.iter().any(|hidden| path.starts_with(hidden))
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.shared.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// An id for a call. A conversation may have calls of another stand-in that counted from 1
    /// too, before a restart or a failover: their ids are passed over.
    pub(crate) fn fresh_id(&self, prefix: &str, taken: &[&str]) -> String {
        loop {
            let id = format!("{prefix}_{}", self.next_id());
            if !taken.contains(&id.as_str()) {
                return id;
            }
        }
    }

    pub(crate) fn started(&self) -> Instant {
        self.shared.started
    }
}
