//! Many entities in one request: a line of JSON each, and for each a line of the answer. Lines
//! are written by the hundred, in a transaction for each hundred; while one is under way the next
//! is read. No connection to the database is held while bytes are waited for.

use std::{collections::HashSet, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{EntityKind, Error, FieldError};
use futures_util::stream;
use serde::Serialize;
use store::{
    audit,
    entities::{self, Write, Written},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    content::{Create, Writer, new},
    incoming::{End, Incoming, Limits},
    lines::{Line, reasons},
    origin, writer,
};
use crate::{
    caller::{Caller, OrgWide, Tx},
    problem::{Problem, Problems, Result},
};

/// Bytes of answers that wait for the client: as many clients send everything before they read.
const ROOM: usize = 16 * 1024 * 1024;
/// How often a hundred is tried when the database is busy, and what is waited in between.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(100);

/// What came of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Created,
    Updated,
    /// It stood there already, word for word.
    Unchanged,
    Error,
}

#[derive(Serialize, ToSchema)]
pub struct LineResult {
    /// From 1; empty lines count, and have no result.
    line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<EntityKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

/// Writes many entities, as `PUT` writes one. The body is NDJSON, a JSON object a line as `POST
/// /v1/entities` takes it; the answer is NDJSON too, a result for each line in the order of the lines.
/// A line that is refused stops no other. A link may lead to an entity of a line before. An entity that
/// stands in several lines is written in their order. A line is at most 256 KiB, a request 100,000 lines
/// and 8 MiB, of an API key 64 MiB. When the answer breaks off, the lines without a result have not been
/// done, or their result was lost: to send them again is safe, and answers `unchanged` for what is there.
#[utoipa::path(post, path = "/v1/entities/batch", tag = "entities", security(("bearer" = [])),
    request_body(description = "A JSON object a line", content((Create = "application/x-ndjson"), (Create = "application/json"))),
    responses((status = 200, body = LineResult, content_type = "application/x-ndjson", description = "A result a line"), Problems))]
pub async fn batch(caller: Caller, request: Request) -> Result<Response> {
    let limits = if caller.is_program() { Limits::INTEGRATION } else { Limits::PERSON };
    admit(request.headers(), limits)?;
    let writer = caller
        .tx(async |tx| {
            tx.writes()?;
            writer(&caller, tx).await
        })
        .await?;
    let (answers, results) = answers();
    let app = caller.app.clone();
    let incoming = Incoming::new(request.into_body(), limits);
    let batch = Batch { caller, writer, id: Uuid::now_v7(), counts: [0; 4], answers };
    app.engine.detach(batch.run(incoming));
    let headers =
        [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-cache, no-transform")];
    Ok((headers, results).into_response())
}

fn admit(headers: &HeaderMap, limits: Limits) -> Result<()> {
    let value = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let mime = value(header::CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !["application/x-ndjson", "application/ndjson", "application/json"]
        .contains(&mime.to_ascii_lowercase().as_str())
    {
        let detail = "send the body as Content-Type: application/x-ndjson";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail).into());
    }
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let detail = "send the body as it is, without Content-Encoding";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail).into());
    }
    let announced = value(header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limits.bytes) {
        let detail = format!("the body is larger than {} bytes", limits.bytes);
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail).into());
    }
    Ok(())
}

struct Batch {
    caller: Caller,
    writer: Writer,
    id: Uuid,
    /// Lines by their status.
    counts: [usize; 4],
    answers: Answers,
}

impl Batch {
    async fn run(mut self, mut incoming: Incoming) {
        let (engine, door, writer) = (self.caller.app.engine.clone(), self.caller.door.clone(), self.writer);
        let mut lines = incoming.next(&engine, &door, writer).await;
        while !lines.is_empty() {
            let (goes_on, next) = tokio::join!(self.write(lines), incoming.next(&engine, &door, writer));
            if !goes_on {
                incoming.ended = Some(End::Whole);
                break;
            }
            lines = next;
        }
        if let Some(error) = incoming.ended.and_then(|end| end.reason(incoming.limits)) {
            let errors = vec![FieldError { field: String::new(), error }];
            self.answer(&[LineResult {
                line: incoming.lines() + 1,
                kind: None,
                id: None,
                status: Status::Error,
                version: None,
                errors,
            }])
            .await;
        }
        self.conclude().await;
    }

    /// Writes lines and answers for each. False: the database does not take more.
    async fn write(&mut self, lines: Vec<Line>) -> bool {
        match self.store(&lines).await {
            // A value that only the database could judge: each line for itself.
            Err(Error::Invalid { .. }) if lines.len() > 1 => {
                for line in lines.chunks(1) {
                    let stored = self.store(line).await;
                    if !self.tell(line, stored).await {
                        return false;
                    }
                }
                true
            }
            stored => self.tell(&lines, stored).await,
        }
    }

    async fn tell(&mut self, lines: &[Line], stored: domain::Result<Vec<LineResult>>) -> bool {
        let goes_on = matches!(stored, Ok(_) | Err(Error::Invalid { .. }));
        let results = stored.unwrap_or_else(|error| {
            let errors = reasons(error);
            lines.iter().map(|line| refused(line, errors.clone())).collect()
        });
        for result in &results {
            self.counts[result.status as usize] += 1;
        }
        self.answer(&results).await;
        goes_on
    }

    /// All of the lines in one transaction, or none.
    async fn store(&self, lines: &[Line]) -> domain::Result<Vec<LineResult>> {
        let mut attempt = 1;
        loop {
            let stored = self.caller.tx(async |tx| self.store_once(tx, lines).await).await;
            match stored {
                Err(Error::Unavailable { .. }) if attempt < ATTEMPTS => {
                    tokio::time::sleep(PAUSE * attempt).await;
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    async fn store_once(&self, tx: &mut Tx, lines: &[Line]) -> domain::Result<Vec<LineResult>> {
        tx.writes()?;
        if self.counts == [0; 4] {
            self.note(tx, "entity.batch.begin", None).await?;
        }
        let write = tx.within(self.writer.sees_all, OrgWide::WriteEntities, async |tx| {
            let mut results = Vec::with_capacity(lines.len());
            for lines in distinct(lines) {
                let good = lines.iter().filter_map(|line| line.content.as_ref().ok());
                let writes: Vec<Write<'_>> =
                    good.map(|(entity, content)| Write { new: new(entity, content), seen: None }).collect();
                let mut written = entities::upsert(tx, &writes, origin(&self.caller)).await?.into_iter();
                for line in lines {
                    results.push(match &line.content {
                        Err(errors) => refused(line, errors.clone()),
                        Ok(_) => match written
                            .next()
                            .ok_or_else(|| Error::internal("a write without an outcome"))?
                        {
                            Ok(written) => done(line, written),
                            Err(error) => refused(line, reasons(error)),
                        },
                    });
                }
            }
            Ok(results)
        });
        write.await
    }

    async fn answer(&self, results: &[LineResult]) {
        let mut text = Vec::with_capacity(results.len() * 80);
        for result in results {
            serde_json::to_writer(&mut text, result).expect("a result serializes: it holds plain values");
            text.push(b'\n');
        }
        self.answers.send(text.into()).await;
    }

    /// The sum of it, in the audit trail.
    async fn conclude(&self) {
        let [created, updated, unchanged, refused] = self.counts;
        if self.counts == [0; 4] {
            return;
        }
        let detail =
            format!("{created} created, {updated} updated, {unchanged} unchanged, {refused} refused");
        let noted = self.caller.tx(async |tx| self.note(tx, "entity.batch", Some(&detail)).await).await;
        if let Err(error) = noted {
            tracing::error!(%error, batch = %self.id, detail, "the end of a batch is not in the audit trail");
        }
    }

    async fn note(&self, tx: &mut Tx, action: &str, detail: Option<&str>) -> domain::Result<()> {
        let target = format!("batch:{}", self.id);
        let entry = audit::Entry { detail, ..self.caller.did(action).on(&target) };
        audit::record(tx, &[entry]).await
    }
}

/// The lines in pieces in which no entity stands twice.
fn distinct(mut lines: &[Line]) -> impl Iterator<Item = &[Line]> {
    std::iter::from_fn(move || {
        let mut seen = HashSet::new();
        let again = |line: &Line| line.content.as_ref().is_ok_and(|(entity, _)| !seen.insert(entity.clone()));
        let end = lines.iter().position(again).unwrap_or(lines.len());
        let (piece, rest) = lines.split_at(end);
        lines = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

fn done(line: &Line, written: Written) -> LineResult {
    let status = match written {
        Written::Created(_) => Status::Created,
        Written::Updated(_) => Status::Updated,
        Written::Unchanged(_) => Status::Unchanged,
    };
    LineResult {
        line: line.number,
        kind: line.kind,
        id: line.id.clone(),
        status,
        version: Some(written.version()),
        errors: Vec::new(),
    }
}

fn refused(line: &Line, errors: Vec<FieldError>) -> LineResult {
    LineResult {
        line: line.number,
        kind: line.kind,
        id: line.id.clone(),
        status: Status::Error,
        version: None,
        errors,
    }
}

/// Answers on their way to the client. What waits is bounded: a client that takes none for
/// long is not read from either.
struct Answers {
    send: mpsc::UnboundedSender<(Bytes, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
}

fn answers() -> (Answers, Body) {
    let (send, receive) = mpsc::unbounded_channel::<(Bytes, OwnedSemaphorePermit)>();
    let results = stream::unfold(receive, |mut receive| async move {
        let (bytes, _) = receive.recv().await?;
        Some((Ok::<_, Infallible>(bytes), receive))
    });
    (Answers { send, room: Arc::new(Semaphore::new(ROOM)) }, Body::from_stream(results))
}

impl Answers {
    async fn send(&self, bytes: Bytes) {
        let wanted = u32::try_from(bytes.len().min(ROOM)).unwrap_or(u32::MAX);
        let Ok(permit) = Arc::clone(&self.room).acquire_many_owned(wanted).await else { return };
        // Nobody listens when the client has gone.
        drop(self.send.send((bytes, permit)));
    }
}
