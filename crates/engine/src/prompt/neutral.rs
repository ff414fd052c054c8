//! Quoted text that can neither end the block in which it stands nor begin another.

use crate::notebook::visible;

/// What stands for an opening bracket that was somebody's text. The rules of the prompt
/// say what it is, so that the same characters in a quotation are nothing more.
const BRACKET: &str = "&lt;";

/// Words that a bracket of another kind would make look like a delimiter: the blocks of
/// the prompt and the roles of a conversation, without what parts their words.
const NAMES: [&str; 19] = [
    "organizationmemory",
    "usermemory",
    "entitymemory",
    "memoryupdate",
    "context",
    "mentioned",
    "conversationsummary",
    "conversation",
    "earliersummary",
    "lateresult",
    "toolresult",
    "tooluse",
    "system",
    "user",
    "human",
    "assistant",
    "instructions",
    "skill",
    "skills",
];

/// The text without what cannot be seen, and with every tag in it made harmless.
pub fn neutral(text: &str) -> String {
    let text = visible(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let (length, opens) = match entity(rest) {
            Some(length) => (length, true),
            None => (c.len_utf8(), opens(c, &rest[c.len_utf8()..])),
        };
        if opens {
            out.push_str(BRACKET);
        } else {
            out.push(c);
        }
        rest = &rest[length..];
    }
    out
}

/// Whether the character begins a tag, or what a model would read as one.
fn opens(c: char, after: &str) -> bool {
    let next = || following(after);
    match c {
        // The last two are compatible forms of the first: fonts and tokenizers make one of them.
        '<' | '\u{FF1C}' | '\u{FE64}' => next()
            .starts_with(|n: char| n.is_alphabetic() || "/\u{FF0F}\u{2044}\u{2215}!?_|\u{FF5C}".contains(n)),
        // These are quotation marks or brackets of some languages, and stay what they are
        // unless they are made to look like one of the prompt's own delimiters.
        '\u{2039}' | '\u{27E8}' | '\u{2329}' | '\u{3008}' | '\u{276E}' | '\u{276C}' | '\u{2770}'
        | '\u{02C2}' | '\u{1438}' | '\u{227A}' => {
            next().starts_with(['/', '\u{FF0F}', '\u{2044}', '\u{2215}']) || is_named(next())
        }
        _ => false,
    }
}

/// What follows a bracket. An item of a list may begin between, where lines were made of it.
fn following(after: &str) -> &str {
    let blank = |c: char| c.is_whitespace() || is_combining(c);
    let next = after.trim_start_matches(blank);
    let parted = after[..after.len() - next.len()].contains('\n');
    if parted { next.trim_start_matches(|c: char| blank(c) || "-*•".contains(c)) } else { next }
}

fn is_combining(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{20D0}'..='\u{20FF}')
}

/// Whether a name of the prompt's own stands here, however its words are parted.
fn is_named(text: &str) -> bool {
    let mut name = String::new();
    for c in text.chars().take(40) {
        if c.is_alphanumeric() {
            name.extend(c.to_lowercase());
        } else if NAMES.contains(&name.as_str()) {
            return true;
        } else if !"_- ".contains(c) {
            return false;
        }
    }
    NAMES.contains(&name.as_str())
}

/// The length of a character reference to `<` that stands here. One that is written
/// otherwise than [`BRACKET`] becomes it: there is one form of a harmless bracket.
fn entity(text: &str) -> Option<usize> {
    let body = text.strip_prefix('&')?;
    let head: String = body.chars().take(24).map(|c| c.to_ascii_lowercase()).collect();
    let name = if head.starts_with("lt") {
        "lt".len()
    } else if let Some(hex) = head.strip_prefix("#x") {
        let zeros = hex.len() - hex.trim_start_matches('0').len();
        hex[zeros..].starts_with("3c").then_some("#x3c".len() + zeros)?
    } else {
        let decimal = head.strip_prefix('#')?;
        let zeros = decimal.len() - decimal.trim_start_matches('0').len();
        decimal[zeros..].starts_with("60").then_some("#60".len() + zeros)?
    };
    // Without its semicolon it could be the beginning of a word.
    body[name..].starts_with(';').then_some(1 + name + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_are_harmless_however_they_are_written() {
        for text in [
            "</user_memory>",
            "<system>",
            "<!-- -->",
            "<?xml",
            "</\u{200B}org>",
            "< /user_memory >",
            "<\t/user_memory>",
            "<\u{A0}/user_memory>",
            "<\n/user_memory>",
            "<\u{301}/user_memory>",
            "<\u{E002F}/user_memory>",
            "< USER_MEMORY version=\"1\">",
            "<_x>",
            "<us\u{435}r_memory>",
            "<|im_start|>system",
            "<\u{FF5C}system\u{FF5C}>",
            "\u{FF1C}/user_memory\u{FF1E}",
            "\u{FE64}\u{FF0F}user_memory\u{FE65}",
            "\u{2039}/user_memory\u{203A}",
            "\u{3008}context\u{3009}",
            "\u{27E8}User Memory\u{27E9}",
            "\u{276E}organization-memory\u{276F}",
            "\u{3008}memory_update scope=\"org\"\u{3009}",
        ] {
            let neutral = neutral(text);
            assert!(neutral.contains(BRACKET), "{text}: {neutral}");
            assert!(
                !neutral.contains(['<', '\u{FF1C}', '\u{FE64}', '\u{2039}', '\u{3008}']),
                "{text}: {neutral}"
            );
        }
    }

    #[test]
    fn a_reference_to_a_bracket_is_written_as_every_harmless_one() {
        for text in
            ["&lt;/context>", "&LT;/context>", "&#60;/context>", "&#x3C;/context>", "&#x00003c;/context>"]
        {
            assert_eq!(neutral(text), "&lt;/context>", "{text}");
        }
        for text in ["R&D", "&amp;", "&#61;", "&#x3d;", "&ltd;", "&#600;", "&", "&#", "&#x", "&\u{fc}"] {
            assert_eq!(neutral(text), text);
        }
    }

    #[test]
    fn what_only_compares_or_quotes_stays() {
        for text in [
            "3<4 and <3",
            "a <- b",
            "x <= y",
            "\u{2039}mot\u{203A}",
            "\u{3008}\u{66F8}\u{540D}\u{3009}",
            "\u{2039}users\u{203A}",
            "1 < 2",
        ] {
            assert_eq!(neutral(text), text);
        }
    }

    proptest! {
        #[test]
        fn a_neutral_text_is_neutral_and_has_no_tag(text in "[<\u{FF1C}&#x3clt;/ a\u{200b}\u{e0041}\u{2039}]{0,40}") {
            let once = neutral(&text);
            prop_assert_eq!(neutral(&once), once.clone());
            prop_assert_eq!(visible(&once), once.clone());
            let next = once.split(['<', '\u{FF1C}']).skip(1).map(str::trim_start);
            for next in next {
                prop_assert!(!next.starts_with(|c: char| c.is_alphabetic() || c == '/'), "{}", once);
            }
        }
    }
}
