//! Chat Completions (OpenAI's, and that of the servers that speak it), from the
//! provider's side.

mod admit;
mod encode;
mod error;
mod turn;
mod validate;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;

use crate::{
    Quirk, Reply, Request, Sim, Usage, demo, play,
    reply::{Block, Instead},
    response,
    sim::{Fallback, Pace},
    usage::tokens,
};
use admit::{admit, known_model};
use encode::{Completion, Part};
use error::{ApiError, Result};

/// The routes of this wire. The received request comes as an extension.
pub(crate) fn router() -> Router<Sim> {
    Router::new().route("/v1/chat/completions", post(create))
}

/// Whether a client of this wire may ask about a model.
#[expect(clippy::result_large_err, reason = "a refusal is an answer")]
pub(crate) fn admitted(sim: &Sim, request: &Request, model: Option<&str>) -> Result<(), Response> {
    let known = |()| model.map_or(Ok(()), |model| known_model(sim, model));
    admit(sim, request).and_then(known).map_err(IntoResponse::into_response)
}

async fn create(State(sim): State<Sim>, Extension(request): Extension<Arc<Request>>) -> Response {
    created(&sim, &request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn created(sim: &Sim, request: &Request) -> Result<Response> {
    admit(sim, request)?;
    let json = request.json();
    validate::body(json)?;
    known_model(sim, json["model"].as_str().unwrap_or_default())?;
    let prompt_tokens = fitting(sim, request)?;
    let reply = match sim.reply_to(request) {
        Ok(queued) => queued,
        Err(Fallback::Closure(answer)) => answer(request),
        Err(Fallback::Demo) => demo::answer(&turn::read(json)),
        Err(Fallback::Bench(bench)) => bench.reply(),
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
    let completion = completion(sim, json, &reply, prompt_tokens);
    send(&completion, json, &reply, pace)
}

/// The tokens of the prompt, by estimate, if they fit into the window.
fn fitting(sim: &Sim, request: &Request) -> Result<u64> {
    let (tokens, window) = (tokens(request.body.len()), sim.window_size());
    if tokens > window {
        return Err(ApiError::invalid(format!(
            "This model's maximum context length is {window} tokens. However, your messages resulted in \
             {tokens} tokens. Please reduce the length of the messages."
        ))
        .about("messages")
        .code("context_length_exceeded"));
    }
    Ok(tokens)
}

fn send(completion: &Completion, request: &Value, reply: &Reply, pace: Pace) -> Result<Response> {
    let error = reply.error_after.as_ref();
    let error = error.map(|after| ApiError::of_kind(&after.kind, after.message.as_deref()));
    let mut response = if request["stream"] == true {
        let with_usage = request["stream_options"]["include_usage"] == true;
        let events = completion.events(reply, with_usage);
        response::sse(play::stream_body(events, reply, pace, error.map(|error| error.event())))
    } else if let Some(error) = error {
        return Err(error);
    } else if reply.cut_after.is_some() {
        response::json(play::half_body(&completion.document(reply)))
    } else {
        response::json(completion.document(reply))
    };
    response::set_headers(&mut response, &reply.headers);
    Ok(response)
}

/// The reply with everything that it left open: ids, usage, the reason to stop.
fn completion(sim: &Sim, request: &Value, reply: &Reply, prompt_tokens: u64) -> Completion {
    let taken = turn::call_ids(request);
    let content: Vec<_> = reply.content.iter().filter_map(|block| part(sim, block, &taken)).collect();
    let calls = content.iter().any(|part| matches!(part, Part::Tool { .. }));
    let usual = if calls { "tool_calls" } else { "stop" };
    let estimate = Usage {
        input_tokens: prompt_tokens,
        output_tokens: content.iter().map(Part::tokens).sum::<u64>().max(1),
        ..Usage::default()
    };
    let asked = reply.stop_reason.as_deref().filter(|_| !reply.has(Quirk::AlwaysStop));
    let finish_reason = asked.map_or(usual, finish_reason);
    Completion {
        id: format!("chatcmpl-sim-{}", sim.next_id()),
        model: request["model"].as_str().unwrap_or_default().to_owned(),
        content,
        finish_reason: if reply.has(Quirk::AlwaysStop) { "stop" } else { finish_reason }.to_owned(),
        usage: reply.usage.unwrap_or(estimate),
    }
}

/// This wire's name of a reason to stop; an unknown one goes out as it is.
fn finish_reason(reason: &str) -> &str {
    match reason {
        "end_turn" | "stop_sequence" => "stop",
        "tool_use" => "tool_calls",
        "max_tokens" => "length",
        "refusal" => "content_filter",
        other => other,
    }
}

/// Blocks of another wire have no place in this one.
fn part(sim: &Sim, block: &Block, taken: &[&str]) -> Option<Part> {
    Some(match block {
        Block::Text(text) => Part::Text(text.clone()),
        Block::Thinking(text) => Part::Thinking(text.clone()),
        Block::Raw(_) => return None,
        Block::Tool(call) => Part::Tool {
            id: call.id.clone().unwrap_or_else(|| sim.fresh_id("call_sim", taken)),
            name: call.name.clone(),
            arguments: call.arguments(),
        },
    })
}
