//! Connections that are ready at once. sqlx's pool sends two round trips when a
//! connection comes back to it: the rollback that a cancelled transaction needs
//! (`after_release`), and a ping. One whose transaction has ended in order needs
//! neither and is kept here; every other one goes back through the pool.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{
    AssertSqlSafe, Executor as _, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{PoolSize, tx::run_raw};

/// How long a connection is kept here before the pool looks at its lifetime.
const KEPT: Duration = Duration::from_mins(5);

#[derive(Clone)]
pub(crate) struct Connections(Arc<Inner>);

struct Inner {
    pool: PgPool,
    /// The one used last comes first: its statements are prepared, its memory is warm.
    ready: Mutex<Vec<(PoolConnection<Postgres>, Instant)>>,
    /// One for each connection that the pool may have, so that whoever holds one finds
    /// a connection here or room in the pool.
    permits: Arc<Semaphore>,
    size: PoolSize,
}

/// How many connections of a pool are borrowed, and how many are open beside.
#[derive(Clone, Copy, Debug)]
pub struct OpenConnections {
    pub in_use: u32,
    pub idle: u32,
}

/// A borrowed connection. Dropped, it is rolled back; see [`end`](Self::end).
pub(crate) struct Connection {
    inner: Option<PoolConnection<Postgres>>,
    since: Instant,
    home: Connections,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    pub fn new(options: PgConnectOptions, size: PoolSize) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(size.connections)
            .acquire_timeout(size.acquire_timeout)
            .test_before_acquire(false)
            // A cancelled future can leave a transaction open, with the tenant
            // set; nobody may borrow such a connection. The lone `rollback`
            // would write a warning into the server's log at every release.
            .after_release(|connection, _| {
                Box::pin(async move {
                    // In an aborted transaction `begin` itself is an error.
                    if run_raw(connection, "begin; rollback").await.is_err() {
                        run_raw(connection, "rollback").await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options.application_name("sixty"));
        let permits = Arc::new(Semaphore::new(size.connections as usize));
        Self(Arc::new(Inner { pool, ready: Mutex::default(), permits, size }))
    }

    /// sqlx's own pool, for a query outside of transactions.
    pub fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    /// Borrows a connection and begins a transaction on it. A connection that the
    /// server has closed meanwhile is replaced: nothing was done on it yet.
    pub async fn begin(&self, opener: String) -> sqlx::Result<(Connection, Vec<PgRow>)> {
        let mut attempts = self.0.size.connections;
        loop {
            let mut connection = self.acquire().await?;
            match connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(opener.clone()))).await {
                Ok(rows) => return Ok((connection, rows)),
                Err(error) if closed(&error) && attempts > 0 => {
                    attempts -= 1;
                    // What closed one has closed the others.
                    let stale = std::mem::take(&mut *self.ready());
                    tracing::debug!(%error, stale = stale.len(), "connections were closed by the server");
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn acquire(&self) -> sqlx::Result<Connection> {
        let permit = match self.0.permits.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => timeout(self.0.size.acquire_timeout, self.0.permits.clone().acquire_owned())
                .await
                .map_err(|_| sqlx::Error::PoolTimedOut)?
                .map_err(|_| sqlx::Error::PoolClosed)?,
        };
        let ready = self.ready().pop();
        let (inner, since) = match ready {
            Some(ready) => ready,
            None => (self.0.pool.acquire().await?, Instant::now()),
        };
        Ok(Connection { inner: Some(inner), since, home: self.clone(), _permit: permit })
    }

    fn ready(&self) -> MutexGuard<'_, Vec<(PoolConnection<Postgres>, Instant)>> {
        self.0.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn open_connections(&self) -> OpenConnections {
        let free = u32::try_from(self.0.permits.available_permits()).unwrap_or(u32::MAX);
        let in_use = self.0.size.connections.saturating_sub(free);
        OpenConnections { in_use, idle: self.0.pool.size().saturating_sub(in_use) }
    }

    pub async fn close(&self) {
        // From this call on none comes back to `ready`.
        let closing = self.0.pool.close();
        drop(std::mem::take(&mut *self.ready()));
        closing.await;
    }
}

impl Connection {
    /// Ends the transaction, after which the connection is as clean as a new one.
    pub async fn end(mut self, statement: &'static str) -> sqlx::Result<()> {
        run_raw(&mut self, statement).await?;
        let mut ready = self.home.ready();
        if self.since.elapsed() < KEPT
            && !self.home.0.pool.is_closed()
            && let Some(inner) = self.inner.take()
        {
            ready.push((inner, self.since));
        }
        drop(ready);
        Ok(())
    }
}

const BORROWED: &str = "a connection is borrowed until its transaction ends";

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.inner.as_ref().expect(BORROWED)
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.inner.as_mut().expect(BORROWED)
    }
}

/// Whether the server ended the connection: it was restarted, or told the session to go.
fn closed(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(database) => matches!(database.code().as_deref(), Some("57P01" | "57P02")),
        _ => false,
    }
}
