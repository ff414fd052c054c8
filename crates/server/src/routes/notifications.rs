//! What concerns the caller while they look elsewhere.

use axum::{Json, http::HeaderMap, response::Response};
use chrono::{DateTime, Utc};
use domain::{Error, NotificationId, notification::Notification};
use serde::Deserialize;
use store::notifications as rows;
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    extract::{Path, Query},
    page::{Page, after, limit, page},
    problem::{Problems, Result},
    sse,
};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListNotifications {
    /// Only those that are not read.
    #[serde(default)]
    unread: bool,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

/// The caller's notifications, newest first; 500 are kept.
#[utoipa::path(get, path = "/v1/notifications", tag = "notifications", security(("bearer" = [])),
    params(ListNotifications), responses((status = 200, body = Page<Notification>), Problems))]
pub async fn list(
    caller: Caller,
    Query(query): Query<ListNotifications>,
) -> Result<Json<Page<Notification>>> {
    let limit = limit(query.limit)?;
    let before: Option<(DateTime<Utc>, NotificationId)> = after(query.cursor.as_deref())?;
    let found = caller.tx(async |tx| rows::list(tx, query.unread, before, limit + 1).await).await?;
    Ok(page(found, limit, |notification| (notification.created_at, notification.id)))
}

/// Marks a notification as read. One that was read stays as it is.
#[utoipa::path(post, path = "/v1/notifications/{id}/read", tag = "notifications", security(("bearer" = [])),
    params(("id" = NotificationId, Path)), responses((status = 200, body = Notification), Problems))]
pub async fn read(caller: Caller, Path(id): Path<NotificationId>) -> Result<Json<Notification>> {
    Ok(Json(caller.tx(async |tx| rows::read(tx, id).await).await?))
}

/// The caller's notifications as they come: `event: notification`, with the notification as data. With `Last-Event-ID`
/// those first that came after it, as far as they are among the newest 200.
#[utoipa::path(get, path = "/v1/events", tag = "notifications", security(("bearer" = [])),
    params(("Last-Event-ID" = Option<String>, Header, description = "The id of the last notification that the reader has")),
    responses((status = 200, body = sse::Frame, content_type = "text/event-stream"), Problems))]
pub async fn events(caller: Caller, headers: HeaderMap) -> Result<Response> {
    let after: Option<NotificationId> = sse::last_event_id(&headers)
        .map(str::parse)
        .transpose()
        .map_err(|_| Error::field("Last-Event-ID", "must be the id of a notification"))?;
    // Who may not come in is told so, and by this the membership is there.
    caller.tx(async |_| Ok(())).await?;
    let listener = caller.app.engine.listen(caller.tenant(), after).await?;
    Ok(sse::response(caller.app.open_stream(), listener))
}
