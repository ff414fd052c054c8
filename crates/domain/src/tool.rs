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
    /// Whether the effect is outside of the service.
    pub fn leaves(self) -> bool {
        matches!(self, ToolClass::Idempotent | ToolClass::Unsafe)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            ToolClass::Read => "read",
            ToolClass::LocalTx => "local_tx",
            ToolClass::Idempotent => "idempotent",
            ToolClass::Unsafe => "unsafe",
        }
    }
}

/// What is known of a call that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// The intent is committed; the call may be under way.
    Started,
    Done,
    /// It had no effect.
    Failed,
    /// It may have had its effect. It is never made again.
    Unknown,
}

impl CallState {
    const ALL: [CallState; 4] = [CallState::Started, CallState::Done, CallState::Failed, CallState::Unknown];

    pub fn as_str(self) -> &'static str {
        match self {
            CallState::Started => "started",
            CallState::Done => "done",
            CallState::Failed => "failed",
            CallState::Unknown => "unknown",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
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
