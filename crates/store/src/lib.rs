//! Postgres: the only SQL of the project, and the only way to it. A query needs
//! a transaction, and a transaction needs a tenant (or is the system's, which
//! reads no content). Functions live in a module per noun.

pub mod api_keys;
pub mod approvals;
pub mod archives;
pub mod asked;
pub mod audit;
pub mod budgets;
pub mod card_types;
pub mod cluster;
mod connections;
pub mod crowds;
pub mod entities;
pub mod erasures;
mod error;
pub mod events;
pub mod export;
#[cfg(feature = "faults")]
mod faults;
pub mod feedback;
pub mod history;
pub mod housekeeping;
pub mod idempotency;
pub mod members;
pub mod memories;
pub mod messages;
pub mod migrate;
pub mod models;
pub mod notifications;
pub mod orgs;
pub mod parked;
pub mod permissions;
pub mod profiles;
pub mod questions;
pub mod retention;
pub mod runs;
pub mod schedules;
pub mod seals;
pub mod secrets;
pub mod sequences;
pub mod sessions;
pub mod skills;
pub mod slack;
pub mod startup;
pub mod steps;
pub mod sweep;
pub mod trust;
pub mod turns;
mod tx;
pub mod usage;

use std::time::Duration;

use domain::Result;
use sqlx::postgres::PgConnectOptions;

use connections::Connections;

pub use connections::OpenConnections;
pub use tx::{Guarded, LockedSession, Membership, RunTx, SystemTx, TenantTx};

/// Connections for what comes in from Slack.
const DOOR: u32 = 4;

/// How many connections a process holds, and how long a caller waits for one.
#[derive(Clone, Copy, Debug)]
pub struct PoolSize {
    pub connections: u32,
    pub acquire_timeout: Duration,
}

/// The database, as the runtime login sees it. It can open transactions and
/// nothing else.
#[derive(Clone)]
pub struct Store {
    connections: Connections,
    /// Heartbeats survive an exhausted pool on connections of their own.
    heartbeat: Connections,
    /// What comes in from Slack is acknowledged within seconds, whatever else goes on.
    door: Connections,
    #[cfg(feature = "faults")]
    faults: faults::Faults,
}

impl Store {
    /// Connects lazily: a wrong address shows itself at the first transaction,
    /// or in [`startup::check`].
    pub fn connect(url: &str, size: PoolSize) -> Result<Self> {
        let options: PgConnectOptions = url.parse().map_err(error::from_sqlx)?;
        Ok(Self {
            connections: Connections::new(options.clone(), size),
            heartbeat: Connections::new(options.clone(), PoolSize { connections: 2, ..size }),
            door: Connections::new(options, PoolSize { connections: DOOR, ..size }),
            #[cfg(feature = "faults")]
            faults: faults::Faults::default(),
        })
    }

    /// The same database on a few connections of its own, for what must not wait for others.
    #[must_use]
    pub fn at_door(&self) -> Self {
        Self { connections: self.door.clone(), ..self.clone() }
    }

    /// Each pool's, by its name.
    pub fn open_connections(&self) -> [(&'static str, OpenConnections); 3] {
        let pools = [("main", &self.connections), ("heartbeat", &self.heartbeat), ("door", &self.door)];
        pools.map(|(name, connections)| (name, connections.open_connections()))
    }

    pub async fn close(&self) {
        self.connections.close().await;
        self.door.close().await;
        self.heartbeat.close().await;
    }
}
