//! What the copilot remembers.

use domain::{
    permission::Action::{WriteEntityMemory, WriteOrgMemory, WriteUserMemory},
    tool::{ToolClass::LocalTx, ToolSpec},
};

pub(super) const MEMORY: &[ToolSpec] = &[
    ToolSpec {
        name: "memory_append",
        title: "Remember",
        description: "Adds one line to a memory document, under a section heading. Use scope \"user\" for what \
            this person wants or is, \"entity\" for what concerns one deal or contact (the session's, or the one \
            given by kind and id). One short, lasting fact a line; no secrets, nothing that only matters today. \
            Several facts of one section may come together, each on a line of its own.",
        schema: r#"{
            "type": "object",
            "properties": {
                "scope": {"type": "string", "enum": ["user", "entity", "org"]},
                "section": {"type": "string", "minLength": 1, "maxLength": 80, "description": "Heading to file it under, such as Preferences"},
                "text": {"type": "string", "minLength": 1, "maxLength": 2000},
                "kind": {"type": "string", "enum": ["deal", "contact", "company", "meeting", "task", "activity", "email"]},
                "id": {"type": "string", "minLength": 1, "maxLength": 200}
            },
            "required": ["scope", "section", "text"],
            "additionalProperties": false
        }"#,
        class: LocalTx,
        actions: &[WriteUserMemory, WriteEntityMemory, WriteOrgMemory],
    },
    ToolSpec {
        name: "memory_replace",
        title: "Correct memory",
        description: "Replaces a passage of a memory document with another, to correct, condense or remove it \
            (an empty \"new\" removes). \"old\" must occur exactly once, as it stands in the document.",
        schema: r#"{
            "type": "object",
            "properties": {
                "scope": {"type": "string", "enum": ["user", "entity", "org"]},
                "old": {"type": "string", "minLength": 1, "maxLength": 16000},
                "new": {"type": "string", "maxLength": 16000},
                "kind": {"type": "string", "enum": ["deal", "contact", "company", "meeting", "task", "activity", "email"]},
                "id": {"type": "string", "minLength": 1, "maxLength": 200}
            },
            "required": ["scope", "old", "new"],
            "additionalProperties": false
        }"#,
        class: LocalTx,
        actions: &[WriteUserMemory, WriteEntityMemory, WriteOrgMemory],
    },
];
