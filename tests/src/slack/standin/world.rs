//! All that Slack knows: workspaces, people, channels, messages; and what was asked of it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::responses::ResponseUrl;

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
    pub at: Instant,
}

pub struct Workspace {
    pub enterprise: Option<String>,
    /// It is no workspace, but the installation for all of its enterprise.
    pub whole: bool,
    pub token: String,
    pub bot: String,
    /// What the app may do, as it has asked for it; none: everything.
    pub scopes: Option<String>,
    pub revoked: bool,
}

pub struct User {
    pub team: String,
    pub name: String,
    pub email: Option<String>,
    /// Where they are, as far as days and hours go.
    pub zone: Option<String>,
    /// Speaks in channels that are shared with other workspaces, which know them by that.
    pub outsider: bool,
}

pub struct Channel {
    pub team: String,
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

pub struct World {
    pub url: String,
    pub workspaces: BTreeMap<String, Workspace>,
    pub users: BTreeMap<String, User>,
    pub channels: BTreeMap<String, Channel>,
    pub messages: Vec<Message>,
    pub response_urls: BTreeMap<String, ResponseUrl>,
    /// Codes of installs, with their workspace, address and scopes, until they are used.
    pub codes: BTreeMap<String, (String, String, Option<String>)>,
    /// Triggers of clicks and commands; true: a view was opened with it.
    pub triggers: BTreeMap<String, bool>,
    pub views: Vec<Value>,
    pub calls: Vec<Call>,
    /// What was sent and should not have been.
    pub problems: Vec<String>,
    /// Until when calls of a workspace are to wait: by method and, for posts, channel.
    waits: BTreeMap<(String, String, String), Instant>,
    /// People who were named to be told, in whatever text.
    pub named: BTreeSet<String>,
    faults: BTreeMap<String, VecDeque<Fault>>,
}

/// A number that was not there before: services that share a database may each have a stand-in of their own.
pub fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The time of a new message: later than all others.
pub fn ts() -> String {
    format!("{}.{:06}", 1_790_000_000 + number(), 100)
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
            waits: BTreeMap::new(),
            named: BTreeSet::new(),
            faults: BTreeMap::new(),
        }
    }

    /// A workspace in which the app is installed.
    pub fn workspace(&mut self, team: &str) -> &mut Workspace {
        let token = format!("xoxb-{team}-{}", number());
        self.workspaces.entry(team.to_owned()).or_insert(Workspace {
            enterprise: None,
            whole: false,
            token,
            bot: format!("UBOT{team}"),
            scopes: None,
            revoked: false,
        })
    }

    /// All of an enterprise, for which the app may be installed at once.
    pub fn enterprise(&mut self, id: &str) {
        let whole = self.workspace(id);
        (whole.enterprise, whole.whole) = (Some(id.to_owned()), true);
    }

    pub fn user(&mut self, team: &str, id: &str, email: Option<&str>) {
        let email = email.map(str::to_owned);
        let user = User { team: team.into(), name: id.to_lowercase(), email, zone: None, outsider: false };
        self.users.insert(id.to_owned(), user);
    }

    /// A person whom we know says where they are.
    pub fn zone(&mut self, user: &str, zone: &str) {
        self.users.get_mut(user).expect("a person").zone = Some(zone.into());
    }

    /// Somebody of another workspace, who speaks in a channel that is shared with it.
    pub fn outsider(&mut self, team: &str, id: &str, email: &str) {
        self.user(team, id, Some(email));
        self.users.entry(id.to_owned()).and_modify(|user| user.outsider = true);
    }

    pub fn channel(&mut self, team: &str, id: &str, joined: bool) {
        self.channels.insert(id.to_owned(), Channel { team: team.into(), dm: None, joined });
    }

    /// The direct messages of the app with a person.
    pub fn dm(&mut self, user: &str) -> String {
        let id = format!("D{user}");
        let team = self.users[user].team.clone();
        self.channels.entry(id.clone()).or_insert(Channel { team, dm: Some(user.into()), joined: true });
        id
    }

    /// A code with which the app is installed in a workspace.
    pub fn grant(&mut self, team: &str, redirect_uri: &str, scopes: Option<&str>) -> String {
        let code = format!("code-{}", number());
        let granted = (team.to_owned(), redirect_uri.to_owned(), scopes.map(str::to_owned));
        self.codes.insert(code.clone(), granted);
        code
    }

    pub fn trigger(&mut self) -> String {
        let trigger = format!("{}.{}.trigger", number(), number());
        self.triggers.insert(trigger.clone(), false);
        trigger
    }

    pub fn fail(&mut self, method: &str, faults: impl IntoIterator<Item = Fault>) {
        self.faults.entry(method.to_owned()).or_default().extend(faults);
    }

    pub fn fault(&mut self, method: &str) -> Option<Fault> {
        let mut next = |name: &str| self.faults.get_mut(name).and_then(VecDeque::pop_front);
        next(method).or_else(|| next("*"))
    }

    /// A call was told to come again after so many seconds.
    pub fn limit(&mut self, key: (String, String, String), seconds: u64) {
        self.waits.insert(key, Instant::now() + Duration::from_secs(seconds));
    }

    /// Notes a call that comes although it was told to wait.
    pub fn patient(&mut self, key: &(String, String, String)) {
        if let Some(left) = self.waits.get(key).and_then(|until| until.checked_duration_since(Instant::now()))
        {
            self.problem(format!("{} came again {left:?} before its time", key.1));
        }
    }

    pub fn problem(&mut self, what: impl Into<String>) {
        self.problems.push(what.into());
    }

    pub fn message(&mut self, channel: &str, ts: &str) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| message.channel == channel && message.ts == ts)
    }

    /// Somebody deletes a message.
    pub fn delete(&mut self, channel: &str, ts: &str) {
        self.messages.retain(|message| message.channel != channel || message.ts != ts);
    }

    pub fn expire_streams(&mut self) {
        for message in &mut self.messages {
            if message.stream == Some(Stream::Open) {
                message.stream = Some(Stream::Expired);
            }
        }
    }
}
