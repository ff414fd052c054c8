//! Instructions of the organization.

use domain::tool::{ToolClass::Read, ToolSpec};

pub(super) const SKILLS: &[ToolSpec] = &[
    ToolSpec {
        name: "get_skill",
        title: "Open a skill",
        description: "Opens a skill: an instruction of the organization for one kind of work. Open it before you do \
            that work, and follow it. With document: opens one of the documents that stand beside it, such as \
            references/objections.md.",
        schema: r#"{
            "type": "object",
            "properties": {
                "key": {"type": "string", "minLength": 1, "maxLength": 64},
                "document": {"type": "string", "minLength": 1, "maxLength": 200}
            },
            "required": ["key"],
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "list_skills",
        title: "Look for a skill",
        description: "Lists skills with what each is for: those that have the words of the query, of the category. \
            Use it when no skill of your list fits, and there are more.",
        schema: r#"{
            "type": "object",
            "properties": {
                "query": {"type": "string", "minLength": 1, "maxLength": 200},
                "category": {"type": "string", "minLength": 1, "maxLength": 100}
            },
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
];
