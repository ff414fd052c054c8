//! People and runs that write one document at the same time.

use futures_util::future::join_all;
use model_sim::{Reply, Request};
use reqwest::Method;
use serde_json::{Value, json};

use super::if_match;
use crate::harness::{
    TestApp,
    look::{all, last_blocks},
};

/// Remembers what the person says, once.
fn remembers(request: &Request) -> Reply {
    let last = last_blocks(request).last().expect("a block");
    match last["text"].as_str() {
        Some(said) => {
            Reply::call("memory_append", json!({"scope": "user", "section": "Facts", "text": said}))
        }
        None => Reply::text("Done."),
    }
}

#[tokio::test]
async fn of_writers_who_saw_the_same_version_one_wins_and_no_append_is_lost() {
    let app = TestApp::start().await;
    let alice = app.alice();
    app.sim.respond_with(remembers);
    let path = "/v1/memory/user";
    alice.put(path, json!({"content": "## Facts\n- start"})).await.expect(200);
    let (mut wins, mut appends) = (0, 0);
    for round in 0..5 {
        let seen = alice.get(path).await.expect(200);
        let (tag, content) =
            (seen.header("etag").to_owned(), seen.json()["content"].as_str().expect("text").to_owned());
        let puts = join_all((0..20).map(|n| {
            let content = format!("{content}\n- put {round} {n}");
            if_match(&alice, Method::PUT, path, &tag, json!({ "content": content }))
        }));
        let runs = join_all((0..4).map(async |n| {
            let session = alice.session().await;
            alice.hear(&session, &format!("fact {round} {n}")).await
        }));
        let (puts, runs) = tokio::join!(puts, runs);
        let won = puts.iter().filter(|answer| answer.status == 200).count();
        assert!(won <= 1 && puts.iter().filter(|answer| answer.status == 412).count() == 20 - won);
        wins += won;
        let written = |frames: &Vec<_>| all(frames, "memory_written").len();
        appends += runs.iter().map(written).sum::<usize>();
    }
    let revisions = alice.get(&format!("{path}/revisions?limit=100")).await.expect(200).json();
    let mut revisions = revisions["data"].as_array().expect("a list").clone();
    revisions.reverse();
    assert_eq!(revisions.len(), 1 + wins + appends, "{wins} puts, {appends} appends");
    assert!(appends > 0);
    // Each version is the one before and a line more, whoever wrote it.
    let lines = |revision: &Value| {
        revision["content"].as_str().expect("text").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    for (i, pair) in revisions.windows(2).enumerate() {
        let (before, after) = (lines(&pair[0]), lines(&pair[1]));
        assert_eq!(pair[1]["version"], json!(i + 2));
        assert!(after.starts_with(&before) && after.len() == before.len() + 1, "{before:?} {after:?}");
    }
}
