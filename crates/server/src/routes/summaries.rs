//! The archive of conversations: summaries, transcripts, search.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Datelike, Utc};
use domain::{
    ArchiveId, Cursor, EntityKind, Error, RunId, SessionId,
    archive::{Passage, SessionSummary},
    permission::Action,
    transcript,
};
use engine::notebook::visible;
use serde::Deserialize;
use store::{
    LockedSession, TenantTx,
    archives::{self, Place, Search},
    audit, messages, orgs, permissions, runs, sessions,
    turns::{self, Queued},
};
use utoipa::IntoParams;

use super::messages::{Start, claim};
use crate::{
    caller::{Caller, OrgWide, Tx},
    extract::{IdempotencyKey, Path, Query},
    idempotent::request_hash,
    page::{Page, after, limit, page},
    problem::{OverBudget, Problems, Result},
    transcripts::Form,
};

/// How long a compaction is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
const MAX_QUERY: usize = 1_000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListSummaries {
    session_id: Option<SessionId>,
    /// External id of a member whose archives they are; for those with the right `access_all_org`.
    user: Option<String>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct GetSummary {
    /// External id of a member whose archive it is; for those with the right `access_all_org`.
    user: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchSummaries {
    /// A question in plain words, `"a phrase"`, `-without`; at most 1,000 characters. Rare words count more, and so
    /// does what was said in a month or week that it names.
    #[param(max_length = 1000)]
    q: String,
    session_id: Option<SessionId>,
    entity_kind: Option<EntityKind>,
    entity_id: Option<String>,
    /// Only what was said since this time (RFC 3339).
    since: Option<DateTime<Utc>>,
    /// Only what was said before this time (RFC 3339).
    until: Option<DateTime<Utc>>,
    /// External id of a member whose archives they are; for those with the right `access_all_org`.
    user: Option<String>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

/// Reads in the caller's own archives, or in those of `user` if the caller may: that is in the audit trail.
async fn of_person<T>(
    caller: &Caller,
    tx: &mut Tx,
    user: Option<&str>,
    action: &str,
    read: impl AsyncFnOnce(&mut TenantTx) -> domain::Result<T>,
) -> domain::Result<T> {
    let Some(user) = user.filter(|user| *user != caller.identity.subject) else { return read(tx).await };
    tx.administers()?;
    if !permissions::matrix(tx).await?.allows(tx.role, Action::AccessAllOrg) {
        return Err(Error::forbidden("the organization's permissions do not give you access_all_org"));
    }
    let owner = orgs::find_person(tx, user).await?;
    let found = tx.in_the_name_of(owner, OrgWide::ReadArchive, read).await?;
    audit::record(tx, &[caller.did(action).on(&format!("user:{user}"))]).await?;
    Ok(found)
}

/// Archives of the caller's conversations, newest first, without transcripts.
#[utoipa::path(get, path = "/v1/session-summaries", tag = "summaries", security(("bearer" = [])),
    params(ListSummaries), responses((status = 200, body = Page<SessionSummary>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListSummaries>) -> Result<Json<Page<SessionSummary>>> {
    let limit = limit(query.limit)?;
    let before: Option<ArchiveId> = after(query.cursor.as_deref())?;
    let read = async |tx: &mut TenantTx| {
        if let Some(session) = query.session_id {
            sessions::find(tx, session).await?;
        }
        archives::list(tx, query.session_id, before, limit + 1).await
    };
    let user = query.user.as_deref();
    let found = caller.tx(async |tx| of_person(&caller, tx, user, "archive.list", read).await).await?;
    Ok(page(found, limit, |summary| summary.id))
}

/// One archive with its whole transcript; as Markdown with `Accept: text/markdown`, or the
/// rows of its messages with `Accept: application/x-ndjson`.
#[utoipa::path(get, path = "/v1/session-summaries/{id}", tag = "summaries", security(("bearer" = [])),
    params(("id" = ArchiveId, Path), GetSummary),
    responses((status = 200, content((SessionSummary = "application/json"), (String = "text/markdown"),
        (String = "application/x-ndjson"))), Problems))]
pub async fn get(
    caller: Caller,
    Path(id): Path<ArchiveId>,
    Query(query): Query<GetSummary>,
    headers: HeaderMap,
) -> Result<Response> {
    let read = async |tx: &mut TenantTx| archives::find(tx, id).await;
    let user = query.user.as_deref();
    let archive = caller.tx(async |tx| of_person(&caller, tx, user, "archive.read", read).await).await?;
    let Some(form) = Form::asked(&headers) else { return Ok(Json(archive).into_response()) };
    let mut text = if form == Form::Markdown { transcript::archive(&archive) } else { String::new() };
    for message in archive.messages()? {
        text.push_str(&form.message(archive.session_id, &message));
    }
    Ok(form.response(Body::from(text)))
}

/// The last result of a page, and of which search it is.
type SearchCursor = (String, f64, DateTime<Utc>, ArchiveId, i64, i32);

/// Passages of the caller's archives, best first; at most a hundred over all pages.
#[utoipa::path(get, path = "/v1/session-summaries/search", tag = "summaries", security(("bearer" = [])),
    params(SearchSummaries), responses((status = 200, body = Page<Passage>), Problems))]
pub async fn search(caller: Caller, Query(query): Query<SearchSummaries>) -> Result<Json<Page<Passage>>> {
    if query.q.chars().count() > MAX_QUERY {
        return Err(Error::field("q", format!("must be at most {MAX_QUERY} characters")).into());
    }
    let limit = limit(query.limit)?;
    let asked = fingerprint(&caller, &query);
    let search = Search {
        session: query.session_id,
        entity_kind: query.entity_kind,
        entity_id: query.entity_id.as_deref(),
        since: query.since,
        until: query.until,
        after: place(query.cursor.as_deref(), &asked)?,
        ..Search::of(&query.q, i32::try_from(limit + 1).map_err(Error::internal)?)
    };
    let user = query.user.as_deref();
    let read = async |tx: &mut TenantTx| archives::search(tx, &search).await;
    let mut found = caller.tx(async |tx| of_person(&caller, tx, user, "archive.search", read).await).await?;
    for passage in &mut found {
        passage.snippet = visible(&passage.snippet);
    }
    Ok(page(found, limit, |last| -> SearchCursor {
        let Place { score, said_at, summary, seq, part } = last.into();
        (asked.clone(), score, said_at, summary, seq, part)
    }))
}

/// Whose search it is, and for what: a cursor of another one is refused.
fn fingerprint(caller: &Caller, query: &SearchSummaries) -> String {
    let SearchSummaries { q, session_id, entity_kind, entity_id, since, until, user, limit: _, cursor: _ } =
        query;
    let tenant = caller.tenant();
    let whole =
        format!("{:?}", (tenant.org, tenant.user, q, session_id, entity_kind, entity_id, since, until, user));
    hex::encode(&request_hash(&whole, &[])[..8])
}

fn place(cursor: Option<&str>, asked: &str) -> domain::Result<Option<Place>> {
    let cursor: Option<SearchCursor> = after(cursor)?;
    let place = cursor.map(|(of, score, said_at, summary, seq, part)| {
        // A forged one can name a year that Postgres does not know.
        let good = of == asked && (1970..=9999).contains(&said_at.year());
        good.then_some(Place { score, said_at, summary, seq, part })
    });
    place
        .map(|place| place.ok_or_else(|| Error::field("cursor", "is not a cursor of this search")))
        .transpose()
}

/// Archives and compacts the conversation now.
#[utoipa::path(post, path = "/v1/sessions/{id}/compact", tag = "summaries", security(("bearer" = [])),
    params(("id" = SessionId, Path)),
    responses((status = 200, body = SessionSummary), (status = 202, body = domain::run::Run), Problems, OverBudget))]
pub async fn compact(caller: Caller, Path(id): Path<SessionId>, key: IdempotencyKey) -> Result<Response> {
    let hash = request_hash(&format!("POST /v1/sessions/{id}/compact"), &[]);
    let (run, tx) = caller
        .with_session(id, async |tx, session| {
            let run = match claim(tx, key, &hash).await? {
                Start::Join(run) => return Ok(run),
                Start::New(run) => run,
            };
            enqueue(&caller, tx, id, session, run).await?;
            Ok(run)
        })
        .await?;
    tx.into_inner().commit().await?;
    caller.app.engine.wake();
    finished(&caller, id, run).await
}

async fn enqueue(
    caller: &Caller,
    tx: &mut Tx,
    id: SessionId,
    session: LockedSession,
    run: RunId,
) -> domain::Result<()> {
    let nothing =
        || Error::conflict("nothing_to_compact", "everything that was said here is archived already");
    let (message, _) = messages::question(tx, id, None).await?.ok_or_else(nothing)?;
    caller.app.engine.may_queue(tx).await?;
    let model = caller.app.model(session.model);
    let queued = Queued {
        session: id,
        message,
        run,
        trigger: "compact",
        mode: session.mode.unwrap_or_default(),
        model: &model,
        role: tx.role,
    };
    turns::enqueue(tx, &queued).await
}

/// The newest summary once the run has ended; the run while it has not.
async fn finished(caller: &Caller, id: SessionId, run: RunId) -> Result<Response> {
    let reader = caller.app.engine.reader(caller.tenant(), run, Cursor::default());
    let in_time = tokio::time::timeout(PATIENCE, reader.to_end()).await;
    let (run, newest) = caller
        .tx(async |tx| Ok((runs::find(tx, run).await?, archives::list(tx, Some(id), None, 1).await?.pop())))
        .await?;
    if in_time.is_err() || !run.status.ended() {
        return Ok((StatusCode::ACCEPTED, Json(run)).into_response());
    }
    if let Some(error) = run.error {
        return Err(Error::conflict("compaction_failed", error.message).into());
    }
    match newest.filter(|newest| newest.created_at >= run.created_at) {
        Some(newest) => Ok(Json(newest).into_response()),
        None => Err(nothing().into()),
    }
}

fn nothing() -> Error {
    Error::conflict("nothing_to_compact", "there is nothing here that is not archived already")
}
