//! What a rule says about one position of a text.
//!
//! A rule says [`Verdict::No`] or [`Verdict::Mask`] only if every longer text would make it say the same.
//! That is what makes a stream come out like the whole text, wherever it is cut.

use crate::bytes::Class;

pub(crate) enum Verdict {
    No,
    /// The text ends before that is decided.
    More(Option<Wait>),
    Mask(Mask),
}

/// The verdict stays the same while more bytes of `class` come and the text ends before `until`; so a long
/// candidate that arrives in small pieces is not gone through again for each of them.
pub(crate) struct Wait {
    pub(crate) class: &'static Class,
    /// The bytes before this one have been looked at.
    pub(crate) from: usize,
    pub(crate) until: usize,
}

impl Wait {
    pub(crate) fn is_over(&mut self, text: &[u8]) -> bool {
        let more = text[self.from..].iter().take_while(|&&byte| self.class.has(byte)).count();
        self.from += more;
        self.from < text.len() || self.from >= self.until
    }
}

/// The bytes `from..to` are a secret.
pub(crate) struct Mask {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) kind: &'static str,
    pub(crate) then: Then,
}

/// What follows a secret that is known from its beginning, so that its end need not be waited for.
pub(crate) enum Then {
    Scan,
    /// The rest of the characters of this class are hidden too.
    Run(&'static Class),
    /// The rest of a PEM block is hidden too.
    Pem,
}
