use proptest::prelude::*;

use super::*;

const DOCUMENT: &str = "# Alice\n\n## Preferences\n- Short answers\n\n## People\n- Dana signs at Acme";

#[test]
fn a_line_joins_its_section() {
    let (document, added) = append(DOCUMENT, "preferences", "Prices in EUR").expect("an edit");
    assert_eq!(
        document,
        "# Alice\n\n## Preferences\n- Short answers\n- Prices in EUR\n\n## People\n- Dana signs at Acme"
    );
    assert_eq!(added, "## Preferences\n- Prices in EUR", "under the heading that stands there");
    let (document, _) = append("### ÜBER UNS\n#hashtag\n# Other", "Über uns", "Tea").expect("an edit");
    assert_eq!(document, "### ÜBER UNS\n#hashtag\n- Tea\n# Other");
}

#[test]
fn a_missing_section_is_added_at_the_end() {
    assert_eq!(append("", "Notes", "one").expect("an edit").0, "## Notes\n- one");
    assert!(append(DOCUMENT, "Goals", "Win").expect("an edit").0.ends_with("Acme\n\n## Goals\n- Win"));
}

#[test]
fn each_line_of_a_text_becomes_a_fact() {
    let text = "- Dana pays\n\n* Bob tests\r\n• Zoe   listens\nDana pays!\n-\n  plain";
    let (document, added) = append(DOCUMENT, "People", text).expect("an edit");
    let facts = "- Dana pays\n- Bob tests\n- Zoe listens\n- plain";
    assert_eq!(document, format!("{DOCUMENT}\n{facts}"));
    assert_eq!(added, format!("## People\n{facts}"));
}

#[test]
fn what_stands_there_already_is_refused_with_a_pointer_to_its_section() {
    let refusal = append(DOCUMENT, "People", "Bob tests\nshort answers!").expect_err("a refusal").to_string();
    assert!(refusal.contains("under \"Preferences\": \"- Short answers\""), "{refusal}");
    let refusal = append("Dana signs", "People", "Dana signs").expect_err("a refusal").to_string();
    assert!(refusal.contains("already: \"Dana signs\""), "{refusal}");
    let document = "## Rules\n- Call back within 14 days of a demo";
    append(document, "Rules", "Call back within 30 days of a demo").expect("another fact");
}

#[test]
fn what_says_nothing_is_not_written() {
    for (section, text) in [("\u{200b}", "x"), ("# ", "x"), ("Notes", "\u{200b}"), ("Notes", " \n- \n*\n")] {
        append(DOCUMENT, section, text).expect_err("a refusal");
    }
}

#[test]
fn a_full_document_tells_its_size_and_asks_to_be_condensed() {
    let full = format!("## Notes\n- {}", "ü".repeat(MAX_CHARS - 20));
    let refusal =
        append(&full, "Notes", "one more fact that does not fit").expect_err("a refusal").to_string();
    assert!(
        refusal.contains("has 15991 of at most 16000 characters") && refusal.contains("16025"),
        "{refusal}"
    );
    assert!(refusal.contains("Condense") && refusal.contains("memory_replace"), "{refusal}");
    replace(&full, "## Notes", &"x".repeat(100)).expect_err("a refusal");
}

#[test]
fn a_passage_is_replaced_only_if_it_is_unique() {
    assert!(replace(DOCUMENT, "Short answers", "Long answers").expect("an edit").contains("- Long answers"));
    assert!(replace(DOCUMENT, "no such", "x").is_err());
    assert!(replace(DOCUMENT, "- ", "x").expect_err("a refusal").to_string().contains("2 times"));
    assert!(replace(DOCUMENT, "Acme", "Acme").expect_err("a refusal").to_string().contains("the same"));
}

#[test]
fn several_lines_are_condensed_in_one_call() {
    let document = "## People\n- Dana signs\n- Dana is at Acme\n- Dana likes tea\n\n## Rules\n- None";
    let old = "- Dana signs\n- Dana is at Acme\n- Dana likes tea";
    let condensed = replace(document, old, "- Dana (Acme) signs, likes tea").expect("an edit");
    assert_eq!(condensed, "## People\n- Dana (Acme) signs, likes tea\n\n## Rules\n- None");
    assert_eq!(
        replace(document, "- Dana is at Acme\n- Dana likes tea", "").expect("an edit"),
        "## People\n- Dana signs\n\n## Rules\n- None"
    );
    assert_eq!(replace(document, " is at Acme", "").expect("an edit").lines().nth(2), Some("- Dana"));
    assert!(replace(document, "\n\n## Rules\n- None", "").expect("an edit").ends_with("likes tea"));
}

#[test]
fn a_passage_is_found_as_the_prompt_shows_it() {
    let document = "- Prices in <b>EUR</b>";
    assert_eq!(replace(document, "&lt;b>EUR&lt;/b>", "EUR").expect("an edit"), "- Prices in EUR");
    assert_eq!(replace("- a &lt; b", "&lt;", "<").expect("an edit"), "- a < b");
}

#[test]
fn hidden_characters_are_not_written() {
    let (document, _) = append("", "N\u{200D}otes", "x\u{2066}y").expect("an edit");
    assert_eq!(document, "## Notes\n- xy");
}

/// A line of a document as people write them, or anything.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "(- )?[a-zäöü]{2,6}( [a-zäöü]{1,6}){0,6}",
        "#{1,3} [A-Z][a-z]{1,5}",
        "\\PC{0,30}",
        Just(String::new()),
    ]
}

fn document() -> impl Strategy<Value = String> {
    prop::collection::vec(line(), 0..12).prop_map(|lines| lines.join("\n"))
}

/// Whether the lines stand among the others, in their order.
fn in_order(lines: &[&str], among: &[&str]) -> bool {
    let mut rest = among.iter();
    lines.iter().all(|line| rest.any(|other| other == line))
}

proptest! {
    #[test]
    fn an_append_keeps_every_line_and_adds_its_own(document in document(), section in line(), text in document()) {
        if let Ok((grown, added)) = append(&document, &section, &text) {
            let before: Vec<&str> = document.lines().collect();
            let after: Vec<&str> = grown.lines().collect();
            prop_assert!(in_order(&before, &after), "{grown:?}");
            let added: Vec<&str> = added.lines().collect();
            prop_assert!(heading(added[0]).is_some() && added.len() > 1, "{added:?}");
            prop_assert!(added[1..].iter().all(|fact| fact.starts_with("- ")), "{added:?}");
            let facts = added[1..].join("\n");
            prop_assert!(grown.contains(&facts), "{grown:?}");
            // All that is new are the facts, their heading, and an empty line before it.
            let new = after.len() - before.len();
            prop_assert!(new >= added.len() - 1 && new <= added.len() + 1, "{grown:?}");
        }
    }

    #[test]
    fn what_was_appended_is_refused_the_second_time(document in document(), section in "[A-Z][a-z]{2,8}", text in "[a-z]{3,9}( [a-z]{3,9}){1,5}") {
        if let Ok((grown, _)) = append(&document, &section, &text) {
            let shouted = format!("* {}!", text.to_uppercase());
            for again in [&text, &shouted] {
                let refusal = append(&grown, "Elsewhere", again).expect_err("a refusal").to_string();
                prop_assert!(refusal.contains(&format!("under {section:?}: \"- {text}\"")), "{refusal}");
            }
        }
    }

    #[test]
    fn another_number_is_another_fact(a in 0_u32..1_000, b in 0_u32..1_000, words in "[a-z]{3,9}( [a-z]{3,9}){3,8}") {
        let (document, _) = append("", "Facts", &format!("{words} {a}")).expect("an edit");
        prop_assert_eq!(append(&document, "Facts", &format!("{words} {b}")).is_err(), a == b);
    }

    #[test]
    fn a_replaced_passage_is_the_only_change(before in document(), old in "[A-Z]{8}(\n[A-Z]{8}){0,3}", after in document(), new in line()) {
        let changed = replace(&format!("{before}{old}{after}"), &old, &new).expect("the passage is there once");
        if new.is_empty() {
            prop_assert!(!changed.contains(&old));
        } else {
            let expected = format!("{before}{new}{after}");
            prop_assert_eq!(changed, expected.trim_end());
        }
    }

    #[test]
    fn a_document_never_outgrows_its_limit(size in MAX_CHARS - 60..=MAX_CHARS, text in "[ü-ÿ]{1,80}") {
        let full = format!("## Notes\n- {}", "x".repeat(size - 11));
        match append(&full, "Notes", &text) {
            Ok((grown, _)) => prop_assert!(grown.chars().count() <= MAX_CHARS),
            Err(refusal) => {
                let refusal = refusal.to_string();
                prop_assert!(refusal.contains(&format!("has {size} of at most {MAX_CHARS}")), "{refusal}");
            }
        }
    }
}
