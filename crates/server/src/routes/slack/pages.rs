//! Pages that people open in a browser.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{Html, IntoResponse as _, Redirect, Response},
};
use domain::Error;
use serde::Deserialize;

use super::slack;
use crate::{
    App,
    extract::Query,
    problem::{Problem, Result},
    slack::{NotInstalled, authorize_url, installed},
};

#[derive(Deserialize)]
pub struct Token {
    #[serde(default)]
    token: String,
}

/// What Slack sends an administrator back with.
#[derive(Deserialize)]
pub struct Granted {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    /// Why Slack did not let the app in, such as `access_denied`.
    #[serde(default)]
    error: String,
}

fn stale() -> Problem {
    let detail = "this link is not good any more: it was used, or its time is over; an administrator can make another one";
    Problem::new(StatusCode::GONE, "slack_link_expired", detail)
}

/// Leads from a link that an administrator was given to Slack.
pub async fn install(State(app): State<App>, Query(query): Query<Token>) -> Result<Response> {
    let slack = slack(&app)?;
    let url = authorize_url(&app, &slack, &query.token).await?.ok_or_else(stale)?;
    Ok(private(Redirect::to(url.as_str()).into_response()))
}

/// Slack has let the app in, or has not.
pub async fn oauth(State(app): State<App>, Query(query): Query<Granted>) -> Result<Response> {
    let slack = slack(&app)?;
    if !query.error.is_empty() || query.code.is_empty() {
        let detail = "Slack did not let the app into a workspace; open the link again, or make another one";
        return Err(Problem::new(StatusCode::FORBIDDEN, "slack_not_authorized", detail).into());
    }
    match installed(&app, &slack, &query.state, &query.code).await {
        Ok(name) => Ok(page(
            "The copilot is installed",
            &format!(
                "It is at home in {} now. Say /sixty help there. In channels it answers once an administrator has \
                 listed them.",
                escaped(&name)
            ),
        )),
        Err(NotInstalled::Stale) => Err(stale().into()),
        Err(NotInstalled::Refused) => {
            let detail = "Slack did not accept the installation; make another link and try again";
            Err(Problem::new(StatusCode::BAD_GATEWAY, "slack_refused", detail).into())
        }
        Err(NotInstalled::Taken) => {
            let detail = "this workspace, or one that it shares an enterprise's installation with, belongs to another \
                 organization, which has to disconnect it first";
            Err(Error::conflict("slack_workspace_taken", detail).into())
        }
        Err(NotInstalled::Failed(error)) => Err(error.into()),
    }
}

/// Where a link leads that was sent in Slack, unless the product has a page of its own for it.
pub async fn link(State(app): State<App>) -> Result<Response> {
    slack(&app)?;
    Ok(page(
        "Link your Slack account",
        "Your product links you: signed in, it sends the token of this address to POST /v1/slack/links. Whoever runs this \
         service can name the product's own page in SIXTY_SLACK_LINK_URL.",
    ))
}

fn page(title: &str, text: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><h1>{title}</h1><p>{text}</p></html>"
    );
    private(Html(html).into_response())
}

/// The address holds what is used once: nobody keeps it or passes it on.
fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, header::HeaderValue::from_static("no-referrer"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        header::HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    response
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
