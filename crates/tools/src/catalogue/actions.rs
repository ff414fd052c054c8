//! `execute_action`: the way in which older skills call tools.

use domain::tool::{ToolClass::Read, ToolSpec};

/// It is nothing of its own: a call of it is a call of the tool that it names, with that
/// tool's class, schema and rules.
pub const EXECUTE_ACTION: &str = "execute_action";

pub(super) const ACTIONS: &[ToolSpec] = &[ToolSpec {
    name: EXECUTE_ACTION,
    title: "Carry out an action",
    description: "Calls the tool that action names, with params as its arguments. Instructions that are written as \
        execute_action(\"NAME\", {...}) mean this; to call the tool itself is the same.",
    schema: r#"{
        "type": "object",
        "properties": {
            "action": {"type": "string", "minLength": 1, "maxLength": 128, "description": "Name of a tool"},
            "params": {"type": "object"}
        },
        "required": ["action"],
        "additionalProperties": false
    }"#,
    class: Read,
    actions: &[],
}];
