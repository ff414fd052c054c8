//! Requests that write something: they begin with what is to be done.

use chrono::NaiveDate;

use super::{
    ask::Ask,
    dates,
    words::{Heard, Subject},
};
use crate::demo::intent::{around, trimmed};

const POLITE: [&str; 9] = [
    "please ",
    "can you ",
    "could you ",
    "would you ",
    "hey ",
    "i want you to ",
    "i need you to ",
    "hi, ",
    "now ",
];
const TASK: [&str; 18] = [
    "create a task to ",
    "create a task: ",
    "create a todo to ",
    "create a to-do to ",
    "create a to-do: ",
    "create task ",
    "add a task to ",
    "add a task: ",
    "add a todo to ",
    "add a to-do to ",
    "add a to-do: ",
    "new task: ",
    "new to-do: ",
    "remind me to ",
    "make a task to ",
    "make a to-do to ",
    "add to my to-dos: ",
    "create a reminder to ",
];
const LOG: [(&str, &str); 10] = [
    ("log a call", "call"),
    ("log a visit", "visit"),
    ("log a meeting", "meeting"),
    ("log a demo", "demo"),
    ("log an activity", "note"),
    ("log my call", "call"),
    ("log the call", "call"),
    ("log call", "call"),
    ("log that i called", "call"),
    ("log my visit", "visit"),
];
const DRAFT: [&str; 14] = [
    "draft an email to ",
    "draft an e-mail to ",
    "draft email to ",
    "draft a mail to ",
    "draft a message to ",
    "write an email to ",
    "write an e-mail to ",
    "write a mail to ",
    "compose an email to ",
    "compose an e-mail to ",
    "prepare an email to ",
    "prepare an e-mail to ",
    "draft a reply to ",
    "draft an answer to ",
];

pub(super) fn read(text: &str, heard: &Heard, today: Option<NaiveDate>) -> Option<Ask> {
    let text = bare(text);
    if let Some(order) = begins(text, &TASK) {
        return new_task(order, today);
    }
    if let Some(order) = begins(text, &DRAFT) {
        return draft(order);
    }
    if let Some(log) = LOG.iter().find_map(|(begin, kind)| Some((*kind, begins(text, &[begin])?))) {
        return Some(logged(log.0, log.1));
    }
    let marks =
        begins(text, &["mark ", "set ", "tick off ", "check off ", "complete ", "finish ", "close task "])?;
    let done =
        heard.has(&["done", "complete", "completed", "finished", "finish", "tick off", "check off", "task"]);
    let what =
        ["as done", "as complete", "as completed", "as finished", "is done", "to done", "done", "completed"]
            .iter()
            .find_map(|end| around(marks, end))
            .map_or(marks, |(before, _)| before);
    let what = ["the ", "my ", "task ", "to-do ", "todo "]
        .iter()
        .fold(what.trim(), |text, word| begins(text, &[word]).unwrap_or(text));
    let what = what.trim_matches(|c: char| c.is_whitespace() || "\"'“”‘’.,:!".contains(c));
    (done && !what.is_empty()).then(|| Ask::Done(what.to_owned()))
}

/// The request without what courtesy puts before it.
fn bare(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(rest) = POLITE.iter().find_map(|word| begins(text, &[word])) {
        text = rest.trim_start();
    }
    text
}

/// What follows, if the text begins with one of these.
fn begins<'a>(text: &'a str, phrases: &[&str]) -> Option<&'a str> {
    phrases.iter().find_map(|phrase| {
        let begin = text.get(..phrase.len())?;
        begin.eq_ignore_ascii_case(phrase).then(|| &text[phrase.len()..])
    })
}

fn new_task(order: &str, today: Option<NaiveDate>) -> Option<Ask> {
    let (due, title) = dates::due(trimmed(order), today);
    let title = trimmed(&title);
    let mut letters = title.chars();
    let first = letters.next()?;
    Some(Ask::NewTask { title: first.to_uppercase().chain(letters).collect(), due })
}

fn draft(order: &str) -> Option<Ask> {
    let cut = ["about", "regarding", "concerning", "on", "saying that"];
    let parted = cut.iter().find_map(|word| around(order, word));
    let (to, topic) = parted.map_or((order, None), |(to, topic)| (to, Some(topic)));
    let topic = topic.map(|topic| trimmed(topic).to_owned()).filter(|topic| !topic.is_empty());
    let address = to.split_whitespace().map(trimmed).find(|word| word.contains('@')).map(str::to_owned);
    let to = address.or_else(|| Subject::of(to).map(|subject| subject.name))?;
    Some(Ask::Draft { to, topic })
}

/// "with Dana: she agreed"
fn logged(kind: &'static str, order: &str) -> Ask {
    let (head, details) = order.split_once(':').unwrap_or(("", order));
    let with = around(head, "with").or_else(|| around(head, "to")).map_or(head, |(_, name)| name);
    let with = Subject::of(with).map(|subject| subject.name);
    let said = trimmed(details);
    let details = if said.is_empty() { trimmed(order) } else { said };
    Ask::Log { kind, with, details: details.to_owned() }
}
