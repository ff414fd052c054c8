//! Response addresses: where a command or a click may be answered for half an hour, five times.

use serde_json::Value;

use super::{
    blocks,
    world::{Message, World, number, ts},
};

/// Posts that a response address takes.
const POSTS: usize = 5;

/// A response address: who asked where, and what came.
pub struct ResponseUrl {
    channel: String,
    user: String,
    expired: bool,
    posts: Vec<Value>,
    /// The message that was clicked.
    original: Option<(String, String)>,
}

impl World {
    pub fn response_url(&mut self, channel: &str, user: &str, original: Option<(String, String)>) -> String {
        let id = number().to_string();
        let address = ResponseUrl {
            channel: channel.into(),
            user: user.into(),
            expired: false,
            posts: Vec::new(),
            original,
        };
        self.response_urls.insert(id.clone(), address);
        format!("{}/respond/{id}", self.url)
    }

    pub fn expire_response_urls(&mut self) {
        self.response_urls.values_mut().for_each(|address| address.expired = true);
    }

    pub fn replies_of(&self, response_url: &str) -> Vec<Value> {
        self.response_urls.get(id(response_url)).map(|address| address.posts.clone()).unwrap_or_default()
    }

    /// Takes a post to a response address, or says why not.
    pub fn respond(&mut self, id: &str, post: &Value) -> Result<(), &'static str> {
        let Some(address) = self.response_urls.get_mut(id) else { return Err("no_such_url") };
        if address.expired {
            return Err("expired_url");
        }
        if address.posts.len() == POSTS {
            return Err("used_url");
        }
        address.posts.push(post.clone());
        self.show(id, post);
        Ok(())
    }

    /// A command was answered at once: that is shown, and counts for nothing.
    pub fn answered(&mut self, response_url: &str, body: &str) {
        if body.is_empty() {
            return;
        }
        let Ok(post) = serde_json::from_str::<Value>(body) else {
            return self.problem("a command was answered with a text that is no JSON");
        };
        if let Err(why) = blocks::content(&post) {
            return self.problem(format!("a command was answered with {why}"));
        }
        self.named.extend(blocks::named(&post));
        self.show(id(response_url), &post);
    }

    fn show(&mut self, id: &str, post: &Value) {
        let now = ts();
        let Some(address) = self.response_urls.get(id) else { return };
        let (channel, user) = (address.channel.clone(), address.user.clone());
        let original = address.original.clone();
        let words = post["text"].as_str().unwrap_or_default();
        let blocks = post["blocks"].as_array().cloned().unwrap_or_default();
        if post["replace_original"] == true
            && let Some((channel, ts)) = original
            && let Some(message) = self.message(&channel, &ts)
        {
            (message.text, message.blocks) = (words.to_owned(), blocks);
            message.edits += 1;
            return;
        }
        let team = self.channels.get(&channel).map(|channel| channel.team.clone()).unwrap_or_default();
        let bot = self.workspaces.get(&team).map(|workspace| workspace.bot.clone()).unwrap_or_default();
        let mut message = Message::new(&channel, &now, &bot, words);
        message.blocks = blocks;
        message.only_for = (post["response_type"] != "in_channel").then_some(user);
        message.thread = post["thread_ts"].as_str().map(str::to_owned);
        self.messages.push(message);
    }
}

fn id(response_url: &str) -> &str {
    response_url.rsplit('/').next().unwrap_or_default()
}
