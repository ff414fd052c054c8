//! The first step of a turn: call a tool, or say why not.

use serde_json::{Value, json};

use super::{
    Choice, Reading,
    intent::{self, Intent},
    memory::Entity,
    recollect, schema,
};
use crate::Reply;

const WHO: &str = "I am Sixty's built-in stand-in for a language model: a few rules, no model at all.";
/// What can be said, and the tool that it needs.
const HELP: [(&str, &str); 16] = [
    ("what needs my attention today?", "list_tasks"),
    ("prepare my next meeting", "get_next_meeting"),
    ("catch me up on …", "resolve_entity"),
    ("what is overdue?", "list_tasks"),
    ("how does the pipeline look?", "get_pipeline_summary"),
    ("who have I not talked to in 30 days?", "get_contacts_needing_attention"),
    ("e-mails from …", "search_emails"),
    ("draft an e-mail to … about …", "draft_email"),
    ("create a task to call … tomorrow", "create_task"),
    ("mark … as done", "complete_task"),
    ("log a call with …: …", "create_activity"),
    ("change the amount of D-42 to 90000", "update_entity"),
    ("note on D-42: …", "add_note"),
    ("find …", "find_entities"),
    ("remember that …” or “remember for the organization that …", "memory_append"),
    ("what did we say about …", "recall"),
];

/// A tool with its arguments.
type Call = (&'static str, Value);

pub(super) fn act(reading: &Reading) -> Reply {
    let intent = intent::read(&reading.question, reading.entity.as_ref());
    let calls = calls(&intent);
    let may_call = reading.turn.choice != Choice::None;
    if let Some((name, input)) = calls.iter().find(|(name, _)| may_call && reading.offers(name)) {
        return thinking(reading, &format!("{intent:?}")).tool(*name, input.clone());
    }
    if let (Choice::Any, Some(tool)) = (&reading.turn.choice, reading.turn.tools.first()) {
        return thinking(reading, &format!("{intent:?}"))
            .tool(&tool.name, schema::fill(&tool.schema, &reading.question));
    }
    match calls.first() {
        Some((name, _)) => Reply::text(not_given(name, may_call)),
        None => Reply::text(match intent {
            Intent::AboutMe => recollect::about_the_person(reading),
            Intent::Recap => recollect::recap(reading),
            _ => introduction(reading),
        }),
    }
}

/// What would be called if it could be.
pub(super) fn not_given(name: &str, may_call: bool) -> String {
    if may_call {
        format!("I would use `{name}` for that, but I was not given it here. {WHO}")
    } else {
        format!("I would use `{name}` for that, but I may not call tools now.")
    }
}

/// A call of the tool that the request insists on.
pub(super) fn forced(reading: &Reading, name: &str) -> Reply {
    let intent = intent::read(&reading.question, reading.entity.as_ref());
    if let Some((name, input)) = calls(&intent).into_iter().find(|(call, _)| *call == name) {
        return Reply::call(name, input);
    }
    let tool = reading.turn.tools.iter().find(|tool| tool.name == name);
    Reply::call(name, tool.map_or_else(|| json!({}), |tool| schema::fill(&tool.schema, &reading.question)))
}

/// What would serve, best first.
fn calls(intent: &Intent) -> Vec<Call> {
    match intent {
        Intent::WhoAreYou | Intent::AboutMe | Intent::Recap | Intent::Other => Vec::new(),
        Intent::Remember { text, scope } => {
            vec![("memory_append", json!({"scope": scope, "section": "Notes", "text": text}))]
        }
        Intent::Note { entity: Entity { kind, id }, text } => {
            vec![("add_note", json!({"kind": kind, "id": id, "text": text}))]
        }
        Intent::Move { entity: Entity { kind, id }, stage } => {
            vec![("update_entity", json!({"kind": kind, "id": id, "changes": {"stage": stage}}))]
        }
        Intent::Change { entity: Entity { kind, id }, field, value } => {
            vec![("update_entity", json!({"kind": kind, "id": id, "changes": {*field: value}}))]
        }
        Intent::Recall(query) => vec![("recall", json!({"query": query}))],
        Intent::About(Entity { kind, id }) => {
            let of_kind = if kind == "contact" { "get_contact" } else { "get_deal" };
            vec![("get_entity", json!({"kind": kind, "id": id})), (of_kind, json!({"id": id}))]
        }
        Intent::Attention => vec![
            ("get_pipeline_deals", json!({"filter": "needs_attention"})),
            ("find_entities", json!({"kind": "deal", "query": intent::URGENT_STAGE})),
        ],
        Intent::Find(query) => vec![("find_entities", json!({"query": query}))],
    }
}

/// The beginning of a reply: its one thought, when thinking was asked for.
pub(super) fn thinking(reading: &Reading, kind: &str) -> Reply {
    if !reading.turn.thinks {
        return Reply::message();
    }
    let name = kind.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    Reply::message().thinking(format!("By its words this is a request of the kind {name}."))
}

fn introduction(reading: &Reading) -> String {
    let quotes = reading.quotes("");
    let seen = if quotes.is_empty() { "I see no memory here.".to_owned() } else { quotes.join("\n") };
    format!("{WHO}\n{seen}\n{}", help(reading))
}

/// What it can do with the tools that it was given.
fn help(reading: &Reading) -> String {
    let can = HELP.iter().filter(|(_, tool)| reading.offers(tool)).map(|(said, _)| format!("“{said}”"));
    let always = ["“what do you know about me”".to_owned(), "“what did we talk about”".to_owned()];
    format!("You can tell me: {}.", can.chain(always).collect::<Vec<_>>().join(", "))
}

impl Reading<'_> {
    pub(super) fn offers(&self, name: &str) -> bool {
        self.turn.tools.iter().any(|tool| tool.name == name)
    }

    /// The lines of memory that share a word with the text, one of each document.
    pub(super) fn quotes_of(&self, text: &str) -> Vec<String> {
        let wanted = intent::words(text);
        let near = |line: &&str| intent::words(line).iter().any(|word| wanted.contains(word));
        let lines = self.memories.iter().filter_map(|memory| Some((memory, memory.best(text).filter(near)?)));
        lines.map(|(memory, line)| quote(&memory.source, line)).collect()
    }

    /// One line of each memory, the one nearest to the question and to `text`,
    /// with the name of its source.
    pub(super) fn quotes(&self, text: &str) -> Vec<String> {
        let wanted = format!("{} {text}", self.question);
        let quoted = self.memories.iter().filter_map(|memory| Some((&memory.source, memory.best(&wanted)?)));
        quoted.map(|(source, line)| quote(source, line)).collect()
    }
}

fn quote(source: &str, line: &str) -> String {
    format!("From {source}: “{}”", super::short(line, 200))
}
