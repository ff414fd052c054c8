//! From the events of an answer to the bytes on the connection: pace, gates,
//! cuts and odd chunks. Knows nothing of any wire.

use std::{collections::VecDeque, io, time::Duration};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tokio::time::{Instant, sleep_until};

use crate::{
    Gate, Reply,
    reply::{Instead, SlowBytes},
    sim::Pace,
};

/// Events that leave at the same time share a chunk of at most this size.
const CHUNK_BYTES: usize = 16 * 1024;

/// One encoded event of a stream.
pub(crate) struct Event {
    pub bytes: String,
    /// Deltas are what pace, gates and late errors count.
    pub delta: bool,
}

pub(crate) enum Step {
    Send(Bytes),
    Pause(Duration),
    Hold(Gate),
    Cut,
}

/// Everything that happens before the status line.
pub(crate) async fn before(reply: &Reply, pace: Pace) {
    if reply.instead == Some(Instead::Hang) {
        std::future::pending::<()>().await;
    }
    for hold in reply.holds.iter().filter(|hold| hold.after_deltas.is_none()) {
        hold.gate.pass().await;
    }
    if !pace.first.is_zero() {
        tokio::time::sleep(pace.first).await;
    }
}

/// The stream of these events as the reply wants it. `error` is the event that
/// [`Reply::error_event_after`] asked for.
pub(crate) fn stream_body(events: Vec<Event>, reply: &Reply, pace: Pace, error: Option<String>) -> Body {
    let steps = join(weave(events, reply, pace, error));
    body(match reply.slow_bytes {
        Some(slow) => trickle(steps, slow),
        None => steps,
    })
}

/// The first half of a document, and then nothing.
pub(crate) fn half_body(document: &str) -> Body {
    let half = Bytes::copy_from_slice(&document.as_bytes()[..document.len() / 2]);
    body([Step::Send(half), Step::Cut].into())
}

fn weave(events: Vec<Event>, reply: &Reply, pace: Pace, error: Option<String>) -> VecDeque<Step> {
    let error = reply.error_after.as_ref().map(|after| after.deltas).zip(error);
    let mut steps = VecDeque::new();
    let mut deltas = 0;
    for (index, event) in events.into_iter().enumerate() {
        if reply.cut_after == Some(index) {
            steps.push_back(Step::Cut);
            return steps;
        }
        if event.delta && deltas == 0 && mark(&mut steps, reply, error.as_ref(), 0) {
            return steps;
        }
        if event.delta && deltas > 0 && !pace.between.is_zero() {
            steps.push_back(Step::Pause(pace.between));
        }
        steps.push_back(Step::Send(event.bytes.into()));
        if event.delta {
            deltas += 1;
            if mark(&mut steps, reply, error.as_ref(), deltas) {
                return steps;
            }
        }
    }
    steps
}

/// What happens right after so many deltas. True when the stream ends there.
fn mark(steps: &mut VecDeque<Step>, reply: &Reply, error: Option<&(usize, String)>, deltas: usize) -> bool {
    let holds = reply.holds.iter().filter(|hold| hold.after_deltas == Some(deltas));
    steps.extend(holds.map(|hold| Step::Hold(hold.gate.clone())));
    let failed = error.filter(|(after, _)| *after == deltas);
    steps.extend(failed.map(|(_, event)| Step::Send(Bytes::copy_from_slice(event.as_bytes()))));
    failed.is_some()
}

/// Puts what leaves at the same time into one chunk.
fn join(steps: VecDeque<Step>) -> VecDeque<Step> {
    let mut joined = VecDeque::new();
    let mut chunk = BytesMut::new();
    for step in steps {
        match step {
            Step::Send(bytes) => {
                if chunk.len() + bytes.len() > CHUNK_BYTES {
                    flush(&mut joined, &mut chunk);
                }
                chunk.extend_from_slice(&bytes);
            }
            other => {
                flush(&mut joined, &mut chunk);
                joined.push_back(other);
            }
        }
    }
    flush(&mut joined, &mut chunk);
    joined
}

fn flush(steps: &mut VecDeque<Step>, chunk: &mut BytesMut) {
    if !chunk.is_empty() {
        steps.push_back(Step::Send(chunk.split().freeze()));
    }
}

fn trickle(steps: VecDeque<Step>, slow: SlowBytes) -> VecDeque<Step> {
    let mut pieces = VecDeque::new();
    for step in steps {
        let Step::Send(mut bytes) = step else {
            pieces.push_back(step);
            continue;
        };
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(slow.size.max(1)));
            pieces.extend([Step::Send(piece), Step::Pause(slow.pause)]);
        }
    }
    pieces
}

fn body(steps: VecDeque<Step>) -> Body {
    let start = (steps, Instant::now());
    Body::from_stream(stream::unfold(start, |(mut steps, mut due)| async move {
        loop {
            match steps.pop_front()? {
                Step::Send(bytes) => return Some((Ok(bytes), (steps, due))),
                // By the clock of the stream, so that late timers do not add up.
                Step::Pause(pause) if !pause.is_zero() => {
                    due += pause;
                    sleep_until(due).await;
                }
                Step::Pause(_) => tokio::task::yield_now().await,
                Step::Hold(gate) => {
                    gate.pass().await;
                    due = Instant::now();
                }
                Step::Cut => {
                    // An error drops what is not flushed, and pending flushes.
                    tokio::task::yield_now().await;
                    return Some((Err(io::Error::other("cut as scripted")), (steps, due)));
                }
            }
        }
    }))
}
