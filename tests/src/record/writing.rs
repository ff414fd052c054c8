use serde_json::{Value, json};

use super::{lines, results, send_batch, sound};
use crate::harness::{Person, TestApp};

/// When something last happened with the deal, as the record has it.
async fn touched(app: &TestApp) -> String {
    let sql = "select coalesce(to_char(touched_at at time zone 'utc', 'YYYY-MM-DD'), 'never')
        from sixty.entities where kind = 'deal' and id = 'D-1'";
    sqlx::query_scalar(sql).fetch_one(&app.database.superuser().await).await.expect("the deal")
}

async fn put(person: &Person, path: &str, body: Value) {
    let answer = person.put(&format!("/v1/entities/{path}"), body).await;
    assert!(answer.status.is_success(), "{path}: {answer:?}");
}

#[tokio::test]
async fn every_kind_is_written_read_and_linked() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let to = |kind: &str, id: &str| json!([{"kind": kind, "id": id}]);
    for (path, body) in [
        ("company/A-1", json!({"name": "Acme", "industry": "Robots"})),
        (
            "contact/C-1",
            json!({"name": "Dana Roe", "email": "dana@acme.example", "links": to("company", "A-1")}),
        ),
        (
            "deal/D-1",
            json!({"name": "Acme renewal", "stage": "open", "ghost_risk": 51, "links": to("contact", "C-1")}),
        ),
        (
            "meeting/M-1",
            json!({"name": "Review", "starts_at": "2026-01-05T10:00:00Z", "attendees": ["Dana"], "links": to("deal", "D-1")}),
        ),
        (
            "task/T-1",
            json!({"name": "Call Dana", "due_date": "2026-12-24", "assignee": "bob", "links": to("deal", "D-1")}),
        ),
        (
            "activity/V-1",
            json!({"name": "Call", "type": "call", "date": "2026-01-06", "links": to("deal", "D-1")}),
        ),
        (
            "email/E-1",
            json!({"name": "Hello", "from": {"name": "Dana", "email": "dana@acme.example"}, "to": ["bob"], "links": to("contact", "C-1")}),
        ),
    ] {
        let path = format!("/v1/entities/{path}");
        let written = alice.put(&path, body.clone()).await.expect(201).json();
        for (name, value) in body.as_object().expect("an object") {
            assert_eq!(&written[name], value, "{path} {name}");
        }
        assert_eq!(app.bob().get(&path).await.expect(200).json(), written);
    }
    sound(&app).await;
    // Changed in whatever way, the words and links follow.
    for (path, change) in [
        ("contact/C-1", json!({"name": "Dana Doe", "title": "Buyer"})),
        (
            "meeting/M-1",
            json!({"starts_at": "2026-01-07T10:00:00Z", "links": [{"kind": "contact", "id": "C-1", "role": "guest"}]}),
        ),
        ("task/T-1", json!({"owner": "alice", "visibility": "owner"})),
        ("deal/D-1", json!({"links": null, "stage": null})),
    ] {
        alice.patch(&format!("/v1/entities/{path}"), change).await.expect(200);
        sound(&app).await;
    }
}

#[tokio::test]
async fn a_link_leads_to_what_exists_and_goes_with_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "company/A-1", json!({"name": "Acme"})).await;
    let link = json!({"kind": "company", "id": "A-1", "role": "customer"});
    for (links, refused) in [
        (json!([{"kind": "company", "id": "A-2"}]), "there is no company \"A-2\""),
        (json!([{"kind": "contact", "id": "A-1"}]), "there is no contact \"A-1\""),
        (json!([{"kind": "deal", "id": "D-1"}]), "must not lead to the entity itself"),
    ] {
        let answer = alice.put("/v1/entities/deal/D-1", json!({"name": "Deal", "links": links})).await;
        let problem = answer.problem(422, "validation_failed");
        assert_eq!(
            (&problem["errors"][0]["field"], &problem["errors"][0]["error"]),
            (&json!("links[0]"), &json!(refused))
        );
    }
    let twice = alice.put("/v1/entities/deal/D-1", json!({"name": "Deal", "links": [link, link]})).await;
    assert_eq!(twice.problem(422, "validation_failed")["errors"][0]["field"], "links[1]");
    put(&alice, "deal/D-1", json!({"name": "Deal", "links": [link]})).await;
    // A cycle is nothing special.
    put(&alice, "company/A-1", json!({"name": "Acme", "links": [{"kind": "deal", "id": "D-1"}]})).await;
    sound(&app).await;
    alice.delete("/v1/entities/company/A-1").await.expect(204);
    let deal = alice.get("/v1/entities/deal/D-1").await.expect(200).json();
    assert_eq!((&deal["links"], &deal["version"]), (&json!([]), &json!(2)));
    sound(&app).await;
    let left = "select (select count(*) from sixty.entity_words where kind = 'company')
        + (select count(*) from sixty.entity_links)";
    assert_eq!(app.database.count(left).await, 0);
}

#[tokio::test]
async fn a_deal_was_last_touched_by_the_newest_event_that_is_not_in_the_future() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "deal/D-1", json!({"name": "Deal"})).await;
    assert_eq!(touched(&app).await, "never");
    let links = json!([{"kind": "deal", "id": "D-1"}]);
    let email = |date: &str| json!({"name": "Mail", "date": date, "links": links});
    for (path, body, expected) in [
        ("email/E-1", email("2026-03-05"), "2026-03-05"),
        ("email/E-2", email("2026-02-01"), "2026-03-05"),
        (
            "meeting/M-1",
            json!({"name": "Review", "starts_at": "2099-01-01T10:00:00Z", "links": links}),
            "2026-03-05",
        ),
        ("task/T-1", json!({"name": "Call", "links": links}), "2026-03-05"),
        (
            "meeting/M-2",
            json!({"name": "Review", "starts_at": "2026-04-01T10:00:00Z", "links": links}),
            "2026-04-01",
        ),
        // Moved back, and taken away.
        (
            "meeting/M-2",
            json!({"name": "Review", "starts_at": "2026-01-01T10:00:00Z", "links": links}),
            "2026-03-05",
        ),
        ("email/E-1", json!({"name": "Mail", "date": "2026-03-05"}), "2026-02-01"),
        // What only its owner sees says nothing to the others.
        (
            "email/E-3",
            json!({"name": "Mail", "date": "2026-05-05", "owner": "alice", "visibility": "owner", "links": links}),
            "2026-02-01",
        ),
    ] {
        put(&alice, path, body).await;
        assert_eq!(touched(&app).await, expected, "after {path}");
    }
    alice.delete("/v1/entities/email/E-2").await.expect(204);
    assert_eq!(touched(&app).await, "2026-01-01");
    // For a contact, what the product has counted is as good.
    put(&alice, "contact/C-1", json!({"name": "Dana", "last_activity_at": "2026-06-01T00:00:00Z"})).await;
    let contact =
        "select count(*) from sixty.entities where kind = 'contact' and touched_at = '2026-06-01T00:00:00Z'";
    assert_eq!(app.database.count(contact).await, 1);
    put(
        &alice,
        "email/E-4",
        json!({"name": "Mail", "date": "2026-05-01", "links": [{"kind": "contact", "id": "C-1"}]}),
    )
    .await;
    assert_eq!(app.database.count(contact).await, 1);
    put(&alice, "contact/C-1", json!({"name": "Dana"})).await;
    let contact =
        "select count(*) from sixty.entities where kind = 'contact' and touched_at = '2026-05-01T00:00:00Z'";
    assert_eq!(app.database.count(contact).await, 1);
}

#[tokio::test]
async fn what_has_no_time_of_its_own_keeps_the_time_at_which_it_came() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "deal/D-1", json!({"name": "Deal"})).await;
    put(&alice, "deal/D-1", json!({"name": "Another"})).await;
    put(&alice, "email/E-1", json!({"name": "Mail", "date": "2026-03-05"})).await;
    put(&alice, "email/E-1", json!({"name": "Mail"})).await;
    let moved = "select count(*) from sixty.entities where at <> created_at";
    assert_eq!(app.database.count(moved).await, 0);
    sound(&app).await;
}

#[tokio::test]
async fn what_stands_there_already_is_not_written_again() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let odd = json!({"name": "Deal", "amount": 1e2, "attributes": {"n": [1.50, -0.0, 1e300, 12_345_678_901_234_567_u64]}});
    put(&alice, "deal/D-1", odd.clone()).await;
    let again = alice.put("/v1/entities/deal/D-1", odd.clone()).await.expect(200);
    assert_eq!(again.header("etag"), "\"1\"");
    let mut line = odd;
    line["kind"] = "deal".into();
    line["id"] = "D-1".into();
    let answer = send_batch(&alice, lines(&[line])).await.expect(200);
    assert_eq!(
        results(&answer),
        [json!({"line": 1, "kind": "deal", "id": "D-1", "status": "unchanged", "version": 1})]
    );
}

#[tokio::test]
async fn twenty_writers_of_the_same_things_do_not_lose_or_block_each_other() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "deal/D-1", json!({"name": "Deal"})).await;
    let batches = (0..20).map(|writer: usize| {
        let alice = alice.clone();
        async move {
            // Each in an order of its own.
            let all: Vec<Value> = (0..30)
                .map(|n| (n * 7 + writer * 11) % 30)
                .map(|n| {
                    json!({"kind": "email", "id": format!("E-{n}"), "name": format!("Mail {writer}"),
                    "date": "2026-01-01", "links": [{"kind": "deal", "id": "D-1"}]})
                })
                .collect();
            results(&send_batch(&alice, lines(&all)).await.expect(200))
        }
    });
    for results in futures_util::future::join_all(batches).await {
        assert_eq!(results.len(), 30);
        assert!(results.iter().all(|result| result["status"] != "error"), "{results:?}");
    }
    let versions = "select sum(version)::bigint from sixty.entities where kind = 'email'";
    assert_eq!(app.database.count(versions).await, 600);
    sound(&app).await;
}
