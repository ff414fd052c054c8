//! What a person sees: messages after their updates, streams as one text, blocks as words.

use serde_json::Value;

use super::world::{Message, Stream, World};

/// A message as one person sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub ts: String,
    pub author: String,
    /// All words, in their order; entities are read.
    pub words: String,
    /// The buttons: label, action and value.
    pub buttons: Vec<(String, String, String)>,
    /// How many replies stand under it.
    pub replies: usize,
    pub edits: usize,
    /// Whether it is still being written.
    pub growing: bool,
    pub blocks: Vec<Value>,
}

/// A channel without its threads.
pub fn channel(world: &World, channel: &str, reader: &str) -> Vec<Seen> {
    let here = world.messages.iter().filter(|message| message.channel == channel && message.thread.is_none());
    here.filter(|message| visible(message, reader)).map(|message| seen(world, message)).collect()
}

/// A thread with the message that it began with.
pub fn thread(world: &World, channel: &str, thread: &str, reader: &str) -> Vec<Seen> {
    let inside = |message: &&Message| message.ts == thread || message.thread.as_deref() == Some(thread);
    let here = world.messages.iter().filter(|message| message.channel == channel).filter(inside);
    here.filter(|message| visible(message, reader)).map(|message| seen(world, message)).collect()
}

fn visible(message: &Message, reader: &str) -> bool {
    message.only_for.as_deref().is_none_or(|only| only == reader)
}

fn seen(world: &World, message: &Message) -> Seen {
    let mut words = vec![message.streamed.clone()];
    let mut buttons = Vec::new();
    for block in &message.blocks {
        read(block, &mut words, &mut buttons);
    }
    if message.blocks.is_empty() {
        words.push(message.text.clone());
    }
    let words: Vec<String> = words.iter().map(|part| decoded(part)).filter(|part| !part.is_empty()).collect();
    let is_reply =
        |other: &&Message| other.channel == message.channel && other.thread.as_ref() == Some(&message.ts);
    Seen {
        ts: message.ts.clone(),
        author: message.author.clone(),
        words: words.join("\n"),
        buttons,
        replies: world.messages.iter().filter(is_reply).count(),
        edits: message.edits,
        growing: message.stream == Some(Stream::Open),
        blocks: message.blocks.clone(),
    }
}

fn decoded(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn read(block: &Value, words: &mut Vec<String>, buttons: &mut Vec<(String, String, String)>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match block["type"].as_str().unwrap_or_default() {
        "button" => {
            buttons.push((text(&block["text"]["text"]), text(&block["action_id"]), text(&block["value"])));
        }
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
