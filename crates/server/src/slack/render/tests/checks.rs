//! What Slack would refuse, checked on what is built. Apart from the limits of the code itself.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::{Message, text::length};

/// Panics where Slack would refuse the message, or where it would mention somebody.
pub fn check(message: &Message) {
    assert!(!message.blocks.is_empty() && message.blocks.len() <= 50, "{} blocks", message.blocks.len());
    assert!(length(&message.text) <= 4_000);
    assert_unmentioned(&message.text);
    assert!(total(&message.blocks) <= 13_200, "{} characters", total(&message.blocks));
    message.blocks.iter().for_each(block);
    let json = serde_json::to_value(message).expect("JSON");
    assert_eq!((&json["unfurl_links"], &json["unfurl_media"]), (&Value::Bool(false), &Value::Bool(false)));
    unique_ids(&message.blocks);
}

/// Panics where Slack would refuse the view.
pub fn check_view(view: &Value) {
    let blocks = view["blocks"].as_array().expect("blocks");
    assert!(!blocks.is_empty() && blocks.len() <= 100);
    for name in ["title", "submit", "close"] {
        if let Some(text) = view.get(name) {
            plain_text(text, 24);
        }
    }
    assert!(length(view["private_metadata"].as_str().unwrap_or_default()) <= 3_000);
    assert!(view.get("submit").is_some() || blocks.iter().all(|block| block["type"] != "input"));
    blocks.iter().for_each(block);
    unique_ids(blocks);
}

fn unique_ids(blocks: &[Value]) {
    let ids: Vec<&str> = blocks.iter().filter_map(|block| block["block_id"].as_str()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    assert!(ids.iter().all(|id| (1..=255).contains(&length(id))));
}

/// All letters that are shown.
fn total(blocks: &[Value]) -> usize {
    fn of(value: &Value) -> usize {
        match value {
            Value::Array(items) => items.iter().map(of).sum(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| match value {
                    Value::String(text) if name == "text" => length(text),
                    other => of(other),
                })
                .sum(),
            _ => 0,
        }
    }
    blocks.iter().map(of).sum()
}

fn text(value: &Value, most: usize) -> &str {
    let text = value.as_str().expect("a text");
    assert!((1..=most).contains(&length(text)), "{} of {most}: {text:?}", length(text));
    assert!(!text.contains('\0'));
    text
}

fn plain_text(value: &Value, most: usize) {
    assert_eq!(value["type"], "plain_text");
    assert_unmentioned(text(&value["text"], most));
}

fn mrkdwn(value: &Value, most: usize) {
    assert_eq!(value["type"], "mrkdwn");
    assert_unmentioned(text(&value["text"], most));
}

/// Times and the person who decided are shown as tokens of Slack's, and those are ours.
fn assert_unmentioned(text: &str) {
    for (at, _) in text.match_indices('<') {
        let rest = &text[at + 1..];
        let ours = rest.starts_with("!date^") || rest.starts_with("@UDECIDED>");
        assert!(ours || !rest.starts_with(['@', '!', '#']), "{text:?} mentions somebody");
    }
}

fn block(block: &Value) {
    match block["type"].as_str().expect("a type") {
        "markdown" => assert_unmentioned(text(&block["text"], 12_000)),
        "section" => mrkdwn(&block["text"], 3_000),
        "header" => plain_text(&block["text"], 150),
        "context" => {
            let elements = block["elements"].as_array().expect("elements");
            assert!((1..=10).contains(&elements.len()));
            for element in elements {
                mrkdwn(element, 3_000);
            }
        }
        "rich_text" => rich(block),
        "actions" => {
            let elements = block["elements"].as_array().expect("elements");
            assert!((1..=25).contains(&elements.len()));
            let ids: BTreeSet<&str> =
                elements.iter().filter_map(|element| element["action_id"].as_str()).collect();
            assert_eq!(ids.len(), elements.len(), "each has an id of its own");
            elements.iter().for_each(element);
        }
        "input" => {
            plain_text(&block["label"], 2_000);
            if let Some(hint) = block.get("hint") {
                plain_text(hint, 2_000);
            }
            element(&block["element"]);
        }
        other => panic!("{other} is no block of ours"),
    }
}

/// Letters in it are shown as they are: Slack reads nothing in them.
fn rich(block: &Value) {
    let rows = block["elements"].as_array().expect("rows");
    assert!(!rows.is_empty());
    for row in rows {
        let kind = row["type"].as_str().expect("a type");
        assert!(["rich_text_section", "rich_text_quote", "rich_text_preformatted"].contains(&kind));
        let spans = row["elements"].as_array().expect("spans");
        assert!(!spans.is_empty());
        for span in spans {
            assert_eq!(span["type"], "text");
            text(&span["text"], 12_000);
        }
    }
}

fn options(element: &Value, most: usize) {
    let options = element["options"].as_array().expect("options");
    assert!((1..=most).contains(&options.len()));
    let values: BTreeSet<&str> = options.iter().map(|option| text(&option["value"], 150)).collect();
    assert_eq!(values.len(), options.len(), "each value is there once");
    for option in options {
        plain_text(&option["text"], 75);
    }
    if let Some(initial) = element.get("initial_option") {
        assert!(options.contains(initial));
    }
}

fn element(element: &Value) {
    text(&element["action_id"], 255);
    match element["type"].as_str().expect("a type") {
        "button" => {
            plain_text(&element["text"], 75);
            match element.get("url") {
                Some(url) => drop(text(url, 3_000)),
                None => drop(text(&element["value"], 2_000)),
            }
        }
        "checkboxes" => options(element, 10),
        "static_select" | "multi_static_select" => options(element, 100),
        "plain_text_input" => {
            let most = usize::try_from(element["max_length"].as_u64().expect("a number")).expect("a size");
            assert!((1..=3_000).contains(&most));
            if let Some(initial) = element.get("initial_value") {
                text(initial, most);
            }
        }
        "number_input" => {
            if let Some(initial) = element.get("initial_value") {
                let initial: f64 = initial.as_str().expect("a text").parse().expect("a number");
                assert!(initial.is_finite());
            }
        }
        "datepicker" => {
            if let Some(date) = element.get("initial_date") {
                date.as_str().expect("a text").parse::<chrono::NaiveDate>().expect("a date");
            }
        }
        other => panic!("{other} is no element of ours"),
    }
}
