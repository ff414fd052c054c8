//! The sales record: any kind of entity.

use domain::{
    permission::Action::{ManageTasks, ModifyContacts, ModifyDeals},
    tool::{
        ToolClass::{LocalTx, Read},
        ToolSpec,
    },
};

pub(super) const RECORD: &[ToolSpec] = &[
    ToolSpec {
        name: "get_entity",
        title: "Look up",
        description: "Everything on record about one deal, contact or other record: its fields, links, newest notes, and its \
            memory document. What is long comes in parts.",
        schema: r#"{
            "type": "object",
            "properties": {
                "kind": {"type": "string", "enum": ["deal", "contact", "company", "meeting", "task", "activity", "email"]},
                "id": {"type": "string", "minLength": 1, "maxLength": 200},
                "part": {"type": "integer", "minimum": 1, "maximum": 1000, "description": "1 when left out"}
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
        description: "Changes fields of a record, such as {\"stage\": \"negotiation\"}. A null clears \
            a field.",
        schema: r#"{
            "type": "object",
            "properties": {
                "kind": {"type": "string", "enum": ["deal", "contact", "company", "meeting", "task", "activity", "email"]},
                "id": {"type": "string", "minLength": 1, "maxLength": 200},
                "changes": {"type": "object", "minProperties": 1, "maxProperties": 20}
            },
            "required": ["kind", "id", "changes"],
            "additionalProperties": false
        }"#,
        class: LocalTx,
        actions: &[ModifyDeals, ModifyContacts, ManageTasks],
    },
    ToolSpec {
        name: "add_note",
        title: "Add a note",
        description: "Adds a note to a deal, contact or other record, where colleagues see it.",
        schema: r#"{
            "type": "object",
            "properties": {
                "kind": {"type": "string", "enum": ["deal", "contact", "company", "meeting", "task", "activity", "email"]},
                "id": {"type": "string", "minLength": 1, "maxLength": 200},
                "text": {"type": "string", "minLength": 1, "maxLength": 4000}
            },
            "required": ["kind", "id", "text"],
            "additionalProperties": false
        }"#,
        class: LocalTx,
        actions: &[ManageTasks],
    },
];
