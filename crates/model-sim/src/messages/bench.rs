//! The benchmark's answer on this wire.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use serde::Deserialize;
use tokio::time::{Instant, sleep_until};

use super::{
    encode::{Message, Part, frame, start_frame, stop_frame, text_delta},
    error::{ApiError, Result},
};
use crate::{
    Request, Sim, Usage,
    bench::Bench,
    response::{json, sse},
    usage::tokens,
};

/// How large the chunks of an unpaced answer are.
const CHUNK_BYTES: usize = 16 * 1024;

/// All that a benchmark's request is asked for; the rest is skipped, not parsed.
#[derive(Deserialize)]
struct Head {
    model: String,
    #[serde(default)]
    stream: bool,
}

/// One encoded frame per token, or few large chunks when there is no gap between them.
pub(crate) fn deltas<'a>(words: impl Iterator<Item = &'a str>, gap: Duration) -> Arc<[Bytes]> {
    let frames = words.map(|word| Bytes::from(text_delta(0, word).bytes));
    if !gap.is_zero() {
        return frames.collect();
    }
    let mut chunks = vec![BytesMut::new()];
    for frame in frames {
        match chunks.last_mut() {
            Some(chunk) if chunk.len() + frame.len() <= CHUNK_BYTES => chunk.extend_from_slice(&frame),
            _ => chunks.push(BytesMut::from(frame)),
        }
    }
    chunks.into_iter().map(BytesMut::freeze).collect()
}

pub(super) async fn respond(sim: &Sim, request: &Request, bench: &Bench) -> Result<Response> {
    let head: Head =
        serde_json::from_slice(&request.body).map_err(|error| ApiError::invalid(error.to_string()))?;
    let start = Instant::from_std(request.at) + bench.first;
    sleep_until(start).await;
    let usage = Usage {
        input_tokens: tokens(request.body.len()),
        output_tokens: bench.tokens as u64,
        ..Usage::default()
    };
    let message = Message {
        id: format!("msg_sim_{}", sim.next_id()),
        model: head.model,
        content: vec![Part::Text(if head.stream { String::new() } else { bench.text.clone() })],
        stop_reason: "end_turn".to_owned(),
        stop_sequence: None,
        usage,
    };
    if !head.stream {
        return Ok(json(message.document()));
    }
    Ok(sse(body(&message, bench, start)))
}

/// The first delta travels with the opening frames, the last with the closing ones.
fn body(message: &Message, bench: &Bench, start: Instant) -> Body {
    let opening = message.start_frame() + &start_frame(0, r#"{"type":"text","text":""}"#);
    let stop = frame("message_stop", r#"{"type":"message_stop"}"#);
    let closing = stop_frame(0) + &message.end_frames() + &stop;
    let (deltas, gap) = (bench.deltas.clone(), bench.gap);
    let frames = stream::unfold((0, start, Some(opening), Some(closing)), move |state| {
        let deltas = deltas.clone();
        async move {
            let (sent, mut due, mut opening, mut closing) = state;
            if let Some(opening) = opening.take() {
                return Some((Bytes::from(opening), (sent, due, None, closing)));
            }
            let Some(delta) = deltas.get(sent) else {
                return Some((Bytes::from(closing.take()?), (sent, due, None, None)));
            };
            if sent > 0 && !gap.is_zero() {
                due += gap;
                sleep_until(due).await;
            }
            Some((delta.clone(), (sent + 1, due, None, closing)))
        }
    });
    Body::from_stream(futures_util::StreamExt::map(frames, Ok::<_, std::convert::Infallible>))
}
