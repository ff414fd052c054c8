//! The matrix, cell by cell, against what was agreed on.

use domain::{
    Role,
    permission::{Action, Ask, Matrix, Policy, Preset, Reach},
};
use serde_json::{Value, json};

use crate::harness::{Person, TestApp};

/// One line of the agreed table: action, whose things it reaches, whether the
/// tool only reads; then the policy of owner, admin, member, readonly under each
/// preset. `a` auto, `s` suggest, `p` approve, `d` disabled.
const EXPECTED: &[(&str, &str, &str, [&str; 3])] = &[
    // action, reach, tool, [conservative, balanced, autonomous]
    ("send_email", "own", "writes", ["pppd", "pppd", "pppd"]),
    ("send_email", "elsewhere", "writes", ["pppd", "pppd", "pppd"]),
    ("send_slack", "own", "writes", ["pppd", "aaad", "aaad"]),
    ("send_slack", "elsewhere", "writes", ["dddd", "aadd", "aadd"]),
    ("schedule_task", "own", "writes", ["pppd", "aaad", "aaad"]),
    ("schedule_task", "elsewhere", "writes", ["dddd", "aadd", "aadd"]),
    ("modify_deals", "own", "writes", ["pppd", "pppd", "aaad"]),
    ("modify_deals", "elsewhere", "writes", ["pppd", "pppd", "aaad"]),
    ("modify_contacts", "own", "writes", ["pppd", "sssd", "aaad"]),
    ("modify_contacts", "elsewhere", "writes", ["pppd", "sssd", "aaad"]),
    ("manage_tasks", "own", "writes", ["pppd", "aaad", "aaad"]),
    ("manage_tasks", "elsewhere", "writes", ["pppd", "aaad", "aaad"]),
    ("write_user_memory", "own", "writes", ["aaad", "aaad", "aaad"]),
    ("write_user_memory", "elsewhere", "writes", ["aaad", "aaad", "aaad"]),
    ("write_entity_memory", "own", "writes", ["aaad", "aaad", "aaad"]),
    ("write_entity_memory", "elsewhere", "writes", ["aaad", "aaad", "aaad"]),
    ("write_org_memory", "own", "writes", ["sssd", "sssd", "sssd"]),
    ("write_org_memory", "elsewhere", "writes", ["sssd", "sssd", "sssd"]),
    ("access_all_org", "own", "writes", ["dddd", "aadd", "aadd"]),
    ("access_all_org", "elsewhere", "writes", ["dddd", "aadd", "aadd"]),
    ("use_connector", "own", "writes", ["pppd", "pppd", "pppd"]),
    ("use_connector", "elsewhere", "writes", ["pppd", "pppd", "pppd"]),
    ("begin_step", "own", "writes", ["pppd", "pppd", "pppd"]),
    ("begin_step", "elsewhere", "writes", ["pppd", "pppd", "pppd"]),
    ("use_connector", "own", "reads", ["pppp", "aaaa", "aaaa"]),
    ("use_connector", "elsewhere", "reads", ["pppp", "aaaa", "aaaa"]),
];

const ROLES: [(&str, Role); 4] =
    [("owner", Role::Owner), ("admin", Role::Admin), ("member", Role::Member), ("readonly", Role::Readonly)];
const PRESETS: [(&str, Preset); 3] = [
    ("conservative", Preset::Conservative),
    ("balanced", Preset::Balanced),
    ("autonomous", Preset::Autonomous),
];

fn policy(letter: char) -> Policy {
    match letter {
        'a' => Policy::Auto,
        's' => Policy::Suggest,
        'p' => Policy::Approve,
        'd' => Policy::Disabled,
        other => panic!("{other} stands for no policy"),
    }
}

fn ask(action: &str, reach: &str, tool: &str, role: Role) -> Ask {
    let action = Action::parse(action).expect("an action");
    let reach = Reach::parse(reach).expect("a reach");
    Ask { role, action, reach, reads: tool == "reads" }
}

#[test]
fn every_cell_says_what_was_agreed_on() {
    for &(action, reach, tool, presets) in EXPECTED {
        for ((preset_name, preset), cells) in PRESETS.into_iter().zip(presets) {
            for ((role_name, role), letter) in ROLES.into_iter().zip(cells.chars()) {
                let matrix = Matrix { preset, ..Matrix::default() };
                let ruled = matrix.rule(ask(action, reach, tool, role));
                let cell = format!("{action}, {reach}, {tool}, {preset_name}, {role_name}");
                assert_eq!(ruled.policy, policy(letter), "{cell}");
                let decider = if action == "write_org_memory" && role_name != "readonly" {
                    "admin"
                } else {
                    "requester"
                };
                assert_eq!(ruled.decider.as_str(), decider, "{cell}");
            }
        }
    }
}

#[test]
fn the_expectations_cover_every_action_reach_and_kind_of_tool() {
    for action in Action::ALL {
        for reach in Reach::ALL {
            let lines = |tool: &str| {
                EXPECTED
                    .iter()
                    .filter(|line| (line.0, line.1, line.2) == (action.as_str(), reach.as_str(), tool))
                    .count()
            };
            assert_eq!(lines("writes"), 1, "{action} {reach}");
            assert_eq!(lines("reads"), usize::from(*action == Action::UseConnector), "{action} {reach}");
        }
    }
}

async fn put(person: &Person, body: Value) -> crate::harness::Answer {
    person.put("/v1/admin/permissions", body).await
}

fn entry<'v>(effective: &'v Value, action: &str) -> &'v Value {
    let entries = effective["matrix"].as_array().expect("a list");
    entries.iter().find(|entry| entry["action"] == action).unwrap_or_else(|| panic!("{action} is missing"))
}

#[tokio::test]
async fn each_caller_sees_the_own_effective_matrix() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for (preset_index, (preset, _)) in PRESETS.into_iter().enumerate() {
        put(&alice, json!({ "preset": preset })).await.expect(200);
        for (role_index, (role, _)) in ROLES.into_iter().enumerate() {
            let person = app.replica.person("acme", &format!("one-{role}"), role);
            let effective = person.get("/v1/permissions").await.expect(200).json();
            assert_eq!((&effective["preset"], &effective["role"]), (&json!(preset), &json!(role)));
            let cell = |line: &(&str, &str, &str, [&str; 3])| {
                policy(line.3[preset_index].chars().nth(role_index).expect("a letter"))
            };
            for line in EXPECTED {
                let entry = entry(&effective, line.0);
                let field = match (line.1, line.2) {
                    ("own", "writes") => "policy",
                    ("elsewhere", "writes") => "elsewhere",
                    ("own", _) => "reading",
                    _ => continue,
                };
                let shown = entry.get(field).unwrap_or(&entry["policy"]);
                assert_eq!(*shown, cell(line).as_str(), "{preset} {role} {line:?}");
            }
            for (name, action) in [
                ("canSendEmail", "send_email"),
                ("canScheduleTask", "schedule_task"),
                ("canModifyDeals", "modify_deals"),
                ("canAccessAllOrg", "access_all_org"),
            ] {
                assert_eq!(effective[name], entry(&effective, action)["policy"] != "disabled", "{name}");
            }
        }
    }
}

#[tokio::test]
async fn administrators_set_preset_and_rows_at_the_version_they_saw() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    bob.get("/v1/permissions").await.expect(200);
    let first = alice.get("/v1/admin/permissions").await.expect(200);
    assert_eq!((first.header("etag"), &first.json()["preset"]), ("\"0\"", &json!("balanced")));
    let body = json!({
        "preset": "autonomous",
        "rows": [
            {"action": "modify_deals", "policy": "approve", "decider": "admin"},
            {"role": "admin", "action": "modify_deals", "policy": "auto"},
        ],
        "users": [{"user": "bob", "action": "manage_tasks", "policy": "suggest"}],
    });
    let at = |version: &str, body: &Value| {
        alice.request(reqwest::Method::PUT, "/v1/admin/permissions").header("if-match", version).json(body)
    };
    let set = alice.send(at("\"0\"", &body)).await.expect(200);
    assert_eq!(set.header("etag"), "\"1\"");
    assert_eq!(set.json()["updated_by"], "alice");
    assert_eq!(set.json()["users"], body["users"]);
    assert_eq!(set.json()["rows"].as_array().map(Vec::len), Some(2));
    alice.send(at("\"0\"", &body)).await.problem(412, "version_mismatch");
    let effective = bob.get("/v1/permissions").await.expect(200).json();
    let deals = entry(&effective, "modify_deals");
    assert_eq!((&deals["policy"], &deals["decider"]), (&json!("approve"), &json!("admin")));
    assert_eq!(entry(&effective, "manage_tasks")["policy"], "suggest");
    let own = alice.get("/v1/permissions").await.expect(200).json();
    assert_eq!(entry(&own, "manage_tasks")["policy"], "auto");
    // Setting it again replaces all of it.
    alice.send(at("\"1\"", &json!({"preset": "balanced"}))).await.expect(200);
    let effective = bob.get("/v1/permissions").await.expect(200).json();
    assert_eq!(entry(&effective, "manage_tasks")["policy"], "auto");
}

#[tokio::test]
async fn only_administrators_see_and_set_what_is_set() {
    let app = TestApp::start().await;
    for person in [app.bob(), app.rita()] {
        person.get("/v1/admin/permissions").await.problem(403, "forbidden");
        put(&person, json!({"preset": "autonomous"})).await.problem(403, "forbidden");
    }
    let admin = app.replica.person("acme", "adam", "admin");
    put(&admin, json!({"preset": "conservative"})).await.expect(200);
    let elsewhere = app.stranger().get("/v1/permissions").await.expect(200).json();
    assert_eq!(elsewhere["preset"], "balanced", "another organization's is another");
}

#[tokio::test]
async fn what_means_nothing_is_refused_with_its_field() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let row = |row: Value| json!({"preset": "balanced", "rows": [row]});
    for (body, field) in [
        (json!({"rows": []}), "preset"),
        (json!({"preset": "reckless"}), "preset"),
        (json!({"preset": "balanced", "colour": "red"}), "colour"),
        (row(json!({"action": "send_fax", "policy": "auto"})), "rows[0].action"),
        (row(json!({"action": "send_email", "policy": "perhaps"})), "rows[0].policy"),
        (row(json!({"role": "intern", "action": "send_email", "policy": "auto"})), "rows[0].role"),
        (row(json!({"role": "readonly", "action": "send_email", "policy": "auto"})), "rows[0].policy"),
        (row(json!({"action": "write_org_memory", "policy": "auto"})), "rows[0].policy"),
        (row(json!({"action": "access_all_org", "policy": "approve"})), "rows[0].policy"),
        (row(json!({"action": "send_email", "policy": "auto", "decider": "nobody"})), "rows[0].decider"),
        (
            json!({"preset": "balanced", "users": [{"user": "nobody", "action": "send_email", "policy": "disabled"}]}),
            "users[0].user",
        ),
    ] {
        let problem = put(&alice, body.clone()).await.problem(422, "validation_failed");
        let named = problem["errors"][0]["field"].as_str().expect("a field");
        assert!(
            named == field || problem["errors"][0]["error"].as_str().is_some_and(|e| e.contains(field)),
            "{body}: {problem}"
        );
    }
    assert_eq!(alice.get("/v1/admin/permissions").await.header("etag"), "\"0\"", "nothing was set");
}
