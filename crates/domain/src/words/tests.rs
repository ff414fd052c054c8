use proptest::prelude::*;
use serde_json::json;

use super::*;

fn of(kind: EntityKind, name: &str, id: &str, given: &Value) -> Vec<(String, u8)> {
    words(kind, name, id, given.as_object().expect("an object"))
}

fn weight(words: &[(String, u8)], word: &str) -> Option<u8> {
    words.iter().find(|(known, _)| known == word).map(|(_, weight)| *weight)
}

#[test]
fn a_contact_is_found_by_name_initials_address_id_and_text() {
    let given =
        json!({"email": "Jane.Smith@acme.example", "title": "Chef d'équipe", "company": "Acme Smith"});
    let words = of(EntityKind::Contact, "Jáne Smith", "C-7", &given);
    for (word, expected) in [
        ("jane", OF_NAME),
        ("smith", OF_NAME),
        ("js", OF_FIELD),
        ("jane.smith@acme.example", OF_FIELD),
        ("acme", OF_FIELD),
        ("equipe", OF_FIELD),
        ("#c-7", OF_NAME),
        ("~jn", OF_SOUND),
    ] {
        assert_eq!(weight(&words, word), Some(expected), "{word} in {words:?}");
    }
}

#[test]
fn long_texts_say_less_and_not_everything() {
    let given = json!({"subject": "Renewal", "body": "The renewal is in the budget of 2026, Straße 7."});
    let words = of(EntityKind::Email, "Mail", "E-1", &given);
    assert_eq!(weight(&words, "renewal"), Some(OF_FIELD));
    assert_eq!(weight(&words, "budget"), Some(OF_TEXT));
    assert_eq!(weight(&words, "strasse"), Some(OF_TEXT));
    assert_eq!((weight(&words, "the"), weight(&words, "7")), (None, None));
}

#[test]
fn numbers_days_and_words_of_a_list_are_no_words() {
    let deal = of(EntityKind::Deal, "Acme", "1", &json!({"amount": 12, "close_date": "2026-12-01"}));
    assert!(deal.iter().all(|(word, _)| ["acme", "#1", "~akm"].contains(&word.as_str())), "{deal:?}");
    let task = of(EntityKind::Task, "Call", "2", &json!({"status": "open", "priority": "high"}));
    assert_eq!((weight(&task, "open"), weight(&task, "high")), (None, None));
}

#[test]
fn slips_of_spelling_sound_the_same_and_other_names_do_not() {
    for (one, other) in [
        ("Jonson", "Johansson"),
        ("Catherine", "Katherine"),
        ("Smith", "Smyth"),
        ("Meier", "Meyer"),
        ("Stephen", "Stefan"),
        ("Philip", "Filipp"),
        ("Müller", "Muller"),
    ] {
        assert_eq!(sounds(one), sounds(other), "{one} {other}");
        assert_eq!(sounds(one).len(), 1, "{one}");
    }
    for (one, other) in [("Jonson", "Jackson"), ("Smith", "Schmidt"), ("Dana", "Tamara"), ("Acme", "Globex")]
    {
        assert_ne!(sounds(one), sounds(other), "{one} {other}");
    }
    assert!(sounds("日本 Lee 42").is_empty());
}

#[test]
fn the_words_of_the_name_stay_when_there_are_too_many() {
    let body: Vec<String> = (0..1_000).map(|n| format!("a{n}")).collect();
    let words = of(EntityKind::Email, "Zeppelin", "E-1", &json!({"body": body.join(" ")}));
    assert_eq!(words.len(), MAX_WORDS);
    assert_eq!(weight(&words, "zeppelin"), Some(OF_NAME));
}

#[test]
fn a_search_asks_for_the_whole_as_an_id_too() {
    let Sought { id, words } = sought(" D-42 ");
    assert_eq!((id.as_str(), words), ("#d-42", vec!["d".to_owned(), "42".to_owned()]));
    let Sought { id, words } = sought("👩");
    assert_eq!((id.as_str(), words.len()), ("#👩", 0));
}

proptest! {
    /// What a word is made of, whatever the text: so it can be joined with blanks, and no word
    /// is mistaken for a sound or an id.
    #[test]
    fn a_word_is_short_and_in_one_piece(name in "\\PC{0,80}", id in "\\PC{1,40}", body in "(?s).{0,400}") {
        for kind in EntityKind::ALL {
            let words = of(kind, &name, &id, &json!({"body": body, "description": body, "email": body}));
            prop_assert!(words.len() <= MAX_WORDS);
            for (word, weight) in &words {
                prop_assert!(!word.is_empty() && word.chars().count() <= MAX_LENGTH, "{word:?}");
                prop_assert_eq!(word.starts_with(SOUND), *weight == OF_SOUND, "{}", word);
                let is_id = word.starts_with(ID);
                prop_assert!(is_id || !word.contains(char::is_whitespace), "{word:?}");
            }
        }
    }

    #[test]
    fn every_search_for_a_word_of_the_name_finds_it(name in "\\PC{1,60}") {
        let words = of(EntityKind::Deal, &name, "1", &json!({}));
        for word in sought(&name).words {
            prop_assert_eq!(weight(&words, &word), Some(OF_NAME), "{}", word);
        }
    }

    #[test]
    fn case_and_accents_make_no_difference(name in "[a-zA-ZäöüÄÖÜéèÉçñ ]{1,40}") {
        let found = |name: &str| sought(name).words;
        prop_assert_eq!(found(&name), found(&name.to_uppercase()));
        prop_assert_eq!(found(&name), found(&name.nfd().collect::<String>()));
        prop_assert_eq!(found(&name), found(&name.nfc().collect::<String>()));
    }
}
