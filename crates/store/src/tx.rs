//! The openers and the change of scope: the only statements that are put together
//! at run time, from parsed ids, an enum and integers. Each is one round trip.

use std::fmt::Write as _;

use domain::{
    Error, OrgId, Result, Role, Scope, SessionId, Tenant, UserId,
    run::{Lease, Mode},
};
use sqlx::{AssertSqlSafe, Column, Executor as _, PgConnection, Row as _, postgres::PgRow};

use crate::{
    Store,
    connections::{Connection, Connections},
    error::from_sqlx,
};

/// What the organization says about the caller.
#[derive(Clone, Debug)]
pub struct Membership {
    /// Given by the platform, for logins whose token carries no role.
    pub role: Option<Role>,
    /// In the newest token, where roles come with tokens.
    pub token_role: Option<Role>,
    /// An administrator's limit; no token lifts a member above it.
    pub ceiling: Option<Role>,
    pub active: bool,
    pub external_id: String,
    pub name: Option<String>,
    /// In the newest token that had one.
    pub email: Option<String>,
}

impl Membership {
    /// What the member may do while they are not there: as their newest token or the platform says, under the limit.
    pub fn role_now(&self) -> Option<Role> {
        Some(self.token_role.or(self.role)?.capped(self.ceiling))
    }
}

/// What a session's row, once locked, says about its next turn.
#[derive(Clone, Debug)]
pub struct LockedSession {
    pub model: Option<String>,
    pub mode: Option<Mode>,
}

/// A transaction that sees one organization, and of personal tables one person.
/// Dropped without [`commit`](Self::commit), it is rolled back.
pub struct TenantTx {
    connection: Connection,
    tenant: Tenant,
    /// As it was opened: what the policies read, and what queries name.
    opened: (Tenant, Tenant),
    membership: Option<Membership>,
    locked_session: Option<LockedSession>,
}

/// A transaction of the service itself: claims work, looks up memberships.
/// It reads ids and states, never content.
pub struct SystemTx {
    connection: Connection,
}

/// A tenant transaction whose first statement renewed the run's lease. Whoever
/// writes for a run holds one, so that nothing is written after a lease is lost.
pub struct RunTx {
    tx: TenantTx,
    lease: Lease,
}

/// Outcome of the guard.
pub enum Guarded {
    Open(Box<RunTx>),
    /// Another replica has the run, or it has ended: stop at once.
    Lost,
}

/// What an opener does beside setting the tenant, in the same round trip.
#[derive(Clone, Copy, Default)]
struct Extras<'a> {
    lock_session: Option<SessionId>,
    guard: Option<(&'a Lease, u32)>,
}

impl Store {
    /// Opens a transaction for the tenant, and learns its membership with it.
    pub async fn tenant(&self, tenant: Tenant) -> Result<TenantTx> {
        self.open(tenant, Extras::default()).await.map(|(tx, _)| tx)
    }

    /// The same, with the session's row locked until the end: turns of one
    /// session begin one after the other. See [`TenantTx::locked_session`].
    pub async fn tenant_with_session(&self, tenant: Tenant, session: SessionId) -> Result<TenantTx> {
        let extras = Extras { lock_session: Some(session), ..Extras::default() };
        self.open(tenant, extras).await.map(|(tx, _)| tx)
    }

    /// Opens a transaction in which the run may write, and renews its lease for
    /// `lease_seconds`.
    pub async fn run(&self, lease: &Lease, lease_seconds: u32) -> Result<Guarded> {
        let tenant = Tenant::own(lease.org, lease.user);
        let extras = Extras { guard: Some((lease, lease_seconds)), ..Extras::default() };
        let (tx, guarded) = self.open(tenant, extras).await?;
        Ok(if guarded { Guarded::Open(Box::new(RunTx { tx, lease: *lease })) } else { Guarded::Lost })
    }

    pub async fn system(&self) -> Result<SystemTx> {
        Self::open_system(&self.connections).await
    }

    /// A system transaction on the connections that only heartbeats use.
    pub async fn heartbeat(&self) -> Result<SystemTx> {
        Self::open_system(&self.heartbeat).await
    }

    async fn open_system(connections: &Connections) -> Result<SystemTx> {
        let opener = "begin; set local role sixty_system".to_owned();
        let (connection, _) = connections.begin(opener).await.map_err(from_sqlx)?;
        Ok(SystemTx { connection })
    }

    async fn open(&self, tenant: Tenant, extras: Extras<'_>) -> Result<(TenantTx, bool)> {
        #[cfg(feature = "faults")]
        let named = self.faults.named(tenant);
        #[cfg(not(feature = "faults"))]
        let named = tenant;
        let (connection, rows) =
            self.connections.begin(opener(tenant, named, extras)).await.map_err(from_sqlx)?;
        let mut tx = TenantTx {
            connection,
            tenant: named,
            opened: (tenant, named),
            membership: None,
            locked_session: None,
        };
        let mut guarded = false;
        for row in rows {
            match row.columns().first().map(Column::name) {
                Some("member") => tx.membership = Some(membership(&row)?),
                Some("locked") => tx.locked_session = Some(locked(&row)?),
                Some("guarded") => guarded = true,
                _ => return Err(Error::internal("the opener answered with an unknown row")),
            }
        }
        Ok((tx, guarded))
    }
}

/// Statements of an opener. Values are uuids, integers and words of an enum, so
/// that nothing in them can end a literal. `named` is whom the locking query
/// names: the tenant itself.
fn opener(Tenant { org, user, scope }: Tenant, named: Tenant, extras: Extras<'_>) -> String {
    let scope = scope_word(scope);
    // Of a run it is told of whoever asked.
    let member = extras.guard.map_or(user, |(lease, _)| lease.author);
    let mut sql = format!(
        "begin; set local role sixty_tenant; set local app.org_id = '{org}'; \
         set local app.user_id = '{user}'; set local app.scope = '{scope}'; \
         select external_id as member, role, token_role, ceiling, status, name, email from sixty.members \
         where org_id = '{org}' and user_id = '{member}'"
    );
    // Not `for update`: a row that is updated a second time in a transaction has its foreign keys checked again,
    // which would wait for this lock with the row in its hands.
    if let Some(session) = extras.lock_session {
        let Tenant { org, user, .. } = named;
        write!(
            sql,
            "; select model as locked, mode from sixty.sessions \
             where org_id = '{org}' and id = '{session}' and owner_id = '{user}' for no key update"
        )
        .expect("writing to a string cannot fail");
    }
    if let Some((lease, seconds)) = extras.guard {
        let (run, fence, replica) = (lease.run, lease.fence, lease.replica);
        write!(
            sql,
            "; update sixty.runs set lease_until = now() + interval '{seconds} seconds' \
             where org_id = '{org}' and id = '{run}' and fence = {fence} \
             and lease_owner = '{replica}' and status = 'running' returning id as guarded"
        )
        .expect("writing to a string cannot fail");
    }
    sql
}

fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::Own => "own",
        Scope::Org => "org",
    }
}

fn membership(row: &PgRow) -> Result<Membership> {
    let text = |column: &str| row.try_get::<Option<String>, _>(column).map_err(from_sqlx);
    Ok(Membership {
        role: text("role")?.as_deref().and_then(Role::parse),
        token_role: text("token_role")?.as_deref().and_then(Role::parse),
        ceiling: text("ceiling")?.as_deref().and_then(Role::parse),
        active: text("status")?.as_deref() == Some("active"),
        external_id: text("member")?.unwrap_or_default(),
        name: text("name")?,
        email: text("email")?,
    })
}

fn locked(row: &PgRow) -> Result<LockedSession> {
    let text = |column: &str| row.try_get::<Option<String>, _>(column).map_err(from_sqlx);
    Ok(LockedSession { model: text("locked")?, mode: text("mode")?.as_deref().and_then(Mode::parse) })
}

/// Runs constant statements whose rows do not matter.
pub(crate) async fn run_raw(connection: &mut PgConnection, sql: &'static str) -> sqlx::Result<()> {
    connection.execute(sqlx::raw_sql(sql)).await.map(drop)
}

impl TenantTx {
    pub fn tenant(&self) -> Tenant {
        self.tenant
    }

    pub fn org(&self) -> OrgId {
        self.tenant.org
    }

    /// The organization of the settings that the policies read: for what is only ever
    /// added, and names nothing that a caller could have asked for.
    pub(crate) fn settings_org(&self) -> OrgId {
        self.opened.0.org
    }

    /// None: the organization has no such member (yet).
    pub fn membership(&self) -> Option<&Membership> {
        self.membership.as_ref()
    }

    /// The session that the opener was asked to lock, if it exists and is the caller's.
    pub fn locked_session(&self) -> Option<&LockedSession> {
        self.locked_session.as_ref()
    }

    /// A session that this transaction has made needs no lock: nobody else sees it.
    pub(crate) fn lock_new_session(&mut self) {
        self.locked_session = Some(LockedSession { model: None, mode: None });
    }

    /// Locks a session's row until the end, as the opener does that is asked to. Whether it is there, and the caller's.
    pub async fn lock_session(&mut self, session: SessionId) -> Result<bool> {
        let tenant = self.tenant;
        let row = sqlx::query!(
            "select model, mode from sixty.sessions
             where org_id = $1 and owner_id = $2 and id = $3 for no key update",
            tenant.org.0,
            tenant.user.0,
            session.0
        )
        .fetch_optional(self.connection())
        .await
        .map_err(from_sqlx)?;
        self.locked_session = row
            .map(|row| LockedSession { model: row.model, mode: row.mode.as_deref().and_then(Mode::parse) });
        Ok(self.locked_session.is_some())
    }

    /// Goes on in another scope, or as another person of the organization; none is the
    /// one that it was opened for. For the operations of administrators that the
    /// server names, never for a run.
    pub async fn switch(&mut self, person: Option<UserId>, scope: Scope) -> Result<()> {
        let (settings, named) = self.opened;
        let (user, word) = (person.unwrap_or(settings.user), scope_word(scope));
        let sql = format!("set local app.user_id = '{user}'; set local app.scope = '{word}'");
        self.connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map_err(from_sqlx)?;
        self.tenant = Tenant { user: person.unwrap_or(named.user), scope, ..named };
        Ok(())
    }

    /// Looks at the whole organization, for what the service itself has to know of it, until
    /// [`go_back_to`](Self::go_back_to) what it answers.
    pub(crate) async fn oversee(&mut self) -> Result<Tenant> {
        let before = self.tenant;
        if before.scope != Scope::Org {
            self.switch(self.other_person(), Scope::Org).await?;
        }
        Ok(before)
    }

    pub(crate) async fn go_back_to(&mut self, before: Tenant) -> Result<()> {
        if before.scope == Scope::Org {
            return Ok(());
        }
        self.switch(self.other_person(), before.scope).await
    }

    /// None: it is the person for whom the transaction was opened.
    fn other_person(&self) -> Option<UserId> {
        Some(self.tenant.user).filter(|user| *user != self.opened.1.user)
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    pub async fn commit(self) -> Result<()> {
        self.connection.end("commit").await.map_err(from_sqlx)
    }

    /// What a drop does too, later and with a warning in the server's log.
    pub async fn rollback(self) -> Result<()> {
        self.connection.end("rollback").await.map_err(from_sqlx)
    }
}

impl RunTx {
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The tenant transaction underneath, for what a run does as any caller does.
    pub fn tenant(&mut self) -> &mut TenantTx {
        &mut self.tx
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        self.tx.connection()
    }

    pub async fn commit(self) -> Result<()> {
        self.tx.commit().await
    }
}

impl SystemTx {
    /// What a drop does too, later and with a warning in the server's log.
    pub async fn rollback(self) -> Result<()> {
        self.connection.end("rollback").await.map_err(from_sqlx)
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    pub async fn commit(self) -> Result<()> {
        self.connection.end("commit").await.map_err(from_sqlx)
    }
}
