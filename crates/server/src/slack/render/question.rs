//! What the copilot asks its person.

use domain::QuestionId;
use serde_json::{Value, json};

use super::{
    approval::person,
    blocks::{Style, actions, button, choice, context, section},
    click::{self, numbered},
    limits,
    message::Message,
    text::{escape, length},
};

/// Longest question that is shown above its options.
const QUESTION: usize = 2_000;
/// Options that are shown in words where their buttons cannot say all of them.
const LISTED: usize = 20;

/// A question with its options, if it has any: buttons, or boxes where several fit.
pub fn question(id: QuestionId, question: &str, options: &[String], multiple: bool) -> Message {
    let mut blocks = vec![section(&escape(question, QUESTION))];
    if options.iter().any(|option| length(option) > limits::LABEL) {
        blocks.push(section(&listed(options)));
    }
    let elements = if multiple { boxes(id, options) } else { buttons(id, options) };
    blocks.extend(actions("sixty_question", elements));
    blocks.push(context(if options.is_empty() {
        "Write your answer here."
    } else {
        "Choose, or write another answer here."
    }));
    Message::new(question, blocks)
}

/// A question that was answered; no buttons. `who`: a mention of Slack's (`<@U1>`), or a name.
pub fn answered(question: &str, answer: &[String], who: Option<&str>) -> Message {
    let answer = if answer.is_empty() { "–".to_owned() } else { answer.join(", ") };
    let by = who.map(|who| format!(" – {}", person(who))).unwrap_or_default();
    let line = format!(":speech_balloon: *{}*{by}", escape(&answer, QUESTION));
    let blocks = vec![section(&escape(question, QUESTION)), section(&line)];
    Message::new(&format!("{question}\n{answer}"), blocks)
}

/// The numbers of the options that are checked, from the `state.values` of the message.
pub fn chosen(state_values: &Value) -> Vec<usize> {
    let blocks = state_values.as_object().into_iter().flat_map(|blocks| blocks.values());
    let boxes = blocks.filter_map(|block| block.get(click::BOXES));
    let options = boxes.filter_map(|boxes| boxes["selected_options"].as_array()).flatten();
    options.filter_map(|option| option["value"].as_str()?.parse().ok()).collect()
}

fn listed(options: &[String]) -> String {
    let lines = options.iter().take(LISTED).enumerate();
    let room = limits::SECTION / LISTED - 10;
    lines.map(|(n, option)| format!("{}. {}\n", n + 1, escape(option, room))).collect()
}

fn buttons(id: QuestionId, options: &[String]) -> Vec<Value> {
    let numbers = options.iter().enumerate();
    let one = |(n, option): (usize, &String)| {
        button(option, &numbered(click::CHOOSE, n), &format!("{id}:{n}"), Style::Default)
    };
    numbers.filter_map(one).collect()
}

/// Up to ten boxes, else a menu; and the button that answers.
fn boxes(id: QuestionId, options: &[String]) -> Vec<Value> {
    if options.is_empty() {
        return Vec::new();
    }
    let few = options.len() <= limits::CHECKBOXES;
    let kind = if few { "checkboxes" } else { "multi_static_select" };
    let numbers = options.iter().take(limits::MENU).enumerate();
    let options: Vec<Value> = numbers.map(|(n, option)| choice(option, &n.to_string())).collect();
    let boxes = json!({"type": kind, "action_id": click::BOXES, "options": options});
    let submit = button("Answer", click::SUBMIT, &id.to_string(), Style::Primary);
    std::iter::once(boxes).chain(submit).collect()
}
