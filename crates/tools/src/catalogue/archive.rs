//! Earlier conversations.

use domain::tool::{ToolClass::Read, ToolSpec};

pub(super) const ARCHIVE: &[ToolSpec] = &[
    ToolSpec {
        name: "recall",
        title: "Search earlier conversations",
        description: "Searches what was said in this person's earlier conversations, and in the archived part of \
            this one. Answers passages with who said them, when, and the archive they stand in; open one with \
            read_archive. Names, products and months help; when nothing is found, try other words for the same.",
        schema: r#"{
            "type": "object",
            "properties": {
                "query": {"type": "string", "minLength": 1, "maxLength": 500, "description": "Words that were likely used"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 20},
                "since": {"type": "string", "maxLength": 40, "description": "Only what was said since this date, such as 2026-11-01"}
            },
            "required": ["query"],
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "read_archive",
        title: "Read an archived conversation",
        description: "The words of an archived conversation, message by message, a page at a time. Without from_seq \
            from its beginning; the end of a page says how to read on.",
        schema: r#"{
            "type": "object",
            "properties": {
                "summary_id": {"type": "string", "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"},
                "from_seq": {"type": "integer", "minimum": 1},
                "to_seq": {"type": "integer", "minimum": 1}
            },
            "required": ["summary_id"],
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
];
