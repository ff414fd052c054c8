//! Keys of an identity provider: what they sign and what they do not, how they
//! come and go, and what strangers can make of it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use aws_lc_rs::hmac::HMAC_SHA256;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    STORED, forge,
    provider::{AUDIENCE, ISSUER, Key, Provider},
};
use crate::harness::{Person, SECRET, Setup, TestApp, eventually};

async fn app(identity: server::auth::Settings) -> TestApp {
    TestApp::with(Setup { identity: Some(identity), ..Setup::default() }).await
}

/// What must not be let in where keys, issuer and audience are checked, by its class.
fn hostile(key: &Key) -> Vec<(&'static str, String)> {
    let stranger = Key::new(key.id);
    let now = forge::now();
    let mut tokens = Vec::new();
    let mut add = |class, token| tokens.push((class, token));
    for name in ["none", "None", "nOnE", "NONE"] {
        add("alg none", key.token(json!({"alg": name}), json!({})));
        let unsigned = forge::signed(&json!({"alg": name}).to_string(), &good_payload(), |_| Vec::new());
        add("alg none", unsigned);
    }
    for secret in [String::from_utf8_lossy(key.bytes()).into_owned(), key.public().to_string(), String::new()]
    {
        for kid in [json!(key.id), Value::Null] {
            let header = forge::header(json!({"kid": kid}));
            add("confusion", forge::sign_as(HMAC_SHA256, &header, &good_payload(), &secret));
        }
    }
    for name in ["HS256", "RS256", "ES256", "PS256", "ES384", "HS512", "eddsa", "Ed448"] {
        add("confusion", key.token(json!({"alg": name}), json!({})));
    }
    let by_secret = forge::header(json!({"alg": "EdDSA", "kid": key.id}));
    add("confusion", forge::sign_as(HMAC_SHA256, &by_secret, &good_payload(), SECRET));
    for kid in [
        Value::Null,
        json!(""),
        json!("unknown"),
        json!("../../../../dev/null"),
        json!("x' union select 'secret"),
        json!([key.id]),
        json!({"$ne": null}),
        json!(0),
        json!(format!("{}\u{0}", key.id)),
        json!(key.id.to_uppercase()),
        json!("k".repeat(300)),
        json!("http://127.0.0.1/jwks.json"),
    ] {
        add("kid", key.token(json!({"kid": kid}), json!({})));
    }
    add("kid", stranger.token(json!({}), json!({})));
    add("kid", stranger.token(json!({"jwk": stranger.public()}), json!({})));
    add("kid", stranger.token(json!({"jku": "http://127.0.0.1/jwks.json"}), json!({})));
    let values = [Value::Null, json!("another"), json!(""), json!([]), json!(7), json!({"a": 1})];
    for claim in ["aud", "iss"] {
        for value in &values {
            add(claim, key.token(json!({}), json!({claim: value})));
        }
    }
    add("aud", key.token(json!({}), json!({"aud": [AUDIENCE, 7]})));
    for value in [Value::Null, json!(now - 60), json!("tomorrow"), json!(-1), json!(now + 30 * 24 * 3600)] {
        add("exp", key.token(json!({}), json!({ "exp": value })));
    }
    for value in [json!(now + 3600), json!("today"), json!([])] {
        add("nbf", key.token(json!({}), json!({ "nbf": value })));
    }
    for value in [json!(["exp"]), json!([]), json!(["b64"]), Value::Bool(true)] {
        add("crit", key.token(json!({ "crit": value }), json!({})));
    }
    for more in [r#""sub":"alice""#, r#""exp":9999999999"#, r#""\u0073ub":"alice""#, r#""a":{"b":1,"b":2}"#] {
        let open = good_payload();
        add("a name twice", key.sign(json!({}), &format!("{},{more}}}", open.trim_end_matches('}'))));
    }
    for size in [9_000, 60_000] {
        add("oversized", key.token(json!({}), json!({"pad": "x".repeat(size)})));
    }
    tokens
}

fn good_payload() -> String {
    forge::claims(json!({"iss": ISSUER, "aud": AUDIENCE})).to_string()
}

#[tokio::test]
async fn a_hostile_token_is_refused_where_keys_issuer_and_audience_are_checked() {
    let key = Key::new("key-1");
    let provider = Provider::start(&[&key]).await;
    let app = app(provider.settings()).await;
    let hostile = hostile(&key);
    for class in
        ["alg none", "confusion", "kid", "aud", "iss", "exp", "nbf", "crit", "a name twice", "oversized"]
    {
        let count = hostile.iter().filter(|(name, _)| *name == class).count();
        println!("{class}: {count} hostile tokens");
        assert!(count >= 2, "{class}");
    }
    println!("{} hostile tokens", hostile.len());
    assert!(hostile.len() >= 60, "{}", hostile.len());
    for (class, token) in hostile {
        let eve = app.replica.bearer(&token);
        let refused = eve.post("/v1/sessions", json!({})).await;
        assert!([401, 431].contains(&refused.status.as_u16()), "{class}: {token}: {refused:?}");
        assert!(token.len() < 20 || !refused.text.contains(&token), "{class}: the token is not repeated");
    }
    assert_eq!(app.database.count(STORED).await, 0);
    assert_eq!(provider.fetches(), 1);
    // The good twin is let in: what is refused above is refused for its one fault.
    app.replica.bearer(&key.token(json!({}), json!({}))).get("/v1/me").await.expect(200);
    app.replica
        .bearer(&key.token(json!({}), json!({"aud": ["a", AUDIENCE]})))
        .get("/v1/me")
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_unknown_keys_asks_the_provider_once_a_minute_and_hurts_nobody() {
    let (key, stranger) = (Arc::new(Key::new("key-1")), Arc::new(Key::new("stranger")));
    let provider = Provider::start(&[&key]).await;
    let app = app(provider.settings()).await;
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let (key, stranger, somebody) = (key.clone(), stranger.clone(), app.replica.bearer(""));
        tasks.spawn(async move {
            let with = |token: String| somebody.with_token(token);
            for n in 0..250 {
                let unknown = stranger.token(json!({"kid": format!("unknown-{task}-{n}")}), json!({}));
                with(unknown).get("/v1/me").await.problem(401, "unauthenticated");
                if n % 10 == 0 {
                    with(key.token(json!({}), json!({"jti": n}))).get("/v1/me").await.expect(200);
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("a stranger is refused, and a known key is not");
    }
    let minutes = usize::try_from(begun.elapsed().as_secs() / 60).expect("a number");
    println!("2000 unknown keys: {} fetches in {:?}", provider.fetches(), begun.elapsed());
    assert!((1..=1 + minutes).contains(&provider.fetches()), "{} fetches", provider.fetches());
}

/// What the people who come all the time have seen.
#[derive(Default)]
struct Seen {
    /// Requests that were answered, under the old and the new key.
    accepted: [AtomicUsize; 2],
    refused_good: AtomicUsize,
    accepted_revoked: AtomicUsize,
    refused_revoked: AtomicUsize,
    /// The new key signs.
    new_is_used: AtomicBool,
    /// The old key is published no more.
    withdrawn: AtomicBool,
    /// The service has said that the old key is gone.
    gone: AtomicBool,
    enough: AtomicBool,
}

/// Comes again and again, with tokens that are new and with one that is remembered.
async fn come(replica: SocketAddr, keys: Arc<[Key; 2]>, seen: Arc<Seen>, task: usize) {
    let person = Person::new(replica, "");
    let remembered = [0, 1].map(|which| keys[which].token(json!({}), json!({ "jti": task })));
    for n in 0.. {
        if seen.enough.load(SeqCst) {
            return;
        }
        let which = usize::from(n % 2 == 0 && seen.new_is_used.load(SeqCst));
        let gone = which == 0 && seen.gone.load(SeqCst);
        let fresh = || keys[which].token(json!({}), json!({"jti": format!("{task}-{n}")}));
        let token = if n % 3 == 0 { remembered[which].clone() } else { fresh() };
        let accepted = person.with_token(token).get("/v1/me").await.status == 200;
        let counter = match (accepted, gone) {
            (true, true) => &seen.accepted_revoked,
            (false, true) => &seen.refused_revoked,
            (true, false) => &seen.accepted[which],
            // Between the withdrawal and the moment that it is noticed both answers are right.
            (false, false) if which == 0 && seen.withdrawn.load(SeqCst) => continue,
            (false, false) => &seen.refused_good,
        };
        counter.fetch_add(1, SeqCst);
    }
}

async fn grows(what: &str, counter: &AtomicUsize) {
    let before = counter.load(SeqCst);
    eventually(what, async || (counter.load(SeqCst) >= before + 100).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_rotate_under_load_without_a_refused_good_request_or_an_accepted_revoked_one() {
    let keys = Arc::new([Key::new("old"), Key::new("new")]);
    let provider = Provider::start(&[&keys[0]]).await;
    let (ttl, pause) = (Duration::from_secs(2), Duration::from_millis(500));
    let identity = server::auth::Settings { jwks_ttl: ttl, jwks_pause: pause, ..provider.settings() };
    let app = app(identity).await;
    let (begun, seen) = (Instant::now(), Arc::new(Seen::default()));
    let mut tasks = JoinSet::new();
    for task in 0..6 {
        tasks.spawn(come(app.replica.address, keys.clone(), seen.clone(), task));
    }
    let probe = async |which: usize| {
        let token = keys[which].token(json!({}), json!({"jti": "probe"}));
        app.replica.bearer(&token).get("/v1/me").await.status.as_u16()
    };
    grows("the old key is accepted", &seen.accepted[0]).await;
    // As providers do it: a key is published before it signs, and signs no more before it is withdrawn.
    provider.publish(&[&keys[0], &keys[1]]);
    eventually("the service asks again", async || provider.newest_is_out().then_some(())).await;
    eventually("the new key is known", async || (probe(1).await == 200).then_some(())).await;
    seen.new_is_used.store(true, SeqCst);
    grows("the new key is accepted", &seen.accepted[1]).await;
    grows("so is the old one", &seen.accepted[0]).await;
    seen.withdrawn.store(true, SeqCst);
    provider.publish(&[&keys[1]]);
    eventually("the service asks again", async || provider.newest_is_out().then_some(())).await;
    eventually("the old key is gone", async || (probe(0).await == 401).then_some(())).await;
    seen.gone.store(true, SeqCst);
    grows("the old key is refused", &seen.refused_revoked).await;
    grows("the new key is accepted", &seen.accepted[1]).await;
    seen.enough.store(true, SeqCst);
    while let Some(done) = tasks.join_next().await {
        done.expect("a task ends");
    }
    let count = |counter: &AtomicUsize| counter.load(SeqCst);
    let [old, new] = [count(&seen.accepted[0]), count(&seen.accepted[1])];
    let (refused, accepted) = (count(&seen.refused_good), count(&seen.accepted_revoked));
    println!(
        "{old} + {new} good requests, {refused} refused; {} revoked ones, {accepted} accepted; {} fetches in {:?}",
        count(&seen.refused_revoked),
        provider.fetches(),
        begun.elapsed()
    );
    assert_eq!((refused, accepted), (0, 0));
    let most = begun.elapsed().as_millis() / pause.as_millis() + 1;
    assert!(provider.fetches() as u128 <= most, "{} fetches", provider.fetches());
}
