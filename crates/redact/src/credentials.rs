//! Credentials that are known by what stands before them: in URLs and in authorization headers.

use crate::{
    bytes::{Class, WORD, ends_with_ignoring_case},
    marker,
    tokens::{self, Body, body},
    verdict::{Mask, Then, Verdict, Wait},
};

/// What may stand before the `:`; `@` too, because user names are often e-mail addresses, put there as they
/// are.
static USER: Class = Class::NONE.alnum().with(b"-._~%!$&()*+,;=@");
/// Anything that does not end the authority or, in the text around, the URL. `[` is looked at separately.
pub(crate) static PASSWORD: Class = Class::NONE.range(0x21, 0xff).without(b"/?#\"'<>`\\\x7f[@");
/// RFC 6750's `b64token`.
static TOKEN: Class = Class::NONE.alnum().with(b"-._~+/=");
/// Without the characters that make an address or a path of it, for where only `bearer` stands before.
static OPAQUE: Class = Class::NONE.alnum().with(b"-_~+=");

/// A longer user name or password is not looked for.
pub(crate) const URL_LIMIT: usize = 256;
/// How far the rules look back: `authorization`, the scheme and what stands between.
const HEADER_LIMIT: usize = 40;
const URL_PASSWORD: &str = "url_password";
const BEARER: &str = "bearer_token";
const BASIC: &str = "basic_credentials";

pub(crate) const KINDS: [&str; 3] = [URL_PASSWORD, BEARER, BASIC];

/// Whether the second `/` of a URL's `://` comes after `before`; JSON may escape both of them.
pub(crate) fn authority_follows(before: &[u8]) -> bool {
    let scheme = before.strip_suffix(b":/").or_else(|| before.strip_suffix(b":\\/\\"));
    scheme.and_then(<[u8]>::last).is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether `user` may be a URL's user name, or a part of it.
pub(crate) fn is_user(user: &[u8]) -> bool {
    user.len() <= URL_LIMIT && user.iter().all(|&byte| USER.has(byte))
}

/// The password between the `:` at `colon`, which follows a user name, and the last `@` of the authority.
pub(crate) fn password(text: &[u8], colon: usize, last: bool) -> Verdict {
    let from = colon + 1;
    let mut end = None;
    let mut at = from;
    while at - from < URL_LIMIT {
        let Some(&byte) = text.get(at) else {
            let wait = Wait { class: &PASSWORD, from: at, until: from + URL_LIMIT };
            return if last { decided(from, end) } else { Verdict::More(Some(wait)) };
        };
        match byte {
            b'@' if at > from => end = Some(at),
            // The password is masked already, or only a part of it is known.
            b'[' if text[at..].starts_with(marker::OPEN.as_bytes()) => break,
            b'[' if !last && marker::OPEN.as_bytes().starts_with(&text[at..]) => return Verdict::More(None),
            b'[' => {}
            _ if PASSWORD.has(byte) => {}
            _ => break,
        }
        at += 1;
    }
    decided(from, end)
}

fn decided(from: usize, end: Option<usize>) -> Verdict {
    end.map_or(Verdict::No, |to| Verdict::Mask(Mask { from, to, kind: URL_PASSWORD, then: Then::Scan }))
}

/// Whether `Bearer` or another scheme stands before the space at `space`, and a token behind it.
///
/// Behind `Authorization:` any long token is one; behind the word alone it must be opaque and have a digit.
pub(crate) fn authorization(text: &[u8], before: &[u8], space: usize, last: bool) -> Verdict {
    let Some((scheme, in_header)) = scheme(before) else { return Verdict::No };
    let (kind, class, likely, sure) = match (scheme, in_header) {
        (b"basic", true) => (BASIC, &TOKEN, 8, 16),
        (_, true) => (BEARER, &TOKEN, 16, 32),
        (b"bearer", false) => (BEARER, &OPAQUE, 20, 40),
        _ => return Verdict::No,
    };
    let from = space + 1;
    match body(text, from, class, likely, sure, last) {
        Body::Enough(to) => {
            // No further than `to`, or the kind would depend on how much of the text has come.
            let kind = tokens::kind_of(&text[from..to]).unwrap_or(kind);
            Verdict::Mask(Mask { from, to, kind, then: Then::Run(&TOKEN) })
        }
        Body::Short(_) => Verdict::No,
        Body::Open(wait) => Verdict::More(Some(wait)),
    }
}

/// The scheme that `before` ends with, and whether an authorization header's name stands before it.
fn scheme(before: &[u8]) -> Option<(&'static [u8], bool)> {
    let near = &before[before.len().saturating_sub(HEADER_LIMIT)..];
    let word = trim_end(near, b" ");
    let scheme = [b"bearer".as_slice(), b"basic", b"token"]
        .into_iter()
        .find(|scheme| ends_with_ignoring_case(word, scheme))?;
    let ahead = &word[..word.len() - scheme.len()];
    if ahead.last().is_some_and(|&byte| WORD.has(byte)) {
        return None;
    }
    let name = trim_end(ahead, b" \t\"'\\:=");
    let separated = ahead[name.len()..].iter().any(|byte| matches!(byte, b':' | b'='));
    Some((scheme, separated && ends_with_ignoring_case(name, b"authorization")))
}

fn trim_end<'t>(text: &'t [u8], bytes: &[u8]) -> &'t [u8] {
    let kept = text.iter().rposition(|byte| !bytes.contains(byte)).map_or(0, |last| last + 1);
    &text[..kept]
}
