//! Keys are taken out of a map one by one, under any of their spellings and at either level. What is
//! left at the end is unknown.

use serde_json::{Map, Value};

use super::{
    guess::nearest,
    table::{Home, Known},
    values::free,
    yaml::{Data, Entry, Node},
};
use crate::{Finding, Report, limits};

/// A value and where it stands.
#[derive(Clone)]
pub(super) struct At<'n> {
    pub path: String,
    pub line: usize,
    pub node: &'n Node,
}

impl<'n> At<'n> {
    /// A finding about this value.
    pub fn finding(&self, problem: impl Into<String>) -> Finding {
        Finding::new(self.path.clone(), problem).on_line(self.line)
    }

    /// The items of a list; anything else is a list of itself, and nothing is an empty one.
    pub fn items(&self, most: usize, report: &mut Report) -> Vec<At<'n>> {
        let Data::List(items) = &self.node.data else {
            return if self.node.is_null() { Vec::new() } else { vec![self.clone()] };
        };
        if items.len() > most {
            report.error(self.finding(format!("has {} items, and {most} is the most", items.len())));
            return Vec::new();
        }
        let item =
            |(i, node): (usize, &'n Node)| At { path: format!("{}[{i}]", self.path), line: node.line, node };
        items.iter().enumerate().map(item).collect()
    }
}

struct Slot<'n> {
    name: &'n str,
    home: Home,
    at: At<'n>,
    taken: bool,
}

/// The keys of a map, or of two levels of the front matter.
pub(super) struct Fields<'n> {
    known: &'static [Known],
    slots: Vec<Slot<'n>>,
}

impl<'n> Fields<'n> {
    pub fn new(known: &'static [Known]) -> Self {
        Self { known, slots: Vec::new() }
    }

    /// The keys of the record at a place; None, with an error, where no map stands.
    pub fn record(at: &At<'n>, known: &'static [Known], report: &mut Report) -> Option<Self> {
        let mut fields = Self::new(known);
        let Data::Map(entries) = &at.node.data else {
            report.error(at.finding(format!("must be a map, and is {}", at.node.kind())));
            return None;
        };
        fields.add(&at.path, Home::Metadata, entries, report);
        Some(fields)
    }

    /// Adds a level. A key that stands twice is an error.
    pub fn add(&mut self, path: &str, home: Home, entries: &'n [Entry], report: &mut Report) {
        if entries.len() > limits::ITEMS {
            let problem = format!("has {} keys, and {} is the most", entries.len(), limits::ITEMS);
            report.error(Finding::new(path, problem));
            return;
        }
        let start = self.slots.len();
        for entry in entries {
            let path = if path.is_empty() { entry.name.clone() } else { format!("{path}.{}", entry.name) };
            let at = At { path, line: entry.line, node: &entry.node };
            if let Some(first) = self.slots[start..].iter().find(|slot| slot.name == entry.name) {
                report.error(at.finding(format!("stands twice, first on line {}", first.at.line)));
                continue;
            }
            self.slots.push(Slot { name: &entry.name, home, at, taken: false });
        }
    }

    /// The value of a key, under the first of its spellings that is there: those of its own level
    /// first. Says what is old about it, and what is ignored beside it.
    pub fn take(&mut self, name: &str, report: &mut Report) -> Option<At<'n>> {
        let known = self.known.iter().find(|known| known.name == name)?;
        let mut found: Option<At<'n>> = None;
        let other = if known.home == Home::Top { Home::Metadata } else { Home::Top };
        for home in [known.home, other] {
            for spelling in std::iter::once(name).chain(known.older.iter().copied()) {
                let Some(slot) = self.find(spelling, home) else { continue };
                slot.taken = true;
                if slot.at.node.is_null() {
                    continue;
                }
                let at = slot.at.clone();
                if let Some(first) = &found {
                    let problem = format!("is ignored, because {} says the same", first.path);
                    report.warn(at.finding(problem));
                    continue;
                }
                report_age(&at, known, spelling, home, report);
                found = Some(at);
            }
        }
        found
    }

    /// The values of a key under all of its spellings.
    pub fn spellings(&self, name: &str) -> Vec<At<'n>> {
        let known = self.known.iter().find(|known| known.name == name);
        let older = known.map_or(&[][..], |known| known.older);
        let named = |slot: &&Slot<'n>| slot.name == name || older.contains(&slot.name);
        self.slots.iter().filter(named).map(|slot| slot.at.clone()).collect()
    }

    /// As [`Fields::take`], or the key that stands there with nothing behind it.
    pub fn take_any(&mut self, name: &str, report: &mut Report) -> Option<At<'n>> {
        let found = self.take(name, report);
        found.or_else(|| self.extra(name))
    }

    /// The value of a key that the table does not have.
    pub fn extra(&mut self, name: &str) -> Option<At<'n>> {
        let slot = self.slots.iter_mut().find(|slot| slot.name == name)?;
        slot.taken = true;
        Some(slot.at.clone())
    }

    fn find(&mut self, name: &str, home: Home) -> Option<&mut Slot<'n>> {
        self.slots.iter_mut().find(|slot| slot.name == name && slot.home == home)
    }

    /// The keys that nobody took, as they are written; each is a warning.
    pub fn rest(self, report: &mut Report) -> Map<String, Value> {
        let mut rest = Map::new();
        let (known, slots) = (self.known, self.slots);
        for slot in slots.into_iter().filter(|slot| !slot.taken) {
            let suggestion = nearest(slot.name, known.iter().map(|known| known.name));
            report.warn(slot.at.finding("is not known; it is kept and does nothing").suggest(suggestion));
            rest.insert(slot.name.to_owned(), free(&slot.at, report));
        }
        rest
    }
}

fn report_age(at: &At, known: &Known, spelling: &str, home: Home, report: &mut Report) {
    if spelling != known.name {
        let problem = format!("is an older spelling of {}", known.name);
        report.warn(at.finding(problem).suggest(known.name.to_owned()));
    }
    if home != known.home {
        let (problem, place) = match known.home {
            Home::Top => ("belongs at the top level", known.name.to_owned()),
            Home::Metadata => ("belongs under metadata", format!("metadata.{}", known.name)),
        };
        report.warn(at.finding(problem).suggest(place));
    }
}
