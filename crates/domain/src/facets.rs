//! What the questions about the sales record are answered from: taken from the typed
//! fields of an entity when it is written, so that each question is one indexed query.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::{Map, Value};

use crate::{EntityKind, UserId, fields};

/// The fields that queries compare, typed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facets {
    /// When a meeting begins, or an activity or e-mail happened. Days count from their first moment in UTC.
    pub at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
    pub stage: Option<String>,
    /// False: a deal that is won or lost, a task that is done or cancelled.
    pub open: bool,
    pub amount: Option<f64>,
    pub currency: Option<String>,
    pub close_date: Option<NaiveDate>,
    pub due_date: Option<NaiveDate>,
    /// 0 to 100.
    pub probability: Option<f64>,
    pub health: Option<f64>,
    pub ghost_risk: Option<f64>,
    /// The member whom a to-do's `assignee` names.
    pub assignee: Option<UserId>,
    /// The last activity that the product itself has counted.
    pub touched_at: Option<DateTime<Utc>>,
}

impl Facets {
    /// Of fields that [`fields::check`] has passed.
    pub fn of(kind: EntityKind, given: &Map<String, Value>) -> Self {
        let text = |name: &str| given.get(name).and_then(Value::as_str);
        let number = |name: &str| given.get(name).and_then(Value::as_f64);
        let day = |name: &str| text(name).and_then(fields::date);
        let time = |name: &str| text(name).and_then(fields::time);
        let moment =
            |name: &str| time(name).or_else(|| day(name).map(|day| day.and_time(NaiveTime::MIN).and_utc()));
        let none = Self { open: true, ..Self::default() };
        match kind {
            EntityKind::Deal => Self {
                open: !text("stage").is_some_and(is_closed),
                stage: text("stage").map(str::to_owned),
                amount: number("amount"),
                currency: text("currency").map(str::to_owned),
                close_date: day("close_date"),
                probability: number("probability"),
                health: number("health"),
                ghost_risk: number("ghost_risk"),
                ..none
            },
            EntityKind::Contact => Self { touched_at: time("last_activity_at"), ..none },
            EntityKind::Company => none,
            EntityKind::Meeting => Self { at: time("starts_at"), ends_at: time("ends_at"), ..none },
            EntityKind::Task => Self {
                open: !text("status").is_some_and(|status| ["done", "cancelled"].contains(&status)),
                due_date: day("due_date"),
                assignee: text("assignee").map(UserId::derive),
                ..none
            },
            EntityKind::Activity | EntityKind::Email => Self { at: moment("date"), ..none },
        }
    }
}

/// Whether a stage is the end of a deal, however the product words it: `won`, `Closed Lost`,
/// `closedwon`, `lost - price`.
pub fn is_closed(stage: &str) -> bool {
    let stage = stage.to_lowercase();
    let mut words = stage.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.any(|word| ["won", "lost"].contains(&word) || word.starts_with("closed"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facets(kind: EntityKind, given: &Value) -> Facets {
        Facets::of(kind, given.as_object().expect("an object"))
    }

    #[test]
    fn a_deal_is_open_until_it_is_won_or_lost() {
        for stage in ["won", "Closed Lost", "closedwon", "LOST - price", "closed_won"] {
            assert!(is_closed(stage), "{stage}");
        }
        for stage in ["", "negotiation", "wonderful", "almost", "Close plan agreed"] {
            assert!(!is_closed(stage), "{stage}");
        }
        assert!(facets(EntityKind::Deal, &json!({})).open);
    }

    #[test]
    fn each_kind_says_when_it_happens() {
        let at = |kind, given| facets(kind, &given).at.map(|at| at.to_rfc3339());
        assert_eq!(
            at(EntityKind::Meeting, json!({"starts_at": "2026-11-22T10:00:00+01:00"})),
            Some("2026-11-22T09:00:00+00:00".into())
        );
        assert_eq!(
            at(EntityKind::Email, json!({"date": "2026-11-22"})),
            Some("2026-11-22T00:00:00+00:00".into())
        );
        assert_eq!(at(EntityKind::Deal, json!({"close_date": "2026-11-22"})), None);
    }

    #[test]
    fn a_to_do_belongs_to_its_assignee_until_it_is_done() {
        let task = facets(EntityKind::Task, &json!({"assignee": "alice", "due_date": "2026-12-01"}));
        assert_eq!((task.open, task.assignee), (true, Some(UserId::derive("alice"))));
        assert!(!facets(EntityKind::Task, &json!({"status": "cancelled"})).open);
    }
}
