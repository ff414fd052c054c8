//! Errors of providers, in answers and in streams. Both protocols have the same
//! envelope: `{"error": {…}}`.

use reqwest::StatusCode;
use serde::Deserialize;
use thiserror::Error;

use crate::{ModelError, retry::Advice};

/// How providers say that a prompt does not fit, in lower case: Anthropic's two
/// ways, then OpenAI's and vLLM's, llama.cpp's, and OpenAI's newer one.
const TOO_LONG: [&str; 5] = [
    "prompt is too long",
    "exceed context limit",
    "maximum context length",
    "available context size",
    "exceeds the context window",
];

/// How OpenAI says it, and who follows.
const TOO_LONG_CODE: &str = "context_length_exceeded";

/// An attempt that failed, with what the server says about another one.
#[derive(Debug, Error)]
#[error("{error}")]
pub(crate) struct Failure {
    pub error: ModelError,
    pub advice: Advice,
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self { error, advice: Advice::default() }
    }
}

/// `{"error": {"type", "message", "code"?}, "request_id"?}`, or the error as plain text.
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
        code: Option<Code>,
    },
    Plain(String),
}

/// OpenAI's codes are names; OpenRouter's and vLLM's are HTTP statuses, which some write as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Name(String),
    Status(u16),
}

impl Code {
    fn status(&self) -> Option<u16> {
        let status = match self {
            Self::Name(name) => name.parse().ok()?,
            Self::Status(status) => *status,
        };
        (400..600).contains(&status).then_some(status)
    }
}

/// What a provider says of an error.
struct Said {
    kind: String,
    message: String,
    too_long: bool,
}

impl Said {
    fn new(kind: String, message: String) -> Self {
        let lower = message.to_lowercase();
        let too_long = TOO_LONG.iter().any(|words| lower.contains(words));
        Self { kind, message, too_long }
    }
}

impl From<Fault> for Said {
    fn from(fault: Fault) -> Self {
        let (kind, message, code) = match fault {
            Fault::Typed { kind, message, code } => (kind, message, code),
            Fault::Plain(message) => (None, Some(message), None),
        };
        let too_long = matches!(&code, Some(Code::Name(name)) if name == TOO_LONG_CODE);
        let kind = kind.filter(|kind| !kind.is_empty());
        // A status says more than a type, which each server names as it likes. But from 500 on it only says that the
        // server failed.
        let status = code.as_ref().and_then(Code::status).filter(|status| *status < 500 || kind.is_none());
        let of_status = status.map(|status| kind_of(status).to_owned());
        let name = code.and_then(|code| if let Code::Name(name) = code { Some(name) } else { None });
        let kind = of_status.or(kind).or(name);
        let said = Self::new(kind.unwrap_or_default(), message.unwrap_or_default());
        Self { too_long: said.too_long || too_long, ..said }
    }
}

/// The kind of error that the Messages API has for this status.
fn kind_of(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        504 => "timeout_error",
        529 => "overloaded_error",
        408 | 409 | 500.. => "api_error",
        429 => "rate_limit_error",
        _ => "invalid_request_error",
    }
}

/// The error of an answer whose status is not a success.
pub(crate) fn of_response(
    status: StatusCode,
    request_id: Option<String>,
    advice: Advice,
    body: &[u8],
) -> Failure {
    let (said, request_id) = match serde_json::from_slice::<Envelope>(body) {
        Ok(envelope) => (Said::from(envelope.error), request_id.or(envelope.request_id)),
        Err(_) => (Said::new(String::new(), String::from_utf8_lossy(body).into_owned()), request_id),
    };
    let Said { kind, message, too_long } = said;
    let (status, retry_after) = (status.as_u16(), advice.retry_after);
    let error = match status {
        413 => ModelError::PromptTooLong { message },
        400 if too_long => ModelError::PromptTooLong { message },
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
pub(crate) fn of_event(data: &[u8]) -> ModelError {
    let Said { kind, message, too_long } = match serde_json::from_slice::<Envelope>(data) {
        Ok(envelope) => envelope.error.into(),
        Err(_) => Said::new(String::new(), String::from_utf8_lossy(data).into_owned()),
    };
    if too_long || kind == "request_too_large" {
        return ModelError::PromptTooLong { message };
    }
    ModelError::ErrorEvent { kind, message }
}

/// The error of a success whose body is not what was asked for: an error that
/// a proxy dressed as a success, or something else altogether.
pub(crate) fn of_success(expected: &str, got: &str, body: &[u8]) -> ModelError {
    if serde_json::from_slice::<Envelope>(body).is_ok() {
        return of_event(body);
    }
    let start = excerpt(body);
    ModelError::bad_answer(format!("expected {expected}, got {got} that begins with {start:?}"))
}

/// The first characters of something unreadable.
pub(crate) fn excerpt(data: &[u8]) -> String {
    String::from_utf8_lossy(&data[..data.len().min(400)]).trim().chars().take(100).collect()
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
            "Your input exceeds the context window of this model.",
        ] {
            let error = refused(400, "invalid_request_error", message);
            assert_eq!(error, ModelError::PromptTooLong { message: message.into() });
        }
    }

    #[test]
    fn a_code_says_what_the_words_and_the_type_do_not() {
        let event = |fault: &str| of_event(format!(r#"{{"error":{fault}}}"#).as_bytes());
        let coded =
            r#"{"message":"Too much.","type":"invalid_request_error","code":"context_length_exceeded"}"#;
        assert!(matches!(event(coded), ModelError::PromptTooLong { .. }));
        for (code, kind, retryable) in [
            ("502", "api_error", true),
            ("429", "rate_limit_error", true),
            ("402", "billing_error", false),
            ("504", "timeout_error", true),
            ("529", "overloaded_error", true),
            (r#""server_error""#, "server_error", true),
            (r#""401""#, "authentication_error", false),
            ("null", "", true),
        ] {
            let error = event(&format!(r#"{{"message":"no","code":{code}}}"#));
            assert_eq!(error, ModelError::ErrorEvent { kind: kind.into(), message: "no".into() });
            assert_eq!(error.is_retryable(), retryable, "{code}");
        }
        // So vLLM says it.
        for (code, retryable) in [("400", false), (r#""400""#, false), ("500", true)] {
            let error = event(&format!(r#"{{"message":"no","type":"BadRequestError","code":{code}}}"#));
            assert_eq!(error.is_retryable(), retryable, "{code}");
        }
    }

    #[test]
    fn a_code_of_the_server_s_own_fault_says_less_than_a_type() {
        for (kind, code, told) in [
            ("overloaded_error", 503, "overloaded_error"),
            ("timeout_error", 500, "timeout_error"),
            ("overloaded_error", 429, "rate_limit_error"),
            ("", 503, "api_error"),
            ("", 529, "overloaded_error"),
        ] {
            let fault = format!(r#"{{"error":{{"type":"{kind}","message":"no","code":{code}}}}}"#);
            let expected = ModelError::ErrorEvent { kind: told.into(), message: "no".into() };
            assert_eq!(of_event(fault.as_bytes()), expected, "{kind} {code}");
        }
        let body = br#"{"error":{"type":"overloaded_error","message":"no","code":503}}"#;
        let error = of_response(StatusCode::SERVICE_UNAVAILABLE, None, Advice::default(), body).error;
        assert_eq!(error, ModelError::Overloaded { message: "no".into(), retry_after: None });
    }

    #[test]
    fn a_bill_that_is_not_paid_is_the_account_s_fault_however_it_is_said() {
        let coded = of_event(br#"{"error":{"message":"no","code":402}}"#);
        for error in [refused(402, "billing_error", "no"), refused(402, "", "no"), coded] {
            assert!(error.is_about_key() && !error.is_about_request(), "{error:?}");
            assert!(!error.is_retryable(), "{error:?}");
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
