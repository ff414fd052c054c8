//! Where a provider is and how we identify ourselves.

use reqwest::{
    Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// The credentials and the one header that carries them: the API refuses both.
#[derive(Clone, Debug)]
pub enum Auth {
    XApiKey(SecretString),
    Bearer(SecretString),
}

impl Auth {
    pub(super) fn secret(&self) -> &str {
        let (Self::XApiKey(secret) | Self::Bearer(secret)) = self;
        secret.expose_secret()
    }
}

/// One provider of the Messages API.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Without `/v1`, such as `https://api.anthropic.com`.
    pub base_url: String,
    pub auth: Auth,
    /// The `anthropic-version` header.
    pub version: String,
}

/// The configuration of a provider cannot be used.
#[derive(Debug, Error)]
#[error("cannot use this model provider: {0}")]
pub struct BadEndpoint(pub(super) String);

impl Endpoint {
    /// Anthropic's own service.
    pub fn anthropic(key: SecretString) -> Self {
        Self {
            base_url: "https://api.anthropic.com".into(),
            auth: Auth::XApiKey(key),
            version: "2023-06-01".into(),
        }
    }

    /// The headers of every request.
    pub(super) fn headers(&self) -> Result<HeaderMap, BadEndpoint> {
        let (name, value) = match &self.auth {
            Auth::XApiKey(_) => (HeaderName::from_static("x-api-key"), self.auth.secret().to_owned()),
            Auth::Bearer(_) => (AUTHORIZATION, format!("Bearer {}", self.auth.secret())),
        };
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| BadEndpoint("the key has characters that a header cannot carry".into()))?;
        value.set_sensitive(true);
        let version = HeaderValue::try_from(&self.version)
            .map_err(|_| BadEndpoint("the version is not a header value".into()))?;
        Ok(HeaderMap::from_iter([
            (name, value),
            (HeaderName::from_static("anthropic-version"), version),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ]))
    }

    /// The base URL with a path appended to its own.
    pub(super) fn url(&self, path: &[&str]) -> Result<Url, BadEndpoint> {
        let mut url = Url::parse(&self.base_url)
            .map_err(|error| BadEndpoint(format!("the base URL is not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadEndpoint("the base URL must begin with http:// or https://".into()));
        }
        append(&mut url, path);
        Ok(url)
    }
}

/// Appends path segments, each one escaped.
pub(super) fn append(url: &mut Url, path: &[&str]) {
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(base_url: &str, auth: Auth) -> Endpoint {
        Endpoint { base_url: base_url.into(), auth, version: "2023-06-01".into() }
    }

    #[test]
    fn a_path_is_appended_to_whatever_the_base_has() {
        let key = || Auth::Bearer("k".into());
        for (base, expected) in [
            ("https://api.example.com", "https://api.example.com/v1/messages"),
            ("http://localhost:8000/", "http://localhost:8000/v1/messages"),
            ("https://gw.example.com/anthropic/", "https://gw.example.com/anthropic/v1/messages"),
        ] {
            let url = endpoint(base, key()).url(&["v1", "messages"]).expect("a URL");
            assert_eq!(url.as_str(), expected);
        }
        for base in ["", "api.example.com", "file:///etc/passwd", "mailto:a@example.com"] {
            assert!(endpoint(base, key()).url(&["v1"]).is_err(), "{base}");
        }
    }

    #[test]
    fn neither_headers_nor_debug_output_show_the_key() {
        for auth in [Auth::XApiKey("sk-secret".into()), Auth::Bearer("sk-secret".into())] {
            let endpoint = endpoint("https://api.example.com", auth);
            let shown = format!("{endpoint:?} {:?}", endpoint.headers().expect("headers"));
            assert!(!shown.contains("sk-secret"), "{shown}");
        }
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused_without_showing_it() {
        let error = endpoint("https://api.example.com", Auth::XApiKey("sk\nsecret".into())).headers();
        assert!(!error.expect_err("a bad key").to_string().contains("secret"));
    }
}
