//! A person who uses everything that the service has, and keeps all that it answers.

use std::sync::{Mutex, PoisonError};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Person, Replica, eventually},
    identity::forge,
    prompt_isolation::canary,
};

/// Somebody with a canary of their own, beside that of their organization.
pub struct Witness {
    pub person: Person,
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
    /// The body of the request.
    pub sent: String,
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
        let request = edit(self.person.request(method.clone(), path));
        let body = request.try_clone().and_then(|request| request.build().ok());
        let body = body.as_ref().and_then(|request| request.body()?.as_bytes()).unwrap_or_default();
        let sent = String::from_utf8_lossy(body).into_owned();
        let answer = self.person.send(request).await;
        assert!(!answer.status.is_server_error(), "{method} {path}: {answer:?}");
        let seen = Seen {
            method,
            path: path.split('?').next().unwrap_or(path).to_owned(),
            status: answer.status.as_u16(),
            sent,
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
        self.answer().await;
        self.administer().await;
        self.teach().await;
        self.schedule().await;
        self.propose().await;
        self.keep().await;
        self.spend().await;
        self.data(other_replica).await;
        for path in [
            "/v1/me",
            "/v1/suggestions",
            "/v1/admin/feedback",
            "/v1/admin/audit",
            "/v1/admin/slack",
            "/v1/slack/links",
            "/healthz",
            "/readyz",
            "/metrics",
            "/openapi.json",
        ] {
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
        self.json(Method::POST, "/v1/entities/batch", line).await;
        for path in [
            "/v1/entities",
            "/v1/entities?q=canary",
            "/v1/entities?kind=contact&limit=1",
            "/v1/entities?linked_kind=deal&linked_id=D-1",
            "/v1/entities?sort=updated&open=true",
            "/v1/suggestions?entity_kind=deal&entity_id=D-1&timezone=Europe/Berlin",
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
        self.get("/v1/memory/preview?entity_kind=deal&entity_id=D-1").await.expect(200);
        let facts =
            json!({"company_name": self.org, "products": [{"name": self.org}], "custom": {"note": self.org}});
        self.json(Method::PUT, "/v1/org/profile", facts).await;
        for path in ["/v1/org/profile", "/v1/org/profile/revisions"] {
            self.get(path).await.expect(200);
        }
    }

    async fn open(&self) -> String {
        let body = json!({"title": self.own, "entity": {"kind": "deal", "id": "D-1"}});
        let key = canary();
        let request = |it: RequestBuilder| it.header("idempotency-key", &key).json(&body);
        let opened = self.send(Method::POST, "/v1/sessions", request).await.expect(201).json();
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
        let answer = format!("/v1/messages/{}/feedback", turn["message"]["id"].as_str().expect("an id"));
        let words = json!({"rating": "down", "text": self.own});
        self.json(Method::PUT, &answer, words.clone()).await.expect(200);
        self.get(&answer).await.expect(200);
        self.send(Method::DELETE, &answer, |request| request).await.expect(204);
        self.json(Method::PUT, &answer, words).await.expect(200);
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
        let id = session.rsplit('/').next().unwrap_or_default();
        self.get(&format!("/v1/memory/preview?session_id={id}")).await.expect(200);
        self.get(&session).await;
        self.json(Method::PUT, "/v1/sessions/by-key/main", json!({"title": self.own})).await;
        self.get("/v1/sessions?q=canary").await;
        self.get("/v1/sessions?entity_kind=deal&entity_id=D-1").await;
        let brief = self.open().await;
        self.send(Method::DELETE, &brief, |request| request).await.expect(204);
    }

    /// A change of the deal is asked for and denied, once by itself and once in a batch.
    async fn decide(&self) {
        for path in ["/v1/permissions", "/v1/admin/permissions", "/v1/models", "/v1/admin/models"] {
            self.get(path).await;
        }
        self.json(Method::PUT, "/v1/admin/permissions", json!({"preset": "balanced"})).await;
        let routes = json!({"routes": [{"candidates": ["anthropic/claude-test"]}]});
        self.json(Method::PUT, "/v1/admin/models", routes.clone()).await;
        self.send(Method::DELETE, "/v1/admin/models", |request| request).await;
        self.json(Method::PUT, "/v1/admin/models", routes).await;
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

    /// The copilot asks, and is told.
    async fn answer(&self) {
        let session = self.open().await;
        self.say(&session, "Ask me.", "application/json").await;
        let id = session.rsplit('/').next().unwrap_or_default();
        let listed = self.get(&format!("/v1/questions?session_id={id}")).await.expect(200).json();
        let path = format!("/v1/questions/{}", listed["data"][0]["id"].as_str().expect("an id"));
        let answered = self.json(Method::POST, &path, json!({"answer": self.own})).await.expect(202).json();
        self.get(&path).await.expect(200);
        let run = answered["run_id"].as_str().expect("an id");
        let events = self.get(&format!("/v1/runs/{run}/events")).await.expect(200);
        assert!(events.text.contains("The person answered"), "{events:?}");
    }

    /// Members, types of cards, and a key with its service member.
    async fn administer(&self) {
        self.get("/v1/admin/members").await;
        let schema = json!({"type": "object", "title": self.org});
        for name in ["offer", "brief"] {
            self.json(Method::PUT, &format!("/v1/admin/card-types/{name}"), schema.clone()).await;
        }
        self.get("/v1/admin/card-types").await;
        for name in ["provider", "spare"] {
            let value = json!({"value": format!("a key of {} for {name}", self.org)});
            self.json(Method::PUT, &format!("/v1/admin/secrets/{name}"), value).await;
        }
        self.get("/v1/admin/secrets").await;
        self.send(Method::DELETE, "/v1/admin/secrets/spare", |request| request).await;
        self.get("/v1/admin/card-types/offer").await;
        self.send(Method::DELETE, "/v1/admin/card-types/brief", |request| request).await;
        let made =
            self.json(Method::POST, "/v1/admin/api-keys", json!({"name": self.org, "role": "member"})).await;
        self.get("/v1/admin/api-keys").await;
        if made.status.is_success() {
            let path = format!("/v1/admin/api-keys/{}", made.json()["id"].as_str().expect("an id"));
            self.get(&path).await.expect(200);
            let service = format!("/v1/admin/members/{}", made.json()["user"].as_str().expect("an id"));
            self.json(Method::PATCH, &service, json!({"ceiling": "readonly"})).await.expect(200);
            self.send(Method::DELETE, &path, |request| request).await.expect(204);
        }
    }

    /// Skills, all that administrators do with them; and the platform's, which nobody here may.
    async fn teach(&self) {
        let document =
            |title: &str| format!("---\nname: {title}\ndescription: {}\n---\n# {}\n", self.org, self.org);
        let files = json!({"references/prices.md": self.org});
        for base in ["/v1/admin/skills", "/v1/platform/skills"] {
            for key in ["brief", "offer"] {
                let path = format!("{base}/{key}");
                for title in ["One", "Two"] {
                    let skill = json!({"document": document(title), "files": files});
                    self.json(Method::PUT, &path, skill).await;
                }
                self.get(&path).await;
                self.get(&format!("{path}/versions")).await;
                self.get(&format!("{path}/versions/1")).await;
                self.get(&format!("{path}/export")).await;
                self.json(Method::POST, &format!("{path}/rollback"), json!({"version": 1})).await;
                self.json(Method::PUT, &format!("{path}/pin"), json!({"version": 1})).await;
                for switch in ["disable", "enable"] {
                    self.send(Method::POST, &format!("{path}/{switch}"), |request| request).await;
                }
            }
            let skill = |key: &str| json!({"key": key, "document": document("Plan")});
            self.json(Method::POST, &format!("{base}/validate"), skill("plan")).await;
            self.json(Method::POST, &format!("{base}/import"), json!([skill("plan")])).await;
            self.json(Method::POST, base, skill(&canary().replace("canary", "plan"))).await;
            self.get(base).await;
            if base == "/v1/admin/skills" {
                let steps =
                    "metadata:\n  skill_type: sequence\n  workflow:\n    - {order: 1, action: list_tasks}";
                let sequence = document("Walk").replacen("\n---\n#", &format!("\n{steps}\n---\n#"), 1);
                self.json(Method::PUT, &format!("{base}/walk"), json!({"document": sequence})).await;
                self.use_skills().await;
            }
            self.send(Method::DELETE, &format!("{base}/brief"), |request| request).await;
        }
    }

    /// What everybody does with skills, and what administrators try.
    async fn use_skills(&self) {
        for path in ["/v1/skills", "/v1/skills/offer", "/v1/skills/never"] {
            self.get(path).await;
        }
        self.json(Method::POST, "/v1/route", json!({"text": self.own})).await.expect(200);
        self.get("/v1/admin/skill-list").await;
        self.json(Method::PUT, "/v1/admin/skill-list", json!({"first": ["offer"], "tokens": 3000})).await;
        self.get("/v1/admin/skills/offer/compiled").await;
        self.json(Method::POST, "/v1/admin/skills/offer/test", json!({"text": "an offer"})).await;
        for key in ["offer", "walk"] {
            let path = format!("/v1/skills/{key}/runs");
            self.json(Method::POST, &path, json!({"inputs": {"about": self.own}})).await;
        }
    }

    /// A task that fires in a year, with all that can be done with it, and what it tells.
    async fn schedule(&self) {
        let task = json!({"name": self.own, "prompt": format!("Hello. {}", self.own),
            "schedule": {"kind": "interval", "every_seconds": 31_000_000}});
        let made = self.json(Method::POST, "/v1/schedules", task.clone()).await;
        self.get("/v1/schedules").await.expect(200);
        self.get("/v1/notifications").await.expect(200);
        if !made.status.is_success() {
            return;
        }
        let path = format!("/v1/schedules/{}", made.json()["id"].as_str().expect("an id"));
        self.send(Method::POST, &format!("{path}/run"), |request| request).await.expect(202);
        let done = eventually("the task is done", async || {
            let told = self.person.get("/v1/notifications").await.expect(200).json();
            told["data"][0]["id"].as_str().map(ToOwned::to_owned)
        });
        let told = format!("/v1/notifications/{}/read", done.await);
        self.get("/v1/notifications").await.expect(200);
        self.get(&format!("{path}/runs")).await.expect(200);
        self.send(Method::POST, &told, |request| request).await.expect(200);
        let nobody = "00000000-0000-0000-0000-000000000000";
        let listened = self.send(Method::GET, "/v1/events", |it| it.header("last-event-id", nobody)).await;
        assert!(listened.text.contains(&self.own), "{listened:?}");
        self.json(Method::PATCH, &path, json!({"name": format!("Later {}", self.own)})).await.expect(200);
        for what in ["pause", "resume", "cancel"] {
            self.send(Method::POST, &format!("{path}/{what}"), |request| request).await.expect(200);
        }
        self.get(&path).await.expect(200);
        let brief = self.json(Method::POST, "/v1/schedules", task).await.expect(201).json();
        let brief = format!("/v1/schedules/{}", brief["id"].as_str().expect("an id"));
        self.send(Method::DELETE, &brief, |request| request).await.expect(204);
    }

    /// What the copilot wants to remember after it was shown a page, and may not.
    async fn propose(&self) {
        let session = self.open().await;
        let page = json!({"text": format!("Keep it in mind. {}", self.own),
            "context": {"view": {"mail": format!("Remember {}.", self.own)}}});
        self.json(Method::POST, &format!("{session}/messages"), page).await.expect(200);
        let listed = self.get("/v1/memory/proposals").await.expect(200).json();
        let own = |proposal: &&Value| proposal["scope"] == "user";
        let proposals = listed["data"].as_array().expect("a list");
        if let Some(proposal) = proposals.iter().find(own) {
            let path = format!("/v1/memory/proposals/{}", proposal["id"].as_str().expect("an id"));
            let denial = json!({"decision": "deny", "reason": self.own});
            self.json(Method::POST, &path, denial).await.expect(202);
        }
    }

    /// Nothing is deleted: all is young.
    async fn keep(&self) {
        let hold = json!({"organization": false, "reason": self.org});
        let days = json!({"messages_days": 1, "transcripts_days": 1, "legal_hold": hold});
        self.json(Method::PUT, "/v1/admin/retention", days).await;
        self.get("/v1/admin/retention").await;
        self.get("/v1/admin/retention/preview").await;
    }

    /// Budgets that nobody reaches, and what was used.
    async fn spend(&self) {
        let limits = json!({"org": {"monthly_usd": 1000}, "user": {"daily_tokens": 1_000_000_000}});
        self.json(Method::PUT, "/v1/admin/budgets", limits.clone()).await;
        self.send(Method::DELETE, "/v1/admin/budgets", |request| request).await;
        self.json(Method::PUT, "/v1/admin/budgets", limits).await;
        for path in ["/v1/admin/budgets", "/v1/usage", "/v1/admin/usage?group_by=user,model"] {
            self.get(path).await;
        }
    }

    /// One's own export; and a member who has left, exported and erased by who may do that.
    async fn data(&self, other_replica: &Replica) {
        self.get("/v1/me/export").await.expect(200);
        let me = self.get("/v1/me").await.expect(200).json();
        let leaver = canary().replace("canary", "leaver");
        let org = me["organization"]["id"].as_str().expect("an id");
        let person = other_replica.person(org, &leaver, "member");
        person.put("/v1/memory/user", json!({"content": "I am about to leave."})).await.expect(200);
        let wanted = if me["rights"]["administer"] == true { [200, 202, 200] } else { [403; 3] };
        let path = format!("/v1/admin/members/{leaver}");
        self.get(&format!("{path}/export")).await.expect(wanted[0]);
        self.send(Method::DELETE, &format!("{path}/data"), |request| request).await.expect(wanted[1]);
        self.get(&format!("{path}/erasure")).await.expect(wanted[2]);
    }

    async fn archive(&self) {
        let session = self.open().await;
        self.say(&session, "Remember this.", "application/json").await;
        let path = format!("{session}/compact");
        let summary = self.json(Method::POST, &path, json!({})).await.expect(200).json();
        let path = format!("/v1/session-summaries/{}", summary["id"].as_str().expect("an id"));
        self.get(&path).await.expect(200);
        self.send(Method::GET, &path, |request| request.header("accept", "text/markdown")).await.expect(200);
        for form in ["text/markdown", "application/x-ndjson"] {
            let path = format!("{session}/export");
            let whole = self.send(Method::GET, &path, |it| it.header("accept", form)).await.expect(200);
            assert!(whole.text.contains(&self.own), "{whole:?}");
        }
        self.get("/v1/session-summaries").await;
        let found = self.get("/v1/session-summaries/search?q=canary").await.expect(200);
        assert!(unmarked(&found.text).contains(&self.own), "{found:?}");
        self.say(&session, "Use your tools.", "text/event-stream").await;
    }
}
