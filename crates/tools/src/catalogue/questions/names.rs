//! Who is meant, and what is on record about one of them.

use domain::tool::{ToolClass::Read, ToolSpec};

pub(in crate::catalogue) const NAMES: &[ToolSpec] = &[
    ToolSpec {
        name: "find_entities",
        title: "Search the sales record",
        description: "Finds deals, contacts, companies, meetings, to-dos, activities and e-mails by words \
            of their name, id or fields. The last word may be the beginning of one. Best matches \
            first.",
        schema: r#"{
            "type": "object",
            "properties": {
                "query": {"type": "string", "minLength": 1, "maxLength": 200},
                "kind": {"type": "string", "enum": ["deal", "contact", "company", "meeting", "task", "activity", "email"]},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50, "description": "Lines of the answer; 20 if left out"},
                "page": {"type": "integer", "minimum": 1, "maximum": 100, "description": "The next lines of a long answer, from 1"}
            },
            "required": ["query"],
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "resolve_entity",
        title: "Find out who is meant",
        description: "Tells who or what a name means: ranks contacts, companies, deals and other records \
            by a name, a first name, initials or a misspelled name. Use it before you say \
            anything about a person of whom you know the first name only. When several are \
            close, ask the person which one is meant. The hint can be a company, a role, a deal \
            or a kind of record.",
        schema: r#"{
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 200},
                "hint": {"type": "string", "minLength": 1, "maxLength": 200, "description": "What else is known: a company, a job title, a deal, a kind such as contact"}
            },
            "required": ["name"],
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "get_deal",
        title: "Look up a deal",
        description: "Everything on record about one deal, with what was agreed on: health under 40 or a \
            ghost risk over 50 % is flagged, 14 days without activity is stale, an amount of 0 \
            asks to be qualified. People, next meeting, open to-dos and last activities are \
            there too.",
        schema: r#"{
            "type": "object",
            "properties": {
                "id": {"type": "string", "minLength": 1, "maxLength": 200, "description": "Id of the deal; or give its name; in a conversation about a deal it may be left out"},
                "name": {"type": "string", "minLength": 1, "maxLength": 200, "description": "Name of the deal, if its id is not known"}
            },
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "get_contact",
        title: "Look up a contact",
        description: "Everything on record about one person: role, company, address, last contact, deals, \
            next meeting, open to-dos and last activities.",
        schema: r#"{
            "type": "object",
            "properties": {
                "id": {"type": "string", "minLength": 1, "maxLength": 200, "description": "Id of the contact; or give its name"},
                "name": {"type": "string", "minLength": 1, "maxLength": 200, "description": "Name of the contact, if its id is not known"}
            },
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "get_company_status",
        title: "Look up a company",
        description: "How things stand with one company: its facts, people, deals with their sums, next \
            meeting, open to-dos and last activities.",
        schema: r#"{
            "type": "object",
            "properties": {
                "id": {"type": "string", "minLength": 1, "maxLength": 200, "description": "Id of the company; or give its name"},
                "name": {"type": "string", "minLength": 1, "maxLength": 200, "description": "Name of the company, if its id is not known"}
            },
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
];
