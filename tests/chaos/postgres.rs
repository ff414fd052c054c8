//! A Postgres whose commits reach the disk, and which is restarted now and then.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use sqlx::{PgPool, postgres::PgPoolOptions};
use store::{
    cluster::{Cluster, Durability},
    migrate,
};
use tokio::sync::Mutex;

const DATABASE: &str = "chaos";

pub struct Postgres {
    dir: PathBuf,
    cluster: Mutex<Option<Cluster>>,
    pub url: String,
    superuser_url: String,
    pub restarts: AtomicUsize,
    pub crashes: AtomicUsize,
}

impl Postgres {
    pub async fn start() -> Self {
        let dir = std::env::temp_dir().join(format!("sixty-chaos-{}", std::process::id()));
        let cluster = Cluster::start(&dir, Durability::Durable).await.expect("Postgres starts");
        migrate::create_database(&cluster.superuser_url("postgres"), DATABASE).await.expect("a database");
        let url = cluster.url("sixty_app", cluster.app_password(), DATABASE);
        let superuser_url = cluster.superuser_url(DATABASE);
        migrate::run(&superuser_url, &url).await.expect("migrations run");
        let cluster = Mutex::new(Some(cluster));
        Self { dir, cluster, url, superuser_url, restarts: AtomicUsize::new(0), crashes: AtomicUsize::new(0) }
    }

    pub async fn superuser(&self) -> PgPool {
        PgPoolOptions::new().max_connections(8).connect(&self.superuser_url).await.expect("it connects")
    }

    /// Stops the server in order, or as a crash would, and starts it again.
    pub async fn restart(&self, crash: bool) {
        let mut cluster = self.cluster.lock().await;
        let running = cluster.take().expect("a running server");
        if crash {
            let pid = quit(running.dir()).expect("a running server");
            while fs::exists(format!("/proc/{pid}")).expect("a look at the processes") {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            self.crashes.fetch_add(1, Ordering::Relaxed);
            drop(running);
        } else {
            running.stop().await.expect("Postgres stops");
            self.restarts.fetch_add(1, Ordering::Relaxed);
        }
        *cluster = Some(Cluster::start(&self.dir, Durability::Durable).await.expect("Postgres starts again"));
    }
}

/// An immediate shutdown: no checkpoint, and the log is replayed at the start.
fn quit(dir: &Path) -> Option<String> {
    let pid = fs::read_to_string(dir.join("postgres/postmaster.pid")).ok()?.lines().next()?.to_owned();
    Command::new("kill").args(["-s", "QUIT", &pid]).status().ok()?.success().then_some(pid)
}

/// However the storm ends, nothing of it stays.
impl Drop for Postgres {
    fn drop(&mut self) {
        let root = self.cluster.get_mut().as_ref().map(|cluster| cluster.dir().to_owned());
        let root = root.unwrap_or_else(|| self.dir.clone());
        if let Some(pid) = quit(&root) {
            let began = Instant::now();
            while Path::new("/proc").join(&pid).exists() && began.elapsed() < Duration::from_secs(10) {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        for dir in [&root, &self.dir] {
            // They may be the same.
            drop(fs::remove_dir_all(dir));
        }
    }
}
