//! What a skill can be called by.

use skills::{Key, compile::includes};

use crate::common::{problems, read};

fn key(text: &str) -> Option<String> {
    text.parse().ok().map(|key: Key| key.to_string())
}

#[test]
fn a_key_has_letters_of_every_script_in_one_form() {
    for plain in ["deal-brief", "größe", "日本-語", "задача-1", "संधि", "1", "_platform-references"]
    {
        assert_eq!(key(plain).as_deref(), Some(plain));
    }
    for (written, read) in [("e\u{301}te\u{301}", "été"), ("ﬁle", "file"), ("ａ１", "a1"), ("m²", "m2")]
    {
        assert_eq!(key(written).as_deref(), Some(read));
    }
}

#[test]
fn what_is_no_word_of_lower_case_letters_is_no_key() {
    for no in ["", "A", "Größe", "a b", "a_b", "a--b", "-a", "a-", "a/b", "a.b", "😀", "İ", "\u{301}", "ﷺ"]
    {
        assert_eq!(key(no), None, "{no:?}");
    }
    // What nobody can see is in no key.
    for hidden in ["a\u{200B}b", "a\u{200D}b", "a\u{202E}b", "a\u{FEFF}", "a\u{E0061}"] {
        assert_eq!(key(hidden), None, "{hidden:?}");
    }
}

#[test]
fn the_length_of_a_key_is_counted_in_characters_of_its_form() {
    assert!(key(&"ü".repeat(64)).is_some());
    assert!(key(&"u\u{308}".repeat(64)).is_some());
    for long in ["ü".repeat(65), "u\u{308}".repeat(65), "x".repeat(100_000)] {
        assert_eq!(key(&long), None);
    }
}

#[test]
fn what_a_document_names_is_found_in_whatever_form_it_is_written() {
    let document =
        "---\nname: a\ndescription: b\nmetadata:\n  linked_skills: [e\u{301}te\u{301}, Große Fahrt]\n---\nx";
    let reading = read("k", document);
    let told = problems(&reading.report);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(reading.report.errors[0].suggestion.as_deref(), Some("große-fahrt"));
    let named = includes("@e\u{301}te\u{301}/references/a.md");
    assert_eq!(named[0].folder, "été");
}
