//! Keys that are known by a prefix, and JSON web tokens.

use crate::{
    bytes::{ALNUM, Class, WORD},
    verdict::{Mask, Then, Verdict, Wait},
};

static UPPER: Class = Class::NONE.range(b'A', b'Z').range(b'0', b'9');
static SLACK: Class = Class::NONE.alnum().with(b"-");
static PAT: Class = Class::NONE.alnum().with(b"_");
static HEX: Class = Class::NONE.range(b'0', b'9').range(b'a', b'f').with(b"_");
static BASE64: Class = Class::NONE.alnum().with(b"+/=");
static JWT: Class = Class::NONE.alnum().with(b"-_.");

/// A key: its prefix, then at least `likely` characters of `class` with a digit among them, or `sure` ones.
///
/// The digit is what keeps `sk-ant-farm-for-the-children` and `xoxb-your-token-here` readable.
struct Rule {
    prefix: &'static str,
    kind: &'static str,
    class: &'static Class,
    likely: usize,
    sure: usize,
}

const fn rule(
    prefix: &'static str,
    kind: &'static str,
    class: &'static Class,
    likely: usize,
    sure: usize,
) -> Rule {
    Rule { prefix, kind, class, likely, sure }
}

/// Where one prefix begins another, the longer one comes first.
static RULES: &[Rule] = &[
    rule("sk-ant-", "anthropic_key", &WORD, 20, 40),
    rule("sk-proj-", "openai_key", &WORD, 20, 40),
    rule("sk-svcacct-", "openai_key", &WORD, 20, 40),
    rule("sk-admin-", "openai_key", &WORD, 20, 40),
    rule("sk-or-v1-", "openrouter_key", &WORD, 20, 40),
    rule("sk-", "openai_key", &ALNUM, 20, 32),
    rule("sk_live_", "stripe_key", &ALNUM, 16, 24),
    rule("sk_test_", "stripe_key", &ALNUM, 16, 24),
    rule("rk_live_", "stripe_key", &ALNUM, 16, 24),
    rule("rk_test_", "stripe_key", &ALNUM, 16, 24),
    rule("whsec_", "webhook_secret", &BASE64, 20, 32),
    rule("xoxb-", "slack_token", &SLACK, 12, 36),
    rule("xoxp-", "slack_token", &SLACK, 12, 36),
    rule("xoxa-", "slack_token", &SLACK, 12, 36),
    rule("xoxr-", "slack_token", &SLACK, 12, 36),
    rule("xoxs-", "slack_token", &SLACK, 12, 36),
    rule("xoxe-", "slack_token", &SLACK, 12, 36),
    rule("xapp-", "slack_token", &SLACK, 12, 36),
    rule("ghp_", "github_token", &ALNUM, 30, 36),
    rule("gho_", "github_token", &ALNUM, 30, 36),
    rule("ghu_", "github_token", &ALNUM, 30, 36),
    rule("ghs_", "github_token", &ALNUM, 30, 36),
    rule("ghr_", "github_token", &ALNUM, 30, 36),
    rule("github_pat_", "github_token", &PAT, 30, 50),
    rule("sixty_", "sixty_api_key", &HEX, 100, 106),
    rule("AIza", "google_api_key", &WORD, 35, 35),
    rule(AWS[0], AWS_KIND, &UPPER, AWS_LENGTH, AWS_LENGTH),
    rule(AWS[1], AWS_KIND, &UPPER, AWS_LENGTH, AWS_LENGTH),
    rule(JWT_PREFIX, JWT_KIND, &WORD, 0, 0),
];

const AWS: [&str; 2] = ["AKIA", "ASIA"];
const AWS_KIND: &str = "aws_access_key_id";
const AWS_LENGTH: usize = 16;
const JWT_PREFIX: &str = "eyJ";
const JWT_KIND: &str = "jwt";
/// `{"alg":"none"}`, the smallest header, has 19 characters with its prefix.
const JWT_HEADER: usize = 14;
const JWT_CLAIMS: usize = 17;
const JWT_SECOND: usize = 6;
const JWT_THIRD: usize = 16;
/// A longer header or wrapped key is not looked for, so that a long base64 text is not held back.
const JWT_PART_LIMIT: usize = 1024;

pub(crate) fn kinds() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.kind)
}

/// The kind of the key that `text` begins like.
pub(crate) fn kind_of(text: &[u8]) -> Option<&'static str> {
    RULES.iter().find(|rule| text.starts_with(rule.prefix.as_bytes())).map(|rule| rule.kind)
}

/// Whether a key begins at `at`, which is the start of a word.
pub(crate) fn find(text: &[u8], before: &[u8], at: usize, last: bool) -> Verdict {
    let rest = &text[at..];
    for rule in RULES {
        let prefix = rule.prefix.as_bytes();
        if rest.starts_with(prefix) {
            let verdict = match rule.kind {
                // Looking for tokens within a longer base64url word would be quadratic.
                JWT_KIND if before.ends_with(b"-") || before.ends_with(b"_") => Verdict::No,
                JWT_KIND => jwt(text, at, last),
                AWS_KIND => aws(text, at, last),
                _ => prefixed(rule, text, at, last),
            };
            if !matches!(verdict, Verdict::No) {
                return verdict;
            }
        } else if !last && rest.len() < prefix.len() && prefix.starts_with(rest) {
            return Verdict::More(None);
        }
    }
    Verdict::No
}

fn prefixed(rule: &Rule, text: &[u8], at: usize, last: bool) -> Verdict {
    match body(text, at + rule.prefix.len(), rule.class, rule.likely, rule.sure, last) {
        Body::Enough(to) => {
            Verdict::Mask(Mask { from: at, to, kind: rule.kind, then: Then::Run(rule.class) })
        }
        Body::Short(_) => Verdict::No,
        Body::Open(wait) => Verdict::More(Some(wait)),
    }
}

/// Exactly sixteen characters: a longer word in capitals is something else.
fn aws(text: &[u8], at: usize, last: bool) -> Verdict {
    let to = at + AWS[0].len() + AWS_LENGTH;
    match body(text, at + AWS[0].len(), &UPPER, AWS_LENGTH, AWS_LENGTH, last) {
        Body::Enough(_) => match text.get(to) {
            None if !last => Verdict::More(None),
            Some(&next) if ALNUM.has(next) => Verdict::No,
            _ => Verdict::Mask(Mask { from: at, to, kind: AWS_KIND, then: Then::Scan }),
        },
        Body::Short(_) => Verdict::No,
        Body::Open(wait) => Verdict::More(Some(wait)),
    }
}

/// A header, then either claims (JSON again; then the signature need not have arrived) or, as in encrypted
/// and compressed tokens, any second part with a third behind it.
fn jwt(text: &[u8], at: usize, last: bool) -> Verdict {
    let found = |to| Verdict::Mask(Mask { from: at, to, kind: JWT_KIND, then: Then::Run(&JWT) });
    let header = at + JWT_PREFIX.len();
    let second = match part(text, header, JWT_HEADER, JWT_PART_LIMIT, last) {
        Ok(dot) => dot + 1,
        Err(verdict) => return verdict,
    };
    let prefix = &text[second..text.len().min(second + JWT_PREFIX.len())];
    if prefix == JWT_PREFIX.as_bytes() {
        match body(text, second + prefix.len(), &WORD, JWT_CLAIMS, JWT_CLAIMS, last) {
            Body::Enough(to) => return found(to),
            Body::Open(wait) => return Verdict::More(Some(wait)),
            Body::Short(_) => {}
        }
    } else if !last && JWT_PREFIX.as_bytes().starts_with(prefix) {
        return Verdict::More(None);
    }
    let third = match part(text, second, JWT_SECOND, JWT_PART_LIMIT, last) {
        Ok(dot) => dot + 1,
        Err(verdict) => return verdict,
    };
    match body(text, third, &WORD, JWT_THIRD, JWT_THIRD, last) {
        Body::Enough(to) => found(to),
        Body::Open(wait) => Verdict::More(Some(wait)),
        Body::Short(_) => Verdict::No,
    }
}

/// The position of the dot that ends a part of at least `minimum` characters.
fn part(text: &[u8], from: usize, minimum: usize, limit: usize, last: bool) -> Result<usize, Verdict> {
    match body(text, from, &WORD, limit, limit, last) {
        Body::Short(end) if end - from >= minimum && text.get(end) == Some(&b'.') => Ok(end),
        Body::Open(wait) => Err(Verdict::More(Some(wait))),
        Body::Short(_) | Body::Enough(_) => Err(Verdict::No),
    }
}

pub(crate) enum Body {
    /// Long enough, to this position.
    Enough(usize),
    /// It ends at this position.
    Short(usize),
    Open(Wait),
}

/// Characters of `class` from `from` on: `likely` ones with a digit among them, or `sure` ones.
pub(crate) fn body(
    text: &[u8],
    from: usize,
    class: &'static Class,
    likely: usize,
    sure: usize,
    last: bool,
) -> Body {
    let mut digit = false;
    let mut end = from;
    while let Some(&byte) = text.get(end) {
        if !class.has(byte) {
            return Body::Short(end);
        }
        end += 1;
        digit |= byte.is_ascii_digit();
        if end - from >= sure || (digit && end - from >= likely) {
            return Body::Enough(end);
        }
    }
    if last { Body::Short(end) } else { Body::Open(Wait { class, from: end, until: from + likely }) }
}
