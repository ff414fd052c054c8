//! The erasure of a person's data, or of an organization's.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::permission::words;

words! {
    /// How far an erasure is.
    ErasureStatus {
        /// It goes on by itself, whatever happens to the servers.
        Running = "running",
        /// Nothing is left of what had to go.
        Done = "done",
    }
}

/// An erasure as the API shows it. It names nobody: who asks knows for whom.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Erasure {
    pub id: Uuid,
    pub status: ErasureStatus,
    /// Rows removed or blanked so far, without those that hung on them.
    pub rows: i64,
    pub requested_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
}
