//! Nobody's memory is in anybody else's prompt.

use std::{collections::BTreeSet, thread};

use chrono::Utc;
use chrono_tz::Tz;
use domain::{ArchiveId, EntityKind, EntityRef, MemoryScope, UserId, budget::Limits};
use engine::prompt::{Choice, Frozen, Note, Target, body, context_note, summary_block, system};
use futures_util::future::join_all;
use model_sim::Reply;
use serde_json::json;
use store::{
    memories::News,
    skills::States,
    turns::{Context, Past, Summary},
};
use uuid::Uuid;

use crate::harness::{
    TestApp,
    look::{end, prompts, text_of},
};

const ORGS: usize = 50;
const PROMPTS: usize = 10_000;
const MARK: &str = "canary-";

pub fn canary() -> String {
    format!("{MARK}{}", Uuid::now_v7().simple())
}

/// The canaries that occur in the text.
pub fn canaries(text: &str) -> BTreeSet<&str> {
    let whole = |canary: &&str| canary[MARK.len()..].bytes().all(|byte| byte.is_ascii_hexdigit());
    let found = text.match_indices(MARK).filter_map(|(at, _)| text.get(at..at + MARK.len() + 32));
    // A piece of a stream may end within one; the whole answer follows.
    found.filter(whole).collect()
}

/// A person's prompt, and the canaries that belong into it.
fn render(org: &str, n: usize) -> (String, BTreeSet<String>) {
    let own: Vec<String> = (0..7).map(|_| canary()).collect();
    let context = Context {
        model: None,
        warm: None,
        limits: Limits::default(),
        models: store::skills::States::default(),
        title: None,
        user_name: Some(format!("Person {n}")),
        entity: Some(EntityRef { kind: EntityKind::Deal, id: format!("D-{n}") }),
        entity_name: Some(format!("Deal {}", own[0])),
        entity_integration: false,
        untrusted: false,
        memory: [Some(org.to_owned()), Some(own[1].clone()), Some(own[2].clone())],
        pinned: [1; 3],
        told: [1; 3],
        current: [1; 3],
        summary: Some(Summary { text: own[5].clone(), archives: vec![ArchiveId::new()] }),
        secrets_state: 0,
        live_from: 1,
        skills: States::default(),
        history: Vec::new(),
    };
    let note = Note { now: Utc::now(), timezone: Tz::UTC, view: None };
    let news = News { scope: MemoryScope::User, appended: Some(own[3].clone()) };
    let blocks = json!([{"type": "text", "text": own[4]}]).to_string();
    let said = Past::new(1, "user", blocks, context_note(&note, &[news], &[], &own[6]));
    let frozen = Frozen {
        user: UserId::derive(&n.to_string()),
        tools: "[]".into(),
        system: system(&context, &format!("- {org}")),
        summary: context.summary.as_ref().map(summary_block),
        summary_text: None,
    };
    let prompt = body(&frozen, Target { model: "claude-test", max_tokens: 100 }, &[said], Choice::Auto);
    let belongs = own.into_iter().chain([org.to_owned()]).collect();
    (String::from_utf8(prompt.to_vec()).expect("UTF-8"), belongs)
}

#[test]
fn ten_thousand_prompts_of_fifty_organizations_hold_what_is_their_own() {
    let orgs: Vec<String> = (0..ORGS).map(|_| canary()).collect();
    let threads = 8;
    let foreign: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                let orgs = &orgs;
                scope.spawn(move || {
                    (worker..PROMPTS)
                        .step_by(threads)
                        .filter(|n| {
                            let (prompt, belongs) = render(&orgs[n % ORGS], *n);
                            canaries(&prompt) != belongs.iter().map(String::as_str).collect()
                        })
                        .count()
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("no panic")).sum()
    });
    assert_eq!(foreign, 0);
}

#[tokio::test]
async fn people_who_ask_at_the_same_time_are_each_answered_from_their_own_memory() {
    let app = TestApp::start().await;
    app.sim.respond_with(|request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        Reply::text(canaries(&body).into_iter().collect::<Vec<_>>().join(" "))
    });
    let people =
        (0..12).map(|n| (n, app.replica.person(&format!("org-{}", n % 6), &format!("user-{n}"), "owner")));
    let orgs: Vec<String> = (0..6).map(|_| canary()).collect();
    for (org, canary) in orgs.iter().enumerate() {
        let owner = app.replica.person(&format!("org-{org}"), &format!("user-{org}"), "owner");
        owner.put("/v1/memory/org", json!({ "content": canary })).await.expect(200);
    }
    join_all(people.map(async |(n, person)| {
        let own = canary();
        person.put("/v1/memory/user", json!({ "content": own })).await.expect(200);
        let session = person.session().await;
        let expected: BTreeSet<&str> = [own.as_str(), orgs[n % 6].as_str()].into();
        for _ in 0..3 {
            assert_eq!(end(&person.hear(&session, "What do you know?").await).event, "done");
            let said = text_of(person.history(&session).await.last().expect("an answer"));
            assert_eq!(canaries(&said), expected);
        }
    }))
    .await;
    assert_eq!(prompts(&app.sim).len(), 36);
}
