//! An export has everything that an erasure would remove, and nothing that is others'.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use domain::{OrgId, UserId};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{dump::Crowd, fates::GONE, lives, number};
use crate::harness::{TestApp, eventually};

/// Columns that follow from others or are capabilities, and the organization, which every line has in common.
const DERIVED: [(&str, &str); 5] = [
    ("slack_turns", "response_url"),
    ("copilot_session_summaries", "full_transcript"),
    ("copilot_session_summaries", "user_id"),
    ("copilot_summary_passages", "search"),
    ("", "org_id"),
];

/// Lines of an export, whose end proves that they are all.
fn lines(text: &str) -> Vec<Value> {
    let all: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (end, lines) = all.split_last().expect("an end");
    let last = text.trim_end().rfind('\n').expect("lines") + 1;
    assert_eq!(end["type"], "end");
    assert_eq!(end["lines"], lines.len());
    assert_eq!(end["sha256"], hex(digest(&SHA256, &text.as_bytes()[..last]).as_ref()));
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for line in lines {
        *counts.entry(line["type"].as_str().expect("a type")).or_default() += 1;
    }
    assert_eq!(end["counts"], json!(counts));
    assert_eq!((&lines[0]["type"], &lines[0]["format"]), (&json!("header"), &json!("sixty-export")));
    lines.to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The rows of a table that are the person's, as lines would show them.
async fn rows(app: &TestApp, table: &str, column: &str, (org, user): (OrgId, UserId)) -> BTreeSet<String> {
    let pool = app.database.superuser().await;
    let sql = format!("select row_to_json(t)::text from sixty.{table} t where org_id = $1 and {column} = $2");
    let found: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(sql)).bind(org.0).bind(user.0).fetch_all(&pool).await.expect("rows");
    found
        .iter()
        .map(|row| {
            let mut row: Value = serde_json::from_str(row).expect("JSON");
            let members = row.as_object_mut().expect("an object");
            for (of, derived) in DERIVED {
                if of.is_empty() || of == table {
                    assert!(members.remove(derived).is_some(), "{table}.{derived}");
                }
            }
            for value in members.values_mut() {
                // Postgres writes bytes as \x…, the export without that.
                if let Some(bytes) = value.as_str().and_then(|text| text.strip_prefix("\\x")) {
                    *value = json!(bytes);
                }
            }
            row.to_string()
        })
        .collect()
}

/// Rows as the person would have them who speaks in Slack.
async fn speaks_in_slack(app: &TestApp, session: &str, (OrgId(org), UserId(user)): (OrgId, UserId)) {
    let sql = format!(
        "insert into sixty.slack_turns (org_id, owner_id, id, session_id, author_id, enterprise_id, team_id, slack_user, \
            channel, text, response_url) \
         select '{org}', '{user}', gen_random_uuid(), '{session}', '{user}', '', 'T1', 'U1', 'C1', 'words ' || n, 'url' \
         from generate_series(1, 23) n; \
         insert into sixty.slack_posts (org_id, owner_id, turn_id, round, ord, kind, via) \
         select org_id, owner_id, id, round, ord, 'answer', 'api' from sixty.slack_turns, \
            generate_series(0, 2) round, generate_series(0, 8) ord where text = 'words 1'; \
         insert into sixty.slack_links (org_id, enterprise_id, team_id, slack_user, user_id, linked_by) \
         values ('{org}', '', 'T1', 'U1', '{user}', 'link'); \
         insert into sixty.session_members (org_id, session_id, member_id, user_id) \
         values ('{org}', '{session}', '{user}', '{user}')"
    );
    let pool = app.database.superuser().await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.expect("rows");
}

/// The lines of a type that are a person's own, without their type.
fn own_lines(lines: &[Value], kind: &str, (column, user): (&str, UserId)) -> BTreeSet<String> {
    let own = lines.iter().filter(|line| line["type"] == kind && line[column] == user.to_string());
    own.map(|line| {
        let mut line = line.clone();
        line.as_object_mut().expect("an object").remove("type");
        line.to_string()
    })
    .collect()
}

#[tokio::test]
async fn an_export_has_every_row_that_an_erasure_would_remove_byte_for_byte() {
    let crowd = Crowd::new().await;
    let app = &crowd.app;
    let (olivia, mel) = (crowd.of("acme", "olivia"), crowd.of("acme", "mel"));
    // More than one page of everything that comes in pages of twenty.
    let session = mel.person.session().await;
    for n in 0..23 {
        mel.person.ask(&session, &format!("Question {n} {}", mel.own)).await;
    }
    eventually("everything is stored", async || (app.replica.engine.running() == 0).then_some(())).await;
    let identity = (OrgId::derive("acme"), UserId::derive(&mel.external));
    speaks_in_slack(app, &session, identity).await;
    let admins = format!("/v1/admin/members/{}/export", mel.external);
    for answer in [mel.person.get("/v1/me/export").await, olivia.person.get(&admins).await] {
        let answer = answer.expect(200);
        assert_eq!(answer.header("content-type"), "application/x-ndjson");
        let lines = lines(&answer.text);
        assert_eq!((&lines[0]["organization"], &lines[0]["user"]), (&json!("acme"), &json!(mel.external)));
        let mut compared = 0;
        for (table, column, kind) in GONE {
            let stored = rows(app, table, column, identity).await;
            let exported = own_lines(&lines, kind, (column, identity.1));
            assert_eq!(exported, stored, "{table}");
            // The scenario fills every table, but for what administrators set for single members.
            assert!(!stored.is_empty() || *table == "permission_user_rows", "{table}");
            compared += stored.len();
        }
        assert!(compared > 200, "{compared}");
        // Nothing of anybody else's.
        for other in crowd.people.iter().filter(|other| other.own != mel.own) {
            assert!(!answer.text.contains(&other.own), "{}", other.external);
        }
        assert_eq!(lines.iter().filter(|line| line["type"] == "member").count(), 1);
        assert!(
            lines
                .iter()
                .any(|line| line["type"] == "entity_note" && line["author_id"] == identity.1.to_string())
        );
    }
    let asked = olivia.person.get("/v1/admin/audit?action=member.export&limit=100").await.expect(200).json();
    let target = json!(format!("member:{}", mel.external));
    let by = |who: &str| {
        let entries = asked["data"].as_array().expect("a list");
        entries.iter().filter(|entry| entry["actor"] == who && entry["target"] == target).count()
    };
    assert!(by(&mel.external) >= 1 && by(&olivia.external) == 1, "{asked}");
}

#[tokio::test]
async fn the_operator_exports_an_organization_with_all_its_members() {
    let app = TestApp::start().await;
    let (alice, bob, mallory) = (app.alice(), app.bob(), app.stranger());
    for person in [&alice, &mallory] {
        person.deal().await;
        person.put("/v1/memory/org", json!({"content": "We sell."})).await.expect(200);
        person.put("/v1/admin/permissions", json!({"preset": "conservative"})).await.expect(200);
    }
    alice.contact().await;
    for n in 0..45 {
        let path = format!("/v1/entities/contact/N-{n}");
        alice.put(&path, json!({"name": "One of many"})).await.expect(201);
        alice.post("/v1/entities/deal/D-42/notes", json!({"text": format!("Note {n}")})).await.expect(201);
    }
    for (person, words) in [(&alice, "Alice's."), (&bob, "Bob's."), (&mallory, "Mallory's.")] {
        lives(&app, person, words).await;
    }
    let store = app.replica.engine.store();
    let export = async |org: &str, user: Option<&str>| {
        let mut out = Vec::new();
        let done = server::export::export(store, org, user, &mut out).await;
        done.map(|()| String::from_utf8(out).expect("UTF-8")).map_err(|error| error.to_string())
    };
    let text = export("acme", None).await.expect("an export");
    let lines = lines(&text);
    let count = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    let counts = ["organization", "member", "entity", "entity_note", "session", "message", "permissions"];
    assert_eq!(counts.map(count), [1, 2, 47, 45, 2, 4, 1]);
    assert_eq!((count("memory"), count("memory_revision")), (3, 3));
    assert!(text.contains("Alice's.") && text.contains("Bob's.") && !text.contains("Mallory"));
    let org = OrgId::derive("acme");
    // The export itself is the last entry.
    let entries = number(&app, format!("select count(*) from sixty.audit where org_id = '{org}'")).await;
    assert_eq!(i64::try_from(count("audit")), Ok(entries));
    assert!(lines.iter().any(|line| line["action"] == "org.export"));
    // One member by itself is what that member would get.
    let one = export("acme", Some("bob")).await.expect("an export");
    let own = bob.get("/v1/me/export").await.expect(200).text;
    let body = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let (one, own) = (body(&one), body(&own));
    assert_eq!(one[..one.len() - 1], own[..own.len() - 1]);
    assert_eq!(export("never", None).await, Err("there is no organization \"never\"".into()));
    assert_eq!(export("acme", Some("mallory")).await, Err("there is no member \"mallory\"".into()));
}
