//! Refusals, in the form that OpenAI gives them.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::{
    Reply,
    response::{answer, set_headers},
};

pub(super) type Result<T, E = ApiError> = std::result::Result<T, E>;

/// An error answer: `{"error": {"message", "type", "param", "code"}}`.
#[derive(Debug)]
pub(super) struct ApiError {
    status: u16,
    kind: String,
    message: String,
    param: Option<String>,
    code: Option<&'static str>,
    headers: BTreeMap<String, String>,
}

impl ApiError {
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        let (kind, code) = names(status);
        Self {
            status,
            kind: kind.to_owned(),
            message: message.into(),
            param: None,
            code,
            headers: BTreeMap::new(),
        }
    }

    /// 400: the request itself is wrong and will stay so.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// Which parameter is meant.
    pub fn about(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    pub fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// A 500 that tells a test's author which reply is missing.
    pub fn unscripted(last_user_text: &str) -> Self {
        let start: String = last_user_text.chars().take(80).collect();
        let message =
            format!("model-sim: no reply was scripted for this request (last user text: {start:?})");
        let no_retry = ("x-should-retry".to_owned(), "false".to_owned());
        Self { headers: [no_retry].into(), ..Self::new(500, message) }
    }

    /// An error of this type, which a script may also name as the Messages API does.
    pub fn of_kind(kind: &str, message: Option<&str>) -> Self {
        let status = status_of(kind);
        let message = message.filter(|message| !message.is_empty()).unwrap_or(usual_message(status));
        match status {
            0 => Self { kind: kind.to_owned(), ..Self::new(500, message) },
            status => Self::new(status, message),
        }
    }

    /// The error that a reply asks for, if it asks for one.
    pub fn of(reply: &Reply) -> Option<Self> {
        let asked = reply.status.filter(|status| *status >= 400);
        let error = match &reply.error {
            Some(error) => Self::of_kind(&error.kind, Some(&error.message)),
            None => Self::new(asked?, usual_message(asked?)),
        };
        Some(Self { status: asked.unwrap_or(error.status), headers: reply.headers.clone(), ..error })
    }

    /// The error inside a stream, after which nothing follows.
    pub fn event(&self) -> String {
        super::encode::frame(&self.json().to_string())
    }

    fn json(&self) -> Value {
        json!({"error": {
            "message": self.message, "type": self.kind, "param": self.param, "code": self.code,
        }})
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = answer(self.status, "application/json", self.json().to_string());
        set_headers(&mut response, &self.headers);
        response
    }
}

/// Type and code of a status.
fn names(status: u16) -> (&'static str, Option<&'static str>) {
    match status {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        429 => ("requests", Some("rate_limit_exceeded")),
        500.. => ("server_error", None),
        _ => ("invalid_request_error", None),
    }
}

fn usual_message(status: u16) -> &'static str {
    match status {
        400 => "Invalid request",
        401 => "Incorrect API key provided",
        403 => "You are not allowed to use this resource",
        404 => "Not found",
        429 => "Rate limit reached",
        529 => "The engine is currently overloaded, please try again later",
        _ => "The server had an error while processing your request",
    }
}

/// 0 for a type that is nobody's.
fn status_of(kind: &str) -> u16 {
    match kind {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "conflict_error" => 409,
        "request_too_large" => 413,
        "rate_limit_error" | "requests" => 429,
        "api_error" | "server_error" => 500,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => 0,
    }
}
