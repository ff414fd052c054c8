//! Tools for scheduled tasks: what the copilot is asked again and again.

use domain::{
    permission::Action::ScheduleTask,
    tool::{
        ToolClass::{LocalTx, Read},
        ToolSpec,
    },
};

pub(super) const SCHEDULES: &[ToolSpec] = &[
    ToolSpec {
        name: "schedule_task",
        title: "Schedule a task",
        description: "Has the copilot asked by itself, at times of day (kind cron), again and again after so many seconds \
            (interval), or one time (once). prompt is what it is asked then: all that it has to know stands in it. A \
            time zone that is left out is the person's. For something that the person is to do use create_task.",
        schema: r#"{
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 200},
                "prompt": {"type": "string", "minLength": 1, "maxLength": 16384},
                "schedule": {
                    "type": "object",
                    "properties": {
                        "kind": {"type": "string", "enum": ["cron", "interval", "once"]},
                        "cron": {"type": "string", "maxLength": 200, "description": "Five fields, such as 0 9 * * MON-FRI"},
                        "every_seconds": {"type": "integer", "minimum": 60, "maximum": 31622400},
                        "at": {"type": "string", "maxLength": 40, "description": "Such as 2026-12-01T09:00"},
                        "timezone": {"type": "string", "maxLength": 60, "description": "IANA name, such as Europe/Berlin"}
                    },
                    "required": ["kind"],
                    "additionalProperties": false
                }
            },
            "required": ["name", "prompt", "schedule"],
            "additionalProperties": false
        }"#,
        class: LocalTx,
        actions: &[ScheduleTask],
    },
    ToolSpec {
        name: "list_schedules",
        title: "List scheduled tasks",
        description: "The person's scheduled tasks with their ids, when they fire, and their last result: those that are active or \
            paused, or of the status that is asked for.",
        schema: r#"{
            "type": "object",
            "properties": {"status": {"type": "string", "enum": ["active", "paused", "cancelled", "completed"]}},
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "change_schedule",
        title: "Change a scheduled task",
        description: "Pauses, resumes or cancels a scheduled task of the person's. What is cancelled does not come back.",
        schema: r#"{
            "type": "object",
            "properties": {
                "id": {"type": "string", "minLength": 1, "maxLength": 60, "description": "As list_schedules tells it"},
                "to": {"type": "string", "enum": ["pause", "resume", "cancel"]}
            },
            "required": ["id", "to"],
            "additionalProperties": false
        }"#,
        class: LocalTx,
        actions: &[ScheduleTask],
    },
];
