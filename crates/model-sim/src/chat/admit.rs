//! Who asks: what is checked before the body.

use super::error::{ApiError, Result};
use crate::{Request, Sim};

/// Accepts any key, as bearer token.
pub(super) fn admit(sim: &Sim, request: &Request) -> Result<()> {
    if request.too_large {
        return Err(ApiError::new(413, "Request exceeds the maximum size"));
    }
    if sim.hides(&request.path) {
        return Err(ApiError::new(404, "Not Found"));
    }
    match request.header("authorization").strip_prefix("Bearer ") {
        Some(token) if !token.is_empty() => Ok(()),
        _ => Err(ApiError::new(
            401,
            "You didn't provide an API key. You need to provide your API key in an Authorization header \
             using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
        )),
    }
}

/// 404 for a model that the stand-in was told not to know.
pub(super) fn known_model(sim: &Sim, model: &str) -> Result<()> {
    match sim.known_models() {
        Some(known) if !known.iter().any(|id| id == model) => {
            let message = format!("The model `{model}` does not exist or you do not have access to it.");
            Err(ApiError::new(404, message).code("model_not_found"))
        }
        _ => Ok(()),
    }
}
