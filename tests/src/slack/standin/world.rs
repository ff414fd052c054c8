//! All that Slack knows: workspaces, people, channels, messages; and what was asked of it.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

/// Posts that a response address takes.
const POSTS: usize = 5;

/// How the next call goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 429 with `Retry-After`, in seconds. Nothing has happened.
    RateLimited(u64),
    /// This status, with an HTML page.
    Status(u16),
    /// `{"ok": false, "error": …}`.
    Error(&'static str),
    /// The connection breaks, and nothing has happened.
    DroppedBefore,
    /// It has happened, and the connection breaks before the answer.
    DroppedAfter,
}

/// A call as it came.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    /// Its workspace, if its token was a good one.
    pub team: Option<String>,
    pub args: Value,
    /// The error that was answered, if one was.
    pub error: Option<String>,
}

pub struct Workspace {
    pub enterprise: Option<String>,
    pub token: String,
    pub bot: String,
    pub revoked: bool,
}

pub struct User {
    pub team: String,
    pub name: String,
    pub email: Option<String>,
}

pub struct Channel {
    pub team: String,
    pub name: String,
    /// The person whose direct messages with the app these are.
    pub dm: Option<String>,
    /// Whether the app is in it.
    pub joined: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Open,
    /// Slack has closed it, because it was idle.
    Expired,
    Stopped,
}

#[derive(Clone, Debug)]
pub struct Message {
    pub channel: String,
    pub ts: String,
    pub thread: Option<String>,
    pub author: String,
    pub text: String,
    pub blocks: Vec<Value>,
    pub metadata: Option<Value>,
    /// Whom alone it is shown.
    pub only_for: Option<String>,
    pub stream: Option<Stream>,
    /// What the stream has brought.
    pub streamed: String,
    pub edits: usize,
}

impl Message {
    pub fn new(channel: &str, ts: &str, author: &str, text: &str) -> Self {
        Self {
            channel: channel.into(),
            ts: ts.into(),
            thread: None,
            author: author.into(),
            text: text.into(),
            blocks: Vec::new(),
            metadata: None,
            only_for: None,
            stream: None,
            streamed: String::new(),
            edits: 0,
        }
    }
}

/// A response address: who asked where, and what came.
pub struct ResponseUrl {
    pub channel: String,
    pub user: String,
    pub expired: bool,
    pub posts: Vec<Value>,
    /// The message that was clicked.
    pub original: Option<(String, String)>,
}

pub struct World {
    pub url: String,
    pub workspaces: BTreeMap<String, Workspace>,
    pub users: BTreeMap<String, User>,
    pub channels: BTreeMap<String, Channel>,
    pub messages: Vec<Message>,
    pub response_urls: BTreeMap<String, ResponseUrl>,
    /// Codes of installs, with their workspace and address, until they are used.
    pub codes: BTreeMap<String, (String, String)>,
    /// Triggers of clicks and commands; true: a view was opened with it.
    pub triggers: BTreeMap<String, bool>,
    pub views: Vec<Value>,
    pub calls: Vec<Call>,
    /// What was sent and should not have been.
    pub problems: Vec<String>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    count: u64,
}

impl World {
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            workspaces: BTreeMap::new(),
            users: BTreeMap::new(),
            channels: BTreeMap::new(),
            messages: Vec::new(),
            response_urls: BTreeMap::new(),
            codes: BTreeMap::new(),
            triggers: BTreeMap::new(),
            views: Vec::new(),
            calls: Vec::new(),
            problems: Vec::new(),
            faults: BTreeMap::new(),
            count: 0,
        }
    }

    /// A number that was not there before.
    pub fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// The time of a new message: later than all others.
    pub fn ts(&mut self) -> String {
        format!("{}.{:06}", 1_790_000_000 + self.next(), 100)
    }

    /// A workspace in which the app is installed.
    pub fn workspace(&mut self, team: &str) -> &mut Workspace {
        let token = format!("xoxb-{team}-{}", self.next());
        self.workspaces.entry(team.to_owned()).or_insert(Workspace {
            enterprise: None,
            token,
            bot: format!("UBOT{team}"),
            revoked: false,
        })
    }

    pub fn user(&mut self, team: &str, id: &str, email: Option<&str>) {
        let user = User { team: team.into(), name: id.to_lowercase(), email: email.map(str::to_owned) };
        self.users.insert(id.to_owned(), user);
    }

    /// A channel that the app has joined.
    pub fn channel(&mut self, team: &str, id: &str) {
        let channel = Channel { team: team.into(), name: id.to_lowercase(), dm: None, joined: true };
        self.channels.insert(id.to_owned(), channel);
    }

    /// The direct messages of the app with a person.
    pub fn dm(&mut self, user: &str) -> String {
        let id = format!("D{user}");
        let team = self.users[user].team.clone();
        let dm = Channel { team, name: "directmessage".into(), dm: Some(user.into()), joined: true };
        self.channels.entry(id.clone()).or_insert(dm);
        id
    }

    /// A code with which the app is installed in a workspace.
    pub fn grant(&mut self, team: &str, redirect_uri: &str) -> String {
        let code = format!("code-{}", self.next());
        self.codes.insert(code.clone(), (team.to_owned(), redirect_uri.to_owned()));
        code
    }

    pub fn trigger(&mut self) -> String {
        let trigger = format!("{}.{}.trigger", self.next(), self.next());
        self.triggers.insert(trigger.clone(), false);
        trigger
    }

    pub fn response_url(&mut self, channel: &str, user: &str, original: Option<(String, String)>) -> String {
        let id = self.next().to_string();
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

    pub fn fail(&mut self, method: &str, faults: impl IntoIterator<Item = Fault>) {
        self.faults.entry(method.to_owned()).or_default().extend(faults);
    }

    pub fn fault(&mut self, method: &str) -> Option<Fault> {
        let mut next = |name: &str| self.faults.get_mut(name).and_then(VecDeque::pop_front);
        next(method).or_else(|| next("*"))
    }

    pub fn problem(&mut self, what: impl Into<String>) {
        self.problems.push(what.into());
    }

    pub fn message(&mut self, channel: &str, ts: &str) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| message.channel == channel && message.ts == ts)
    }

    pub fn expire_streams(&mut self) {
        for message in &mut self.messages {
            if message.stream == Some(Stream::Open) {
                message.stream = Some(Stream::Expired);
            }
        }
    }

    pub fn expire_response_urls(&mut self) {
        self.response_urls.values_mut().for_each(|address| address.expired = true);
    }

    pub fn replies_of(&self, response_url: &str) -> Vec<Value> {
        let id = response_url.rsplit('/').next().unwrap_or_default();
        self.response_urls.get(id).map(|address| address.posts.clone()).unwrap_or_default()
    }

    /// Takes a post to a response address, or says why not.
    pub fn respond(&mut self, id: &str, post: &Value) -> Result<(), &'static str> {
        let now = self.ts();
        let Some(address) = self.response_urls.get_mut(id) else { return Err("no_such_url") };
        if address.expired {
            return Err("expired_url");
        }
        if address.posts.len() == POSTS {
            return Err("used_url");
        }
        address.posts.push(post.clone());
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
            return Ok(());
        }
        let mut message = Message::new(&channel, &now, "app", words);
        message.blocks = blocks;
        message.only_for = (post["response_type"] != "in_channel").then_some(user);
        message.thread = post["thread_ts"].as_str().map(str::to_owned);
        self.messages.push(message);
        Ok(())
    }
}
