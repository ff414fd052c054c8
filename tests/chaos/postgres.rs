//! A Postgres whose commits reach the disk, and which is restarted now and then.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
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
            let pid_file = running.dir().join("postgres/postmaster.pid");
            let pid = fs::read_to_string(&pid_file).expect("a pid file");
            let pid = pid.lines().next().expect("a pid");
            // An immediate shutdown: no checkpoint, and the log is replayed at the start.
            let sent = Command::new("kill").args(["-s", "QUIT", pid]).status().expect("kill runs");
            assert!(sent.success(), "the server was gone");
            while fs::exists(format!("/proc/{pid}")).expect("a look at the processes") {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            self.crashes.fetch_add(1, Ordering::Relaxed);
            drop(running);
        } else {
            running.stop().await.expect("Postgres stops");
            self.restarts.fetch_add(1, Ordering::Relaxed);
        }
        *cluster = Some(Cluster::start(&self.dir, Durability::Durable).await.expect("Postgres starts again"));
    }

    pub async fn remove(self) {
        if let Some(cluster) = self.cluster.into_inner() {
            cluster.stop().await.expect("Postgres stops");
        }
        fs::remove_dir_all(&self.dir).expect("the files can be removed");
    }
}
