//! Which skills lead to which: no way may lead back, or too far.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Key, Skill,
    compile::Links,
    found::{Found, Place},
    step::{Does, OnFailure},
};

/// How many skills may stand below each other, the first not counted.
pub const MAX_DEPTH: usize = 8;
/// Skills of a circle that are named.
const MAX_TOLD: usize = 12;

/// Where a skill leads: what a set of skills has to be known of to find circles in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leads {
    /// The skills of its steps, and those that they fall back to: they run below it.
    pub follows: Vec<Key>,
    /// The skills that its text names, for the model to open if it wants.
    pub linked: Vec<Key>,
}

impl Leads {
    pub fn of(skill: &Skill) -> Self {
        let steps = skill.steps.iter().flat_map(|step| {
            let follows = match &step.does {
                Does::Skill(key) => Some(key),
                Does::Action(_) => None,
            };
            let fallback = step.fallback_skill_key.iter().filter(|_| step.on_failure == OnFailure::Fallback);
            follows.into_iter().chain(fallback)
        });
        Self { follows: unique(steps), linked: unique(skill.linked_skills.iter()) }
    }
}

fn unique<'a>(keys: impl Iterator<Item = &'a Key>) -> Vec<Key> {
    keys.collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

/// Looks for a circle below the skill, then at how deep it goes. Linear in the links.
///
/// Skills that only name each other run no circle: many real ones do. That is a warning.
pub(super) fn check(skill: &Skill, links: &Links, found: &mut Found) {
    let own = Leads::of(skill);
    let leads = |key: &Key| if *key == skill.key { Some(&own) } else { links.get(key) };
    let steps = Place::field("metadata.workflow");
    match depth(&skill.key, |key| leads(key).into_iter().flat_map(|leads| &leads.follows).collect()) {
        Err(circle) => return found.error(steps, format!("leads in a circle: {}", told(&circle))),
        Ok(depth) if depth > MAX_DEPTH => {
            found.error(steps, format!("leads {depth} skills deep, and {MAX_DEPTH} is the most"));
        }
        Ok(_) => {}
    }
    let all = |leads: Option<_>| -> Vec<_> {
        leads.into_iter().flat_map(|leads: &Leads| leads.follows.iter().chain(&leads.linked)).collect()
    };
    if let Err(circle) = depth(&skill.key, |key| all(leads(key))) {
        let problem = format!("leads in a circle: {}", told(&circle));
        found.warn(Place::field("metadata.linked_skills"), problem);
    }
}

fn told(circle: &[&Key]) -> String {
    let (shown, rest) = circle.split_at(circle.len().min(MAX_TOLD));
    let shown: Vec<&str> = shown.iter().map(|key| key.as_str()).collect();
    let rest = if rest.is_empty() { "" } else { " → …" };
    format!("{}{rest}", shown.join(" → "))
}

/// A skill on the way down.
struct Visit<'a> {
    key: &'a Key,
    to: Vec<&'a Key>,
    /// Which of those is next.
    next: usize,
    /// Of what was seen below it.
    depth: usize,
}

/// How many skills stand below the first; or the circle. The way is a list and no recursion: the links
/// of an organization may be longer than a stack is deep.
fn depth<'a>(first: &'a Key, to: impl Fn(&Key) -> Vec<&'a Key>) -> Result<usize, Vec<&'a Key>> {
    let (mut done, mut on_way) = (BTreeMap::new(), BTreeSet::from([first]));
    let mut way = vec![Visit { key: first, to: to(first), next: 0, depth: 0 }];
    loop {
        let Some(last) = way.last_mut() else {
            return Ok(done.get(first).copied().unwrap_or_default());
        };
        let Some(next) = last.to.get(last.next).copied() else {
            let (key, depth) = (last.key, last.depth);
            way.pop();
            on_way.remove(key);
            done.insert(key, depth);
            if let Some(above) = way.last_mut() {
                above.depth = above.depth.max(depth + 1);
            }
            continue;
        };
        last.next += 1;
        if on_way.contains(next) {
            let from = way.iter().skip_while(|visit| visit.key != next);
            return Err(from.map(|visit| visit.key).chain([next]).collect());
        }
        if let Some(below) = done.get(next) {
            last.depth = last.depth.max(below + 1);
            continue;
        }
        on_way.insert(next);
        way.push(Visit { key: next, to: to(next), next: 0, depth: 0 });
    }
}
