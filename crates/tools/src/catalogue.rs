//! The built-in tools as the model reads them. Names are stable; a changed
//! description changes the prompt's prefix for everybody.

use domain::{
    permission::Action::{
        ManageTasks, ModifyContacts, ModifyDeals, WriteEntityMemory, WriteOrgMemory, WriteUserMemory,
    },
    tool::{
        ToolClass::{LocalTx, Read},
        ToolSpec,
    },
};

pub(crate) const BUILTINS: &[ToolSpec] = &[
    ToolSpec {
        name: "memory_append",
        title: "Remember",
        description: "Adds one line to a memory document, under a section heading. Use scope \"user\" for what \
            this person wants or is, \"entity\" for what concerns one deal or contact (the session's, or the one \
            given by kind and id). One short, lasting fact a line; no secrets, nothing that only matters today.",
        schema: r#"{
            "type": "object",
            "properties": {
                "scope": {"type": "string", "enum": ["user", "entity", "org"]},
                "section": {"type": "string", "minLength": 1, "maxLength": 80, "description": "Heading to file it under, such as Preferences"},
                "text": {"type": "string", "minLength": 1, "maxLength": 2000},
                "kind": {"type": "string", "enum": ["deal", "contact"]},
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
                "kind": {"type": "string", "enum": ["deal", "contact"]},
                "id": {"type": "string", "minLength": 1, "maxLength": 200}
            },
            "required": ["scope", "old", "new"],
            "additionalProperties": false
        }"#,
        class: LocalTx,
        actions: &[WriteUserMemory, WriteEntityMemory, WriteOrgMemory],
    },
    ToolSpec {
        name: "find_entities",
        title: "Search the sales record",
        description: "Finds deals and contacts by a part of their name, id or fields. Answers at most 20, with \
            their main facts.",
        schema: r#"{
            "type": "object",
            "properties": {
                "query": {"type": "string", "minLength": 1, "maxLength": 200},
                "kind": {"type": "string", "enum": ["deal", "contact"]}
            },
            "required": ["query"],
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "get_entity",
        title: "Look up",
        description: "Everything on record about one deal or contact: its fields, links, newest notes, and its \
            memory document.",
        schema: r#"{
            "type": "object",
            "properties": {
                "kind": {"type": "string", "enum": ["deal", "contact"]},
                "id": {"type": "string", "minLength": 1, "maxLength": 200}
            },
            "required": ["kind", "id"],
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "update_entity",
        title: "Change a record",
        description: "Changes fields of a deal or contact, such as {\"stage\": \"negotiation\"}. A null clears \
            a field.",
        schema: r#"{
            "type": "object",
            "properties": {
                "kind": {"type": "string", "enum": ["deal", "contact"]},
                "id": {"type": "string", "minLength": 1, "maxLength": 200},
                "changes": {"type": "object", "minProperties": 1, "maxProperties": 20}
            },
            "required": ["kind", "id", "changes"],
            "additionalProperties": false
        }"#,
        class: LocalTx,
        actions: &[ModifyDeals, ModifyContacts],
    },
    ToolSpec {
        name: "add_note",
        title: "Add a note",
        description: "Adds a note to a deal or contact, where colleagues see it.",
        schema: r#"{
            "type": "object",
            "properties": {
                "kind": {"type": "string", "enum": ["deal", "contact"]},
                "id": {"type": "string", "minLength": 1, "maxLength": 200},
                "text": {"type": "string", "minLength": 1, "maxLength": 4000}
            },
            "required": ["kind", "id", "text"],
            "additionalProperties": false
        }"#,
        class: LocalTx,
        actions: &[ManageTasks],
    },
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
                "summary_id": {"type": "string", "maxLength": 40},
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
