//! What a search finds, shows and refuses.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{archived, found, search, snippets};
use crate::harness::{Person, TestApp};

#[tokio::test]
async fn the_rare_word_counts_most_and_an_answer_is_found_by_its_question() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let said = [
        ("What discount did Dana ask for?", "8 %, for three years."),
        ("What did Dana say on Monday?", "Dana said hello."),
        ("And how is Graz?", "Sunny."),
        ("And how is Linz?", "Windy."),
        ("And how is Wels?", "Foggy."),
        ("And how is Enns?", "Dry."),
    ];
    archived(&app, &alice, json!({}), &said).await;
    let passages = found(&alice, &[("q", "what discount did dana say")]).await;
    let shown = snippets(&passages);
    assert_eq!(shown[0], "What **discount** did **Dana** ask for?");
    assert!(shown[1..3].contains(&"8 %, for three years."), "{shown:?}");
    assert!(passages[0]["score"].as_f64() > passages[1]["score"].as_f64());
    assert!(passages[0].get("untrusted").is_none() && passages[0].get("part").is_none(), "{}", passages[0]);
}

#[tokio::test]
async fn title_and_entity_of_a_conversation_lead_to_what_was_said_in_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice
        .post("/v1/entities", json!({"kind": "deal", "id": "D-7", "name": "Zorin renewal"}))
        .await
        .expect(201);
    let about = json!({"title": "Umbra weekly", "entity": {"kind": "deal", "id": "D-7"}});
    archived(&app, &alice, about, &[("Who signs?", "Their board does.")]).await;
    archived(&app, &alice, json!({}), &[("Who pays?", "Their bank does.")]).await;
    for query in ["zorin board", "umbra board"] {
        let passages = found(&alice, &[("q", query)]).await;
        assert_eq!(passages[0]["snippet"], "Their **board** does.", "{query}");
        assert_eq!(passages.len(), 2, "{query}");
        assert_eq!(passages[0]["session_title"], "Umbra weekly");
        assert_eq!(passages[0]["entity"], json!({"kind": "deal", "id": "D-7"}));
        assert_eq!(passages[0]["entity_name"], "Zorin renewal");
    }
    for (filter, count) in [
        (&[("entity_kind", "deal"), ("entity_id", "D-7")][..], 2),
        (&[("entity_kind", "deal"), ("entity_id", "D-8")], 0),
        (&[("entity_kind", "contact")], 0),
        (&[("since", "2020-01-01T00:00:00Z"), ("until", "9999-01-01T00:00:00Z")], 4),
        (&[("since", "0001-01-01T00:00:00Z"), ("until", "2020-01-01T00:00:00Z")], 0),
        (&[("since", "+262142-01-01T00:00:00Z")], 0),
    ] {
        let parameters = [&[("q", "who signs pays board bank")], filter].concat();
        assert_eq!(found(&alice, &parameters).await.len(), count, "{filter:?}");
    }
}

#[tokio::test]
async fn words_of_every_script_are_found_and_shown_as_they_were_written() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let said = [
        ("Größe und MÜLLER", "Straße — “Überfluss” in ÅRHUS."),
        ("安全审查什么时候开始？", "三月に始まります。"),
        ("Когда ЗАКАЗ?", "Ο Πελάτης ρωτά."),
        (
            "**bold** and <b>tags</b> at https://example.org/pricing, either/or",
            "Dana’s \u{E000}odd\u{E001} **text",
        ),
    ];
    archived(&app, &alice, json!({}), &said).await;
    for (query, shown) in [
        ("größe", "**Größe** und MÜLLER"),
        ("grosse muller", "Größe und **MÜLLER**"),
        ("überfluss", "Straße — “**Überfluss**” in ÅRHUS."),
        ("århus", "Straße — “Überfluss” in **ÅRHUS**."),
        ("安全审查", "**安****全****审****查**什么时候开始？"),
        ("заказ", "Когда **ЗАКАЗ**?"),
        ("πελάτης", "Ο **Πελάτης** ρωτά."),
        ("bold tags", "**bold** and <b>**tags**</b> at https://example.org/pricing, either/or"),
        ("pricing", "bold and <b>tags</b> at https://example.org/**pricing**, either/or"),
        ("odd dana", "**Dana**’s \u{E000}**odd**\u{E001} text"),
    ] {
        let passages = found(&alice, &[("q", query)]).await;
        assert!(snippets(&passages).contains(&shown), "{query}: {passages:?}");
    }
}

#[tokio::test]
async fn whatever_is_asked_the_answer_is_empty_or_a_clear_refusal() {
    let app = TestApp::start().await;
    let alice = app.alice();
    archived(&app, &alice, json!({}), &[("The pilot", "Eight weeks.")]).await;
    let long = "word ".repeat(199);
    let exclusions = "-a1 ".repeat(249);
    for query in [
        "",
        " ",
        "the of and",
        "?!… --",
        "🙂🙃",
        "\"",
        "\"\"",
        "'",
        "\\",
        ":*",
        "<->",
        "& | ! ( )",
        "a:*b & !c <2> (d",
        "zeppelin:A | ",
        "-pilot",
        "-\"eight weeks\"",
        "^(a+)+$",
        "%_",
        "'; drop table sixty.orgs; --",
        "%2500",
        "\u{FEFF}\u{202E}",
        "审查",
        "or OR or",
        &long,
        &exclusions,
        &"x".repeat(1_000),
        &"\"".repeat(1_000),
    ] {
        assert_eq!(found(&alice, &[("q", query)]).await, Vec::<Value>::new(), "{query:?}");
    }
    for query in ["word ".repeat(10_000), "x".repeat(1_001)] {
        let problem = alice.get(&search(&[("q", &query)])).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], "q");
    }
    // Longer than any address may be: no route sees it.
    let mut stream = TcpStream::connect(app.replica.address).await.expect("a connection");
    let head = format!("GET {} HTTP/1.1\r\nhost: sixty\r\n\r\n", search(&[("q", &"x".repeat(100_000))]));
    stream.write_all(head.as_bytes()).await.expect("the head is sent");
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.expect("a status");
    assert_eq!(&status, b"HTTP/1.1 414");
    for (parameters, field) in [
        (&[("q", "a"), ("limit", "0")][..], "limit"),
        (&[("q", "a"), ("limit", "x")], "limit"),
        (&[("q", "a"), ("since", "yesterday")], "since"),
        (&[("q", "a"), ("session_id", "1")], "session_id"),
        (&[("q", "a"), ("entity_kind", "zebra")], "entity_kind"),
        (&[("q", "a"), ("cursor", "e30")], "cursor"),
        (&[], "query"),
    ] {
        let problem = alice.get(&search(parameters)).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    alice.get("/v1/session-summaries/search?q=a%00b").await.problem(422, "validation_failed");
    assert_eq!(found(&alice, &[("q", "pilot")]).await.len(), 2);
}

/// All pages of a search, and how many they were.
async fn paged(person: &Person, query: &str, limit: &str) -> (Vec<Value>, usize) {
    let (mut all, mut cursor, mut pages) = (Vec::new(), None::<String>, 0);
    loop {
        let mut parameters = vec![("q", query), ("limit", limit)];
        parameters.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = person.get(&search(&parameters)).await.expect(200).json();
        all.extend(page["data"].as_array().expect("a list").iter().cloned());
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return (all, pages),
        }
    }
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended_and_a_cursor_is_for_its_own_search() {
    let app = TestApp::start().await;
    let alice = app.alice();
    // Equal texts have equal scores: the order among them has to hold as well.
    archived(
        &app,
        &alice,
        json!({}),
        &[("pilot pilot", "the pilot"), ("pilot", "the pilot"), ("pilot", "pilot Graz")],
    )
    .await;
    archived(&app, &alice, json!({}), &[("pilot", "the pilot")]).await;
    let (whole, one) = paged(&alice, "pilot graz", "100").await;
    assert_eq!((whole.len(), one), (8, 1));
    for (limit, pages) in [("1", 8), ("3", 3), ("4", 2)] {
        assert_eq!(paged(&alice, "pilot graz", limit).await, (whole.clone(), pages), "{limit}");
    }
    let first = alice.get(&search(&[("q", "pilot"), ("limit", "1")])).await.expect(200).json();
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    for (person, parameters) in [
        (&alice, &[("q", "pilots"), ("cursor", cursor)][..]),
        (&alice, &[("q", "pilot"), ("since", "2020-01-01T00:00:00Z"), ("cursor", cursor)]),
        (&app.bob(), &[("q", "pilot"), ("cursor", cursor)]),
    ] {
        let problem = person.get(&search(parameters)).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], "cursor");
    }
    assert_eq!(found(&alice, &[("q", "pilot"), ("limit", "2"), ("cursor", cursor)]).await.len(), 2);
}
