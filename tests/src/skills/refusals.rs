//! What is refused, and how precisely.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    PATH, document, in_use, send, skill, with,
    zips::{self, Entry, FILE, LINK, folder, zip},
};
use crate::harness::{Person, TestApp};

/// Refused with 422, the first error about this field and in these words.
fn refused(problem: &Value, field: &str, words: &str) {
    let errors = problem["errors"].as_array().expect("errors");
    let fits = |error: &&Value| {
        error["field"] == field && error["error"].as_str().is_some_and(|error| error.contains(words))
    };
    assert!(errors.iter().any(|error| fits(&error)), "{field}: {words}: {problem}");
}

#[tokio::test]
async fn a_body_that_is_no_skill_is_refused_with_its_place_and_the_reason() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let good = document("Brief", ".");
    for (body, field, words) in [
        (json!({"document": good}), "key", "missing"),
        (json!({"key": "", "document": good}), "key", "1 to 64"),
        (json!({"key": "a".repeat(65), "document": good}), "key", "1 to 64"),
        (json!({"key": "Deal", "document": good}), "key", "lower-case"),
        (json!({"key": "a--b", "document": good}), "key", "hyphen"),
        (json!({"key": "-a", "document": good}), "key", "hyphen"),
        (json!({"key": "../etc", "document": good}), "key", "lower-case"),
        (json!({"key": "Ä", "document": good}), "key", "lower-case"),
        (json!({"key": "a\u{308}", "document": good}), "key", "(NFKC): ä"),
        (json!({"key": 7, "document": good}), "key", "string"),
        (json!({"key": "brief"}), "", "document"),
        (json!({"key": "brief", "document": 7}), "document", "string"),
        (json!({"key": "brief", "document": good, "version": 1}), "version", "unknown"),
        (json!({"key": "brief", "document": good, "files": []}), "files", "object"),
        (json!({"key": "brief", "document": good, "files": {"a.md": 7}}), "files.a.md", "string"),
        (json!({"key": "brief", "document": "a\u{0}b"}), "document", "U+0000"),
        (json!({"key": "brief", "document": good, "files": {"a.md": "\u{0}"}}), "files.a.md", "U+0000"),
        (json!([skill("brief", &good)]), "", "object"),
    ] {
        let problem = alice.post(PATH, body).await.problem(422, "validation_failed");
        refused(&problem, field, words);
    }
    let twice =
        format!(r#"{{"key": "brief", "document": {}, "files": {{"a.md": "1", "a.md": "2"}}}}"#, json!(good));
    let problem = send(&alice, Method::POST, PATH, "application/json", twice).await;
    refused(&problem.problem(422, "validation_failed"), "files", "twice");
    let many: serde_json::Map<String, Value> = (0..1_001).map(|i| (format!("{i}.md"), json!(""))).collect();
    let problem = alice.post(PATH, json!({"key": "brief", "document": good, "files": many})).await;
    refused(&problem.problem(422, "validation_failed"), "files", "1000");
    // Of key and key one has to be right.
    let other = json!({"key": "other", "document": good});
    let problem = alice.put(&format!("{PATH}/brief"), other.clone()).await.problem(422, "validation_failed");
    refused(&problem, "key", "outside");
    let problem = alice.post(&format!("{PATH}?key=brief"), other).await.problem(422, "validation_failed");
    refused(&problem, "key", "outside");
    alice
        .put(&format!("{PATH}/Not-A-Key"), json!({"document": good}))
        .await
        .problem(422, "validation_failed");
    send(&alice, Method::POST, PATH, "text/markdown", good).await.problem(422, "validation_failed");
    assert_eq!(alice.get(PATH).await.expect(200).json()["data"], json!([]));
}

#[tokio::test]
async fn a_body_of_another_kind_or_size_is_refused() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let path = format!("{PATH}?key=brief");
    for kind in ["application/zip", "text/plain", "application/x-yaml", "text/markdown; charset=latin1"] {
        let answer = send(&alice, Method::POST, &path, kind, document("Brief", ".")).await;
        answer.problem(415, "unsupported_media_type");
    }
    let import = format!("{PATH}/import");
    for kind in ["text/markdown", "application/gzip", "application/x-ndjson"] {
        send(&alice, Method::POST, &import, kind, "[]").await.problem(415, "unsupported_media_type");
    }
    let markdown = async |text: Vec<u8>| send(&alice, Method::POST, &path, "text/markdown", text).await;
    markdown(b"---\nname: \xff\n---\n".to_vec()).await.problem(422, "validation_failed");
    markdown(b"---\nname: \0\n---\n".to_vec()).await.problem(422, "validation_failed");
    markdown(vec![b'x'; 1024 * 1024 + 1]).await.problem(413, "body_too_large");
    let large = send(&alice, Method::POST, &import, "application/zip", vec![0; 8 * 1024 * 1024 + 1]).await;
    large.problem(413, "body_too_large");
    send(&alice, Method::POST, &import, "application/json", "[").await.problem(422, "validation_failed");
    let many: Vec<Value> = (0..501).map(|i| skill(&format!("k{i}"), "x")).collect();
    let problem = alice.post(&import, json!(many)).await.problem(422, "validation_failed");
    refused(&problem, "", "500 skills");
    for query in ["all_or_nothing=perhaps", "all_or_nothing="] {
        let path = format!("{import}?{query}");
        send(&alice, Method::POST, &path, "application/json", "[]").await.problem(422, "validation_failed");
    }
}

async fn unpacked(person: &Person, archive: Vec<u8>) -> Value {
    let path = format!("{PATH}/import");
    let answer = send(person, Method::POST, &path, "application/zip", archive).await;
    answer.problem(422, "validation_failed")
}

#[tokio::test]
async fn an_archive_that_leads_out_of_its_folder_is_refused_whole() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let text = document("Brief", ".");
    let good: Entry<'_> = (b"brief/SKILL.md", FILE, text.as_bytes());
    for name in [
        "../SKILL.md",
        "brief/../../SKILL.md",
        "brief/..",
        "/brief/SKILL.md",
        "./brief/SKILL.md",
        "brief//SKILL.md",
        "brief\\SKILL.md",
        "C:/brief/SKILL.md",
        "brief/a\nb.md",
        "brief/a\u{0}b.md",
        "",
    ] {
        let problem = unpacked(&alice, zip(&[good, (name.as_bytes(), FILE, b"x")])).await;
        assert!(
            problem["errors"][0]["error"].as_str().is_some_and(|it| it.contains("not a path")),
            "{problem}"
        );
    }
    let problem = unpacked(&alice, zip(&[good, (b"brief/\xff.md", FILE, b"x")])).await;
    assert!(problem["detail"].as_str().is_some_and(|it| it.contains("not UTF-8")), "{problem}");
    refused(
        &unpacked(&alice, zip(&[good, (b"brief/passwd", LINK, b"/etc/passwd")])).await,
        "brief/passwd",
        "link",
    );
    refused(&unpacked(&alice, zip(&[good, (b"brief/null", 0o020_666, b"")])).await, "brief/null", "device");
    refused(&unpacked(&alice, zip(&[good, good])).await, "brief/SKILL.md", "twice");
    assert_eq!(in_use(&app, "acme").await, []);
}

#[tokio::test]
async fn an_archive_that_is_more_than_it_seems_is_refused_whole() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let names: Vec<String> = (0..10_000).map(|i| format!("brief/references/{i}.md")).collect();
    let many: Vec<Entry<'_>> = names.iter().map(|name| (name.as_bytes(), FILE, b"x".as_slice())).collect();
    refused(&unpacked(&alice, zip(&many)).await, "", "1000 entries");
    // 40 MB of zeros are 40 KB of an archive.
    let zeros = vec![b'0'; 40 * 1024 * 1024];
    let bomb = zip(&[(b"brief/SKILL.md", FILE, &zeros)]);
    assert!(bomb.len() < 400_000, "{}", bomb.len());
    refused(&unpacked(&alice, bomb).await, "brief/SKILL.md", "16777216");
    let halves =
        zip(&[(b"a/SKILL.md", FILE, &zeros[..9_000_000]), (b"b/SKILL.md", FILE, &zeros[..9_000_000])]);
    refused(&unpacked(&alice, halves).await, "b/SKILL.md", "16777216");
    let same = zips::overlapping("brief/a", &zeros[..1_000_000], 20);
    refused(&unpacked(&alice, same).await, "brief/b", "shares its bytes");
    let whole = folder(&[("brief/SKILL.md", &document("Brief", "."))]);
    for (archive, words) in [
        (Vec::new(), "not a zip"),
        (b"PK\x05\x06".to_vec(), "not a zip"),
        (b"[]".to_vec(), "not a zip"),
        (whole[..whole.len() - 1].to_vec(), "not a zip"),
        (whole[whole.len() / 2..].to_vec(), "broken"),
    ] {
        let problem = unpacked(&alice, archive).await;
        assert!(problem["detail"].as_str().is_some_and(|it| it.contains(words)), "{problem}");
    }
    // The count of the end, and the bytes of the text.
    let mut lies = whole.clone();
    let end = lies.len() - 22;
    lies[end + 8] = 7;
    lies[end + 10] = 7;
    unpacked(&alice, lies).await;
    let mut changed = whole.clone();
    changed[45] ^= 1;
    refused(&unpacked(&alice, changed).await, "brief/SKILL.md", "broken");
    assert_eq!(in_use(&app, "acme").await, []);
}

#[tokio::test]
async fn a_document_with_faults_is_refused_and_told_of_line_by_line() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let secret = "postgres://sixty:horse-battery@db.example/x";
    for (document, field, words) in [
        (String::new(), "", ""),
        ("no front matter".to_owned(), "", ""),
        (document("Brief", &format!("Ask {secret}")), "document", "line 8: must not hold a secret"),
        (document("Brief", "[REDACTED:api-key]"), "document", "stands for a secret"),
        (with("Brief", "description: again"), "", ""),
        (with("Brief", "skill_type: magic"), "", ""),
    ] {
        let problem = alice.post(PATH, skill("brief", &document)).await.problem(422, "validation_failed");
        if words.is_empty() {
            assert!(!problem["errors"][0]["error"].as_str().unwrap_or_default().is_empty(), "{problem}");
        } else {
            refused(&problem, field, words);
        }
        // The same without writing.
        let report =
            alice.post(&format!("{PATH}/validate"), skill("brief", &document)).await.expect(200).json();
        assert!(report["errors"].as_array().is_some_and(|errors| !errors.is_empty()), "{report}");
    }
    let files = json!({"references/keys.md": format!("one\n\n{secret}")});
    let body = json!({"key": "brief", "document": document("Brief", "."), "files": files});
    let problem = alice.post(PATH, body.clone()).await.problem(422, "validation_failed");
    refused(&problem, "references/keys.md", "line 3: must not hold a secret");
    let results = alice.post(&format!("{PATH}/import"), json!([body])).await.expect(200).json();
    assert_eq!(
        (&results["data"][0]["errors"][0]["line"], &results["data"][0]["status"]),
        (&json!(3), &json!("error"))
    );
    assert_eq!(app.database.count("select count(*) from sixty.skill_versions").await, 0);
}

#[tokio::test]
async fn a_good_document_is_called_good_and_nothing_is_written() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let path = format!("{PATH}/validate");
    let report = alice.post(&path, skill("brief", &document("Brief", "."))).await.expect(200).json();
    assert_eq!(report["errors"], json!([]), "{report}");
    let named =
        send(&alice, Method::POST, &format!("{path}?key=brief"), "text/markdown", document("B", ".")).await;
    assert_eq!(named.expect(200).json()["errors"], json!([]));
    for key in [json!("Not A Key"), Value::Null] {
        let report =
            alice.post(&path, json!({"key": key, "document": document("B", ".")})).await.expect(200).json();
        assert_eq!(report["errors"][0]["field"], "key", "{report}");
    }
    let unusual = with("Brief", "metadata:\n  context_profile: everything");
    let report = alice.post(&path, skill("brief", &unusual)).await.expect(200).json();
    assert_eq!(report["errors"], json!([]), "{report}");
    assert_eq!(report["warnings"].as_array().map(Vec::len), Some(1), "{report}");
    let made = alice.post(PATH, skill("brief", &unusual)).await.expect(201).json();
    assert_eq!(made["warnings"], report["warnings"], "what is unusual is taken in, and told");
    assert_eq!(alice.get(PATH).await.expect(200).json()["data"].as_array().map(Vec::len), Some(1));
}
