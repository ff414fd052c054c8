//! A case: a person in an organization of their own, and a text with a word of its own.

use std::sync::Arc;

use model_sim::{Reply, Request};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

use super::payloads::Payload;
use crate::harness::{
    Frame, Person, TestApp,
    look::{end, prompts},
};

pub const DOCUMENTS: [&str; 3] = ["/v1/memory/org", "/v1/memory/user", "/v1/memory/entities/deal/D-42"];

/// A service with the database behind it.
pub struct Lab {
    pub app: TestApp,
    database: PgPool,
}

pub struct Case<'a> {
    pub lab: &'a Lab,
    pub payload: &'a Payload,
    pub person: Person,
    pub org: String,
    /// A word that nothing else holds.
    pub mark: String,
    pub text: String,
}

impl Lab {
    pub async fn open() -> Self {
        let app = TestApp::start().await;
        let database = app.database.superuser().await;
        Self { app, database }
    }

    pub fn case<'a>(&'a self, n: usize, payload: &'a Payload) -> Case<'a> {
        let (org, mark) = (format!("org-{n}"), format!("zebra{n}x"));
        let person = self.app.replica.person(&org, "alice", "owner");
        Case { lab: self, payload, person, org, text: payload.text.replace("MARK", &mark), mark }
    }

    /// As if an integration had written what there is of this table.
    pub async fn by_integration(&self, table: &str) {
        let sql = format!("update sixty.{table} set integration = true");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.database).await.expect("the statement runs");
    }

    /// Has somebody say a plain word, and returns the prompt of it.
    pub async fn next_prompt(&self, person: &Person, session: &str) -> Arc<Request> {
        self.says([Reply::text("Yes.")]);
        let frames = person.hear(session, "And now?").await;
        assert_eq!(end(&frames).event, "done", "{frames:#?}");
        prompts(&self.app.sim).last().expect("a prompt").clone()
    }

    pub fn says(&self, replies: impl IntoIterator<Item = Reply>) {
        for reply in replies {
            self.app.sim.push(reply);
        }
    }
}

impl Case<'_> {
    pub async fn deal(&self, body: Value) {
        let done = self.person.put("/v1/entities/deal/D-42", body).await;
        assert!(done.status.is_success(), "{done:?}");
    }

    /// A program of the person's organization, which may all that they may.
    pub async fn program(&self) -> Person {
        let key = json!({"name": "CRM", "role": "owner"});
        let made = self.person.post("/v1/admin/api-keys", key).await.expect(201).json();
        self.lab.app.replica.bearer(made["key"].as_str().expect("a key"))
    }

    pub async fn say(&self, session: &str, body: &Value) -> Vec<Frame> {
        let frames = self.person.say_with(session, body).await.rest().await;
        assert_eq!(end(&frames).event, "done", "{}: {frames:#?}", self.payload.name);
        frames
    }

    /// A conversation in which the person looked at the text.
    pub async fn tainted(&self, replies: impl IntoIterator<Item = Reply>) -> String {
        let session = self.person.session().await;
        self.lab.says(replies);
        let view =
            json!({"text": format!("What is {}?", self.mark), "context": {"view": {"mail": self.text}}});
        self.say(&session, &view).await;
        session
    }

    /// Archives a conversation, with this as the summary; the archive.
    pub async fn compact(&self, session: &str, summary: &str) -> Value {
        self.lab.app.sim.push_for("Write the summary now", Reply::text(summary));
        let path = format!("/v1/sessions/{session}/compact");
        self.person.post(&path, json!({})).await.expect(200).json()
    }

    /// Version and content of the three documents.
    pub async fn memory(&self) -> Vec<(Value, Value)> {
        let mut all = Vec::new();
        for path in DOCUMENTS {
            let document = self.person.get(path).await.json();
            all.push((document["version"].clone(), document["content"].clone()));
        }
        all
    }

    pub async fn proposals(&self) -> Vec<Value> {
        let listed = self.person.get("/v1/memory/proposals?status=pending").await.expect(200).json();
        listed["data"].as_array().expect("a list").clone()
    }

    /// What a model that obeys the text calls.
    pub fn obeys(&self) -> (&'static str, Value) {
        let mut args = json!({"scope": self.payload.scope, "section": "Facts", "text": self.text});
        if self.payload.scope == "entity" {
            args["kind"] = "deal".into();
            args["id"] = "D-42".into();
        }
        ("memory_append", args)
    }
}
