//! A salesperson's day: what needs attention, the next meeting, how a deal stands, who is
//! silent, to-dos, e-mails; and orders to write something down.
//!
//! A question is recognised by its words ([`ask`]), the tools that fit are called, side by side
//! where nothing has to be known first ([`plan`]), and the answer is put together from what
//! they said and from nothing else ([`answer`]).

mod answer;
mod ask;
mod brief;
mod dates;
mod done;
mod named;
mod orders;
mod phrases;
mod plan;
mod rows;
mod say;
mod words;

use serde_json::Value;

use super::{Choice, Reading, ToolResult, act, intent, intent::Intent};
use crate::Reply;
use ask::Ask;
use words::Subject;

/// A tool with its arguments.
type Call = (&'static str, Value);

/// What the tools have said so far in this turn.
struct Results<'a> {
    all: Vec<&'a ToolResult>,
    /// The time on the person's clock, as `22:25`.
    clock: Option<String>,
}

impl<'a> Results<'a> {
    /// The results of a tool that did not fail, in the order of the calls.
    fn of(&self, name: &'static str) -> impl Iterator<Item = &'a ToolResult> {
        self.all.iter().copied().filter(move |result| result.name == name && !result.is_error)
    }

    fn first(&self, name: &'static str) -> Option<&'a ToolResult> {
        self.of(name).next()
    }

    /// The result of the call with this argument.
    fn with(&self, name: &'static str, argument: &'static str, value: &str) -> Option<&'a ToolResult> {
        self.of(name).find(|result| result.input[argument] == value)
    }

    fn made(&self, (name, input): &Call) -> bool {
        self.all.iter().any(|result| result.name == *name && result.input == *input)
    }
}

/// The next step of a question about the sales record; none if it is none, or if the
/// request offers nothing for it.
pub(super) fn reply(reading: &Reading) -> Option<Reply> {
    let ask = question(reading)?;
    let turn = reading.turn;
    let results =
        Results { all: turn.earlier.iter().chain(&turn.results).collect(), clock: dates::time(turn) };
    let wanted = plan::next(&ask, &results, reading);
    let offered = |call: &Call| reading.offers(call.0);
    let may_call = turn.choice != Choice::None;
    let calls: Vec<Call> =
        wanted.iter().filter(|call| may_call && offered(call) && !results.made(call)).cloned().collect();
    if !calls.is_empty() {
        let start = act::thinking(reading, &format!("{ask:?}"));
        return Some(calls.into_iter().fold(start, |reply, (name, input)| reply.tool(name, input)));
    }
    if turn.choice == Choice::Any {
        return None;
    }
    // Orders have no other way; a question may be served by the simpler rules.
    let missing = wanted.iter().find(|call| !results.made(call) && (!may_call || !offered(call)));
    let served = results.all.iter().any(|result| wanted.iter().any(|(name, _)| result.name == *name));
    if let Some((name, _)) = missing.filter(|_| ask.writes() || !served && cannot_find(reading)) {
        return Some(Reply::text(act::not_given(name, may_call)));
    }
    served.then(|| answer::answer(&ask, &results, reading)).flatten().map(Reply::text)
}

fn cannot_find(reading: &Reading) -> bool {
    !reading.offers("find_entities")
        && !reading.offers("get_entity")
        && intent::read(&reading.question, None) == Intent::Other
}

/// What is asked; or what was asked before, if this says which of several was meant.
fn question(reading: &Reading) -> Option<Ask> {
    let said = reading.question.as_str();
    ask(said, reading)
        .filter(|ask| !matches!(ask, Ask::Find(_)))
        .or_else(|| {
            let mut before = reading.turn.history.iter().rev().skip_while(|line| line.by_user);
            let question = before.next()?.text();
            let (name, _) = question.strip_prefix(say::WHICH)?.split_once('”')?;
            let asked = before.find(|line| line.by_user).map(super::Line::words)?;
            ask(&asked.replace(name, super::short(said, 80).trim_end_matches('.')), reading)
        })
        .or_else(|| ask(said, reading))
}

fn ask(text: &str, reading: &Reading) -> Option<Ask> {
    let today = dates::today(reading.turn);
    if let Some(named) = named::read(text) {
        return Some(Ask::Named(named));
    }
    if let Some(order) = ask::order(text, today) {
        return Some(order);
    }
    let here = reading.entity.as_ref();
    match intent::read(text, here) {
        Intent::About(_) | Intent::Attention | Intent::Find(_) | Intent::Other => {}
        _ => return None,
    }
    let of_this = here.filter(|_| intent::this_entity(text).is_some() || ask::general(text));
    match (ask::question(text, today), of_this) {
        (None | Some(Ask::Attention | Ask::Find(_)), Some(entity)) => {
            Some(Ask::CatchUp(Subject { name: entity.id.clone(), hint: None }))
        }
        (ask, _) => ask,
    }
}
