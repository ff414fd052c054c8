//! The marker that stands where a secret stood: `[REDACTED:kind]`.

pub(crate) const OPEN: &str = "[REDACTED:";
const LONGEST_KIND: usize = 48;

/// What stands at a position that might begin a known marker.
pub(crate) enum Look {
    No,
    /// The text ends before that is decided.
    More,
    /// A marker of so many bytes.
    Marker(usize),
}

/// Whether the text contains a `[REDACTED:kind]` marker, of any kind: a value with one is refused in a write,
/// because it would replace the real value with its mask.
pub fn contains_marker(text: &str) -> bool {
    text.match_indices(OPEN).any(|(at, _)| {
        let kind = &text.as_bytes()[at + OPEN.len()..];
        let length =
            kind.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
        length > 0 && kind.get(length) == Some(&b']')
    })
}

/// The kind as it is shown: lower case letters, digits, `_` and `-`, at most 48 of them.
pub(crate) fn kind(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c.to_ascii_lowercase() } else { '_' };
    let kind: String = name.chars().take(LONGEST_KIND).map(plain).collect();
    if kind.is_empty() { "secret".to_owned() } else { kind }
}

/// Writes the marker of `kind`.
pub(crate) fn write(out: &mut String, kind: &str) {
    out.push_str(OPEN);
    out.push_str(kind);
    out.push(']');
}

/// Whether a marker of one of `kinds` stands at `at`. Only known kinds are left alone: otherwise
/// `[REDACTED:` and `]` around a secret would smuggle it through.
pub(crate) fn look(text: &[u8], at: usize, last: bool, kinds: &[String]) -> Look {
    let rest = &text[at..];
    let partial = |whole: &[u8], part: &[u8]| !last && part.len() < whole.len() && whole.starts_with(part);
    let Some(rest) = rest.strip_prefix(OPEN.as_bytes()) else {
        return if partial(OPEN.as_bytes(), rest) { Look::More } else { Look::No };
    };
    for kind in kinds {
        match rest.strip_prefix(kind.as_bytes()) {
            Some([b']', ..]) => return Look::Marker(OPEN.len() + kind.len() + 1),
            Some([]) if !last => return Look::More,
            None if partial(kind.as_bytes(), rest) => return Look::More,
            _ => {}
        }
    }
    Look::No
}

/// How many bytes of a literal may be matched so that the match can never reach into a marker that follows:
/// its end without what could be a marker's beginning. None if it contains such a beginning in the middle.
pub(crate) fn clear_of_marker(literal: &str) -> Option<&str> {
    let mut rest = literal;
    while let Some(cut) = (1..=OPEN.len()).find(|&n| rest.ends_with(&OPEN[..n])) {
        rest = &rest[..rest.len() - cut];
    }
    (!rest.contains(OPEN)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_recognised_in_values() {
        for text in
            ["[REDACTED:jwt]", "key=[REDACTED:anthropic_key];", "[REDACTED:[REDACTED:x-1]", "é[REDACTED:A]"]
        {
            assert!(contains_marker(text), "{text}");
        }
        for text in ["", "[REDACTED]", "[REDACTED:]", "[REDACTED:a b]", "[REDACTED:jwt", "REDACTED:jwt]"] {
            assert!(!contains_marker(text), "{text}");
        }
    }

    #[test]
    fn a_kind_is_always_one_that_a_marker_can_show() {
        for (name, shown) in
            [("db password", "db_password"), ("", "secret"), ("Ключ]", "_____"), ("a-B_9", "a-b_9")]
        {
            assert_eq!(kind(name), shown);
        }
        assert_eq!(kind(&"x".repeat(500)).len(), 48);
    }

    #[test]
    fn literals_keep_clear_of_a_marker_behind_them() {
        assert_eq!(clear_of_marker("hunter2hunter2"), Some("hunter2hunter2"));
        assert_eq!(clear_of_marker("hunter2hunter2[[RED["), Some("hunter2hunter2"));
        assert_eq!(clear_of_marker("a[REDACTED:b]"), None);
    }
}
