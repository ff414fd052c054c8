//! A skill becomes a text for one organization and one caller: the organization's facts, what the
//! tools are called, the body with its includes and templates.

mod calls;
mod compose;
mod context;
mod include;
mod needs;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::{
    Key, Report, Skill,
    found::{Found, Place},
    plan::Leads,
    read::Files,
};
use compose::Composer;
pub use include::{Include, includes};
pub(crate) use needs::{missing, resolve};

/// Longest compiled text, in bytes.
pub const MAX_TEXT: usize = crate::template::MAX_TEXT;

/// Every skill that the organization has, by its key, and where it leads.
pub type Links = BTreeMap<Key, Leads>;

/// What a skill is compiled for.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// The organization's facts, as `Profile::visible` gives them.
    pub facts: &'a Map<String, Value>,
    /// The tools that this caller really has, each with one line about it.
    pub tools: &'a BTreeMap<String, String>,
    /// Other names of tools, as connectors declare them: alias, then name.
    pub aliases: &'a BTreeMap<String, String>,
    /// Capabilities that connectors provide.
    pub provides: &'a BTreeSet<String>,
    /// Documents that can be included, by folder and path. Those that a text asks for: [`includes`].
    pub documents: &'a BTreeMap<String, Files>,
    pub skills: &'a Links,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// What the model is given; empty if the report has errors. It may hold tags of all kinds: who
    /// puts it between delimiters has to neutralize it.
    pub text: String,
    pub report: Report,
    /// Whether nothing is missing, and there is a text.
    pub runnable: bool,
    /// Tools, skills and capabilities that the skill names and this organization does not have,
    /// each once.
    pub missing: Vec<String>,
    /// The tools that the skill may use, if it says which: never more than the caller has.
    pub tools: Option<BTreeSet<String>>,
}

/// Compiles a skill. The same skill and world give the same bytes.
pub fn compile(skill: &Skill, world: &World<'_>) -> Compiled {
    let mut found = Found::default();
    let tools = needs::narrowed(skill, world, &mut found);
    let mut composer = Composer::new(skill, world, tools.as_ref(), &mut found);
    composer.document(&skill.body, "body");
    let done = composer.finish();
    let missing = needs::missing(skill, &done.calls, world, &mut found);
    if let Some(tools) = &tools {
        needs::warn_of_forbidden(&done.calls, tools, world, &mut found);
    }
    let mut text = done.context;
    if let Some(line) = calls::explained(&done.calls, world) {
        text.push_str(&line);
        text.push_str("\n\n");
    }
    text.push_str(&done.body);
    if done.is_cut || text.len() > MAX_TEXT {
        found.error(Place::field("body"), too_long(&text, done.is_cut));
        text.clear();
    }
    let report = found.report();
    let runnable = missing.is_empty() && report.errors.is_empty();
    Compiled { text, report, runnable, missing, tools }
}

/// What the skill names and is not there, whatever the organization says of itself: documents that are to be included,
/// tools and skills.
pub fn unknown(skill: &Skill, world: &World<'_>) -> Report {
    let mut found = Found::default();
    let mut composer = Composer::new(skill, world, None, &mut found).without_facts();
    composer.document(&skill.body, "body");
    let done = composer.finish();
    needs::unknown(skill, &done.calls, world, &mut found);
    found.report()
}

fn too_long(text: &str, is_cut: bool) -> String {
    let size = if is_cut { String::new() } else { format!(": it has {}", text.len()) };
    format!("with what it includes and the organization's facts it is longer than {MAX_TEXT} bytes{size}")
}
