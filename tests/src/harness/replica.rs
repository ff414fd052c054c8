//! One process of the service, in a runtime of its own: killing it drops every
//! task where it stands, as `kill -9` would.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use engine::{Engine, Settings};
use model::{
    Auth, ChatClient, ChatEndpoint, Client, Endpoint, MessagesClient, Options, Providers, RetryPolicy,
};
use redact::Redactor;
use secrecy::SecretString;
use server::{
    App, Public,
    auth::{self, Grant, Verifier},
    config::{Rate, Rates},
    observability::Exposition,
    slack::Slack,
};
use store::{PoolSize, Store};
use tokio::{net::TcpListener, runtime::Runtime, sync::oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Database, Person, Setup};

pub const SECRET: &str = "a secret of the tests, long enough for HS256";

pub struct Replica {
    runtime: Option<Runtime>,
    pub address: SocketAddr,
    pub engine: Engine,
    stop: CancellationToken,
    stopped: Option<oneshot::Receiver<()>>,
}

pub fn auth_settings() -> auth::Settings {
    auth::Settings { hs256_secret: Some(SecretString::from(SECRET)), ..auth::Settings::default() }
}

impl Replica {
    pub async fn start(database: &Database, model_url: &str, setup: Setup) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        if let Some(logs) = setup.logs.clone() {
            runtime.on_thread_start(move || logs.keep_of_this_thread());
        }
        let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
        let stop = CancellationToken::new();
        let (tell, stopped) = oneshot::channel();
        let (ready, started) = oneshot::channel();
        let (url, model_url, stopping) = (database.url(), model_url.to_owned(), stop.clone());
        runtime.spawn(async move {
            let app = app(&url, &model_url, setup);
            let engine = app.engine.clone();
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("an address");
            engine.start();
            server::slack::start(&app);
            assert!(ready.send((address, engine.clone())).is_ok(), "the test waits for its replica");
            server::listen(listener, app, stopping.cancelled_owned()).await;
            engine.store().close().await;
            let _nobody_may_wait = tell.send(());
        });
        let (address, engine) = started.await.expect("the replica starts");
        Self { runtime: Some(runtime), address, engine, stop, stopped: Some(stopped) }
    }

    /// A person who sends requests to this replica, with a token of that role.
    pub fn person(&self, org: &str, user: &str, role: &str) -> Person {
        self.bearer(&token(&grant(org, user, role)))
    }

    /// The same with an address.
    pub fn mailed(&self, org: &str, user: &str, role: &str, email: &str) -> Person {
        self.bearer(&token(&Grant { email: Some(email), ..grant(org, user, role) }))
    }

    /// A platform administrator.
    pub fn root(&self) -> Person {
        self.bearer(&token(&Grant {
            user: "root",
            email: None,
            org: None,
            role: None,
            platform_admin: true,
            ttl: Duration::from_hours(1),
        }))
    }

    /// Somebody with this token.
    pub fn bearer(&self, token: &str) -> Person {
        Person::new(self.address, token)
    }

    /// Dies as by `kill -9`.
    pub fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Shuts down as by SIGTERM, and waits for it.
    pub async fn shut_down(mut self) {
        self.stop.cancel();
        if let Some(stopped) = self.stopped.take() {
            stopped.await.expect("the server stops");
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn grant<'a>(org: &'a str, user: &'a str, role: &'a str) -> Grant<'a> {
    Grant {
        user,
        email: None,
        org: Some(org),
        role: Some(role),
        platform_admin: false,
        ttl: Duration::from_hours(1),
    }
}

pub fn token(grant: &Grant<'_>) -> String {
    auth::mint(&auth_settings(), grant).expect("a token")
}

fn client(url: &str, chat: bool, setup: &Setup) -> Client {
    let key = SecretString::from("sim-key-of-the-tests");
    let retry = RetryPolicy { base: Duration::from_millis(1), ..RetryPolicy::default() };
    let options = Options { retry, first_byte_timeout: setup.first_byte_timeout, ..Options::default() };
    if chat {
        let endpoint = ChatEndpoint::new(format!("{url}/v1"), Some(key));
        return ChatClient::new(endpoint, options).expect("a client").into();
    }
    let endpoint =
        Endpoint { base_url: url.to_owned(), auth: Auth::XApiKey(key), version: "2023-06-01".into() };
    MessagesClient::new(endpoint, options).expect("a client").into()
}

fn app(url: &str, model_url: &str, setup: Setup) -> App {
    let size = PoolSize { connections: setup.connections, acquire_timeout: setup.acquire_timeout };
    let store = Store::connect(url, size).expect("a store");
    let first = ("anthropic".to_owned(), client(model_url, setup.chat, &setup));
    let other = |url: &String| client(url, setup.others_chat.unwrap_or(setup.chat), &setup);
    let others = setup.providers.iter().map(|(name, url)| (name.clone(), other(url)));
    let providers = Providers::new(std::iter::once(first).chain(others));
    let redactor = Redactor::new(setup.secrets.iter().map(|secret| ("secret", secret.as_str())));
    let exposition = setup.metrics.then(|| Exposition::new().expect("numbers"));
    let settings = Settings {
        default_model: "anthropic/claude-test".into(),
        max_tokens: 4096,
        lease_seconds: setup.lease_seconds,
        works: setup.works,
        limits: setup.limits,
        compaction: setup.compaction,
        prices: setup.prices,
        mailer: setup
            .smtp_url
            .map(|url| tools::mail::Mailer::new(&url, "Sixty <sixty@acme.example>").expect("a mail server")),
        keys: setup.keys,
        runs_of_user: setup.runs_of_user,
        runs_of_org: setup.runs_of_org,
        telemetry: engine::telemetry::Telemetry {
            meters: exposition.as_ref().map(Exposition::meters).unwrap_or_default(),
            ..engine::telemetry::Telemetry::default()
        },
    };
    let engine = Engine::new(store, providers, redactor, settings);
    let identity =
        setup.identity.unwrap_or_else(|| auth::Settings { issuers: setup.issuers, ..auth_settings() });
    let verifier = Verifier::new(&identity, &TaskTracker::new()).expect("a verifier");
    let number = |n| NonZeroU32::new(n).expect("not zero");
    let rate = |n| Rate { per_minute: number(n), burst: number(n) };
    let rates = Rates { user: rate(setup.rate_per_minute), org: rate(setup.org_rate_per_minute) };
    let public = Public { cors_origins: setup.cors_origins, ..Public::default() };
    let app = App { patience: setup.patience, ..App::new(engine, verifier, rates, public) };
    let app = match exposition {
        Some(exposition) => app.with_exposition(exposition),
        None => app,
    };
    match setup.slack {
        Some(settings) => {
            let slack = Slack::new(settings, &app.engine).expect("a client");
            app.with_slack(slack)
        }
        None => app,
    }
}
