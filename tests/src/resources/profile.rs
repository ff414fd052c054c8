use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::if_match;
use crate::harness::TestApp;

const PATH: &str = "/v1/org/profile";

fn tea() -> Value {
    json!({
        "company_name": "Acme", "company_website": "https://acme.example", "brand_voice": "Plain.\nWarm.",
        "products": [{"name": "Grüntee 🍵", "price": "4 EUR"}, {"name": "Black"}],
        "competitors": [{"name": "Globex", "strengths": ["size"], "weaknesses": ["\"taste\""]}],
        "ideal_customer_profile": {"regions": ["EU"]}, "words_to_avoid": ["synergy"],
        "sales_process": [{"name": "Demo", "exit_criteria": ["budget"]}], "currency": "EUR",
        "timezone": "Europe/Berlin", "language": "de", "custom": {"z": 1, "a": {"n": [1.5, null, true]}}
    })
}

/// The profile without what the service says of it.
fn facts(mut document: Value) -> Value {
    if let Some(members) = document.as_object_mut() {
        members.retain(|name, _| !["version", "updated_at", "updated_by"].contains(&name.as_str()));
    }
    document
}

#[tokio::test]
async fn a_profile_is_written_as_a_whole_and_read_by_every_member() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let empty = alice.get(PATH).await.expect(200);
    assert_eq!(empty.json(), json!({"version": 0, "updated_at": null, "updated_by": null}));
    assert_eq!(empty.header("etag"), "\"0\"");
    let written = alice.put(PATH, tea()).await.expect(200);
    assert_eq!((facts(written.json()), written.header("etag")), (tea(), "\"1\""));
    assert_eq!(written.json()["updated_by"], "alice");
    for person in [alice.clone(), app.bob(), app.rita()] {
        let read = person.get(PATH).await.expect(200);
        assert_eq!((read.json(), read.header("etag")), (written.json(), "\"1\""));
        person.get(&format!("{PATH}/revisions")).await.expect(200);
    }
    let admin = app.replica.person("acme", "adam", "admin");
    let less = admin.put(PATH, json!({"company_name": "Acme"})).await.expect(200).json();
    assert_eq!(facts(less.clone()), json!({"company_name": "Acme"}), "what is left out is gone");
    assert_eq!((&less["version"], &less["updated_by"]), (&json!(2), &json!("adam")));
    assert_eq!(facts(alice.put(PATH, json!({})).await.expect(200).json()), json!({}));
    for person in [app.bob(), app.rita()] {
        person.put(PATH, tea()).await.problem(403, "forbidden");
    }
    assert_eq!(alice.get(PATH).await.expect(200).header("etag"), "\"3\"", "who may not write wrote nothing");
    let theirs = app.stranger().get(PATH).await.expect(200);
    assert_eq!(facts(theirs.json()), json!({}), "each organization has its own");
}

#[tokio::test]
async fn every_version_stays_and_leaves_an_entry_in_the_trail() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for n in 1..=5 {
        alice.put(PATH, json!({"company_name": format!("Acme {n}")})).await.expect(200);
    }
    let (mut told, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = alice.get(&format!("{PATH}/revisions?limit=2{cursor}")).await.expect(200).json();
        for revision in page["data"].as_array().expect("a list") {
            assert_eq!(revision["written_by"], "alice");
            told.push((revision["version"].clone(), revision["profile"]["company_name"].clone()));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<_> = (1..=5).rev().map(|n| (json!(n), json!(format!("Acme {n}")))).collect();
    assert_eq!(told, expected);
    let entries = alice.get("/v1/admin/audit?action=profile.put").await.expect(200).json();
    let details: Vec<&Value> =
        entries["data"].as_array().expect("a list").iter().map(|it| &it["detail"]).collect();
    assert_eq!(details, ["version 5", "version 4", "version 3", "version 2", "version 1"]);
    // Not even the service can change what was said.
    let error = sqlx::raw_sql("set role sixty_tenant; update sixty.org_profile_revisions set profile = '{}'")
        .execute(&app.database.superuser().await)
        .await
        .expect_err("no right to it");
    assert!(error.to_string().contains("permission denied"), "{error}");
}

#[tokio::test]
async fn a_profile_is_written_at_the_version_that_was_seen() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let put = |tag: &'static str, n: usize| {
        if_match(&alice, Method::PUT, PATH, tag, json!({"company_name": format!("{n}")}))
    };
    put("\"1\"", 0).await.problem(412, "version_mismatch");
    for tag in ["\"0\"", "\"1\""] {
        let answers = join_all((0..20).map(|n| put(tag, n))).await;
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!((won.len(), answers.iter().filter(|answer| answer.status == 412).count()), (1, 19));
        assert_eq!(alice.get(PATH).await.expect(200).json(), won[0].json(), "what the winner wrote is there");
    }
    let answers = join_all((0..20).map(|n| alice.put(PATH, json!({"company_name": format!("{n}")})))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let revisions = alice.get(&format!("{PATH}/revisions?limit=100")).await.expect(200).json();
    let versions: Vec<i64> = revisions["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|it| it["version"].as_i64())
        .collect();
    assert_eq!(versions, (1..=22).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_named() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.put(PATH, tea()).await.expect(200);
    let products =
        |n: usize| json!({"products": vec![json!({"name": "a", "description": "x".repeat(4_000)}); n]});
    for (body, field, says) in [
        (json!({"company": "Acme"}), "company", "the keys are company_name, company_website"),
        (json!({"version": 1}), "version", "set by the service"),
        (json!({"company_name": null}), "company_name", "must be text"),
        (json!({"company_name": "x".repeat(201)}), "company_name", "1 to 200 characters"),
        (json!({"products": [{"name": "a", "sku": 1}]}), "products[0].sku", "name, description"),
        (json!({"products": [{}]}), "products[0].name", "required"),
        (json!({"company_website": "acme.example"}), "company_website", "https://"),
        (json!({"timezone": "Mars/Olympus"}), "timezone", "Europe/Berlin"),
        (json!({"brand_voice": "a\u{0}b"}), "brand_voice", "U+0000"),
        (json!({"custom": {"a\u{0}": 1}}), "custom", "U+0000"),
        (json!({"brand_voice": "[REDACTED:api-key]"}), "brand_voice", "stands for a secret"),
        (json!({"custom": {"a": "x".repeat(20_000)}}), "custom", "16384"),
        // Nothing is left of it.
        (json!({"company_name": "\u{200b}"}), "company_name", "1 to 200"),
        (products(17), "", "65536"),
        (json!([{"company_name": "Acme"}]), "", "object"),
        (json!("Acme"), "", "map"),
    ] {
        let problem = alice.put(PATH, body).await.problem(422, "validation_failed");
        let error = &problem["errors"][0];
        assert_eq!(error["field"], field, "{problem}");
        assert!(error["error"].as_str().is_some_and(|error| error.contains(says)), "{problem}");
    }
    let several = json!({"company": 1, "currency": "eur", "products": 7});
    let problem = alice.put(PATH, several).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"].as_array().map(Vec::len), Some(3), "all at once: {problem}");
    assert_eq!(alice.get(PATH).await.expect(200).header("etag"), "\"1\"");
}

#[tokio::test]
async fn no_secret_and_nothing_hidden_is_kept() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let secret = "postgres://sixty:horse-battery@db.example/x";
    let text = format!("We use {secret} \u{202e}here");
    let body = json!({"company_bio": text, "products": [{"name": "Te\u{200b}a", "benefits": [text]}],
        "custom": {"deep": [{"er": text}]}});
    let kept = facts(alice.put(PATH, body).await.expect(200).json());
    assert_eq!(kept["products"][0]["name"], "Tea");
    assert_eq!(kept["company_bio"], kept["custom"]["deep"][0]["er"]);
    let shown = kept["company_bio"].as_str().expect("a text");
    assert!(shown.contains("[REDACTED:") && shown.ends_with(" here"), "{shown}");
    let stored = "select count(*) from (select t::text as row from sixty.org_profiles t
        union all select t::text from sixty.org_profile_revisions t) rows where row like '%horse-battery%'";
    assert_eq!(app.database.count(stored).await, 0);
}
