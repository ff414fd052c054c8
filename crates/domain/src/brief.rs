//! What an answer to a question needs to know of an entity.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::EntityKind;

/// Something that an entity is linked to, from whichever end.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Neighbour {
    pub kind: EntityKind,
    pub id: String,
    pub name: String,
    pub role: Option<String>,
    /// Last written by an integration.
    pub integration: bool,
}

/// An entity as an answer needs it: what queries compare, and the typed fields without long texts.
#[derive(Clone, Debug)]
pub struct Brief {
    pub kind: EntityKind,
    pub id: String,
    pub name: String,
    pub owner: Option<String>,
    /// The asking person is its owner.
    pub mine: bool,
    /// When it happens; of a kind that does not happen: when it came.
    pub at: DateTime<Utc>,
    pub ends_at: Option<DateTime<Utc>>,
    pub stage: Option<String>,
    pub open: bool,
    pub amount: Option<f64>,
    pub currency: Option<String>,
    pub close_date: Option<NaiveDate>,
    pub due_date: Option<NaiveDate>,
    pub probability: Option<f64>,
    pub health: Option<f64>,
    pub ghost_risk: Option<f64>,
    pub touched_at: Option<DateTime<Utc>>,
    /// Last written by an integration.
    pub integration: bool,
    pub fields: Map<String, Value>,
    /// Of its long texts the beginning, or in a search the whole.
    pub text: Option<String>,
    pub links: Vec<Neighbour>,
}
