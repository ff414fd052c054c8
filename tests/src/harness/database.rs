//! One disposable cluster for the test process, and a database for each test.

use std::{
    str::FromStr,
    sync::atomic::{AtomicUsize, Ordering},
};

use sqlx::{
    AssertSqlSafe, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use store::{cluster::Cluster, migrate};
use tokio::sync::{Mutex, OnceCell};

const TEMPLATE: &str = "template_sixty";

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
/// Postgres copies a template for one at a time.
static COPYING: Mutex<()> = Mutex::const_new(());
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A migrated, empty database.
pub struct Database {
    name: String,
}

async fn cluster() -> &'static Cluster {
    CLUSTER
        .get_or_init(async || {
            let cluster = Cluster::disposable(None).await.expect("Postgres starts");
            migrate::create_database(&cluster.superuser_url("postgres"), TEMPLATE).await.expect("a database");
            let runtime = cluster.url("sixty_app", cluster.app_password(), TEMPLATE);
            migrate::run(&cluster.superuser_url(TEMPLATE), &runtime).await.expect("migrations run");
            cluster
        })
        .await
}

impl Database {
    pub async fn create() -> Self {
        let cluster = cluster().await;
        let name = format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let _one_at_a_time = COPYING.lock().await;
        let mut connection = connect(&cluster.superuser_url("postgres")).await;
        let sql = format!("create database {name} template {TEMPLATE}");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the template is copied");
        connection.close().await.expect("the connection closes");
        Self { name }
    }

    /// As the runtime login: what the service uses.
    pub fn url(&self) -> String {
        let cluster = CLUSTER.get().expect("the cluster runs");
        cluster.url("sixty_app", cluster.app_password(), &self.name)
    }

    /// As the superuser, past all policies: to look behind the service's back.
    pub fn superuser_url(&self) -> String {
        CLUSTER.get().expect("the cluster runs").superuser_url(&self.name)
    }

    /// Where the programs of Postgres are.
    pub fn bindir() -> &'static std::path::Path {
        CLUSTER.get().expect("the cluster runs").bindir()
    }

    pub async fn superuser(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(2)
            .connect(&self.superuser_url())
            .await
            .expect("the superuser connects")
    }

    /// One number, past all policies.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = connect(&self.superuser_url()).await;
        let count = sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("a number");
        connection.close().await.expect("the connection closes");
        count
    }

    /// Statements, past all policies.
    pub async fn run(&self, sql: &str) {
        let mut connection = connect(&self.superuser_url()).await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the statements run");
        connection.close().await.expect("the connection closes");
    }
}

async fn connect(url: &str) -> PgConnection {
    let options = PgConnectOptions::from_str(url).expect("a URL");
    PgConnection::connect_with(&options).await.expect("Postgres answers")
}
