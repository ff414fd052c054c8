//! A skill as it was understood: typed, checked, dialect forgotten.

pub use domain::{
    models::Tier,
    run::Mode,
    skill::{ExecutionMode, Kind},
};
use serde_json::{Map, Value};

use crate::{Key, Step};

/// How a message is recognized by a trigger's pattern.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// Stands in the message, letters' case aside.
    Phrase(String),
    /// A phrase with `[placeholder]`s: each stands for one to a few words.
    Template(String),
    /// `/slash`: the whole command, without the slash.
    Command(String),
    /// Name of an event, such as `meeting.ended`: no message matches it.
    Event(String),
    /// A regular expression, checked, of the linear-time engine's syntax.
    Regex(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    pub pattern: Pattern,
    pub intent: Option<String>,
    /// 0 to 1; 0.7 where the author gave none.
    pub confidence: f64,
    pub examples: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    pub name: String,
    /// Its JSON Schema, made of type, description, enum, default and example.
    pub schema: Value,
    pub required: bool,
}

/// How it stands in the chat's command menu (`command_centre`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Without the slash.
    pub label: String,
    pub description: Option<String>,
    pub icon: Option<String>,
}

/// One requirement of `required_context`: any of these names satisfies it ("a OR b").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs(pub Vec<String>);

impl Needs {
    /// Whether one of the names is known, as it stands or as the id of a record: `deal` by `deal_id`.
    pub fn met(&self, known: impl Fn(&str) -> bool) -> bool {
        self.0.iter().any(|name| {
            let name = name.trim();
            let kind = name.trim_end_matches("_id").trim_end_matches("_name");
            known(name) || known(kind) || known(&format!("{kind}_id"))
        })
    }
}

/// Why it is switched off for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deprecation {
    pub by: Option<String>,
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Skill {
    pub key: Key,
    /// The title for people.
    pub name: String,
    pub description: String,
    pub kind: Kind,
    pub category: Option<String>,
    pub priority: Option<String>,
    pub tags: Vec<String>,
    pub agent_affinity: Vec<String>,
    pub author: Option<String>,
    /// The author's number, not interpreted.
    pub version: Option<String>,
    pub license: Option<String>,
    pub compatibility: Option<String>,
    pub active: bool,
    pub deprecation: Option<Deprecation>,
    pub triggers: Vec<Trigger>,
    pub keywords: Vec<String>,
    pub inputs: Vec<Input>,
    /// JSON Schema of the inputs, an object's.
    pub input_schema: Option<Value>,
    /// JSON Schema of the result, an object's: what `submit_output` takes.
    pub output_schema: Option<Value>,
    pub required_context: Vec<Needs>,
    pub optional_context: Vec<Needs>,
    pub requires_capabilities: Vec<String>,
    /// Which facts of the organization stand before the body: `sales`, `research`,
    /// `communication`, `full`; any other means all.
    pub context_profile: Option<String>,
    pub command: Option<Command>,
    /// Where it is offered (`copilot`, `fleet`, `slack`, `shared`); empty means everywhere.
    pub namespaces: Vec<String>,
    /// The card that the result is shown as.
    pub card: Option<String>,
    /// The tools that it wants (`allowed-tools`); it is given no others. None: all.
    pub allowed_tools: Option<Vec<String>>,
    pub linked_skills: Vec<Key>,
    /// The steps of a sequence, by their order.
    pub steps: Vec<Step>,
    pub timeout_ms: Option<u64>,
    pub execution_mode: ExecutionMode,
    pub mode: Mode,
    /// The model that is to answer, as `provider/model`.
    pub model: Option<String>,
    /// How much of a model it needs.
    pub tier: Option<Tier>,
    /// Keys that do nothing yet, as written.
    pub other: Map<String, Value>,
    /// The Markdown below the front matter, byte for byte.
    pub body: String,
}

impl Skill {
    /// Whether the service carries it out, step by step: it has steps, and says not that it is atomic. One without
    /// steps is an instruction, whatever it calls itself.
    pub fn is_sequence(&self) -> bool {
        self.kind != Kind::Atomic && !self.steps.is_empty()
    }

    /// The defaults of the inputs that have one.
    pub fn defaults(&self) -> Map<String, Value> {
        let properties = self.input_schema.as_ref().and_then(|schema| schema["properties"].as_object());
        let inputs = properties.into_iter().flatten();
        inputs.filter_map(|(name, schema)| Some((name.clone(), schema.get("default")?.clone()))).collect()
    }
}
