//! Masking of secrets that are known by their form.

use crate::{
    bytes::{Class, Pairs, at_word_start},
    credentials,
    marker::{self, Look},
    pem::{self, Block, Step},
    tokens,
    verdict::{Mask, Then, Verdict, Wait},
};

/// The first bytes of everything that is looked for from its beginning, and the pairs that it begins with.
static FIRST: Class = Class::NONE.with(b"sxgrwAe-:[");
/// Nearly every position is passed over because its pair is not one of these.
static PAIRS: Pairs = Pairs::NONE
    .with(b"s", b"k")
    .with(b"x", b"oa")
    .with(b"g", b"hi")
    .with(b"r", b"k")
    .with(b"w", b"h")
    .with(b"A", b"KSI")
    .with(b"e", b"y")
    .with(b"-", b"-")
    .with(b"[", b"R")
    .with_each(b':', &credentials::PASSWORD)
    .with(b":", b"[")
    // What is looked for backwards, from the second byte of the pair: a URL's `://` and a header's scheme.
    .with(b"/\\", b"/")
    .with(b"rRcCnN ", b" ");

/// The longest look back, rounded up; a stream keeps so much of the text that it has let through.
const BEHIND: usize = credentials::URL_LIMIT + 64;
/// A stream forgets its past when there is so much of it.
const KEPT: usize = 4 * BEHIND;

/// The kinds of all patterns.
pub(crate) fn kinds() -> impl Iterator<Item = &'static str> {
    tokens::kinds().chain(credentials::KINDS).chain([pem::KIND])
}

/// How far a text has been gone through; the text only ever grows at its end, until a `shift`.
#[derive(Default)]
pub(crate) struct Scan {
    /// The next position to decide on.
    at: usize,
    /// Everything before is in the output or hidden.
    copied: usize,
    /// The end of the last marker. Rules do not look back beyond it: they would see what the output, which
    /// may be redacted again, does not show.
    floor: usize,
    /// Where the user name of a URL may have begun, or the part of it behind a marker.
    user: Option<usize>,
    mode: Mode,
    wait: Option<Wait>,
    pub(crate) masked: bool,
}

#[derive(Default)]
enum Mode {
    #[default]
    Scan,
    /// Hiding the rest of a key.
    Run(&'static Class),
    /// Hiding the rest of a private key.
    Pem(Block),
}

impl Scan {
    /// Goes on through `text` as far as it can be decided; `last` says that nothing follows.
    pub(crate) fn run(&mut self, kinds: &[String], text: &str, last: bool, out: &mut String) {
        let bytes = text.as_bytes();
        if let Some(wait) = &mut self.wait {
            if !last && !wait.is_over(bytes) {
                return;
            }
            self.wait = None;
        }
        while self.at < bytes.len() {
            let goes_on = match self.mode {
                Mode::Scan => self.look(kinds, text, last, out),
                Mode::Run(class) => self.hide_run(class, bytes, last),
                Mode::Pem(_) => self.hide_block(bytes, last),
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Passes over ordinary text to the next position of interest and decides on that. False if it cannot.
    fn look(&mut self, kinds: &[String], text: &str, last: bool, out: &mut String) -> bool {
        let bytes = text.as_bytes();
        let Some(at) = self.next(bytes) else {
            self.at = bytes.len();
            return true;
        };
        self.at = at;
        let before = &bytes[self.floor..self.at];
        let verdict = match bytes[self.at] {
            b'[' => match marker::look(bytes, self.at, last, kinds) {
                Look::No => Verdict::No,
                Look::More => Verdict::More(None),
                Look::Marker(length) => {
                    self.pass(bytes, self.at, self.at + length);
                    return true;
                }
            },
            b'/' => {
                if credentials::authority_follows(before) {
                    self.user = Some(self.at + 1);
                }
                Verdict::No
            }
            b':' if self.in_user(bytes, self.at) => credentials::password(bytes, self.at, last),
            b' ' => credentials::authorization(bytes, before, self.at, last),
            b'-' => pem::begin(bytes, self.at, last),
            b':' => Verdict::No,
            _ if at_word_start(before) => tokens::find(bytes, before, self.at, last),
            _ => Verdict::No,
        };
        match verdict {
            Verdict::No => self.at += 1,
            Verdict::More(wait) => {
                self.wait = wait;
                return false;
            }
            Verdict::Mask(mask) => self.mask(&mask, text, out),
        }
        true
    }

    /// The next position of interest.
    fn next(&self, bytes: &[u8]) -> Option<usize> {
        let mut previous = if self.at > self.floor { bytes[self.at - 1] } else { 0 };
        for (at, &byte) in bytes.iter().enumerate().skip(self.at) {
            if PAIRS.has(previous, byte) {
                if matches!(byte, b' ' | b'/') {
                    return Some(at);
                }
                if at > self.at {
                    return Some(at - 1);
                }
            }
            previous = byte;
        }
        FIRST.has(previous).then(|| bytes.len() - 1)
    }

    fn mask(&mut self, mask: &Mask, text: &str, out: &mut String) {
        out.push_str(&text[self.copied..mask.from]);
        marker::write(out, mask.kind);
        self.pass(text.as_bytes(), mask.from, mask.to);
        self.copied = mask.to;
        self.masked = true;
        self.mode = match mask.then {
            Then::Scan => Mode::Scan,
            Then::Run(class) => Mode::Run(class),
            Then::Pem => Mode::Pem(Block::default()),
        };
    }

    /// Goes beyond a marker that stands for `from..to`. A user name may have one in it.
    fn pass(&mut self, bytes: &[u8], from: usize, to: usize) {
        self.user = self.in_user(bytes, from).then_some(to);
        self.floor = to;
        self.at = to;
    }

    fn in_user(&self, bytes: &[u8], at: usize) -> bool {
        self.user.is_some_and(|from| credentials::is_user(&bytes[from..at]))
    }

    fn hide_to(&mut self, to: usize) {
        self.at = to;
        self.copied = to;
        self.floor = to;
        self.user = self.user.map(|_| to);
    }

    /// A dot belongs to the key only if it goes on behind it: it may end a sentence.
    fn hide_run(&mut self, class: &Class, bytes: &[u8], last: bool) -> bool {
        let more = bytes[self.at..].iter().take_while(|&&byte| class.has(byte) && byte != b'.').count();
        self.hide_to(self.at + more);
        if bytes.get(self.at) == Some(&b'.') && class.has(b'.') {
            match bytes.get(self.at + 1) {
                None if !last => return false,
                Some(&next) if class.has(next) => {
                    self.hide_to(self.at + 1);
                    return true;
                }
                _ => {}
            }
        }
        if self.at < bytes.len() {
            self.mode = Mode::Scan;
        }
        true
    }

    fn hide_block(&mut self, bytes: &[u8], last: bool) -> bool {
        let Mode::Pem(block) = &mut self.mode else { return true };
        let mut to = self.at;
        let ended = loop {
            match block.step(&bytes[to..], last) {
                Step::Hidden => to += 1,
                Step::More => break false,
                Step::End => {
                    to += 1;
                    break true;
                }
                Step::Ended => break true,
            }
        };
        self.hide_to(to);
        if ended {
            self.mode = Mode::Scan;
        }
        ended
    }

    /// Writes what is decided and not hidden.
    pub(crate) fn flush(&mut self, text: &str, out: &mut String) {
        out.push_str(&text[self.copied..self.at]);
        self.copied = self.at;
    }

    /// Forgets text that is decided and that no rule looks back to, if there is much of it.
    pub(crate) fn shift(&mut self, text: &mut String) {
        if self.at < KEPT {
            return;
        }
        let cut = text.floor_char_boundary(self.at - BEHIND);
        text.drain(..cut);
        self.at -= cut;
        self.copied -= cut;
        self.floor = self.floor.saturating_sub(cut);
        self.user = self.user.and_then(|from| from.checked_sub(cut));
        if let Some(wait) = &mut self.wait {
            wait.from -= cut;
            wait.until -= cut;
        }
    }
}
