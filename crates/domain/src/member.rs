//! The people and programs of an organization, as administrators see them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ApiKeyId, Role};

/// Where a membership stands. What is not active can do nothing, whatever its token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemberStatus {
    Active,
    Suspended,
    /// No token makes them a member again.
    Removed,
}

impl MemberStatus {
    const ALL: [MemberStatus; 3] = [MemberStatus::Active, MemberStatus::Suspended, MemberStatus::Removed];

    pub fn as_str(self) -> &'static str {
        match self {
            MemberStatus::Active => "active",
            MemberStatus::Suspended => "suspended",
            MemberStatus::Removed => "removed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A member of an organization.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Member {
    /// External id: the subject of the person's tokens, or `api-key:` and the id of a key.
    pub id: String,
    pub name: Option<String>,
    /// Given by the platform, or with the key; null: it comes with each token.
    pub role: Option<Role>,
    /// Set by an administrator: no token lifts the member above it.
    pub ceiling: Option<Role>,
    pub status: MemberStatus,
    /// A program with an API key, and no person.
    pub service: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// An API key, without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub name: String,
    /// External id of the service member as whom it acts.
    pub user: String,
    pub role: Role,
    /// External id of the administrator who made it.
    pub created_by: Option<String>,
    pub created_at: DateTime<Utc>,
    /// Null: it holds until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// To the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}
