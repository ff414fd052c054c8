//! Versions of resources, as clients see them (RFC 9110, 8.8.3 and 13.1.1).

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, header, request::Parts},
    response::{IntoResponseParts, ResponseParts},
};
use domain::Error;

use crate::{
    App,
    problem::{Failure, Result},
};

/// The header of a resource at this version.
pub struct ETag(pub i64);

impl IntoResponseParts for ETag {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        let tag =
            HeaderValue::try_from(format!("\"{}\"", self.0)).expect("digits in quotes are a header's value");
        parts.headers_mut().insert(header::ETAG, tag);
        Ok(parts)
    }
}

/// The version in `If-Match`, if one is given. `*` is any version.
pub struct IfMatch(pub Option<i64>);

impl FromRequestParts<App> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        let mut values = parts.headers.get_all(header::IF_MATCH).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let tag = value.to_str().unwrap_or_default().trim();
        let several = values.next().is_some();
        if tag == "*" && !several {
            return Ok(Self(None));
        }
        tag.strip_prefix('"')
            .and_then(|tag| tag.strip_suffix('"'))
            // No tag of ours begins with a sign or with zeros.
            .and_then(|text| text.parse::<i64>().ok().filter(|version| version.to_string() == text))
            .filter(|version| *version >= 0 && !several)
            .map(|version| Self(Some(version)))
            .ok_or_else(|| Error::field("If-Match", "must be one ETag of the resource, such as \"3\"").into())
    }
}
