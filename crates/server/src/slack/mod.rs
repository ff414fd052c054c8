//! Slack: requests of workspaces come in, are stored, and are answered there by whichever replica is free.
//!
//! A request passes `signature`, then `intake` stores what it asks for, and only then it is acknowledged. `work` claims
//! what is stored: `begin` makes a run of it, `deliver` posts what comes of the run. See docs/slack.md.

mod api;
mod approvals;
mod begin;
mod closing;
pub mod command;
mod deliver;
mod desk;
mod events;
mod follow;
mod homes;
mod intake;
mod keys;
mod leaving;
mod linking;
mod live;
mod lookup;
mod outbox;
mod person;
mod record;
pub mod render;
pub mod signature;
mod slash;
mod waits;
mod work;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{Error, Result};
use engine::Engine;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use secrecy::{ExposeSecret as _, SecretString};
use store::{
    TenantTx,
    slack::{self as rows, Team},
};
use tokio::sync::{Notify, Semaphore};
use url::Url;

use crate::{App, problem::Problem};

pub use approvals::interaction;
pub use desk::{NotInstalled, authorize_url, install_url, installed};
pub use events::event;
pub use keys::{Keys, Purpose, Ticket};
pub use leaving::{erased, removed};
pub use linking::{linked, look_up_timezone, unlinked};
pub use signature::SIGNATURE;
pub use slash::slash_command;
pub use work::start;

/// What the operator configured.
#[derive(Clone, Debug)]
pub struct Settings {
    pub signing_secret: SecretString,
    pub client_id: String,
    pub client_secret: SecretString,
    pub api_url: Url,
    /// Hosts that answers to slash commands are posted to.
    pub response_hosts: Vec<String>,
    pub public_url: Url,
    /// The page on which people link themselves; none: our own, which says how.
    pub link_url: Option<Url>,
    /// How long an acknowledgement takes at most.
    pub answer_within: Duration,
}

/// People feel a second; Slack waits for three.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(950);

/// Requests that are taken in at the same time: few connections, so that a burst leaves some to others.
const AT_ONCE: usize = 8;
/// The same of one workspace.
const OF_ONE: usize = 3;
/// How long a request waits for its turn before Slack is told to come again.
const PATIENCE: Duration = Duration::from_millis(900);

/// Slack as this process knows it.
pub struct Slack {
    pub settings: Settings,
    api: api::Api,
    keys: Keys,
    verifier: signature::Verifier,
    /// Messages to one channel: about one a second.
    pace: DefaultKeyedRateLimiter<(String, String)>,
    waits: waits::Waits,
    door: Semaphore,
    doors: Mutex<HashMap<Team, Arc<Semaphore>>>,
    /// There may be something to answer.
    wake: Notify,
    busy: work::Busy,
    homes: homes::Homes,
}

impl Slack {
    pub fn new(settings: Settings, engine: &Engine) -> Result<Self> {
        let second = Quota::per_second(std::num::NonZeroU32::MIN).allow_burst(PACE_BURST);
        Ok(Self {
            api: api::Api::new(settings.api_url.clone(), settings.response_hosts.clone())?,
            keys: Keys::new(&engine.settings().keys),
            verifier: signature::Verifier::new([settings.signing_secret.expose_secret()]),
            pace: RateLimiter::keyed(second),
            waits: waits::Waits::default(),
            door: Semaphore::new(AT_ONCE),
            doors: Mutex::default(),
            wake: Notify::new(),
            busy: work::Busy::default(),
            homes: homes::Homes::default(),
            settings,
        })
    }

    /// Whether Slack has sent this body, just now.
    pub fn verify(
        &self,
        headers: &axum::http::HeaderMap,
        body: &[u8],
        now: chrono::DateTime<chrono::Utc>,
    ) -> std::result::Result<(), signature::Rejected> {
        self.verifier.verify(headers, body, now)
    }

    /// An address of ours.
    fn own_url(&self, path: &str) -> Url {
        let mut url = self.settings.public_url.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        url
    }

    /// The workspace's token, if it is still installed.
    async fn token(&self, tx: &mut TenantTx, team: &Team) -> Result<Option<Connected>> {
        let Some(workspace) = rows::find(tx, team).await? else { return Ok(None) };
        let token = self.keys.open(tx.org(), &name(team), &workspace.bot_token)?;
        Ok(Some(Connected { token, bot_user: workspace.bot_user }))
    }
}

/// Short bursts to one channel are let through.
const PACE_BURST: std::num::NonZeroU32 = std::num::NonZeroU32::MIN.saturating_add(2);

/// A workspace that can be spoken to.
struct Connected {
    token: SecretString,
    /// As whom the copilot speaks there.
    bot_user: String,
}

/// A workspace's name in what is sealed.
fn name(team: &Team) -> String {
    format!("{}/{}", team.enterprise, team.team)
}

/// Does something beside the request, which does not wait for it. What it fails with is logged so.
fn beside<F: Future<Output = Result<()>> + Send + 'static>(
    app: &App,
    failed: &'static str,
    work: impl FnOnce(App, Arc<Slack>) -> F,
) {
    let Some(slack) = app.slack.clone() else { return };
    let work = work(app.clone(), slack);
    app.engine.detach(async move {
        if let Err(error) = work.await {
            tracing::warn!(%error, "{failed}");
        }
    });
}

/// What requests are told while Slack is not configured.
pub fn not_configured() -> Problem {
    let detail = "Slack is not configured: set SLACK_SIGNING_SECRET, SLACK_CLIENT_ID, SLACK_CLIENT_SECRET and \
                  SIXTY_PUBLIC_URL; docs/slack.md says how";
    Problem::new(axum::http::StatusCode::NOT_FOUND, "slack_not_configured", detail)
}

/// A text that Slack's objects must have.
fn text_of<'a>(value: &'a serde_json::Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn lost() -> Error {
    Error::internal("another replica looks after this turn")
}
