//! What a skill needs, and whether it is there.

use std::collections::BTreeSet;

use super::World;
use crate::{
    Key, Skill,
    found::{Found, Place, cut, nearest},
    step::{Does, OnFailure},
};

/// The tools that stand for a capability. One of them is enough: which of them a caller has is a
/// matter of rights, not of what is connected. No built-in searches the web.
const CAPABILITIES: [(&str, &[&str]); 7] = [
    (
        "crm",
        &[
            "find_entities",
            "get_entity",
            "resolve_entity",
            "get_deal",
            "get_contact",
            "get_company_status",
            "get_deal_activities",
            "get_pipeline_deals",
            "get_pipeline_summary",
            "get_contacts_needing_attention",
            "create_entity",
            "update_entity",
            "create_activity",
        ],
    ),
    ("tasks", &["list_tasks", "create_task", "complete_task"]),
    ("meetings", &["get_meetings", "get_next_meeting", "get_meetings_for_period", "search_meeting_context"]),
    ("calendar", &["get_meetings_for_period", "get_next_meeting", "get_meetings"]),
    ("messaging", &["send_slack", "send_notification"]),
    ("email", &["draft_email", "search_emails", "send_email"]),
    ("web_search", &["web_search"]),
];

/// Whether a capability is there: by a built-in, or by a connector that provides it.
fn capability(name: &str, world: &World<'_>) -> bool {
    let name = name.trim().to_lowercase();
    let tools = CAPABILITIES.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, tools)| tools);
    world.provides.contains(&name) || tools.iter().any(|tool| resolve(tool, world).is_some())
}

/// The name of the tool that is called so, if the caller has it.
pub(crate) fn resolve<'a>(name: &str, world: &World<'a>) -> Option<&'a str> {
    let aliased = || world.tools.get_key_value(world.aliases.get(name)?);
    world.tools.get_key_value(name).or_else(aliased).map(|(name, _)| name.as_str())
}

/// The tools that the skill may use; each that it wants in vain is a warning.
pub(super) fn narrowed(skill: &Skill, world: &World<'_>, found: &mut Found) -> Option<BTreeSet<String>> {
    let wanted = skill.allowed_tools.as_ref()?;
    let mut tools = BTreeSet::new();
    for name in wanted {
        if let Some(tool) = resolve(name, world) {
            tools.insert(tool.to_owned());
        } else {
            let problem = format!("`{}` is not a tool that is there; nothing is given for it", cut(name));
            found.suggest(Place::field("allowed-tools"), problem, || nearest(name, names(world)));
        }
    }
    Some(tools)
}

pub(super) fn warn_of_forbidden(
    calls: &[String],
    tools: &BTreeSet<String>,
    world: &World<'_>,
    found: &mut Found,
) {
    for (call, tool) in calls.iter().filter_map(|call| Some((call, resolve(call, world)?))) {
        if !tools.contains(tool) {
            let problem = format!("`{call}` is called in the body and not among the allowed tools");
            found.warn(Place::field("allowed-tools"), problem);
        }
    }
}

/// What the skill names and the organization does not have, each once, in the order of its naming.
pub(crate) fn missing(skill: &Skill, calls: &[String], world: &World<'_>, found: &mut Found) -> Vec<String> {
    let mut missing = Missing { world, found, names: Vec::new(), seen: BTreeSet::new() };
    for name in &skill.requires_capabilities {
        missing.capability(name);
    }
    missing.named(skill, calls);
    missing.names
}

/// The same without capabilities: which are there is a matter of what an organization has connected.
pub(super) fn unknown(skill: &Skill, calls: &[String], world: &World<'_>, found: &mut Found) {
    Missing { world, found, names: Vec::new(), seen: BTreeSet::new() }.named(skill, calls);
}

struct Missing<'a, 'w> {
    world: &'a World<'w>,
    found: &'a mut Found,
    names: Vec<String>,
    seen: BTreeSet<String>,
}

impl Missing<'_, '_> {
    fn named(&mut self, skill: &Skill, calls: &[String]) {
        for name in calls {
            self.tool(name, || Place::field("body"));
        }
        for key in &skill.linked_skills {
            self.skill(key, || Place::field("metadata.linked_skills"));
        }
        for (step, number) in skill.steps.iter().zip(0..) {
            let place =
                |field: &'static str| move || Place::field(format!("metadata.workflow[{number}].{field}"));
            match &step.does {
                Does::Skill(key) => self.skill(key, place("skill_key")),
                Does::Action(name) => self.tool(name, place("action")),
            }
            if let (OnFailure::Fallback, Some(key)) = (step.on_failure, &step.fallback_skill_key) {
                self.skill(key, place("fallback_skill_key"));
            }
        }
    }

    fn capability(&mut self, name: &str) {
        if !capability(name, self.world) {
            let problem =
                format!("the capability `{}` is not there: nothing connected provides it", cut(name));
            let place = Place::field("metadata.requires_capabilities");
            self.found.suggest(place, problem, || nearest(name, CAPABILITIES.map(|(known, _)| known)));
            self.add(name);
        }
    }

    fn tool(&mut self, name: &str, place: impl Fn() -> Place) {
        if resolve(name, self.world).is_none() {
            let problem = format!("`{}` is not a tool that is there", cut(name));
            self.found.suggest(place(), problem, || nearest(name, names(self.world)));
            self.add(name);
        }
    }

    fn skill(&mut self, key: &Key, place: impl Fn() -> Place) {
        if !self.world.skills.contains_key(key) {
            let nearest = || nearest(key.as_str(), self.world.skills.keys().map(Key::as_str));
            self.found.suggest(place(), format!("there is no skill `{key}`"), nearest);
            self.add(key.as_str());
        }
    }

    fn add(&mut self, name: &str) {
        if self.seen.insert(name.to_owned()) {
            self.names.push(name.to_owned());
        }
    }
}

fn names<'a>(world: &World<'a>) -> impl Iterator<Item = &'a str> {
    world.tools.keys().chain(world.aliases.keys()).map(String::as_str)
}
