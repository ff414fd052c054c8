//! Which skills lead to which: no way may lead back, or too far.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Finding, Key, Skill, Step,
    compile::Links,
    found::{Found, Place},
    step::{Does, OnFailure},
};

/// How many skills may stand below each other, the first not counted.
pub const MAX_DEPTH: usize = 8;
/// Skills of a way that are named.
const MAX_TOLD: usize = 12;
/// The field that the steps stand in.
pub(super) const WORKFLOW: &str = "metadata.workflow";

/// Where a skill leads: what a set of skills has to be known of to find circles in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leads {
    /// Where each of its steps leads: what runs below it.
    pub steps: Vec<Way>,
    /// The skills that its text names, for the model to open if it wants.
    pub linked: Vec<Key>,
}

/// Where a step leads; one that calls a tool leads nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    pub follows: Option<Key>,
    /// The skill that is followed where the step has failed.
    pub falls_back: Option<Key>,
}

impl Leads {
    pub fn of(skill: &Skill) -> Self {
        let linked: BTreeSet<&Key> = skill.linked_skills.iter().collect();
        Self {
            steps: skill.steps.iter().map(Way::of).collect(),
            linked: linked.into_iter().cloned().collect(),
        }
    }

    /// The skills that run below it, each once.
    pub fn below(&self) -> BTreeSet<&Key> {
        self.steps.iter().flat_map(|way| way.follows.iter().chain(&way.falls_back)).collect()
    }

    fn all(&self) -> BTreeSet<&Key> {
        self.below().into_iter().chain(&self.linked).collect()
    }
}

impl Way {
    fn of(step: &Step) -> Self {
        let follows = match &step.does {
            Does::Skill(key) => Some(key.clone()),
            Does::Action(_) => None,
        };
        let falls_back = step.fallback_skill_key.clone().filter(|_| step.on_failure == OnFailure::Fallback);
        Self { follows, falls_back }
    }

    /// Steps that are executed for it, where a sequence has so many: one opens each. A skill takes over in the step
    /// itself; as a sequence, or after one, it has steps of its own.
    fn steps(&self, of: impl Fn(&Key) -> usize) -> usize {
        let [inner, fallback] = [&self.follows, &self.falls_back].map(|key| key.as_ref().map_or(0, &of));
        let apart = self.falls_back.is_some() && (inner > 0 || fallback > 0);
        let more = if apart { fallback.saturating_add(1) } else { 0 };
        inner.saturating_add(1).saturating_add(more)
    }
}

/// How much stands below a skill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Skills below each other.
    pub depth: usize,
    /// Its steps, with those of the sequences that they follow.
    pub steps: usize,
}

/// Skills that were looked at, each once; None: it leads in a circle.
pub(super) type Seen<'a> = BTreeMap<&'a Key, Option<Size>>;

/// How much stands below the skill; or the circle in which it leads, empty if it was told before. Linear in the links.
pub(super) fn size<'a>(
    first: &'a Key,
    leads: impl Fn(&Key) -> Option<&'a Leads>,
    seen: &mut Seen<'a>,
) -> Result<Size, Vec<&'a Key>> {
    let to = |key: &Key| leads(key).into_iter().flat_map(Leads::below).collect();
    let measure = |key: &Key, seen: &Seen<'a>| {
        let size = |key: &Key| seen.get(key).copied().flatten().unwrap_or_default();
        let Some(leads) = leads(key) else { return Size::default() };
        let depth = leads.below().into_iter().map(|key| size(key).depth + 1).max().unwrap_or_default();
        let steps = leads.steps.iter().map(|way| way.steps(|key| size(key).steps));
        Size { depth, steps: steps.fold(0, usize::saturating_add) }
    };
    walk(first, to, measure, seen)?;
    seen.get(first).copied().flatten().ok_or_else(Vec::new)
}

/// Looks for a circle below the skill, then at how deep it goes.
pub(super) fn check(skill: &Skill, links: &Links, found: &mut Found) {
    let own = Leads::of(skill);
    let leads = |key: &Key| if *key == skill.key { Some(&own) } else { links.get(key) };
    let problem = match size(&skill.key, leads, &mut Seen::new()) {
        Err(circle) => return found.error(Place::field(WORKFLOW), in_circle(&circle)),
        Ok(size) => too_deep(size),
    };
    if let Some(problem) = problem {
        found.error(Place::field(WORKFLOW), problem);
    }
    if let Some(Finding { field, problem, .. }) = names_itself(&skill.key, leads) {
        found.warn(Place::field(field), problem);
    }
}

/// Skills that only name each other run no circle: many real ones do. That is a warning.
pub(super) fn names_itself<'a>(first: &'a Key, leads: impl Fn(&Key) -> Option<&'a Leads>) -> Option<Finding> {
    let to = |key: &Key| leads(key).into_iter().flat_map(Leads::all).collect();
    let circle = walk(first, to, |_, _| Size::default(), &mut Seen::new()).err()?;
    Some(Finding::new("metadata.linked_skills", in_circle(&circle)))
}

pub(super) fn too_deep(size: Size) -> Option<String> {
    (size.depth > MAX_DEPTH).then(|| format!("leads {} skills deep, and {MAX_DEPTH} is the most", size.depth))
}

pub(super) fn in_circle(circle: &[&Key]) -> String {
    format!("leads in a circle: {}", told(circle))
}

pub(super) fn told(way: &[&Key]) -> String {
    let (shown, rest) = way.split_at(way.len().min(MAX_TOLD));
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
}

/// Goes down from the first skill and measures each when all below it are; or the circle. The way is a list and no
/// recursion: the links of an organization may be longer than a stack is deep.
fn walk<'a>(
    first: &'a Key,
    to: impl Fn(&Key) -> Vec<&'a Key>,
    measure: impl Fn(&Key, &Seen<'a>) -> Size,
    seen: &mut Seen<'a>,
) -> Result<(), Vec<&'a Key>> {
    if seen.contains_key(first) {
        return Ok(());
    }
    let mut on_way = BTreeSet::from([first]);
    let mut way = vec![Visit { key: first, to: to(first), next: 0 }];
    while let Some(last) = way.last_mut() {
        let Some(next) = last.to.get(last.next).copied() else {
            let size = measure(last.key, seen);
            seen.insert(last.key, Some(size));
            on_way.remove(last.key);
            way.pop();
            continue;
        };
        last.next += 1;
        let known = seen.get(next);
        if on_way.contains(next) || known == Some(&None) {
            seen.extend(way.iter().map(|visit| (visit.key, None)));
            let circle = way.iter().map(|visit| visit.key).skip_while(|key| *key != next);
            let closed = on_way.contains(next).then_some(next);
            return Err(circle.chain(closed).collect());
        }
        if known.is_none() {
            on_way.insert(next);
            way.push(Visit { key: next, to: to(next), next: 0 });
        }
    }
    Ok(())
}
