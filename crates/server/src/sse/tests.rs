//! The clock of a stream. The database is out of reach in these tests: a reader
//! waits for it for ever, and time passes only when everybody waits.

use domain::{Cursor, OrgId, RunId, Tenant, UserId};
use engine::{Engine, Limits, Settings, compaction::Thresholds, keys::MasterKeys};
use http_body_util::BodyExt as _;
use model::{Auth, Endpoint, MessagesClient, Options, Providers};
use redact::Redactor;
use secrecy::SecretString;
use store::{PoolSize, Store};
use tokio::time::Instant;

use super::*;

fn engine() -> Engine {
    let size = PoolSize { connections: 1, acquire_timeout: Duration::from_secs(1) };
    let store = Store::connect("postgres://nobody@127.0.0.1:1/nothing", size).expect("a store");
    let endpoint = Endpoint {
        base_url: "http://127.0.0.1:1".into(),
        auth: Auth::XApiKey(SecretString::from("none")),
        version: "2023-06-01".into(),
    };
    let client = MessagesClient::new(endpoint, Options::default()).expect("a client");
    let settings = Settings {
        default_model: "sim/none".into(),
        max_tokens: 1,
        lease_seconds: 30,
        works: false,
        limits: Limits::default(),
        compaction: Thresholds::default(),
        prices: model::Prices::default(),
        mailer: None,
        keys: MasterKeys::new([7; 32], Vec::new()),
        runs_of_user: 20,
        runs_of_org: 500,
        telemetry: engine::telemetry::Telemetry::default(),
    };
    Engine::new(store, Providers::new([("sim".into(), client.into())]), Redactor::new([]), settings)
}

fn stream(engine: &Engine) -> Response {
    let tenant = Tenant::own(OrgId::derive("acme"), UserId::derive("alice"));
    response(engine.telemetry().meters.open_stream(), engine.reader(tenant, RunId::new(), Cursor::default()))
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_says_every_fifteen_seconds_that_it_is_alive() {
    let engine = engine();
    let mut body = stream(&engine).into_body();
    for _ in 0..5 {
        let began = Instant::now();
        let frame = body.frame().await.expect("the stream goes on").expect("a frame");
        assert_eq!(frame.into_data().expect("data"), ": keep-alive\n\n");
        assert_eq!(began.elapsed().as_millis(), KEEP_ALIVE.as_millis());
    }
    assert_eq!(KEEP_ALIVE, Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_a_stream_at_once() {
    let engine = engine();
    let mut body = stream(&engine).into_body();
    let stop = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        engine.stopping().cancel();
        Instant::now()
    };
    let (ended, stopped) = tokio::join!(async { (body.frame().await.is_none(), Instant::now()) }, stop);
    assert!(ended.0, "a stream that ends with the service has no last word");
    assert!(ended.1 - stopped <= Duration::from_secs(1), "{:?}", ended.1 - stopped);
}
