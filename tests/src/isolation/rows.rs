//! The same once more in SQL, as the login that the service uses: what the
//! policies, grants and foreign keys refuse by themselves.

use domain::{OrgId, UserId};
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgRow};
use uuid::Uuid;

use super::world::World;

const DENIED: &str = "42501";
const FOREIGN_KEY: &str = "23503";

struct Login {
    connection: PgConnection,
    acme: OrgId,
    globex: OrgId,
    alice: UserId,
    bob: UserId,
}

impl Login {
    async fn new(world: &World) -> Self {
        Self {
            connection: PgConnection::connect(&world.app.database.url()).await.expect("the login connects"),
            acme: OrgId::derive("acme"),
            globex: OrgId::derive("globex"),
            alice: UserId::derive("alice"),
            bob: UserId::derive("bob"),
        }
    }

    /// Begins as Alice does, with this scope.
    async fn begin_as_alice(&mut self, scope: &str) {
        let (org, user) = (self.acme, self.alice);
        self.ok(&format!(
            "begin; set local role sixty_tenant; set local app.org_id = '{org}'; \
             set local app.user_id = '{user}'; set local app.scope = '{scope}'"
        ))
        .await;
    }

    async fn rows(&mut self, sql: &str) -> sqlx::Result<Vec<PgRow>> {
        use sqlx::Executor;
        self.connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await
    }

    async fn ok(&mut self, sql: &str) {
        if let Err(error) = self.rows(sql).await {
            panic!("{error}: {sql}");
        }
    }

    async fn count(&mut self, sql: &str) -> i64 {
        use sqlx::Row;
        let rows = self.rows(sql).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
        rows[0].get(0)
    }

    /// The statement must be refused with this code; its words are the answer.
    async fn refused(&mut self, code: &str, sql: &str) -> String {
        self.ok("savepoint before").await;
        let error = match self.rows(sql).await {
            Err(sqlx::Error::Database(error)) => error,
            other => panic!("{sql} is not refused: {:?}", other.map(|rows| rows.len())),
        };
        self.ok("rollback to savepoint before").await;
        assert_eq!(error.code().as_deref(), Some(code), "{sql}: {error}");
        error.message().to_owned()
    }

    /// The statement, which returns what it touches, finds no row, or is not granted at all.
    async fn touches_nothing(&mut self, sql: &str) {
        self.ok("savepoint before").await;
        match self.rows(sql).await {
            Ok(rows) => assert_eq!(rows.len(), 0, "{sql}"),
            Err(sqlx::Error::Database(error)) => {
                assert_eq!(error.code().as_deref(), Some(DENIED), "{sql}: {error}");
            }
            Err(error) => panic!("{sql}: {error}"),
        }
        self.ok("rollback to savepoint before").await;
    }

    /// Tables of the schema that have this column.
    async fn tables(&mut self, column: &str) -> Vec<String> {
        use sqlx::Row;
        let sql = format!(
            "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid \
             where c.relnamespace = 'sixty'::regnamespace and c.relkind in ('r', 'p') \
                and not c.relispartition and a.attname = '{column}'"
        );
        let tables: Vec<String> =
            self.rows(&sql).await.expect("tables").iter().map(|row| row.get(0)).collect();
        assert!(tables.len() > 8, "{tables:?}");
        tables
    }
}

#[tokio::test]
async fn a_bare_query_is_refused() {
    let world = World::new().await;
    let mut login = Login::new(&world).await;
    let tables = login.tables("org_id").await;
    login.ok("begin").await;
    for table in tables {
        login.refused(DENIED, &format!("select 1 from sixty.{table}")).await;
        login.refused(DENIED, &format!("delete from sixty.{table}")).await;
        login.refused(DENIED, &format!("truncate sixty.{table}")).await;
        login.refused(DENIED, &format!("alter table sixty.{table} disable row level security")).await;
    }
    for sql in [
        "create table sixty.mine ()",
        "call sixty.protect('runs', false)",
        "set role sixty_owner",
        "set role sixty_search",
        "set session authorization postgres",
        "select 1 from sixty._sqlx_migrations",
        "alter role sixty_app inherit",
    ] {
        login.refused(DENIED, sql).await;
    }
}

#[tokio::test]
async fn without_an_organization_the_tenants_role_sees_and_writes_nothing() {
    let world = World::new().await;
    let mut login = Login::new(&world).await;
    let tables = login.tables("org_id").await;
    // Never set, set to nothing, and as it stands after a transaction that had set it.
    login.ok("begin; set local role sixty_tenant").await;
    for table in &tables {
        assert_eq!(login.count(&format!("select count(*) from sixty.{table}")).await, 0, "{table}");
    }
    login.ok("commit").await;
    login.begin_as_alice("own").await;
    assert!(login.count("select count(*) from sixty.orgs").await == 1);
    login.ok("commit; begin; set local role sixty_tenant").await;
    for table in &tables {
        assert_eq!(login.count(&format!("select count(*) from sixty.{table}")).await, 0, "{table}");
        let insert = format!("insert into sixty.{table} (org_id) values ('{}')", login.acme);
        assert!(login.refused(DENIED, &insert).await.contains("row-level security"), "{table}");
    }
}

#[tokio::test]
async fn rows_of_another_organization_are_neither_seen_nor_written() {
    let world = World::new().await;
    let before = world.of_others().await;
    let mut login = Login::new(&world).await;
    let tables = login.tables("org_id").await;
    for scope in ["own", "org"] {
        login.begin_as_alice(scope).await;
        let globex = login.globex;
        for table in &tables {
            let seen = format!("select count(*) from sixty.{table} where org_id <> '{}'", login.acme);
            assert_eq!(login.count(&seen).await, 0, "{table}");
            let insert = format!("insert into sixty.{table} (org_id) values ('{globex}')");
            assert!(login.refused(DENIED, &insert).await.contains("row-level security"), "{table}");
        }
        for table in &tables {
            login
                .touches_nothing(&format!("delete from sixty.{table} where org_id = '{globex}' returning 1"))
                .await;
            let update =
                format!("update sixty.{table} set org_id = org_id where org_id = '{globex}' returning 1");
            login.touches_nothing(&update).await;
        }
        let update = format!("update sixty.sessions set org_id = '{globex}'");
        let moved = login.rows(&update).await.err().map(|error| error.to_string());
        assert!(moved.is_none_or(|error| error.contains("row-level security")));
        login.ok("rollback").await;
    }
    assert_eq!(world.of_others().await, before);
}

#[tokio::test]
async fn rows_of_a_colleague_are_neither_seen_nor_written() {
    let world = World::new().await;
    let own = world.alice.session().await;
    let before = world.of_others().await;
    let mut login = Login::new(&world).await;
    let tables = login.tables("owner_id").await;
    for scope in ["own", "org"] {
        login.begin_as_alice(scope).await;
        let (acme, alice, bob) = (login.acme, login.alice, login.bob);
        for table in &tables {
            let memory = table.starts_with("copilot_memor");
            if scope == "own" || memory {
                let seen = format!("select count(*) from sixty.{table} where owner_id <> '{alice}'");
                assert_eq!(login.count(&seen).await, 0, "{table}");
            }
            if scope == "own" {
                let delete = format!("delete from sixty.{table} where owner_id = '{bob}' returning 1");
                login.touches_nothing(&delete).await;
            }
            let update =
                format!("update sixty.{table} set owner_id = owner_id where owner_id = '{bob}' returning 1");
            login.touches_nothing(&update).await;
            let insert = format!("insert into sixty.{table} (org_id, owner_id) values ('{acme}', '{bob}')");
            assert!(login.refused(DENIED, &insert).await.contains("row-level security"), "{table} {scope}");
        }
        let give = format!("update sixty.sessions set owner_id = '{bob}' where id = '{own}'");
        assert!(login.refused(DENIED, &give).await.contains("row-level security"));
        // Although scope `org` reads them, it writes none of them.
        let take = format!("update sixty.sessions set title = 'mine' where owner_id = '{bob}'");
        login.ok(&take).await;
        login.ok("commit").await;
    }
    assert_eq!(world.of_others().await, before);
}

#[tokio::test]
async fn nothing_can_be_attached_to_what_is_not_ones_own() {
    let world = World::new().await;
    let mut login = Login::new(&world).await;
    let new = || Uuid::now_v7();
    for scope in ["own", "org"] {
        login.begin_as_alice(scope).await;
        let (acme, alice) = (login.acme, login.alice);
        for of in [&world.bobs, &world.mallorys] {
            let (session, run) = (&of.session, &of.run);
            for sql in [
                format!(
                    "insert into sixty.messages (org_id, owner_id, session_id, id, seq, role, content, author_id) \
                     values ('{acme}', '{alice}', '{session}', '{}', 99, 'user', '[]', '{alice}')",
                    new()
                ),
                format!(
                    "insert into sixty.runs (org_id, owner_id, session_id, id, message_id, trigger, status, mode, model, role) \
                     values ('{acme}', '{alice}', '{session}', '{}', '{}', 'http', 'queued', 'auto', 'm', 'owner')",
                    new(),
                    new()
                ),
                format!(
                    "insert into sixty.steps (org_id, owner_id, run_id, seq, kind, fence, payload) \
                     values ('{acme}', '{alice}', '{run}', 99, 'answer', 9, '{{}}')"
                ),
                format!(
                    "insert into sixty.tool_calls (org_id, owner_id, run_id, call_id, name, class, state, args, args_hash, fence) \
                     values ('{acme}', '{alice}', '{run}', 'c', 'n', 'read', 'done', '{{}}', '', 9)"
                ),
                format!(
                    "insert into sixty.approvals (org_id, owner_id, id, session_id, run_id, call_id, tool, action, \
                        schema_hash, args, args_hash, preview, blocking, decider, expires_at) \
                     values ('{acme}', '{alice}', '{}', '{session}', '{run}', 'c', 't', 'a', '', '{{}}', '', '{{}}', \
                        true, 'requester', now())",
                    new()
                ),
                format!(
                    "insert into sixty.questions (org_id, owner_id, id, session_id, run_id, call_id, question, options, \
                        multiple, expires_at) \
                     values ('{acme}', '{alice}', '{}', '{session}', '{run}', 'c', 'q', '{{}}', false, now())",
                    new()
                ),
                format!(
                    "insert into sixty.run_events (org_id, owner_id, run_id, fence, n_from, n_to, frames) \
                     values ('{acme}', '{alice}', '{run}', 9, 1, 1, '')"
                ),
                format!(
                    "insert into sixty.copilot_session_summaries (org_id, owner_id, session_id, id, first_seq, last_seq, \
                        message_count, transcript, sha256) \
                     values ('{acme}', '{alice}', '{session}', '{}', 1, 1, 1, '[]', '')",
                    new()
                ),
                format!(
                    "insert into sixty.copilot_summary_passages (org_id, owner_id, summary_id, session_id, seq, part, \
                        role, text, said_at) \
                     values ('{acme}', '{alice}', '{}', '{session}', 9, 9, 'user', '', now())",
                    of.summary
                ),
                format!("update sixty.runs set session_id = '{session}' where owner_id = '{alice}'"),
            ] {
                // In the words of the refusal there is nothing of the row that is not one's own.
                let refusal = login.refused(FOREIGN_KEY, &sql).await;
                let nobodys = Uuid::now_v7().to_string();
                let missing =
                    [session, run, &of.summary].iter().fold(sql, |sql, id| sql.replace(*id, &nobodys));
                assert_eq!(login.refused(FOREIGN_KEY, &missing).await, refusal);
            }
        }
        login.ok("rollback").await;
    }
}

#[tokio::test]
async fn nothing_can_be_attached_to_the_record_of_another_organization() {
    let world = World::new().await;
    let mut login = Login::new(&world).await;
    for scope in ["own", "org"] {
        login.begin_as_alice(scope).await;
        let (acme, alice) = (login.acme, login.alice);
        for id in ["D-9", "never"] {
            login
                .refused(
                    FOREIGN_KEY,
                    &format!(
                        "insert into sixty.entity_notes (org_id, kind, entity_id, id, author_id, text) \
                         values ('{acme}', 'deal', '{id}', '{}', '{alice}', '')",
                        Uuid::now_v7()
                    ),
                )
                .await;
            login
                .refused(
                    FOREIGN_KEY,
                    &format!(
                        "insert into sixty.copilot_memory_revisions \
                            (org_id, scope, subject, version, content, change, written_by) \
                         values ('{acme}', 'entity', 'deal:{id}', 9, '', 'put', '{alice}')"
                    ),
                )
                .await;
        }
        login.ok("rollback").await;
    }
}

#[tokio::test]
async fn a_name_that_another_organization_uses_is_as_free_as_one_that_nobody_uses() {
    let world = World::new().await;
    let mut login = Login::new(&world).await;
    login.begin_as_alice("own").await;
    let (acme, alice) = (login.acme, login.alice);
    let of = &world.mallorys;
    for sql in [
        format!(
            "insert into sixty.sessions (org_id, id, owner_id) values ('{acme}', '{}', '{alice}')",
            of.session
        ),
        format!(
            "insert into sixty.messages (org_id, owner_id, session_id, id, seq, role, content, author_id) \
             values ('{acme}', '{alice}', '{}', '{}', 1, 'user', '[]', '{alice}')",
            of.session, of.message
        ),
        format!(
            "insert into sixty.runs (org_id, owner_id, session_id, id, message_id, trigger, status, mode, model, role) \
             values ('{acme}', '{alice}', '{}', '{}', '{}', 'http', 'queued', 'auto', 'm', 'owner')",
            of.session, of.run, of.message
        ),
        format!(
            "insert into sixty.entities (org_id, kind, id, name) values ('{acme}', 'deal', 'D-9', 'Mine')"
        ),
        format!(
            "insert into sixty.members (org_id, user_id, external_id) values ('{acme}', '{}', 'mallory')",
            UserId::derive("mallory")
        ),
    ] {
        login.ok(&sql).await;
    }
    login.ok("rollback").await;
}

#[tokio::test]
async fn the_systems_role_reads_states_and_no_content() {
    let world = World::new().await;
    let mut login = Login::new(&world).await;
    login.ok("begin; set local role sixty_system").await;
    assert!(login.count("select count(org_id) from sixty.runs").await >= 2);
    for sql in [
        "select * from sixty.runs",
        "select error_message from sixty.runs",
        "select content from sixty.messages",
        "select title from sixty.sessions",
        "select frames from sixty.run_events",
        "select n_to from sixty.run_events",
        "select name from sixty.members",
        "select external_id from sixty.members",
        "select name from sixty.orgs",
        "select content from sixty.copilot_memories",
        "select * from sixty.session_context",
        "select body from sixty.idempotency",
        "select args from sixty.approvals",
        "select question from sixty.questions",
        "select preset from sixty.permissions",
        "select profile from sixty.org_profiles",
        "select profile from sixty.org_profile_revisions",
        "update sixty.runs set model = 'other'",
        "update sixty.runs set owner_id = org_id",
        "update sixty.members set role = 'owner'",
        "delete from sixty.runs",
        "insert into sixty.orgs (org_id, external_id, name) values (gen_random_uuid(), '', '')",
    ] {
        login.refused(DENIED, sql).await;
    }
    // What it appends to a stream belongs to the run's own person.
    let (globex, run) = (login.globex, &world.bobs.run);
    let astray = format!(
        "insert into sixty.run_events (org_id, owner_id, run_id, fence, n_from, n_to, frames) \
         values ('{globex}', '{}', '{run}', 9, 1, 1, '')",
        login.bob
    );
    login.refused(FOREIGN_KEY, &astray).await;
}
