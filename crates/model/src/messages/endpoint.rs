//! Where a provider is and how we identify ourselves.

use reqwest::{
    Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{BadEndpoint, address};

/// The credentials and the one header that carries them: the API refuses both.
#[derive(Clone, Debug)]
pub enum Auth {
    XApiKey(SecretString),
    Bearer(SecretString),
}

impl Auth {
    /// The header that carries the credentials.
    pub(super) fn header(&self) -> Result<(HeaderName, HeaderValue), BadEndpoint> {
        let (name, value) = match self {
            Self::XApiKey(key) => (HeaderName::from_static("x-api-key"), key.expose_secret().to_owned()),
            Self::Bearer(key) => (AUTHORIZATION, format!("Bearer {}", key.expose_secret())),
        };
        Ok((name, address::secret_header(value)?))
    }

    /// Another key, sent in the same way.
    pub(super) fn with(&self, key: SecretString) -> Self {
        match self {
            Self::XApiKey(_) => Self::XApiKey(key),
            Self::Bearer(_) => Self::Bearer(key),
        }
    }

    pub(super) fn secret(&self) -> &SecretString {
        let (Self::XApiKey(secret) | Self::Bearer(secret)) = self;
        secret
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

impl Endpoint {
    /// The headers of every request.
    pub(super) fn headers(&self) -> Result<HeaderMap, BadEndpoint> {
        let version = HeaderValue::try_from(&self.version)
            .map_err(|_| BadEndpoint("the version is not a header value".into()))?;
        Ok(HeaderMap::from_iter([
            self.auth.header()?,
            (HeaderName::from_static("anthropic-version"), version),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ]))
    }

    /// The base URL with a path appended to its own.
    pub(super) fn url(&self, path: &[&str]) -> Result<Url, BadEndpoint> {
        address::joined(&self.base_url, path)
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
