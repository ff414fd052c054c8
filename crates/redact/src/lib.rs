//! Masks secrets in text, once and at the door: what is stored, shown, logged and searched is the same.
//!
//! Two passes, each over the whole text or over a stream of it: [known secrets](Redactor::new) with their
//! encodings, then forms of keys and credentials that are known to be secret. There are no guesses by
//! entropy. Masking what is masked already changes nothing, and a stream comes out like the whole text,
//! wherever it is cut.
//!
//! Both passes are one loop over the bytes that decides at each position from what stands before it in the
//! *output* and as little as possible of what follows; a key is masked as soon as it is certain, and its rest
//! is dropped as it arrives. That is what keeps so little of a stream held back.

mod bytes;
mod credentials;
mod encodings;
mod exact;
mod marker;
mod patterns;
mod pem;
mod tokens;
mod verdict;

use std::{borrow::Cow, collections::BTreeSet, fmt, sync::Arc};

pub use marker::contains_marker;

/// A secret with fewer bytes is refused: it would mask ordinary words.
pub const SHORTEST_SECRET: usize = 8;

/// What is left of an encoding after the end that could begin a marker was taken off must be at least so
/// long.
const SHORTEST_LITERAL: usize = 6;

/// Masks the secrets in a text. Cheap to clone.
#[derive(Clone)]
pub struct Redactor(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// None if there are no known secrets.
    literals: Option<exact::Literals>,
    /// The same as they were given, for a redactor that knows more; with the index of their kind.
    texts: BTreeSet<(String, usize)>,
    /// The kinds of known secrets, then those of the patterns.
    kinds: Vec<String>,
    /// How many kinds are those of known secrets.
    known: usize,
    refused: Vec<(String, Refusal)>,
}

/// Why a secret is not looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has less than [`SHORTEST_SECRET`] bytes without the white space around it.
    TooShort,
    /// It contains the beginning of a marker, so what was masked would be masked again.
    ContainsMarker,
}

impl Redactor {
    /// Masks these secrets, each given after the kind that its marker shows, in every encoding, and all
    /// patterns.
    ///
    /// White space around a secret is not part of it. A kind is shown in lower case letters, digits, `_` and
    /// `-`. If two secrets are equal, the kind that is listed first counts. What cannot be looked for is left
    /// out and listed in [`Redactor::refused`].
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(Arc::new(Inner::default())).with(secrets)
    }

    /// A redactor that masks these secrets as well.
    #[must_use]
    pub fn with<'a>(&self, secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let Inner { texts, kinds, known, refused, .. } = &*self.0;
        let (mut texts, mut kinds, mut refused) = (texts.clone(), kinds[..*known].to_vec(), refused.clone());
        for (kind, secret) in secrets {
            let kind = marker::kind(kind);
            match accepted(secret.trim()) {
                Ok(secret) => {
                    let known = kinds.iter().position(|other| *other == kind);
                    let index = known.unwrap_or(kinds.len());
                    if known.is_none() {
                        kinds.push(kind);
                    }
                    let forms = encodings::of(secret).into_iter();
                    let clear = forms.filter_map(|form| marker::clear_of_marker(&form).map(str::to_owned));
                    let long = clear.filter(|form| form.len() >= SHORTEST_LITERAL);
                    texts.extend(long.map(|form| (form, index)));
                }
                Err(reason) => refused.push((kind, reason)),
            }
        }
        let literals = (!texts.is_empty()).then(|| exact::Literals::new(texts.clone()));
        let known = kinds.len();
        kinds.extend(patterns::kinds().map(str::to_owned));
        Self(Arc::new(Inner { literals, texts, kinds, known, refused }))
    }

    /// Bytes of the texts that it looks for.
    pub fn size(&self) -> usize {
        self.0.texts.iter().map(|(text, _)| text.len()).sum()
    }

    /// The kinds of the secrets that are not looked for, and why.
    pub fn refused(&self) -> &[(String, Refusal)] {
        &self.0.refused
    }

    /// The text with each secret replaced by `[REDACTED:kind]`; borrowed if there is none.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.0.without_known_secrets(text) {
            Cow::Borrowed(text) => self.0.without_patterns(text),
            Cow::Owned(text) => Cow::Owned(self.0.without_patterns(&text).into_owned()),
        }
    }

    /// Masks a text that arrives in pieces.
    pub fn stream(&self) -> RedactStream {
        RedactStream {
            redactor: self.clone(),
            known: (exact::Scan::default(), String::new()),
            patterns: (patterns::Scan::default(), String::new()),
        }
    }
}

fn accepted(secret: &str) -> Result<&str, Refusal> {
    let clear = marker::clear_of_marker(secret).ok_or(Refusal::ContainsMarker)?;
    if secret.len() < SHORTEST_SECRET || clear.len() < SHORTEST_LITERAL {
        return Err(Refusal::TooShort);
    }
    Ok(secret)
}

impl Inner {
    fn without_known_secrets<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(literals) = &self.literals else { return Cow::Borrowed(text) };
        let (mut scan, mut out) = (exact::Scan::default(), String::new());
        scan.run(literals, &self.kinds, text, true, &mut out);
        if !scan.masked {
            return Cow::Borrowed(text);
        }
        scan.flush(text, &mut out);
        Cow::Owned(out)
    }

    fn without_patterns<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let (mut scan, mut out) = (patterns::Scan::default(), String::new());
        scan.run(&self.kinds, text, true, &mut out);
        if !scan.masked {
            return Cow::Borrowed(text);
        }
        scan.flush(text, &mut out);
        Cow::Owned(out)
    }
}

/// Masks the secrets in a text that arrives in pieces. All that [`push`](Self::push) and
/// [`finish`](Self::finish) return, put together, is what [`Redactor::redact`] makes of the whole text.
pub struct RedactStream {
    redactor: Redactor,
    /// The passes, each with the text that it has not decided on yet or may look back to.
    known: (exact::Scan, String),
    patterns: (patterns::Scan, String),
}

impl RedactStream {
    /// What may be shown now that this piece has come. Held back is only an end of the text that a longer
    /// text could make part of a secret.
    pub fn push(&mut self, chunk: &str) -> String {
        self.go_on(chunk, false)
    }

    /// What was held back.
    pub fn finish(mut self) -> String {
        self.go_on("", true)
    }

    fn go_on(&mut self, chunk: &str, last: bool) -> String {
        let Inner { literals, kinds, .. } = &*self.redactor.0;
        let (scan, text) = &mut self.patterns;
        if let Some(literals) = literals {
            let (known, waiting) = &mut self.known;
            waiting.push_str(chunk);
            known.run(literals, kinds, waiting, last, text);
            known.flush(waiting, text);
            known.shift(waiting);
        } else {
            text.push_str(chunk);
        }
        let mut shown = String::new();
        scan.run(kinds, text, last, &mut shown);
        scan.flush(text, &mut shown);
        scan.shift(text);
        shown
    }
}

/// Shows no secret.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("refused", &self.0.refused).finish_non_exhaustive()
    }
}

/// Shows nothing of the text that is held back.
impl fmt::Debug for RedactStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactStream").finish_non_exhaustive()
    }
}
