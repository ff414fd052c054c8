//! What Slack sends. Each request is verified on its raw body, stored, and acknowledged.

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use chrono::Utc;
use domain::Error;
use serde_json::{Value, json};
use tokio::time::timeout;
use url::form_urlencoded;

use super::slack;
use crate::{
    App,
    extract::raw,
    problem::{Failure, Problem, Result},
    slack::{self as intake, Slack},
};

/// Longest body; Slack's own are far shorter.
const MAX_BODY: usize = 1 << 20;
/// Told to the sender of a command that could not be stored: nothing of it is kept.
const BUSY: &str = "I could not take this in: too much is going on. Please send it again in a moment.";

/// What the work brings, if it brings it in time. What breaks off is not done: an event comes again.
async fn in_time<T>(slack: &Slack, work: impl Future<Output = domain::Result<T>>) -> domain::Result<T> {
    let late = || Error::Unavailable {
        detail: "it could not be taken in in time; it comes again".into(),
        retry_after: Duration::from_secs(1),
    };
    timeout(slack.settings.answer_within, work).await.map_err(|_| late())?
}

/// The body of a request that Slack has signed.
fn signed(slack: &Slack, headers: &HeaderMap, body: &Bytes) -> Result<()> {
    match slack.verify(headers, body, Utc::now()) {
        Ok(()) => Ok(()),
        Err(reason) => {
            tracing::debug!(%reason, "a request is not Slack's");
            let detail = "the request is not signed by Slack, or not just now";
            Err(Problem::new(StatusCode::UNAUTHORIZED, "slack_signature", detail).into())
        }
    }
}

/// The form that Slack has signed. None: it asks whether the certificate is good, which it does without a signature.
async fn signed_form(
    slack: &Slack,
    headers: &HeaderMap,
    request: Request,
) -> Result<Option<Vec<(String, String)>>> {
    let body = raw(request, MAX_BODY).await?;
    let form: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    if field(&form, "ssl_check") == "1" {
        return Ok(None);
    }
    signed(slack, headers, &body)?;
    Ok(Some(form))
}

fn field<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    form.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// An answer to Slack: nothing, or what it is told.
fn told(answer: Option<Value>) -> Response {
    answer.map_or_else(|| StatusCode::OK.into_response(), |answer| Json(answer).into_response())
}

/// A slash command. One that could not be stored is answered so, since Slack does not repeat it.
pub async fn command(State(app): State<App>, headers: HeaderMap, request: Request) -> Result<Response> {
    let slack = slack(&app)?;
    let Some(form) = signed_form(&slack, &headers, request).await? else {
        return Ok(StatusCode::OK.into_response());
    };
    let known_by = headers.get(intake::SIGNATURE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match in_time(&slack, Box::pin(intake::slash_command(&app, &slack, &form, known_by))).await {
        Ok(answer) => Ok(told(answer)),
        Err(error @ (Error::Unavailable { .. } | Error::Internal(_))) => {
            tracing::warn!(%error, "a command of Slack was not taken in");
            Ok(told(Some(json!({ "response_type": "ephemeral", "text": BUSY }))))
        }
        Err(error) => Err(error.into()),
    }
}

/// An event. One that is not acknowledged comes again.
pub async fn event(State(app): State<App>, headers: HeaderMap, request: Request) -> Result<Response> {
    let slack = slack(&app)?;
    let body = raw(request, MAX_BODY).await?;
    signed(&slack, &headers, &body)?;
    let event = parsed(&body)?;
    if event["type"] == "url_verification" {
        return Ok(Json(json!({ "challenge": event["challenge"] })).into_response());
    }
    if event["type"] == "event_callback" {
        in_time(&slack, Box::pin(intake::event(&app, &slack, &event))).await?;
    }
    Ok(StatusCode::OK.into_response())
}

/// A click, or a form that was filled in.
pub async fn interaction(State(app): State<App>, headers: HeaderMap, request: Request) -> Result<Response> {
    let slack = slack(&app)?;
    let Some(form) = signed_form(&slack, &headers, request).await? else {
        return Ok(StatusCode::OK.into_response());
    };
    let payload = parsed(field(&form, "payload").as_bytes())?;
    Ok(told(in_time(&slack, Box::pin(intake::interaction(&app, &slack, &payload))).await?))
}

fn parsed(body: &[u8]) -> Result<Value> {
    serde_json::from_slice(body).map_err(|error| {
        let detail = format!("the body is not JSON: {error}");
        Failure::from(Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail))
    })
}
