//! Postgres: the only SQL of the project, and the only way to it. A query needs
//! a transaction, and a transaction needs a tenant (or is the system's, which
//! reads no content). Functions live in a module per noun.

pub mod approvals;
pub mod archives;
pub mod cluster;
pub mod entities;
mod error;
pub mod events;
pub mod housekeeping;
pub mod idempotency;
pub mod memories;
pub mod messages;
pub mod migrate;
pub mod orgs;
pub mod parked;
pub mod permissions;
pub mod runs;
pub mod sessions;
pub mod startup;
pub mod steps;
pub mod turns;
mod tx;

use std::time::Duration;

use domain::Result;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

pub use tx::{Guarded, LockedSession, Membership, RunTx, SystemTx, TenantTx};

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
    pool: PgPool,
    /// Heartbeats survive an exhausted pool on connections of their own.
    heartbeat: PgPool,
}

impl Store {
    /// Connects lazily: a wrong address shows itself at the first transaction,
    /// or in [`startup::check`].
    pub fn connect(url: &str, size: PoolSize) -> Result<Self> {
        let options: PgConnectOptions = url.parse().map_err(error::from_sqlx)?;
        let pool = |connections| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(size.acquire_timeout)
                .test_before_acquire(false)
                // A cancelled future can leave a transaction open, with the tenant
                // set; nobody may borrow such a connection. The lone `rollback`
                // would write a warning into the server's log at every release.
                .after_release(|connection, _| {
                    Box::pin(async move {
                        // In an aborted transaction `begin` itself is an error.
                        if tx::run_raw(connection, "begin; rollback").await.is_err() {
                            tx::run_raw(connection, "rollback").await?;
                        }
                        Ok(true)
                    })
                })
                .connect_lazy_with(options.clone().application_name("sixty"))
        };
        Ok(Self { pool: pool(size.connections), heartbeat: pool(2) })
    }

    pub async fn close(&self) {
        self.pool.close().await;
        self.heartbeat.close().await;
    }
}
