//! `sixty serve`: from the configuration to a listening server, and back down.

use std::{net::SocketAddr, path::Path, time::Duration};

use engine::{Engine, Limits, Settings, compaction::Thresholds, keys::MasterKeys, telemetry::Telemetry};
use model::Prices;
use redact::Redactor;
use secrecy::{ExposeSecret, SecretString};
use store::{
    PoolSize, Store,
    cluster::{self, Cluster, Durability},
    migrate, startup,
};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use tools::mail::Mailer;

use crate::{
    App,
    app::Public,
    auth::Verifier,
    config::{ACQUIRE_TIMEOUT, Database, Mail, ProcessRole, Serve},
    demo, keys, listen,
    observability::{self, Export, Exposition},
    providers,
    slack::{self, Slack},
};

/// An error that ends the program, with a sentence for the operator.
pub type Fatal = Box<dyn std::error::Error + Send + Sync>;

const DATABASE: &str = "sixty";
const LOGIN: &str = "sixty_app";

/// The database of this process: somebody's, or the private cluster.
pub struct Connected {
    pub url: String,
    pub cluster: Option<Cluster>,
}

impl Connected {
    /// Uses `DATABASE_URL`, or starts the private cluster and brings it up to date.
    pub async fn open(config: &Database) -> Result<Self, Fatal> {
        if let Some(url) = &config.database_url {
            return Ok(Self { url: url.clone(), cluster: None });
        }
        let cluster = Cluster::start(&config.data_dir, Durability::Durable).await?;
        let url = cluster.url(LOGIN, cluster.app_password(), DATABASE);
        migrate::create_database(&cluster.superuser_url("postgres"), DATABASE).await?;
        migrate::run(&cluster.superuser_url(DATABASE), &url).await?;
        Ok(Self { url, cluster: Some(cluster) })
    }

    pub fn store(&self, connections: u32) -> Result<Store, Fatal> {
        self.store_waiting(connections, ACQUIRE_TIMEOUT)
    }

    fn store_waiting(&self, connections: u32, acquire_timeout: Duration) -> Result<Store, Fatal> {
        Ok(Store::connect(&self.url, PoolSize { connections, acquire_timeout })?)
    }

    pub async fn close(self) -> Result<(), Fatal> {
        match self.cluster {
            Some(cluster) => Ok(cluster.stop().await?),
            None => Ok(()),
        }
    }
}

/// The secret of development tokens: the configured one, or in embedded mode a generated one.
pub async fn jwt_secret(
    config: &Database,
    given: Option<&SecretString>,
) -> Result<Option<SecretString>, Fatal> {
    match given {
        Some(secret) => Ok(Some(secret.clone())),
        None if config.database_url.is_none() => {
            let bytes = cluster::secret(&config.data_dir, "jwt").await?;
            Ok(Some(SecretString::from(hex::encode(bytes))))
        }
        None => Ok(None),
    }
}

/// Runs until Ctrl-C or SIGTERM.
pub async fn run(mut config: Serve) -> Result<(), Fatal> {
    config.identity.jwt_secret = jwt_secret(&config.database, config.identity.jwt_secret.as_ref()).await?;
    let keys = keys::master_keys(&config.database, &config.keys).await?;
    let connected = Connected::open(&config.database).await?;
    let served = serve(&config, keys, &connected).await;
    connected.close().await?;
    served
}

async fn serve(config: &Serve, keys: MasterKeys, connected: &Connected) -> Result<(), Fatal> {
    #[cfg(feature = "faults")]
    if let Some(crash) = config.faults.crash_at {
        engine::crash::arm(crash);
    }
    #[cfg(not(feature = "faults"))]
    let acquire_timeout = ACQUIRE_TIMEOUT;
    #[cfg(feature = "faults")]
    let acquire_timeout = Duration::from_secs(config.faults.acquire_seconds);
    let store = connected.store_waiting(config.database.connections, acquire_timeout)?;
    startup::check(&store, config.database.allow_old_postgres.unwrap_or(false)).await?;
    let tasks = TaskTracker::new();
    let verifier = Verifier::new(&config.identity.settings(), &tasks)?;
    let model = providers::configured(&config.provider, connected.cluster.is_some(), &tasks).await?;
    let export = Export::begin(&config.observability)?;
    let exposition = config.observability.metrics.then(Exposition::new).transpose()?;
    let telemetry = Telemetry {
        meters: exposition.as_ref().map(Exposition::meters).unwrap_or_default(),
        traces: export.as_ref().map(Export::traces).unwrap_or_default(),
    };
    let settings = Settings {
        default_model: model.default_model,
        max_tokens: config.provider.max_tokens,
        lease_seconds: config.lease_seconds,
        works: config.role != ProcessRole::Api,
        #[cfg(not(feature = "faults"))]
        limits: Limits::default(),
        #[cfg(feature = "faults")]
        limits: Limits { tool_time: Duration::from_secs(config.faults.tool_seconds), ..Limits::default() },
        compaction: Thresholds {
            at_tokens: config.compact_at_tokens,
            keep_tokens: config.compact_keep_tokens,
            keep_messages: config.compact_keep_messages,
        },
        prices: prices(config.provider.model_prices.as_deref())?,
        mailer: mailer(&config.mail)?,
        keys,
        runs_of_user: config.runs_per_user.get(),
        runs_of_org: config.runs_per_org.get(),
        telemetry,
        #[cfg(feature = "faults")]
        probe_url: config.faults.probe_url.clone(),
    };
    let redactor = redactor(config, &settings.keys, (&connected.url, &model.keys));
    let engine = Engine::new(store.clone(), model.providers, redactor, settings);
    let public = Public {
        cors_origins: config.cors_origins.clone(),
        operations_only: config.role == ProcessRole::Worker,
    };
    let mut app = App::new(engine.clone(), verifier, config.rates(), public);
    if let Some(exposition) = exposition {
        app = app.with_exposition(exposition);
    }
    match config.slack.settings(config.public_url.as_ref()) {
        Ok(settings) => app = app.with_slack(Slack::new(settings, &engine)?),
        Err(missing) => tracing::info!(?missing, "Slack is not configured"),
    }
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        format!("cannot listen on {}: {error}; set SIXTY_LISTEN to a free address", config.listen)
    })?;
    let address = listener.local_addr()?;
    engine.start();
    slack::start(&app);
    tracing::info!(%address, "listening");
    if connected.cluster.is_some() {
        demo::hint(&store, &config.identity.settings(), address).await?;
    }
    listen(listener, app, signal()).await;
    if let Some(export) = export {
        export.end().await;
    }
    store.close().await;
    tracing::info!("stopped");
    Ok(())
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    async fn heard(kind: SignalKind) {
        match signal(kind) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    }
    // A terminal that closes hangs up: the private database must not stay behind.
    tokio::select! {
        () = heard(SignalKind::interrupt()) => {}
        () = heard(SignalKind::terminate()) => {}
        () = heard(SignalKind::hangup()) => {}
    }
}

fn prices(file: Option<&Path>) -> Result<Prices, Fatal> {
    let Some(file) = file else { return Ok(Prices::default()) };
    let read = std::fs::read_to_string(file).map_err(|error| error.to_string());
    let prices = read.and_then(|json| Prices::parse(&json));
    prices.map_err(|why| format!("SIXTY_MODEL_PRICES, the file {}: {why}", file.display()).into())
}

/// The mail server, if one is configured.
fn mailer(config: &Mail) -> Result<Option<Mailer>, Fatal> {
    match (&config.smtp_url, &config.smtp_from) {
        (None, None) => Ok(None),
        (Some(url), Some(from)) => Ok(Some(Mailer::new(url.expose_secret(), from)?)),
        _ => Err("mail needs SMTP_URL and SMTP_FROM both: set the other one as well, or neither".into()),
    }
}

/// Knows the process's own secrets beside the patterns.
fn redactor(
    config: &Serve,
    keys: &MasterKeys,
    (database_url, provider_keys): (&str, &[SecretString]),
) -> Redactor {
    let mut secrets: Vec<(&str, String)> = Vec::new();
    for (kind, secret) in [
        ("provider_key", &config.provider.anthropic_api_key),
        ("provider_key", &config.provider.openai_api_key),
        ("jwt_secret", &config.identity.jwt_secret),
        ("slack_signing_secret", &config.slack.slack_signing_secret),
        ("slack_client_secret", &config.slack.slack_client_secret),
    ] {
        secrets.extend(secret.as_ref().map(|secret| (kind, secret.expose_secret().to_owned())));
    }
    secrets.extend(provider_keys.iter().map(|key| ("provider_key", key.expose_secret().to_owned())));
    let headers = config.observability.otlp_headers.as_ref();
    let headers =
        headers.map(|headers| observability::header_values(headers.expose_secret())).unwrap_or_default();
    secrets.extend(headers.into_iter().map(|value| ("otlp_header", value)));
    let smtp = config.mail.smtp_url.as_ref();
    let smtp = smtp.and_then(|url| migrate::password_in(url.expose_secret()));
    secrets.extend(smtp.map(|password| ("mail_password", password)));
    secrets.extend(keys::spellings(keys).into_iter().map(|key| ("master_key", key)));
    secrets.extend(migrate::password_in(database_url).map(|password| ("database_password", password)));
    let redactor = Redactor::new(secrets.iter().map(|(kind, secret)| (*kind, secret.as_str())));
    for (kind, _) in redactor.refused() {
        tracing::warn!(kind, "this secret is too short to be removed from texts; use a longer one");
    }
    redactor
}

/// `sixty migrate`.
pub async fn migrate_command(config: &Database) -> Result<(), Fatal> {
    let Some(runtime) = &config.database_url else {
        let connected = Connected::open(config).await?;
        println!("The private database is up to date.");
        return connected.close().await;
    };
    let owner = config.migration_database_url.as_ref().ok_or(
        "set SIXTY_MIGRATION_DATABASE_URL to a login that may create roles and the schema; DATABASE_URL is the \
         runtime login, which owns nothing",
    )?;
    migrate::run(owner, runtime).await?;
    println!("The database is up to date.");
    Ok(())
}

/// Whether a server answers at the address: for a container's health check.
pub async fn healthcheck(listen: SocketAddr) -> Result<(), Fatal> {
    let host =
        if listen.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], listen.port())) } else { listen };
    let response = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(3))
        .build()?
        .get(format!("http://{host}/readyz"))
        .send()
        .await?;
    if response.status().is_success() { Ok(()) } else { Err(format!("{host} is not ready").into()) }
}
