//! Memory documents: Markdown per scope and subject.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest document, in characters.
pub const MAX_CHARS: usize = 16_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemoryScope {
    Org,
    User,
    Entity,
}

impl MemoryScope {
    pub fn as_str(self) -> &'static str {
        match self {
            MemoryScope::Org => "org",
            MemoryScope::User => "user",
            MemoryScope::Entity => "entity",
        }
    }
}
