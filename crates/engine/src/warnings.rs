//! Who is told when most of a budget is used.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use domain::{
    NotificationId, OrgId, Result, Tenant, UserId,
    budget::{Period, Scope, Standing, Unit},
    notification::{About, NotificationKind},
};
use store::{notifications, orgs};
use uuid::Uuid;

use crate::Engine;

/// Owners and administrators who are told of the organization's budget.
const TOLD: i64 = 100;
/// Warnings that are remembered.
const REMEMBERED: usize = 10_000;

/// Whose limit is nearly used up, and which: another amount is another limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Warning {
    org: OrgId,
    /// None: the organization's own.
    user: Option<UserId>,
    period: Period,
    unit: Unit,
    limit: i64,
    resets_at: Option<DateTime<Utc>>,
}

impl Warning {
    fn new((org, user): (OrgId, UserId), standing: &Standing) -> Self {
        let Standing { scope, period, unit, limit, resets_at, .. } = *standing;
        let user = (scope == Scope::User).then_some(user);
        Self { org, user, period, unit, limit: limit.number(), resets_at }
    }
}

/// Warnings that this replica has given; another one, or a later process, finds them given.
#[derive(Default)]
pub(crate) struct Warned(Mutex<HashSet<Warning>>);

impl Warned {
    fn first(&self, warning: Warning) -> bool {
        let mut given = self.given();
        if given.len() >= REMEMBERED {
            given.clear();
        }
        given.insert(warning)
    }

    /// Not all whom it concerns were told.
    fn take_back(&self, warning: &Warning) {
        self.given().remove(warning);
    }

    fn given(&self) -> MutexGuard<'_, HashSet<Warning>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Tells whom it concerns of each limit that is nearly used up, once until it begins anew.
    pub(crate) fn warn(&self, whose: (OrgId, UserId), standings: &[Standing]) {
        for standing in standings.iter().filter(|standing| standing.is_near()) {
            let warning = Warning::new(whose, standing);
            if !self.0.warned.first(warning) {
                continue;
            }
            let (engine, standing) = (self.clone(), *standing);
            self.detach(async move {
                if let Err(error) = engine.tell(warning, &standing).await {
                    let org = warning.org;
                    tracing::warn!(%org, %error, "that a budget is nearly used up is told with the next call");
                    engine.0.warned.take_back(&warning);
                }
            });
        }
    }

    async fn tell(&self, Warning { org, user, .. }: Warning, standing: &Standing) -> Result<()> {
        let people = if let Some(user) = user {
            vec![user]
        } else {
            let mut tx = self.store().tenant(Tenant::overseer(org)).await?;
            let people = orgs::administrators(&mut tx, TOLD).await?;
            tx.commit().await?;
            people
        };
        for person in people {
            let mut tx = self.store().tenant(Tenant::own(org, person)).await?;
            if !tx.membership().is_some_and(|member| member.active) {
                tx.rollback().await?;
                continue;
            }
            let (id, kind) = (id_of(person, standing), NotificationKind::BudgetWarning);
            let words = (standing.headline(), standing.warning());
            notifications::add_once(&mut tx, id, kind, (&words.0, &words.1), About::default()).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

/// Derived, so that nobody is told twice, whoever tells them.
fn id_of(person: UserId, standing: &Standing) -> NotificationId {
    let Standing { scope, period, unit, limit, resets_at, .. } = standing;
    let (limit, until) = (limit.number(), resets_at.map_or(0, |at| at.timestamp()));
    let name = format!("budget:{scope}:{period}:{unit}:{limit}:{until}");
    NotificationId(Uuid::new_v5(&person.0, name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use domain::budget::{Limits, Spent, Used};

    use super::*;

    /// Where a person's and the organization's limit of so many tokens a day stand, on this day.
    fn standings(limit: i64, today: &str) -> Vec<Standing> {
        let daily = format!(r#"{{"daily_tokens": {limit}}}"#);
        let limits: Limits =
            serde_json::from_str(&format!(r#"{{"user": {daily}, "org": {daily}}}"#)).expect("limits");
        let used = Used { day: Spent { tokens: 900, ..Spent::default() }, ..Used::default() };
        limits.standings(used, used, today.parse().expect("a day"))
    }

    #[test]
    fn a_warning_is_given_once_for_a_limit_a_person_and_a_day() {
        let warned = Warned::default();
        let (org, alice, bob) = (OrgId::derive("acme"), UserId::derive("alice"), UserId::derive("bob"));
        let given = |user, limit, today| {
            standings(limit, today)
                .iter()
                .map(|it| warned.first(Warning::new((org, user), it)))
                .collect::<Vec<_>>()
        };
        assert_eq!(given(alice, 1_000, "2026-11-29"), [true, true]);
        assert_eq!(given(alice, 1_000, "2026-11-29"), [false, false]);
        // The organization's is the same, whoever uses it.
        assert_eq!(given(bob, 1_000, "2026-11-29"), [true, false]);
        assert_eq!(given(alice, 1_100, "2026-11-29"), [true, true]);
        assert_eq!(given(alice, 1_000, "2026-11-30"), [true, true]);
    }

    #[test]
    fn a_warning_that_was_not_told_is_given_again() {
        let warned = Warned::default();
        let whose = (OrgId::derive("acme"), UserId::derive("alice"));
        let warning = Warning::new(whose, &standings(1_000, "2026-11-29")[0]);
        assert!(warned.first(warning) && !warned.first(warning));
        warned.take_back(&warning);
        assert!(warned.first(warning));
    }

    #[test]
    fn another_amount_is_another_notification() {
        let person = UserId::derive("alice");
        let id = |limit| id_of(person, &standings(limit, "2026-11-29")[0]);
        assert_eq!(id(1_000), id(1_000));
        assert_ne!(id(1_000), id(1_100));
    }
}
