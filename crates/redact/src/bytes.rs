//! Sets of bytes, and looking backwards: the few things that every rule needs.

/// A set of bytes, built at compile time.
pub(crate) struct Class([bool; 256]);

impl Class {
    pub(crate) const NONE: Self = Self([false; 256]);

    /// The class with ASCII letters and digits added.
    pub(crate) const fn alnum(self) -> Self {
        self.range(b'a', b'z').range(b'A', b'Z').range(b'0', b'9')
    }

    /// The class with each of `bytes` added.
    pub(crate) const fn with(mut self, bytes: &[u8]) -> Self {
        let mut i = 0;
        while i < bytes.len() {
            self.0[bytes[i] as usize] = true;
            i += 1;
        }
        self
    }

    /// The class with each of `bytes` taken away.
    pub(crate) const fn without(mut self, bytes: &[u8]) -> Self {
        let mut i = 0;
        while i < bytes.len() {
            self.0[bytes[i] as usize] = false;
            i += 1;
        }
        self
    }

    /// The class with `from..=to` added.
    pub(crate) const fn range(mut self, from: u8, to: u8) -> Self {
        let mut i = from as usize;
        while i <= to as usize {
            self.0[i] = true;
            i += 1;
        }
        self
    }

    pub(crate) const fn has(&self, byte: u8) -> bool {
        self.0[byte as usize]
    }
}

/// A set of pairs of bytes, built at compile time.
pub(crate) struct Pairs([u64; 1024]);

impl Pairs {
    pub(crate) const NONE: Self = Self([0; 1024]);

    /// The set with the pairs of any of `firsts` and any of `seconds` added.
    pub(crate) const fn with(mut self, firsts: &[u8], seconds: &[u8]) -> Self {
        let mut i = 0;
        while i < firsts.len() {
            self = self.with_each(firsts[i], &Class::NONE.with(seconds));
            i += 1;
        }
        self
    }

    /// The set with the pairs of `first` and each of `seconds` added.
    pub(crate) const fn with_each(mut self, first: u8, seconds: &Class) -> Self {
        let mut second = 0;
        while second < seconds.0.len() {
            if seconds.0[second] {
                let pair = (first as usize) << 8 | second;
                self.0[pair >> 6] |= 1 << (pair & 63);
            }
            second += 1;
        }
        self
    }

    pub(crate) fn has(&self, first: u8, second: u8) -> bool {
        let pair = usize::from(first) << 8 | usize::from(second);
        self.0[pair >> 6] & 1 << (pair & 63) != 0
    }
}

pub(crate) static ALNUM: Class = Class::NONE.alnum();
pub(crate) static WORD: Class = Class::NONE.alnum().with(b"-_");

/// Whether `text` ends with `word`, which is lower case, in any case.
pub(crate) fn ends_with_ignoring_case(text: &[u8], word: &[u8]) -> bool {
    text.len() >= word.len() && text[text.len() - word.len()..].eq_ignore_ascii_case(word)
}

/// Whether a key may start after `before`: not in the middle of a word.
///
/// Tool output is often JSON or a query string seen from outside, so the tail of an escape (`\n`, `%3D`,
/// `\u003d`) does not count as a word.
pub(crate) fn at_word_start(before: &[u8]) -> bool {
    let Some(previous) = before.last() else { return true };
    if !previous.is_ascii_alphanumeric() {
        return true;
    }
    let hex = |digits: usize, mark: &[u8]| {
        before.len() >= digits + mark.len() && {
            let (head, tail) = before.split_at(before.len() - digits);
            head.ends_with(mark) && tail.iter().all(u8::is_ascii_hexdigit)
        }
    };
    (matches!(previous, b'n' | b'r' | b't') && before[..before.len() - 1].ends_with(b"\\"))
        || hex(2, b"%")
        || hex(4, b"\\u")
}

#[cfg(test)]
mod tests {
    use super::at_word_start;

    #[test]
    fn a_key_starts_at_a_word_or_after_an_escape() {
        for before in ["", " ", "=", "\"", "ключ", "密钥", "_", r"\n", "%3D", "%0a", r"\u003d"] {
            assert!(at_word_start(before.as_bytes()), "{before:?}");
        }
        for before in ["a", "ta", "9", "n", "3D", "u003d", r"\x"] {
            assert!(!at_word_start(before.as_bytes()), "{before:?}");
        }
    }
}
