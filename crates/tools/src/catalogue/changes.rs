//! Tools that put something new on the sales record.

use domain::{
    permission::Action::{ManageTasks, ModifyContacts, ModifyDeals},
    tool::{ToolClass::LocalTx, ToolSpec},
};

pub(super) const CHANGES: &[ToolSpec] = &[
    ToolSpec {
        name: "create_entity",
        title: "Create a record",
        description: "Creates a deal, contact, company or other record. Leave id out unless the person gave one. \
            Look first whether it is there already. For to-dos and activities use create_task and create_activity.",
        schema: r#"{
            "type": "object",
            "properties": {
                "kind": {"type": "string", "enum": ["deal", "contact", "company", "meeting", "task", "activity", "email"]},
                "id": {"type": "string", "minLength": 1, "maxLength": 200},
                "name": {"type": "string", "minLength": 1, "maxLength": 500},
                "fields": {"type": "object", "maxProperties": 20, "description": "Typed fields of the kind, such as {\"amount\": 12000, \"currency\": \"EUR\"}"}
            },
            "required": ["kind", "name"],
            "additionalProperties": false
        }"#,
        class: LocalTx,
        actions: &[ModifyDeals, ModifyContacts, ManageTasks],
    },
    ToolSpec {
        name: "create_task",
        title: "Add a to-do",
        description: "Adds a to-do for the person, or for the colleague whom assignee names. In a conversation about \
            a deal it belongs to that deal unless deal_id names another.",
        schema: r#"{
            "type": "object",
            "properties": {
                "title": {"type": "string", "minLength": 1, "maxLength": 500},
                "description": {"type": "string", "maxLength": 4000},
                "due_date": {"type": "string", "maxLength": 10, "description": "A date such as 2026-11-22"},
                "priority": {"type": "string", "enum": ["low", "medium", "high", "urgent"]},
                "deal_id": {"type": "string", "minLength": 1, "maxLength": 200},
                "contact_id": {"type": "string", "minLength": 1, "maxLength": 200},
                "assignee": {"type": "string", "minLength": 1, "maxLength": 255}
            },
            "required": ["title"],
            "additionalProperties": false
        }"#,
        class: LocalTx,
        actions: &[ManageTasks],
    },
    ToolSpec {
        name: "complete_task",
        title: "Complete a to-do",
        description: "Marks a to-do as done.",
        schema: r#"{
            "type": "object",
            "properties": {"id": {"type": "string", "minLength": 1, "maxLength": 200}},
            "required": ["id"],
            "additionalProperties": false
        }"#,
        class: LocalTx,
        actions: &[ManageTasks],
    },
    ToolSpec {
        name: "create_activity",
        title: "Log an activity",
        description: "Logs a call, a visit or something else that happened with a deal or contact, so that colleagues \
            see it and the deal counts as touched.",
        schema: r#"{
            "type": "object",
            "properties": {
                "type": {"type": "string", "minLength": 1, "maxLength": 60, "description": "Such as call, visit, demo"},
                "details": {"type": "string", "minLength": 1, "maxLength": 10000},
                "date": {"type": "string", "maxLength": 40, "description": "A date or a time; now if left out"},
                "deal_id": {"type": "string", "minLength": 1, "maxLength": 200},
                "contact_id": {"type": "string", "minLength": 1, "maxLength": 200}
            },
            "required": ["type", "details"],
            "additionalProperties": false
        }"#,
        class: LocalTx,
        actions: &[ManageTasks],
    },
];
