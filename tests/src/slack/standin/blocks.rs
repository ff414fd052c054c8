//! Blocks as Slack's reference has them: what it would refuse, in words.

use std::collections::BTreeSet;

use serde_json::Value;

type Check = Result<(), String>;

/// What Slack calls characters is counted in UTF-16, which is never less.
pub fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A mention in a text that Slack reads: of a group, of all, or of a channel. The people whom the app itself
/// names are no surprise to them.
pub fn mention(text: &str) -> Option<String> {
    let live = ["<!channel", "<!here", "<!everyone", "<!subteam", "<!group", "<#"];
    let found = live.iter().find(|token| text.contains(*token))?;
    Some(format!("{found}…>"))
}

/// The people whom a message names in texts that Slack reads: they would be told.
pub fn named(value: &Value) -> Vec<String> {
    let inert = ["plain_text", "rich_text"].contains(&value["type"].as_str().unwrap_or_default());
    match value {
        Value::Array(items) => items.iter().flat_map(named).collect(),
        Value::Object(fields) if !inert => fields.iter().flat_map(named_in_field).collect(),
        _ => Vec::new(),
    }
}

fn named_in_field((name, value): (&String, &Value)) -> Vec<String> {
    match value.as_str().filter(|_| ["text", "markdown_text"].contains(&name.as_str())) {
        Some(text) => people(text).map(str::to_owned).collect(),
        None => named(value),
    }
}

/// The people whom a text names.
pub fn people(text: &str) -> impl Iterator<Item = &str> {
    text.split("<@").skip(1).map(|rest| rest.split(['>', '|']).next().unwrap_or_default())
}

fn fail(what: impl Into<String>) -> Check {
    Err(what.into())
}

/// Text and blocks of a message.
pub fn content(args: &Value) -> Check {
    let words = args["text"].as_str().unwrap_or_default();
    if length(words) > 4_000 {
        return fail(format!("a fallback text of {} characters", length(words)));
    }
    if let Some(mention) = mention(words) {
        return fail(format!("a text that mentions {mention}"));
    }
    let Some(blocks) = args.get("blocks") else {
        return if words.is_empty() { fail("neither text nor blocks") } else { Ok(()) };
    };
    let Some(blocks) = blocks.as_array() else { return fail("blocks that are no list") };
    if blocks.is_empty() && words.is_empty() {
        return fail("neither text nor blocks");
    }
    if blocks.len() > 50 {
        return fail(format!("{} blocks", blocks.len()));
    }
    all(blocks, false)?;
    let markdown: usize = blocks.iter().filter(|block| block["type"] == "markdown").map(shown).sum();
    if markdown > 12_000 {
        return fail(format!("{markdown} characters of Markdown"));
    }
    let whole: usize = blocks.iter().map(shown).sum();
    if whole > 13_200 { fail(format!("msg_blocks_too_long: {whole} characters")) } else { Ok(()) }
}

/// A modal.
pub fn view(view: &Value) -> Check {
    if view["type"] != "modal" {
        return fail("a view that is no modal");
    }
    plain_text(&view["title"], 24)?;
    for name in ["submit", "close"] {
        view.get(name).map_or(Ok(()), |text| plain_text(text, 24))?;
    }
    for (name, most) in [("private_metadata", 3_000), ("callback_id", 255)] {
        if length(view[name].as_str().unwrap_or_default()) > most {
            return fail(format!("{name} is too long"));
        }
    }
    let Some(blocks) = view["blocks"].as_array().filter(|blocks| (1..=100).contains(&blocks.len())) else {
        return fail("a view without blocks, or with more than 100");
    };
    if blocks.iter().any(|block| block["type"] == "input") && view.get("submit").is_none() {
        return fail("inputs and no button to submit them");
    }
    all(blocks, true)
}

/// The letters of a block that are shown.
fn shown(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(shown).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) if name == "text" => length(text),
                other => shown(other),
            })
            .sum(),
        _ => 0,
    }
}

fn all(blocks: &[Value], in_view: bool) -> Check {
    let ids: Vec<&Value> = blocks.iter().filter_map(|block| block.get("block_id")).collect();
    let different: BTreeSet<&str> = ids.iter().filter_map(|id| id.as_str()).collect();
    if different.len() != ids.len() || different.iter().any(|id| length(id) > 255) {
        return fail("ids of blocks that are twice there, or too long");
    }
    blocks.iter().try_for_each(|block| one(block, in_view))
}

fn one(block: &Value, in_view: bool) -> Check {
    let kind = block["type"].as_str().unwrap_or_default();
    match kind {
        "markdown" if !in_view => live(&block["text"], 12_000),
        "section" => section(block),
        "header" => plain_text(&block["text"], 150),
        "divider" => Ok(()),
        "context" => list(&block["elements"], 10, |element| mrkdwn(element, 3_000)),
        "rich_text" => list(&block["elements"], usize::MAX, rich),
        "actions" => {
            list(&block["elements"], 25, element)?;
            unique(&block["elements"], "action_id")
        }
        "input" if in_view => {
            plain_text(&block["label"], 2_000)?;
            block.get("hint").map_or(Ok(()), |hint| plain_text(hint, 2_000))?;
            element(&block["element"])
        }
        _ => fail(format!("a block of the type {kind:?}")),
    }
}

fn section(block: &Value) -> Check {
    let fields = block.get("fields");
    if let Some(fields) = fields {
        list(fields, 10, |field| mrkdwn(field, 2_000))?;
    }
    match block.get("text") {
        Some(text) if text["type"] == "plain_text" => plain_text(text, 3_000),
        Some(text) => mrkdwn(text, 3_000),
        None if fields.is_some() => Ok(()),
        None => fail("a section that says nothing"),
    }
}

fn list(value: &Value, most: usize, check: impl Fn(&Value) -> Check) -> Check {
    match value.as_array() {
        Some(items) if (1..=most).contains(&items.len()) => items.iter().try_for_each(check),
        Some(items) => fail(format!("{} elements", items.len())),
        None => fail("elements that are no list"),
    }
}

fn unique(elements: &Value, name: &str) -> Check {
    let ids: Vec<&str> =
        elements.as_array().into_iter().flatten().filter_map(|element| element[name].as_str()).collect();
    let different: BTreeSet<&&str> = ids.iter().collect();
    if different.len() == ids.len() { Ok(()) } else { fail(format!("{name} is twice there: {ids:?}")) }
}

/// A text in which Slack reads mentions.
fn live(value: &Value, most: usize) -> Check {
    text(value, most)?;
    match mention(value.as_str().unwrap_or_default()) {
        Some(mention) => fail(format!("a text that mentions {mention}")),
        None => Ok(()),
    }
}

fn text(value: &Value, most: usize) -> Check {
    match value.as_str() {
        Some(text) if (1..=most).contains(&length(text)) && !text.contains('\0') => Ok(()),
        Some(text) => fail(format!("a text of {} characters where {most} are the most", length(text))),
        None => fail("a text that is none"),
    }
}

fn plain_text(value: &Value, most: usize) -> Check {
    if value["type"] == "plain_text" { text(&value["text"], most) } else { fail("no plain_text") }
}

fn mrkdwn(value: &Value, most: usize) -> Check {
    if value["type"] == "mrkdwn" { live(&value["text"], most) } else { fail("no mrkdwn") }
}

fn rich(row: &Value) -> Check {
    let kind = row["type"].as_str().unwrap_or_default();
    if !["rich_text_section", "rich_text_quote", "rich_text_preformatted"].contains(&kind) {
        return fail(format!("rich text of the type {kind:?}"));
    }
    list(&row["elements"], usize::MAX, |span| match span["type"].as_str() {
        Some("text") => text(&span["text"], 12_000),
        other => fail(format!("a span of the type {other:?}")),
    })
}

fn element(element: &Value) -> Check {
    text(&element["action_id"], 255)?;
    match element["type"].as_str().unwrap_or_default() {
        "button" => {
            plain_text(&element["text"], 75)?;
            element.get("url").map_or(Ok(()), |url| text(url, 3_000))?;
            element.get("value").map_or(Ok(()), |value| text(value, 2_000))
        }
        "checkboxes" => options(element, 10),
        "static_select" | "multi_static_select" => options(element, 100),
        "plain_text_input" => {
            let most =
                element["max_length"].as_u64().map_or(3_000, |most| usize::try_from(most).unwrap_or(0));
            if !(1..=3_000).contains(&most) {
                return fail(format!("an input of {most} characters"));
            }
            element.get("initial_value").map_or(Ok(()), |initial| text(initial, most))
        }
        "number_input" | "datepicker" => {
            let initial = element.get("initial_value").or_else(|| element.get("initial_date"));
            initial.map_or(Ok(()), |initial| text(initial, 50))
        }
        other => fail(format!("an element of the type {other:?}")),
    }
}

fn options(element: &Value, most: usize) -> Check {
    list(&element["options"], most, |option| {
        plain_text(&option["text"], 75)?;
        text(&option["value"], 150)
    })?;
    unique(&element["options"], "value")?;
    let known = element["options"].as_array().into_iter().flatten();
    match element.get("initial_option") {
        Some(initial) if !known.into_iter().any(|option| option == initial) => {
            fail("an initial option that is none")
        }
        _ => Ok(()),
    }
}
