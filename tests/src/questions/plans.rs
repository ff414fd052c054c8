//! The statements behind the answers reach the record by its indexes, as the service's login and under
//! row-level security, whether Postgres knows the arguments when it plans or not.

use std::{collections::BTreeMap, fs, path::Path};

use domain::{EntityKind, OrgId, UserId};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::{Desk, Stored};

/// Arguments after the organization and the person, as SQL, by the name in the statement's comment.
const ARGUMENTS: &[(&str, &str)] = &[
    (
        "by_close",
        "'0001-01-01', '9999-12-31', true, 0, 21, current_date, 40, 50, now() - interval '14 days', 21",
    ),
    ("at_risk", "'0001-01-01', '9999-12-31', true, 0, 21, 40, 50, 21"),
    ("stale", "'0001-01-01', '9999-12-31', true, 0, 21, now() - interval '14 days', 21"),
    ("contacts", "now() - interval '14 days', 0, 21, 21"),
    ("next_meeting", "now(), 'alice', 'Alice'"),
    (
        "pressing",
        "now(), 'alice', 'Alice', now() + interval '1 hour', current_date, current_date + 30, 40, 50, \
         now() - interval '14 days'",
    ),
    ("in_period", "now() - interval '2 days', now() + interval '2 days', 0, 21"),
    ("mine_in_period", "now() - interval '2 days', now() + interval '2 days', 0, 21"),
    ("around_now", "now(), 0, 21, 21"),
    ("meetings_of", "now(), 0, 21, 21, 'deal', 'D-7', 'contact', 'C-7'"),
    ("one", "'deal', 'D-7'"),
    ("around", "'deal', 'D-7', now()"),
    ("activities", "'deal', 'D-7', 0, 21, 21"),
    ("tasks_of", "'0001-01-01', '9999-12-31', true, null, false, 0, 21, 21, '{user}'"),
    ("tasks_of_all", "'0001-01-01', '9999-12-31', true, null, false, 0, 21, 21"),
    ("tasks_of_deal", "'0001-01-01', '9999-12-31', true, null, false, 0, 21, 'deal', 'D-7', true, null"),
    ("closed_tasks", "'0001-01-01', '9999-12-31', true, null, false, 0, 21, null"),
    (
        "find",
        "0, 21, '{acme,renewal}', '{deal,contact,company,meeting,task,activity,email}', 'ren', 'ren~', 100, false",
    ),
    ("find_linked", "0, 21, '{acme,renewal}', 'email', 'deal', 'D-7'"),
];

/// Rows that a statement may read without use for its answer: the organization's closed to-dos, a page
/// of deals that need no attention. An index that does not fit an id reads thousands for each row.
const MOST_IN_VAIN: f64 = 2_000.0;

/// Those of the summary are in another order: it asks for nobody.
const SUMMARY: &str = "'0001-01-01', '9999-12-31', true, 40, 50, now() - interval '14 days', current_date";

/// The statements that name themselves as questions, by that name.
fn statements() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.sqlx");
    let entries = fs::read_dir(folder).expect("the query data is committed");
    entries
        .filter_map(|entry| {
            let text = fs::read_to_string(entry.expect("a file").path()).expect("a text");
            let data: Value = serde_json::from_str(&text).expect("JSON");
            let query = data["query"].as_str().expect("a query").to_owned();
            let name = query.strip_prefix("/* question: ")?.split(' ').next()?.to_owned();
            Some((name, query))
        })
        .collect()
}

/// Some thousands of entities of every kind, linked to a hundred deals and contacts.
fn entities() -> Vec<Stored> {
    let root = |kind: EntityKind, letter: char| {
        (0..400).map(move |n| {
            let fields = match kind {
                EntityKind::Deal => {
                    json!({"stage": "offer", "amount": n % 5, "health": n % 100, "ghost_risk": n % 90,
                    "close_date": format!("2026-{:02}-10", n % 12 + 1)})
                }
                _ => json!({"company": "Acme"}),
            };
            let owner = (n % 4 == 0).then_some("alice");
            Stored {
                owner,
                ..Stored::new(kind, format!("{letter}-{n}"), format!("Acme renewal {n}"), fields)
            }
        })
    };
    let event = |kind: EntityKind, letter: char| {
        (0..1_200).map(move |n| {
            let day = format!("2026-{:02}-{:02}", n % 12 + 1, n % 28 + 1);
            let fields = match kind {
                EntityKind::Meeting => {
                    json!({"starts_at": format!("{day}T10:00:00Z"), "attendees": ["Alice"]})
                }
                EntityKind::Task => json!({"due_date": day, "assignee": "alice"}),
                _ => json!({"date": day, "subject": "Renewal of Acme"}),
            };
            Stored::new(kind, format!("{letter}-{n}"), format!("About renewal {n}"), fields)
                .linked(EntityKind::Deal, &format!("D-{}", n % 100))
                .linked(EntityKind::Contact, &format!("C-{}", n % 100))
        })
    };
    root(EntityKind::Company, 'A')
        .chain(root(EntityKind::Contact, 'C'))
        .chain(root(EntityKind::Deal, 'D'))
        .chain(event(EntityKind::Meeting, 'M'))
        .chain(event(EntityKind::Task, 'T'))
        .chain(event(EntityKind::Activity, 'V'))
        .chain(event(EntityKind::Email, 'E'))
        .collect()
}

/// Nine other organizations have the same, so that one is a small part of each table.
const OTHERS: &str = "
do $$ declare
    org uuid;
    acme constant uuid = (select org_id from sixty.orgs where external_id = 'acme');
begin
    for n in 1..9 loop
        org = gen_random_uuid();
        insert into sixty.orgs (org_id, external_id, name) values (org, 'other-' || n, 'Other');
        create temp table copied as select * from sixty.entities where org_id = acme;
        update copied set org_id = org;
        insert into sixty.entities select * from copied;
        drop table copied;
        create temp table copied as select * from sixty.entity_links where org_id = acme;
        update copied set org_id = org;
        insert into sixty.entity_links select * from copied;
        drop table copied;
        create temp table copied as select * from sixty.entity_words where org_id = acme;
        update copied set org_id = org;
        insert into sixty.entity_words select * from copied;
        drop table copied;
    end loop;
end $$; analyze";

/// What a plan did.
#[derive(Debug, Default)]
struct Done {
    /// How each table was read.
    scans: Vec<String>,
    /// Rows that were read and thrown away.
    in_vain: f64,
}

impl Done {
    fn add(&mut self, plan: &Value) {
        if let Some(table) = plan["Relation Name"].as_str() {
            self.scans.push(format!("{} on {table}", plan["Node Type"].as_str().unwrap_or_default()));
        }
        let removed = plan["Rows Removed by Filter"].as_f64().unwrap_or_default();
        self.in_vain += removed * plan["Actual Loops"].as_f64().unwrap_or_default();
        for plan in plan["Plans"].as_array().into_iter().flatten() {
            self.add(plan);
        }
    }

    fn scans_a_table(&self) -> bool {
        self.scans.iter().any(|scan| scan.starts_with("Seq Scan"))
    }
}

/// What the statement does, as the runtime login in a transaction of the organization.
async fn explained(connection: &mut PgConnection, statement: &str, arguments: &str, mode: &str) -> Done {
    let (org, user) = (OrgId::derive("acme"), UserId::derive("alice"));
    let begin = format!(
        "begin; set local role sixty_tenant; set local app.org_id = '{org}'; set local app.user_id = '{user}'; \
         set local app.scope = 'own'; set local plan_cache_mode = {mode}; prepare question as {statement}"
    );
    sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut *connection).await.expect("a prepared statement");
    let explain = format!("explain (analyze, format json) execute question ({arguments})");
    let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut *connection).await.expect("a plan");
    let plan: Value = rows[0].try_get(0).expect("JSON");
    sqlx::raw_sql("rollback; deallocate question").execute(&mut *connection).await.expect("an end");
    let mut done = Done::default();
    done.add(&plan[0]["Plan"]);
    done
}

#[tokio::test]
async fn no_question_scans_a_whole_table_of_the_record() {
    let desk = Desk::start().await;
    desk.store("acme", "alice", &entities()).await;
    let mut owner = PgConnection::connect(&desk.app.database.superuser_url()).await.expect("a connection");
    sqlx::raw_sql(OTHERS).execute(&mut owner).await.expect("others, and statistics");
    let mut connection = PgConnection::connect(&desk.app.database.url()).await.expect("a connection");
    let statements = statements();
    assert_eq!(statements.len(), ARGUMENTS.len() + 1, "{:?}", statements.keys());
    let (org, user) = (OrgId::derive("acme"), UserId::derive("alice"));
    for (name, statement) in &statements {
        let arguments = match ARGUMENTS.iter().find(|(known, _)| known == name) {
            Some((_, arguments)) => {
                format!("'{org}', '{user}', {}", arguments.replace("{user}", &user.to_string()))
            }
            None => format!("'{org}', {SUMMARY}"),
        };
        for mode in ["force_custom_plan", "force_generic_plan"] {
            let done = explained(&mut connection, statement, &arguments, mode).await;
            println!("{name} {mode}: {done:?}");
            assert!(!done.scans.is_empty() && !done.scans_a_table(), "{name} {mode}: {done:?}");
            assert!(done.in_vain <= MOST_IN_VAIN, "{name} {mode}: {done:?}");
        }
    }
    // What it must catch.
    let without_indexes = "force_custom_plan; set local enable_indexscan = off; set local enable_bitmapscan = off; \
        set local enable_indexonlyscan = off";
    let arguments = format!("'{org}', '{user}', 'deal', 'D-7'");
    let done = explained(&mut connection, &statements["one"], &arguments, without_indexes).await;
    assert!(done.scans_a_table() && done.in_vain > MOST_IN_VAIN, "{done:?}");
}
