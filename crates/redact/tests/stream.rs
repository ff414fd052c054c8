//! A stream shows what the whole text shows, as soon as it can.

mod common;

use common::{INNOCENT, in_context, private_key, random, secrets};
use proptest::{collection::vec, prelude::*, sample::select};
use redact::Redactor;

const KNOWN: [(&str, &str); 6] = [
    ("password", "correct horse battery"),
    ("umlaut", "größer-als-8"),
    ("periodic", "abababababab"),
    ("overlap", "ababababac-ab[["),
    ("bracket", "[REDfish-blue]"),
    ("url", "p@ss/w:rd?123"),
];

fn redactor() -> Redactor {
    Redactor::new(KNOWN)
}

fn streamed<'t>(redactor: &Redactor, pieces: impl IntoIterator<Item = &'t str>) -> String {
    let mut stream = redactor.stream();
    let mut shown: String = pieces.into_iter().map(|piece| stream.push(piece)).collect();
    shown.push_str(&stream.finish());
    shown
}

/// All texts of the tables, with and without something around them.
fn texts() -> Vec<String> {
    let contexts = in_context().into_iter().flat_map(|(text, masked)| [text, masked]);
    let secrets = secrets().into_iter().map(|(_, secret)| secret);
    let innocent = INNOCENT.iter().map(|&text| text.to_owned());
    let known = KNOWN.map(|(_, secret)| format!("a{secret}[{secret}"));
    let cut_off =
        ["\\", "\\\\n\\"].map(|end| format!("-----BEGIN PRIVATE KEY-----\nMIIEabc{end}\", \"n\": 1"));
    let bare: Vec<String> =
        cut_off.into_iter().chain(contexts).chain(secrets).chain(innocent).chain(known).collect();
    let framed: Vec<String> = bare.iter().map(|text| format!("é {text} é")).collect();
    [bare, framed].concat()
}

#[test]
fn a_text_cut_in_two_anywhere_comes_out_the_same() {
    let redactor = redactor();
    for text in texts() {
        let whole = redactor.redact(&text);
        for cut in (0..=text.len()).filter(|&at| text.is_char_boundary(at)) {
            let (head, tail) = text.split_at(cut);
            assert_eq!(streamed(&redactor, [head, tail]), whole, "{head} | {tail}");
        }
    }
}

#[test]
fn a_text_in_single_characters_comes_out_the_same() {
    let redactor = redactor();
    for text in texts() {
        assert_eq!(streamed(&redactor, text.split_inclusive(|_| true)), redactor.redact(&text), "{text}");
    }
}

#[test]
fn a_long_stream_comes_out_the_same_though_it_forgets_its_past() {
    let redactor = redactor();
    let text = texts().join(" – ");
    for size in [1, 7, 500, 5000] {
        let letters: Vec<char> = text.chars().collect();
        let pieces: Vec<String> = letters.chunks(size).map(|piece| piece.iter().collect()).collect();
        assert_eq!(streamed(&redactor, pieces.iter().map(String::as_str)), redactor.redact(&text));
    }
}

/// What is held back after this text.
fn held(redactor: &Redactor, text: &str) -> String {
    let mut stream = redactor.stream();
    let shown = stream.push(text);
    let rest = stream.finish();
    assert_eq!(shown + &rest, redactor.redact(text));
    rest
}

#[test]
fn only_what_may_become_a_secret_is_held_back() {
    let redactor = Redactor::new([("pin", "zebra-crossing")]);
    let ordinary = "this|it is|so|a task|risk|the bearer|Authorization: |Bearer of |sk-8 |https://|a:b|--a|key|[1|[RA|\
        https://example.com|http://localhost:8080/|note: |eyJust |-----BEGIN CERTIFICATE-----:|日本語|zero|AKIB|ghosts";
    for text in ordinary.split('|') {
        assert_eq!(held(&redactor, text), "", "{text}");
    }
    for (text, end) in [
        ("this s", "s"),
        ("the sk-", "sk-"),
        ("Bearer Ab3", " Ab3"),
        ("https://u:p", ":p"),
        ("a row --", "--"),
        ("[", "["),
        ("fuzz", "z"),
        ("a zebra-cross", "zebra-cross"),
    ] {
        assert_eq!(held(&redactor, text), end, "{text}");
    }
}

#[test]
fn a_key_is_announced_before_it_has_ended_and_its_rest_is_dropped() {
    let mut stream = Redactor::new([]).stream();
    assert_eq!(stream.push(&format!("key: sk-ant-{}", random(24))), "key: [REDACTED:anthropic_key]");
    assert_eq!(stream.push(&random(90)), "");
    assert_eq!(stream.push(" and"), " and");
    assert_eq!(stream.push("\n-----BEGIN PRIVATE KEY-----\nMIIE"), "\n[REDACTED:private_key]");
    assert_eq!(stream.push(&random(30_000)), "");
    assert_eq!(stream.push("\n-----END PRIVATE KEY-----\nok"), "\nok");
}

#[test]
fn a_key_without_an_end_is_masked_to_the_end_of_the_stream() {
    let key = private_key("PRIVATE KEY", "\n");
    let cut = &key[..key.len() - 30];
    assert_eq!(streamed(&redactor(), cut.split_inclusive('\n')), "[REDACTED:private_key]");
}

/// Beginnings, ends and separators, to be put together.
const SMALL: &str = " |\n|\\n|\\|-|--|-----|.|:|@|/|://|x://u:|[|[REDACTED:|]|_|=|%3D|\\u003|s|sk-|sk-ant-|eyJ|AKIA|\
    AIza|ghp_|xoxb-|Bearer |Authorization: Basic |-----BEGIN |PRIVATE KEY-----|-----END |\r\n|[REDACTED:password]|\
    [REDACTED:jwt]|\"|é|🔑|ab|abab|correct |größer|1234567890123456|A1B2C3D4|eyJhbGciOiJub25lIn0";

/// Secrets, what is nearly one, what may stand around them, and anything else.
fn fragment() -> impl Strategy<Value = String> {
    let whole: Vec<String> = texts();
    let cut = (select(whole.clone()), any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(
        |(text, from, to)| {
            let letters: Vec<char> = text.chars().collect();
            let (a, b) = (from.index(letters.len() + 1), to.index(letters.len() + 1));
            letters[a.min(b)..a.max(b)].iter().collect()
        },
    );
    prop_oneof![
        3 => select(secrets()).prop_map(|(_, secret)| secret),
        1 => select(whole),
        2 => select(&KNOWN[..]).prop_map(|(_, secret)| secret.to_owned()),
        3 => cut,
        6 => select(SMALL.split('|').collect::<Vec<_>>()).prop_map(str::to_owned),
        1 => ".{0,8}",
        1 => "[a-zA-Z0-9_-]{0,40}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    vec(fragment(), 0..12).prop_map(|fragments| fragments.concat())
}

/// Pieces of between one and a few characters, or many.
fn pieces(text: &str, sizes: &[usize]) -> Vec<String> {
    let mut letters = text.chars().peekable();
    let mut sizes = sizes.iter().copied().cycle();
    let mut pieces = Vec::new();
    while letters.peek().is_some() {
        pieces.push(letters.by_ref().take(sizes.next().unwrap_or(1)).collect());
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_in_any_pieces_comes_out_the_same(text in text(), sizes in vec(1..60_usize, 1..9)) {
        let redactor = redactor();
        let pieces = pieces(&text, &sizes);
        prop_assert_eq!(streamed(&redactor, pieces.iter().map(String::as_str)), redactor.redact(&text));
    }

    #[test]
    fn masking_again_changes_nothing(text in text()) {
        let redactor = redactor();
        let once = redactor.redact(&text).into_owned();
        prop_assert_eq!(redactor.redact(&once), once.as_str());
    }

    #[test]
    fn no_known_secret_survives(text in text()) {
        let shown = redactor().redact(&text).into_owned();
        for (_, secret) in KNOWN {
            prop_assert!(!shown.contains(secret), "{}", shown);
        }
    }

    #[test]
    fn secrets_that_look_like_markers_do_not_upset_it(
        secrets in vec("[]\\[REDAC:jwt]{6,14}|[ab]{8,12}\\[(REDACTED|RED)?|wt\\][ab]{6}|REDACTED:?|ED:jwt\\][ab]?", 1..4),
        fragments in vec(select(vec!["[REDACTED:", "jwt", "]", "[", "a", "ab", "RED", "wt]", "[REDACTED:k]", "k", "0", "1"]), 0..30),
        picks in vec((0..4_usize, 0..30_usize), 0..6),
    ) {
        let mut fragments: Vec<&str> = fragments;
        for (secret, at) in picks {
            if let Some(secret) = secrets.get(secret) {
                fragments.insert(at.min(fragments.len()), secret);
            }
        }
        let redactor = Redactor::new(secrets.iter().map(|secret| ("k", secret.as_str())));
        let text = fragments.concat();
        let whole = redactor.redact(&text).into_owned();
        prop_assert_eq!(streamed(&redactor, fragments), whole.as_str());
        prop_assert_eq!(redactor.redact(&whole), whole.as_str());
    }

    #[test]
    fn no_text_and_no_secret_makes_it_panic(kind in ".{0,9}", secret in ".{0,20}", text in ".{0,60}") {
        let redactor = Redactor::new([(kind.as_str(), secret.as_str())]);
        let both = format!("{text}{secret}{text}");
        let whole = redactor.redact(&both).into_owned();
        prop_assert_eq!(streamed(&redactor, [both.as_str()]), whole.as_str());
        prop_assert_eq!(redactor.redact(&whole), whole.as_str());
    }
}
