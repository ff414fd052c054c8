//! Conversations of one person.

use chrono::{DateTime, Utc};
use domain::{
    EntityKind, EntityRef, Error, Result, RunId, Scope, SessionId, UserId,
    run::{Mode, RunStatus},
    session::{Session, TitleSource},
};
use uuid::Uuid;

use crate::{
    TenantTx,
    error::{corrupt, from_sqlx},
    retention,
};

/// What the caller may say of a new session.
#[derive(Clone, Debug, Default)]
pub struct NewSession<'a> {
    pub client_key: Option<&'a str>,
    pub title: Option<&'a str>,
    pub entity: Option<&'a EntityRef>,
    pub model: Option<&'a str>,
    pub mode: Option<Mode>,
}

/// Which sessions a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    /// Part of the title or the preview.
    pub text: Option<&'a str>,
    pub entity_kind: Option<EntityKind>,
    pub entity_id: Option<&'a str>,
    /// Activity and id of the last session of the page before.
    pub before: Option<(DateTime<Utc>, SessionId)>,
    pub limit: i64,
}

struct Row {
    id: Uuid,
    title: Option<String>,
    title_source: String,
    preview: Option<String>,
    message_count: i64,
    last_message_at: Option<DateTime<Utc>>,
    entity_kind: Option<String>,
    entity_id: Option<String>,
    model: Option<String>,
    mode: Option<String>,
    run_status: Option<String>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Session {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let kind = match row.entity_kind {
            Some(kind) => Some(kind.parse().map_err(|_| corrupt("an entity kind", &kind))?),
            None => None,
        };
        Ok(Session {
            id: row.id.into(),
            title: row.title,
            title_source: if row.title_source == "user" { TitleSource::User } else { TitleSource::Auto },
            preview: row.preview,
            message_count: row.message_count,
            last_message_at: row.last_message_at,
            entity: kind.zip(row.entity_id).map(|(kind, id)| EntityRef { kind, id }),
            model: row.model,
            mode: row.mode.as_deref().and_then(Mode::parse),
            run_status: row.run_status.as_deref().and_then(RunStatus::parse),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Makes a session of the caller's, who stays a member until the transaction's end. None:
/// the client's key is taken, by one of theirs, or the membership has just ended.
pub async fn create(tx: &mut TenantTx, id: SessionId, new: &NewSession<'_>) -> Result<Option<SessionId>> {
    let tenant = tx.tenant();
    let row = sqlx::query_scalar!(
        "insert into sixty.sessions
            (org_id, id, owner_id, client_key, title, title_source, entity_kind, entity_id, model, mode)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 from sixty.members m
         where m.org_id = $1 and m.user_id = $3 and m.status = 'active' for share of m
         on conflict (org_id, owner_id, client_key) do nothing
         returning id",
        tenant.org.0,
        id.0,
        tenant.user.0,
        new.client_key,
        new.title,
        if new.title.is_some() { "user" } else { "auto" },
        new.entity.map(|entity| entity.kind.as_str()),
        new.entity.map(|entity| entity.id.as_str()),
        new.model,
        new.mode.map(Mode::as_str),
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(SessionId))
}

pub async fn find_by_key(tx: &mut TenantTx, key: &str) -> Result<SessionId> {
    let tenant = tx.tenant();
    sqlx::query_scalar!(
        "select id from sixty.sessions where org_id = $1 and owner_id = $2 and client_key = $3",
        tenant.org.0,
        tenant.user.0,
        key
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .map(SessionId)
    .ok_or(Error::NotFound)
}

/// Whose conversation this is, whoever's it is: for who may look at all of the organization. Conversations of scheduled
/// tasks, and those that several people share, are nobody's to write into.
pub async fn owner_of(tx: &mut TenantTx, id: SessionId) -> Result<Option<UserId>> {
    let scope = tx.tenant().scope;
    tx.switch(None, Scope::Org).await?;
    let tenant = tx.tenant();
    let owner = sqlx::query_scalar!(
        "select s.owner_id from sixty.sessions s
         join sixty.members m on m.org_id = s.org_id and m.user_id = s.owner_id and not m.shared
         where s.org_id = $1 and ($2::uuid is null or s.owner_id = $2) and s.id = $3 and s.schedule_id is null",
        tenant.org.0,
        tenant.owner().map(|owner| owner.0),
        id.0
    )
    .fetch_optional(tx.connection())
    .await;
    tx.switch(None, scope).await?;
    owner.map_err(from_sqlx).map(|owner| owner.map(UserId))
}

/// Takes the client's name from a session of the person's, so that another one can have it.
pub async fn release_key(tx: &mut TenantTx, key: &str) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.sessions set client_key = null where org_id = $1 and owner_id = $2 and client_key = $3",
        tenant.org.0,
        tenant.user.0,
        key
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

pub async fn find(tx: &mut TenantTx, id: SessionId) -> Result<Session> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        Row,
        r#"select s.id, s.title, s.title_source, s.preview, s.message_count, s.last_message_at,
            s.entity_kind, s.entity_id, s.model, s.mode, s.version, s.created_at, s.updated_at,
            (select r.status from sixty.runs r where r.org_id = s.org_id and r.session_id = s.id
                order by r.created_at desc limit 1) as run_status
         from sixty.sessions s where s.org_id = $1 and ($2::uuid is null or s.owner_id = $2) and s.id = $3"#,
        tenant.org.0,
        tenant.owner().map(|owner| owner.0),
        id.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?
    .try_into()
}

/// The caller's sessions, newest activity first.
pub async fn list(tx: &mut TenantTx, filter: &Filter<'_>) -> Result<Vec<Session>> {
    let tenant = tx.tenant();
    let pattern = filter.text.map(contains);
    sqlx::query_as!(
        Row,
        r#"select s.id, s.title, s.title_source, s.preview, s.message_count, s.last_message_at,
            s.entity_kind, s.entity_id, s.model, s.mode, s.version, s.created_at, s.updated_at,
            (select r.status from sixty.runs r where r.org_id = s.org_id and r.session_id = s.id
                order by r.created_at desc limit 1) as run_status
         from sixty.sessions s
         where s.org_id = $1 and s.owner_id = $2 and s.schedule_id is null
            and ($3::text is null or s.title ilike $3 or s.preview ilike $3)
            and ($4::text is null or s.entity_kind = $4)
            and ($5::text is null or s.entity_id = $5)
            and ($6::timestamptz is null
                or (coalesce(s.last_message_at, s.created_at), s.id) < ($6, $7::uuid))
         order by coalesce(s.last_message_at, s.created_at) desc, s.id desc
         limit $8"#,
        tenant.org.0,
        tenant.user.0,
        pattern,
        filter.entity_kind.map(EntityKind::as_str),
        filter.entity_id,
        filter.before.map(|(at, _)| at),
        filter.before.map(|(_, id)| id.0),
        filter.limit,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?
    .into_iter()
    .map(Session::try_from)
    .collect()
}

/// A `like` pattern for text that contains these words as they stand.
pub(crate) fn contains(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

/// What `PATCH` may change. An inner none clears the field.
#[derive(Clone, Debug, Default)]
pub struct Changes<'a> {
    pub title: Option<Option<&'a str>>,
    pub model: Option<Option<&'a str>>,
    pub mode: Option<Option<Mode>>,
}

/// Changes a session, at the version that the caller saw if one is given.
pub async fn update(
    tx: &mut TenantTx,
    id: SessionId,
    changes: &Changes<'_>,
    seen: Option<i64>,
) -> Result<()> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "update sixty.sessions set
            title = case when $4 then $5 else title end,
            title_source = case when $4 then (case when $5::text is null then 'auto' else 'user' end) else title_source end,
            model = case when $6 then $7 else model end,
            mode = case when $8 then $9 else mode end,
            version = version + 1, updated_at = now()
         where org_id = $1 and owner_id = $2 and id = $3 and ($10::bigint is null or version = $10)",
        tenant.org.0,
        tenant.user.0,
        id.0,
        changes.title.is_some(),
        changes.title.flatten(),
        changes.model.is_some(),
        changes.model.flatten(),
        changes.mode.is_some(),
        changes.mode.flatten().map(Mode::as_str),
        seen,
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(missed(tx, id).await) }
}

/// Deletes a session with everything that was said in it, unless it is under legal hold.
/// Answers its runs, some of which may still be executed.
pub async fn delete(tx: &mut TenantTx, id: SessionId, seen: Option<i64>) -> Result<Vec<RunId>> {
    if retention::session_held(tx, id).await? {
        return Err(retention::refusal());
    }
    let (deleted, runs) = delete_all(tx, &[id.0], seen).await?;
    if deleted == 1 { Ok(runs) } else { Err(missed(tx, id).await) }
}

/// Deletes conversations, at this version if one is given, that no legal hold keeps. Answers how many, and their runs.
pub(crate) async fn delete_all(
    tx: &mut TenantTx,
    ids: &[Uuid],
    seen: Option<i64>,
) -> Result<(u64, Vec<RunId>)> {
    if ids.is_empty() {
        return Ok((0, Vec::new()));
    }
    let tenant = tx.tenant();
    // First, because a run locks its own row before the session's: the other way
    // round the two would wait for each other.
    let runs = sqlx::query_scalar!(
        "delete from sixty.runs where org_id = $1 and owner_id = $2 and session_id = any ($3) returning id",
        tenant.org.0,
        tenant.user.0,
        ids
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let done = sqlx::query!(
        "delete from sixty.sessions
         where org_id = $1 and owner_id = $2 and id = any ($3) and ($4::bigint is null or version = $4)",
        tenant.org.0,
        tenant.user.0,
        ids,
        seen
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok((done.rows_affected(), runs.into_iter().map(RunId).collect()))
}

/// Why a write found no row: it is not there, or it has moved on.
async fn missed(tx: &mut TenantTx, id: SessionId) -> Error {
    match find(tx, id).await {
        Ok(session) => Error::VersionMismatch { current: session.version },
        Err(error) => error,
    }
}
