//! Whether a turn may begin: there is something left of the budgets. And who is told when most of one is used.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use domain::{
    Error, NotificationId, OrgId, Result, Tenant, UserId,
    budget::{self, Limits, Period, Scope, Spent, Standing, Unit},
    notification::{About, NotificationKind},
};
use store::{TenantTx, budgets, crowds, notifications, orgs, usage::NOBODY};
use uuid::Uuid;

use crate::Engine;

/// Owners and administrators who are told of the organization's budget.
const TOLD: i64 = 100;
/// Warnings that are remembered.
const REMEMBERED: usize = 10_000;

type Warning = (OrgId, UserId, Period, Unit, Option<DateTime<Utc>>);

/// Warnings that this replica has given; another one, or a later process, finds them given.
#[derive(Default)]
pub(crate) struct Warned(Mutex<HashSet<Warning>>);

impl Warned {
    fn first(&self, warning: Warning) -> bool {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if given.len() >= REMEMBERED {
            given.clear();
        }
        given.insert(warning)
    }
}

impl Engine {
    /// Where the person's limits stand, if a model call may begin.
    pub async fn afford(
        &self,
        tx: &mut TenantTx,
        user: UserId,
        limits: Option<Limits>,
    ) -> Result<Vec<Standing>> {
        let Some(limits) = limits else { return Ok(Vec::new()) };
        let standings = budgets::standings(tx, &limits, user, None).await?;
        let of_run = limits.of_run(Spent::default());
        match budget::exhausted(&standings).or(budget::exhausted(&of_run)) {
            Some(empty) => {
                self.telemetry().meters.over_budget(empty.scope);
                Err(Error::BudgetExhausted(Box::new(*empty)))
            }
            None => Ok(standings),
        }
    }

    /// The same of a run that is queued by itself: of the transaction's person, who must not have too much under way.
    pub async fn may_queue(&self, tx: &mut TenantTx) -> Result<()> {
        self.has_place(crowds::of_person(tx).await?)?;
        self.has_room(tx.org()).await?;
        let limits = budgets::find(tx).await?.limits;
        let user = tx.tenant().user;
        self.afford(tx, user, Some(limits)).await.map(drop)
    }

    /// Tells whom it concerns of each limit that is nearly used up, once until it begins anew.
    pub(crate) fn warn(&self, (org, user): (OrgId, UserId), standings: &[Standing]) {
        for standing in standings.iter().filter(|standing| standing.is_near()) {
            let subject = if standing.scope == Scope::User { user } else { NOBODY };
            let (period, unit, resets_at) = (standing.period, standing.unit, standing.resets_at);
            if !self.0.warned.first((org, subject, period, unit, resets_at)) {
                continue;
            }
            let (engine, standing) = (self.clone(), *standing);
            self.detach(async move {
                if let Err(error) = engine.tell(org, subject, &standing).await {
                    tracing::warn!(%org, %error, "nobody was told that a budget is nearly used up");
                }
            });
        }
    }

    async fn tell(&self, org: OrgId, subject: UserId, standing: &Standing) -> Result<()> {
        let people = if subject == NOBODY {
            let mut tx = self.store().tenant(Tenant::overseer(org)).await?;
            let people = orgs::administrators(&mut tx, TOLD).await?;
            tx.commit().await?;
            people
        } else {
            vec![subject]
        };
        for person in people {
            let mut tx = self.store().tenant(Tenant::own(org, person)).await?;
            if !tx.membership().is_some_and(|member| member.active) {
                tx.rollback().await?;
                continue;
            }
            let title = format!("80 % of {} are used", standing.name());
            let id = warning_id(person, standing);
            let kind = NotificationKind::BudgetWarning;
            notifications::add_once(&mut tx, id, kind, (&title, &standing.warning()), About::default())
                .await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

/// Derived, so that nobody is told twice, whoever tells them.
fn warning_id(person: UserId, standing: &Standing) -> NotificationId {
    let Standing { scope, period, unit, resets_at, .. } = standing;
    let name = format!("budget:{scope}:{period}:{unit}:{}", resets_at.map_or(0, |at| at.timestamp()));
    NotificationId(Uuid::new_v5(&person.0, name.as_bytes()))
}
