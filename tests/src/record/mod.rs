//! The sales record: writing it, finding things in it, and who sees them.

mod bad;
mod batch;
mod plans;
mod searching;
mod sight;
mod writing;

use reqwest::Method;
use serde_json::Value;

use crate::harness::{Answer, Person, TestApp};

/// Sends lines, and reads their results.
async fn send_batch(person: &Person, body: impl Into<reqwest::Body>) -> Answer {
    let request = person.request(Method::POST, "/v1/entities/batch");
    person.send(request.header("content-type", "application/x-ndjson").body(body)).await
}

/// The results of a batch.
fn results(answer: &Answer) -> Vec<Value> {
    answer.text.lines().map(|line| serde_json::from_str(line).expect("a result is JSON")).collect()
}

/// One field of each.
fn each<'v>(values: &'v [Value], field: &str) -> Vec<&'v str> {
    values.iter().map(|value| value[field].as_str().unwrap_or_default()).collect()
}

fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

/// The ids of a list, in its order.
async fn ids(person: &Person, query: &str) -> Vec<String> {
    let list = person.get(&format!("/v1/entities?{query}")).await.expect(200).json();
    let data = list["data"].as_array().expect("a list");
    data.iter().map(|entity| entity["id"].as_str().expect("an id").to_owned()).collect()
}

/// Rows of words and links that do not stand for what the record's rows say.
const ASTRAY: &str = "
    with word as (
        select e.org_id, substr(w.coded, 2) collate \"C\" as word, e.kind, e.at, e.id collate \"C\" as id,
            left(w.coded, 1)::smallint as weight, case when e.visibility = 'owner' then e.owner_user end as private_to
        from sixty.entities e cross join unnest(e.words) as w (coded)
    ), link as (
        select e.org_id, l.link->>'kind' as to_kind, (l.link->>'id') collate \"C\" as to_id, e.kind, e.at,
            e.id collate \"C\" as id, l.link->>'role' as role,
            case when e.visibility = 'owner' then e.owner_user end as private_to
        from sixty.entities e cross join jsonb_array_elements(e.links) as l (link)
    ), entity_word as (select org_id, word, kind, at, id, weight, private_to from sixty.entity_words
    ), entity_link as (select org_id, to_kind, to_id, kind, at, id, role, private_to from sixty.entity_links)
    select (select count(*) from (select * from word except select * from entity_word) missing)
        + (select count(*) from (select * from entity_word except select * from word) astray)
        + (select count(*) from (select * from link except select * from entity_link) missing)
        + (select count(*) from (select * from entity_link except select * from link) astray)
        + (select count(*) from link l where not exists (select from sixty.entities e
            where e.org_id = l.org_id and e.kind = l.to_kind and e.id = l.to_id))";

/// Words, links and rows say the same, and every link leads to something.
#[track_caller]
fn sound(app: &TestApp) -> impl Future<Output = ()> {
    let count = app.database.count(ASTRAY);
    async move { assert_eq!(count.await, 0, "rows of words and links are astray") }
}
