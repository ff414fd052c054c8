//! The built-in stand-in: a few lines of rules that read the prompt, use the
//! tools and say where each fact came from. It never claims to be a model.
//!
//! It understands: "remember that X" (also "for this deal"), "what do you know
//! about D-42", "find X", "move D-42 to negotiation", "note on D-42: X", "what
//! did we say about X", "what did we talk about", "what do you know about me",
//! "what needs my attention". Questions of a salesperson's day and a few orders
//! are the business of [`sales`]. It fills in forced tools and answer schemas, hands in
//! what a step of a sequence wants, and summarises a conversation under the headings it is given. To anything else it
//! says what it is and quotes a line of each memory it sees.

mod act;
mod change;
mod facts;
mod intent;
mod late;
mod memory;
mod plainly;
mod recollect;
mod report;
mod sales;
mod schema;
mod step;
mod summary;
mod tags;
mod transcript;

use serde_json::Value;

use crate::Reply;
use memory::{Entity, Memory};

/// A request, said without the words of any wire.
pub(crate) struct Turn {
    pub system: String,
    /// What was said so far, tool traffic left out.
    pub history: Vec<Line>,
    /// The tool results that came with this request.
    pub results: Vec<ToolResult>,
    /// Those that came with the requests before it in the same turn.
    pub earlier: Vec<ToolResult>,
    pub tools: Vec<Tool>,
    pub choice: Choice,
    /// The JSON Schema that the answer's text has to follow.
    pub answer_schema: Option<Value>,
    /// Thinking was asked for.
    pub thinks: bool,
    pub limits: Limits,
}

/// The texts of one message.
pub(crate) struct Line {
    pub by_user: bool,
    pub blocks: Vec<String>,
}

impl Line {
    fn text(&self) -> String {
        self.blocks.join("\n")
    }

    /// What was said, without what the program put before it.
    fn words(&self) -> String {
        let said = self.blocks.iter().filter(|block| summary_in(block).is_none() && !late::is_late(block));
        let said = said.map(|block| tags::without(block, &["context", "memory_update"]).trim().to_owned());
        said.filter(|words| !words.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// The summary of what came before this message, if the program put one there.
    fn summary(&self) -> Option<&str> {
        self.blocks.iter().filter(|_| self.by_user).find_map(|block| summary_in(block))
    }
}

/// A block that begins with a summary holds nothing else but words about it.
fn summary_in(block: &str) -> Option<&str> {
    let within = block.starts_with("<conversation_summary").then(|| tags::all(block, "conversation_summary"));
    within?.first().map(|tag| tag.body.trim())
}

pub(crate) struct ToolResult {
    pub name: String,
    pub input: Value,
    pub content: String,
    pub is_error: bool,
}

pub(crate) struct Tool {
    pub name: String,
    pub schema: Value,
}

#[derive(PartialEq, Eq)]
pub(crate) enum Choice {
    Auto,
    Any,
    None,
    Tool(String),
}

#[derive(Default)]
pub(crate) struct Limits {
    pub max_tokens: Option<usize>,
    pub stop_sequences: Vec<String>,
}

/// The turn as the demo understands it.
struct Reading<'a> {
    turn: &'a Turn,
    /// The newest user text without what the program put around it.
    question: String,
    /// What came of earlier calls meanwhile.
    late: Vec<late::Late>,
    memories: Vec<Memory>,
    /// The entity that the conversation is about.
    entity: Option<Entity>,
}

/// The demo's answer.
pub(crate) fn answer(turn: &Turn) -> Reply {
    let reading = Reading {
        turn,
        question: question(turn),
        late: late::read(turn),
        memories: memory::read(turn),
        entity: memory::entity(turn),
    };
    let reply = if summary::wanted(turn) {
        Reply::text(summary::write(turn))
    } else if let Some(reply) = step::reply(turn) {
        reply
    } else if let Choice::Tool(name) = &turn.choice {
        act::forced(&reading, name)
    } else if let Some(schema) = &turn.answer_schema {
        Reply::text(schema::fill(schema, &reading.question).to_string())
    } else {
        talk(&reading)
    };
    limited(reply, &turn.limits)
}

/// What came of earlier calls, and then the next step of what is asked.
fn talk(reading: &Reading) -> Reply {
    let told = late::told(&reading.late);
    if let Some(told) = told.as_ref().filter(|_| reading.question.is_empty()) {
        return Reply::text(told);
    }
    let mut reply = next_step(reading);
    // A call says nothing; the text that follows its result does.
    if let (Some(told), Some(text)) = (told, reply.text_mut()) {
        *text = format!("{told}\n\n{text}");
    }
    reply
}

fn next_step(reading: &Reading) -> Reply {
    if let Some(reply) = sales::reply(reading) {
        reply
    } else if reading.turn.results.is_empty() || reading.turn.choice == Choice::Any {
        act::act(reading)
    } else {
        Reply::text(report::report(reading))
    }
}

/// The newest words of the person; none where only the program spoke since.
fn question(turn: &Turn) -> String {
    let users = turn.history.iter().rev().filter(|line| line.by_user);
    let spoken =
        |line: &&Line| !line.words().is_empty() || line.blocks.iter().any(|block| late::is_late(block));
    users.into_iter().find(spoken).map(Line::words).unwrap_or_default()
}

/// Cuts the answer where the request says so.
fn limited(mut reply: Reply, limits: &Limits) -> Reply {
    let Some(text) = reply.text_mut() else { return reply };
    let stops =
        limits.stop_sequences.iter().filter_map(|stop| Some((text.find(stop.as_str())?, stop.clone())));
    let stop = stops.min();
    if let Some((at, _)) = &stop {
        text.truncate(*at);
    }
    let room = limits.max_tokens.unwrap_or(usize::MAX).saturating_mul(4);
    if let Some((end, _)) = text.char_indices().nth(room) {
        text.truncate(end);
        return reply.stop_reason("max_tokens");
    }
    match stop {
        Some((_, stop)) => reply.stopped_by(stop),
        None => reply,
    }
}

/// The first line of a text, cut to `chars` characters.
fn short(text: &str, chars: usize) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    match line.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.to_owned(),
    }
}
