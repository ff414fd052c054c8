//! Who asks, and under which version: what is checked before the body.

use super::error::{ApiError, Result};
use crate::{Request, Sim};

/// What the headers say.
pub(super) struct Caller<'a> {
    pub api_key: &'a str,
    pub version: Version,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V2023,
    /// No sampling parameters, and stricter about blocks.
    V2026,
}

/// Accepts one key, as `x-api-key` or as bearer token, and a version that exists.
pub(super) fn admit<'a>(sim: &Sim, request: &'a Request) -> Result<Caller<'a>> {
    if request.too_large {
        return Err(ApiError::new(413, "Request exceeds the maximum size"));
    }
    if sim.hides(&request.path) {
        return Err(ApiError::new(404, "Not Found"));
    }
    let key = Some(request.header("x-api-key")).filter(|key| !key.is_empty());
    let bearer = request.header("authorization").strip_prefix("Bearer ").filter(|token| !token.is_empty());
    let api_key = match (key, bearer) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid("Only one of the headers x-api-key and authorization may be sent"));
        }
        (None, None) => return Err(ApiError::new(401, "x-api-key header is required")),
        (Some(key), None) | (None, Some(key)) => key,
    };
    let version = match request.header("anthropic-version") {
        "2023-06-01" => Version::V2023,
        "2026-10-21" => Version::V2026,
        "" => return Err(ApiError::invalid("anthropic-version: header is required")),
        other => {
            return Err(ApiError::invalid(format!("anthropic-version: \"{other}\" is not a valid version")));
        }
    };
    Ok(Caller { api_key, version })
}

/// 404 for a model that the stand-in was told not to know.
pub(super) fn known_model(sim: &Sim, model: &str) -> Result<()> {
    match sim.known_models() {
        Some(known) if !known.iter().any(|id| id == model) => {
            Err(ApiError::new(404, format!("model: {model}")))
        }
        _ => Ok(()),
    }
}
