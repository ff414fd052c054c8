//! The words under which an entity is found, and those that a search asks for. Both are made
//! here, so that they are compared by equality and by their beginning, which an index answers.

use std::collections::{BTreeMap, btree_map::Entry};

use serde_json::{Map, Value};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::{EntityKind, fields};

/// Most words of one entity; those of the name come first, those of long texts last.
pub const MAX_WORDS: usize = 200;
/// Most words of a search.
pub const MAX_SOUGHT: usize = 12;
/// Longest word in characters; what is longer is cut, here and in a search.
const MAX_LENGTH: usize = 64;

/// In what stands first of an id and of a sound; no word begins so.
const ID: char = '#';
const SOUND: char = '~';

/// What a word says about an entity: the larger, the more.
pub const OF_NAME: u8 = 3;
pub const OF_FIELD: u8 = 2;
pub const OF_TEXT: u8 = 1;
/// The sound of a word of the name: for slips of spelling.
pub const OF_SOUND: u8 = 0;

/// Of long texts these say nothing.
const STOP_WORDS: [&str; 58] = [
    "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can",
    "could", "do", "for", "from", "had", "has", "have", "he", "her", "his", "if", "in", "into", "is", "it",
    "its", "me", "my", "no", "not", "of", "on", "or", "our", "she", "so", "than", "that", "the", "their",
    "them", "there", "they", "this", "to", "up", "was", "we", "were", "will", "with", "would", "you",
];

/// The words of an entity, each once, with what it says; at most [`MAX_WORDS`].
pub fn words(kind: EntityKind, name: &str, id: &str, given: &Map<String, Value>) -> Vec<(String, u8)> {
    let mut found = Found::default();
    split(name).for_each(|word| found.add(word, OF_NAME));
    found.add(whole(id), OF_NAME);
    if kind == EntityKind::Contact {
        found.add(initials(name), OF_FIELD);
    }
    if matches!(kind, EntityKind::Contact | EntityKind::Company | EntityKind::Deal) {
        for sound in sounds(name) {
            found.add(sound, OF_SOUND);
        }
    }
    let texts = |long: bool| {
        let fields = fields::searched(kind).filter(move |(_, is_long)| *is_long == long);
        fields.filter_map(|(name, _)| given.get(name)).flat_map(told)
    };
    for text in texts(false) {
        split(&text).for_each(|word| found.add(word, OF_FIELD));
    }
    for text in texts(true) {
        split(&text).filter(|word| says_something(word)).for_each(|word| found.add(word, OF_TEXT));
    }
    found.0.into_iter().collect()
}

/// What a search asks for: the whole of it as an id, and its words in their order.
pub struct Sought {
    /// For the beginning of an id.
    pub id: String,
    /// The last one may be the beginning of a word only. Empty: there is no word in it.
    pub words: Vec<String>,
}

/// What the text of a search asks for; at most [`MAX_SOUGHT`] words of it.
pub fn sought(text: &str) -> Sought {
    Sought { id: whole(text.trim()), words: split(text).take(MAX_SOUGHT).collect() }
}

/// How the words of a name sound, for comparison with the sounds of names on record. Two names
/// that are spelled alike have the same: `Jonson` and `Johansson`. Words that are not written
/// in Latin letters, or that hold next to no consonants, have none.
pub fn sounds(name: &str) -> Vec<String> {
    split(name).filter_map(|word| sound(&word)).collect()
}

/// The texts of a field.
fn told(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        other => fields::people(other).unwrap_or_default(),
    }
}

#[derive(Default)]
struct Found(BTreeMap<String, u8>);

impl Found {
    /// What is added first stays when there is no more room.
    fn add(&mut self, word: String, weight: u8) {
        let full = self.0.len() >= MAX_WORDS;
        match self.0.entry(word) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                *known = (*known).max(weight);
            }
            Entry::Vacant(place) if !full && !place.key().is_empty() => drop(place.insert(weight)),
            Entry::Vacant(_) => {}
        }
    }
}

/// In lower case, without accents, ligatures taken apart.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Once more after the change of case, which can take a letter apart as well.
    let letters = text.nfkd().flat_map(char::to_lowercase).nfkd().filter(|c| !is_combining_mark(*c));
    for letter in letters {
        match letter {
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'ø' => out.push('o'),
            'ł' => out.push('l'),
            'đ' | 'ð' => out.push('d'),
            'ı' => out.push('i'),
            'þ' => out.push_str("th"),
            other => out.push(other),
        }
    }
    out
}

fn cut(word: &str) -> String {
    word.chars().take(MAX_LENGTH).collect()
}

/// An id as one word.
fn whole(id: &str) -> String {
    cut(&format!("{ID}{}", plain(id)))
}

/// The words of a text; an e-mail address is one word, and those of its parts.
fn split(text: &str) -> impl Iterator<Item = String> {
    let text = plain(text);
    let mut words = Vec::new();
    for piece in text.split(|c: char| c.is_whitespace() || ",;<>()[]\"".contains(c)) {
        let address = piece.trim_matches(|c: char| !c.is_alphanumeric());
        let is_address = address.split_once('@').is_some_and(|(_, host)| host.contains('.'));
        words.extend(is_address.then(|| cut(address)));
        let parts = piece.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
        words.extend(parts.map(cut));
    }
    words.into_iter()
}

/// `js` for Jane Smith; nothing for one word.
fn initials(name: &str) -> String {
    let letters: String = split(name).filter_map(|word| word.chars().next()).collect();
    if letters.chars().count() > 1 { cut(&letters) } else { String::new() }
}

fn says_something(word: &str) -> bool {
    word.chars().nth(1).is_some() && !STOP_WORDS.contains(&word)
}

/// The consonants of a word, those that are mistaken for each other as one.
fn sound(word: &str) -> Option<String> {
    if !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let mut key = String::from(SOUND);
    let mut letters = word.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        let heard = match (letter, next) {
            ('p', Some('h')) | ('f' | 'v' | 'w', _) => 'f',
            ('c', Some('e' | 'i' | 'y')) | ('s' | 'z' | 'x', _) => 's',
            ('c' | 'k' | 'q' | 'g', _) => 'k',
            ('b' | 'p', _) => 'p',
            ('d' | 't', _) => 't',
            ('l' | 'm' | 'n' | 'r' | 'j', _) => letter,
            // A vowel counts where the word begins with it.
            ('a' | 'e' | 'i' | 'o' | 'u' | 'y', _) if key.len() == 1 => 'a',
            _ => continue,
        };
        if !key.ends_with(heard) {
            key.push(heard);
        }
    }
    (key.len() > 2).then(|| cut(&key))
}

#[cfg(test)]
mod tests;
