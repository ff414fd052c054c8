//! A question to the person: the run waits for the answer as it waits for a decision.

use std::collections::BTreeSet;

use domain::{Event, QuestionId, Result, asked::QuestionStatus, tool::ToolClass, visible::visible};
use store::{
    RunTx,
    asked::{self, NewQuestion, Put},
};
use tools::Ask;

use super::{
    Run,
    act::{Answered, OpenCall},
    gate::Gate,
};
use crate::{asking, builtins::Outcome};

const MARKED: &str =
    "Not asked: [REDACTED:…] stands where something was removed, and the person cannot make use of it.";
const BLANK: &str =
    "Not asked: question and options must be words that can be seen, and the options different.";
const ANOTHER: &str = "Not asked: one question at a time. Ask this one when the other is answered.";
const NOBODY: &str = "Nobody answered this question in time. Go on without the answer as far as that is possible, or \
    say what you would have to know.";
const WENT_ON: &str = "The person went on with another message instead, which is in the conversation: take it as the \
    answer if it is one.";
const ENDED: &str = "Not asked any more: the run that asked has ended.";

impl Run {
    /// Puts a question to the person; the run waits. An answer says why it was not put.
    pub(super) async fn put(
        &self,
        tx: &mut RunTx,
        gate: &mut Gate,
        call: &OpenCall,
        ask: &Ask,
        events: &mut Vec<Event>,
    ) -> Result<Option<Answered>> {
        let refused = |why: &str| Ok(Some(Answered::of(ToolClass::LocalTx, Outcome::failed(why))));
        if gate.open_question {
            return refused(ANOTHER);
        }
        if redact::contains_marker(call.input.get()) {
            return refused(MARKED);
        }
        let question = visible(&ask.question);
        let options: Vec<String> = ask.options.iter().map(|option| visible(option)).collect();
        let multiple = ask.multiple;
        let different: BTreeSet<&str> = options.iter().map(|option| option.trim()).collect();
        if question.trim().is_empty() || different.contains("") || different.len() < options.len() {
            return refused(BLANK);
        }
        let id = QuestionId::new();
        let new = NewQuestion {
            id,
            call_id: &call.id,
            question: &question,
            options: &options,
            multiple,
            seconds: self.engine.limits().answer_time.as_secs_f64(),
        };
        asked::create(tx, &new).await?;
        events.push(Event::Question { question_id: id, question, options, multiple });
        gate.open_question = true;
        gate.waits = true;
        Ok(None)
    }

    /// What came of a question. None: nothing yet.
    pub(super) async fn heard(&self, tx: &mut RunTx, gate: &mut Gate, put: &Put) -> Result<Option<Answered>> {
        let outcome = match put.status {
            QuestionStatus::Open if put.overdue => {
                asked::expire(tx, put.id).await?;
                Outcome::failed(NOBODY)
            }
            QuestionStatus::Open => {
                gate.open_question = true;
                gate.waits = true;
                return Ok(None);
            }
            QuestionStatus::Answered => Outcome::ok(asking::answered(&put.question, &put.answer)),
            QuestionStatus::Overtaken => Outcome::ok(WENT_ON),
            QuestionStatus::Expired => Outcome::failed(NOBODY),
            QuestionStatus::Void => Outcome::failed(ENDED),
        };
        Ok(Some(Answered::of(ToolClass::LocalTx, outcome)))
    }
}
