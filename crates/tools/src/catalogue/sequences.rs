//! What belongs to a sequence that is executed step by step.

use domain::{
    permission::Action,
    tool::{
        ToolClass::{LocalTx, Read},
        ToolSpec,
    },
};

/// How a step that follows a skill ends. Only runs of sequences are offered it.
pub const SUBMIT_OUTPUT: &str = "submit_output";
/// A step begins that asks for an approval first. The service alone calls it.
pub const BEGIN_STEP: &str = "begin_step";

pub(super) const SEQUENCES: &[ToolSpec] = &[
    ToolSpec {
        name: BEGIN_STEP,
        title: "Begin a step",
        description: "Begins a step of a sequence that a person has to approve first.",
        schema: r#"{
            "type": "object",
            "properties": {
                "order": {"type": "integer", "minimum": 1},
                "of": {"type": "integer", "minimum": 1},
                "name": {"type": "string"},
                "skill_key": {"type": "string"},
                "action": {"type": "string"},
                "inputs": {"type": "object"}
            },
            "required": ["order", "of", "name", "inputs"],
            "additionalProperties": false
        }"#,
        class: LocalTx,
        actions: &[Action::BeginStep],
    },
    ToolSpec {
        name: SUBMIT_OUTPUT,
        title: "Hand in the result of the step",
        description: "Ends the step of the sequence that you are working on, and hands in what it has found or made: \
            the fields that its skill names as outputs. Later steps read them. Call it once for each step, when its \
            work is done; what does not fit comes back with the reason.",
        schema: r#"{
            "type": "object",
            "properties": {
                "output": {"type": "object", "description": "The outputs of the step's skill, by their names"}
            },
            "required": ["output"],
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
];
