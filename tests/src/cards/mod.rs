//! Answers that are more than text, and what messages mention.

mod again;
mod degrading;
mod drafts;
mod mentions;
mod refusals;
mod showing;
mod types;

use model_sim::Reply;
use serde_json::{Value, json};

use crate::harness::{
    Frame, Person, TestApp,
    look::{all, end, prompts, result},
};

/// What came of one call: the stream, and what the model was told.
struct Shown {
    session: String,
    frames: Vec<Frame>,
    told: String,
    is_error: bool,
}

impl Shown {
    /// The one card that the person was shown.
    #[track_caller]
    fn card(&self) -> &Value {
        let cards = all(&self.frames, "card");
        assert_eq!(cards.len(), 1, "{}: {:#?}", self.told, self.frames);
        cards[0]
    }
}

/// Has the model call a tool in a new conversation.
async fn call(app: &TestApp, person: &Person, tool: &str, args: Value) -> Shown {
    let session = person.session().await;
    app.sim.push(Reply::call(tool, args));
    app.sim.push(Reply::text("Done."));
    let frames = person.hear(&session, "Show it").await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    let (told, is_error) = result(prompts(&app.sim).last().expect("a prompt"), 0);
    Shown { session, frames, told, is_error }
}

/// The blocks of a conversation's messages that are of this type.
async fn blocks(person: &Person, session: &str, kind: &str) -> Vec<Value> {
    let history = person.history(session).await;
    let all = history.iter().flat_map(|message| message["content"].as_array().expect("blocks").clone());
    all.filter(|block| block["type"] == kind).collect()
}

/// What the model was sent, all of it.
fn sent(app: &TestApp) -> String {
    prompts(&app.sim).iter().map(|prompt| String::from_utf8_lossy(&prompt.body).into_owned()).collect()
}

/// A card with an offer of two lines.
fn offer() -> Value {
    json!({"type": "offer", "summary": "An offer to Acme over 14 EUR",
        "data": {"customer": "Acme", "lines": [{"name": "Tea", "price": 10}, {"name": "Cups", "price": 4}]}})
}

/// Registers the type of it.
async fn register(person: &Person) {
    let schema = json!({"type": "object", "required": ["customer", "lines"], "additionalProperties": false,
        "properties": {"customer": {"type": "string"}, "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}},
        "$defs": {"line": {"type": "object", "required": ["name", "price"],
            "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}, "price": {"type": "number", "minimum": 0}}}}});
    person.put("/v1/admin/card-types/offer", schema).await.expect(201);
}
