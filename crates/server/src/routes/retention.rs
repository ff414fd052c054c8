//! How long the organization keeps what was said, for owners and administrators.

use std::collections::BTreeSet;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use domain::{
    Error, SessionId, UserId,
    retention::{Hold, MOST_DAYS, MOST_HELD, MOST_REASON, Purged, WantedDays},
};
use serde::{Deserialize, Serialize};
use store::{
    audit::{self, Entry},
    retention::{self, Retention},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    caller::{Caller, OrgWide, Tx},
    etag::{ETag, IfMatch},
    extract::{Body, Query},
    problem::{Problems, Result},
};

/// Entries of one statement.
const ENTRIES: usize = 500;
const _: () =
    assert!(MOST_DAYS == 36_500 && MOST_HELD == 1_000 && MOST_REASON == 1_000, "as the document says");

/// What is set in the organization.
#[derive(Serialize, ToSchema)]
pub struct RetentionSettings {
    /// Days without activity after which a conversation goes, with its archives and runs; null: never.
    #[schema(required)]
    transcripts_days: Option<i32>,
    /// Days after which a message is no longer kept twice, live and in the archive; the history stays
    /// the same. Null: never.
    #[schema(required)]
    messages_days: Option<i32>,
    /// Days after the end of a run for which its stream can be read again; 0: an hour, null: one day.
    #[schema(required)]
    events_days: Option<i32>,
    /// Days after which a version of memory that was replaced goes, unless a conversation still quotes
    /// it; null: never.
    #[schema(required)]
    revisions_days: Option<i32>,
    legal_hold: LegalHold,
    version: i64,
    updated_at: Option<DateTime<Utc>>,
    /// External id of the administrator who set it.
    updated_by: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRetentionSettings {
    /// Days without activity after which a conversation goes; null: never.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 36500)]
    transcripts_days: Option<i64>,
    /// Days after which a message is no longer kept beside the archive; null: never.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 36500)]
    messages_days: Option<i64>,
    /// Days for which the stream of an ended run is kept; 0: an hour, null: one day.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 30)]
    events_days: Option<i64>,
    /// Days after which a replaced version of memory goes; null: never.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 36500)]
    revisions_days: Option<i64>,
    /// Never left out, so that no hold ends because somebody forgot it.
    legal_hold: LegalHold,
}

/// What is not deleted, whatever the days say and whoever asks.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LegalHold {
    /// All of the organization.
    organization: bool,
    /// External ids of members: all that is theirs.
    #[serde(default)]
    #[schema(max_items = 1000)]
    users: Vec<String>,
    /// Single conversations.
    #[serde(default)]
    #[schema(max_items = 1000)]
    sessions: Vec<SessionId>,
    #[serde(default)]
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// Settings to try; what is left out is as it is set.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(clippy::struct_field_names, reason = "the names of the parameters")]
pub struct Trial {
    #[param(minimum = 1, maximum = 36500)]
    transcripts_days: Option<i64>,
    #[param(minimum = 1, maximum = 36500)]
    messages_days: Option<i64>,
    #[param(minimum = 0, maximum = 30)]
    events_days: Option<i64>,
    #[param(minimum = 1, maximum = 36500)]
    revisions_days: Option<i64>,
}

fn tagged(set: Retention) -> Response {
    let Hold { organization, users, sessions, reason } = set.hold;
    let settings = RetentionSettings {
        transcripts_days: set.days.transcripts,
        messages_days: set.days.messages,
        events_days: set.days.events,
        revisions_days: set.days.revisions,
        legal_hold: LegalHold { organization, users, sessions, reason },
        version: set.version,
        updated_at: set.updated_at,
        updated_by: set.updated_by,
    };
    (ETag(settings.version), Json(settings)).into_response()
}

/// How long things are kept, and what is under legal hold: owners and administrators.
#[utoipa::path(get, path = "/v1/admin/retention", tag = "retention", security(("bearer" = [])),
    responses((status = 200, body = RetentionSettings), Problems))]
pub async fn get(caller: Caller) -> Result<Response> {
    let set = caller
        .tx(async |tx| {
            tx.organization_wide(OrgWide::SetRetention, async |tx| retention::find(tx).await).await
        })
        .await?;
    Ok(tagged(set))
}

/// Sets how long things are kept, all of it: owners and administrators. Workers begin at
/// once and look again every day; what is gone is gone. The audit trail is append-only
/// and not meant here.
#[utoipa::path(put, path = "/v1/admin/retention", tag = "retention", security(("bearer" = [])),
    request_body = NewRetentionSettings, responses((status = 200, body = RetentionSettings), Problems))]
pub async fn put(caller: Caller, seen: IfMatch, body: Body<NewRetentionSettings>) -> Result<Response> {
    let new = body.value;
    let set = caller
        .tx(async |tx| {
            tx.administers()?;
            let wanted = WantedDays {
                transcripts: new.transcripts_days,
                messages: new.messages_days,
                events: new.events_days,
                revisions: new.revisions_days,
            };
            let days = wanted.check().map_err(Error::fields)?;
            let hold = checked(&caller, new.legal_hold)?;
            let (before, set) = tx
                .organization_wide(OrgWide::SetRetention, async |tx| {
                    let before = retention::put(tx, days, &hold, seen.0).await?;
                    Ok((before, retention::find(tx).await?))
                })
                .await?;
            record(&caller, tx, &before, &set).await?;
            Ok(set)
        })
        .await?;
    Ok(tagged(set))
}

/// What would be deleted if it were done now, with other settings if some are named:
/// owners and administrators. Streams are counted as they expire.
#[utoipa::path(get, path = "/v1/admin/retention/preview", tag = "retention", security(("bearer" = [])),
    params(Trial), responses((status = 200, body = Purged), Problems))]
pub async fn preview(caller: Caller, Query(trial): Query<Trial>) -> Result<Json<Purged>> {
    let wanted = WantedDays {
        transcripts: trial.transcripts_days,
        messages: trial.messages_days,
        events: trial.events_days,
        revisions: trial.revisions_days,
    };
    let tried = wanted.check().map_err(Error::fields)?;
    let purged = caller
        .tx(async |tx| {
            tx.organization_wide(OrgWide::PreviewRetention, async |tx| {
                let mut days = retention::find(tx).await?.days;
                days.transcripts = tried.transcripts.or(days.transcripts);
                days.messages = tried.messages.or(days.messages);
                days.events = tried.events.or(days.events);
                days.revisions = tried.revisions.or(days.revisions);
                retention::preview(tx, days).await
            })
            .await
        })
        .await?;
    Ok(Json(purged))
}

fn checked(caller: &Caller, hold: LegalHold) -> domain::Result<Hold> {
    for (field, count) in [("users", hold.users.len()), ("sessions", hold.sessions.len())] {
        if count > MOST_HELD {
            return Err(Error::field(format!("legal_hold.{field}"), format!("must be at most {MOST_HELD}")));
        }
    }
    if hold.reason.as_ref().is_some_and(|reason| reason.chars().count() > MOST_REASON) {
        return Err(Error::field("legal_hold.reason", format!("must be at most {MOST_REASON} characters")));
    }
    let reason = hold.reason.map(|reason| caller.door.redact_hidden(reason.trim()).into_owned());
    let LegalHold { organization, users, sessions, .. } = hold;
    Ok(Hold { organization, users, sessions, reason: reason.filter(|reason| !reason.is_empty()) })
}

/// The old and the new days in one entry, and one for each hold that begins or ends.
async fn record(caller: &Caller, tx: &mut Tx, before: &Retention, set: &Retention) -> domain::Result<()> {
    let changes = before.days.changes(set.days);
    let comma = if changes.is_empty() { "" } else { ": " };
    let detail = format!("version {}{comma}{changes}", set.version);
    let (was, is) = (held(before), held(set));
    let begun = is.difference(&was).map(|target| ("retention.hold", target));
    let ended = was.difference(&is).map(|target| ("retention.release", target));
    let deeds: Vec<(&str, &String)> = begun.chain(ended).collect();
    audit::record(tx, &[caller.did("retention.put").saying(&detail)]).await?;
    for some in deeds.chunks(ENTRIES) {
        let entries: Vec<Entry<'_>> =
            some.iter().map(|(action, target)| caller.did(action).on(target)).collect();
        audit::record(tx, &entries).await?;
    }
    Ok(())
}

/// What is held, as the audit trail names it.
fn held(set: &Retention) -> BTreeSet<String> {
    let name = |(user, session): &(UserId, Uuid)| {
        if session.is_nil() { format!("member:{user}") } else { format!("session:{session}") }
    };
    let organization = set.hold.organization.then(|| "organization".to_owned());
    organization.into_iter().chain(set.held.iter().map(name)).collect()
}
