//! A completion on the wire: as one JSON document, or as the chunks of a stream.

use serde_json::{Map, Value, json};

use crate::{Quirk, Reply, Usage, pieces, play::Event, usage::tokens};

/// A constant, so that a stand-in's answers can be compared.
const CREATED: u64 = 1_793_491_200;

/// A completion that is ready to be sent.
pub(super) struct Completion {
    pub id: String,
    pub model: String,
    pub content: Vec<Part>,
    pub finish_reason: String,
    pub usage: Usage,
}

pub(super) enum Part {
    Text(String),
    /// As most compatible servers send it. OpenAI keeps it to itself.
    Thinking(String),
    Tool {
        id: String,
        name: String,
        arguments: String,
    },
}

impl Part {
    pub fn tokens(&self) -> u64 {
        tokens(match self {
            Self::Text(text) | Self::Thinking(text) => text.chars().count(),
            Self::Tool { name, arguments, .. } => name.len() + arguments.chars().count(),
        })
    }
}

/// One server-sent event, which has no name here.
pub(super) fn frame(data: &str) -> String {
    format!("data: {data}\n\n")
}

impl Completion {
    /// The answer to a request that did not ask for a stream.
    pub fn document(&self, reply: &Reply) -> String {
        let choice = json!({
            "index": 0, "message": self.message(reply), "logprobs": null,
            "finish_reason": self.finish_reason(reply),
        });
        let mut document = self.head("chat.completion", reply);
        document["choices"] = json!([choice]);
        if !reply.has(Quirk::NoUsage) {
            document["usage"] = self.usage();
        }
        document.to_string()
    }

    fn head(&self, object: &str, reply: &Reply) -> Value {
        let mut head = json!({"id": self.id, "object": object, "model": self.model});
        if !reply.has(Quirk::NoCreated) {
            head["created"] = json!(CREATED);
        }
        head
    }

    fn finish_reason(&self, reply: &Reply) -> Option<&str> {
        (!reply.has(Quirk::NoFinishReason)).then_some(&self.finish_reason)
    }

    fn message(&self, reply: &Reply) -> Value {
        let texts = |wanted: fn(&Part) -> Option<&str>| {
            let texts: Vec<_> = self.content.iter().filter_map(wanted).collect();
            (!texts.is_empty()).then(|| texts.concat())
        };
        let content = texts(|part| if let Part::Text(text) = part { Some(text) } else { None });
        let reasoning = texts(|part| if let Part::Thinking(text) = part { Some(text) } else { None });
        let mut message = json!({"role": "assistant", "content": content, "refusal": null});
        if let Some(reasoning) = reasoning {
            message["reasoning_content"] = reasoning.into();
        }
        let calls: Vec<_> = self.content.iter().filter_map(|part| call(part, reply)).collect();
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        message
    }

    fn usage(&self) -> Value {
        let usage = self.usage;
        let prompt = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens;
        json!({
            "prompt_tokens": prompt,
            "completion_tokens": usage.output_tokens,
            "total_tokens": prompt + usage.output_tokens,
            "prompt_tokens_details": {"cached_tokens": usage.cache_read_input_tokens, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        })
    }

    /// The role, the pieces, the reason to stop, the usage, `[DONE]`.
    pub fn events(&self, reply: &Reply, with_usage: bool) -> Vec<Event> {
        let with_usage = with_usage && !reply.has(Quirk::NoUsage);
        let chunk = |choices: Value, usage: Value| {
            let mut chunk = self.head("chat.completion.chunk", reply);
            chunk["choices"] = choices;
            if with_usage {
                chunk["usage"] = usage;
            }
            frame(&chunk.to_string())
        };
        let piece = |delta: Value, finish_reason: Option<&str>| {
            let choice =
                json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason});
            chunk(json!([choice]), Value::Null)
        };
        let role = json!({"role": "assistant", "content": "", "refusal": null});
        let mut events = vec![plain(piece(role, None))];
        if reply.unknown_events {
            events.extend([": a comment\n\n".to_owned(), chunk(json!([]), Value::Null)].map(plain));
        }
        for (delta, counted) in self.deltas(reply) {
            events.push(Event { bytes: piece(delta, None), delta: counted });
        }
        if let Some(reason) = self.finish_reason(reply) {
            events.push(plain(piece(json!({}), Some(reason))));
        }
        if with_usage {
            events.push(plain(chunk(json!([]), self.usage())));
        }
        if !reply.has(Quirk::NoDone) {
            events.push(plain(frame("[DONE]")));
        }
        events
    }

    /// What the pieces add, and which of them pace and gates count: the same as on the other wire.
    fn deltas(&self, reply: &Reply) -> Vec<(Value, bool)> {
        let chars = reply.chunk_chars.unwrap_or(4).max(1);
        let mut deltas = Vec::new();
        let mut index = 0;
        for part in &self.content {
            match part {
                Part::Text(text) => {
                    deltas.extend(pieces(text, chars).map(|piece| (json!({"content": piece}), true)));
                }
                Part::Thinking(text) => {
                    deltas
                        .extend(pieces(text, chars).map(|piece| (json!({"reasoning_content": piece}), true)));
                }
                Part::Tool { arguments, .. } => {
                    let opening = call(part, reply).map(|mut call| {
                        call["function"]["arguments"] = "".into();
                        call
                    });
                    deltas.extend(opening.map(|call| (tool_delta(call, index, reply), false)));
                    let rest = |piece| tool_delta(json!({"function": {"arguments": piece}}), index, reply);
                    if !(reply.empty_first_partial_json && arguments == "{}") {
                        deltas.extend(pieces(arguments, chars).map(|piece| (rest(piece), true)));
                    }
                    index += 1;
                }
            }
        }
        deltas
    }
}

/// A call as it stands in a document.
fn call(part: &Part, reply: &Reply) -> Option<Value> {
    let Part::Tool { id, name, arguments } = part else { return None };
    let mut call = Map::new();
    if !reply.has(Quirk::NoIds) {
        call.insert("id".into(), id.as_str().into());
    }
    call.insert("type".into(), "function".into());
    call.insert("function".into(), json!({"name": name, "arguments": arguments}));
    Some(call.into())
}

fn tool_delta(mut call: Value, index: usize, reply: &Reply) -> Value {
    if !reply.has(Quirk::NoIndex) {
        call["index"] = index.into();
    }
    json!({"tool_calls": [call]})
}

fn plain(bytes: String) -> Event {
    Event { bytes, delta: false }
}
