//! A private Postgres cluster under a directory, run with the machine's own Postgres programs.
//!
//! It listens on a Unix socket alone, so that it meets no other server and nobody on the network meets it.
//! The server is a daemon of its own: when this process is killed it stays up, and the next start finds it.
//! A disposable one ends with the process that started it, however that process ends.

mod disposable;
mod home;
mod programs;
mod secrets;
mod server;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use disposable::Watchdog;
use home::{Home, Locked};
use programs::{MIN_MAJOR, Programs};
use server::{PORT, Server};

const SUPERUSER: &str = "postgres";
/// How long the server may take to start or to stop.
const PATIENCE: Duration = Duration::from_mins(1);
/// Whoever waits for another process's start waits for its `initdb` and its start.
const LOCK_PATIENCE: Duration = Duration::from_secs(150);

/// What a commit is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A commit survives a power failure.
    Durable,
    /// No fsync: for tests, whose data nobody misses.
    Disposable,
}

#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error(
        "No PostgreSQL server programs (initdb, pg_ctl, postgres) of version {MIN_MAJOR} or newer were \
         found. Install them with `apt-get install postgresql` (Debian, Ubuntu) or \
         `brew install postgresql@17` (macOS), or set DATABASE_URL."
    )]
    NotInstalled,
    #[error(
        "{dir} was made by PostgreSQL {major}, whose programs are not on this machine. \
         Install that version, or move the directory away to start anew."
    )]
    OtherVersion { dir: String, major: u32 },
    #[error("{doing} {path}: {source}")]
    Io { doing: &'static str, path: String, source: std::io::Error },
    #[error("{what} failed: {output}\n{log}")]
    Failed { what: &'static str, output: String, log: String },
    #[error("{what} took more than {} s; it was not waited for any longer.\n{log}", .limit.as_secs())]
    TooSlow { what: &'static str, limit: Duration, log: String },
    #[error(
        "{path} belongs to somebody else or is open to others; \
         it has to be a directory of user {uid} with mode 0700"
    )]
    NotOurs { path: String, uid: u32 },
    #[error("the key file {0} is damaged: it has to hold 64 hexadecimal digits")]
    DamagedKey(String),
}

/// A running Postgres server and the passwords to it.
///
/// Dropping it lets go of the server without stopping it, unless the cluster is disposable.
pub struct Cluster {
    server: Server,
    /// A shared lock: whoever stops the cluster sees by it that others still use it.
    in_use: File,
    superuser_password: String,
    app_password: String,
    watchdog: Option<Watchdog>,
}

impl Cluster {
    /// Starts the server of `dir`, making its files when there are none, or finds the one that already
    /// runs there.
    ///
    /// As root, Postgres runs as `postgres` or `nobody`; a `dir` that this user cannot reach is replaced by
    /// one under `/var/lib/sixty` ([`Cluster::dir`] tells which).
    pub async fn start(dir: &Path, durability: Durability) -> Result<Self, ClusterError> {
        let dir = dir.to_owned();
        blocking(move || Self::open(Home::open(&dir)?, durability, None)).await
    }

    /// Starts an empty cluster in a fresh directory that vanishes with this process, even on `kill -9`.
    ///
    /// The directory lies in `parent`, by default in memory (`/dev/shm`) where that has room, else in the
    /// system's directory for temporary files.
    pub async fn disposable(parent: Option<&Path>) -> Result<Self, ClusterError> {
        let parent = parent.map_or_else(disposable::parent, Path::to_owned);
        blocking(move || {
            let dir = parent.join(format!("sixty-{:016x}", rand::random::<u64>()));
            let home = Home::open(&dir)?;
            let watchdog = Watchdog::over(&dir, &home)?;
            Self::open(home, Durability::Disposable, Some(watchdog))
        })
        .await
    }

    fn open(home: Home, durability: Durability, watchdog: Option<Watchdog>) -> Result<Self, ClusterError> {
        let superuser_password = hex::encode(home.secret("superuser")?);
        let app_password = hex::encode(home.secret("app")?);
        let _starting = home.lock("start.lock", LOCK_PATIENCE)?;
        let in_use = home.share("in-use.lock")?;
        let programs = Programs::find(&home)?;
        let server = Server { home, programs };
        server.initialize(durability, &superuser_password)?;
        server.ensure_running(durability)?;
        Ok(Self { server, in_use, superuser_password, app_password, watchdog })
    }

    /// Stops the server and waits for it, at most 60 s; a disposable cluster is removed as well.
    ///
    /// While another process uses the same cluster, the server stays up and the last one to leave stops it.
    pub async fn stop(self) -> Result<(), ClusterError> {
        blocking(move || {
            if let Some(watchdog) = self.watchdog {
                return watchdog.finish();
            }
            let _starting = self.server.home.lock("start.lock", LOCK_PATIENCE)?;
            match home::only_user(self.in_use) {
                Locked::Yes(_alone) => self.server.stop(),
                Locked::No => {
                    tracing::info!("another process uses this Postgres server; it stays up");
                    Ok(())
                }
            }
        })
        .await
    }

    /// The directory that really holds the cluster and its keys.
    pub fn dir(&self) -> &Path {
        &self.server.home.root
    }

    /// Where the programs of this server are, for example `psql`.
    pub fn bindir(&self) -> &Path {
        &self.server.programs.bin
    }

    /// For `migrate`, and for a test harness that makes databases.
    pub fn superuser_url(&self, database: &str) -> String {
        self.url(SUPERUSER, &self.superuser_password, database)
    }

    /// A URL that both sqlx and `psql` understand: the socket's directory is in the `host` parameter.
    pub fn url(&self, user: &str, password: &str, database: &str) -> String {
        let (user, password, database) = (percent(user), percent(password), percent(database));
        let socket = percent(&self.server.home.sockets().to_string_lossy());
        // The port is a part of the socket's name; said here, `PGPORT` in the environment cannot change it.
        format!("postgres://{user}:{password}@localhost:{PORT}/{database}?host={socket}&sslmode=disable")
    }

    /// The password of the runtime login. The cluster keeps it; `migrate` gives it to the login.
    pub fn app_password(&self) -> &str {
        &self.app_password
    }
}

/// Without the passwords.
impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("dir", &self.dir()).finish_non_exhaustive()
    }
}

/// A secret of the embedded mode (`jwt`, `master`, …): 32 random bytes, made on first use and kept in the
/// directory's `keys` (mode 0600). The server need not run, and other processes may ask at the same time.
pub async fn secret(dir: &Path, name: &'static str) -> Result<[u8; 32], ClusterError> {
    let dir: PathBuf = dir.to_owned();
    blocking(move || Home::open(&dir)?.secret(name)).await
}

/// Starting and stopping is waiting for other programs: plain blocking code, away from the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ClusterError> + Send + 'static,
) -> Result<T, ClusterError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(failure) => std::panic::resume_unwind(failure.into_panic()),
    }
}

fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ClusterError {
    let path = path.display().to_string();
    move |source| ClusterError::Io { doing, path, source }
}

fn percent(text: &str) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~".contains(b);
    text.bytes().map(|b| if plain(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
