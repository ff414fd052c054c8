//! The sales record: what the copilot talks about.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

/// The kinds of the sales record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    Deal,
    Contact,
    Company,
    Meeting,
    /// A person's to-do.
    Task,
    /// Something that happened: a call, a visit, a demonstration.
    Activity,
    Email,
}

impl EntityKind {
    pub const ALL: [EntityKind; 7] = [
        EntityKind::Deal,
        EntityKind::Contact,
        EntityKind::Company,
        EntityKind::Meeting,
        EntityKind::Task,
        EntityKind::Activity,
        EntityKind::Email,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            EntityKind::Deal => "deal",
            EntityKind::Contact => "contact",
            EntityKind::Company => "company",
            EntityKind::Meeting => "meeting",
            EntityKind::Task => "task",
            EntityKind::Activity => "activity",
            EntityKind::Email => "email",
        }
    }

    /// Whether it tells of something that people did: it counts as activity of what it is linked to.
    pub fn is_event(self) -> bool {
        matches!(self, EntityKind::Meeting | EntityKind::Activity | EntityKind::Email)
    }
}

impl fmt::Display for EntityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text named no kind of the sales record.
#[derive(Debug, thiserror::Error)]
#[error("must be one of deal, contact, company, meeting, task, activity, email")]
pub struct UnknownKind;

impl FromStr for EntityKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}

/// An entity by the caller's own id, such as `deal` `D-42`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityRef {
    pub kind: EntityKind,
    pub id: String,
}

/// Who sees an entity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Every member.
    #[default]
    Org,
    /// Its owner, and administrators who may look at all of the organization.
    Owner,
}

impl Visibility {
    pub fn as_str(self) -> &'static str {
        match self {
            Visibility::Org => "org",
            Visibility::Owner => "owner",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Visibility::Org, Visibility::Owner].into_iter().find(|visibility| visibility.as_str() == text)
    }
}

/// A tie from one entity to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub kind: EntityKind,
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// An entity as the API shows it: the typed fields of its kind stand beside the
/// common ones.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Entity {
    pub kind: EntityKind,
    pub id: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    pub visibility: Visibility,
    pub links: Vec<Link>,
    /// The typed fields of the kind: see [`crate::fields`].
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    #[schema(value_type = Object)]
    pub attributes: Map<String, Value>,
    pub version: i64,
    pub updated_at: DateTime<Utc>,
}

/// A remark on an entity.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Note {
    pub id: Uuid,
    pub text: String,
    /// External id of its author.
    pub author: Option<String>,
    pub created_at: DateTime<Utc>,
}
