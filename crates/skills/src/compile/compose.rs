//! Puts a body together: line by line, each either a piece of code, an include or text with templates.
//! What was put in is not looked at again, so that a fact can be neither a template nor an include.

use std::collections::BTreeSet;

use super::{MAX_TEXT, World, calls, context, include, include::Include};
use crate::{
    Skill,
    found::{Found, Place, cut, nearest},
    key::PLATFORM_REFERENCES,
    template::{Fence, Filler},
};

/// How deep includes may stand in each other.
const MAX_DEPTH: usize = 5;
/// Includes of one skill.
const MAX_INCLUDES: usize = 100;
/// Longest line about a tool, in characters.
const ABOUT: usize = 200;
/// Different names that are called by one skill.
const MAX_CALLS: usize = 100;

pub(super) struct Composer<'a> {
    world: &'a World<'a>,
    profile: Option<&'a str>,
    tools: Option<&'a BTreeSet<String>>,
    found: &'a mut Found,
    filler: Filler<'a>,
    out: String,
    /// The documents inside which we are.
    inside: Vec<Include>,
    included: usize,
    has_context: bool,
    /// Whether templates and facts are filled in.
    fills: bool,
    calls: Vec<String>,
}

pub(super) struct Composed {
    /// The block that stands before the body; empty if the body has it where it wants it.
    pub context: String,
    pub body: String,
    /// Names of `execute_action`, each once.
    pub calls: Vec<String>,
    /// Whether it was given up because it is too long.
    pub is_cut: bool,
}

impl<'a> Composer<'a> {
    pub fn new(
        skill: &'a Skill,
        world: &'a World<'a>,
        tools: Option<&'a BTreeSet<String>>,
        found: &'a mut Found,
    ) -> Self {
        Self {
            world,
            profile: skill.context_profile.as_deref(),
            tools,
            found,
            filler: Filler::new(world.facts),
            out: String::new(),
            inside: Vec::new(),
            included: 0,
            has_context: false,
            fills: true,
            calls: Vec::new(),
        }
    }

    /// Looks for what is named alone.
    pub fn without_facts(self) -> Self {
        Self { fills: false, ..self }
    }

    fn is_full(&self) -> bool {
        self.out.len() > MAX_TEXT || self.filler.is_tired()
    }

    pub fn document(&mut self, text: &str, field: &str) {
        self.note_calls(text, field);
        let mut fence = Fence::default();
        for (line, number) in text.split_inclusive('\n').zip(1..) {
            if self.is_full() {
                return;
            }
            let place = Place { field: field.to_owned(), line: Some(number) };
            if fence.holds(line) {
                self.out.push_str(line);
            } else if let Some((include, rest)) = include::parse(line) {
                self.include(include, &place);
                self.rest(rest, &place);
            } else {
                self.line(line, &place);
            }
        }
    }

    /// Each name that is called, once.
    fn note_calls(&mut self, text: &str, field: &str) {
        for name in calls::named(text) {
            if self.calls.iter().any(|known| known == name) {
                continue;
            }
            if self.calls.len() == MAX_CALLS {
                let problem =
                    format!("calls more than {MAX_CALLS} different actions; the others are not checked");
                return self.found.warn(Place::field(field), problem);
            }
            self.calls.push(name.to_owned());
        }
    }

    /// What stands on the line behind an include.
    fn rest(&mut self, rest: &str, place: &Place) {
        if rest.trim().is_empty() {
            self.end_line();
        } else {
            self.line(rest.trim_start(), place);
        }
    }

    fn line(&mut self, line: &str, place: &Place) {
        if self.fills {
            self.filler.line(line, &mut self.out, self.found, place);
        }
    }

    fn end_line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }

    fn include(&mut self, include: Include, place: &Place) {
        self.included += 1;
        if self.included > MAX_INCLUDES {
            let problem = format!("there are more than {MAX_INCLUDES} includes; this one was removed");
            return self.found.warn(place.clone(), problem);
        }
        match (include.folder.as_str(), include.document.as_str()) {
            (PLATFORM_REFERENCES, "org-variables.md") => self.context(place),
            (PLATFORM_REFERENCES, "capabilities.md") => self.capabilities(),
            _ => self.other(include, place),
        }
        self.end_line();
    }

    fn context(&mut self, place: &Place) {
        if self.has_context {
            let problem = "the organization's facts stand above already; this include was removed";
            return self.found.warn(place.clone(), problem.into());
        }
        self.has_context = true;
        if !self.fills {
            return;
        }
        let block = context::block(self.world.facts, self.profile, self.found);
        self.out.push_str(block.trim_end());
    }

    fn capabilities(&mut self) {
        let world = self.world;
        let usable = |name: &String| self.tools.is_none_or(|tools| tools.contains(name));
        let tools: Vec<_> = world.tools.iter().filter(|(name, _)| usable(name)).collect();
        if tools.is_empty() {
            self.out.push_str("There are no tools for this.");
            return;
        }
        self.out.push_str("Tools for this:\n\n");
        for (name, about) in tools {
            let about: String = about.split_whitespace().collect::<Vec<_>>().join(" ");
            let about: String = about.chars().take(ABOUT).collect();
            self.out.push_str(&format!("- `{name}`: {about}\n"));
        }
    }

    fn other(&mut self, include: Include, place: &Place) {
        let name = format!("{}/{}", include.folder, include.document);
        let world = self.world;
        let text = world.documents.get(&include.folder).and_then(|files| files.get(&include.document));
        let Some(text) = text else {
            let problem =
                format!("`@{}` is not a document that is known here; the include was removed", cut(&name));
            return self.found.suggest(place.clone(), problem, || {
                let files = world.documents.get(&include.folder)?;
                let file = nearest(&include.document, files.keys().map(String::as_str))?;
                Some(format!("@{}/{file}", include.folder))
            });
        };
        if self.inside.contains(&include) {
            let problem = format!("`@{name}` includes itself; the include was removed");
            return self.found.warn(place.clone(), problem);
        }
        if self.inside.len() >= MAX_DEPTH {
            let problem = format!("`@{name}` stands deeper than {MAX_DEPTH} includes and was removed");
            return self.found.warn(place.clone(), problem);
        }
        self.inside.push(include);
        self.document(text, &name);
        self.inside.pop();
    }

    pub fn finish(mut self) -> Composed {
        let before = self.fills && self.profile.is_some() && !self.has_context;
        let mut context = String::new();
        if before {
            context = context::block(self.world.facts, self.profile, self.found);
            if !context.is_empty() {
                context.push('\n');
            }
        }
        let is_cut = self.is_full();
        Composed { context, body: std::mem::take(&mut self.out), calls: self.calls, is_cut }
    }
}
