//! What a person may want to ask the copilot next.

use serde::Serialize;
use utoipa::ToSchema;

use crate::EntityRef;

/// A prompt that fits, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Suggestion {
    /// What can be sent as it is. Names of the record stand in it in quotation marks.
    pub prompt: String,
    /// The fact that it is made from.
    pub reason: String,
    /// What it is about, if it is about one thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityRef>,
    /// The name of that, cut where it is long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
