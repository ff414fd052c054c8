//! What the text of a slash command asks for. Everything that is no command is a question to the
//! copilot; what looks like a command with a slip is asked about, and nothing is done.

use super::render::incoming;

/// A command that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Free text for the copilot.
    Ask(String),
    Help,
    Today,
    Deal(String),
    Contact(String),
    /// For the meeting or the deal that is named, else for the next meeting.
    Prep(Option<String>),
    /// For what is named, else for the last meeting.
    FollowUp(Option<String>),
    Risks,
    Pipeline,
    /// The person's to-dos.
    TaskList,
    TaskAdd(String),
    /// Scheduled tasks.
    Schedules,
    Approvals,
    Memory,
    /// A fresh session.
    New,
}

impl Command {
    /// What the copilot is asked, where the command is a question to it. The others are answered by
    /// the service itself.
    pub fn prompt(&self) -> Option<String> {
        Some(match self {
            Command::Ask(text) => text.clone(),
            Command::Today => {
                "What is on for me today? Name my meetings and the to-dos that are due or overdue, \
                and the deals that need me."
                    .into()
            }
            Command::Deal(name) => format!("How does the deal “{name}” stand, and what should happen next?"),
            Command::Contact(name) => {
                format!("Who is the contact “{name}”, what was last between us, and what is open?")
            }
            Command::Prep(Some(what)) => format!("Prepare me for: {what}."),
            Command::Prep(None) => "Prepare me for my next meeting.".into(),
            Command::FollowUp(Some(what)) => format!("Draft a follow-up for: {what}."),
            Command::FollowUp(None) => "Draft a follow-up for my last meeting.".into(),
            Command::Risks => "Which of my deals are at risk, and why?".into(),
            Command::Pipeline => "Give me a summary of my pipeline.".into(),
            Command::TaskAdd(text) => format!("Add a to-do: {text}"),
            _ => return None,
        })
    }
}

/// How a text was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    Command(Command),
    /// It may be a command with a slip.
    Unsure {
        meant: Command,
        /// The text as it would have been right.
        suggestion: String,
        /// The text as it was written.
        text: String,
    },
    /// The command lacks what it is about.
    Incomplete(Usage),
}

/// How a command is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub form: &'static str,
    pub does: &'static str,
    pub example: &'static str,
}

const fn usage(form: &'static str, does: &'static str, example: &'static str) -> Usage {
    Usage { form, does, example }
}

/// All commands, as the help shows them.
pub const COMMANDS: [Usage; 14] = [
    usage("help", "This list.", "help"),
    usage("today", "Meetings, to-dos and deals of today.", "today"),
    usage("deal NAME", "How a deal stands.", "deal Acme renewal"),
    usage("contact NAME", "Who somebody is, and what is open.", "contact Dana Roe"),
    usage("prep [WHAT]", "Prepares the next meeting, or the one you name.", "prep Acme"),
    usage("follow-up [WHAT]", "Drafts a follow-up.", "follow-up Acme"),
    usage("risks", "Deals at risk.", "risks"),
    usage("pipeline", "Your pipeline in short.", "pipeline"),
    usage("task list", "Your to-dos.", "task list"),
    usage("task add TEXT", "A new to-do.", "task add Call Dana on Friday"),
    usage("schedules", "Your scheduled tasks.", "schedules"),
    usage("approvals", "What waits for your decision.", "approvals"),
    usage("memory", "What I remember.", "memory"),
    usage("new", "Begins a new conversation.", "new"),
];

/// What may follow the word of a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Nothing; a text that goes on is no command.
    Nothing,
    /// Something optional.
    Maybe,
    /// Something without which the command says nothing; this is its usage.
    Needed(usize),
    /// `list`, or `add` and a text.
    Tasks,
}

/// The words of the commands: the name first, then its aliases.
const WORDS: [(&[&str], Rest); 13] = [
    (&["help", "?", "commands", "usage"], Rest::Nothing),
    (&["today", "day", "agenda", "briefing"], Rest::Nothing),
    (&["deal", "deals", "opportunity", "opp"], Rest::Needed(2)),
    (&["contact", "contacts", "person", "who"], Rest::Needed(3)),
    (&["prep", "prepare", "meeting-prep"], Rest::Maybe),
    (&["follow-up", "followup", "follow_up", "fu"], Rest::Maybe),
    (&["risks", "risk", "at-risk"], Rest::Nothing),
    (&["pipeline", "pipe", "forecast"], Rest::Nothing),
    (&["task", "tasks", "todo", "todos", "to-do", "to-dos"], Rest::Tasks),
    (&["schedules", "schedule", "scheduled"], Rest::Nothing),
    (&["approvals", "approval", "pending"], Rest::Nothing),
    (&["memory", "memories", "remember"], Rest::Nothing),
    (&["new", "reset", "fresh", "restart"], Rest::Nothing),
];

/// Words of everyday questions that are close to those of commands.
const EVERYDAY: [&str; 22] = [
    "context",
    "contract",
    "contracts",
    "contacted",
    "content",
    "dear",
    "dial",
    "helps",
    "helped",
    "hello",
    "held",
    "person's",
    "personal",
    "pipes",
    "prop",
    "props",
    "rise",
    "talk",
    "take",
    "tank",
    "task's",
    "wish",
];
/// A longer text is a question, whatever it begins with.
const SHORT: usize = 4;

/// Reads a text as Slack sent it.
pub fn read(text: &str) -> Read {
    let text = incoming(text, None);
    if text.is_empty() {
        return Read::Command(Command::Help);
    }
    let (word, rest) = first_word(&text);
    let word = word.to_lowercase();
    if let Some(at) = WORDS.iter().position(|(words, _)| words.contains(&word.as_str())) {
        return exact(at, rest).unwrap_or(Read::Command(Command::Ask(text)));
    }
    // "follow up" and "at risk" are two words to people.
    for (two, at) in [("follow up", 5), ("at risk", 6)] {
        let (head, tail) = text.split_at_checked(two.len()).unwrap_or_default();
        if head.eq_ignore_ascii_case(two) && (tail.is_empty() || tail.starts_with(' ')) {
            return exact(at, tail.trim()).unwrap_or(Read::Command(Command::Ask(text)));
        }
    }
    match slip(&word, rest) {
        Some((meant, suggestion)) => Read::Unsure { meant, suggestion, text },
        None => Read::Command(Command::Ask(text)),
    }
}

fn first_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

/// The command at this place of [`WORDS`]; none, if what follows makes it a question.
fn exact(at: usize, rest: &str) -> Option<Read> {
    let something = (!rest.is_empty()).then(|| rest.to_owned());
    match (WORDS[at].1, something) {
        (Rest::Nothing, Some(_)) => None,
        (Rest::Needed(usage), None) => Some(Read::Incomplete(COMMANDS[usage])),
        (Rest::Tasks, _) => tasks(rest),
        (_, something) => Some(Read::Command(named(WORDS[at].0[0], something))),
    }
}

fn named(name: &str, rest: Option<String>) -> Command {
    match name {
        "today" => Command::Today,
        "deal" => Command::Deal(rest.unwrap_or_default()),
        "contact" => Command::Contact(rest.unwrap_or_default()),
        "prep" => Command::Prep(rest.map(|what| without("for", &what))),
        "follow-up" => Command::FollowUp(rest.map(|what| without("for", &what))),
        "risks" => Command::Risks,
        "pipeline" => Command::Pipeline,
        "schedules" => Command::Schedules,
        "approvals" => Command::Approvals,
        "memory" => Command::Memory,
        "new" => Command::New,
        _ => Command::Help,
    }
}

fn without(word: &str, text: &str) -> String {
    let (first, rest) = first_word(text);
    if first.eq_ignore_ascii_case(word) && !rest.is_empty() { rest.to_owned() } else { text.to_owned() }
}

fn tasks(rest: &str) -> Option<Read> {
    let (word, text) = first_word(rest);
    match word.to_lowercase().as_str() {
        "" => Some(Read::Command(Command::TaskList)),
        "list" | "ls" | "show" | "all" | "open" if text.is_empty() => Some(Read::Command(Command::TaskList)),
        "add" | "new" | "create" if text.is_empty() => Some(Read::Incomplete(COMMANDS[9])),
        "add" | "new" | "create" => Some(Read::Command(Command::TaskAdd(text.to_owned()))),
        _ => None,
    }
}

/// The command that was meant, if one letter or two are wrong, and its text.
fn slip(word: &str, rest: &str) -> Option<(Command, String)> {
    let size = word.chars().count();
    if !(3..=20).contains(&size) || EVERYDAY.contains(&word) || rest.ends_with('?') || word.ends_with('?') {
        return None;
    }
    // What goes on like a sentence has to be closer to a command than a single word.
    let allowed = if rest.is_empty() && size >= 6 { 2 } else { 1 };
    if rest.split_whitespace().count() >= SHORT {
        return None;
    }
    let close = |known: &&&str| known.chars().count() > 3 && known.chars().next() == word.chars().next();
    let (distance, at, known) = WORDS
        .iter()
        .enumerate()
        .flat_map(|(at, (words, _))| words.iter().filter(close).map(move |known| (at, *known)))
        .map(|(at, known)| (strsim::damerau_levenshtein(word, known), at, known))
        .min()?;
    let suggestion = if rest.is_empty() { known.to_owned() } else { format!("{known} {rest}") };
    match exact(at, rest)? {
        Read::Command(command) if distance <= allowed => Some((command, suggestion)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
