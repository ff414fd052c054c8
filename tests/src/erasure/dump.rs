//! Of an erased person nothing is in a dump of the database, and of the others everything.

use std::{collections::BTreeMap, process::Command};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::{OrgId, UserId};
use futures_util::future::join_all;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::fates::{COLUMNS, Fate, GONE};
use crate::{
    harness::{Person, Setup, TestApp, eventually},
    isolation::{
        document::documented,
        is_of,
        scenario::{Seen, Witness},
        tell_all,
    },
    prompt_isolation::canary,
    usage::priced,
};

/// Operations with a body in which there are no words, or words of the organization's
/// record, which stays.
const WITHOUT_OWN_WORDS: &[(&str, &str)] = &[
    ("POST /v1/sessions/{id}/regenerate", "an id"),
    ("POST /v1/admin/slack/installs", "nothing"),
    ("PATCH /v1/admin/slack", "ids of Slack"),
    ("POST /v1/slack/links", "a token"),
    ("PUT /v1/memory/org", "shared"),
    ("PUT /v1/memory/entities/{kind}/{id}", "shared"),
    ("POST /v1/memory/org/revert", "a number"),
    ("POST /v1/memory/user/revert", "a number"),
    ("POST /v1/memory/entities/{kind}/{id}/revert", "a number"),
    ("PUT /v1/admin/permissions", "words of an enum, and external ids"),
    ("PUT /v1/admin/models", "names of models, and numbers"),
    ("PUT /v1/platform/models", "the same, and the platform's"),
    ("POST /v1/entities", "shared"),
    ("PUT /v1/entities/{kind}/{id}", "shared"),
    ("PATCH /v1/entities/{kind}/{id}", "shared"),
    ("POST /v1/entities/{kind}/{id}/notes", "shared"),
    ("POST /v1/entities/batch", "shared"),
    ("PUT /v1/org/profile", "shared"),
    ("PATCH /v1/admin/members/{user}", "words of an enum"),
    ("POST /v1/admin/api-keys", "an administrator's"),
    ("PUT /v1/admin/card-types/{type}", "an administrator's"),
    ("PUT /v1/admin/secrets/{name}", "an administrator's, sealed"),
    ("POST /v1/admin/skills", "an administrator's"),
    ("POST /v1/admin/skills/validate", "an administrator's"),
    ("POST /v1/admin/skills/import", "an administrator's"),
    ("PUT /v1/admin/skills/{key}", "an administrator's"),
    ("POST /v1/admin/skills/{key}/rollback", "an administrator's"),
    ("PUT /v1/admin/skills/{key}/pin", "an administrator's"),
    ("POST /v1/admin/skills/{key}/test", "an administrator's"),
    ("PUT /v1/admin/skill-list", "an administrator's"),
    ("POST /v1/platform/skills", "the platform's"),
    ("POST /v1/platform/skills/validate", "the platform's"),
    ("POST /v1/platform/skills/import", "the platform's"),
    ("PUT /v1/platform/skills/{key}", "the platform's"),
    ("POST /v1/platform/skills/{key}/rollback", "the platform's"),
    ("PUT /v1/platform/skills/{key}/pin", "the platform's"),
    ("PUT /v1/admin/retention", "an administrator's"),
    ("PUT /v1/admin/budgets", "numbers"),
    ("PUT /v1/platform/budgets", "numbers"),
    ("PUT /v1/platform/orgs/{external_id}", "the platform's"),
    ("PUT /v1/platform/orgs/{external_id}/members/{sub}", "the platform's"),
];

/// Somebody of the crowd.
pub struct One {
    pub org: &'static str,
    pub external: String,
    pub own: String,
    pub person: Person,
    pub seen: Vec<Seen>,
}

/// Two organizations with two people each, who have used everything.
pub struct Crowd {
    pub app: TestApp,
    pub people: Vec<One>,
}

impl Crowd {
    pub async fn new() -> Self {
        let app = TestApp::with(priced()).await;
        let other = app.another_replica(Setup { works: false, ..priced() }).await;
        app.sim.respond_with(tell_all);
        // Ids that occur nowhere else, and the same ones in both organizations.
        let names = ["olivia", "mel"].map(|name| format!("{name}-{}", uuid::Uuid::now_v7().simple()));
        let mut witnesses = Vec::new();
        for (org, shared) in [("acme", canary()), ("globex", canary())] {
            for (name, role) in names.iter().zip(["owner", "member"]) {
                witnesses.push((org, name.clone(), Witness::new(&app.replica, (org, &shared), name, role)));
            }
        }
        for first in [0, 2] {
            witnesses[first].2.use_everything(&other).await;
        }
        join_all([1, 3].map(|second| witnesses[second].2.use_everything(&other))).await;
        eventually("all runs have ended", async || (app.replica.engine.running() == 0).then_some(())).await;
        let people = witnesses
            .into_iter()
            .map(|(org, external, witness)| One {
                org,
                external,
                own: witness.own.clone(),
                person: witness.person.clone(),
                seen: witness.seen(),
            })
            .collect();
        Self { app, people }
    }

    pub fn of(&self, org: &str, name: &str) -> &One {
        let same = |one: &&One| one.org == org && one.external.starts_with(name);
        self.people.iter().find(same).expect("somebody")
    }

    /// The whole database as text.
    fn dump(&self) -> String {
        let program = crate::harness::Database::bindir().join("pg_dump");
        let url = self.app.database.superuser_url();
        let output = Command::new(program).args(["--dbname", &url]).output().expect("pg_dump runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// A checksum of each table without the person's rows and without the names of authors;
    /// of the trail, only what had been written before `since`.
    async fn others(&self, (org, user): (OrgId, UserId), since: &str) -> BTreeMap<String, (i64, String)> {
        let pool = self.app.database.superuser().await;
        let tables: Vec<(String, Option<String>)> = sqlx::query_as(
            "select c.relname::text, (select a.attname::text from pg_attribute a where a.attrelid = c.oid
                and a.attname in ('owner_id', 'user_id') order by a.attname limit 1)
             from pg_class c where c.relnamespace = 'sixty'::regnamespace and c.relkind in ('r', 'p')
                and not c.relispartition
                -- What the service does in its own time (seals, rounds of retention), it does whoever asks for what.
                and c.relname not in ('_sqlx_migrations', 'audit_pending', 'audit_seals', 'audit_heads',
                    'retention_rounds')",
        )
        .fetch_all(&pool)
        .await
        .expect("the tables");
        let mut sums = BTreeMap::new();
        for (table, column) in tables {
            let column = match (table.as_str(), column) {
                // What the person used is nobody's afterwards.
                ("usage_events" | "usage_days", _) => {
                    format!(
                        "case when coalesce(user_id, '{NIL}') = '{NIL}' then $2 else user_id end",
                        NIL = Uuid::nil()
                    )
                }
                (_, column) => column.unwrap_or_else(|| "null::uuid".into()),
            };
            let time = if table == "audit" { format!("and at < '{since}'") } else { String::new() };
            let sql = format!(
                "select count(*), coalesce(md5(string_agg(x, '|' order by x)), '') from (
                    select (to_jsonb(t) - array['author_id', 'written_by', 'updated_by',
                        'accepted_by', 'created_by', 'installed_by'])::text as x
                    from sixty.{table} t
                    where not (org_id = $1 and {column} is not distinct from $2) {time}) y"
            );
            let sum = sqlx::query_as(AssertSqlSafe(sql)).bind(org.0).bind(user.0).fetch_one(&pool).await;
            sums.insert(table, sum.expect("a checksum"));
        }
        sums
    }
}

/// How often the text holds the words: as they are, in hexadecimal digits, in base64 at
/// any offset, or as the lexeme of a search.
fn hits(dump: &str, words: &str) -> usize {
    let digits = words.rsplit('-').next().expect("digits");
    let base64 = (0..3).map(|offset| {
        // Whole groups of three bytes, which look the same whatever stands around them.
        let whole = &words[offset..];
        BASE64_STANDARD.encode(&whole[..whole.len() / 3 * 3])
    });
    let hex = words.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let forms = base64.chain([digits.to_owned(), hex]);
    forms.map(|form| dump.matches(form.as_str()).count()).sum()
}

/// Every documented operation that takes words was sent the person's own.
fn planted_everywhere(one: &One) {
    for (method, path, operation) in documented() {
        if operation.get("requestBody").is_none() {
            continue;
        }
        let name = format!("{method} {path}");
        let planted = one.seen.iter().any(|seen| {
            seen.method.as_str() == method
                && is_of(&path, &seen.path)
                && seen.status < 300
                && seen.sent.contains(&one.own)
        });
        let excused = WITHOUT_OWN_WORDS.iter().any(|(excused, _)| *excused == name);
        assert_ne!(planted, excused, "{name}: no words of one's own were sent, and no reason is given");
    }
}

#[tokio::test]
async fn a_dump_holds_nothing_of_an_erased_person_and_everything_of_the_others() {
    let crowd = Crowd::new().await;
    let (olivia, mel) = (crowd.of("acme", "olivia"), crowd.of("acme", "mel"));
    planted_everywhere(mel);
    let identity = (OrgId::derive("acme"), UserId::derive(&mel.external));
    let since = chrono::Utc::now().to_rfc3339();
    let before = crowd.dump();
    let sums = crowd.others(identity, &since).await;
    let found: Vec<usize> = crowd.people.iter().map(|one| hits(&before, &one.own)).collect();
    assert!(found.iter().all(|hits| *hits > 60), "{found:?}");
    // The search for other forms finds them.
    assert_eq!(hits(&BASE64_STANDARD.encode(format!("say {}", mel.own)), &mel.own), 1);

    super::erased(&olivia.person, &format!("/v1/admin/members/{}/data", mel.external)).await;

    let after = crowd.dump();
    let mut left = 0;
    for (one, before) in crowd.people.iter().zip(&found) {
        let now = hits(&after, &one.own);
        let wanted = if one.own == mel.own { 0 } else { *before };
        assert_eq!(now, wanted, "{} of {}", one.external, one.org);
        left += now;
    }
    println!(
        "{} bytes dumped before and {} after: of {} hits of the erased person's words 0 are left, of the others' {left}",
        before.len(),
        after.len(),
        found.iter().sum::<usize>() - left
    );
    // Nor is there the name, in any row of that organization.
    let org = identity.0.to_string();
    let named = after.lines().filter(|line| line.contains(&org) && line.contains(&mel.external)).count();
    assert_eq!(named, 0);
    let mut changed = crowd.others(identity, &since).await;
    // The erasure has left its own record, which is the erased person's row of that table.
    assert_eq!(changed.remove("erasures").map(|(rows, _)| rows), sums.get("erasures").map(|(rows, _)| *rows));
    let kept = sums.iter().filter(|(table, _)| *table != "erasures");
    for (table, sum) in kept {
        assert_eq!(changed.get(table), Some(sum), "{table}");
    }
    decided(&crowd, identity).await;
}

/// What the list of columns says is so.
async fn decided(crowd: &Crowd, (org, user): (OrgId, UserId)) {
    for (table, column, _) in GONE {
        let sql =
            format!("select count(*) from sixty.{table} where org_id = '{org}' and {column} = '{user}'");
        assert_eq!(super::number(&crowd.app, sql).await, 0, "{table}");
    }
    for (table, fate, columns, _) in COLUMNS {
        for column in columns.split(' ') {
            let gone = match fate {
                Fate::Kept => continue,
                Fate::Unauthored => format!("{column} = '{user}'"),
                Fate::Blanked => {
                    format!("user_id = '{user}' and coalesce({column}, 'erased:{user}') <> 'erased:{user}'")
                }
            };
            let sql = format!("select count(*) from sixty.{table} where org_id = '{org}' and {gone}");
            assert_eq!(super::number(&crowd.app, sql).await, 0, "{table}.{column}");
        }
    }
}
