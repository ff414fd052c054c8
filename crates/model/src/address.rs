//! Addresses of providers, and what makes one useless.

use reqwest::{Url, header::HeaderValue};
use thiserror::Error;

/// The configuration of a provider cannot be used.
#[derive(Debug, Error)]
#[error("cannot use this model provider: {0}")]
pub struct BadEndpoint(pub(crate) String);

/// The base URL with a path appended to its own.
pub(crate) fn joined(base_url: &str, path: &[&str]) -> Result<Url, BadEndpoint> {
    let mut url =
        Url::parse(base_url).map_err(|error| BadEndpoint(format!("the base URL is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BadEndpoint("the base URL must begin with http:// or https://".into()));
    }
    append(&mut url, path);
    Ok(url)
}

/// Appends path segments, each one escaped.
pub(crate) fn append(url: &mut Url, path: &[&str]) {
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
}

/// A header that no log shows.
pub(crate) fn secret_header(value: String) -> Result<HeaderValue, BadEndpoint> {
    let mut value = HeaderValue::try_from(value)
        .map_err(|_| BadEndpoint("the key has characters that a header cannot carry".into()))?;
    value.set_sensitive(true);
    Ok(value)
}
