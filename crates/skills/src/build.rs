//! Skills for tests, without a document.

use serde_json::{Map, Value};

use crate::{
    Key, Skill, Step,
    skill::{ExecutionMode, Input, Kind, Mode, Pattern, Trigger},
    step::{Does, OnFailure},
};

pub fn key(text: &str) -> Key {
    text.parse().expect("a key")
}

pub fn skill(name: &str) -> Skill {
    Skill {
        key: key(name),
        name: name.to_owned(),
        description: String::new(),
        kind: Kind::Atomic,
        category: None,
        priority: None,
        tags: vec![],
        agent_affinity: vec![],
        author: None,
        version: None,
        license: None,
        compatibility: None,
        active: true,
        deprecation: None,
        triggers: vec![],
        keywords: vec![],
        inputs: vec![],
        input_schema: None,
        output_schema: None,
        required_context: vec![],
        optional_context: vec![],
        requires_capabilities: vec![],
        context_profile: None,
        command: None,
        namespaces: vec![],
        card: None,
        allowed_tools: None,
        linked_skills: vec![],
        steps: vec![],
        timeout_ms: None,
        execution_mode: ExecutionMode::Sync,
        mode: Mode::Auto,
        model: None,
        tier: None,
        other: Map::new(),
        body: String::new(),
    }
}

pub fn with_body(body: &str) -> Skill {
    Skill { body: body.to_owned(), ..skill("brief") }
}

pub fn sequence(name: &str, steps: Vec<Step>) -> Skill {
    Skill { kind: Kind::Sequence, steps, ..skill(name) }
}

fn step(order: u32, does: Does, input_mapping: &Value) -> Step {
    Step {
        order,
        does,
        input_mapping: input_mapping.as_object().cloned().expect("an object"),
        output_key: None,
        on_failure: OnFailure::Stop,
        requires_approval: false,
        description: None,
        timeout_ms: None,
        max_retries: 0,
        fallback_skill_key: None,
    }
}

pub fn follows(order: u32, other: &str, input_mapping: &Value) -> Step {
    step(order, Does::Skill(key(other)), input_mapping)
}

pub fn calls(order: u32, tool: &str, input_mapping: &Value) -> Step {
    step(order, Does::Action(tool.to_owned()), input_mapping)
}

pub fn gives(output: &str, step: Step) -> Step {
    Step { output_key: Some(output.to_owned()), ..step }
}

pub fn trigger(pattern: Pattern) -> Trigger {
    Trigger { pattern, intent: None, confidence: 0.7, examples: vec![] }
}

pub fn input(name: &str) -> Input {
    Input { name: name.to_owned(), schema: serde_json::json!({"type": "string"}), required: false }
}
