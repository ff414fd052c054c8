//! One step of a sequence.

use serde_json::{Map, Value};

use crate::Key;

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Does {
    /// Follows another skill.
    Skill(Key),
    /// Calls the tool of this name.
    Action(String),
}

/// What happens when a step has failed after its retries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    #[default]
    Stop,
    Continue,
    /// The step's fallback skill is followed instead.
    Fallback,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Place in the sequence: unique, ascending, not necessarily without gaps.
    pub order: u32,
    pub does: Does,
    /// Arguments by name; text values may hold `${…}` over `outputs`, `inputs`,
    /// `trigger.params` and `context`.
    pub input_mapping: Map<String, Value>,
    /// The name under which later steps find the result.
    pub output_key: Option<String>,
    pub on_failure: OnFailure,
    /// A person approves before the step begins (older spelling: `needs_confirmation`).
    pub requires_approval: bool,
    pub description: Option<String>,
    pub timeout_ms: Option<u64>,
    pub max_retries: u32,
    pub fallback_skill_key: Option<Key>,
}
