//! The client of Chat Completions: what it does as its sibling does, and what
//! compatible servers do to it.

mod calls;
mod quirks;
mod streams;

use model::{AnswerStream, ChatClient};

const BODY: &str =
    r#"{"model":"m","max_tokens":5,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;

/// The answer to a question that can be translated.
fn ask(client: &ChatClient) -> AnswerStream {
    client.stream(BODY.as_bytes()).expect("a request")
}
