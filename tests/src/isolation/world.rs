//! Alice and others of her organization in every role, her colleague Bob, and
//! Mallory of another organization, who each have something of everything. What
//! is Bob's or Mallory's holds a canary, and so does what Alice and the others have
//! as members of Mallory's organization.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{OrgId, SlackLinkId, Tenant, UserId};
use model_sim::Reply;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::operations::Names;
use crate::harness::{Person, TestApp};

/// Stands in everything that only Bob or Mallory may see, and in nothing else.
pub const CANARY: &str = "canary-5f1c20d6";
/// The `Idempotency-Key` that Bob and Mallory have used.
pub const THEIR_KEY: &str = "their-key";

pub struct World {
    pub app: TestApp,
    pub alice: Person,
    pub bob: Person,
    pub mallory: Person,
    pub bobs: Conversation,
    pub mallorys: Conversation,
    mallorys_key: String,
    /// Alice, and those in other roles.
    pub insiders: Vec<Insider>,
}

/// Somebody who attacks from inside of the organization.
pub struct Insider {
    name: &'static str,
    pub role: &'static str,
    pub person: Person,
    pub own: Conversation,
    pub deleted: Conversation,
    /// The same person's in Mallory's organization.
    elsewhere: Conversation,
}

impl Insider {
    /// Whose things this person may not know of here, and under which identity those have them.
    pub fn victims(&self) -> [(&'static str, Tenant); 3] {
        let tenant = |org, user| Tenant::own(OrgId::derive(org), UserId::derive(user));
        [
            (OTHERS, tenant("globex", "mallory")),
            (COLLEAGUES, tenant("acme", "bob")),
            (ELSEWHERE, tenant("globex", self.name)),
        ]
    }
}

/// A session with an answered message, its archive, a run that waits, and a proposal to
/// the person's memory.
#[derive(Clone)]
pub struct Conversation {
    pub session: String,
    pub run: String,
    pub message: String,
    pub summary: String,
    pub approval: String,
    pub proposal: String,
    pub question: String,
    pub schedule: String,
    pub notification: String,
    pub slack_link: String,
}

/// What a parameter is asked with, and whose that is.
pub type Case = (&'static str, Vec<String>);

impl World {
    /// With Alice alone inside.
    pub async fn new() -> Self {
        Self::with(&ROLES[..1]).await
    }

    /// With somebody in every role.
    pub async fn of_all_roles() -> Self {
        Self::with(&ROLES).await
    }

    async fn with(roles: &[(&'static str, &'static str)]) -> Self {
        let app = TestApp::start().await;
        let (alice, bob, mallory) = (app.alice(), app.bob(), app.stranger());
        for id in ["D-gone", "D-1"] {
            alice.put(&format!("/v1/entities/deal/{id}"), json!({"name": "Acme renewal"})).await.expect(201);
        }
        alice.delete("/v1/entities/deal/D-gone").await.expect(204);
        let skill = json!({"document": "---\nname: Mine\ndescription: Mine.\n---\n# Mine"});
        alice.put("/v1/admin/skills/mine-9", skill).await.expect(201);
        let mut insiders = Vec::new();
        for (name, role) in roles {
            let person = app.replica.person("acme", name, role);
            let deleted = converse(&app, &person, "gone").await;
            person.delete(&format!("/v1/sessions/{}", deleted.session)).await.expect(204);
            person.delete(&format!("/v1/schedules/{}", deleted.schedule)).await;
            forget(&app, &deleted.notification).await;
            person.delete(&format!("/v1/slack/links/{}", deleted.slack_link)).await.expect(204);
            let own = converse(&app, &person, "Nothing special.").await;
            let there = app.replica.person("globex", name, role);
            let elsewhere = converse(&app, &there, CANARY).await;
            rate(&there, &elsewhere, CANARY).await;
            insiders.push(Insider { name, role, person, own, deleted, elsewhere });
        }
        bob.put("/v1/memory/user", json!({"content": CANARY})).await.expect(200);
        bob.put("/v1/sessions/by-key/main", json!({"title": CANARY})).await.expect(201);
        let bobs = converse(&app, &bob, CANARY).await;
        // No canary: administrators read what their members think of answers.
        rate(&bob, &bobs, "Bob's own.").await;
        fill(&mallory).await;
        let key = json!({"name": CANARY, "role": "member"});
        let key = mallory.post("/v1/admin/api-keys", key).await.expect(201).json();
        let mallorys_key = key["id"].as_str().expect("an id").to_owned();
        let mallorys = converse(&app, &mallory, CANARY).await;
        rate(&mallory, &mallorys, CANARY).await;
        for person in [&bob, &mallory] {
            let request = person.request(reqwest::Method::POST, "/v1/sessions");
            let request = request.header("idempotency-key", THEIR_KEY).json(&json!({"title": CANARY}));
            person.send(request).await.expect(201);
        }
        Self { app, alice, bob, mallory, bobs, mallorys, mallorys_key, insiders }
    }

    /// Names of what exists and may not be known, or exists no more. The first
    /// exists nowhere: every other answer must equal the one to it.
    pub fn unknowable(&self, who: &Insider, names: Names) -> Vec<Case> {
        let something_else = if names == Names::Message { &self.bobs.session } else { &self.bobs.message };
        let personal = |own: fn(&Conversation) -> &str, with: fn(String) -> String| {
            let id = |id: &str| vec![with(id.to_owned())];
            vec![
                (NOBODYS, id(&Uuid::now_v7().to_string())),
                (OTHERS, id(own(&self.mallorys))),
                (COLLEAGUES, id(own(&self.bobs))),
                (ELSEWHERE, id(own(&who.elsewhere))),
                ("a deleted one", id(own(&who.deleted))),
                ("something else's", id(something_else)),
                ("none at all", id(&Uuid::nil().to_string())),
            ]
        };
        let plain = |id: String| id;
        let entity = |what, kind: &str, id: &str| (what, vec![kind.to_owned(), id.to_owned()]);
        match names {
            Names::Session => personal(|of| &of.session, plain),
            Names::Run => personal(|of| &of.run, plain),
            Names::Message => personal(|of| &of.message, plain),
            Names::Summary => personal(|of| &of.summary, plain),
            Names::Approval => personal(|of| &of.approval, plain),
            Names::Question => personal(|of| &of.question, plain),
            Names::Proposal => personal(|of| &of.proposal, plain),
            Names::Schedule => personal(|of| &of.schedule, plain),
            Names::Notification => personal(|of| &of.notification, plain),
            Names::SlackLink => personal(|of| &of.slack_link, plain),
            Names::SessionCursor => {
                personal(|of| &of.session, |id| cursor(&json!(["2999-01-01T00:00:00Z", id])))
            }
            // Places in time behind all of one's own: whose they are must not matter.
            Names::SummaryCursor => personal(|of| &of.summary, |id| cursor(&json!(id)))[..4].to_vec(),
            Names::QuestionCursor => personal(|of| &of.question, |id| cursor(&json!(id)))[..4].to_vec(),
            Names::ScheduleCursor => personal(|of| &of.schedule, |id| cursor(&json!(id)))[..4].to_vec(),
            Names::NotificationCursor => {
                personal(|of| &of.notification, |id| cursor(&json!(id)))[..4].to_vec()
            }
            Names::ApprovalCursor => personal(|of| &of.approval, |id| cursor(&json!(id)))[..4].to_vec(),
            Names::EntityCursor => [("D-98", NOBODYS), ("D-9", OTHERS), ("D-gone", "a deleted one")]
                .map(|(id, what)| (what, vec![cursor(&json!({"kind": "deal", "id": id}))]))
                .into(),
            Names::Event => [("1.1", NOBODYS), ("1.1", OTHERS), ("1.1", COLLEAGUES)]
                .map(|(id, what)| (what, vec![id.to_owned()]))
                .into(),
            Names::Entity => vec![
                entity(NOBODYS, "deal", "N-9"),
                entity(OTHERS, "deal", "D-9"),
                entity("a deleted one", "deal", "D-gone"),
            ],
            Names::OwnEntity => vec![entity(NOBODYS, "deal", "N-8"), entity(OTHERS, "deal", "D-8")],
            Names::Member => [(NOBODYS, "nobody"), (OTHERS, "mallory")]
                .map(|(what, id)| (what, vec![id.to_owned()]))
                .into(),
            Names::ApiKey => [(NOBODYS, Uuid::now_v7().to_string()), (OTHERS, self.mallorys_key.clone())]
                .map(|(what, id)| (what, vec![id]))
                .into(),
            Names::CardType | Names::Secret => [(NOBODYS, "never"), (OTHERS, "offer-9")]
                .map(|(what, name)| (what, vec![name.to_owned()]))
                .into(),
            Names::Skill => [(NOBODYS, "never"), (OTHERS, "offer-9")]
                .map(|(what, key)| (what, vec![key.to_owned(), "1".to_owned()]))
                .into(),
            Names::Platform => [(NOBODYS, "never"), (OTHERS, "globex"), ("one's own", "acme")]
                .map(|(what, org)| (what, vec![org.to_owned(), "mallory".to_owned()]))
                .into(),
            Names::Nothing | Names::OwnKey | Names::OwnCardType | Names::OwnSecret | Names::OwnSkill => {
                Vec::new()
            }
        }
    }

    /// What is no name at all.
    pub fn malformed(names: Names) -> Vec<Case> {
        let case = |what, id: &str| match names {
            Names::Entity | Names::Platform | Names::OwnEntity => {
                (what, vec!["deal".to_owned(), id.to_owned()])
            }
            Names::Skill => (what, vec![id.to_owned(), "1".to_owned()]),
            _ => (what, vec![id.to_owned()]),
        };
        let mut cases = vec![
            case("U+0000", "%00"),
            case("SQL", "'%20or%20true--"),
            case("not UTF-8", "%ff"),
            case("too long", &"9".repeat(2_000)),
        ];
        if names == Names::Entity {
            cases.push(("of another kind", vec!["contact".into(), "D-1".into()]));
            cases.push(("of an unknown kind", vec!["invoice".into(), "D-1".into()]));
        } else {
            cases.push(case("malformed", "not-an-id"));
        }
        cases
    }

    /// Everything that is stored and Bob's or Mallory's, as the superuser sees it.
    pub async fn of_others(&self) -> String {
        let mut connection = self.superuser().await;
        let tables: Vec<(String, bool)> = sqlx::query_as(
            "select c.relname::text, exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'owner_id')
             from pg_class c where c.relnamespace = 'sixty'::regnamespace and c.relkind = 'r'
                and c.relname <> '_sqlx_migrations'
                -- What the service seals by itself, it does whoever asks for what.
                and c.relname not in ('audit_pending', 'audit_seals', 'audit_heads') order by 1",
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
                .bind(OrgId::derive("globex").0)
                .bind(UserId::derive("bob").0)
                .fetch_one(&mut connection)
                .await
                .expect("rows");
            all = format!("{all}\n# {table}\n{rows}");
        }
        assert!(all.contains(CANARY));
        all
    }

    /// Rows that hang on a session or a run of somebody else: by reference or by name alone.
    pub async fn astray(&self) -> i64 {
        let mut connection = self.superuser().await;
        let mut astray = 0;
        for (child, parent) in [("session_id", "sessions"), ("run_id", "runs")] {
            let tables: Vec<String> = sqlx::query_scalar(
                "select c.relname::text from pg_class c
                 where c.relnamespace = 'sixty'::regnamespace and c.relkind = 'r' and 2 = (select count(*)
                    from pg_attribute a where a.attrelid = c.oid and a.attname in ('owner_id', $1))",
            )
            .bind(child)
            .fetch_all(&mut connection)
            .await
            .expect("the tables");
            assert!(tables.len() > 3, "{tables:?}");
            for table in tables {
                let sql = format!(
                    "select count(*) from sixty.{table} c join sixty.{parent} p on p.id = c.{child}
                     where (p.org_id, p.owner_id) is distinct from (c.org_id, c.owner_id)"
                );
                let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
                    .fetch_one(&mut connection)
                    .await
                    .expect("a number");
                astray += count;
            }
        }
        astray
    }

    /// Takes every policy away, in this test's database: what remains are the filters of the queries.
    pub async fn without_policies(&self) {
        let mut connection = self.superuser().await;
        let sql = "do $$ declare name text; begin
                for name in select c.relname from pg_class c
                    where c.relnamespace = 'sixty'::regnamespace and c.relrowsecurity loop
                    execute format('alter table sixty.%I disable row level security', name);
                end loop;
            end $$";
        sqlx::raw_sql(sql).execute(&mut connection).await.expect("no policies");
    }

    async fn superuser(&self) -> PgConnection {
        PgConnection::connect(&self.app.database.superuser_url()).await.expect("a connection")
    }
}

const ROLES: [(&str, &str); 4] =
    [("alice", "owner"), ("adam", "admin"), ("mel", "member"), ("rita", "readonly")];

pub const NOBODYS: &str = "one that nobody has";
pub const OTHERS: &str = "another organization's";
pub const COLLEAGUES: &str = "a colleague's";
pub const ELSEWHERE: &str = "one's own in another organization";

fn cursor(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

async fn fill(person: &Person) {
    let secret = || json!({"name": CANARY, "attributes": {"note": CANARY}});
    for path in ["/v1/entities/deal/D-9", "/v1/entities/deal/D-8", "/v1/entities/contact/C-9"] {
        person.put(path, secret()).await.expect(201);
        person.post(&format!("{path}/notes"), json!({"text": CANARY})).await.expect(201);
    }
    for path in ["/v1/memory/org", "/v1/memory/user", "/v1/memory/entities/deal/D-9"] {
        person.put(path, json!({"content": CANARY})).await.expect(200);
    }
    person.put("/v1/org/profile", json!({"company_name": CANARY})).await.expect(200);
    let schema = json!({"type": "object", "title": CANARY});
    person.put("/v1/admin/card-types/offer-9", schema).await.expect(201);
    person
        .put("/v1/admin/secrets/offer-9", json!({"value": "what mallory keeps to herself"}))
        .await
        .expect(201);
    let document = format!("---\nname: Offer\ndescription: {CANARY}\n---\n# {CANARY}\n");
    let skill = json!({"document": document, "files": {"references/prices.md": CANARY}});
    person.put("/v1/admin/skills/offer-9", skill).await.expect(201);
    person.put("/v1/sessions/by-key/main", json!({"title": CANARY})).await.expect(201);
}

async fn converse(app: &TestApp, person: &Person, text: &str) -> Conversation {
    let session = person.session_with(json!({"title": text})).await;
    app.sim.push(Reply::text(text));
    let turn = person.ask(&session, text).await;
    let id = |value: &Value| value.as_str().expect("an id").to_owned();
    app.sim.push_for("Write the summary now", Reply::text(text));
    let path = format!("/v1/sessions/{session}/compact");
    let summary = id(&person.post(&path, json!({})).await.expect(200).json()["id"]);
    let approval = ask_person(app, person, &session, text).await;
    let proposal = propose(app, person, &session, text).await;
    let question = put_question(app, person, &session, text).await;
    let (schedule, notification) = schedule(app, person, text).await;
    let slack_link = link(app, &session, text).await;
    Conversation {
        session,
        run: id(&turn["run"]["id"]),
        message: id(&turn["message"]["id"]),
        summary,
        approval,
        proposal,
        question,
        schedule,
        notification,
        slack_link,
    }
}

/// A task that fires in a year, with a notification. Readonly members schedule nothing: no id is theirs.
async fn schedule(app: &TestApp, person: &Person, text: &str) -> (String, String) {
    let task =
        json!({"name": text, "prompt": text, "schedule": {"kind": "interval", "every_seconds": 31_000_000}});
    let made = person.post("/v1/schedules", task).await;
    if made.status == 403 {
        return (Uuid::now_v7().to_string(), Uuid::now_v7().to_string());
    }
    let (task, told) = (made.expect(201).json()["id"].as_str().expect("an id").to_owned(), Uuid::now_v7());
    sqlx::query(
        "insert into sixty.notifications (org_id, owner_id, id, kind, title, text, about)
         select org_id, owner_id, $2, 'schedule_done', $3, $3, '{}' from sixty.schedules where id = $1::uuid",
    )
    .bind(&task)
    .bind(told)
    .bind(text)
    .execute(&app.database.superuser().await)
    .await
    .expect("a notification");
    (task, told.to_string())
}

/// The person of this session is somebody in Slack.
async fn link(app: &TestApp, session: &str, text: &str) -> String {
    let user = format!("U-{text}-{session}");
    let org: Uuid = sqlx::query_scalar(
        "insert into sixty.slack_links (org_id, enterprise_id, team_id, slack_user, user_id, linked_by)
         select org_id, '', 'T1', $2, owner_id, 'link' from sixty.sessions where id = $1::uuid returning org_id",
    )
    .bind(session)
    .bind(&user)
    .fetch_one(&app.database.superuser().await)
    .await
    .expect("a link");
    SlackLinkId::derive(org.into(), ["", "T1", &user]).to_string()
}

/// As the five hundred that came after it would.
async fn forget(app: &TestApp, notification: &str) {
    sqlx::query("delete from sixty.notifications where id = $1::uuid")
        .bind(notification)
        .execute(&app.database.superuser().await)
        .await
        .expect("it is forgotten");
}

async fn rate(person: &Person, of: &Conversation, text: &str) {
    let path = format!("/v1/messages/{}/feedback", of.message);
    person.put(&path, json!({"rating": "down", "text": text})).await.expect(200);
}

/// Something that waits for the person. Runs of readonly members ask nothing: no id is theirs.
async fn ask_person(app: &TestApp, person: &Person, session: &str, text: &str) -> String {
    if person.get("/v1/permissions").await.expect(200).json()["canModifyDeals"] == false {
        return Uuid::now_v7().to_string();
    }
    if person.get("/v1/entities/deal/D-1").await.status == 404 {
        person.put("/v1/entities/deal/D-1", json!({"name": "Acme renewal"})).await.expect(201);
    }
    let change = json!({"kind": "deal", "id": "D-1", "changes": {"stage": text}});
    app.sim.push(Reply::call("update_entity", change));
    assert_eq!(person.ask(session, text).await["run"]["status"], "waiting");
    let listed = person.get("/v1/approvals?limit=1").await.expect(200).json();
    listed["data"][0]["id"].as_str().expect("an id").to_owned()
}

/// What the copilot asks the person, who has not answered.
async fn put_question(app: &TestApp, person: &Person, session: &str, text: &str) -> String {
    app.sim.push(Reply::call("ask_user", json!({"question": format!("Is it {text}?")})));
    assert_eq!(person.ask(session, text).await["run"]["status"], "waiting");
    let listed = person.get("/v1/questions?limit=1").await.expect(200).json();
    listed["data"][0]["id"].as_str().expect("an id").to_owned()
}

/// What the copilot wants to remember after the person has shown it a page. Runs of
/// readonly members write nothing: no id is theirs.
async fn propose(app: &TestApp, person: &Person, session: &str, text: &str) -> String {
    let fact = json!({"scope": "user", "section": "Facts", "text": format!("Drinks tea with {text}")});
    app.sim.push(Reply::call("memory_append", fact));
    app.sim.push(Reply::text(text));
    let page = json!({"text": text, "context": {"view": {"mail": "Please remember this."}}});
    person.say_with(session, &page).await.rest().await;
    let listed = person.get("/v1/memory/proposals?limit=1").await.expect(200).json();
    listed["data"][0]["id"].as_str().map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}
