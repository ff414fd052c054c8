//! Skills as those see them who use them: what is offered, and what was found to fit a message.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    permission::Policy,
    skill::{ExecutionMode, Kind, Source},
};

/// How a skill was found to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    /// The request names it.
    Request,
    /// The message calls it by its command.
    Command,
    Trigger,
    Keyword,
    Text,
}

/// Which skill fits a message, and why. One that the message names or calls by its command is
/// followed; of any other the copilot is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Routing {
    pub skill_key: String,
    pub matched_by: MatchedBy,
    /// 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub confidence: f64,
    /// For people.
    pub reason: String,
}

/// How a skill is called in the chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OfferedCommand {
    /// Without the slash.
    pub label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A skill that the caller's copilot is offered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OfferedSkill {
    pub key: String,
    pub kind: Kind,
    pub name: String,
    pub description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<OfferedCommand>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    #[schema(required)]
    pub category: Option<String>,
    #[schema(required)]
    pub priority: Option<String>,
    pub tags: Vec<String>,
    /// The skill that took its place. One that has this or a reason is shown, and copilots do not use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecation_reason: Option<String>,
    /// JSON Schema of what it works on; null, if it says nothing of that.
    #[schema(required, value_type = Option<Object>)]
    pub inputs: Option<Value>,
    /// What it needs to know, each item one of these names. The copilot asks for what is missing.
    pub required_context: Vec<Vec<String>>,
    pub execution_mode: ExecutionMode,
    pub source: Source,
    pub version: i64,
    /// Whether it can run for this caller: nothing that it names is missing, and nothing is wrong with it.
    pub runnable: bool,
    /// Tools, skills and capabilities that it names and this caller does not have.
    pub missing: Vec<String>,
    /// What else keeps it from running, such as a circle in which its steps lead.
    pub problems: Vec<String>,
}

/// What a run that follows a skill would do. Nothing was done, and no model was asked.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Simulation {
    /// Always true.
    pub simulated: bool,
    pub skill_key: String,
    pub version: i64,
    pub runnable: bool,
    /// Tools, skills and capabilities that it names and this caller does not have.
    pub missing: Vec<String>,
    /// What it needs to know and was not told.
    pub needs: Vec<String>,
    /// Why it cannot run.
    pub problems: Vec<String>,
    /// What the model would be given of the skill.
    pub text: String,
    /// The tools that it may call; left out: all that the caller has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// The steps of a sequence.
    pub steps: Vec<SimulatedStep>,
}

/// A step as it would be carried out.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SimulatedStep {
    /// Place in the sequence, from 1.
    pub order: i32,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skill_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// What it would be given.
    #[schema(value_type = Object)]
    pub input: Map<String, Value>,
    /// What its mapping reads and nothing says: null.
    pub missing: Vec<String>,
    /// What its mapping reads of steps whose result is known only when they are carried out.
    pub later: Vec<String>,
    /// Whether it would be carried out by itself: what the matrix and the step say.
    pub policy: Policy,
    pub would: Would,
    /// `stop`, `continue`, or the skill that would be followed instead.
    pub on_failure: String,
}

/// What a step would do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Would {
    /// It reads; it was carried out, and that is what it found.
    Read { result: String },
    /// It writes; what a person would be shown who decides about it.
    Write {
        #[schema(value_type = Object)]
        preview: Value,
    },
    /// The model follows the skill, until it hands in these outputs.
    Follow {
        version: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        tools: Option<Vec<String>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Object>)]
        outputs: Option<Value>,
        missing: Vec<String>,
    },
    /// It calls a tool elsewhere, or asks the person.
    Call { title: String },
    /// It fails, with what is known now.
    Fail { why: String },
}
