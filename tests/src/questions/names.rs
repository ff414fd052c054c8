use domain::EntityKind;
use serde_json::json;

use super::{Desk, Stored, record};

#[tokio::test]
async fn a_name_is_resolved_or_asked_back() {
    let desk = Desk::start().await;
    record(&desk).await;
    desk.put("contact", "C-3", json!({"name": "Dana Fox", "company": "Initech"})).await;
    desk.put("contact", "C-4", json!({"name": "Anders Johansson"})).await;
    let resolve = async |args| desk.answer("resolve_entity", args).await;
    let told = resolve(json!({"name": "Dana Roe"})).await;
    assert!(
        told.starts_with("\"Dana Roe\" is contact C-1: Dana Roe.\n- contact C-1: Dana Roe; title Buyer"),
        "{told}"
    );
    let told = resolve(json!({"name": "Dana"})).await;
    assert!(told.starts_with("\"Dana\" can be 2 of them; ask the person which one is meant:\n"), "{told}");
    assert!(told.contains("contact C-1") && told.contains("contact C-3"), "{told}");
    for (args, expected) in [
        (json!({"name": "Dana", "hint": "Initech"}), "\"Dana\" is contact C-3: Dana Fox."),
        (json!({"name": "dana", "hint": "Acme"}), "\"dana\" is contact C-1: Dana Roe."),
        (json!({"name": "DR"}), "\"DR\" is contact C-1: Dana Roe."),
        (json!({"name": "Jonson"}), "\"Jonson\" is contact C-4: Anders Johansson."),
        (json!({"name": "Acme"}), "\"Acme\" is company A-1: Acme."),
        (json!({"name": "Acme", "hint": "deal"}), "\"Acme\" is deal D-1: Acme renewal."),
        (json!({"name": "D-3"}), "\"D-3\" is deal D-3: Initech rollout."),
        (json!({"name": "Globbex pilot"}), "\"Globbex pilot\" is deal D-2: Globex pilot."),
        (json!({"name": "Wolfgang"}), "Nobody and nothing on record fits \"Wolfgang\"."),
    ] {
        let told = resolve(args.clone()).await;
        assert_eq!(told.lines().next(), Some(expected), "{args}: {told}");
    }
}

#[tokio::test]
async fn a_name_that_fits_several_is_asked_back_and_one_that_fits_none_is_refused() {
    let desk = Desk::start().await;
    record(&desk).await;
    desk.put("contact", "C-3", json!({"name": "Dana Fox"})).await;
    desk.put("deal", "D-9", json!({"name": "Acme renewal 2027", "stage": "discovery"})).await;
    let told = desk.answer("get_contact", json!({"name": "dana"})).await;
    assert!(
        told.starts_with("Several fit \"dana\". Ask the person which contact is meant, then give its id:\n"),
        "{told}"
    );
    assert!(told.contains("C-1") && told.contains("C-3") && !told.contains("C-2"), "{told}");
    let told = desk.answer("get_deal", json!({"name": "acme"})).await;
    assert!(
        told.starts_with("Several fit \"acme\".") && told.contains("D-1") && told.contains("D-9"),
        "{told}"
    );
    assert_eq!(
        desk.ask("get_company_status", json!({"name": "Umbrella"})).await,
        ("No company on record fits \"Umbrella\", and none is similar.".into(), true)
    );
}

#[tokio::test]
async fn words_find_all_kinds_of_records() {
    let desk = Desk::start().await;
    record(&desk).await;
    let told = desk.answer("find_entities", json!({"query": "acme"})).await;
    assert!(told.starts_with("On record for \"acme\", the best match first:\n- "), "{told}");
    for id in ["company A-1: Acme", "deal D-1: Acme renewal", "contact C-1: Dana Roe"] {
        assert!(told.contains(id), "{told}");
    }
    let told = desk.answer("find_entities", json!({"query": "acme", "kind": "deal"})).await;
    assert!(
        told.contains("- deal D-1") && !told.contains("- contact") && !told.contains("- company"),
        "{told}"
    );
    // The last word may be the beginning of one, and an id is a word.
    for (query, found) in [("init", "D-3"), ("T-1", "task T-1"), ("Globex pilot", "D-2")] {
        let told = desk.answer("find_entities", json!({ "query": query })).await;
        assert!(told.contains(found), "{query}: {told}");
    }
    let told = desk.answer("find_entities", json!({"query": "acme", "limit": 1})).await;
    assert!(
        told.ends_with("\nThere are more: ask again with page 2.") && told.lines().count() == 3,
        "{told}"
    );
    let told = desk.answer("find_entities", json!({"query": "👩"})).await;
    assert_eq!(told, "Nothing on record matches \"👩\".");
}

#[tokio::test]
async fn a_record_is_looked_up_with_the_names_of_what_it_is_linked_to() {
    let desk = Desk::start().await;
    record(&desk).await;
    let told = desk.answer("get_entity", json!({"kind": "deal", "id": "D-1"})).await;
    for line in ["\nlinked: contact C-1: Dana Roe (buyer)", "\nlinked: company A-1: Acme"] {
        assert!(told.contains(line), "{told}");
    }
}

#[tokio::test]
async fn who_is_meant_is_found_among_thousands_of_the_same_name() {
    let desk = Desk::start().await;
    let contacts: Vec<Stored> =
        (0..3_000)
            .map(|n| Stored::new(EntityKind::Contact, format!("C-{n}"), format!("John N{n}x"), json!({})))
            .chain([Stored::new(EntityKind::Contact, "J-1", "John Zeppelin", json!({}))])
            .chain((3_000..4_000).map(|n| {
                Stored::new(EntityKind::Contact, format!("C-{n}"), format!("John N{n}x"), json!({}))
            }))
            .collect();
    desk.store("acme", "alice", &contacts).await;
    for name in ["John Zeppelin", "Zepelin", "zeppelin john"] {
        let told = desk.answer("resolve_entity", json!({ "name": name })).await;
        assert_eq!(
            told.lines().next(),
            Some(format!("{name:?} is contact J-1: John Zeppelin.").as_str()),
            "{told}"
        );
    }
    let told = desk.answer("resolve_entity", json!({"name": "John"})).await;
    assert!(told.starts_with("\"John\" can be very many;") && told.lines().count() == 9, "{told}");
}
