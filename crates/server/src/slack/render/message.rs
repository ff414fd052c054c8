//! The content of a message, as the methods of Slack's API and its response addresses take it.

use serde::Serialize;
use serde_json::Value;

use super::{
    blocks, limits,
    split::split,
    text::{defuse, escape},
};

/// What is posted: blocks, and the plain text that stands for them in notifications. Links in it
/// are never unfurled. Flattened into the arguments of `chat.postMessage`, `chat.update` and
/// `chat.postEphemeral`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Message {
    /// Escaped; at most [`limits::FALLBACK`].
    pub text: String,
    /// At most [`limits::BLOCKS`].
    pub blocks: Vec<Value>,
    unfurl_links: bool,
    unfurl_media: bool,
}

impl Message {
    /// A message of these blocks. The text is any text: it is escaped and cut here.
    pub fn new(text: &str, blocks: Vec<Value>) -> Self {
        let text = escape(text, limits::FALLBACK);
        Self { text, blocks, unfurl_links: false, unfurl_media: false }
    }

    /// A message of a few words of ours, in Slack's `mrkdwn`; what others wrote has been escaped.
    pub fn words(mrkdwn: &str) -> Self {
        let mut message = Self::new("", vec![blocks::section(mrkdwn)]);
        mrkdwn.clone_into(&mut message.text);
        message
    }

    /// For a response address: only the person who asked sees it.
    pub fn to_person(self) -> Reply {
        Reply { response_type: Audience::Ephemeral, replace_original: false, message: self }
    }

    /// For a response address: everybody in the channel sees it.
    pub fn to_channel(self) -> Reply {
        Reply { response_type: Audience::InChannel, replace_original: false, message: self }
    }
}

/// Who sees a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The person who asked.
    Ephemeral,
    /// Everybody in the channel.
    InChannel,
}

/// What is posted to a response address (5 times within 30 minutes at most), or is the answer to a
/// slash command.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reply {
    pub response_type: Audience,
    /// Whether it takes the place of the message that was clicked, or of the last reply.
    pub replace_original: bool,
    #[serde(flatten)]
    pub message: Message,
}

impl Reply {
    /// In the place of the message that was clicked.
    #[must_use]
    pub fn replacing(self) -> Self {
        Self { replace_original: true, ..self }
    }
}

/// A copilot's Markdown as messages, in their order: none for a blank text, mostly one. Nobody is
/// mentioned by what a model wrote.
pub fn answer(markdown: &str) -> Vec<Message> {
    let parts = split(&defuse(markdown), limits::MARKDOWN);
    parts.iter().map(|part| Message::new(&without_marks(part), vec![blocks::markdown(part)])).collect()
}

/// The words of Markdown for a notification.
fn without_marks(markdown: &str) -> String {
    let lines = markdown.lines().map(|line| line.trim_start_matches('#').trim());
    let text = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    // An entity would be escaped once more.
    text.replace("**", "").replace("&lt;", "<")
}
