//! Masking of known secrets, wherever they stand.

use std::collections::{BTreeSet, HashMap};

use crate::marker::{self, Look};

const HEAD: usize = 4;
/// The filter has one bit for each value of a 16-bit hash.
const FILTER_WORDS: usize = 1 << 10;

type Head = [u8; HEAD];

/// The literal texts to look for: every encoding of every secret.
///
/// A filter over the first four bytes decides nearly every position with one multiplication and one load. An
/// automaton of `aho-corasick` would not say how much of a literal has been seen, which a stream must hold
/// back.
pub(crate) struct Literals {
    filter: Box<[u64; FILTER_WORDS]>,
    /// Sorted, to decide whether the last one to three bytes could begin a literal.
    heads: Vec<Head>,
    /// The longest literal of a head comes first.
    groups: HashMap<Head, Vec<Literal>>,
}

struct Literal {
    text: Box<str>,
    kind: usize,
}

/// A literal that the text up to its end agrees with, so far in `matched` bytes.
struct Partial {
    head: Head,
    index: usize,
    matched: usize,
}

enum Found {
    No,
    /// The text ends before that is decided; a short rest is simply looked at again.
    More(Option<Partial>),
    Literal {
        length: usize,
        kind: usize,
    },
}

impl Literals {
    /// The literals with the index of their kind; each has at least four bytes.
    pub(crate) fn new(literals: BTreeSet<(String, usize)>) -> Self {
        let mut all = Self { filter: Box::new([0; FILTER_WORDS]), heads: Vec::new(), groups: HashMap::new() };
        for (text, kind) in literals {
            let Some(&head) = text.as_bytes().first_chunk() else { continue };
            let (word, bit) = slot(head);
            all.filter[word] |= bit;
            all.groups.entry(head).or_default().push(Literal { text: text.into(), kind });
        }
        for group in all.groups.values_mut() {
            group.sort_by_key(|literal| std::cmp::Reverse(literal.text.len()));
        }
        all.heads = all.groups.keys().copied().collect();
        all.heads.sort_unstable();
        all
    }

    /// The longest literal that stands at `at`.
    fn find(&self, text: &[u8], at: usize, last: bool) -> Found {
        let rest = &text[at..];
        let Some(&head) = rest.first_chunk() else {
            return if !last && self.may_begin(rest) { Found::More(None) } else { Found::No };
        };
        let (word, bit) = slot(head);
        if self.filter[word] & bit == 0 {
            return Found::No;
        }
        for (index, literal) in self.groups.get(&head).into_iter().flatten().enumerate() {
            let whole = literal.text.as_bytes();
            if rest.starts_with(whole) {
                return Found::Literal { length: whole.len(), kind: literal.kind };
            }
            if !last && whole.starts_with(rest) {
                return Found::More(Some(Partial { head, index, matched: rest.len() }));
            }
        }
        Found::No
    }

    fn may_begin(&self, rest: &[u8]) -> bool {
        let next = self.heads.partition_point(|head| head.as_slice() < rest);
        self.heads.get(next).is_some_and(|head| head.starts_with(rest))
    }

    /// Whether the longer text still agrees with the literal, and still ends before it does.
    fn still_partial(&self, partial: &mut Partial, rest: &[u8]) -> bool {
        let whole = self.groups[&partial.head][partial.index].text.as_bytes();
        let agrees =
            rest.len() < whole.len() && whole[partial.matched..].starts_with(&rest[partial.matched..]);
        partial.matched = rest.len();
        agrees
    }
}

fn slot(head: Head) -> (usize, u64) {
    let hash = u32::from_le_bytes(head).wrapping_mul(0x9E37_79B1) >> 16;
    ((hash >> 6) as usize, 1 << (hash & 63))
}

/// How far a text has been gone through; the text only ever grows at its end, until a `shift`.
#[derive(Default)]
pub(crate) struct Scan {
    /// The next position at which a literal may begin.
    at: usize,
    /// Everything before is in the output or hidden; beyond `at` inside a literal.
    copied: usize,
    partial: Option<Partial>,
    pub(crate) masked: bool,
}

impl Scan {
    /// Goes on through `text` as far as it can be decided; `last` says that nothing follows.
    ///
    /// Literals that overlap are hidden together, under the kind of the first.
    pub(crate) fn run(
        &mut self,
        literals: &Literals,
        kinds: &[String],
        text: &str,
        last: bool,
        out: &mut String,
    ) {
        let bytes = text.as_bytes();
        if let Some(partial) = &mut self.partial {
            if !last && literals.still_partial(partial, &bytes[self.at..]) {
                return;
            }
            self.partial = None;
        }
        while let Some(&byte) = bytes.get(self.at) {
            if byte == b'[' && self.at >= self.copied {
                match marker::look(bytes, self.at, last, kinds) {
                    Look::More => return,
                    Look::Marker(length) => {
                        self.at += length;
                        continue;
                    }
                    Look::No => {}
                }
            }
            match literals.find(bytes, self.at, last) {
                Found::No => {}
                Found::More(partial) => {
                    self.partial = partial;
                    return;
                }
                Found::Literal { length, kind } => {
                    if self.at >= self.copied {
                        out.push_str(&text[self.copied..self.at]);
                        marker::write(out, &kinds[kind]);
                    }
                    self.copied = self.copied.max(self.at + length);
                    self.masked = true;
                }
            }
            self.at += 1;
        }
    }

    /// Writes what is decided and not hidden.
    pub(crate) fn flush(&mut self, text: &str, out: &mut String) {
        if self.copied < self.at {
            out.push_str(&text[self.copied..self.at]);
            self.copied = self.at;
        }
    }

    /// Forgets the text that is decided.
    pub(crate) fn shift(&mut self, text: &mut String) {
        text.drain(..self.at);
        self.copied -= self.at;
        self.at = 0;
    }
}
