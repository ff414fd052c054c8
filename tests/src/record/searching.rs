use serde_json::json;

use super::{each, ids, lines, results, send_batch};
use crate::harness::{Person, TestApp};

async fn fill(person: &Person) {
    let deal = |id: &str| json!([{"kind": "deal", "id": id}]);
    let all = [
        json!({"kind": "deal", "id": "D-1", "name": "Acme renewal", "owner": "bob", "stage": "negotiation"}),
        json!({"kind": "deal", "id": "D-2", "name": "Globex renewal", "owner": "alice", "stage": "Closed Won"}),
        json!({"kind": "contact", "id": "C-1", "name": "Jáne Smith", "email": "jane.smith@acme.example", "title": "Head of Robotics", "links": deal("D-1")}),
        json!({"kind": "contact", "id": "C-2", "name": "Tom Renner", "links": deal("D-1")}),
        json!({"kind": "email", "id": "E-1", "name": "Re: offer", "date": "2026-01-01", "body": "The budget for robots is approved.", "links": deal("D-2")}),
        json!({"kind": "task", "id": "T-1", "name": "Send offer", "status": "done", "links": deal("D-1")}),
    ];
    let answer = send_batch(person, lines(&all)).await.expect(200);
    assert_eq!(each(&results(&answer), "status"), ["created"; 6], "{answer:?}");
}

#[tokio::test]
async fn a_search_finds_words_of_names_and_fields_and_all_of_them() {
    let app = TestApp::start().await;
    let alice = app.alice();
    fill(&alice).await;
    for (q, found) in [
        ("renewal", vec!["D-1", "D-2"]),
        ("RENEWAL acme", vec!["D-1"]),
        // The last word may be the beginning of one, the others may not.
        ("acme ren", vec!["D-1"]),
        ("ren acme", vec![]),
        ("ren", vec!["C-2", "D-1", "D-2"]),
        ("jane", vec!["C-1"]),
        ("JÁNE smith", vec!["C-1"]),
        ("js", vec!["C-1"]),
        ("jane.smith@acme.example", vec!["C-1"]),
        ("robotics", vec!["C-1"]),
        ("robot", vec!["C-1", "E-1"]),
        ("budget approved", vec!["E-1"]),
        ("the", vec![]),
        ("D-1", vec!["D-1"]),
        ("d-", vec!["D-1", "D-2"]),
        ("%", vec![]),
        ("100%", vec![]),
        ("ren_wal", vec![]),
    ] {
        let query = format!("q={}", url(q));
        assert_eq!(ids(&alice, &query).await, found, "{q}");
    }
    assert_eq!(ids(&alice, "q=ren&kind=deal").await, ["D-1", "D-2"]);
    assert_eq!(ids(&alice, "q=ren&linked_kind=deal&linked_id=D-1").await, ["C-2"]);
    assert_eq!(ids(&alice, "q=renewal&owner=bob").await, ["D-1"]);
    assert_eq!(ids(&alice, "q=%20").await.len(), 6);
    // What is written anew is found under its new words only.
    alice.patch("/v1/entities/deal/D-1", json!({"name": "Initech expansion"})).await.expect(200);
    assert_eq!(ids(&alice, "q=acme").await, ["C-1"]);
    assert_eq!(ids(&alice, "q=expansion").await, ["D-1"]);
    assert_eq!(ids(&app.stranger(), "q=renewal").await, Vec::<String>::new());
}

fn url(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn a_rare_word_is_found_beside_one_that_thousands_have() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let common = (0..2_500)
        .map(|n| json!({"kind": "deal", "id": format!("D-{n:04}"), "name": format!("Renewal number{n}")}));
    let answer = send_batch(&alice, lines(&common.collect::<Vec<_>>())).await.expect(200);
    assert!(each(&results(&answer), "status").iter().all(|status| *status == "created"));
    for q in ["renewal%20number7", "number7%20renewal"] {
        let found = ids(&alice, &format!("q={q}&limit=100")).await;
        assert!(found.contains(&"D-0007".to_owned()), "{q}: {found:?}");
    }
    assert_eq!(ids(&alice, "q=number1234%20renewal").await, ["D-1234"]);
}

#[tokio::test]
async fn lists_are_filtered_by_what_the_product_asks() {
    let app = TestApp::start().await;
    let alice = app.alice();
    fill(&alice).await;
    for (query, found) in [
        ("", vec!["C-1", "C-2", "D-1", "D-2", "E-1", "T-1"]),
        ("kind=contact", vec!["C-1", "C-2"]),
        ("owner=bob", vec!["D-1"]),
        ("stage=negotiation", vec!["D-1"]),
        ("open=true&kind=deal", vec!["D-1"]),
        ("open=false", vec!["D-2", "T-1"]),
        ("linked_kind=deal&linked_id=D-1", vec!["C-1", "C-2", "T-1"]),
        ("linked_kind=deal&linked_id=D-1&kind=task", vec!["T-1"]),
        ("linked_kind=deal&linked_id=D-9", vec![]),
        ("updated_since=2099-01-01T00:00:00Z", vec![]),
        ("updated_since=2020-01-01T00:00:00Z&kind=email", vec!["E-1"]),
    ] {
        assert_eq!(ids(&alice, query).await, found, "{query}");
    }
    for (query, field) in [
        ("linked_kind=deal", "linked_id"),
        ("linked_id=D-1", "linked_id"),
        ("sort=updated&q=x", "sort"),
        ("sort=name", "sort"),
        ("open=maybe", "open"),
        ("updated_since=yesterday", "updated_since"),
        ("kind=car", "kind"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
    ] {
        let problem = alice.get(&format!("/v1/entities?{query}")).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{query}");
    }
}

#[tokio::test]
async fn pages_hold_everything_once_in_every_order() {
    let app = TestApp::start().await;
    let alice = app.alice();
    fill(&alice).await;
    for (query, expected) in [
        ("sort=id", vec!["C-1", "C-2", "D-1", "D-2", "E-1", "T-1"]),
        ("q=ren", vec!["C-2", "D-1", "D-2"]),
        ("linked_kind=deal&linked_id=D-1", vec!["C-1", "C-2", "T-1"]),
    ] {
        assert_eq!(all_pages(&alice, query).await, expected, "{query}");
    }
    for id in ["deal/D-2", "contact/C-1"] {
        alice.patch(&format!("/v1/entities/{id}"), json!({"attributes": {"x": 1}})).await.expect(200);
    }
    let newest = all_pages(&alice, "sort=updated").await;
    assert_eq!(&newest[..2], ["C-1", "D-2"]);
    let mut sorted = newest.clone();
    sorted.sort();
    assert_eq!(sorted, ["C-1", "C-2", "D-1", "D-2", "E-1", "T-1"]);
    assert_eq!(all_pages(&alice, "sort=updated&kind=deal").await, ["D-2", "D-1"]);
}

/// The ids of all pages of two.
async fn all_pages(person: &Person, query: &str) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = person.get(&format!("/v1/entities?{query}&limit=2{cursor}")).await.expect(200).json();
        let data = page["data"].as_array().expect("a list");
        assert!(data.len() <= 2 && found.len() < 100);
        found.extend(each(data, "id").into_iter().map(str::to_owned));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}
