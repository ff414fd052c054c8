//! The prompt: what the model is given, byte for byte the same for the same
//! inputs. Tools, base prompt, memory of the organization, of the user, of the
//! entity, the rules, then the messages (contract §5). Nothing that changes by
//! itself stands before the messages.

mod memory;
mod messages;
mod neutral;
mod note;
mod repair;
mod summary;
mod system;

use std::sync::Arc;

use bytes::Bytes;
use domain::UserId;
use serde_json::json;
use store::turns::Past;

pub use memory::blocks as memory_blocks;
pub use messages::is_question;
pub use neutral::neutral;
pub use note::{Mentioned, Note, context_note, memory_update};
pub use repair::{AWAITING, AWAITING_ANSWER, NOT_CARRIED_OUT, repair};
pub use summary::summary_block;
pub use system::system;

/// What does not change within a session, as JSON text. Built once per turn.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// Opaque to the provider; the same for all of a person's requests.
    pub user: UserId,
    pub tools: Arc<str>,
    pub system: String,
    /// The summary of what is archived, as it is quoted before the first message.
    pub summary: Option<String>,
    /// The summary alone, which the next one builds on.
    pub summary_text: Option<String>,
}

/// Whom a request asks.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Name on the provider's wire.
    pub model: &'a str,
    /// Longest answer, in tokens.
    pub max_tokens: u32,
}

/// Which tools a request may call. The tools themselves stay, because dropping them would change the
/// cached prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Auto,
    None,
    /// None: it is to tell what came of a sequence.
    Answer,
    /// It has to hand in the result of a step.
    Submit,
}

impl Choice {
    fn json(self) -> &'static str {
        match self {
            Choice::Auto => "",
            Choice::None | Choice::Answer => r#","tool_choice":{"type":"none"}"#,
            Choice::Submit => r#","tool_choice":{"type":"tool","name":"submit_output"}"#,
        }
    }
}

/// The body of a request, spliced from stored JSON.
pub fn body(frozen: &Frozen, target: Target<'_>, history: &[Past], choice: Choice) -> Bytes {
    let mut sent = repair(history);
    match choice {
        Choice::Submit => repair::ask_for_output(&mut sent),
        Choice::Answer => repair::ask_for_answer(&mut sent),
        Choice::Auto | Choice::None => {}
    }
    let messages = messages::splice(frozen.summary.as_deref(), &sent);
    let mut body = String::with_capacity(frozen.tools.len() + frozen.system.len() + messages.len() + 300);
    body.push_str(r#"{"model":"#);
    body.push_str(&json!(target.model).to_string());
    body.push_str(&format!(
        r#","max_tokens":{},"stream":true,"metadata":{{"user_id":"{}"}},"tools":{}"#,
        target.max_tokens, frozen.user, frozen.tools
    ));
    body.push_str(choice.json());
    body.push_str(r#","system":"#);
    body.push_str(&frozen.system);
    body.push_str(r#","messages":"#);
    body.push_str(&messages);
    body.push('}');
    body.into()
}
