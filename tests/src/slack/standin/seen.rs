//! What a person sees: messages after their updates, streams as one text, blocks as words.

use serde_json::Value;

use super::world::{Message, Stream, World};

/// A message as people see it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub channel: String,
    pub ts: String,
    pub thread: Option<String>,
    /// Whom alone it is shown.
    pub only_for: Option<String>,
    /// All words, in their order; entities are read.
    pub words: String,
    pub buttons: Vec<Button>,
    pub edits: usize,
    /// Whether it is still being written.
    pub growing: bool,
}

#[derive(Clone, Debug)]
pub struct Button {
    pub label: String,
    pub action: String,
    pub value: String,
    /// The page that it opens.
    pub url: String,
}

/// What an app has said, and is there now.
pub fn of_the_app(world: &World) -> Vec<Seen> {
    let bots: Vec<&String> = world.workspaces.values().map(|workspace| &workspace.bot).collect();
    world.messages.iter().filter(|message| bots.contains(&&message.author)).map(seen).collect()
}

fn seen(message: &Message) -> Seen {
    let mut words = vec![message.streamed.clone()];
    let mut buttons = Vec::new();
    for block in &message.blocks {
        read(block, &mut words, &mut buttons);
    }
    if message.blocks.is_empty() {
        words.push(message.text.clone());
    }
    let words: Vec<String> = words.iter().map(|part| decoded(part)).filter(|part| !part.is_empty()).collect();
    Seen {
        channel: message.channel.clone(),
        ts: message.ts.clone(),
        thread: message.thread.clone(),
        only_for: message.only_for.clone(),
        words: words.join("\n"),
        buttons,
        edits: message.edits,
        growing: message.stream == Some(Stream::Open),
    }
}

fn decoded(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn read(block: &Value, words: &mut Vec<String>, buttons: &mut Vec<Button>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match block["type"].as_str().unwrap_or_default() {
        "button" => buttons.push(Button {
            label: text(&block["text"]["text"]),
            action: text(&block["action_id"]),
            value: text(&block["value"]),
            url: text(&block["url"]),
        }),
        "rich_text_section" | "rich_text_quote" | "rich_text_preformatted" => {
            let spans = block["elements"].as_array().into_iter().flatten();
            words.push(spans.map(|span| text(&span["text"])).collect());
        }
        _ => {
            let own = block["text"].as_str().or_else(|| block["text"]["text"].as_str());
            words.extend(own.map(str::to_owned));
            let inner =
                ["elements", "fields", "options"].into_iter().filter_map(|name| block[name].as_array());
            inner.flatten().for_each(|element| read(element, words, buttons));
        }
    }
}
