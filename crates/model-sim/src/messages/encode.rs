//! A message on the wire: as one JSON document, or as the events of a stream.

use serde_json::{Value, json};

use crate::{Reply, Usage, pieces, play::Event};

/// A message that is ready to be sent.
pub(super) struct Message {
    pub id: String,
    pub model: String,
    pub content: Vec<Part>,
    pub stop_reason: String,
    pub stop_sequence: Option<String>,
    pub usage: Usage,
}

pub(super) enum Part {
    Text(String),
    Thinking {
        text: String,
        signature: String,
    },
    /// The arguments are text: nothing says that they are JSON.
    Tool {
        id: String,
        name: String,
        arguments: String,
    },
    Raw(Value),
}

const NO_STOP: &str = r#""stop_reason":null,"stop_sequence":null,"stop_details":null"#;

/// One named server-sent event.
pub(super) fn frame(event: &str, data: &str) -> String {
    format!("event: {event}\ndata: {data}\n\n")
}

/// A JSON string, quotes and all.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn json_of(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl Message {
    /// The answer to a request that did not ask for a stream.
    pub fn document(&self) -> String {
        let content: Vec<_> = self.content.iter().map(Part::whole).collect();
        self.head(&content.join(","), &self.stop(), &json_of(&self.usage))
    }

    /// Members stand in the order in which the API sends them: `type` early.
    fn head(&self, content: &str, stop: &str, usage: &str) -> String {
        format!(
            r#"{{"id":{},"type":"message","role":"assistant","model":{},"content":[{content}],{stop},"usage":{usage}}}"#,
            quoted(&self.id),
            quoted(&self.model),
        )
    }

    /// The members that say why the answer ends.
    fn stop(&self) -> String {
        let refusal = json!({"type": "refusal", "category": null, "explanation": "Refused by the stand-in."});
        format!(
            r#""stop_reason":{},"stop_sequence":{},"stop_details":{}"#,
            quoted(&self.stop_reason),
            json_of(&self.stop_sequence),
            if self.stop_reason == "refusal" { refusal } else { Value::Null },
        )
    }

    /// `message_start`, the blocks, `message_delta`, `message_stop`.
    pub fn events(&self, reply: &Reply) -> Vec<Event> {
        let mut events = vec![plain(self.start_frame())];
        if reply.unknown_events {
            events.extend(noise());
        }
        events.push(plain(frame("ping", r#"{"type":"ping"}"#)));
        for (index, part) in self.content.iter().enumerate() {
            part.events(index, reply, &mut events);
        }
        events.push(plain(self.end_frames()));
        events.push(plain(frame("message_stop", r#"{"type":"message_stop"}"#)));
        events
    }

    pub fn start_frame(&self) -> String {
        let usage = Usage { output_tokens: self.usage.output_tokens.min(1), ..self.usage };
        let message = self.head("", NO_STOP, &json_of(&usage));
        frame("message_start", &format!(r#"{{"type":"message_start","message":{message}}}"#))
    }

    /// `message_delta`, whose usage is cumulative.
    pub fn end_frames(&self) -> String {
        let (stop, usage) = (self.stop(), json_of(&self.usage));
        let data = format!(r#"{{"type":"message_delta","delta":{{{stop}}},"usage":{usage}}}"#);
        frame("message_delta", &data)
    }
}

impl Part {
    fn whole(&self) -> String {
        match self {
            Part::Text(text) => format!(r#"{{"type":"text","text":{}}}"#, quoted(text)),
            Part::Thinking { text, signature } => {
                let (text, signature) = (quoted(text), quoted(signature));
                format!(r#"{{"type":"thinking","thinking":{text},"signature":{signature}}}"#)
            }
            Part::Tool { id, name, arguments } => {
                // Broken arguments cannot stand in a document: they come as a string.
                let input: Value =
                    serde_json::from_str(arguments).unwrap_or_else(|_| Value::from(arguments.as_str()));
                tool_use(id, name, &input)
            }
            Part::Raw(block) => block.to_string(),
        }
    }

    /// The block as `content_block_start` has it, still empty.
    fn opening(&self) -> String {
        match self {
            Part::Text(_) => Part::Text(String::new()).whole(),
            Part::Thinking { .. } => r#"{"type":"thinking","thinking":"","signature":""}"#.to_owned(),
            Part::Tool { id, name, .. } => tool_use(id, name, &json!({})),
            Part::Raw(block) => block.to_string(),
        }
    }

    fn events(&self, index: usize, reply: &Reply, events: &mut Vec<Event>) {
        let chars = reply.chunk_chars.unwrap_or(4).max(1);
        events.push(plain(start_frame(index, &self.opening())));
        match self {
            Part::Text(text) => {
                events.extend(pieces(text, chars).map(|piece| text_delta(index, piece)));
            }
            Part::Thinking { text, signature } => {
                events.extend(pieces(text, chars).map(|piece| counted(thinking_delta(index, piece))));
                let signed = format!(r#"{{"type":"signature_delta","signature":{}}}"#, quoted(signature));
                events.push(plain(delta_frame(index, &signed)));
            }
            Part::Tool { arguments, .. } => {
                if reply.empty_first_partial_json {
                    events.push(json_delta(index, ""));
                }
                if !(reply.empty_first_partial_json && arguments == "{}") {
                    events.extend(pieces(arguments, chars).map(|piece| json_delta(index, piece)));
                }
            }
            Part::Raw(_) => {}
        }
        if reply.unknown_events {
            events.push(plain(delta_frame(index, r#"{"type":"sim_future_delta","future":"?"}"#)));
        }
        events.push(plain(stop_frame(index)));
    }
}

fn tool_use(id: &str, name: &str, input: &Value) -> String {
    format!(r#"{{"type":"tool_use","id":{},"name":{},"input":{input}}}"#, quoted(id), quoted(name))
}

pub(super) fn start_frame(index: usize, block: &str) -> String {
    let data = format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#);
    frame("content_block_start", &data)
}

pub(super) fn stop_frame(index: usize) -> String {
    frame("content_block_stop", &format!(r#"{{"type":"content_block_stop","index":{index}}}"#))
}

fn delta_frame(index: usize, delta: &str) -> String {
    let data = format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#);
    frame("content_block_delta", &data)
}

pub(super) fn text_delta(index: usize, text: &str) -> Event {
    counted(delta_frame(index, &format!(r#"{{"type":"text_delta","text":{}}}"#, quoted(text))))
}

fn thinking_delta(index: usize, text: &str) -> String {
    delta_frame(index, &format!(r#"{{"type":"thinking_delta","thinking":{}}}"#, quoted(text)))
}

fn json_delta(index: usize, piece: &str) -> Event {
    let delta = format!(r#"{{"type":"input_json_delta","partial_json":{}}}"#, quoted(piece));
    counted(delta_frame(index, &delta))
}

fn plain(bytes: String) -> Event {
    Event { bytes, delta: false }
}

fn counted(bytes: String) -> Event {
    Event { bytes, delta: true }
}

/// What a client must let pass: a comment, and an event that it does not know.
fn noise() -> [Event; 2] {
    let future = frame("sim_future_event", r#"{"type":"sim_future_event","future":{"a":1}}"#);
    [plain(": a comment\n\n".to_owned()), plain(future)]
}
