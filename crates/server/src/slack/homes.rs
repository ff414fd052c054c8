//! To which organization a workspace belongs, and as whom the copilot speaks there: asked with each request, before there
//! is a place for it, and so remembered for a moment.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use domain::{OrgId, Result};
use store::slack::{self as rows, Team};

use super::{Slack, person::nobody};
use crate::App;

/// How long it is believed. Where another replica has disconnected the workspace meanwhile, nothing is found there, and
/// it is asked anew.
const BELIEVED: Duration = Duration::from_secs(30);
/// Workspaces that are remembered.
const MAX: usize = 10_000;

/// Where a workspace is at home.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub org: OrgId,
    /// As it is installed: alone, or with its enterprise.
    pub team: Team,
    pub bot_user: String,
}

/// What is remembered, by the names that requests use.
#[derive(Default)]
pub(super) struct Homes(Mutex<HashMap<Team, (Instant, Home)>>);

impl Homes {
    fn known(&self) -> MutexGuard<'_, HashMap<Team, (Instant, Home)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, named: &Team) -> Option<Home> {
        self.known().get(named).filter(|(since, _)| since.elapsed() < BELIEVED).map(|(_, home)| home.clone())
    }

    fn keep(&self, named: Team, home: Home) {
        let mut known = self.known();
        if known.len() >= MAX {
            known.retain(|_, (since, _)| since.elapsed() < BELIEVED);
        }
        if known.len() < MAX {
            known.insert(named, (Instant::now(), home));
        }
    }

    /// A workspace was connected or disconnected, here or elsewhere.
    pub fn forget(&self) {
        self.known().clear();
    }
}

impl Slack {
    /// Where the workspace is at home; that nobody has installed it is not remembered.
    pub(super) async fn home(&self, app: &App, named: &Team) -> Result<Option<Home>> {
        if let Some(home) = self.homes.get(named) {
            return Ok(Some(home));
        }
        let Some((org, team)) = owner(app, named).await? else { return Ok(None) };
        let mut tx = app.store().at_door().tenant(nobody(org)).await?;
        let found = rows::find(&mut tx, &team).await;
        tx.rollback().await?;
        let Some(workspace) = found? else { return Ok(None) };
        let home = Home { org, team, bot_user: workspace.bot_user };
        self.homes.keep(named.clone(), home.clone());
        Ok(Some(home))
    }
}

/// The organization of a workspace; its own installation before that of its enterprise.
async fn owner(app: &App, team: &Team) -> Result<Option<(OrgId, Team)>> {
    let mut tx = app.store().at_door().system().await?;
    let whole = Team { enterprise: team.enterprise.clone(), team: String::new() };
    let alone = Team { enterprise: String::new(), team: team.team.clone() };
    for candidate in [team, &alone, &whole] {
        if candidate.team.is_empty() && candidate.enterprise.is_empty() {
            continue;
        }
        if let Some(org) = rows::owner(&mut tx, candidate).await? {
            tx.commit().await?;
            return Ok(Some((org, candidate.clone())));
        }
    }
    tx.commit().await?;
    Ok(None)
}
