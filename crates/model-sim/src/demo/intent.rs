//! What the newest user text asks for, by its words.

use serde_json::Value;

use super::{change, memory::Entity};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Intent {
    WhoAreYou,
    /// What is remembered about the person.
    AboutMe,
    Remember {
        text: String,
        /// `user`, `org` or `entity`.
        scope: &'static str,
    },
    Note {
        entity: Entity,
        text: String,
    },
    Move {
        entity: Entity,
        stage: String,
    },
    /// A field of a record gets a value.
    Change {
        entity: Entity,
        field: &'static str,
        value: Value,
    },
    Recall(String),
    /// What was talked about, without a topic.
    Recap,
    About(Entity),
    Attention,
    Find(String),
    Other,
}

const WHO: [&str; 6] =
    ["who are you", "what are you", "which model", "what model", "are you a real", "your name"];
/// Open deals in this stage are the nearest to a decision.
pub(super) const URGENT_STAGE: &str = "negotiation";

const ABOUT_ME: [&str; 9] = [
    "who am i",
    "know about me",
    "know of me",
    "remember about me",
    "recall about me",
    "tell me about me",
    "about my preferences",
    "are my preferences",
    "do i prefer",
];
/// What "find" and its kin are asked for when the person means themselves.
const ME: [&str; 5] = ["me", "myself", "my preferences", "my memory", "my habits"];
// A phrase stands before those that it begins with.
const RECALL: [&str; 11] = [
    "what did we say about",
    "what did we say",
    "what did we decide about",
    "what did we decide",
    "what did we discuss about",
    "what did we discuss",
    "what did we talk about",
    "what have we talked about",
    "do you recall",
    "do you remember",
    "recall",
];
/// Words that name no topic.
const NO_TOPIC: [&str; 26] = [
    "so",
    "far",
    "until",
    "till",
    "now",
    "before",
    "earlier",
    "today",
    "yesterday",
    "last",
    "time",
    "week",
    "here",
    "in",
    "this",
    "the",
    "our",
    "conversation",
    "chat",
    "session",
    "recently",
    "previously",
    "already",
    "that",
    "about",
    "please",
];
const REMEMBER: [&str; 3] = ["remember that", "remember:", "remember"];
/// Who else is to know it, said before what is to be remembered.
const FOR_ALL: [&str; 10] = [
    "for the organization",
    "for the organisation",
    "for our organization",
    "for our organisation",
    "for the whole organization",
    "for the org",
    "for our company",
    "for the team",
    "for everybody",
    "for everyone",
];
const NOTE: [&str; 4] = ["add a note on", "add a note to", "note on", "note for"];
const ATTENTION: [&str; 5] =
    ["needs my attention", "need my attention", "my pipeline", "open deals", "at risk"];
const FIND: [&str; 8] = [
    "find",
    "search for",
    "look up",
    "look for",
    "who is",
    "tell me about",
    "do you know about",
    "what about",
];
const THIS_ENTITY: [&str; 8] = [
    "about this deal",
    "for this deal",
    "on this deal",
    "about this contact",
    "for this contact",
    "about this company",
    "for this company",
    "about this account",
];

/// `here` is the entity that "this deal" means.
pub(super) fn read(question: &str, here: Option<&Entity>) -> Intent {
    let named = entity_token(question);
    let meant = named.clone().or_else(|| this_entity(question).and(here).cloned());
    if WHO.iter().any(|phrase| rest(question, phrase).is_some()) {
        return Intent::WhoAreYou;
    }
    if meant.is_none() && !writes(question) && after(question, &ABOUT_ME).is_some() {
        return Intent::AboutMe;
    }
    if let Some(query) = after(question, &RECALL) {
        return if has_topic(&query) { Intent::Recall(without_lead(&query)) } else { Intent::Recap };
    }
    if let Some(text) = after(question, &REMEMBER) {
        return remember(&text, here.is_some());
    }
    if after(question, &NOTE).is_none()
        && let Some((field, value)) = change::read(question)
        && let Some(entity) = meant.clone().or_else(|| here.cloned())
    {
        return Intent::Change { entity, field, value };
    }
    if let Some(intent) = meant.clone().and_then(|entity| note_or_move(question, entity)) {
        return intent;
    }
    match (meant, after(question, &FIND)) {
        _ if after(question, &ATTENTION).is_some() => Intent::Attention,
        (Some(entity), _) => Intent::About(entity),
        (None, Some(query)) if ME.contains(&query.to_ascii_lowercase().as_str()) => Intent::AboutMe,
        (None, Some(query)) if !query.is_empty() => Intent::Find(query),
        _ => Intent::Other,
    }
}

/// "Remember" asks for something to be written when it begins a request.
fn writes(question: &str) -> bool {
    let question = question.trim_start().to_ascii_lowercase();
    question.trim_start_matches("please ").starts_with("remember")
        || after(&question, &REMEMBER[..2]).is_some()
}

fn has_topic(query: &str) -> bool {
    let mut words = query.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.any(|word| !NO_TOPIC.contains(&word.to_lowercase().as_str()))
}

fn remember(text: &str, has_entity: bool) -> Intent {
    let text = &without_lead(text);
    if let Some(text) = for_all(text) {
        return Intent::Remember { text: without_lead(text), scope: "org" };
    }
    let Some(phrase) = this_entity(text) else {
        return Intent::Remember { text: text.clone(), scope: "user" };
    };
    let at = text.to_ascii_lowercase().find(phrase).unwrap_or_default();
    let around = [&text[..at], &text[at + phrase.len()..]].map(trimmed);
    let text = around.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    Intent::Remember { text: without_lead(&text), scope: if has_entity { "entity" } else { "user" } }
}

/// What follows, if it begins by saying that it is for the whole organization.
fn for_all(text: &str) -> Option<&str> {
    let beginning = |phrase: &&str| around(text, phrase).filter(|(before, _)| before.trim().is_empty());
    FOR_ALL.iter().find_map(beginning).map(|(_, rest)| rest)
}

fn note_or_move(question: &str, entity: Entity) -> Option<Intent> {
    if after(question, &NOTE).is_some() {
        let (_, text) = question.split_once(':')?;
        return Some(Intent::Note { entity, text: text.trim().to_owned() });
    }
    let moved = after(question, &["move", "set"])?;
    let stage = after(&moved, &["to"])?.to_lowercase();
    let stage = stage.trim_start_matches("stage ").split([',', '.', ';', '\n']).next()?;
    let stage = stage.trim_matches(['"', ' ']).to_owned();
    (!stage.is_empty()).then_some(Intent::Move { entity, stage })
}

pub(super) fn this_entity(text: &str) -> Option<&'static str> {
    THIS_ENTITY.into_iter().find(|phrase| rest(text, phrase).is_some())
}

/// The first token that looks like an id (`D-42`), with the kind that its letter stands for.
pub(super) fn entity_token(text: &str) -> Option<Entity> {
    let tokens = text.split(|c: char| !c.is_alphanumeric() && c != '-');
    tokens.into_iter().find_map(|token| {
        let (letters, digits) = token.split_once('-')?;
        let is_id = (1..=3).contains(&letters.len())
            && letters.chars().all(|c| c.is_ascii_alphabetic())
            && !digits.is_empty()
            && digits.chars().all(|c| c.is_ascii_digit());
        let kind = match letters.to_ascii_uppercase().as_str() {
            "C" => "contact",
            "CO" => "company",
            "M" => "meeting",
            "T" => "task",
            _ => "deal",
        };
        is_id.then(|| Entity { kind: kind.to_owned(), id: token.to_ascii_uppercase() })
    })
}

/// What follows the first of these phrases that occurs.
pub(super) fn after(text: &str, phrases: &[&str]) -> Option<String> {
    phrases.iter().find_map(|phrase| rest(text, phrase)).map(|rest| trimmed(rest).to_owned())
}

fn rest<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    around(text, phrase).map(|(_, rest)| rest)
}

/// What stands before and after a phrase that stands in the text as whole words.
pub(super) fn around<'a>(text: &'a str, phrase: &str) -> Option<(&'a str, &'a str)> {
    // Lower case of ASCII only, so that places in both texts are the same.
    let lower = text.to_ascii_lowercase();
    lower.match_indices(phrase).find_map(|(at, _)| {
        let end = at + phrase.len();
        let boundary = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        let whole = boundary(text[..at].chars().next_back()) && boundary(text[end..].chars().next());
        whole.then(|| (&text[..at], &text[end..]))
    })
}

pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || ",;:?!.".contains(c))
}

/// Without the little words that join a request to its content.
fn without_lead(text: &str) -> String {
    let leads = ["that ", "what we said about ", "about "];
    leads.iter().fold(trimmed(text), |text, lead| text.strip_prefix(lead).unwrap_or(text)).to_owned()
}

/// The words of a text that say something, in lower case.
pub(super) fn words(text: &str) -> Vec<String> {
    const EMPTY: [&str; 10] =
        ["what", "know", "about", "tell", "does", "with", "this", "that", "have", "from"];
    let words = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    words.filter(|word| word.chars().count() >= 4 && !EMPTY.contains(&word.as_str())).collect()
}
