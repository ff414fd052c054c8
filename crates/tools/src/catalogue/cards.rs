//! What is shown to the person beside the words of an answer.

use domain::tool::{ToolClass::Read, ToolSpec};

pub(super) const CARDS: &[ToolSpec] = &[
    ToolSpec {
        name: "draft_email",
        title: "Draft an e-mail",
        description: "Shows the person the draft of an e-mail, to be read, changed and sent by themselves. Nothing is \
            sent. Several addresses are parted by commas.",
        schema: r#"{
            "type": "object",
            "properties": {
                "to": {"type": "string", "minLength": 1, "maxLength": 4000, "description": "Such as dana@acme.example, Tom Berg <tom@acme.example>"},
                "subject": {"type": "string", "minLength": 1, "maxLength": 300},
                "body": {"type": "string", "minLength": 1, "maxLength": 12000, "description": "Plain text"}
            },
            "required": ["to", "subject", "body"],
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "show_card",
        title: "Show a card",
        description: "Shows the person a card beside your answer: data of a type that the product can lay out. Types \
            are text with {\"text\"}, email_draft with {\"to\", \"subject\", \"body\"}, and those of the organization, \
            which skills name; the result says so when there is no such type or the data do not fit it. Up to six \
            actions are offered to the person, who takes them or not: open a record, open_url, send_message with words \
            that the person would say to you, approve a call that waits. A card changes nothing.",
        schema: r#"{
            "type": "object",
            "properties": {
                "type": {"type": "string", "minLength": 1, "maxLength": 64},
                "summary": {"type": "string", "minLength": 1, "maxLength": 500, "description": "What the card says, in a sentence: it stands for the card where none can be shown"},
                "data": {"type": "object"},
                "actions": {
                    "type": "array",
                    "maxItems": 6,
                    "items": {
                        "type": "object",
                        "properties": {
                            "type": {"type": "string", "enum": ["open", "open_url", "send_message", "approve"]},
                            "label": {"type": "string", "minLength": 1, "maxLength": 80},
                            "kind": {"type": "string", "enum": ["deal", "contact", "company", "meeting", "task", "activity", "email"], "description": "For open"},
                            "id": {"type": "string", "minLength": 1, "maxLength": 200, "description": "For open"},
                            "url": {"type": "string", "minLength": 1, "maxLength": 2048, "description": "For open_url: http or https"},
                            "prompt": {"type": "string", "minLength": 1, "maxLength": 2000, "description": "For send_message"},
                            "approval_id": {"type": "string", "maxLength": 40, "description": "For approve"}
                        },
                        "required": ["type", "label"],
                        "additionalProperties": false
                    }
                }
            },
            "required": ["type", "summary", "data"],
            "additionalProperties": false
        }"#,
        class: Read,
        actions: &[],
    },
];
