//! What a tool declares about itself.

use crate::permission::Action;

/// How a call of a tool relates to a crash (design, "A run").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolClass {
    /// No effect; repeated freely.
    Read,
    /// Effect and step commit in one guarded transaction: exactly once.
    LocalTx,
    /// Carries the key `run:call`; the receiver drops the second delivery.
    Idempotent,
    /// Intent is committed first; an unknown outcome is never repeated.
    Unsafe,
}

impl ToolClass {
    pub fn as_str(self) -> &'static str {
        match self {
            ToolClass::Read => "read",
            ToolClass::LocalTx => "local_tx",
            ToolClass::Idempotent => "idempotent",
            ToolClass::Unsafe => "unsafe",
        }
    }
}

/// A tool as the model and the policies see it.
#[derive(Clone, Copy, Debug)]
pub struct ToolSpec {
    pub name: &'static str,
    /// Shown to a person while the tool runs.
    pub title: &'static str,
    /// Read by the model.
    pub description: &'static str,
    /// JSON Schema of the arguments.
    pub schema: &'static str,
    pub class: ToolClass,
    /// What its calls can do in the world, which the matrix knows; none for what only reads.
    pub actions: &'static [Action],
}
