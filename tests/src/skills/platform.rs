//! Skills of the platform, and what organizations do with them.

use domain::skill::Source;
use reqwest::Method;
use serde_json::{Value, json};

use super::{PATH, PLATFORM, document, in_use, push, put, read, skill, states, trail};
use crate::{erasure::platform, harness::TestApp, resources::if_match};

async fn publish(app: &TestApp, key: &str, body: &str) -> i64 {
    let answer = platform(app).put(&format!("{PLATFORM}/{key}"), skill(key, &document("Brief", body))).await;
    answer.json()["version"].as_i64().expect("a version")
}

#[tokio::test]
async fn every_organization_has_the_platforms_skills_and_may_put_its_own_in_their_place() {
    let app = TestApp::start().await;
    let (alice, mallory) = (app.alice(), app.stranger());
    publish(&app, "brief", "The platform's.").await;
    for person in [&alice, &mallory] {
        let answer = person.get(&format!("{PATH}/brief")).await.expect(200);
        let seen = answer.json();
        assert_eq!(
            (&seen["source"], &seen["version"], &seen["updated_by"]),
            (&json!("platform"), &json!(1), &Value::Null)
        );
        assert_eq!(answer.header("etag"), "\"0\"", "there is nothing of its own");
        assert!(seen["document"].as_str().is_some_and(|text| text.contains("The platform's.")), "{seen}");
    }
    assert_eq!(in_use(&app, "acme").await, [("brief".to_owned(), Source::Platform, 1)]);
    // It is not theirs to change.
    alice.delete(&format!("{PATH}/brief")).await.problem(409, "platform_skill");
    alice.post(&format!("{PATH}/brief/rollback"), json!({"version": 1})).await.problem(409, "platform_skill");
    // An own one of the same key takes its place, here alone.
    let own = json!({"document": document("Brief", "Ours.")});
    let made =
        if_match(&alice, Method::PUT, &format!("{PATH}/brief"), "\"0\"", own.clone()).await.expect(201);
    let seen = made.json();
    assert_eq!(
        (&seen["source"], &seen["overrides"], &seen["version"]),
        (&json!("own"), &json!(true), &json!(1))
    );
    if_match(&alice, Method::PUT, &format!("{PATH}/brief"), "\"0\"", own)
        .await
        .problem(412, "version_mismatch");
    let list = alice.get(PATH).await.expect(200).json();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(alice.get(&format!("{PATH}?source=platform")).await.expect(200).json()["data"], json!([]));
    assert_eq!(read(&mallory, "brief").await["source"], "platform");
    assert_eq!(in_use(&app, "acme").await, [("brief".to_owned(), Source::Own, 1)]);
    // One that is switched off does not let the platform's through.
    push(&alice, &format!("{PATH}/brief/disable")).await.expect(200);
    assert_eq!(in_use(&app, "acme").await, []);
    alice.delete(&format!("{PATH}/brief")).await.expect(204);
    assert_eq!(read(&alice, "brief").await["source"], "platform");
    assert_eq!(in_use(&app, "acme").await, [("brief".to_owned(), Source::Platform, 1)]);
}

#[tokio::test]
async fn an_organization_pins_and_switches_the_platforms_skill_for_itself() {
    let app = TestApp::start().await;
    let (alice, mallory) = (app.alice(), app.stranger());
    let path = format!("{PATH}/brief");
    publish(&app, "brief", "One.").await;
    alice.put(&format!("{path}/pin"), json!({"version": 2})).await.problem(422, "validation_failed");
    let pinned = alice.put(&format!("{path}/pin"), json!({"version": 1})).await.expect(200).json();
    assert_eq!((&pinned["pinned_version"], &pinned["updated_by"]), (&json!(1), &json!("alice")), "{pinned}");
    publish(&app, "brief", "Two.").await;
    let used = |version| vec![("brief".to_owned(), Source::Platform, version)];
    assert_eq!((in_use(&app, "acme").await, in_use(&app, "globex").await), (used(1), used(2)));
    let versions = alice.get(&format!("{path}/versions")).await.expect(200).json();
    assert_eq!(versions["data"].as_array().map(Vec::len), Some(2));
    alice.get(&format!("{path}/versions/1")).await.expect(200);
    push(&alice, &format!("{path}/disable")).await.expect(200);
    assert_eq!((in_use(&app, "acme").await, in_use(&app, "globex").await), (vec![], used(2)));
    assert_eq!(read(&mallory, "brief").await["enabled"], true);
    push(&alice, &format!("{path}/enable")).await.expect(200);
    alice.put(&format!("{path}/pin"), json!({"version": null})).await.expect(200);
    assert_eq!(in_use(&app, "acme").await, used(2));
    let said: Vec<String> = trail(&alice, "brief").await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(said, ["skill.unpin", "skill.enable", "skill.disable", "skill.pin"]);
    assert_eq!(trail(&mallory, "brief").await, []);
}

#[tokio::test]
async fn what_the_platform_withdraws_is_gone_for_all() {
    let app = TestApp::start().await;
    let (alice, root) = (app.alice(), platform(&app));
    publish(&app, "brief", "One.").await;
    publish(&app, "brief", "Two.").await;
    root.put(&format!("{PLATFORM}/brief/pin"), json!({"version": 1})).await.expect(200);
    assert_eq!(in_use(&app, "acme").await, [("brief".to_owned(), Source::Platform, 1)]);
    push(&alice, &format!("{PATH}/brief/disable")).await.expect(200);
    push(&root, &format!("{PLATFORM}/brief/disable")).await.expect(200);
    push(&alice, &format!("{PATH}/brief/enable")).await.problem(409, "disabled_by_platform");
    assert_eq!(in_use(&app, "globex").await, []);
    push(&root, &format!("{PLATFORM}/brief/enable")).await.expect(200);
    assert_eq!((in_use(&app, "acme").await.len(), in_use(&app, "globex").await.len()), (0, 1));
    let before = states(&app, "acme").await;
    let back = root.post(&format!("{PLATFORM}/brief/rollback"), json!({"version": 1})).await.expect(200);
    assert_eq!((back.header("etag"), &back.json()["source"]), ("\"3\"", &json!("platform")));
    let after = states(&app, "acme").await;
    assert_eq!((before.own, before.platform + 1), (after.own, after.platform));
    root.delete(&format!("{PLATFORM}/brief")).await.expect(204);
    alice.get(&format!("{PATH}/brief")).await.problem(404, "not_found");
    assert_eq!(root.get(PLATFORM).await.expect(200).json()["data"], json!([]));
    root.get(&format!("{PLATFORM}/brief")).await.problem(404, "not_found");
    assert_eq!(publish(&app, "brief", "Again.").await, 4);
}

#[tokio::test]
async fn the_platforms_skills_are_its_administrators_and_are_in_a_trail_that_is_proven() {
    let app = TestApp::start().await;
    let (alice, root) = (app.alice(), platform(&app));
    let doc = document("Brief", "One.");
    for (method, suffix, body) in [
        (Method::GET, "", json!({})),
        (Method::POST, "", skill("brief", &doc)),
        (Method::POST, "/validate", skill("brief", &doc)),
        (Method::POST, "/import", json!([skill("brief", &doc)])),
        (Method::PUT, "/brief", skill("brief", &doc)),
        (Method::GET, "/brief", json!({})),
        (Method::DELETE, "/brief", json!({})),
    ] {
        let request = alice.request(method, &format!("{PLATFORM}{suffix}")).json(&body);
        alice.send(request).await.problem(403, "forbidden");
    }
    root.get(&format!("{PLATFORM}/brief")).await.problem(404, "not_found");
    let made = root.post(PLATFORM, skill("brief", &doc)).await.expect(201);
    assert_eq!((made.header("location"), made.header("etag")), ("/v1/platform/skills/brief", "\"1\""));
    root.post(PLATFORM, skill("brief", &doc)).await.problem(409, "skill_exists");
    let both = json!([skill("brief", &doc), skill("more", &doc)]);
    let results = root.post(&format!("{PLATFORM}/import"), both).await.expect(200).json();
    assert_eq!(
        (&results["data"][0]["status"], &results["data"][1]["status"]),
        (&json!("unchanged"), &json!("created"))
    );
    let markdown = root.request(Method::GET, &format!("{PLATFORM}/more")).header("accept", "text/markdown");
    assert_eq!(root.send(markdown).await.expect(200).text, doc);
    let told = app.database.count(
        "select count(*) from sixty.audit where action = 'skill.create' and actor_kind = 'platform'
        and org_id = '00000000-0000-0000-0000-000000000000'",
    );
    assert_eq!(told.await, 2);
    let keys = engine::audit::SealKeys::new(&engine::keys::MasterKeys::new([7; 32], Vec::new()));
    let org = domain::skill::PLATFORM;
    crate::harness::eventually("the trail is sealed", async || {
        let report =
            engine::audit::verify(app.replica.engine.store(), &keys, org, None).await.expect("a report");
        assert_eq!(report.broken, None);
        (report.sealed == 2).then_some(())
    })
    .await;
    // Nobody is a member of the platform's organization, and no name leads to it.
    for name in ["(platform)", "00000000-0000-0000-0000-000000000000"] {
        let person = app.replica.person(name, "eve", "owner");
        put(&person, "mine", &doc).await.expect(201);
        assert_eq!(root.get(&format!("{PLATFORM}/mine")).await.status, 404);
    }
    assert!(!alice.get("/v1/me").await.expect(200).text.contains("(platform)"));
}

#[tokio::test]
async fn every_change_of_a_platforms_skill_is_in_a_trail_that_platform_administrators_read() {
    let app = TestApp::start().await;
    let (alice, root) = (app.alice(), platform(&app));
    let audit = "/v1/platform/audit";
    assert_eq!(root.get(audit).await.expect(200).json()["data"], json!([]), "nothing was done yet");
    publish(&app, "brief", "One.").await;
    publish(&app, "brief", "Two.").await;
    let path = format!("{PLATFORM}/brief");
    root.post(&format!("{path}/rollback"), json!({"version": 1})).await.expect(200);
    root.put(&format!("{path}/pin"), json!({"version": 2})).await.expect(200);
    root.put(&format!("{path}/pin"), json!({"version": null})).await.expect(200);
    push(&root, &format!("{path}/disable")).await.expect(200);
    push(&root, &format!("{path}/enable")).await.expect(200);
    let many = json!([skill("more", &document("More", "One."))]);
    root.post(&format!("{PLATFORM}/import"), many).await.expect(200);
    root.delete(&path).await.expect(204);
    let listed = root.get(&format!("{audit}?limit=100")).await.expect(200).json();
    let entries = listed["data"].as_array().expect("a list");
    let told: Vec<String> = entries
        .iter()
        .map(|entry| format!("{} {}", entry["action"].as_str().unwrap(), entry["target"].as_str().unwrap()))
        .collect();
    let expected = [
        "skill.delete skill:brief",
        "skill.create skill:more",
        "skill.enable skill:brief",
        "skill.disable skill:brief",
        "skill.unpin skill:brief",
        "skill.pin skill:brief",
        "skill.rollback skill:brief",
        "skill.update skill:brief",
        "skill.create skill:brief",
    ];
    assert_eq!(told, expected, "{listed}");
    let who = &entries[0]["actor_id"];
    assert!(
        who.is_string() && entries.iter().all(|it| it["actor_id"] == *who && it["actor_kind"] == "platform")
    );
    // That they looked is there, and found by who did it and by what.
    let by = root.get(&format!("{audit}?user=root&action=audit.read")).await.expect(200).json();
    assert_eq!(by["data"].as_array().map(Vec::len), Some(1), "{by}");
    assert_eq!(root.get(&format!("{audit}?user=nobody")).await.expect(200).json()["data"], json!([]));
    let page = root.get(&format!("{audit}?limit=2")).await.expect(200).json();
    let next = page["next_cursor"].as_str().expect("a cursor");
    root.get(&format!("{audit}?limit=2&cursor={next}")).await.expect(200);
    alice.get(audit).await.problem(403, "forbidden");
}
