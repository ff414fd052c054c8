//! What every test stands on: a database of its own, replicas of the service on
//! loopback ports, a scripted model, and people who send requests.

mod database;
mod logs;
pub mod look;
mod mailbox;
mod person;
pub mod probe;
mod process;
mod replica;
mod stream;

use std::time::Duration;

use model_sim::Sim;

pub use database::Database;
pub use logs::Logs;
pub use mailbox::{Fault, Mailbox};
pub use person::{Answer, Person};
pub use process::{Process, Spawn, program};
pub use replica::{Replica, SECRET, auth_settings, token};
pub use stream::{Events, Frame};

/// Longest wait for something that must happen; only a failing test gets there.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A service with one replica, a database of its own and a scripted model.
pub struct TestApp {
    pub sim: Sim,
    pub database: Database,
    pub replica: Replica,
    model: model_sim::Running,
}

/// How a test's service differs from the usual one.
#[derive(Clone, Debug)]
pub struct Setup {
    pub lease_seconds: u32,
    pub connections: u32,
    /// How long a request waits for a connection: on a busy machine the tests are patient.
    pub acquire_timeout: Duration,
    pub works: bool,
    pub rate_per_minute: u32,
    pub org_rate_per_minute: u32,
    pub runs_of_user: u32,
    pub runs_of_org: u32,
    pub limits: engine::Limits,
    pub compaction: engine::compaction::Thresholds,
    /// All replicas of a service have the same.
    pub keys: engine::keys::MasterKeys,
    pub cors_origins: Vec<String>,
    /// Secrets of the process, which the redactor knows.
    pub secrets: Vec<String>,
    /// Trusted issuers of tokens; empty: any.
    pub issuers: Vec<String>,
    /// Whom the service believes; none: the tests' own secret.
    pub identity: Option<server::auth::Settings>,
    /// Where the replica's log is to be kept.
    pub logs: Option<Logs>,
    pub prices: model::Prices,
    /// Providers beside `anthropic`: their names and addresses.
    pub providers: Vec<(String, String)>,
    /// How long a provider may be silent at first.
    pub first_byte_timeout: Duration,
    /// The mail server; none: nothing is mailed.
    pub smtp_url: Option<String>,
    /// Longest time in which a client accepts nothing before it is cut off.
    pub patience: Duration,
    /// Whether the model is asked over Chat Completions instead of the Messages API.
    pub chat: bool,
    /// Whether the providers beside it are; none: as it is.
    pub others_chat: Option<bool>,
    /// Whether `/metrics` answers.
    pub metrics: bool,
    /// Slack, where somebody stands in for it.
    pub slack: Option<server::slack::Settings>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            lease_seconds: 30,
            connections: 8,
            acquire_timeout: PATIENCE,
            works: true,
            rate_per_minute: 1_000_000,
            org_rate_per_minute: 1_000_000,
            runs_of_user: 1_000_000,
            runs_of_org: 1_000_000,
            limits: engine::Limits::default(),
            compaction: engine::compaction::Thresholds::default(),
            keys: engine::keys::MasterKeys::new([7; 32], Vec::new()),
            cors_origins: Vec::new(),
            secrets: Vec::new(),
            issuers: Vec::new(),
            identity: None,
            logs: None,
            smtp_url: None,
            prices: model::Prices::default(),
            providers: Vec::new(),
            first_byte_timeout: Duration::from_mins(1),
            patience: PATIENCE,
            chat: false,
            others_chat: None,
            metrics: true,
            slack: None,
        }
    }
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub async fn with(setup: Setup) -> Self {
        Self::answered_by(Sim::scripted(), setup).await
    }

    /// With this stand-in as the model.
    pub async fn answered_by(sim: Sim, setup: Setup) -> Self {
        let model = sim.start().await.expect("the stand-in listens");
        let database = Database::create().await;
        let replica = Replica::start(&database, &model.url(), setup).await;
        Self { sim, database, replica, model }
    }

    /// One more replica on the same database and model.
    pub async fn another_replica(&self, setup: Setup) -> Replica {
        Replica::start(&self.database, &self.model.url(), setup).await
    }

    /// The address of the model.
    pub fn model_url(&self) -> String {
        self.model.url()
    }

    /// An owner of the organization `acme`.
    pub fn alice(&self) -> Person {
        self.replica.person("acme", "alice", "owner")
    }

    /// A member of `acme`: a colleague of alice.
    pub fn bob(&self) -> Person {
        self.replica.person("acme", "bob", "member")
    }

    /// A member of `acme` who may only read and converse.
    pub fn rita(&self) -> Person {
        self.replica.person("acme", "rita", "readonly")
    }

    /// An owner of another organization.
    pub fn stranger(&self) -> Person {
        self.replica.person("globex", "mallory", "owner")
    }
}

/// Polls until the condition holds.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "did not happen: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
