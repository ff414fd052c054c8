//! Calls that leave the service: one exchange each, on a connection of its own.

use std::time::Duration;

use domain::{RunId, permission::Action};
use reqwest::{Client, Response, StatusCode, redirect};
use serde::Serialize;
use serde_json::value::RawValue;

/// Longest answer that is read, in bytes; the model gets less of it.
const LONGEST: usize = 1024 * 1024;
const CONNECT: Duration = Duration::from_secs(5);

/// A call whose effect is elsewhere.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub(crate) address: String,
    /// The arguments as they were checked, as JSON text.
    pub(crate) args: Box<RawValue>,
    /// What the matrix rules about it; none for a reading tool.
    pub(crate) action: Option<Action>,
}

/// What came of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Done(String),
    /// Nothing was done: it was not reached, or it refused.
    Refused(String),
    /// It may have been done; the text says what went wrong.
    Unclear(String),
}

/// Makes the calls.
#[derive(Clone, Debug)]
pub struct Outside(Client);

/// A call that has arrived, and whose answer has begun.
pub struct Sent(Response);

#[derive(Serialize)]
struct Body<'a> {
    run: RunId,
    call: &'a str,
    key: &'a str,
    args: &'a RawValue,
}

impl Default for Outside {
    fn default() -> Self {
        Self::new()
    }
}

impl Outside {
    pub fn new() -> Self {
        let client = Client::builder()
            .user_agent(concat!("sixty/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .no_proxy()
            .redirect(redirect::Policy::none())
            // Neither the client nor a kept connection may make a call twice.
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(0)
            .build();
        Self(client.expect("the options of the client do not depend on the machine"))
    }

    /// Sends the call with its key `run:call`, and waits for the answer to begin.
    pub async fn send(&self, outgoing: &Outgoing, run: RunId, call: &str) -> Result<Sent, Reply> {
        let key = format!("{run}:{call}");
        let body = Body { run, call, key: &key, args: &outgoing.args };
        let request = self.0.post(&outgoing.address).header("idempotency-key", &key).json(&body);
        match request.send().await {
            Ok(response) => Ok(Sent(response)),
            Err(error) if error.is_connect() || error.is_builder() => {
                Err(Reply::Refused(format!("The tool cannot be reached: {}.", cause(&error))))
            }
            Err(error) => Err(Reply::Unclear(format!("the connection broke off: {}", cause(&error)))),
        }
    }
}

impl Sent {
    /// Reads the answer to its end.
    pub async fn reply(mut self) -> Reply {
        let status = self.0.status();
        let mut body = Vec::new();
        loop {
            match self.0.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => {
                    return Reply::Unclear(format!("the answer broke off: {}", cause(&error)));
                }
            }
            if body.len() > LONGEST {
                body.truncate(LONGEST);
                break;
            }
        }
        judge(status, String::from_utf8_lossy(&body).into_owned())
    }
}

/// A server that fails may have failed after the effect; one that refuses says so.
fn judge(status: StatusCode, text: String) -> Reply {
    if status.is_success() {
        Reply::Done(text)
    } else if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT {
        Reply::Refused(format!("The tool refused the call ({status}): {text}"))
    } else {
        Reply::Unclear(format!("the tool answered {status}"))
    }
}

/// The innermost reason: the outer ones name the address, which may hold a password.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if std::ptr::addr_eq(cause, error) { "the request failed".into() } else { cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_of_the_receiver_says_that_nothing_was_done() {
        let judged = |status| judge(StatusCode::from_u16(status).expect("a status"), "x".into());
        assert_eq!(judged(201), Reply::Done("x".into()));
        for status in [400, 404, 409, 422, 429] {
            assert!(matches!(judged(status), Reply::Refused(_)), "{status}");
        }
        for status in [302, 408, 500, 502, 503, 504] {
            assert!(matches!(judged(status), Reply::Unclear(_)), "{status}");
        }
    }
}
