//! The body of a batch as it comes in: bounded in bytes, lines and patience, and never whole in memory.

use std::time::Duration;

use axum::body::Body;
use engine::{Door, Engine};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout};

use super::{
    content::Writer,
    lines::{Line, Lines, Raw},
};

/// Lines, and bytes of lines, that are written together.
const PIECE: usize = 500;
const PIECE_BYTES: usize = 1024 * 1024;
/// Lines that are there are not kept waiting for others longer than this.
const BRIEF: Duration = Duration::from_millis(100);
/// Longest time in which nothing comes.
const SILENCE: Duration = Duration::from_secs(30);
/// A body has the silence for its beginning, and a second for so many bytes: what counts is that it goes on.
const BYTES_A_SECOND: u32 = 4 * 1024;

/// How much a request may bring.
#[derive(Clone, Copy)]
pub struct Limits {
    pub bytes: usize,
    pub lines: usize,
}

impl Limits {
    pub const PERSON: Limits = Limits { bytes: 8 * 1024 * 1024, lines: 100_000 };
    pub const INTEGRATION: Limits = Limits { bytes: 64 * 1024 * 1024, lines: 100_000 };
}

/// Why no more lines come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Whole,
    /// The connection broke; what was not yet written is left.
    Cut,
    Slow,
    /// The service is about to stop.
    Stopping,
    TooLarge,
    TooManyLines,
}

impl End {
    /// What the client is told about the rest, if there may be one.
    pub fn reason(self, limits: Limits) -> Option<String> {
        match self {
            End::Whole | End::Cut => None,
            End::Slow => Some("the body came too slowly; this and what follows was not read".into()),
            End::Stopping => Some("the service stops; send this and what follows again".into()),
            End::TooLarge => Some(format!(
                "the body is larger than {} bytes; this and what follows was not read",
                limits.bytes
            )),
            End::TooManyLines => Some(format!(
                "the body has more than {} lines; this and what follows was not read",
                limits.lines
            )),
        }
    }
}

pub struct Incoming {
    pub limits: Limits,
    pub ended: Option<End>,
    body: Body,
    lines: Lines,
    ready: Vec<(usize, Raw)>,
    received: usize,
    waited: Duration,
    /// Lines that were handed on.
    taken: usize,
}

impl Incoming {
    pub fn new(body: Body, limits: Limits) -> Self {
        Self {
            limits,
            ended: None,
            body,
            lines: Lines::default(),
            ready: Vec::new(),
            received: 0,
            waited: Duration::ZERO,
            taken: 0,
        }
    }

    /// The number of the last line that was handed on.
    pub fn lines(&self) -> usize {
        self.taken
    }

    /// The next lines, as many as are written together or as are there. Empty: there are no more.
    pub async fn next(&mut self, engine: &Engine, door: &Door, writer: Writer) -> Vec<Line> {
        while self.ended.is_none() && self.ready.len() < PIECE && self.ready_bytes() < PIECE_BYTES {
            let wait = if self.ready.is_empty() { SILENCE } else { BRIEF };
            let began = Instant::now();
            let stopping = engine.stopping();
            let frame = tokio::select! {
                frame = timeout(wait, self.body.frame()) => frame,
                () = stopping.cancelled() => {
                    self.ended = Some(End::Stopping);
                    break;
                }
            };
            self.waited += began.elapsed();
            match frame {
                Err(_) if !self.ready.is_empty() => break,
                Err(_) => self.ended = Some(End::Slow),
                Ok(None) => {
                    self.lines.finish(&mut self.ready);
                    self.ended = Some(End::Whole);
                }
                Ok(Some(Err(_))) => {
                    self.ready.clear();
                    self.ended = Some(End::Cut);
                }
                Ok(Some(Ok(frame))) => self.take(frame.data_ref().map_or(&[][..], |bytes| &bytes[..])),
            }
        }
        self.bound_lines();
        let rest = self.ready.split_off(self.ready.len().min(PIECE));
        let piece = std::mem::replace(&mut self.ready, rest);
        self.taken = piece.last().map_or(self.taken, |(number, _)| *number);
        piece.iter().map(|(number, raw)| Line::of(door, writer, *number, raw.as_deref())).collect()
    }

    fn ready_bytes(&self) -> usize {
        self.ready.iter().map(|(_, raw)| raw.as_ref().map_or(0, Vec::len)).sum()
    }

    fn take(&mut self, bytes: &[u8]) {
        self.received += bytes.len();
        if self.received > self.limits.bytes {
            self.ended = Some(End::TooLarge);
            return;
        }
        self.lines.push(bytes, &mut self.ready);
        let earned = u32::try_from(self.received).unwrap_or(u32::MAX) / BYTES_A_SECOND;
        if self.waited > SILENCE + Duration::from_secs(earned.into()) {
            self.ended = Some(End::Slow);
        }
    }

    fn bound_lines(&mut self) {
        if self.lines.count > self.limits.lines {
            self.ready.retain(|(number, _)| *number <= self.limits.lines);
            self.ended = Some(End::TooManyLines);
        }
    }
}
