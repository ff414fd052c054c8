//! Many skills at a time.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    PATH, document, put, read, send, skill, trail,
    zips::{FILE, folder, zip},
};
use crate::harness::{Answer, Person, TestApp};

const IMPORT: &str = "/v1/admin/skills/import";

async fn unpack(person: &Person, query: &str, archive: Vec<u8>) -> Answer {
    send(person, Method::POST, &format!("{IMPORT}{query}"), "application/zip", archive).await
}

/// Key, status and version of each.
fn told(answer: &Answer) -> Vec<(String, String, Value)> {
    let answer = answer.json();
    let data = answer["data"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    data.iter().map(|one| (text(&one["key"]), text(&one["status"]), one["version"].clone())).collect()
}

fn line(key: &str, status: &str, version: impl Into<Value>) -> (String, String, Value) {
    (key.to_owned(), status.to_owned(), version.into())
}

#[tokio::test]
async fn a_list_of_skills_has_a_result_for_each() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "there", &document("There", "One.")).await.expect(201);
    put(&alice, "same", &document("Same", "One.")).await.expect(201);
    let list = json!([
        {"key": "fresh", "document": document("Fresh", "."), "files": {"references/a.md": "A."}},
        skill("there", &document("There", "Two.")),
        skill("same", &document("Same", "One.")),
        skill("Not A Key", &document("Bad", ".")),
        skill("broken", "no front matter"),
        {"key": "odd", "document": document("Odd", "."), "version": 3},
        {"document": document("Nameless", ".")},
        skill("fresh", &document("Fresh", "Again.")),
        7,
        {"key": "nul", "document": "a\u{0}b"},
    ]);
    let answer = alice.post(IMPORT, list.clone()).await.expect(200);
    assert_eq!(
        told(&answer)[..5],
        [
            line("fresh", "created", 1),
            line("there", "updated", 2),
            line("same", "unchanged", 1),
            line("Not A Key", "error", Value::Null),
            line("broken", "error", Value::Null),
        ]
    );
    let results = answer.json()["data"].clone();
    for (i, field, words) in [
        (3, "key", "lower-case"),
        (5, "version", "unknown"),
        (6, "key", "missing"),
        (7, "key", "twice"),
        (8, "", "object"),
        (9, "document", "U+0000"),
    ] {
        let error = &results[i]["errors"][0];
        assert_eq!(
            (&results[i]["place"], &error["field"]),
            (&json!(format!("[{i}]")), &json!(field)),
            "{error}"
        );
        assert!(error["error"].as_str().is_some_and(|error| error.contains(words)), "{error}");
    }
    assert_eq!(read(&alice, "fresh").await["files"]["references/a.md"], "A.");
    assert_eq!(trail(&alice, "fresh").await, [("skill.create".to_owned(), json!("version 1"))]);
    // Again, what is good is there.
    let again = told(&alice.post(IMPORT, list).await.expect(200));
    assert_eq!(
        again[..3],
        [line("fresh", "unchanged", 1), line("there", "unchanged", 2), line("same", "unchanged", 1)]
    );
}

#[tokio::test]
async fn all_or_nothing_writes_all_or_nothing() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let path = format!("{IMPORT}?all_or_nothing=true");
    let bad = json!([skill("one", &document("One", ".")), skill("two", "no front matter"), skill("T", "x")]);
    let problem = alice.post(&path, bad).await.problem(422, "validation_failed");
    let fields: Vec<&str> = problem["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .filter_map(|error| error["field"].as_str())
        .collect();
    assert!(fields.iter().any(|field| field.starts_with("[1]")), "{problem}");
    assert!(fields.contains(&"[2]: key"), "{problem}");
    assert!(fields.iter().all(|field| !field.starts_with("[0]")), "{problem}");
    assert_eq!(alice.get(PATH).await.expect(200).json()["data"], json!([]));
    let good = json!([skill("one", &document("One", ".")), skill("two", &document("Two", "."))]);
    let answer = alice.post(&path, good).await.expect(200);
    assert_eq!(told(&answer), [line("one", "created", 1), line("two", "created", 1)]);
    let archive = folder(&[("a/SKILL.md", &document("A", ".")), ("b/SKILL.md", "broken")]);
    let problem = unpack(&alice, "?all_or_nothing=true", archive).await.problem(422, "validation_failed");
    assert!(problem["errors"][0]["field"].as_str().is_some_and(|field| field.starts_with('b')), "{problem}");
    alice.get(&format!("{PATH}/a")).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_folder_in_an_archive_becomes_skills_with_their_companions() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let odd = document("Deal rescue", "CRLF\r\n 日本 \n\n");
    let archive = zip(&[
        (b"skills/", 0o040_755, b""),
        (b"skills/README.md", FILE, b"Not a skill."),
        (b"skills/deal-rescue/SKILL.md", FILE, odd.as_bytes()),
        (b"skills/deal-rescue/references/prices.md", FILE, "Preise: 10 €".as_bytes()),
        (b"skills/deal-rescue/.DS_Store", FILE, b"\x00\x01"),
        (b"__MACOSX/skills/deal-rescue/._SKILL.md", FILE, b"\x00\x01"),
        (b"skills/Bad Key/SKILL.md", FILE, odd.as_bytes()),
        (b"skills/broken/SKILL.md", FILE, b"no front matter"),
        (b"skills/bytes/SKILL.md", FILE, b"---\nname: \xff\n---\n"),
        (b"skills/more/SKILL.md", FILE, document("More", ".").as_bytes()),
        (b"skills/more/references/data.bin", FILE, b"\xff\xfe"),
        (b"skills/outer/SKILL.md", FILE, document("Outer", ".").as_bytes()),
        (b"skills/outer/inner/SKILL.md", FILE, document("Inner", ".").as_bytes()),
    ]);
    let answer = unpack(&alice, "", archive.clone()).await.expect(200);
    let results = answer.json()["data"].clone();
    let of = |place: &str| {
        let data = results.as_array().expect("a list");
        data.iter().find(|one| one["place"] == place).unwrap_or_else(|| panic!("{place}: {results}")).clone()
    };
    let rescued = of("skills/deal-rescue");
    assert_eq!((&rescued["status"], &rescued["version"]), (&json!("created"), &json!(1)), "{rescued}");
    for (place, field, words) in [
        ("skills/README.md", "", "no folder"),
        ("skills/Bad Key", "key", "lower-case"),
        ("skills/bytes", "SKILL.md", "UTF-8"),
    ] {
        let one = of(place);
        assert_eq!((&one["status"], &one["errors"][0]["field"]), (&json!("error"), &json!(field)), "{one}");
        assert!(one["errors"][0]["error"].as_str().is_some_and(|error| error.contains(words)), "{one}");
    }
    assert_eq!(of("skills/broken")["status"], "error");
    for place in ["skills/outer", "skills/outer/inner"] {
        assert_eq!(of(place)["status"], "created", "the nearest folder is the skill's");
    }
    let more = of("skills/more");
    let left = &more["warnings"][0];
    assert_eq!(
        (&more["status"], &left["field"]),
        (&json!("created"), &json!("references/data.bin")),
        "{more}"
    );
    let stored = read(&alice, "deal-rescue").await;
    assert_eq!(stored["document"], json!(odd));
    assert_eq!(stored["files"], json!({"references/prices.md": "Preise: 10 €"}));
    let again = unpack(&alice, "", archive).await.expect(200);
    assert!(told(&again).contains(&line("deal-rescue", "unchanged", 1)));
}

#[tokio::test]
async fn an_import_is_done_once_under_its_key() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let import = async |body: &Value| {
        alice.send(alice.request(Method::POST, IMPORT).header("idempotency-key", "k").json(body)).await
    };
    let list = json!([skill("one", &document("One", "."))]);
    let first = import(&list).await.expect(200);
    put(&alice, "one", &document("One", "Changed since.")).await.expect(200);
    assert_eq!(import(&list).await.expect(200).text, first.text);
    assert_eq!(read(&alice, "one").await["version"], 2);
    import(&json!([])).await.problem(422, "idempotency_mismatch");
}

#[tokio::test]
async fn a_library_of_documents_needs_no_document_of_its_own() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let archive = folder(&[("skills/_platform-references/org-variables.md", "Facts.")]);
    let answer = unpack(&alice, "", archive).await.expect(200);
    assert_eq!(told(&answer), [line("_platform-references", "created", 1)]);
    let library = read(&alice, "_platform-references").await;
    assert_eq!(library["files"], json!({"org-variables.md": "Facts."}));
}

#[tokio::test]
async fn a_library_keeps_its_documents_where_an_archive_has_none_for_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    unpack(&alice, "", folder(&[("_platform-references/tone.md", "Short.")])).await.expect(200);
    let archive = folder(&[
        ("_platform-references/nested/SKILL.md", &document("Nested", ".")),
        ("brief/SKILL.md", &document("Brief", ".")),
        ("brief/_platform-references/tone.md", "Long."),
    ]);
    let answer = unpack(&alice, "", archive).await.expect(200);
    assert_eq!(
        told(&answer),
        [
            line("_platform-references", "error", Value::Null),
            line("nested", "created", 1),
            line("brief", "created", 1)
        ]
    );
    assert_eq!(read(&alice, "_platform-references").await["files"], json!({"tone.md": "Short."}));
    let files = json!({"_platform-references/tone.md": "Long."});
    assert_eq!(read(&alice, "brief").await["files"], files);
}
