//! Many people use everything at the same time. What is one's own is in no
//! answer, no stream and no prompt of somebody else, and in no log.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use model_sim::{Reply, Request};
use serde_json::json;

use super::{
    document::documented,
    scenario::{Seen, Witness, unmarked},
};
use crate::{
    harness::{
        Logs, Setup, TestApp,
        look::{messages, prompts},
    },
    prompt_isolation::{canaries, canary},
    usage::priced,
};

const PEOPLE: [(&str, &str); 4] =
    [("olivia", "owner"), ("adam", "admin"), ("mel", "member"), ("rita", "readonly")];

/// Says every canary that the prompt holds, and hands them to tools.
pub fn tell_all(request: &Request) -> Reply {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let known: Vec<&str> = canaries(&body).into_iter().collect();
    let said = known.join(" ");
    let last = messages(request).last().map(ToString::to_string).unwrap_or_default();
    if last.contains("Change the deal") && !body.contains("Write the summary now") {
        return Reply::call(
            "update_entity",
            json!({"kind": "deal", "id": "D-1", "changes": {"stage": said}}),
        );
    }
    if last.contains("Ask me") && !body.contains("Write the summary now") {
        return Reply::call("ask_user", json!({"question": said, "options": [said, "another"]}));
    }
    if last.contains("Keep it in mind") && !body.contains("Write the summary now") {
        let wish = format!("{said} likes tea at five o'clock");
        return Reply::call("memory_append", json!({"scope": "user", "section": "Wishes", "text": wish}));
    }
    if !last.contains("Use your tools") || body.contains("Write the summary now") {
        return Reply::text(said);
    }
    Reply::call("get_entity", json!({"kind": "deal", "id": "D-1"}))
        .tool("find_entities", json!({"query": "canary"}))
        .tool("recall", json!({"query": "canary"}))
        .tool("show_card", json!({"type": "text", "summary": said, "data": {"text": said}}))
        .tool("memory_append", json!({"scope": "user", "section": "Facts", "text": said}))
        .tool("add_note", json!({"kind": "deal", "id": "D-1", "text": "Seen."}))
}

/// Whether the path is one of this template.
pub fn is_of(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(path).all(|(part, given)| part.starts_with('{') || *part == given)
}

/// What needs a workspace of Slack, and somebody who stands in for it: see `slack`.
const OF_SLACK: [(&str, &str); 4] = [
    ("POST", "/v1/admin/slack/installs"),
    ("PATCH", "/v1/admin/slack"),
    ("POST", "/v1/slack/links"),
    ("DELETE", "/v1/slack/links/{id}"),
];

/// Every documented operation was used with success, but for those that only the platform may use, or Slack needs.
fn everything_was_used(seen: &[Seen]) {
    let mut used = 0;
    for (method, path, _) in documented() {
        let of = |seen: &&Seen| seen.method.as_str() == method && is_of(&path, &seen.path);
        let successes = seen.iter().filter(of).filter(|seen| seen.status < 300).count();
        let excused =
            path.starts_with("/v1/platform/") || OF_SLACK.contains(&(method.as_str(), path.as_str()));
        assert_eq!(successes == 0, excused, "{method} {path}: {successes}");
        used += usize::from(successes > 0);
    }
    assert!(used >= 40, "{used}");
}

/// What a witness was told of that is somebody else's. Administrators are told their
/// colleagues' names, by the one list of members, and what they think of answers.
fn foreign(witness: &Witness, all: &[Witness]) -> Vec<String> {
    let allowed = BTreeSet::from([witness.own.as_str(), witness.org.as_str()]);
    let colleagues = all.iter().filter(|one| one.org == witness.org).map(|one| one.own.as_str());
    let members: BTreeSet<&str> = colleagues.chain(allowed.iter().copied()).collect();
    let seen = witness.seen();
    let strange = |seen: &&Seen| {
        let of_members = ["/v1/admin/members", "/v1/admin/feedback"];
        let told = of_members.iter().any(|path| seen.path.starts_with(path));
        !canaries(&seen.text).is_subset(if told { &members } else { &allowed })
    };
    seen.iter()
        .filter(strange)
        .map(|seen| format!("{}: {} {}: {}", witness.name, seen.method, seen.path, seen.text))
        .collect()
}

#[tokio::test]
async fn nobodys_canary_is_in_what_somebody_else_is_told_or_in_a_prompt_or_a_log() {
    let logs = Logs::default();
    let setup = Setup { logs: Some(logs.clone()), ..priced() };
    let app = TestApp::with(setup.clone()).await;
    let other = app.another_replica(Setup { works: false, ..setup }).await;
    app.sim.respond_with(tell_all);
    let orgs = [("acme", canary()), ("globex", canary())];
    // Equal names in both organizations, so that nothing but the organization tells them apart.
    let witnesses: Vec<Witness> = orgs
        .iter()
        .flat_map(|(org, canary)| {
            PEOPLE.map(|(user, role)| Witness::new(&app.replica, (org, canary), user, role))
        })
        .collect();
    // First those who write what the others need: the record.
    for first in [0, 4] {
        witnesses[first].use_everything(&other).await;
    }
    join_all(witnesses.iter().map(|witness| witness.use_everything(&other))).await;

    let seen: Vec<Seen> = witnesses.iter().flat_map(Witness::seen).collect();
    everything_was_used(&seen);
    let leaks: Vec<String> = witnesses.iter().flat_map(|one| foreign(one, &witnesses)).collect();
    let prompts = prompts(&app.sim);
    let is_ones = |prompt: &Request| {
        let text = format!("{:?} {}", prompt.headers, unmarked(&String::from_utf8_lossy(&prompt.body)));
        let found = canaries(&text);
        witnesses.iter().any(|one| found.is_subset(&BTreeSet::from([one.own.as_str(), one.org.as_str()])))
    };
    let mixed = prompts.iter().filter(|prompt| !is_ones(prompt)).count();
    let log = logs.text();
    let logged = canaries(&log).len();
    println!(
        "{} answers and {} prompts of {} people, {} bytes of logs: {} foreign canaries, {mixed} mixed prompts, \
         {logged} canaries logged",
        seen.len(),
        prompts.len(),
        witnesses.len(),
        log.len(),
        leaks.len()
    );
    assert_eq!(leaks, Vec::<String>::new());
    assert_eq!((mixed, logged), (0, 0), "{:?}", log.lines().find(|line| line.contains("canary-")));
    // The search finds what is there.
    for one in &witnesses {
        let sung = |canary: &str| one.seen().iter().filter(|seen| seen.text.contains(canary)).count();
        assert!(sung(&one.own) >= 15 && sung(&one.org) >= 15, "{}: {}", one.name, sung(&one.own));
        let prompted =
            prompts.iter().filter(|it| String::from_utf8_lossy(&it.body).contains(&one.own)).count();
        assert!(prompted >= 6, "{}: {prompted}", one.name);
    }
    assert!(seen.len() >= 450 && log.len() > 100_000, "{} {}", seen.len(), log.len());
    assert!(log.contains("/v1/session-summaries/search"), "requests are logged");
}
