//! What is masked, and what is not.

mod common;

use std::borrow::Cow;

use common::{INNOCENT, in_context, private_key, random, secrets};
use redact::{Redactor, Refusal};

fn patterns() -> Redactor {
    Redactor::new([])
}

#[test]
fn every_kind_of_key_is_masked_wherever_it_stands() {
    for (kind, secret) in secrets() {
        for (before, after) in [
            ("", ""),
            ("use ", " now"),
            ("key=", "&b=c"),
            ("\"", "\","),
            ("(", ")."),
            ("密钥", "。"),
            ("a\\n", "\\n"),
            ("?k%3D", "%26"),
            ("\\u003d", "\\u0026"),
            ("x_", "\n"),
            ("`", "`"),
        ] {
            if secret.starts_with("eyJ") && before == "x_" {
                continue;
            }
            let text = format!("{before}{secret}{after}");
            assert_eq!(patterns().redact(&text), format!("{before}[REDACTED:{kind}]{after}"), "{text}");
        }
    }
}

#[test]
fn credentials_are_masked_and_what_stands_around_them_is_kept() {
    for (text, masked) in in_context() {
        assert_eq!(patterns().redact(&text), masked, "{text}");
    }
}

#[test]
fn ordinary_text_is_borrowed_as_it_is() {
    let redactor = Redactor::new([("password", "correct horse battery staple")]);
    for text in INNOCENT {
        assert!(
            matches!(redactor.redact(text), Cow::Borrowed(same) if same == *text),
            "{}",
            redactor.redact(text)
        );
    }
    let image = "iVBORw0KGgo/AAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ+".repeat(5000);
    assert!(matches!(redactor.redact(&image), Cow::Borrowed(_)));
}

#[test]
fn a_key_within_a_word_is_none() {
    for (_, secret) in secrets().into_iter().filter(|(kind, _)| *kind != "private_key") {
        let text = format!("a{secret}");
        assert_eq!(patterns().redact(&text), text);
    }
}

#[test]
fn a_private_key_in_json_is_masked_within_its_string() {
    let text = format!("{{\"key\":\"{}\\n\",\"id\":1}}", private_key("PRIVATE KEY", "\\n"));
    assert_eq!(patterns().redact(&text), "{\"key\":\"[REDACTED:private_key]\\n\",\"id\":1}");
}

#[test]
fn known_secrets_are_masked_in_every_encoding() {
    let secret = "pä?s/w+rd \"7\"";
    let redactor = Redactor::new([("db password", secret)]);
    for form in [
        secret,
        "pä?s/w+rd \\\"7\\\"",
        "cMOkP3MvdytyZCAiNyI=",
        "cMOkP3MvdytyZCAiNyI",
        "70c3a43f732f772b726420223722",
        "70C3A43F732F772B726420223722",
        "p%C3%A4%3Fs%2Fw%2Brd%20%227%22",
        "p%c3%a4%3fs%2fw%2brd+%227%22",
    ] {
        assert_eq!(redactor.redact(&format!("<{form}>")), "<[REDACTED:db_password]>", "{form}");
    }
    // `user:` ahead of it, as in a header for basic authentication; at either end one character is only
    // partly the secret's.
    let basic = redactor.redact("dXNlcjpww6Q/cy93K3JkICI3Ing=").into_owned();
    assert_eq!(basic, "dXNlcjp[REDACTED:db_password]ng=");
}

#[test]
fn a_known_secret_has_the_kind_that_was_given() {
    let key = format!("sk-ant-{}", random(90));
    let redactor = Redactor::new([("model_key", key.as_str()), ("other", key.as_str())]);
    assert_eq!(redactor.redact(&format!("k: {key}!")), "k: [REDACTED:model_key]!");
}

#[test]
fn of_known_secrets_that_overlap_nothing_is_left() {
    let redactor = Redactor::new([("a", "abcdefghij"), ("b", "ghijklmnop"), ("c", "abcdefghijkl-longer")]);
    assert_eq!(redactor.redact("xabcdefghijklmnopx"), "x[REDACTED:a]x");
    assert_eq!(redactor.redact("abcdefghijkl-longer"), "[REDACTED:c]");
    assert_eq!(redactor.redact("abcdefghijghijklmnop"), "[REDACTED:a][REDACTED:b]");
}

#[test]
fn a_marker_around_a_secret_does_not_protect_it() {
    let redactor = Redactor::new([("pin", "s3cretpin")]);
    assert_eq!(redactor.redact("[REDACTED:s3cretpin]"), "[REDACTED:[REDACTED:pin]]");
    assert_eq!(redactor.redact("[REDACTED:pin]"), "[REDACTED:pin]");
}

#[test]
fn markers_are_not_masked_by_a_secret_that_resembles_them() {
    let redactor = Redactor::new([
        ("pin", "REDACTED"),
        ("end", "hunter22["),
        ("start", "]hunter33"),
        ("k", "[REDACTED:k]x"),
    ]);
    for text in ["[REDACTED:pin]", "[REDACTED:jwt]hunter33", "[REDACTED:start]]"] {
        assert_eq!(redactor.redact(text), text);
    }
    assert_eq!(
        redactor.redact("REDACTED hunter22[REDACTED:jwt]"),
        "[REDACTED:pin] [REDACTED:end][REDACTED:jwt]"
    );
    assert_eq!(redactor.refused(), [("k".to_owned(), Refusal::ContainsMarker)]);
}

#[test]
fn short_secrets_are_refused_and_listed() {
    let redactor = Redactor::new([("pin", "1234567"), ("empty", " \n"), ("fine", " 12345678\n")]);
    let too_short = |kind: &str| (kind.to_owned(), Refusal::TooShort);
    assert_eq!(redactor.refused(), [too_short("pin"), too_short("empty")]);
    assert_eq!(redactor.redact("1234567 12345678"), "1234567 [REDACTED:fine]");
}

#[test]
fn neither_a_redactor_nor_a_stream_prints_a_secret() {
    let redactor = Redactor::new([("pin", "s3cretpin")]);
    let mut stream = redactor.stream();
    stream.push("s3cre");
    assert!(!format!("{redactor:?} {stream:?}").contains("s3c"));
}
