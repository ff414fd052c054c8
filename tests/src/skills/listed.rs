//! The list of skills that prompts hold, as an organization wants it.

use model_sim::Reply;
use reqwest::Method;
use serde_json::json;

use super::{document, put, with};
use crate::{
    harness::{
        Person, TestApp,
        look::{prompts, system},
    },
    resources::if_match,
};

const PATH: &str = "/v1/admin/skill-list";

async fn listed(alice: &Person) -> String {
    alice.get(PATH).await.expect(200).json()["text"].as_str().expect("a list").to_owned()
}

#[tokio::test]
async fn an_organization_says_which_skills_stand_first_and_how_long_the_list_is() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for key in ["alpha", "beta", "gamma"] {
        put(&alice, key, &document(key, "Do it.")).await.expect(201);
    }
    put(&alice, "urgent", &with("Urgent", "metadata: {priority: critical}")).await.expect(201);
    let before = alice.get(PATH).await.expect(200);
    assert_eq!((before.header("etag"), &before.json()["tokens"]), ("\"0\"", &json!(4000)));
    let keys = |text: &str| -> Vec<String> {
        let named = text.lines().filter_map(|line| line.strip_prefix("- ")?.split_once(':'));
        named.map(|(key, _)| key.to_owned()).collect()
    };
    assert_eq!(keys(&listed(&alice).await), ["urgent", "alpha", "beta", "gamma"]);
    let list = json!({"first": ["gamma", "beta"], "tokens": 4000});
    let changed = alice.put(PATH, list.clone()).await.expect(200);
    assert_eq!(changed.header("etag"), "\"1\"");
    assert_eq!(keys(&listed(&alice).await), ["gamma", "beta", "urgent", "alpha"]);
    assert_eq!(alice.put(PATH, list).await.expect(200).header("etag"), "\"1\"", "the same changes nothing");
    app.sim.push(Reply::text("Hello."));
    alice.hear(&alice.session().await, "Who are you?").await;
    let prompt = prompts(&app.sim)[0].clone();
    let skills =
        system(&prompt).into_iter().find(|text| text.contains("<skills>")).expect("a list").to_owned();
    assert!(skills.contains(listed(&alice).await.trim_end()), "{skills}");
    for n in 0..20 {
        put(&alice, &format!("more-{n}"), &document(&format!("More {n}"), "Do it.")).await.expect(201);
    }
    let short = alice.put(PATH, json!({"first": ["more-19"], "tokens": 100})).await.expect(200).json();
    let (shown, more) =
        (short["shown"].as_u64().expect("a number"), short["more"].as_u64().expect("a number"));
    assert!(shown > 0 && more > 0 && shown + more == 24, "{short}");
    let text = short["text"].as_str().expect("a list");
    assert!(text.starts_with("- more-19: ") && text.len() <= 400, "{text}");
    assert!(text.ends_with(&format!("- and {more} more: list_skills\n")), "{text}");
    let trail = alice.get("/v1/admin/audit?limit=100").await.expect(200).json();
    let told = trail["data"].as_array().expect("a list").iter().filter(|it| it["action"] == "skill.list");
    assert_eq!(told.count(), 2);
}

#[tokio::test]
async fn a_list_that_cannot_be_is_refused_and_so_is_who_may_not_change_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "alpha", &document("alpha", "Do it.")).await.expect(201);
    let long: Vec<String> = (0..101).map(|n| format!("k{n}")).collect();
    for (list, field) in [
        (json!({"first": ["nobody"], "tokens": 4000}), "first[0]"),
        (json!({"first": ["alpha", "alpha"], "tokens": 4000}), "first[1]"),
        (json!({"first": ["../alpha"], "tokens": 4000}), "first[0]"),
        (json!({ "first": long, "tokens": 4000 }), "first"),
        (json!({"first": [], "tokens": 99}), "tokens"),
        (json!({"first": [], "tokens": 20001}), "tokens"),
        (json!({"first": [], "tokens": -1}), "tokens"),
    ] {
        let refused = alice.put(PATH, list).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    alice.put(PATH, json!({"first": ["alpha"], "tokens": 200})).await.expect(200);
    let stale = if_match(&alice, Method::PUT, PATH, "\"0\"", json!({"first": [], "tokens": 200})).await;
    stale.problem(412, "version_mismatch");
    let bob = app.replica.person("acme", "bob", "member");
    bob.get(PATH).await.problem(403, "forbidden");
    bob.put(PATH, json!({"first": [], "tokens": 200})).await.problem(403, "forbidden");
}
