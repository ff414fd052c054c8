//! The keys of the front matter, with what their values are. The reader and the published JSON
//! Schema are both made from it.

use Home::{Metadata, Top};
use Shape::{
    Any, Choice, Closed, Count, Flag, Inert, Keys, Object, Part, Record, Required, Schema, SkillKey, Steps,
    Text, Texts, Triggers, Type, Usual, UsualTexts, Values, Word,
};

use crate::limits;

/// Where a key belongs. It is read at the other level too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    Top,
    /// Under `metadata`, or inside of a record.
    Metadata,
}

/// What a value is.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// At most so many characters.
    Text(usize),
    /// The same, and at least one.
    Required(usize),
    /// The key of a skill.
    SkillKey,
    /// Letters, digits, `_` and `-`.
    Word,
    /// One of these and no other.
    Closed(&'static [&'static str]),
    /// Usually one of these.
    Usual(&'static [&'static str]),
    /// A list of texts, or one text with commas.
    Texts,
    UsualTexts(&'static [&'static str]),
    /// A list of keys of skills, or one text with commas.
    Keys,
    Flag,
    /// A whole number, from the first to the second.
    Count(u64, u64),
    /// A number of 0 to 1.
    Part,
    Any,
    /// A map with any keys.
    Object,
    /// A map with these keys.
    Record(&'static [Known]),
    /// A list of [`TRIGGER`]s, each of which may be a text alone.
    Triggers,
    /// A list of [`VALUE`]s, each of which may be a text alone; or a map of them by name.
    Values,
    /// The type of a value, or several.
    Type,
    /// The values that are allowed.
    Choice,
    /// JSON Schema of an object.
    Schema,
    /// A list of [`STEP`]s.
    Steps,
    /// Kept as it is written; it does nothing yet.
    Inert,
}

#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub name: &'static str,
    /// Other spellings that are read.
    pub older: &'static [&'static str],
    pub home: Home,
    pub shape: Shape,
    pub about: &'static str,
}

impl Known {
    /// Whether it may be written so.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.older.contains(&name)
    }
}

const fn top(name: &'static str, shape: Shape, about: &'static str) -> Known {
    Known { name, older: &[], home: Top, shape, about }
}

const fn key(name: &'static str, shape: Shape, about: &'static str) -> Known {
    Known { name, older: &[], home: Metadata, shape, about }
}

const fn also(older: &'static [&'static str], known: Known) -> Known {
    Known { older, ..known }
}

/// Longest output key, in characters.
pub(crate) const OUTPUT_KEY: usize = 64;
/// Most types of one value.
pub(crate) const VALUE_TYPES: usize = 8;

const TIMEOUT: Shape = Count(1, limits::TIMEOUT_MS);

pub(crate) const SKILL_TYPES: &[&str] = &["atomic", "sequence", "composite"];
pub(crate) const EXECUTION_MODES: &[&str] = &["sync", "async", "streaming"];
pub(crate) const ON_FAILURE: &[&str] = &["stop", "continue", "fallback"];
pub(crate) const MODES: &[&str] = &["auto", "single", "agent"];
/// How much of a model it needs.
pub(crate) const TIERS: &[&str] = &["low", "medium", "high"];
pub(crate) const PROFILES: &[&str] = &["sales", "research", "communication", "full"];
pub(crate) const NAMESPACES: &[&str] = &["copilot", "fleet", "slack", "shared"];
pub(crate) const PRIORITIES: &[&str] = &["critical", "high", "medium", "low"];
pub(crate) const CATEGORIES: &[&str] = &[
    "sales-ai",
    "writing",
    "enrichment",
    "workflows",
    "data-access",
    "output-format",
    "agent-sequence",
    "research",
    "communication",
];
pub(crate) const AGENTS: &[&str] =
    &["pipeline", "outreach", "research", "crm_ops", "meetings", "prospecting", "writing"];
/// Capabilities that built-in tools have. Connectors declare more.
pub(crate) const CAPABILITIES: &[&str] =
    &["crm", "tasks", "meetings", "calendar", "messaging", "email", "web_search"];

pub(crate) const FRONT_MATTER: &[Known] = &[
    top("name", Required(limits::NAME), "The skill's title, or its key as the open format has it"),
    top(
        "description",
        Required(limits::DESCRIPTION),
        "What it does and when to use it: what the model chooses by",
    ),
    top("license", Text(limits::FRONT_MATTER), "License of the skill"),
    top("compatibility", Text(limits::FRONT_MATTER), "What the skill needs around it, in words"),
    also(
        &["allowed_tools"],
        top("allowed-tools", Texts, "The tools that it is given; all, where it is left out"),
    ),
    key("title", Text(limits::NAME), "The title, where `name` is the key"),
    key("skill_type", Closed(SKILL_TYPES), "What it is made of"),
    key("category", Usual(CATEGORIES), "Shelf of the catalogue"),
    key("priority", Usual(PRIORITIES), "Which of two skills with one command label wins"),
    key("tags", Texts, "Words to filter by"),
    key("agent_affinity", UsualTexts(AGENTS), "Kinds of agents that it suits"),
    key("author", Text(limits::FRONT_MATTER), "Who wrote it"),
    key("version", Text(limits::FRONT_MATTER), "The author's number, not interpreted"),
    key("is_active", Flag, "False: imported switched off"),
    key("deprecated_by", Text(limits::NAME), "Key of the skill that took its place"),
    key("deprecation_reason", Text(limits::TEXT), "Why it is switched off"),
    key("triggers", Triggers, "What a message that needs the skill says"),
    key("keywords", Texts, "Words by which it is found when no trigger fits"),
    key("inputs", Values, "What it takes"),
    key("input_schema", Schema, "What it takes, as JSON Schema"),
    key("outputs", Values, "What it gives"),
    key("output_schema", Schema, "What it gives, as JSON Schema"),
    also(
        &["requires_context"],
        key(
            "required_context",
            Texts,
            "What has to be known; the copilot asks for it. `a OR b` is one of both",
        ),
    ),
    key("optional_context", Texts, "What helps when it is known"),
    key("requires_capabilities", UsualTexts(CAPABILITIES), "What has to be connected"),
    key("context_profile", Usual(PROFILES), "Which of the organization's facts stand before the body"),
    also(&["command_center"], key("command_centre", Record(COMMAND), "Its slash command in the chat")),
    also(
        &["namespaces"],
        key("namespace", UsualTexts(NAMESPACES), "Where it is offered; everywhere, if left out"),
    ),
    also(
        &["output_type", "output_format"],
        key("structured_response_type", Text(limits::NAME), "The card that the result is shown as"),
    ),
    key("linked_skills", Keys, "Keys of skills that it names"),
    also(&["sequence_steps"], key("workflow", Steps, "Steps of a sequence, one after the other")),
    key("timeout_ms", TIMEOUT, "Its time, in milliseconds, within the organization's limit"),
    key("execution_mode", Closed(EXECUTION_MODES), "How the result is delivered"),
    key("mode", Usual(MODES), "One call of the model, or the agent's loop; `auto` decides by the size"),
    key("tier", Usual(TIERS), "How much of a model it needs; the turn decides, if left out"),
    key("model", Text(limits::NAME), "The model that is to answer, as provider/model, where it may be asked"),
    key("signal_triggers", Inert, "Kept; does nothing yet"),
    key("pipeline", Inert, "Kept; does nothing yet"),
    key("actions", Inert, "Kept; does nothing yet"),
];

/// Whether a key of this name is more than kept.
pub(crate) fn means_something(name: &str) -> bool {
    FRONT_MATTER.iter().any(|known| known.name == name && !matches!(known.shape, Inert))
}

pub(crate) const TRIGGER: &[Known] = &[
    key(
        "pattern",
        Text(limits::PATTERN),
        "A phrase, a phrase with [placeholders], /command, event.name or /regular expression/",
    ),
    key("event", Text(limits::PATTERN), "Name of an event, in place of a pattern"),
    key("intent", Text(limits::NAME), "What the person wants, as a name"),
    key("confidence", Part, "How sure a match is, 0 to 1; 0.7 if left out"),
    key("examples", Texts, "Messages that need the skill"),
];

pub(crate) const COMMAND: &[Known] = &[
    key("enabled", Flag, "False: it has no command"),
    key("label", Text(limits::NAME), "The command, with or without its slash"),
    key("description", Text(limits::TEXT), "What the menu says of it"),
    key("icon", Text(limits::NAME), "Name of an icon"),
];

/// An input or an output. Any other keyword of JSON Schema may stand beside these.
pub(crate) const VALUE: &[Known] = &[
    key("name", Required(limits::NAME), "The name, as mappings use it"),
    key("type", Type, "string, number, integer, boolean, array, object, date, datetime, email, url"),
    key("description", Text(limits::TEXT), "What it is"),
    key("required", Flag, "Whether it has to be given"),
    key("default", Any, "What it is if it is not given"),
    key("example", Any, "A value such as it may be"),
    key("enum", Choice, "The values that it may have"),
];

pub(crate) const STEP: &[Known] = &[
    key("order", Count(0, u16::MAX as u64), "Place in the sequence"),
    key("skill_key", SkillKey, "Key of the skill that it follows"),
    key("action", Required(limits::NAME), "Name of the tool that it calls"),
    key("input_mapping", Object, "Arguments, with ${…} over outputs, inputs, trigger.params and context"),
    key("output_key", Word, "The name under which later steps find the result"),
    key("on_failure", Closed(ON_FAILURE), "What happens when it failed"),
    also(&["needs_confirmation"], key("requires_approval", Flag, "A person approves it before it begins")),
    key("description", Text(limits::TEXT), "What it is for"),
    key("timeout_ms", TIMEOUT, "Its time, in milliseconds"),
    key("max_retries", Count(0, limits::RETRIES), "How often it is tried again"),
    key("fallback_skill_key", SkillKey, "Key of the skill that is followed where it failed"),
];
