//! A reader of event streams.

use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::time::timeout;

use super::PATIENCE;

/// One event of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    pub id: String,
    pub event: String,
    pub data: Value,
}

/// A stream of events that is being read.
pub struct Events {
    response: Response,
    buffer: Vec<u8>,
}

impl Events {
    pub async fn open(request: RequestBuilder) -> Self {
        Self::of(request.send().await.expect("an answer"))
    }

    /// The events of this answer.
    pub fn of(response: Response) -> Self {
        let status = response.status();
        assert_eq!(status, 200, "{response:?}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, buffer: Vec::new() }
    }

    /// The next event; none at the end of the stream.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.buffer.drain(..end + 2).collect();
                match parse(std::str::from_utf8(&frame).expect("whole characters")) {
                    Some(frame) => return Some(frame),
                    None => continue,
                }
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("an event in time");
            // A killed server resets the connection: for the reader that is an end.
            let chunk = chunk.ok().flatten()?;
            self.buffer.extend_from_slice(&chunk);
        }
    }

    /// Reads until the event of this name.
    pub async fn until(&mut self, event: &str) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            let found = frame.event == event;
            frames.push(frame);
            if found {
                return frames;
            }
        }
        panic!("the stream ended without {event}: {frames:#?}");
    }

    /// Everything up to the stream's end.
    pub async fn rest(mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }
}

/// None for a comment.
fn parse(text: &str) -> Option<Frame> {
    if text.starts_with(':') {
        return None;
    }
    let lines: Vec<&str> = text.trim_end().split('\n').collect();
    let [id, event, data] = lines[..] else { panic!("a frame has three lines: {text:?}") };
    let field =
        |line: &str, name: &str| line.strip_prefix(name).unwrap_or_else(|| panic!("{text:?}")).to_owned();
    Some(Frame {
        id: field(id, "id: "),
        event: field(event, "event: "),
        data: serde_json::from_str(&field(data, "data: ")).expect("JSON"),
    })
}
