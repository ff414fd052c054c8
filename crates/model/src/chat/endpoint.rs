//! Where a provider is, which dialect it speaks, and how we identify ourselves.

use async_openai::config::Config;
use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderMap},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{BadEndpoint, address};

/// One OpenAI-compatible provider.
#[derive(Clone, Debug)]
pub struct ChatEndpoint {
    /// With its version, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// None: the server wants no key, as local ones do.
    pub key: Option<SecretString>,
    pub dialect: Dialect,
}

/// Where OpenAI itself and the servers that followed it have parted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The limit of an answer is `max_completion_tokens`: reasoning models refuse
    /// the older `max_tokens`. Reasoning is not given, and not taken back.
    OpenAi,
    /// The limit is `max_tokens`, which every such server knows. Reasoning is
    /// `reasoning_content`, and goes back with the results of the calls that it led to.
    Compatible,
}

impl Dialect {
    /// OpenAI's own hosts and Azure's speak the first, all others the second.
    fn of(base_url: &str) -> Self {
        let host = Url::parse(base_url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let host = host.unwrap_or_default();
        let is_openai = ["api.openai.com", "openai.azure.com"]
            .iter()
            .any(|own| host.strip_suffix(own).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
        if is_openai { Self::OpenAi } else { Self::Compatible }
    }
}

impl ChatEndpoint {
    /// The provider at this address; its dialect follows from the host.
    pub fn new(base_url: impl Into<String>, key: Option<SecretString>) -> Self {
        let base_url = base_url.into();
        Self { dialect: Dialect::of(&base_url), base_url, key }
    }

    /// What `async-openai` asks for. Its own configuration reads the environment.
    pub(super) fn place(&self) -> Result<Place, BadEndpoint> {
        let base = address::joined(&self.base_url, &[])?;
        let base = base.as_str().trim_end_matches('/').to_owned();
        let place = Place { base, key: SecretString::default(), headers: HeaderMap::new() };
        match &self.key {
            Some(key) => place.with_key(key.clone()),
            None => Ok(place),
        }
    }
}

#[derive(Debug)]
pub(super) struct Place {
    base: String,
    key: SecretString,
    headers: HeaderMap,
}

impl Place {
    /// The same place, with another key.
    pub(super) fn with_key(&self, key: SecretString) -> Result<Self, BadEndpoint> {
        let bearer = format!("Bearer {}", key.expose_secret());
        let headers = HeaderMap::from_iter([(AUTHORIZATION, address::secret_header(bearer)?)]);
        Ok(Self { base: self.base.clone(), key, headers })
    }
}

impl Config for Place {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_appended_to_whatever_the_base_has() {
        for (base, expected) in [
            ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
            ("http://localhost:11434/v1/", "http://localhost:11434/v1/chat/completions"),
            ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1/chat/completions"),
            ("http://localhost:8000", "http://localhost:8000/chat/completions"),
        ] {
            let place = ChatEndpoint::new(base, None).place().expect("a place");
            assert_eq!(place.url("/chat/completions"), expected);
        }
        for base in ["", "api.openai.com/v1", "file:///etc/passwd"] {
            assert!(ChatEndpoint::new(base, None).place().is_err(), "{base}");
        }
    }

    #[test]
    fn the_dialect_follows_from_the_host() {
        for (base, dialect) in [
            ("https://api.openai.com/v1", Dialect::OpenAi),
            ("https://eu.api.openai.com/v1", Dialect::OpenAi),
            ("https://acme.openai.azure.com/openai/v1", Dialect::OpenAi),
            ("https://openrouter.ai/api/v1", Dialect::Compatible),
            ("http://127.0.0.1:8000/v1", Dialect::Compatible),
            ("https://fakeapi.openai.com.example/v1", Dialect::Compatible),
            ("https://notapi.openai.com/v1", Dialect::Compatible),
        ] {
            assert_eq!(ChatEndpoint::new(base, None).dialect, dialect, "{base}");
        }
    }

    #[test]
    fn neither_headers_nor_debug_output_show_the_key() {
        let endpoint = ChatEndpoint::new("https://api.openai.com/v1", Some("sk-secret".into()));
        let shown = format!("{endpoint:?} {:?}", endpoint.place().expect("a place"));
        assert!(!shown.contains("sk-secret"), "{shown}");
        let bad = ChatEndpoint::new("https://api.openai.com/v1", Some("sk\nsecret".into()));
        assert!(!bad.place().expect_err("a bad key").to_string().contains("secret"));
    }
}
