//! What turns to the person: questions.

use domain::tool::{ToolClass::LocalTx, ToolSpec};

/// No policy applies to it: it waits for the person, and does nothing in the world.
pub const ASK_USER: &str = "ask_user";

pub(super) const PERSON: &[ToolSpec] = &[ToolSpec {
    name: ASK_USER,
    title: "Ask the person",
    description: "Asks the person one question and waits for the answer. Use it when you cannot go on without: several \
        records fit, or something only the person knows is missing. Offer options where the likely answers are few; \
        any other answer is possible too. Do not ask for leave to use a tool: that is asked by itself.",
    schema: r#"{
        "type": "object",
        "properties": {
            "question": {"type": "string", "minLength": 1, "maxLength": 1000, "pattern": "\\S"},
            "options": {"type": "array", "minItems": 2, "maxItems": 10, "uniqueItems": true,
                "items": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "\\S"}},
            "multiple": {"type": "boolean", "description": "Whether several of the options can be chosen"}
        },
        "required": ["question"],
        "additionalProperties": false
    }"#,
    class: LocalTx,
    actions: &[],
}];
