//! How results are worded for a person, and what is understood of changes and of memory.

use serde_json::json;

use crate::demo::{call, request, said, said_after};

#[tokio::test]
async fn what_is_for_the_organization_goes_into_its_memory() {
    for text in [
        "Remember for the organization that we ship on Fridays.",
        "remember that for the organization we ship on Fridays",
    ] {
        let (_, input) = call(text).await;
        let expected = json!({"scope": "org", "section": "Notes", "text": "we ship on Fridays"});
        assert_eq!(input, expected, "{text}");
    }
}

#[tokio::test]
async fn an_amount_is_changed_to_a_number() {
    let changed = json!({"kind": "deal", "id": "D-42", "changes": {"amount": 90_000}});
    for text in [
        "Change the amount of D-42 to 90000",
        "Please set the amount of D-42 to 90,000 EUR.",
        "Change the amount of this deal to 90k",
    ] {
        assert_eq!(call(text).await, ("update_entity".into(), changed.clone()), "{text}");
    }
}

#[tokio::test]
async fn what_is_meant_for_the_model_is_not_shown() {
    let input = json!({"kind": "deal", "id": "D-9", "changes": {"stage": "won"}});
    for (content, is_error, shown) in [
        (
            "This is a proposal now, under apr_1; nothing was done. It is carried out when the person accepts it. Say so, \
             and do not make the call again.",
            false,
            "I proposed it; it is carried out when you accept it.",
        ),
        (
            "There is no deal \"D-9\" on record. Use find_entities to look for it.",
            true,
            "That did not work: There is no deal \"D-9\" on record.",
        ),
        (
            "bob denied this call. It was not carried out. Do not make it again unless asked to.",
            true,
            "bob denied it.",
        ),
    ] {
        let result = json!({"content": content, "is_error": is_error});
        let text = said_after("Move D-9 to won", [("update_entity", input.clone(), result)]).await;
        assert_eq!(text, shown);
    }
}

#[tokio::test]
async fn what_was_said_before_is_quoted_without_ids_and_marks() {
    let found = "Friday 2026-11-20, the person, in \"Acme\", about deal:D-42 \"Acme renewal\" (archive arc_1, message 3): \
                 The **pricing** is fine\nFriday 2026-11-20, the copilot (archive arc_1, message 4): I noted the **price**";
    let input = json!({"query": "pricing"});
    let text =
        said_after("what did we say about pricing?", [("recall", input.clone(), json!({"content": found}))]);
    let expected = "From our earlier conversations:\n\
                    - Friday 2026-11-20, you, in \"Acme\", about \"Acme renewal\": “The pricing is fine”\n\
                    - Friday 2026-11-20, I: “I noted the price”";
    assert_eq!(text.await, expected);
    let nothing = "Nothing in the archive matches \"pricing\". Try other words for the same thing, a name or fewer words.";
    let text =
        said_after("what did we say about pricing?", [("recall", input, json!({"content": nothing}))]).await;
    assert_eq!(text, "Nothing in the archive matches \"pricing\".");
}

#[tokio::test]
async fn the_help_names_what_can_be_done_with_the_tools_at_hand() {
    let text = said(&request("Hello")).await;
    for can in ["“change the amount of D-42 to 90000”", "“remember for the organization that …”", "“find …”"]
    {
        assert!(text.contains(can), "{can}: {text}");
    }
    assert!(!text.contains("draft an e-mail"), "it has no tool for that here: {text}");
}
