//! The forms in which a known secret may show up in text.

use std::{collections::BTreeSet, fmt::Write};

use base64::{Engine, engine::general_purpose::STANDARD};

/// The secret itself and its encodings: base64 (standard and URL-safe, with and without padding, at each of
/// the three alignments that it can have inside a longer encoded text), hex, URL-encoded and JSON-escaped.
///
/// Base64 that is wrapped into lines is not covered, nor is an encoding of an encoding.
pub(crate) fn of(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([secret.to_owned(), json_escaped(secret)]);
    for lower in [false, true] {
        let hex = if lower { hex::encode(secret) } else { hex::encode_upper(secret) };
        forms.insert(hex);
        for keep in ["-_.~", "-_.*", "-_.~!*'()"] {
            forms.insert(url_encoded(secret, keep, lower));
            forms.insert(url_encoded(secret, keep, lower).replace("%20", "+"));
        }
    }
    for standard in base64_forms(secret.as_bytes()) {
        forms.insert(standard.replace('+', "-").replace('/', "_"));
        forms.insert(standard);
    }
    forms
}

fn base64_forms(secret: &[u8]) -> impl Iterator<Item = String> {
    let padded = STANDARD.encode(secret);
    let bare = padded.trim_end_matches('=').to_owned();
    let inner = (0..3).map(|ahead| {
        let mut bytes = vec![0; ahead];
        bytes.extend_from_slice(secret);
        // Only characters all of whose six bits are the secret's: the ones at its edges depend on the
        // neighbours.
        let (from, to) = ((ahead * 8).div_ceil(6), bytes.len() * 8 / 6);
        STANDARD.encode(bytes)[from..to].to_owned()
    });
    inner.chain([padded, bare]).collect::<Vec<_>>().into_iter()
}

fn url_encoded(secret: &str, keep: &str, lower: bool) -> String {
    secret.bytes().fold(String::new(), |mut out, byte| {
        let c = char::from(byte);
        let written = if c.is_ascii_alphanumeric() || keep.contains(c) {
            write!(out, "{c}")
        } else if lower {
            write!(out, "%{byte:02x}")
        } else {
            write!(out, "%{byte:02X}")
        };
        written.expect("a string takes everything");
        out
    })
}

fn json_escaped(secret: &str) -> String {
    secret.chars().fold(String::new(), |mut out, c| {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

    use super::*;

    const SECRET: &str = "p?ss >w/rd\n\"\u{fb}\u{ff}~";

    #[test]
    fn every_form_of_a_secret_is_listed() {
        let forms = of(SECRET);
        for form in [
            SECRET.to_owned(),
            STANDARD.encode(SECRET),
            STANDARD_NO_PAD.encode(SECRET),
            URL_SAFE.encode(SECRET),
            URL_SAFE_NO_PAD.encode(SECRET),
            hex::encode(SECRET),
            hex::encode_upper(SECRET),
            "p%3Fss%20%3Ew%2Frd%0A%22%C3%BB%C3%BF~".to_owned(),
            "p%3fss%20%3ew%2frd%0a%22%c3%bb%c3%bf~".to_owned(),
            "p%3Fss+%3Ew%2Frd%0A%22%C3%BB%C3%BF%7E".to_owned(),
            "p?ss >w/rd\\n\\\"\u{fb}\u{ff}~".to_owned(),
        ] {
            assert!(forms.contains(&form), "{form}");
        }
    }

    #[test]
    fn base64_is_found_at_every_alignment() {
        let forms = of(SECRET);
        for ahead in 0..7 {
            for behind in 0..4 {
                let text = format!("{}{SECRET}{}", "u".repeat(ahead), "z".repeat(behind));
                for encoded in [STANDARD.encode(&text), URL_SAFE.encode(&text)] {
                    assert!(forms.iter().any(|form| encoded.contains(form.as_str())), "{ahead} {behind}");
                }
            }
        }
    }
}
