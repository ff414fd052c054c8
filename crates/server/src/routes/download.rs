//! A conversation out of the service.

use axum::{http::HeaderMap, response::Response};
use domain::SessionId;
use store::sessions;

use crate::{
    caller::Caller,
    extract::Path,
    problem::{Problems, Result},
    transcripts::{Form, download},
};

/// The whole conversation as a file, archived or live: Markdown with `Accept: text/markdown`,
/// else NDJSON, whose first row is the session and whose others are its messages.
#[utoipa::path(get, path = "/v1/sessions/{id}/export", tag = "sessions", security(("bearer" = [])),
    params(("id" = SessionId, Path)),
    responses((status = 200, content((String = "application/x-ndjson"), (String = "text/markdown"))), Problems))]
pub async fn export(caller: Caller, Path(id): Path<SessionId>, headers: HeaderMap) -> Result<Response> {
    let session = caller.tx(async |tx| sessions::find(tx, id).await).await?;
    Ok(download(caller, &session, Form::asked(&headers).unwrap_or(Form::Ndjson)))
}
