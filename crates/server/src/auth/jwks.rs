//! The identity provider's public keys: fetched when they are needed, kept for
//! ten minutes, and kept for longer when the provider does not answer.

use std::{
    collections::HashMap,
    error::Error,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use reqwest::{Client, Url, redirect};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use url::Host;

use super::{
    AuthError, ConfigError,
    key::{Jwk, Key},
};

/// How long a set of keys is believed.
pub const TTL: Duration = Duration::from_mins(10);
/// Strangers choose the key ids that we do not know, so they may not choose how
/// often we ask the provider about them.
pub const PAUSE: Duration = Duration::from_mins(1);
/// As long as there is no set at all, nobody gets in: ask again soon.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_BYTES: usize = 1024 * 1024;

/// A key set at an address.
pub(super) struct Jwks {
    shared: Arc<Shared>,
    /// A fetch is a task of its own: a caller who hangs up must not abort what
    /// others wait for, nor use up the one attempt per minute.
    tasks: TaskTracker,
}

struct Shared {
    url: Url,
    ttl: Duration,
    pause: Duration,
    client: Client,
    state: Mutex<State>,
    generation: AtomicU64,
}

#[derive(Default)]
struct State {
    keys: Keys,
    /// Of the body that `keys` came from.
    digest: Option<[u8; 32]>,
    fetched: Option<DateTime<Utc>>,
    tried: Option<DateTime<Utc>>,
    failed: bool,
    /// Closes when the fetch under way ends, in whatever way.
    flight: Option<watch::Receiver<()>>,
}

impl Jwks {
    pub(super) fn new(
        url: &Url,
        ttl: Duration,
        pause: Duration,
        tasks: &TaskTracker,
    ) -> Result<Self, ConfigError> {
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            return Err(ConfigError::JwksUrl);
        }
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()
            .map_err(ConfigError::Client)?;
        let (state, generation) = (Mutex::default(), AtomicU64::default());
        let shared = Arc::new(Shared { url: url.clone(), ttl, pause, client, state, generation });
        Ok(Self { shared, tasks: tasks.clone() })
    }

    /// Changes whenever the set of keys does.
    pub(super) fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }

    /// The key with this id, after asking the provider if that is due.
    pub(super) async fn key(&self, id: &str, now: DateTime<Utc>) -> Result<Arc<Key>, AuthError> {
        if let Some(mut flight) = self.refresh(id, now) {
            // Nothing is ever sent: this ends with an error when the fetch ends.
            flight.changed().await.ok();
        }
        let state = self.shared.lock();
        match state.keys.get(id) {
            Some(key) => Ok(Arc::clone(key)),
            None if state.fetched.is_none() => Err(AuthError::KeysUnavailable { retry_after: FIRST_PAUSE }),
            None => Err(AuthError::UnknownKey),
        }
    }

    /// Starts or joins a fetch where one is due; answers what to wait for.
    fn refresh(&self, id: &str, now: DateTime<Utc>) -> Option<watch::Receiver<()>> {
        let mut state = self.shared.lock();
        let known = state.keys.contains_key(id);
        if known && state.fetched.is_some_and(|at| !passed(at, now, self.shared.ttl)) {
            return None;
        }
        let flight = match state.flight.clone().filter(|flight| flight.has_changed().is_ok()) {
            Some(flight) => flight,
            None if state.may_try(now, self.shared.pause) => self.start(&mut state, now),
            None => return None,
        };
        // While the provider is down, its known keys go on working without delay.
        (!(known && state.failed)).then_some(flight)
    }

    fn start(&self, state: &mut State, now: DateTime<Utc>) -> watch::Receiver<()> {
        let (done, flight) = watch::channel(());
        state.tried = Some(now);
        state.flight = Some(flight.clone());
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let outcome = shared.fetch().await.and_then(|body| Ok((parse(&body)?, body)));
            shared.store(outcome, now);
            drop(done);
        });
        flight
    }
}

impl State {
    fn may_try(&self, now: DateTime<Utc>, pause: Duration) -> bool {
        let pause = if self.fetched.is_some() { pause } else { FIRST_PAUSE };
        self.tried.is_none_or(|at| passed(at, now, pause))
    }
}

type Keys = HashMap<String, Arc<Key>>;
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self) -> Outcome<Vec<u8>> {
        let mut response =
            self.client.get(self.url.clone()).send().await.map_err(reqwest::Error::without_url)?;
        // A redirect is not followed, so it ends up here as well.
        if response.status() != reqwest::StatusCode::OK {
            return Err(format!("it answers {}", response.status()).into());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err("the answer is longer than 1 MiB".into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn store(&self, outcome: Outcome<(Keys, Vec<u8>)>, now: DateTime<Utc>) {
        let mut state = self.lock();
        state.failed = outcome.is_err();
        match outcome {
            Err(error) => tracing::warn!(error, "the JWKS cannot be fetched; the known keys stay in use"),
            Ok((keys, body)) => {
                state.fetched = Some(now);
                let digest = Some(Sha256::digest(&body).into());
                if state.digest != digest {
                    tracing::info!(keys = keys.len(), "the JWKS has new content");
                    (state.keys, state.digest) = (keys, digest);
                    self.generation.fetch_add(1, Ordering::Release);
                }
            }
        }
    }
}

/// Reads a set. A member that we cannot use does not spoil the others, and of two
/// members with one id neither is used: which one is meant would be a guess.
fn parse(body: &[u8]) -> Outcome<Keys> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set = serde_json::from_slice(body)?;
    let mut keys: HashMap<String, Option<Arc<Key>>> = HashMap::new();
    for member in set.keys {
        let usable = serde_json::from_value::<Jwk>(member).ok().and_then(Jwk::into_key);
        if let Some((id, key)) = usable {
            keys.entry(id).and_modify(|twin| *twin = None).or_insert_with(|| Some(Arc::new(key)));
        }
    }
    Ok(keys.into_iter().filter_map(|(id, key)| Some((id, key?))).collect())
}

/// Also true when the clock was set back: asking once more does no harm.
fn passed(since: DateTime<Utc>, now: DateTime<Utc>, pause: Duration) -> bool {
    !(now - since).to_std().is_ok_and(|elapsed| elapsed < pause)
}
