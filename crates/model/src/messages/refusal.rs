//! Errors of the Messages API, in answers and in streams.

use reqwest::StatusCode;
use serde::Deserialize;

use super::wire;
use crate::{Advice, ModelError};

/// How providers say that a prompt does not fit, in lower case: Anthropic's two
/// ways, then vLLM's and llama.cpp's.
const TOO_LONG: [&str; 4] =
    ["prompt is too long", "exceed context limit", "maximum context length", "available context size"];

/// An attempt that failed, with what the server says about another one.
#[derive(Debug)]
pub(super) struct Failure {
    pub error: ModelError,
    pub advice: Advice,
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self { error, advice: Advice::default() }
    }
}

/// `{"error": {"type", "message"}, "request_id"}`, or the error as plain text.
#[derive(Deserialize)]
struct Envelope {
    error: Fault,
    request_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Fault {
    Typed {
        #[serde(rename = "type")]
        kind: Option<String>,
        message: Option<String>,
    },
    Plain(String),
}

impl Fault {
    fn parts(self) -> (String, String) {
        match self {
            Self::Typed { kind, message } => (kind.unwrap_or_default(), message.unwrap_or_default()),
            Self::Plain(message) => (String::new(), message),
        }
    }
}

/// The error of an answer whose status is not a success.
pub(super) fn of_response(
    status: StatusCode,
    request_id: Option<String>,
    advice: Advice,
    body: &[u8],
) -> Failure {
    let (kind, message, request_id) = match serde_json::from_slice::<Envelope>(body) {
        Ok(envelope) => {
            let (kind, message) = envelope.error.parts();
            (kind, message, request_id.or(envelope.request_id))
        }
        Err(_) => (String::new(), String::from_utf8_lossy(body).into_owned(), request_id),
    };
    let (status, retry_after) = (status.as_u16(), advice.retry_after);
    let error = match status {
        413 => ModelError::PromptTooLong { message },
        400 if is_too_long(&message) => ModelError::PromptTooLong { message },
        401 | 403 => ModelError::Unauthorized { status, message, request_id },
        429 => ModelError::RateLimited { message, retry_after },
        529 => ModelError::Overloaded { message, retry_after },
        503 if kind == "overloaded_error" => ModelError::Overloaded { message, retry_after },
        408 | 409 | 500.. => ModelError::Server { status, message, retry_after, request_id },
        _ => ModelError::Refused { status, kind, message, request_id },
    };
    Failure { error, advice }
}

/// The error that came where an answer should have begun or gone on.
pub(super) fn of_event(data: &[u8]) -> ModelError {
    let (kind, message) = match serde_json::from_slice::<Envelope>(data) {
        Ok(envelope) => envelope.error.parts(),
        Err(_) => (String::new(), String::from_utf8_lossy(data).into_owned()),
    };
    if kind == "request_too_large" || is_too_long(&message) {
        return ModelError::PromptTooLong { message };
    }
    ModelError::ErrorEvent { kind, message }
}

/// The error of a success whose body is not what was asked for: an error that
/// a proxy dressed as a success, or something else altogether.
pub(super) fn of_success(expected: &str, got: &str, body: &[u8]) -> ModelError {
    if serde_json::from_slice::<Envelope>(body).is_ok() {
        return of_event(body);
    }
    let start = wire::excerpt(body);
    ModelError::bad_answer(format!("expected {expected}, got {got} that begins with {start:?}"))
}

fn is_too_long(message: &str) -> bool {
    let message = message.to_lowercase();
    TOO_LONG.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, kind: &str, message: &str) -> ModelError {
        let body = format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}}}}"#);
        let status = StatusCode::from_u16(status).expect("a status");
        of_response(status, None, Advice::default(), body.as_bytes()).error
    }

    #[test]
    fn a_status_becomes_what_the_caller_can_do_about_it() {
        for (status, kind, name, retryable) in [
            (400, "invalid_request_error", "Refused", false),
            (401, "authentication_error", "Unauthorized", false),
            (402, "billing_error", "Refused", false),
            (403, "permission_error", "Unauthorized", false),
            (404, "not_found_error", "Refused", false),
            (302, "", "Refused", false),
            (408, "timeout_error", "Server", true),
            (409, "conflict", "Server", true),
            (413, "request_too_large", "PromptTooLong", false),
            (429, "rate_limit_error", "RateLimited", true),
            (500, "api_error", "Server", true),
            (503, "overloaded_error", "Overloaded", true),
            (504, "timeout_error", "Server", true),
            (529, "overloaded_error", "Overloaded", true),
        ] {
            let error = refused(status, kind, "no");
            assert!(format!("{error:?}").starts_with(name), "{status}: {error:?}");
            assert_eq!(error.is_retryable(), retryable, "{status}");
        }
    }

    #[test]
    fn a_prompt_that_does_not_fit_is_recognised_in_every_provider_s_words() {
        for message in [
            "prompt is too long: 210000 tokens > 200000 maximum",
            "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000",
            "This model's maximum context length is 4096 tokens",
            "request (9412 tokens) exceeds the available context size (8192 tokens)",
        ] {
            let error = refused(400, "invalid_request_error", message);
            assert_eq!(error, ModelError::PromptTooLong { message: message.into() });
        }
    }

    #[test]
    fn an_error_of_another_shape_keeps_its_text() {
        for (body, text) in
            [(r#"{"error":"model not loaded"}"#, "model not loaded"), ("<b>no</b>", "<b>no</b>")]
        {
            let failure = of_response(StatusCode::BAD_REQUEST, None, Advice::default(), body.as_bytes());
            let ModelError::Refused { message, .. } = failure.error else { panic!("{:?}", failure.error) };
            assert_eq!(message, text);
        }
    }
}
