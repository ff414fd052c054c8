//! An identity provider: keys, and the address where it publishes them.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::TaskTracker;

use super::forge;

pub const ISSUER: &str = "https://id.example";
pub const AUDIENCE: &str = "sixty-of-the-tests";

/// A key with its id.
pub struct Key {
    pub id: &'static str,
    pair: Ed25519KeyPair,
}

impl Key {
    pub fn new(id: &'static str) -> Self {
        Self { id, pair: Ed25519KeyPair::generate().expect("a key") }
    }

    /// The public half, as it is published.
    pub fn public(&self) -> Value {
        json!({"kid": self.id, "kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(self.bytes()), "use": "sig"})
    }

    pub fn bytes(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// A token under this key, good but for these members of its header and payload.
    pub fn token(&self, header: Value, claims: Value) -> String {
        let mut payload = forge::claims(json!({"iss": ISSUER, "aud": AUDIENCE}));
        forge::change(&mut payload, claims);
        self.sign(header, &payload.to_string())
    }

    pub fn sign(&self, header: Value, payload: &str) -> String {
        let mut whole = json!({"alg": "EdDSA", "typ": "JWT", "kid": self.id});
        forge::change(&mut whole, header);
        forge::signed(&whole.to_string(), payload, |text| self.pair.sign(text).as_ref().to_vec())
    }
}

/// Answers every request with the keys of the moment, and counts them.
#[derive(Clone)]
pub struct Provider {
    pub url: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    set: Mutex<String>,
    fetches: AtomicUsize,
    /// Fetches since the newest set was published.
    of_newest: AtomicUsize,
}

impl Provider {
    pub async fn start(keys: &[&Key]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/jwks.json", listener.local_addr().expect("an address"));
        let provider = Self { url, shared: Arc::default() };
        provider.publish(keys);
        let shared = Arc::clone(&provider.shared);
        TaskTracker::new().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                answer(stream, &shared).await;
            }
        });
        provider
    }

    pub fn publish(&self, keys: &[&Key]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.public()).collect();
        let mut set = self.shared.set.lock().unwrap_or_else(PoisonError::into_inner);
        *set = json!({ "keys": keys }).to_string();
        self.shared.of_newest.store(0, Ordering::SeqCst);
    }

    pub fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    /// Whether the newest set has been asked for.
    pub fn newest_is_out(&self) -> bool {
        self.shared.of_newest.load(Ordering::SeqCst) > 0
    }

    /// Trusts this provider's keys, and the secret of the tests.
    pub fn settings(&self) -> server::auth::Settings {
        server::auth::Settings {
            jwks_url: Some(self.url.parse().expect("a URL")),
            issuers: vec![ISSUER.to_owned()],
            audience: Some(AUDIENCE.to_owned()),
            ..crate::harness::auth_settings()
        }
    }
}

async fn answer(mut stream: TcpStream, shared: &Shared) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
            continue;
        }
        return;
    }
    let response = {
        let set = shared.set.lock().unwrap_or_else(PoisonError::into_inner);
        shared.fetches.fetch_add(1, Ordering::SeqCst);
        shared.of_newest.fetch_add(1, Ordering::SeqCst);
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{set}",
            set.len()
        )
    };
    // A verifier that went away does not need the keys.
    stream.write_all(response.as_bytes()).await.ok();
}
