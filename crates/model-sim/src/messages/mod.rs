//! The Messages API, from the provider's side.

mod admit;
mod bench;
pub(crate) mod cache;
mod encode;
mod error;
mod models;
mod prompt;
mod turn;
mod validate;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use axum::{
    Extension, Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Reply, Request, Sim, Usage, demo, play,
    reply::{Block, Instead},
    response,
    sim::{Fallback, Pace},
    usage::tokens,
};
use admit::{admit, known_model};
pub(crate) use bench::deltas as bench_deltas;
use encode::{Message, Part};
use error::{ApiError, Result};
use prompt::Prompt;

/// The routes of this wire. The received request comes as an extension.
pub(crate) fn router() -> Router<Sim> {
    Router::new()
        .route("/v1/messages", post(create))
        .route("/v1/messages/count_tokens", post(count_tokens))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*id}", get(models::find))
        .method_not_allowed_fallback(async |received: Received| refusal(405, &received))
        .fallback(async |received: Received| refusal(404, &received))
}

type Received = Extension<Arc<Request>>;

fn refusal(status: u16, received: &Request) -> Response {
    let message = if status == 404 { "Not Found" } else { "Method Not Allowed" };
    ApiError::new(status, message).response(&received.id)
}

async fn create(State(sim): State<Sim>, Extension(request): Received) -> Response {
    created(&sim, &request).await.unwrap_or_else(|error| error.response(&request.id))
}

async fn created(sim: &Sim, request: &Request) -> Result<Response> {
    let caller = admit(sim, request)?;
    if let Some(bench) = sim.as_bench() {
        return bench::respond(sim, request, &bench).await;
    }
    let json = request.json();
    validate::body(json, validate::Body::Create, caller.version)?;
    known_model(sim, json["model"].as_str().unwrap_or_default())?;
    let prompt = fitting_prompt(sim, request, caller.api_key)?;
    let reply = match sim.reply_to(request) {
        Ok(queued) => queued,
        Err(Fallback::Closure(answer)) => answer(request),
        Err(Fallback::Demo) => demo::answer(&turn::read(json)),
        Err(Fallback::Bench(bench)) => return bench::respond(sim, request, &bench).await,
        Err(Fallback::Refuse) => return Err(ApiError::unscripted(&request.last_user_text())),
    };
    let pace = sim.pace_of(&reply);
    play::before(&reply, pace).await;
    if reply.instead == Some(Instead::Html) {
        return Ok(response::html(&reply));
    }
    if let Some(error) = ApiError::of(&reply) {
        return Err(error);
    }
    let charged = sim.cache().charge(&prompt, Instant::now());
    let message = message(sim, json, &reply, charged);
    send(&message, json["stream"] == true, &reply, pace)
}

fn fitting_prompt(sim: &Sim, request: &Request, api_key: &str) -> Result<Prompt> {
    let prompt = Prompt::read(&request.body, api_key)?;
    let (tokens, maximum) = (prompt.tokens(), sim.window_size());
    if tokens > maximum {
        return Err(ApiError::invalid(format!("prompt is too long: {tokens} tokens > {maximum} maximum")));
    }
    Ok(prompt)
}

fn send(message: &Message, stream: bool, reply: &Reply, pace: Pace) -> Result<Response> {
    let mut response = if stream {
        let error =
            reply.error_after.as_ref().map(|after| error::event(&after.kind, after.message.as_deref()));
        response::sse(play::stream_body(message.events(reply), reply, pace, error))
    } else if let Some(after) = &reply.error_after {
        return Err(ApiError::of_kind(&after.kind, after.message.as_deref()));
    } else if reply.cut_after.is_some() {
        response::json(play::half_body(&message.document()))
    } else {
        response::json(message.document())
    };
    response::set_headers(&mut response, &reply.headers);
    Ok(response)
}

/// The reply with everything that it left open: ids, signatures, usage, the reason to stop.
fn message(sim: &Sim, request: &Value, reply: &Reply, charged: Usage) -> Message {
    let taken = turn::call_ids(request);
    let future = json!({"type": "sim_future_block", "future": {"a": [1, 2]}});
    let unknown = reply.unknown_events.then_some(Part::Raw(future));
    let blocks = reply.content.iter().map(|block| part(sim, block, &taken));
    let content: Vec<_> = unknown.into_iter().chain(blocks).collect();
    let calls = content.iter().any(|part| matches!(part, Part::Tool { .. }));
    let usual = if calls { "tool_use" } else { "end_turn" };
    let estimate = Usage { output_tokens: content.iter().map(length).sum::<u64>().max(1), ..charged };
    Message {
        id: format!("msg_sim_{}", sim.next_id()),
        model: request["model"].as_str().unwrap_or_default().to_owned(),
        content,
        stop_reason: reply.stop_reason.clone().unwrap_or_else(|| usual.to_owned()),
        stop_sequence: reply.stop_sequence.clone(),
        usage: reply.usage.unwrap_or(estimate),
    }
}

fn part(sim: &Sim, block: &Block, taken: &[&str]) -> Part {
    match block {
        Block::Text(text) => Part::Text(text.clone()),
        Block::Thinking(text) => Part::Thinking { signature: signature(text), text: text.clone() },
        Block::Raw(block) => Part::Raw(block.clone()),
        Block::Tool(call) => Part::Tool {
            id: call.id.clone().unwrap_or_else(|| sim.fresh_id("toolu_sim", taken)),
            name: call.name.clone(),
            arguments: call.arguments(),
        },
    }
}

fn length(part: &Part) -> u64 {
    tokens(match part {
        Part::Text(text) | Part::Thinking { text, .. } => text.chars().count(),
        Part::Tool { name, arguments, .. } => name.len() + arguments.chars().count(),
        Part::Raw(block) => block.to_string().len(),
    })
}

/// Seals a thinking text, so that a change of it is found when it comes back.
fn signature(thinking: &str) -> String {
    let mut hasher = DefaultHasher::new();
    thinking.hash(&mut hasher);
    format!("sim-{:016x}", hasher.finish())
}

async fn count_tokens(State(sim): State<Sim>, Extension(request): Received) -> Response {
    let counted = admit(&sim, &request).and_then(|caller| {
        validate::body(request.json(), validate::Body::CountTokens, caller.version)?;
        known_model(&sim, request.json()["model"].as_str().unwrap_or_default())?;
        Prompt::read(&request.body, caller.api_key)
    });
    match counted {
        Ok(prompt) => Json(json!({"input_tokens": prompt.tokens()})).into_response(),
        Err(error) => error.response(&request.id),
    }
}
