//! One organization's skills, from the first version to the last.

use domain::skill::Source;
use reqwest::Method;
use serde_json::{Value, json};
use store::skills;

use super::{
    PATH, PLATFORM, as_run, document, in_use, many_versions, push, put, read, send, skill, states, trail,
    with,
};
use crate::{harness::TestApp, resources::if_match};

#[tokio::test]
async fn a_document_is_kept_byte_for_byte_and_every_version_stays_what_it_was() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let odd = document("Deal rescue", "Tabs\t, CRLF\r\n, é, 日本, trailing   \n\n\n```js\n${x}\n```");
    let new = json!({"key": "deal-rescue", "document": odd, "files": {"references/prices.md": "10 \r\n"}});
    let made = alice.post(PATH, new).await.expect(201);
    assert_eq!((made.header("etag"), made.header("location")), ("\"1\"", "/v1/admin/skills/deal-rescue"));
    let answer = made.json();
    assert_eq!((&answer["version"], &answer["name"]), (&json!(1), &json!("Deal rescue")), "{answer}");
    assert_eq!((&answer["source"], &answer["overrides"]), (&json!("own"), &json!(false)));
    assert_eq!((&answer["enabled"], &answer["pinned_version"]), (&json!(true), &Value::Null));
    assert_eq!(answer["updated_by"], "alice");
    assert!(answer["warnings"].is_array() && answer.get("document").is_none(), "{answer}");

    let second = document("Deal rescue", "Two.");
    let changed = put(&alice, "deal-rescue", &second).await.expect(200);
    assert_eq!(changed.header("etag"), "\"2\"");
    let now = alice.get(&format!("{PATH}/deal-rescue")).await.expect(200);
    assert_eq!((now.header("etag"), &now.json()["document"]), ("\"2\"", &json!(second)));
    assert_eq!(now.json()["files"], json!({}), "JSON is the whole skill");
    let first = alice.get(&format!("{PATH}/deal-rescue/versions/1")).await.expect(200).json();
    assert_eq!((&first["document"], &first["version"]), (&json!(odd), &json!(1)));
    assert_eq!(first["files"], json!({"references/prices.md": "10 \r\n"}));
    let markdown = alice.request(Method::GET, &format!("{PATH}/deal-rescue/versions/1"));
    let markdown = alice.send(markdown.header("accept", "text/markdown")).await.expect(200);
    assert_eq!(markdown.text, odd);
    for version in ["3", "0", "-1", "x", "9223372036854775808"] {
        alice.get(&format!("{PATH}/deal-rescue/versions/{version}")).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn what_is_sent_again_makes_no_version_and_markdown_leaves_the_companions() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let path = format!("{PATH}/brief");
    let whole = json!({"document": document("Brief", "One."), "files": {"references/a.md": "A."}});
    alice.put(&path, whole.clone()).await.expect(201);
    let before = states(&app, "acme").await;
    let again = alice.put(&path, whole).await.expect(200);
    assert_eq!((again.header("etag"), states(&app, "acme").await), ("\"1\"", before));
    let markdown = async |text: &str| send(&alice, Method::PUT, &path, "text/markdown", text).await;
    assert_eq!(markdown(&document("Brief", "One.")).await.expect(200).header("etag"), "\"1\"");
    assert_eq!(markdown(&document("Brief", "Two.")).await.expect(200).header("etag"), "\"2\"");
    assert_eq!(read(&alice, "brief").await["files"], json!({"references/a.md": "A."}));
    let none = json!({"document": document("Brief", "Two."), "files": {}});
    assert_eq!(alice.put(&path, none).await.expect(200).header("etag"), "\"3\"");
    assert_eq!(read(&alice, "brief").await["files"], json!({}));
    assert_eq!(trail(&alice, "brief").await.len(), 3);
    let named = format!("{PATH}?key=other");
    let created = send(&alice, Method::POST, &named, "text/markdown", document("O", ".")).await;
    assert_eq!(created.expect(201).json()["key"], "other");
    let text = alice.request(Method::GET, &format!("{PATH}/other")).header("accept", "text/markdown");
    assert_eq!(alice.send(text).await.expect(200).text, document("O", "."));
}

#[tokio::test]
async fn a_rollback_brings_the_old_content_back_as_a_new_version() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let path = format!("{PATH}/brief");
    let first = json!({"document": document("Brief", "One."), "files": {"references/a.md": "A."}});
    alice.put(&path, first).await.expect(201);
    put(&alice, "brief", &document("Brief", "Two.")).await.expect(200);
    let back = async |body: Value| alice.post(&format!("{path}/rollback"), body).await;
    let answer = back(json!({"version": 1})).await.expect(200);
    assert_eq!((answer.header("etag"), &answer.json()["version"]), ("\"3\"", &json!(3)));
    let now = read(&alice, "brief").await;
    assert_eq!(
        (&now["document"], &now["files"]["references/a.md"]),
        (&json!(document("Brief", "One.")), &json!("A."))
    );
    // Nothing is left to be brought back.
    assert_eq!(back(json!({"version": 3})).await.expect(200).header("etag"), "\"3\"");
    assert_eq!(back(json!({"version": 1})).await.expect(200).header("etag"), "\"3\"");
    for version in [0, 4, -1] {
        let problem = back(json!({"version": version})).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], "version");
    }
    let versions = alice.get(&format!("{path}/versions?limit=2")).await.expect(200).json();
    let newest = &versions["data"][0];
    assert_eq!(
        (&newest["version"], &newest["restored"], &newest["created_by"]),
        (&json!(3), &json!(1), &json!("alice"))
    );
    let next = versions["next_cursor"].as_str().expect("a cursor");
    let rest = alice.get(&format!("{path}/versions?limit=2&cursor={next}")).await.expect(200).json();
    assert_eq!(
        (rest["data"][0]["sha256"].clone(), rest["next_cursor"].clone()),
        (newest["sha256"].clone(), Value::Null)
    );
    put(&alice, "other", &document("Other", ".")).await.expect(201);
    alice.get(&format!("{PATH}/other/versions?cursor={next}")).await.problem(422, "validation_failed");
    let said = trail(&alice, "brief").await;
    assert_eq!(said[0], ("skill.rollback".to_owned(), json!("version 3, as version 1 was")));
}

#[tokio::test]
async fn a_pin_and_a_switch_say_what_copilots_use() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let path = format!("{PATH}/brief");
    for body in ["One.", "Two.", "Three."] {
        put(&alice, "brief", &document("Brief", body)).await;
    }
    let used = |version| vec![("brief".to_owned(), Source::Own, version)];
    assert_eq!(in_use(&app, "acme").await, used(3));
    let pinned = alice.put(&format!("{path}/pin"), json!({"version": 1})).await.expect(200);
    assert_eq!((pinned.header("etag"), &pinned.json()["pinned_version"]), ("\"3\"", &json!(1)));
    assert_eq!(in_use(&app, "acme").await, used(1));
    put(&alice, "brief", &document("Brief", "Four.")).await.expect(200);
    assert_eq!(in_use(&app, "acme").await, used(1), "a pin outlasts what is written");
    let before = states(&app, "acme").await;
    alice.put(&format!("{path}/pin"), json!({"version": 1})).await.expect(200);
    assert_eq!(states(&app, "acme").await, before, "the same pin again changes nothing");
    alice.put(&format!("{path}/pin"), json!({"version": 9})).await.problem(422, "validation_failed");
    alice.put(&format!("{path}/pin"), json!({})).await.problem(422, "validation_failed");
    alice.put(&format!("{path}/pin"), json!({"version": null})).await.expect(200);
    assert_eq!(in_use(&app, "acme").await, used(4));
    for (switch, enabled) in [("disable", false), ("disable", false), ("enable", true)] {
        let answer = push(&alice, &format!("{path}/{switch}")).await.expect(200);
        assert_eq!((answer.header("etag"), &answer.json()["enabled"]), ("\"4\"", &json!(enabled)));
        assert_eq!(in_use(&app, "acme").await.len(), usize::from(enabled));
    }
    assert!(states(&app, "acme").await.own > before.own);
    let said: Vec<String> = trail(&alice, "brief").await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(said[..4], ["skill.enable", "skill.disable", "skill.unpin", "skill.update"]);
}

#[tokio::test]
async fn the_switch_follows_a_document_that_has_changed_its_mind() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let off = |body: &str| with("Old", &format!("is_active: false\nauthor: {body}"));
    let made = put(&alice, "old", &off("one")).await.expect(201).json();
    assert_eq!(made["enabled"], false, "{made}");
    alice.get("/v1/skills/old").await.problem(404, "not_found");
    push(&alice, &format!("{PATH}/old/enable")).await.expect(200);
    assert_eq!(alice.get("/v1/skills/old").await.expect(200).json()["runnable"], true);
    // It says what it said before: the administrator's word stands.
    assert_eq!(put(&alice, "old", &off("two")).await.expect(200).json()["enabled"], true);
    assert_eq!(put(&alice, "old", &document("Old", "On.")).await.expect(200).json()["enabled"], true);
    assert_eq!(put(&alice, "old", &off("three")).await.expect(200).json()["enabled"], false);
    let back = alice.post(&format!("{PATH}/old/rollback"), json!({"version": 3})).await.expect(200);
    assert_eq!(back.json()["enabled"], true);
}

#[tokio::test]
async fn a_deleted_skill_is_gone_and_its_versions_go_on_counting() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let path = format!("{PATH}/brief");
    let whole = json!({"document": document("Brief", "One."), "files": {"references/a.md": "A."}});
    alice.put(&path, whole).await.expect(201);
    alice.put(&format!("{path}/pin"), json!({"version": 1})).await.expect(200);
    alice.delete(&path).await.expect(204);
    for suffix in ["", "/versions", "/versions/1"] {
        alice.get(&format!("{path}{suffix}")).await.problem(404, "not_found");
    }
    alice.delete(&path).await.problem(404, "not_found");
    push(&alice, &format!("{path}/enable")).await.problem(404, "not_found");
    alice.post(&format!("{path}/rollback"), json!({"version": 1})).await.problem(404, "not_found");
    assert_eq!(alice.get(PATH).await.expect(200).json()["data"], json!([]));
    assert_eq!(in_use(&app, "acme").await, []);
    // What a run has pinned is there still.
    as_run(&app, "acme", async |tx| {
        let pinned = skills::at(tx, Source::Own, ("brief", 1)).await.expect("a version");
        assert_eq!(
            (pinned.document, pinned.files),
            (document("Brief", "One."), vec!["references/a.md".to_owned()])
        );
        let file = skills::file(tx, Source::Own, ("brief", 1), "references/a.md").await;
        assert_eq!(file.expect("a companion"), "A.");
        skills::at(tx, Source::Own, ("brief", 2)).await.expect_err("no such version");
        skills::at(tx, Source::Platform, ("brief", 1)).await.expect_err("not the platform's");
    })
    .await;
    // The tag of before means nothing any more, the same content or not.
    if_match(&alice, Method::PUT, &path, "\"1\"", skill("brief", &document("Brief", "One.")))
        .await
        .problem(412, "version_mismatch");
    let again = put(&alice, "brief", &document("Brief", "One.")).await.expect(201);
    assert_eq!((again.header("etag"), &again.json()["pinned_version"]), ("\"2\"", &Value::Null));
    assert_eq!(
        alice.get(&format!("{path}/versions")).await.expect(200).json()["data"].as_array().map(Vec::len),
        Some(2)
    );
}

#[tokio::test]
async fn a_stale_tag_is_refused_and_of_two_writers_one() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let path = format!("{PATH}/brief");
    let at = async |method: Method, path: &str, tag: &str, body: Value| {
        if_match(&alice, method, path, tag, body).await
    };
    let body = |text: &str| json!({"document": document("Brief", text)});
    at(Method::PUT, &path, "\"1\"", body("One.")).await.problem(412, "version_mismatch");
    at(Method::PUT, &path, "\"0\"", body("One.")).await.expect(201);
    at(Method::PUT, &path, "\"0\"", body("Two.")).await.problem(412, "version_mismatch");
    at(Method::PUT, &path, "\"1\"", body("Two.")).await.expect(200);
    for (method, suffix, content) in [
        (Method::PUT, "", body("Three.")),
        (Method::DELETE, "", json!({})),
        (Method::POST, "/rollback", json!({"version": 1})),
        (Method::PUT, "/pin", json!({"version": 1})),
    ] {
        at(method, &format!("{path}{suffix}"), "\"1\"", content).await.problem(412, "version_mismatch");
    }
    at(Method::PUT, &path, "W/\"2\"", body("Three.")).await.problem(422, "validation_failed");
    let [one, two] = [body("A."), body("B.")].map(|body| at(Method::PUT, &path, "\"2\"", body));
    let (one, two) = futures_util::join!(one, two);
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    // Without a tag each has its own version.
    let writes = (0..8).map(|i| put_owned(&alice, format!("{i}.")));
    let mut tags: Vec<String> =
        futures_util::future::join_all(writes).await.iter().map(|it| it.header("etag").to_owned()).collect();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 8);
    at(Method::DELETE, &path, "\"11\"", json!({})).await.expect(204);
}

/// A new version of the one skill.
async fn put_owned(person: &crate::harness::Person, body: String) -> crate::harness::Answer {
    put(person, "brief", &document("Brief", &body)).await
}

#[tokio::test]
async fn a_request_that_is_sent_again_is_done_once() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let once = async |path: &str, body: Value| {
        alice.send(alice.request(Method::POST, path).header("idempotency-key", "k1").json(&body)).await
    };
    let made = once(PATH, skill("brief", &document("Brief", "One."))).await.expect(201);
    let again = once(PATH, skill("brief", &document("Brief", "One."))).await.expect(201);
    assert_eq!(
        (made.text, made.headers["location"].clone()),
        (again.text, again.headers["location"].clone())
    );
    once(PATH, skill("brief", &document("Brief", "Two."))).await.problem(422, "idempotency_mismatch");
    once(&format!("{PATH}/import"), json!([])).await.problem(422, "idempotency_mismatch");
    alice.post(PATH, skill("brief", &document("Brief", "One."))).await.problem(409, "skill_exists");
    assert_eq!(read(&alice, "brief").await["version"], 1);
}

#[tokio::test]
async fn skills_are_listed_by_key_and_by_what_they_say() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for (key, lines) in [
        ("alpha", "metadata:\n  category: research\n  priority: high\n  tags: [deal, mail]"),
        ("beta", "metadata:\n  category: writing\n  tags: [mail]"),
        ("gamma", "metadata:\n  category: research\n  priority: low"),
        ("delta", "metadata:\n  category: Ärzte\n  tags: [ΣΟΦΟΣ]"),
    ] {
        put(&alice, key, &with(key, lines)).await.expect(201);
    }
    let keys = async |query: &str| -> Vec<String> {
        let page = alice.get(&format!("{PATH}?{query}")).await.expect(200).json();
        let data = page["data"].as_array().expect("a list").clone();
        data.iter().map(|skill| skill["key"].as_str().expect("a key").to_owned()).collect()
    };
    assert_eq!(keys("").await, ["alpha", "beta", "delta", "gamma"]);
    // Letters' case counts in no alphabet.
    assert_eq!(keys("category=%C3%A4RZTE&tag=%CF%83%CE%BF%CF%86%CE%BF%CF%82").await, ["delta"]);
    assert_eq!(keys("category=research").await, ["alpha", "gamma"]);
    assert_eq!(keys("category=research&priority=high").await, ["alpha"]);
    assert_eq!(keys("category=Research&priority=HIGH").await, ["alpha"]);
    assert_eq!(keys("tag=mail").await, ["alpha", "beta"]);
    assert_eq!(keys("tag=none").await, Vec::<String>::new());
    assert_eq!((keys("source=own").await.len(), keys("source=platform").await.len()), (4, 0));
    assert_eq!(keys("category=research&limit=1").await, ["alpha"]);
    let page = alice.get(&format!("{PATH}?limit=2")).await.expect(200).json();
    let next = page["next_cursor"].as_str().expect("a cursor");
    assert_eq!(keys(&format!("limit=2&cursor={next}")).await, ["delta", "gamma"]);
    let alpha = &page["data"][0];
    assert_eq!(
        (&alpha["category"], &alpha["tags"]),
        (&json!("research"), &json!(["deal", "mail"])),
        "{alpha}"
    );
    assert!(alpha.get("document").is_none(), "{alpha}");
    for query in ["limit=0", "limit=101", "source=mine", "cursor=x", "cursor=WyJjYXJkLXR5cGVzIiwiYSJd"] {
        alice.get(&format!("{PATH}?{query}")).await.problem(422, "validation_failed");
    }
}

#[tokio::test]
async fn skills_are_for_administrators_and_each_organization_has_its_own() {
    let app = TestApp::start().await;
    let (alice, mallory) = (app.alice(), app.stranger());
    put(&alice, "brief", &document("Brief", "Ours.")).await.expect(201);
    let operations = [
        (Method::GET, ""),
        (Method::POST, ""),
        (Method::POST, "/validate"),
        (Method::POST, "/import"),
        (Method::GET, "/brief"),
        (Method::PUT, "/brief"),
        (Method::DELETE, "/brief"),
        (Method::GET, "/brief/versions"),
        (Method::GET, "/brief/versions/1"),
        (Method::POST, "/brief/rollback"),
        (Method::POST, "/brief/enable"),
        (Method::POST, "/brief/disable"),
        (Method::PUT, "/brief/pin"),
    ];
    for person in [app.bob(), app.rita()] {
        for (method, suffix) in &operations {
            let body = match *suffix {
                "" | "/validate" => skill("brief", &document("Brief", "Theirs.")),
                "/import" => json!([]),
                "/brief" => json!({"document": document("Brief", "Theirs.")}),
                _ => json!({"version": 1}),
            };
            let request = person.request(method.clone(), &format!("{PATH}{suffix}")).json(&body);
            person.send(request).await.problem(403, "forbidden");
        }
    }
    for (method, suffix) in
        operations.iter().filter(|(method, suffix)| suffix.starts_with("/brief") && *method != Method::PUT)
    {
        let request =
            mallory.request(method.clone(), &format!("{PATH}{suffix}")).json(&json!({"version": 1}));
        mallory.send(request).await.problem(404, "not_found");
    }
    assert_eq!(mallory.get(PATH).await.expect(200).json()["data"], json!([]));
    put(&mallory, "brief", &document("Brief", "Theirs.")).await.expect(201);
    let (ours, theirs) = (read(&alice, "brief").await, read(&mallory, "brief").await);
    assert_eq!((&ours["version"], &theirs["version"]), (&json!(1), &json!(1)));
    assert_ne!(ours["document"], theirs["document"]);
    alice.delete(&format!("{PATH}/brief")).await.expect(204);
    read(&mallory, "brief").await;
}

#[tokio::test]
async fn an_organization_has_at_most_five_hundred_skills() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "brief", &document("Brief", "One.")).await.expect(201);
    let more = "insert into sixty.skills (org_id, key, version, enabled)
            select org_id, 'n' || n, 1, true from sixty.skills, generate_series(1, 499) n;
        insert into sixty.skill_versions (org_id, key, version, document, sha256, kind, name, description, tags, active)
            select v.org_id, 'n' || n, 1, 'x', v.sha256, 'atomic', 'N', 'N', '{}', true
            from sixty.skill_versions v, generate_series(1, 499) n";
    app.database.run(more).await;
    put(&alice, "one-more", &document("More", ".")).await.problem(409, "too_many_skills");
    let import = json!([skill("n7", &document("Seven", ".")), skill("one-more", &document("More", "."))]);
    let results = alice.post(&format!("{PATH}/import"), import).await.expect(200).json();
    assert_eq!(
        (&results["data"][0]["status"], &results["data"][1]["status"]),
        (&json!("updated"), &json!("error"))
    );
    alice.delete(&format!("{PATH}/n8")).await.expect(204);
    put(&alice, "one-more", &document("More", ".")).await.expect(201);
    put(&app.stranger(), "one-more", &document("More", ".")).await.expect(201);
}

#[tokio::test]
async fn old_versions_go_but_for_the_pinned_one() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "brief", &document("Brief", "One.")).await.expect(201);
    alice.put(&format!("{PATH}/brief/pin"), json!({"version": 1})).await.expect(200);
    let pool = app.database.superuser().await;
    many_versions(&pool).await;
    put(&alice, "brief", &document("Brief", "Newest.")).await.expect(200);
    let (count, oldest): (i64, i64) =
        sqlx::query_as("select count(*), min(version) from sixty.skill_versions")
            .fetch_one(&pool)
            .await
            .expect("counts");
    assert_eq!((count, oldest), (201, 1));
}

#[tokio::test]
async fn the_operators_export_has_skills_with_all_that_is_kept_of_them() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let whole = json!({"document": document("Brief", "One."), "files": {"b.md": "B.", "a.md": "A."}});
    alice.put(&format!("{PATH}/brief"), whole).await.expect(201);
    put(&alice, "brief", &document("Brief", "Two.")).await.expect(200);
    put(&alice, "gone", &document("Gone", ".")).await.expect(201);
    alice.delete(&format!("{PATH}/gone")).await.expect(204);
    let root = crate::erasure::platform(&app);
    root.put(&format!("{PLATFORM}/plan"), json!({"document": document("Plan", ".")})).await.expect(201);
    push(&alice, &format!("{PATH}/plan/disable")).await.expect(200);
    let mut out = Vec::new();
    let exported = server::export::export(app.replica.engine.store(), "acme", None, &mut out).await;
    exported.map_err(|error| error.to_string()).expect("an export");
    let text = String::from_utf8(out).expect("UTF-8");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |kind: &str| -> Vec<&Value> { lines.iter().filter(|line| line["type"] == kind).collect() };
    let keys =
        |kind: &str| -> Vec<&str> { of(kind).iter().filter_map(|line| line["key"].as_str()).collect() };
    assert_eq!(keys("skill"), ["brief", "gone"]);
    assert_eq!(keys("skill_version"), ["brief", "brief", "gone"]);
    assert_eq!(keys("skill_setting"), ["plan"], "the platform's own are the platform's");
    let first = of("skill_version")[0];
    assert_eq!(
        (&first["document"], &first["files"]),
        (&json!(document("Brief", "One.")), &json!({"a.md": "A.", "b.md": "B."}))
    );
}

#[tokio::test]
async fn a_key_may_have_letters_of_every_script_in_one_form() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let made = alice.post(PATH, skill("größe-量", &document("Size", "Do it."))).await.expect(201);
    let path = format!("{PATH}/gr%C3%B6%C3%9Fe-%E9%87%8F");
    assert_eq!((made.header("location"), &made.json()["key"]), (path.as_str(), &json!("größe-量")));
    assert_eq!(read(&alice, "größe-量").await["version"], 1);
    let exported = alice.request(Method::GET, &format!("{path}/export")).header("accept", "application/zip");
    let exported = exported.send().await.expect("an answer");
    assert_eq!(
        exported.headers()["content-disposition"],
        "attachment; filename=\"skill.zip\"; filename*=UTF-8''gr%C3%B6%C3%9Fe-%E9%87%8F.zip"
    );
    let archive = exported.bytes().await.expect("an archive");
    let again = send(&alice, Method::POST, &format!("{PATH}/import"), "application/zip", archive).await;
    assert_eq!(again.expect(200).json()["data"][0]["key"], "größe-量");
    // One skill is not found under two spellings: another form is refused, and says which is meant.
    let problem = put(&alice, "gro\u{308}\u{df}e-量", &document("Size", "Do it.")).await;
    let problem = problem.problem(422, "validation_failed");
    assert!(problem["errors"][0]["error"].as_str().is_some_and(|it| it.ends_with("größe-量")), "{problem}");
    put(&alice, "Größe", &document("Size", "Do it.")).await.problem(422, "validation_failed");
}

#[tokio::test]
async fn a_text_that_no_copilot_is_given_is_kept_and_listed_as_one_that_cannot_run() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for (key, size) in [("long", 70_000), ("longer", 900_000)] {
        let text = document("Long", &"word ".repeat(size / 5));
        let made = put(&alice, key, &text).await.expect(201).json();
        let told = made["warnings"][0]["error"].as_str().expect("a warning");
        assert!(told.contains("a copilot is given 65536 at most"), "{told}");
        assert_eq!(read(&alice, key).await["document"], json!(text));
        let offered = alice.get(&format!("/v1/skills/{key}")).await.expect(200).json();
        assert_eq!((&offered["name"], &offered["runnable"]), (&json!("Long"), &json!(false)));
        assert!(offered["problems"][0].to_string().contains("longer than 65536 bytes"), "{offered}");
        let run = alice.post(&format!("/v1/skills/{key}/runs"), json!({})).await;
        run.problem(409, "skill_not_runnable");
    }
    let megabytes = document("Long", &"x".repeat(1_048_576));
    let problem = put(&alice, "longest", &megabytes).await.problem(422, "validation_failed");
    assert!(problem.to_string().contains("and 1048576 is the most"), "{problem}");
}
