//! Failures of a model call, named by what the caller can do about them.

use std::time::Duration;

use thiserror::Error;

/// The longest text of a provider that an error carries, in characters.
const LONGEST_TEXT: usize = 300;

/// A model call failed, after the silent retries where there were any. No text
/// in here holds the credentials or more than 300 characters of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ModelError {
    /// The request is at fault, or the account is (402); sending it again changes nothing.
    #[error("the provider refused the request ({status} {kind}): {message}")]
    Refused { status: u16, kind: String, message: String, request_id: Option<String> },
    /// Compact the conversation, then ask once more.
    #[error("the prompt is too long for the model: {message}")]
    PromptTooLong { message: String },
    /// The credentials are at fault; an operator has to act.
    #[error("the provider refused the credentials ({status}): {message}")]
    Unauthorized { status: u16, message: String, request_id: Option<String> },
    /// The organization's own key cannot be used; its administrator has to act.
    #[error("{detail}")]
    OwnKey { detail: String },
    /// Our own quota is used up.
    #[error("the provider limits our rate: {message}")]
    RateLimited { message: String, retry_after: Option<Duration> },
    /// The provider is busy with others; another one may not be.
    #[error("the provider is overloaded: {message}")]
    Overloaded { message: String, retry_after: Option<Duration> },
    /// The provider failed (408, 409 or 5xx).
    #[error("the provider failed ({status}): {message}")]
    Server { status: u16, message: String, retry_after: Option<Duration>, request_id: Option<String> },
    /// The provider could not be reached.
    #[error("the provider cannot be reached: {detail}")]
    Connect { detail: String },
    /// The provider was silent for too long.
    #[error("the provider did not answer in time: {detail}")]
    Timeout { detail: String },
    /// The answer broke off before its end.
    #[error("the answer was cut off: {detail}")]
    Cut { detail: String },
    /// What came back is no answer of this protocol.
    #[error("the provider's answer cannot be read: {detail}")]
    BadAnswer { detail: String },
    /// The provider reported an error after it had begun to answer with 200.
    #[error("the provider reported an error while answering ({kind}): {message}")]
    ErrorEvent { kind: String, message: String },
}

impl ModelError {
    /// What kind of failure it is, in a word that comes from here and from nobody else.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::PromptTooLong { .. } => "prompt_too_long",
            Self::Unauthorized { .. } => "unauthorized",
            Self::OwnKey { .. } => "own_key",
            Self::RateLimited { .. } => "rate_limited",
            Self::Overloaded { .. } => "overloaded",
            Self::Server { .. } => "server_error",
            Self::Connect { .. } => "connect",
            Self::Timeout { .. } => "timeout",
            Self::Cut { .. } => "cut_off",
            Self::BadAnswer { .. } => "bad_answer",
            Self::ErrorEvent { .. } => "error_event",
        }
    }

    /// Whether the same request may succeed later, or now at another provider.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Overloaded { .. }
            | Self::Server { .. }
            | Self::Connect { .. }
            | Self::Timeout { .. }
            | Self::Cut { .. } => true,
            Self::Refused { .. }
            | Self::PromptTooLong { .. }
            | Self::Unauthorized { .. }
            | Self::OwnKey { .. }
            | Self::BadAnswer { .. } => false,
            Self::ErrorEvent { kind, .. } => !matches!(
                kind.as_str(),
                "invalid_request_error"
                    | "authentication_error"
                    | "permission_error"
                    | "not_found_error"
                    | "request_too_large"
                    | "billing_error"
            ),
        }
    }

    /// Whether what was asked is at fault: the provider is there, and answers.
    pub fn is_about_request(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::PromptTooLong { .. }) && !self.is_about_key()
    }

    /// Whether the credentials are at fault, or the account behind them, which may have to pay first.
    pub fn is_about_key(&self) -> bool {
        match self {
            Self::Unauthorized { .. } | Self::Refused { status: 402, .. } => true,
            Self::ErrorEvent { kind, .. } => {
                matches!(kind.as_str(), "authentication_error" | "permission_error" | "billing_error")
            }
            _ => false,
        }
    }

    /// How long the provider asked us to wait, where it did.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. }
            | Self::Overloaded { retry_after, .. }
            | Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The provider's name for the request, by which its support finds it.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused { request_id, .. }
            | Self::Unauthorized { request_id, .. }
            | Self::Server { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }

    pub(crate) fn bad_answer(detail: impl Into<String>) -> Self {
        Self::BadAnswer { detail: detail.into() }
    }

    /// Makes the error fit to be logged and shown. A provider may echo what it
    /// was sent, and a proxy may answer with a page: so the secret goes, and
    /// the rest is cut. Every error passes here on its way to the caller.
    pub(crate) fn presentable(mut self, secret: &str) -> Self {
        if let Self::Refused { kind, .. } | Self::ErrorEvent { kind, .. } = &mut self {
            clean(kind, secret);
        }
        if let Self::Refused { request_id: Some(id), .. }
        | Self::Unauthorized { request_id: Some(id), .. }
        | Self::Server { request_id: Some(id), .. } = &mut self
        {
            clean(id, secret);
        }
        clean(self.text_mut(), secret);
        self
    }

    fn text_mut(&mut self) -> &mut String {
        match self {
            Self::Refused { message, .. }
            | Self::PromptTooLong { message }
            | Self::Unauthorized { message, .. }
            | Self::RateLimited { message, .. }
            | Self::Overloaded { message, .. }
            | Self::Server { message, .. }
            | Self::ErrorEvent { message, .. } => message,
            Self::Connect { detail }
            | Self::OwnKey { detail }
            | Self::Timeout { detail }
            | Self::Cut { detail }
            | Self::BadAnswer { detail } => detail,
        }
    }
}

/// A key of fewer characters (local servers take any) would hit innocent words.
const SHORTEST_KEY: usize = 8;

fn clean(text: &mut String, secret: &str) {
    let secret = secret.trim();
    // Its beginning is enough: an excerpt may end within it.
    if let Some(head) = secret.get(..SHORTEST_KEY) {
        let mut from = 0;
        while let Some(at) = text[from..].find(head).map(|found| from + found) {
            let alike = text[at..].chars().zip(secret.chars()).take_while(|(a, b)| a == b);
            let length: usize = alike.map(|(c, _)| c.len_utf8()).sum();
            text.replace_range(at..at + length, "[key]");
            from = at + "[key]".len();
        }
    }
    if let Some((end, _)) = text.char_indices().nth(LONGEST_TEXT) {
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_removed_that_is_cut_or_told_without_its_white_space() {
        for secret in ["sk-secret-1234-5678", " sk-secret-1234-5678\n"] {
            for (told, shown) in [
                ("key sk-secret-1234-5678!", "key [key]!"),
                ("begins with \"sk-secret-12", "begins with \"[key]"),
                ("sk-secret-1234-5678sk-secret-99 sk-secre", "[key][key]99 [key]"),
                ("sk-secr", "sk-secr"),
            ] {
                let error = ModelError::bad_answer(told).presentable(secret);
                assert_eq!(error, ModelError::bad_answer(shown), "{told}");
            }
        }
    }

    #[test]
    fn a_presentable_error_is_short_and_without_the_secret() {
        let message = format!("bad key sk-secret-1234: {}", "ü".repeat(1000));
        let error = ModelError::PromptTooLong { message }.presentable("sk-secret-1234");
        let ModelError::PromptTooLong { message } = error else { panic!("another error") };
        assert!(message.starts_with("bad key [key]: üüü"));
        assert_eq!(message.chars().count(), 300);
    }

    #[test]
    fn a_secret_is_removed_even_where_the_cut_would_split_it() {
        let message = format!("{}sk-secret-1234", "x".repeat(295));
        let error = ModelError::Connect { detail: message }.presentable("sk-secret-1234");
        assert!(!error.to_string().contains("sk-"));
    }

    #[test]
    fn a_refusal_is_about_the_request_or_about_the_account() {
        let refused = |status| ModelError::Refused {
            status,
            kind: String::new(),
            message: String::new(),
            request_id: None,
        };
        let event = |kind: &str| ModelError::ErrorEvent { kind: kind.into(), message: String::new() };
        for (error, about_request, about_key) in [
            (refused(400), true, false),
            (refused(404), true, false),
            (refused(402), false, true),
            (event("billing_error"), false, true),
            (event("permission_error"), false, true),
            (event("api_error"), false, false),
        ] {
            assert_eq!(
                (error.is_about_request(), error.is_about_key()),
                (about_request, about_key),
                "{error:?}"
            );
        }
    }

    #[test]
    fn an_error_event_is_retryable_unless_the_request_is_at_fault() {
        let event = |kind: &str| ModelError::ErrorEvent { kind: kind.into(), message: String::new() };
        for kind in ["overloaded_error", "api_error", "rate_limit_error", "timeout_error", "new_error"] {
            assert!(event(kind).is_retryable(), "{kind}");
        }
        for kind in ["invalid_request_error", "authentication_error", "billing_error"] {
            assert!(!event(kind).is_retryable(), "{kind}");
        }
    }
}
