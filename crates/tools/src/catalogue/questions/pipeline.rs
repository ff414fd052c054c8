//! The pipeline, and the people in it.

use domain::tool::{ToolClass::Read, ToolSpec};

pub(in crate::catalogue) const PIPELINE: &[ToolSpec] = &[
    ToolSpec {
        name: "get_deal_activities",
        title: "Look up what happened with a deal",
        description: "What happened with a deal, newest first: meetings, e-mails and other activities, \
            each with its id.",
        schema: r#"{
            "type": "object",
            "properties": {
                "id": {"type": "string", "minLength": 1, "maxLength": 200, "description": "Id of the deal; or give its name; in a conversation about a deal it may be left out"},
                "name": {"type": "string", "minLength": 1, "maxLength": 200, "description": "Name of the deal, if its id is not known"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50, "description": "Lines of the answer; 20 if left out"},
                "page": {"type": "integer", "minimum": 1, "maximum": 100, "description": "The next lines of a long answer, from 1"}
            },
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "get_pipeline_summary",
        title: "Sum up the pipeline",
        description: "Counts and sums of the open deals: in all, by stage, weighted by probability, and \
            how many are overdue, at risk, stale or without an amount. Sums of different \
            currencies stand side by side. With a period only deals that are to close in it.",
        schema: r#"{
            "type": "object",
            "properties": {
                "period": {"type": "string", "minLength": 1, "maxLength": 40, "description": "today, tomorrow, yesterday, this_week, next_week, last_week, this_month, next_month, last_month, this_quarter, next_quarter, last_quarter, this_year, 2026-11, 2026-Q4 or 2026-11-01..2026-11-15"},
                "timezone": {"type": "string", "minLength": 1, "maxLength": 60, "description": "An IANA name such as Europe/Berlin; the person's own if left out"}
            },
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "get_pipeline_deals",
        title: "List open deals",
        description: "Open deals, the next to close first. Filters: closing_soon (within 30 days, or the \
            given days), at_risk (health under 40 or ghost risk over 50 %), stale (14 days \
            without activity, or the given days), needs_attention (any of at risk, stale, \
            overdue close date, amount 0; the reasons are named for each). With a period only \
            deals that are to close in it.",
        schema: r#"{
            "type": "object",
            "properties": {
                "filter": {"type": "string", "enum": ["closing_soon", "at_risk", "stale", "needs_attention"]},
                "days": {"type": "integer", "minimum": 1, "maximum": 3650, "description": "Of closing_soon and stale: other days than 30 and 14"},
                "period": {"type": "string", "minLength": 1, "maxLength": 40, "description": "today, tomorrow, yesterday, this_week, next_week, last_week, this_month, next_month, last_month, this_quarter, next_quarter, last_quarter, this_year, 2026-11, 2026-Q4 or 2026-11-01..2026-11-15"},
                "timezone": {"type": "string", "minLength": 1, "maxLength": 60, "description": "An IANA name such as Europe/Berlin; the person's own if left out"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50, "description": "Lines of the answer; 20 if left out"},
                "page": {"type": "integer", "minimum": 1, "maximum": 100, "description": "The next lines of a long answer, from 1"}
            },
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "get_contacts_needing_attention",
        title: "List contacts to get in touch with",
        description: "Contacts without any activity for 14 days (or the given days), the longest first, \
            with their open deals; last those of whom no activity is on record at all.",
        schema: r#"{
            "type": "object",
            "properties": {
                "days_since_contact": {"type": "integer", "minimum": 1, "maximum": 3650},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50, "description": "Lines of the answer; 20 if left out"},
                "page": {"type": "integer", "minimum": 1, "maximum": 100, "description": "The next lines of a long answer, from 1"}
            },
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
];
