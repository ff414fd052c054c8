//! A person who uses everything that the service has, and keeps all that it answers.

use std::sync::{Mutex, PoisonError};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Person, Replica},
    identity::forge,
    prompt_isolation::canary,
};

/// Somebody with a canary of their own, beside that of their organization.
pub struct Witness {
    person: Person,
    pub name: String,
    pub own: String,
    pub org: String,
    seen: Mutex<Vec<Seen>>,
}

/// One answer.
#[derive(Clone)]
pub struct Seen {
    pub method: Method,
    /// Without the query.
    pub path: String,
    pub status: u16,
    pub text: String,
}

/// The text without the marks of a search's hits, which would hide a canary.
pub fn unmarked(text: &str) -> String {
    text.replace("**", "")
}

impl Witness {
    pub fn new(replica: &Replica, org: (&str, &str), user: &str, role: &str) -> Self {
        let own = canary();
        let claims = json!({"sub": user, "org_id": org.0, "org_role": role, "name": own});
        let person = replica.bearer(&forge::with_claims(claims));
        Self { person, name: format!("{user} of {}", org.0), own, org: org.1.into(), seen: Mutex::default() }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        edit: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        let answer = self.person.send(edit(self.person.request(method.clone(), path))).await;
        assert!(!answer.status.is_server_error(), "{method} {path}: {answer:?}");
        let seen = Seen {
            method,
            path: path.split('?').next().unwrap_or(path).to_owned(),
            status: answer.status.as_u16(),
            text: format!("{:?}\n{}", answer.headers, unmarked(&answer.text)),
        };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        answer
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, |request| request).await
    }

    async fn json(&self, method: Method, path: &str, body: Value) -> Answer {
        self.send(method, path, |request| request.json(&body)).await
    }

    /// Everything, in an order in which it makes sense.
    pub async fn use_everything(&self, other_replica: &Replica) {
        self.record().await;
        self.memory().await;
        self.converse(other_replica).await;
        self.archive().await;
        self.decide().await;
        for path in ["/v1/me", "/v1/admin/audit", "/healthz", "/readyz", "/openapi.json"] {
            self.get(path).await;
        }
        for path in ["/v1/platform/orgs/acme", "/v1/platform/orgs/acme/members/mallory"] {
            self.json(Method::PUT, path, json!({})).await.problem(403, "forbidden");
        }
        let path = "/v1/platform/orgs/acme/members/mallory";
        self.send(Method::DELETE, path, |request| request).await.problem(403, "forbidden");
    }

    /// The record is the organization's: it holds nobody's own canary.
    async fn record(&self) {
        let name = json!({"name": self.org, "attributes": {"note": self.org}});
        for path in ["/v1/entities/deal/D-1", "/v1/entities/contact/C-1"] {
            self.json(Method::PUT, path, name.clone()).await;
            self.json(Method::PATCH, path, json!({"owner": self.org})).await;
            self.json(Method::POST, &format!("{path}/notes"), json!({"text": self.org})).await;
            self.get(&format!("{path}/notes")).await;
            self.get(path).await;
        }
        let id = canary().replace("canary", "T");
        self.json(Method::POST, "/v1/entities", json!({"kind": "deal", "id": id, "name": self.org})).await;
        self.send(Method::DELETE, &format!("/v1/entities/deal/{id}"), |request| request).await;
        let line =
            json!({"kind": "task", "id": "T-1", "name": self.org, "links": [{"kind": "deal", "id": "D-1"}]});
        self.json(Method::POST, "/v1/entities/batch", line).await.expect(200);
        for path in [
            "/v1/entities",
            "/v1/entities?q=canary",
            "/v1/entities?kind=contact&limit=1",
            "/v1/entities?linked_kind=deal&linked_id=D-1",
            "/v1/entities?sort=updated&open=true",
        ] {
            self.get(path).await;
        }
    }

    async fn memory(&self) {
        for (path, canary) in [
            ("/v1/memory/org", &self.org),
            ("/v1/memory/user", &self.own),
            ("/v1/memory/entities/deal/D-1", &self.org),
        ] {
            self.json(Method::PUT, path, json!({"content": format!("- {canary}")})).await;
            self.get(path).await;
            self.get(&format!("{path}/revisions")).await;
            self.json(Method::POST, &format!("{path}/revert"), json!({"version": 1})).await;
        }
    }

    async fn open(&self) -> String {
        let body = json!({"title": self.own, "entity": {"kind": "deal", "id": "D-1"}});
        let opened = self.json(Method::POST, "/v1/sessions", body).await.expect(201).json();
        format!("/v1/sessions/{}", opened["id"].as_str().expect("an id"))
    }

    async fn say(&self, session: &str, words: &str, accept: &str) -> Answer {
        let body = json!({"text": format!("{words} {}", self.own), "context": {"view": {"page": self.own}}});
        let path = format!("{session}/messages");
        self.send(Method::POST, &path, |request| request.header("accept", accept).json(&body))
            .await
            .expect(200)
    }

    async fn converse(&self, other_replica: &Replica) {
        let session = self.open().await;
        self.say(&session, "Hello.", "text/event-stream").await;
        let turn = self.say(&session, "Use your tools.", "application/json").await.json();
        let run = format!("/v1/runs/{}", turn["run"]["id"].as_str().expect("an id"));
        self.get(&run).await;
        self.get(&format!("{run}/events")).await;
        self.send(Method::GET, &format!("{run}/events"), |it| it.header("last-event-id", "1.2")).await;
        // From the database, by a replica that did not execute it.
        let elsewhere = self.person.at(other_replica.address).get(&format!("{run}/events")).await.expect(200);
        assert!(elsewhere.text.contains(&self.own), "{elsewhere:?}");
        self.json(Method::POST, &format!("{session}/regenerate"), json!({})).await.expect(200);
        let async_answer = self
            .send(Method::POST, &format!("{session}/messages"), |request| {
                request.header("prefer", "respond-async").json(&json!({"text": self.own}))
            })
            .await
            .expect(202)
            .json();
        let run = format!("/v1/runs/{}", async_answer["run"]["id"].as_str().expect("an id"));
        self.json(Method::POST, &format!("{run}/cancel"), json!({})).await.expect(202);
        self.get(&format!("{run}/events")).await;
        self.json(Method::PATCH, &session, json!({"title": self.own})).await.expect(200);
        self.get(&format!("{session}/messages?order=desc")).await;
        self.get(&session).await;
        self.json(Method::PUT, "/v1/sessions/by-key/main", json!({"title": self.own})).await;
        self.get("/v1/sessions?q=canary").await;
        self.get("/v1/sessions?entity_kind=deal&entity_id=D-1").await;
        let brief = self.open().await;
        self.send(Method::DELETE, &brief, |request| request).await.expect(204);
    }

    /// A change of the deal is asked for and denied, once by itself and once in a batch.
    async fn decide(&self) {
        for path in ["/v1/permissions", "/v1/admin/permissions"] {
            self.get(path).await;
        }
        self.json(Method::PUT, "/v1/admin/permissions", json!({"preset": "balanced"})).await;
        for together in [false, true] {
            let session = self.open().await;
            let turn = self.say(&session, "Change the deal.", "application/json").await.json();
            let id = session.rsplit('/').next().unwrap_or_default();
            let listed = self.get(&format!("/v1/approvals?session_id={id}")).await.expect(200).json();
            let Some(asked) = listed["data"][0]["id"].as_str() else { continue };
            self.get(&format!("/v1/approvals/{asked}")).await.expect(200);
            let mut denial = json!({"decision": "deny", "reason": self.own});
            if together {
                denial["id"] = asked.into();
                self.json(Method::POST, "/v1/approvals/batch", json!({ "decisions": [denial] })).await;
            } else {
                self.json(Method::POST, &format!("/v1/approvals/{asked}"), denial).await.expect(202);
            }
            self.get(&format!("/v1/runs/{}/events", turn["run"]["id"].as_str().expect("an id"))).await;
        }
    }

    async fn archive(&self) {
        let session = self.open().await;
        self.say(&session, "Remember this.", "application/json").await;
        let path = format!("{session}/compact");
        let summary = self.json(Method::POST, &path, json!({})).await.expect(200).json();
        let path = format!("/v1/session-summaries/{}", summary["id"].as_str().expect("an id"));
        self.get(&path).await.expect(200);
        self.send(Method::GET, &path, |request| request.header("accept", "text/markdown")).await.expect(200);
        self.get("/v1/session-summaries").await;
        let found = self.get("/v1/session-summaries/search?q=canary").await.expect(200);
        assert!(unmarked(&found.text).contains(&self.own), "{found:?}");
        self.say(&session, "Use your tools.", "text/event-stream").await;
    }
}
