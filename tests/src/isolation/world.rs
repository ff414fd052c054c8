//! Alice, her colleague Bob, and Mallory of another organization, who each have
//! something of everything. What is not Alice's holds a canary.

use model_sim::Reply;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::operations::Names;
use crate::harness::{Person, TestApp};

/// Stands in everything that Alice must not see, and in nothing else.
pub const CANARY: &str = "canary-5f1c20d6";

pub struct World {
    pub app: TestApp,
    pub alice: Person,
    pub bob: Person,
    pub mallory: Person,
    pub bobs: Conversation,
    pub mallorys: Conversation,
    pub deleted: Conversation,
}

/// A session with an answered message, its archive, and a run that waits.
pub struct Conversation {
    pub session: String,
    pub run: String,
    pub message: String,
    pub summary: String,
    pub approval: String,
}

impl World {
    pub async fn new() -> Self {
        let app = TestApp::start().await;
        let (alice, bob, mallory) = (app.alice(), app.bob(), app.stranger());
        alice.put("/v1/entities/deal/D-1", json!({"name": "Acme renewal"})).await.expect(201);
        alice.put("/v1/entities/deal/D-gone", json!({"name": "Lost"})).await.expect(201);
        alice.delete("/v1/entities/deal/D-gone").await.expect(204);
        let deleted = converse(&app, &alice, "gone", "D-1").await;
        alice.delete(&format!("/v1/sessions/{}", deleted.session)).await.expect(204);
        bob.put("/v1/memory/user", json!({"content": CANARY})).await.expect(200);
        let bobs = converse(&app, &bob, CANARY, "D-1").await;
        fill(&mallory).await;
        let mallorys = converse(&app, &mallory, CANARY, "D-9").await;
        Self { app, alice, bob, mallory, bobs, mallorys, deleted }
    }

    /// What a path may be asked with, by somebody who may know of none of it.
    /// The first is what every other answer must equal.
    pub fn unknowable(&self, names: Names) -> Vec<(&'static str, Vec<String>)> {
        let personal = |own: fn(&Conversation) -> &str| {
            vec![
                ("a random one", vec![uuid::Uuid::now_v7().to_string()]),
                ("another organization's", vec![own(&self.mallorys).to_owned()]),
                ("a colleague's", vec![own(&self.bobs).to_owned()]),
                ("a deleted one", vec![own(&self.deleted).to_owned()]),
                ("something else's", vec![self.bobs.message.clone()]),
                ("none at all", vec!["00000000-0000-0000-0000-000000000000".into()]),
                ("malformed", vec!["not-an-id".into()]),
                ("U+0000", vec!["%00".into()]),
                ("SQL", vec!["'%20or%20true--".into()]),
                ("not UTF-8", vec!["%ff".into()]),
            ]
        };
        let entity = |name, kind: &str, id: &str| (name, vec![kind.to_owned(), id.to_owned()]);
        match names {
            Names::Session => personal(|of| &of.session),
            Names::Run => personal(|of| &of.run),
            Names::Summary => personal(|of| &of.summary),
            Names::Approval => personal(|of| &of.approval),
            Names::Entity => vec![
                entity("a random one", "deal", "never"),
                entity("another organization's", "deal", "D-9"),
                entity("another organization's", "contact", "C-9"),
                entity("a deleted one", "deal", "D-gone"),
                entity("of another kind", "contact", "D-1"),
                entity("of an unknown kind", "invoice", "D-1"),
                entity("U+0000", "deal", "D-1%00"),
                entity("SQL", "deal", "'%20or%20true--"),
                entity("not UTF-8", "deal", "%ff"),
            ],
            Names::Platform => ["never", "globex", "acme", "%27--", "%ff"]
                .map(|org| ("an organization", vec![org.to_owned(), "mallory".to_owned()]))
                .into(),
            Names::Nothing | Names::OwnEntity | Names::OwnKey => Vec::new(),
        }
    }

    /// Everything that is stored and not Alice's, as the superuser sees it.
    pub async fn of_others(&self) -> String {
        let mut connection =
            PgConnection::connect(&self.app.database.superuser_url()).await.expect("a connection");
        let tables: Vec<(String, bool)> = sqlx::query_as(
            "select c.relname::text, exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'owner_id')
             from pg_class c where c.relnamespace = 'sixty'::regnamespace and c.relkind = 'r'
                and c.relname <> '_sqlx_migrations' order by 1",
        )
        .fetch_all(&mut connection)
        .await
        .expect("the tables");
        let mut all = String::new();
        for (table, personal) in tables {
            let bobs = if personal { "or owner_id = $2" } else { "and $2 is not null" };
            let sql = format!(
                "select coalesce(string_agg(t::text, '\n' order by t::text), '') from sixty.{table} t where org_id = $1 {bobs}"
            );
            let rows: String = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(domain::OrgId::derive("globex").0)
                .bind(domain::UserId::derive("bob").0)
                .fetch_one(&mut connection)
                .await
                .expect("rows");
            all = format!("{all}\n# {table}\n{rows}");
        }
        all
    }
}

async fn fill(person: &Person) {
    let secret = || json!({"name": CANARY, "attributes": {"note": CANARY}});
    for path in ["/v1/entities/deal/D-9", "/v1/entities/contact/C-9"] {
        person.put(path, secret()).await.expect(201);
        person.post(&format!("{path}/notes"), json!({"text": CANARY})).await.expect(201);
    }
    for path in ["/v1/memory/org", "/v1/memory/user", "/v1/memory/entities/deal/D-9"] {
        person.put(path, json!({"content": CANARY})).await.expect(200);
    }
    person.put("/v1/sessions/by-key/main", json!({"title": CANARY})).await.expect(201);
}

async fn converse(app: &TestApp, person: &Person, text: &str, deal: &str) -> Conversation {
    let session = person.session_with(json!({"title": text})).await;
    app.sim.push(Reply::text(text));
    let turn = person.ask(&session, text).await;
    let id = |value: &serde_json::Value| value.as_str().expect("an id").to_owned();
    app.sim.push_for("Write the summary now", Reply::text(text));
    let path = format!("/v1/sessions/{session}/compact");
    let summary = id(&person.post(&path, json!({})).await.expect(200).json()["id"]);
    let change = json!({"kind": "deal", "id": deal, "changes": {"stage": text}});
    app.sim.push(Reply::call("update_entity", change));
    assert_eq!(person.ask(&session, text).await["run"]["status"], "waiting");
    let approval = id(&person.get("/v1/approvals").await.expect(200).json()["data"][0]["id"]);
    Conversation {
        approval,
        session,
        run: id(&turn["run"]["id"]),
        message: id(&turn["message"]["id"]),
        summary,
    }
}
