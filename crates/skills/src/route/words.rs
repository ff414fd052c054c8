//! Words of messages and patterns, in the one form in which they are compared.

use domain::visible::visible;
use unicode_normalization::UnicodeNormalization as _;

/// What is looked at of a message, in characters.
pub const LOOKED_AT: usize = 2_000;

/// What is read of a text in its folded form, in characters: one character may become eighteen.
const FOLDED: usize = 4 * LOOKED_AT;

/// Longest message that can be nothing but an answer, in words.
const SHORT: usize = 4;

/// Words of which an answer consists that asks for nothing new.
const SMALL_TALK: &[&str] = &[
    "yes", "yep", "yeah", "yup", "y", "ok", "okay", "k", "sure", "fine", "right", "correct", "exactly",
    "agreed", "good", "great", "nice", "cool", "perfect", "awesome", "thanks", "thank", "thx", "ty",
    "cheers", "no", "nope", "nah", "n", "not", "now", "please", "you", "very", "much", "many", "so", "a",
    "lot", "that", "s", "is", "it", "all", "got", "go", "ahead", "do", "done", "continue", "proceed", "stop",
    "cancel", "hi", "hello", "hey", "bye", "goodbye", "morning", "lol", "haha", "hmm", "ja", "nein", "danke",
    "bitte", "oui", "non", "merci", "si", "gracias", "sim", "nao", "não", "obrigado", "obrigada", "grazie",
    "alright", "sounds", "looks", "for", "the", "help", "later", "never", "mind", "wait",
];

/// Words of which a message consists that only greets or thanks: nobody is set to work by it, as by a
/// word of consent.
const PLEASANTRIES: &[&str] = &[
    "hi",
    "hello",
    "hey",
    "there",
    "good",
    "morning",
    "afternoon",
    "evening",
    "day",
    "night",
    "bye",
    "goodbye",
    "thanks",
    "thank",
    "thx",
    "ty",
    "cheers",
    "you",
    "very",
    "much",
    "many",
    "so",
    "a",
    "lot",
    "again",
    "nice",
    "cool",
    "great",
    "perfect",
    "awesome",
    "lol",
    "haha",
    "hallo",
    "danke",
    "tschüss",
    "bonjour",
    "merci",
    "hola",
    "gracias",
    "ciao",
    "grazie",
    "obrigado",
    "obrigada",
];

/// Words that say nothing about what is wanted.
const STOP_WORDS: &[&str] = &[
    "a", "about", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by",
    "can", "could", "d", "did", "do", "does", "for", "from", "get", "give", "had", "has", "have", "he",
    "her", "his", "how", "i", "if", "in", "into", "is", "it", "its", "just", "let", "like", "ll", "m", "me",
    "my", "need", "no", "not", "of", "on", "or", "our", "please", "re", "s", "she", "should", "so", "some",
    "t", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "to", "up", "us",
    "use", "ve", "want", "was", "we", "were", "what", "when", "where", "which", "who", "will", "with",
    "would", "you", "your",
];

/// The beginning of a message: no more of it is looked at.
pub fn beginning(text: &str) -> &str {
    text.char_indices().nth(LOOKED_AT).map_or(text, |(end, _)| &text[..end])
}

/// The words of a text, folded, with one space before, between and after them.
///
/// Folding is over capital letters, so that `ß` is `ss` and the two small sigmas are one. A script that
/// writes no spaces has a word per character: a phrase in it is found wherever it stands.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(' ');
    let text = visible(text);
    let folded = text.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).take(FOLDED);
    for c in folded {
        let is_word = c.is_alphanumeric();
        if (!is_word || is_dense(c)) && !out.ends_with(' ') {
            out.push(' ');
        }
        if is_word {
            out.push(c);
        }
        if is_dense(c) && is_word {
            out.push(' ');
        }
    }
    if !out.ends_with(' ') {
        out.push(' ');
    }
    out
}

/// Whether words of this script are not parted by spaces.
fn is_dense(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{3040}'..='\u{30FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// Whether a message answers or greets, and asks for nothing that a skill could do.
pub fn is_small_talk(plain: &str) -> bool {
    consists_of(SMALL_TALK, plain)
}

/// Whether a message greets or thanks, and says nothing else.
pub fn is_pleasantry(plain: &str) -> bool {
    !plain.trim().is_empty() && consists_of(PLEASANTRIES, plain)
}

fn consists_of(known: &[&str], plain: &str) -> bool {
    let words = || plain.split(' ').filter(|word| !word.is_empty());
    words().count() <= SHORT && words().all(|word| known.contains(&word))
}

/// The terms by which a text is searched: no stop words, and no difference of number.
pub fn terms(plain: &str) -> impl Iterator<Item = &str> {
    plain.split(' ').filter(|word| !word.is_empty() && !STOP_WORDS.contains(word)).map(singular)
}

/// English plurals, roughly: it is enough that both sides are treated alike.
fn singular(word: &str) -> &str {
    match word.strip_suffix('s') {
        Some(stem) if stem.len() > 2 && !stem.ends_with(['s', 'u', 'i']) => stem,
        _ => word,
    }
}
