//! Skills that are to be written, beside those that are there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    MAX_STEPS,
    graph::{Seen, Size, WORKFLOW, in_circle, names_itself, size, told, too_deep},
};
use crate::{Finding, Key, Report, Skill, compile::Links, plan::Leads};

/// What is wrong with where skills lead that are to be written among those that are there, a report for each. Those
/// that are refused stay unwritten: the others are judged without them, until no more are refused. So their order
/// does not matter, and of a circle only those are refused that stand in it.
pub fn beside(written: &[&Skill], was: &Links) -> Vec<Report> {
    let mut reports = vec![Report::default(); written.len()];
    let mut left: Vec<usize> = (0..written.len()).collect();
    loop {
        let mut is = was.clone();
        is.extend(left.iter().map(|place| (written[*place].key.clone(), Leads::of(written[*place]))));
        let keys: Vec<&Key> = left.iter().map(|place| &written[*place].key).collect();
        let found = Change::new(was, &is, &keys).reports(&keys);
        for (place, report) in left.iter().zip(found) {
            reports[*place] = report;
        }
        let before = left.len();
        left.retain(|place| reports[*place].errors.is_empty());
        if left.len() == before {
            return reports;
        }
    }
}

/// Where skills lead before some of them are written, and then.
struct Change<'a> {
    was: &'a Links,
    is: &'a Links,
    written: BTreeSet<&'a Key>,
    /// The skills whose steps lead to one.
    above: BTreeMap<&'a Key, Vec<&'a Key>>,
    seen_before: Seen<'a>,
    seen: Seen<'a>,
}

impl<'a> Change<'a> {
    fn new(was: &'a Links, is: &'a Links, written: &[&'a Key]) -> Self {
        let mut above: BTreeMap<&Key, Vec<&Key>> = BTreeMap::new();
        for (key, leads) in is {
            for below in leads.below() {
                above.entry(below).or_default().push(key);
            }
        }
        let written = written.iter().copied().collect();
        Self { was, is, written, above, seen_before: Seen::new(), seen: Seen::new() }
    }

    /// Those that stand in a circle; where none do, all else that is wrong.
    fn reports(mut self, keys: &[&'a Key]) -> Vec<Report> {
        let circles: Vec<Report> = keys.iter().map(|key| self.circle(key)).collect();
        if circles.iter().any(|report| !report.errors.is_empty()) {
            return circles;
        }
        keys.iter().map(|key| self.report(key)).collect()
    }

    /// The shortest way from the skill back to itself is an error.
    fn circle(&self, key: &'a Key) -> Report {
        let to = |key: &Key| self.is.get(key).into_iter().flat_map(Leads::below).collect();
        let mut report = Report::default();
        let ways = ways(key, to);
        if let Some(last) = ways.get(key) {
            let mut circle = back(last, key, &ways);
            circle.reverse();
            circle.push(key);
            report.error(Finding::new(WORKFLOW, in_circle(&circle)));
        }
        report
    }

    fn report(&mut self, key: &'a Key) -> Report {
        let mut report = Report::default();
        let Ok(now) = size(key, |key| self.is.get(key), &mut self.seen) else {
            let circle = size(key, |key| self.is.get(key), &mut Seen::new()).err().unwrap_or_default();
            report.error(Finding::new(WORKFLOW, in_circle(&circle)));
            return report;
        };
        let wrong = [too_deep(now), too_many(now)].into_iter().flatten();
        wrong.for_each(|problem| report.error(Finding::new(WORKFLOW, problem)));
        if let Some(warning) = names_itself(key, |key| self.is.get(key)) {
            report.warn(warning);
        }
        let before = size(key, |key| self.was.get(key), &mut self.seen_before).unwrap_or(now);
        if report.errors.is_empty() && (now.depth > before.depth || now.steps > before.steps) {
            self.above(key, &mut report);
        }
        report
    }

    /// Skills above this one that could be executed as long as it was what it was. Those that are written too are
    /// judged by themselves.
    fn above(&mut self, key: &'a Key, report: &mut Report) {
        let up = |key: &Key| self.above.get(key).cloned().unwrap_or_default();
        let ways = ways(key, up);
        for above in ways.keys().filter(|above| !self.written.contains(*above)) {
            let Ok(now) = size(above, |key| self.is.get(key), &mut self.seen) else { continue };
            let Ok(before) = size(above, |key| self.was.get(key), &mut self.seen_before) else { continue };
            let Some(problem) = too_deep(now).or_else(|| too_many(now)) else { continue };
            if too_deep(before).is_none() && too_many(before).is_none() {
                let way = told(&back(above, key, &ways));
                let problem = format!("keeps the skill `{above}` from running, which then {problem}: {way}");
                report.error(Finding::new(WORKFLOW, problem));
            }
        }
    }
}

fn too_many(size: Size) -> Option<String> {
    let counted = "those of the sequences that it follows counted";
    let problem = || format!("has {} steps, {counted}, and {MAX_STEPS} is the most", size.steps);
    (size.steps > MAX_STEPS).then(problem)
}

/// What can be reached from a skill, each with the one from which it is, on the shortest way.
fn ways<'a>(first: &'a Key, to: impl Fn(&Key) -> Vec<&'a Key>) -> BTreeMap<&'a Key, &'a Key> {
    let (mut ways, mut next) = (BTreeMap::new(), VecDeque::from([first]));
    while let Some(from) = next.pop_front() {
        for key in to(from) {
            if !ways.contains_key(key) {
                ways.insert(key, from);
                next.push_back(key);
            }
        }
    }
    ways
}

/// The way from a skill back to the one where the ways begin, both named.
fn back<'a>(last: &'a Key, first: &'a Key, ways: &BTreeMap<&'a Key, &'a Key>) -> Vec<&'a Key> {
    let mut way = vec![last];
    while let Some(at) = way.last().copied().filter(|at| *at != first) {
        let Some(before) = ways.get(at) else { break };
        way.push(before);
    }
    way
}
