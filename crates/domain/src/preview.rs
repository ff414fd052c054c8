//! What memory looks like in a prompt, for the person who wants to see it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::MemoryScope;

/// A piece of memory, byte for byte as the model is given it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QuotedMemory {
    pub scope: MemoryScope,
    pub text: String,
    /// Its length in characters.
    pub chars: usize,
    /// The estimate of its size in tokens.
    pub tokens: usize,
}

/// The versions of the documents that the blocks quote. 0: never written.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct QuotedVersions {
    pub org: i64,
    pub user: i64,
    /// Missing where there is no entity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<i64>,
}

/// The memory that the next run would be given.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MemoryPreview {
    /// Blocks of the system prompt, in their order. Empty documents have none.
    pub blocks: Vec<QuotedMemory>,
    /// What was added since the versions that the session quotes: it travels with the next message.
    pub updates: Vec<QuotedMemory>,
    pub versions: QuotedVersions,
    /// The length of all of it, in characters.
    pub chars: usize,
    /// The estimate of all of it, in tokens.
    pub tokens: usize,
}
