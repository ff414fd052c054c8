//! Slack: what administrators set, how people link themselves, and what Slack itself sends. The latter is not in the
//! document: its form is Slack's.

pub mod admin;
mod hooks;
pub mod links;
mod pages;

use std::sync::Arc;

use axum::routing::{get, post};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    problem::Result,
    slack::{Slack, not_configured},
};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(admin::install))
        .routes(routes!(admin::get, admin::update))
        .routes(routes!(links::list, links::link))
        .routes(routes!(links::unlink))
        .route("/slack/commands", post(hooks::command))
        .route("/slack/events", post(hooks::event))
        .route("/slack/interactions", post(hooks::interaction))
        .route("/slack/install", get(pages::install))
        .route("/slack/oauth", get(pages::oauth))
        .route("/slack/link", get(pages::link))
}

/// Slack, if it is configured.
fn slack(app: &App) -> Result<Arc<Slack>> {
    app.slack.clone().ok_or_else(|| not_configured().into())
}
