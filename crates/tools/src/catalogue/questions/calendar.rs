//! Meetings, to-dos and e-mails.

use domain::tool::{ToolClass::Read, ToolSpec};

pub(in crate::catalogue) const CALENDAR: &[ToolSpec] = &[
    ToolSpec {
        name: "get_meetings",
        title: "List meetings",
        description: "Meetings with a deal or a contact, or of everybody: what is to come, the next first, \
            then what was, the newest first. In a conversation about a deal it is that deal's, \
            unless a contact is given.",
        schema: r#"{
            "type": "object",
            "properties": {
                "deal_id": {"type": "string", "minLength": 1, "maxLength": 200},
                "contact_id": {"type": "string", "minLength": 1, "maxLength": 200},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50, "description": "Lines of the answer; 20 if left out"},
                "page": {"type": "integer", "minimum": 1, "maximum": 100, "description": "The next lines of a long answer, from 1"}
            },
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "get_next_meeting",
        title: "Look up the next meeting",
        description: "The person's own next meeting, with who comes and what it is about. When none of \
            theirs is on record, the organization's next one, and it says so.",
        schema: r#"{
            "type": "object",
            "properties": {},
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "get_meetings_for_period",
        title: "List meetings of a period",
        description: "Meetings that begin in a period such as today or next_week, in the person's time \
            zone, earliest first. Those that are the person's own are marked.",
        schema: r#"{
            "type": "object",
            "properties": {
                "period": {"type": "string", "minLength": 1, "maxLength": 40, "description": "today, tomorrow, yesterday, this_week, next_week, last_week, this_month, next_month, last_month, this_quarter, next_quarter, last_quarter, this_year, 2026-11, 2026-Q4 or 2026-11-01..2026-11-15"},
                "timezone": {"type": "string", "minLength": 1, "maxLength": 60, "description": "An IANA name such as Europe/Berlin; the person's own if left out"},
                "whose": {"type": "string", "enum": ["all", "mine"], "description": "mine: only meetings that the person owns; all if left out"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50, "description": "Lines of the answer; 20 if left out"},
                "page": {"type": "integer", "minimum": 1, "maximum": 100, "description": "The next lines of a long answer, from 1"}
            },
            "required": ["period"],
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "search_meeting_context",
        title: "Search meetings",
        description: "Searches titles, summaries and transcripts of meetings for words and answers the \
            passages, those with the most of the words first, the newest first among equals. In \
            a conversation about a deal it searches that deal's meetings.",
        schema: r#"{
            "type": "object",
            "properties": {
                "query": {"type": "string", "minLength": 1, "maxLength": 200},
                "deal_id": {"type": "string", "minLength": 1, "maxLength": 200},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50, "description": "Lines of the answer; 5 if left out"},
                "page": {"type": "integer", "minimum": 1, "maximum": 100, "description": "The next lines of a long answer, from 1"}
            },
            "required": ["query"],
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "list_tasks",
        title: "List to-dos",
        description: "A person's to-dos, the next due first: the asking person's open ones unless \
            something else is asked for. With a deal (in a conversation about one: that one) \
            everybody's to-dos for it.",
        schema: r#"{
            "type": "object",
            "properties": {
                "status": {"type": "string", "enum": ["open", "in_progress", "done", "cancelled"], "description": "open if left out: neither done nor cancelled"},
                "filter": {"type": "string", "enum": ["overdue", "today", "this_week", "no_date", "high_priority"]},
                "deal_id": {"type": "string", "minLength": 1, "maxLength": 200},
                "due_before": {"type": "string", "minLength": 1, "maxLength": 40, "description": "A date such as 2026-12-01; that day not included"},
                "assignee": {"type": "string", "minLength": 1, "maxLength": 200, "description": "me, anyone, or the id of a member"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50, "description": "Lines of the answer; 20 if left out"},
                "page": {"type": "integer", "minimum": 1, "maximum": 100, "description": "The next lines of a long answer, from 1"}
            },
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "search_emails",
        title: "Search e-mails",
        description: "Searches subjects, bodies, senders and receivers of e-mails for words and answers \
            the passages, those with the most of the words first, the newest first among equals.",
        schema: r#"{
            "type": "object",
            "properties": {
                "query": {"type": "string", "minLength": 1, "maxLength": 200},
                "contact_id": {"type": "string", "minLength": 1, "maxLength": 200},
                "deal_id": {"type": "string", "minLength": 1, "maxLength": 200},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50, "description": "Lines of the answer; 10 if left out"},
                "page": {"type": "integer", "minimum": 1, "maximum": 100, "description": "The next lines of a long answer, from 1"}
            },
            "required": ["query"],
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
];
