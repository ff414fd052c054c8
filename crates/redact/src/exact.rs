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
    /// Sorted: what stands between two of them agrees as far as these two do.
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
        all.heads = all.groups.keys().copied().collect();
        all.heads.sort_unstable();
        all
    }

    /// The longest literal that stands at `at`. Looks at each byte once, however many literals begin alike.
    fn find(&self, text: &[u8], at: usize, last: bool) -> Found {
        let rest = &text[at..];
        let Some(&head) = rest.first_chunk() else {
            return if !last && self.may_begin(rest) { Found::More(None) } else { Found::No };
        };
        let (word, bit) = slot(head);
        if self.filter[word] & bit == 0 {
            return Found::No;
        }
        let Some(group) = self.groups.get(&head) else { return Found::No };
        let more = |index| Found::More(Some(Partial { head, index, matched: rest.len() }));
        let mut found = Found::No;
        // Those from `from` up to `to` agree with the text in its first `depth` bytes.
        let (mut from, mut to, mut depth) = (0, group.len(), HEAD);
        while from < to {
            let first = group[from].text.as_bytes();
            let common = if to - from == 1 {
                first.len()
            } else {
                depth + agreement(&first[depth..], &group[to - 1].text.as_bytes()[depth..])
            };
            let agrees = depth + agreement(&first[depth..common], &rest[depth..]);
            if agrees < common {
                return if agrees == rest.len() && !last { more(from) } else { found };
            }
            depth = common;
            if first.len() == depth {
                found = Found::Literal { length: depth, kind: group[from].kind };
                from += 1;
            }
            let byte = |literal: &Literal| literal.text.as_bytes().get(depth).copied();
            // The same text may be there as another kind.
            from += group[from..to].partition_point(|literal| byte(literal).is_none());
            let Some(&next) = rest.get(depth) else {
                return if from < to && !last { more(from) } else { found };
            };
            from += group[from..to].partition_point(|literal| byte(literal) < Some(next));
            to = from + group[from..to].partition_point(|literal| byte(literal) == Some(next));
        }
        found
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

/// How many bytes the two begin with alike.
fn agreement(a: &[u8], b: &[u8]) -> usize {
    const PIECE: usize = 64;
    let length = a.len().min(b.len());
    let mut at = 0;
    while at + PIECE <= length && a[at..at + PIECE] == b[at..at + PIECE] {
        at += PIECE;
    }
    at + a[at..length].iter().zip(&b[at..length]).take_while(|(a, b)| a == b).count()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_longest_literal_is_found_and_what_may_still_become_one_is_waited_for(
            texts in prop::collection::btree_set("[ab]{4,12}", 1..12),
            text in "[ab]{0,16}",
            kinds in 1..3_usize,
        ) {
            let all: BTreeSet<_> =
                texts.iter().flat_map(|text| (0..kinds).map(|kind| (text.clone(), kind))).collect();
            let literals = Literals::new(all);
            for last in [false, true] {
                let longest = texts.iter().filter(|one| text.starts_with(*one)).map(String::len).max();
                let unfinished = !last && texts.iter().any(|one| one.len() > text.len() && one.starts_with(&text));
                match literals.find(text.as_bytes(), 0, last) {
                    Found::More(_) => prop_assert!(unfinished),
                    Found::No => prop_assert!(!unfinished && longest.is_none()),
                    Found::Literal { length, kind } => {
                        prop_assert!(!unfinished && kind == 0);
                        prop_assert_eq!(Some(length), longest);
                    }
                }
            }
        }
    }

    #[test]
    fn long_literals_that_differ_at_their_ends_are_told_apart() {
        let long = |end: &str| format!("{}{end}", "a".repeat(5_000));
        let literals = Literals::new([(long("b"), 0), (long("bc"), 1), (long("d"), 2)].into());
        for (text, kind, length) in [("b", 0, 5_001), ("bd", 0, 5_001), ("bc", 1, 5_002), ("d", 2, 5_001)] {
            let text = long(text);
            let found = literals.find(text.as_bytes(), 0, true);
            assert!(
                matches!(found, Found::Literal { length: l, kind: k } if (l, k) == (length, kind)),
                "{kind}"
            );
        }
        assert!(matches!(literals.find(long("e").as_bytes(), 0, true), Found::No));
    }
}
