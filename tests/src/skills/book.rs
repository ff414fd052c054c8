//! Twenty skills and six sequences, written as salespeople write them, with every convention of the
//! format: imported unedited, and carried out on the demo's record to an effect.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use chrono::Utc;
use model_sim::Reply;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    rows::{self, Effect, Row},
    send,
    zips::folder,
};
use crate::{
    approvals::desk::approve,
    harness::{
        Events, Frame, Person, TestApp,
        look::{all, last_blocks, prompts, run_of},
    },
};

const BOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/skills/book");
/// Twenty skills and six sequences, and one that wants the web.
const OFFERED: usize = 27;
/// Skills that are listed and cannot run, with what they miss.
const LAME: [(&str, &str); 2] = [("launch-campaign", "push_campaign"), ("web-brief", "web_search")];
/// Not offered: documents for others, and what is switched off.
const UNSEEN: [&str; 2] = ["_platform-references", "old-forecast"];

/// Paths and texts of the book's files.
fn files() -> Vec<(String, String)> {
    fn walk(at: &Path, files: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(at).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, files);
            } else {
                let inside = path.strip_prefix(BOOK).expect("inside").to_str().expect("a name").to_owned();
                files.push((inside, fs::read_to_string(&path).expect("a text")));
            }
        }
    }
    let mut files = Vec::new();
    walk(Path::new(BOOK), &mut files);
    files.sort();
    files
}

/// The demo organization with the book and a profile, and its owner.
async fn start() -> (TestApp, Person) {
    let app = TestApp::start().await;
    server::demo::fill(app.replica.engine.store(), Utc::now()).await.expect("the demo is seeded");
    let alice = app.replica.person("demo", "alice", "owner");
    let profile = json!({
        "company_name": "Northwind Robotics",
        "industry": "robotics",
        "products": [{"name": "Scout"}, {"name": "Depot"}],
        "competitors": [{"name": "Kestrel Automation"}, {"name": "Bluecrane"}],
        "brand_voice": "dryly.",
        "currency": "EUR",
    });
    alice.put("/v1/org/profile", profile).await.expect(200);
    let files = files();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let path = "/v1/admin/skills/import?all_or_nothing=true";
    let imported =
        send(&alice, Method::POST, path, "application/zip", folder(&files)).await.expect(200).json();
    let results = imported["data"].as_array().expect("a list");
    assert!(results.iter().all(|one| one["status"] == "created"), "{imported}");
    assert_eq!(results.len(), OFFERED + UNSEEN.len(), "{imported}");
    (app, alice)
}

/// Begins a run of the skill and reads its events, with everything that it asks for approved.
pub async fn carry_out(alice: &Person, row: &Row) -> Vec<Frame> {
    let path = format!("/v1/skills/{}/runs", row.key);
    let request = alice.request(Method::POST, &path).header("accept", "text/event-stream");
    let request = request.json(&json!({"inputs": row.inputs}));
    let mut frames = Events::open(request).await.rest().await;
    let mut approved = BTreeSet::new();
    loop {
        for asked in all(&frames, "approval_required") {
            let id = asked["approval_id"].as_str().expect("an id").to_owned();
            if !approved.insert(id.clone()) {
                continue;
            }
            let decided = approve(alice, &id).await;
            // What was only suggested is carried out by a run of its own.
            if asked["blocking"] == false {
                alice.follow(decided["run_id"].as_str().expect("an id"), None).await.rest().await;
            }
        }
        let last = frames.last().expect("an end");
        assert_eq!(last.event, "done", "{}: {frames:#?}", row.key);
        if last.data["status"] != "waiting" {
            return frames;
        }
        let after = last.id.clone();
        frames.extend(alice.follow(&run_of(&frames), Some(&after)).await.rest().await);
    }
}

/// Every text that the model was given since its call of this number.
pub fn told(app: &TestApp, since: usize) -> String {
    let prompts = prompts(&app.sim);
    let texts = prompts[since..].iter().flat_map(|prompt| last_blocks(prompt).to_vec());
    texts
        .filter_map(|block| Some(block["text"].as_str().or(block["content"].as_str())?.to_owned()))
        .collect::<Vec<_>>()
        .join("\n")
}

fn holds(whole: &Value, part: &Value) -> bool {
    part.as_object().is_some_and(|part| part.iter().all(|(name, value)| whole[name] == *value))
}

pub async fn check(alice: &Person, row: &Row, frames: &[Frame], told: &str) {
    let Row { key, effects, .. } = row;
    let calls = all(frames, "tool_start");
    for effect in effects {
        match effect {
            Effect::Card(kind, words) => {
                let cards = all(frames, "card");
                let found = cards
                    .iter()
                    .any(|card| card["type"] == *kind && card["data"].to_string().contains(words));
                assert!(found, "{key}: {words:?} in {cards:?}");
            }
            Effect::Kept(path, words) => {
                let text = alice.get(path).await.expect(200).text;
                assert!(text.contains(words), "{key}: {words:?} in {text}");
            }
            Effect::Made(tool, arguments) => {
                let made =
                    calls.iter().find(|call| call["name"] == *tool && holds(&call["input"], arguments));
                let made = made.unwrap_or_else(|| panic!("{key}: {tool} with {arguments}: {calls:?}"));
                assert!(made["input"].get("confirm").is_none(), "{key}: {made}");
            }
            Effect::Told(words) => assert!(told.contains(words), "{key}: {words:?} in {told}"),
            Effect::Fails(_) => {}
        }
    }
    let fails = |name: &Value| effects.iter().any(|it| matches!(it, Effect::Fails(tool) if name == tool));
    for result in all(frames, "tool_result") {
        assert_eq!(result["success"], !fails(&result["name"]), "{key}: {result}");
    }
    let called: Vec<&Value> = calls.iter().map(|call| &call["name"]).collect();
    for (tool, input) in row.answers.iter().flatten() {
        let named = if *tool == "execute_action" { input["action"].as_str() } else { Some(*tool) };
        assert!(called.iter().any(|call| call.as_str() == named), "{key}: {named:?} in {called:?}");
    }
}

/// What the paths of the row's effects say before it is carried out must not have their words.
pub async fn is_new(alice: &Person, row: &Row) {
    for effect in &row.effects {
        if let Effect::Kept(path, words) = effect {
            let text = alice.get(path).await.text;
            assert!(!text.contains(words), "{}: {words:?} is there already", row.key);
        }
    }
}

#[tokio::test]
async fn each_skill_of_the_book_is_carried_out_to_an_effect_on_the_record() {
    let (app, alice) = start().await;
    let rows = rows::all();
    for row in &rows {
        is_new(&alice, row).await;
        for calls in &row.answers {
            let call = |reply: Reply, (tool, input): &(&str, Value)| reply.tool(*tool, input.clone());
            app.sim.push(calls.iter().fold(Reply::message(), call));
        }
        app.sim.push(Reply::text("That is done."));
        let since = prompts(&app.sim).len();
        let frames = carry_out(&alice, row).await;
        assert_eq!(end_status(&frames), "done", "{}: {frames:#?}", row.key);
        assert_eq!(app.sim.unused(), 0, "{}: {frames:#?}", row.key);
        assert!(!row.effects.is_empty(), "{}", row.key);
        check(&alice, row, &frames, &told(&app, since)).await;
    }
    let done: BTreeSet<&str> = rows.iter().map(|row| row.key).collect();
    let unable: BTreeSet<&str> = LAME.iter().map(|(key, _)| *key).chain(UNSEEN).collect();
    let all: BTreeSet<String> =
        files().into_iter().map(|(path, _)| path.split('/').next().expect("a key").to_owned()).collect();
    let left: Vec<&String> =
        all.iter().filter(|key| !done.contains(key.as_str()) && !unable.contains(key.as_str())).collect();
    assert!(left.is_empty(), "nobody carries these out: {left:?}");
}

fn end_status(frames: &[Frame]) -> &str {
    frames.last().and_then(|frame| frame.data["status"].as_str()).unwrap_or_default()
}

#[tokio::test]
async fn the_book_is_listed_with_what_can_run_and_what_is_missing() {
    let (app, alice) = start().await;
    let listed = alice.get("/v1/skills?limit=100").await.expect(200).json();
    let listed = listed["data"].as_array().expect("a list");
    let lame: Vec<(&str, Value)> = listed
        .iter()
        .filter(|skill| skill["runnable"] == false)
        .map(|skill| (skill["key"].as_str().expect("a key"), skill["missing"].clone()))
        .collect();
    assert_eq!(lame, LAME.map(|(key, missing)| (key, json!([missing]))));
    assert_eq!(listed.len(), OFFERED);
    assert!(listed.iter().all(|skill| !UNSEEN.contains(&skill["key"].as_str().expect("a key"))));
    for (key, missing) in LAME {
        let path = format!("/v1/skills/{key}/runs");
        let problem = alice.post(&path, json!({})).await.problem(409, "skill_not_runnable");
        assert!(problem["detail"].as_str().expect("a detail").contains(missing), "{problem}");
    }
    let kinds = listed.iter().map(|skill| skill["kind"].as_str().expect("a kind"));
    let kinds = kinds.fold(BTreeMap::new(), |mut kinds: BTreeMap<&str, usize>, kind| {
        *kinds.entry(kind).or_default() += 1;
        kinds
    });
    assert_eq!(kinds, BTreeMap::from([("atomic", 20), ("composite", 1), ("sequence", 6)]));
    // Read as they are written: nothing of them is an error, for the organization as it is.
    for skill in listed.iter().filter(|skill| skill["runnable"] == true) {
        let key = skill["key"].as_str().expect("a key");
        let compiled = alice.get(&format!("/v1/admin/skills/{key}/compiled")).await.expect(200).json();
        assert_eq!(
            (&compiled["errors"], &compiled["missing"]),
            (&json!([]), &json!([])),
            "{key}: {compiled}"
        );
        let text = compiled["text"].as_str().expect("a text");
        assert!(!text.contains("${") && !text.contains("@_platform"), "{key}: {text}");
    }
    assert_eq!(app.sim.unused(), 0);
}

#[tokio::test]
async fn each_kind_of_trigger_in_the_book_is_found_by_what_people_write() {
    let (_app, alice) = start().await;
    for (text, key, by) in [
        ("Could you brief me on the deal, please?", "deal-brief", "trigger"),
        ("/brief", "deal-brief", "command"),
        ("/rescue the one with Savoy", "deal-rescue", "command"),
        ("/pipeline", "pipeline-check", "command"),
        ("Can we still rescue this unlucky deal?", "deal-rescue", "trigger"),
        ("Prepare my meeting with Acme", "meeting-prep", "trigger"),
        ("Please follow through on Acme renewal", "follow-through", "trigger"),
        ("Who went quiet lately?", "quiet-contacts", "trigger"),
        ("It is time for the monday round", "risk-round", "trigger"),
        ("My brief for the deal of Acme", "deal-brief", "keyword"),
    ] {
        let routing =
            alice.post("/v1/route", json!({ "text": text })).await.expect(200).json()["routing"].clone();
        assert_eq!(
            (&routing["skill_key"], &routing["matched_by"]),
            (&json!(key), &json!(by)),
            "{text}: {routing}"
        );
    }
    // An event is no message, and a word of thanks asks for nothing.
    for (text, by) in [("deal.won", "trigger"), ("schedule.weekly", "trigger"), ("thanks", ""), ("ok", "")] {
        let route = alice.post("/v1/route", json!({ "text": text })).await.expect(200).json();
        assert_ne!(route["routing"]["matched_by"], by, "{text}: {route}");
        assert!(!by.is_empty() || route["routing"].is_null(), "{text}: {route}");
    }
}
