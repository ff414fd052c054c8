//! Refusals, in the form that the Messages API gives them.

use std::collections::BTreeMap;

use axum::response::Response;
use serde_json::json;

use crate::{
    Reply,
    response::{answer, set_headers},
};

pub(crate) type Result<T, E = ApiError> = std::result::Result<T, E>;

/// An error answer: `{"type":"error","error":{"type","message"},"request_id"}`.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub status: u16,
    pub kind: String,
    pub message: String,
    pub headers: BTreeMap<String, String>,
}

impl ApiError {
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, kind: kind_of(status).to_owned(), message: message.into(), headers: BTreeMap::new() }
    }

    /// 400: the request itself is wrong and will stay so.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// A 500 that tells a test's author which reply is missing.
    pub fn unscripted(last_user_text: &str) -> Self {
        let start: String = last_user_text.chars().take(80).collect();
        let message =
            format!("model-sim: no reply was scripted for this request (last user text: {start:?})");
        let no_retry = ("x-should-retry".to_owned(), "false".to_owned());
        Self { headers: [no_retry].into(), ..Self::new(500, message) }
    }

    /// An error of this type; its status follows from the type.
    pub fn of_kind(kind: &str, message: Option<&str>) -> Self {
        let error = Self { kind: kind.to_owned(), ..Self::new(status_of(kind), "") };
        let message = message.filter(|message| !message.is_empty());
        Self { message: message.unwrap_or_else(|| usual_message(error.status)).to_owned(), ..error }
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

    pub fn response(self, request_id: &str) -> Response {
        let body = json!({
            "type": "error",
            "error": {"type": self.kind, "message": self.message},
            "request_id": request_id,
        });
        let mut response = answer(self.status, "application/json", body.to_string());
        set_headers(&mut response, &self.headers);
        response
    }
}

/// The data of an `error` event inside a stream.
pub(super) fn event(kind: &str, message: Option<&str>) -> String {
    let error = ApiError::of_kind(kind, message);
    let data = json!({"type": "error", "error": {"type": error.kind, "message": error.message}});
    super::encode::frame("error", &data.to_string())
}

const KINDS: [(u16, &str, &str); 12] = [
    (400, "invalid_request_error", "Invalid request"),
    (401, "authentication_error", "invalid x-api-key"),
    (402, "billing_error", "Your credit balance is too low"),
    (403, "permission_error", "Your API key may not use this resource"),
    (404, "not_found_error", "Not found"),
    (405, "invalid_request_error", "Method Not Allowed"),
    (409, "conflict_error", "Conflict"),
    (413, "request_too_large", "Request exceeds the maximum size"),
    (429, "rate_limit_error", "This request would exceed your rate limit"),
    (500, "api_error", "Internal server error"),
    (504, "timeout_error", "Request timed out"),
    (529, "overloaded_error", "Overloaded"),
];

fn kind_of(status: u16) -> &'static str {
    let fallback = if status < 500 { "invalid_request_error" } else { "api_error" };
    KINDS.iter().find(|(code, ..)| *code == status).map_or(fallback, |(_, kind, _)| kind)
}

fn usual_message(status: u16) -> &'static str {
    KINDS.iter().find(|(code, ..)| *code == status).map_or("Error", |(.., message)| message)
}

fn status_of(kind: &str) -> u16 {
    KINDS.iter().find(|(_, known, _)| *known == kind).map_or(500, |(code, ..)| *code)
}
