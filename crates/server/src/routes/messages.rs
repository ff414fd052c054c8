//! A message becomes a run.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono_tz::Tz;
use domain::{
    Cursor, EntityRef, Error, MessageId, RunId, SessionId,
    audit::Channel,
    models::parts,
    run::{Mode, Run, RunStatus},
    session::Message,
    skill::ExecutionMode,
};
use engine::{Door, Prepared, Wanted};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{
    history,
    idempotency::{self, Claim},
    messages, runs, sessions,
    turns::{self, Queued},
};
use utoipa::{IntoParams, ToSchema};

use super::content::{self, Content, InputBlock};
use crate::{
    caller::{Caller, Tx},
    door::secret_in,
    extract::{Body, IdempotencyKey, MaybeBody, Path, Query},
    idempotent::request_hash,
    page::{Page, after, limit, page},
    problem::{OverBudget, Problems, Result},
    sse,
};

/// Longest time that an answer is waited for, in seconds.
const MAX_WAIT: u64 = 60;
/// Further attempts to tell of a run that has begun, each of which waits for a connection.
const MORE_LOOKS: usize = 20;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// Plain text; or send `content`.
    text: Option<String>,
    /// `text`, `image` and `document` blocks of the Messages API. Images and documents count as
    /// text from outside: the conversation only proposes to memory from there on.
    content: Option<Vec<InputBlock>>,
    /// Up to three entities, of which the run is told what is on record. One whose text is an
    /// integration's, a mail's or a meeting's counts as text from outside.
    #[serde(default)]
    #[schema(max_items = 3)]
    mentions: Vec<EntityRef>,
    /// Key of a skill that the answer is to follow. What it requires and is not said, the copilot asks for.
    #[schema(max_length = 64)]
    skill: Option<String>,
    /// What the skill is to work on, as its `inputs` say. At most 64 KiB of JSON.
    #[schema(value_type = Option<Object>)]
    inputs: Option<Map<String, Value>>,
    mode: Option<Mode>,
    /// `provider/model`; the session's or the service's when left out.
    model: Option<String>,
    context: Option<ClientContext>,
}

/// What the client knows of the moment.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientContext {
    /// IANA name, such as `Europe/Berlin`; UTC when left out.
    timezone: Option<String>,
    /// What the person looks at; at most 4000 bytes of JSON. More than names of places and ids
    /// counts as text from outside: the conversation only proposes to memory from there on.
    #[schema(value_type = Option<Object>)]
    view: Option<Value>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Regenerate {
    /// The question to answer again, or the answer to replace; the last one when left out.
    message_id: Option<MessageId>,
}

/// A run, and its answer once there is one.
#[derive(Serialize, ToSchema)]
pub struct Turn {
    run: Run,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Order {
    #[default]
    Asc,
    Desc,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListMessages {
    /// Oldest first unless `desc`.
    #[param(inline)]
    order: Option<Order>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

/// The whole history, byte for byte what was said.
#[utoipa::path(get, path = "/v1/sessions/{id}/messages", tag = "messages", security(("bearer" = [])),
    params(("id" = SessionId, Path), ListMessages), responses((status = 200, body = Page<Message>), Problems))]
pub async fn list(
    caller: Caller,
    Path(id): Path<SessionId>,
    Query(query): Query<ListMessages>,
) -> Result<Json<Page<Message>>> {
    let limit = limit(query.limit)?;
    let after: Option<i64> = after(query.cursor.as_deref())?;
    let newest_first = matches!(query.order.unwrap_or_default(), Order::Desc);
    let found = caller
        .tx(async |tx| {
            let read = async |tx: &mut store::TenantTx| {
                sessions::find(tx, id).await?;
                history::page(tx, id, newest_first, after, limit + 1).await
            };
            tx.in_conversation(id, read).await
        })
        .await?;
    Ok(page(found, limit, |message| message.seq))
}

/// Sends a message and starts a run. With `Accept: text/event-stream` the answer
/// is the run's events; with `Prefer: respond-async` the run; else the service
/// waits for the end, up to 60 seconds (`Prefer: wait=n`), and then answers 202.
#[utoipa::path(post, path = "/v1/sessions/{id}/messages", tag = "messages", security(("bearer" = [])),
    params(("id" = SessionId, Path)), request_body = NewMessage,
    responses((status = 200, content((Turn = "application/json"), (sse::Frame = "text/event-stream"))),
        (status = 202, body = Turn), Problems, OverBudget))]
pub async fn post(
    caller: Caller,
    Path(id): Path<SessionId>,
    key: IdempotencyKey,
    headers: HeaderMap,
    body: Body<NewMessage>,
) -> Result<Response> {
    let wish = Wish::of(&headers)?;
    let hash = request_hash(&format!("POST /v1/sessions/{id}/messages"), &body.bytes);
    let new = body.value;
    let content = content::accept(&caller.door, new.text, new.content)?;
    let client = new.context.unwrap_or_default();
    let timezone = timezone("context.timezone", client.timezone.as_deref())?;
    let view = content::view(&caller.door, client.view)?;
    let mentions = content::mentions(&caller.door, new.mentions)?;
    let skill = match (new.skill, new.inputs) {
        (None, None) => None,
        (None, Some(_)) => return Err(Error::field("inputs", "belong to a skill: name it in skill").into()),
        (Some(key), inputs) => {
            let inputs = content::inputs(&caller.door, inputs.unwrap_or_default())?;
            Some(Wanted { key, inputs, complete: false })
        }
    };
    model_name(&caller.door, new.model.as_deref())?;
    let said = Said { content, timezone, view, mentions, skill, mode: new.mode, model: new.model };
    say(&caller, id, (key, hash), said, wish).await
}

/// What a person says, ready to be taken in.
pub(super) struct Said {
    pub content: Content,
    pub timezone: Tz,
    pub view: Option<Value>,
    pub mentions: Vec<(usize, EntityRef)>,
    pub skill: Option<Wanted>,
    pub mode: Option<Mode>,
    pub model: Option<String>,
}

/// Takes the message in, starts its run and answers as the client wishes; or joins the run that the key
/// stands for.
pub(super) async fn say(
    caller: &Caller,
    id: SessionId,
    (key, hash): (IdempotencyKey, [u8; 32]),
    said: Said,
    wish: Wish,
) -> Result<Response> {
    let ((start, session), tx) =
        caller.with_session(id, async |tx, session| Ok((claim(tx, key, &hash).await?, session))).await?;
    let run = match start {
        Start::Join(run) => {
            tx.into_inner().commit().await?;
            return answer(caller, run, wish).await;
        }
        Start::New(run) => run,
    };
    let prepared = Prepared {
        session: id,
        content: said.content.json,
        text: said.content.text,
        mode: said.mode.or(session.mode).unwrap_or_default(),
        model: said.model,
        role: tx.role,
        author: None,
        timezone: said.timezone,
        view: said.view,
        mentions: said.mentions,
        skill: said.skill,
        service: caller.is_program(),
        trigger: Channel::Http,
        notice: String::new(),
        secrets_state: caller.door.state(),
    };
    caller.app.engine.begin_turn(tx.into_inner(), prepared, run).await?;
    answer(caller, run, wish).await
}

/// Answers a question once more. The old answer is kept as superseded, out of the prompt. The answer of a
/// sequence is not given again without its steps: 409 `sequence_not_repeated`.
#[utoipa::path(post, path = "/v1/sessions/{id}/regenerate", tag = "messages", security(("bearer" = [])),
    params(("id" = SessionId, Path)), request_body = Option<Regenerate>,
    responses((status = 200, content((Turn = "application/json"), (sse::Frame = "text/event-stream"))),
        (status = 202, body = Turn), Problems, OverBudget))]
pub async fn regenerate(
    caller: Caller,
    Path(id): Path<SessionId>,
    key: IdempotencyKey,
    headers: HeaderMap,
    body: MaybeBody<Regenerate>,
) -> Result<Response> {
    let wish = Wish::of(&headers)?;
    let bytes = body.0.as_ref().map(|body| body.bytes.clone()).unwrap_or_default();
    let hash = request_hash(&format!("POST /v1/sessions/{id}/regenerate"), &bytes);
    let asked = body.0.and_then(|body| body.value.message_id);
    let (run, tx) = caller
        .with_session(id, async |tx, session| {
            let run = match claim(tx, key, &hash).await? {
                Start::Join(run) => return Ok(run),
                Start::New(run) => run,
            };
            let (message, seq) = messages::question(tx, id, asked).await?.ok_or_else(|| match asked {
                Some(_) => Error::NotFound,
                None => Error::conflict("nothing_to_regenerate", "nothing was asked in this session yet"),
            })?;
            caller.app.engine.may_answer(tx, session.model.as_deref()).await?;
            // What still waits to be decided about an answer that is replaced is void.
            for waiting in runs::waiting(tx, id, seq).await? {
                runs::cancel(tx, waiting, engine::cancelled_frames).await?;
            }
            messages::supersede_after(tx, id, seq).await?;
            caller.app.engine.may_queue(tx).await?;
            let model = caller.app.model(session.model);
            let mode = session.mode.unwrap_or_default();
            let role = tx.role;
            let queued = Queued { session: id, message, run, trigger: "http", mode, model: &model, role };
            turns::enqueue(tx, &queued).await?;
            Ok(run)
        })
        .await?;
    tx.into_inner().commit().await?;
    caller.app.engine.wake();
    answer(&caller, run, wish).await
}

/// Refuses what nobody would call a model.
fn model_name(door: &Door, model: Option<&str>) -> domain::Result<()> {
    let Some(model) = model else { return Ok(()) };
    if let Some(problem) = secret_in(door, "model", model) {
        return Err(Error::fields(vec![problem]));
    }
    if parts(model).is_none() {
        let wrong = "must be provider/model; GET /v1/models lists those that can be asked";
        return Err(Error::field("model", wrong));
    }
    Ok(())
}

/// Refuses a model that cannot be asked in the transaction's organization.
pub(super) async fn known_model(caller: &Caller, tx: &mut Tx, model: Option<&str>) -> domain::Result<()> {
    model_name(&caller.door, model)?;
    match model {
        Some(model) => caller.app.engine.routes_now(tx).await?.check(model),
        None => Ok(()),
    }
}

/// The zone of this name, which stands in that field; UTC without one.
pub(super) fn timezone(field: &str, name: Option<&str>) -> domain::Result<Tz> {
    match name {
        None => Ok(Tz::UTC),
        Some(name) => {
            name.parse().map_err(|_| Error::field(field, "must be an IANA name such as Europe/Berlin"))
        }
    }
}

pub(super) enum Start {
    New(RunId),
    /// The key stands for a run: the request joins it.
    Join(RunId),
}

/// Takes the key of a request that starts a run.
pub(super) async fn claim(tx: &mut Tx, key: IdempotencyKey, hash: &[u8; 32]) -> domain::Result<Start> {
    let run = RunId::new();
    let Some(key) = key.0 else { return Ok(Start::New(run)) };
    match idempotency::claim(tx, &key, hash).await? {
        Claim::Run(run) => Ok(Start::Join(run)),
        Claim::Answered { .. } => Err(Error::internal("a key stands for an answer and for a run")),
        Claim::New => {
            idempotency::bind_run(tx, &key, run).await?;
            Ok(Start::New(run))
        }
    }
}

/// How the client wants to hear of the run.
#[derive(Clone, Copy)]
pub(super) enum Wish {
    Events,
    Async,
    Wait(Duration),
}

impl Wish {
    /// What the headers say, or else to wait for the end.
    pub(super) fn of(headers: &HeaderMap) -> domain::Result<Self> {
        Self::or(headers, ExecutionMode::Sync)
    }

    /// What the headers say, or else what is usual.
    pub(super) fn or(headers: &HeaderMap, usual: ExecutionMode) -> domain::Result<Self> {
        let text =
            |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
        if text(header::ACCEPT).split(',').any(|mime| mime.trim().starts_with("text/event-stream")) {
            return Ok(Wish::Events);
        }
        let mut wait = None;
        for preference in headers.get_all("prefer") {
            for part in preference.to_str().unwrap_or_default().split([',', ';']).map(str::trim) {
                if part.eq_ignore_ascii_case("respond-async") {
                    return Ok(Wish::Async);
                }
                if let Some(seconds) = part.strip_prefix("wait=") {
                    let seconds: u64 = seconds
                        .parse()
                        .map_err(|_| Error::field("Prefer", "wait=n takes a number of seconds"))?;
                    wait = Some(seconds);
                }
            }
        }
        let json = text(header::ACCEPT).contains("json");
        Ok(match (wait, usual) {
            (None, ExecutionMode::Async) => Wish::Async,
            (None, ExecutionMode::Streaming) if !json => Wish::Events,
            (wait, _) => Wish::Wait(Duration::from_secs(wait.unwrap_or(MAX_WAIT).min(MAX_WAIT))),
        })
    }
}

/// The answer to a request that started or joined a run.
async fn answer(caller: &Caller, run: RunId, wish: Wish) -> Result<Response> {
    let reader = caller.app.engine.reader(caller.tenant(), run, Cursor::default());
    let mut response = match wish {
        Wish::Events => sse::response(caller.app.open_stream(), reader),
        Wish::Async => {
            let mut response = turn(caller, run).await?;
            // Whoever does not wait is told so, even of a run that was quick.
            *response.status_mut() = StatusCode::ACCEPTED;
            response
        }
        Wish::Wait(limit) => {
            // Whether it ended or the time is up, the run's state says.
            if let Ok(ended) = tokio::time::timeout(limit, reader.to_end()).await {
                ended?;
            }
            turn(caller, run).await?
        }
    };
    let location = HeaderValue::try_from(format!("/v1/runs/{run}")).map_err(Error::internal)?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// Nothing more comes by itself: the run has ended, or waits for a person.
fn settled(status: RunStatus) -> bool {
    status.ended() || status == RunStatus::Waiting
}

async fn turn(caller: &Caller, run: RunId) -> Result<Response> {
    let look = async || {
        caller
            .tx(async |tx| {
                let run = runs::find(tx, run).await?;
                let message = if settled(run.status) { messages::answer_of(tx, run.id).await? } else { None };
                Ok(Turn { run, message })
            })
            .await
    };
    // The message is committed: a busy database must not tell its sender to come again.
    let mut looked = look().await;
    for _ in 0..MORE_LOOKS {
        let Err(Error::Unavailable { .. }) = looked else { break };
        looked = look().await;
    }
    let turn = looked?;
    let open = !settled(turn.run.status);
    Ok((if open { StatusCode::ACCEPTED } else { StatusCode::OK }, Json(turn)).into_response())
}
