//! A question of a copilot is answered: by an answer, or by whatever the person says next.

use domain::{
    Card, Cursor, Event, QuestionId, Result, Role, RunId, SessionId,
    block::{self, ToolResult},
    event::ToolUsed,
    run::RunStatus,
};
use store::{TenantTx, approvals, asked, asked::Unfinished, runs, steps::Frames};

use crate::{
    Engine,
    prompt::{NOT_CARRIED_OUT, neutral},
    run::results_content,
};

/// The result of a question that was not answered in so many words.
pub(crate) const OVERTAKEN: &str = "The person went on with another message, which follows: take it as the answer if it \
    is one.";

/// The result of a question, in words for the model.
pub(crate) fn answered(answer: &[String]) -> String {
    match answer {
        [one] => format!("The person answered: {one}"),
        several => {
            let lines: Vec<String> = several.iter().map(|line| format!("- {line}")).collect();
            format!("The person answered:\n{}", lines.join("\n"))
        }
    }
}

impl Engine {
    /// Takes the person's answer, and lets the run go on with at most this role. Wake the
    /// workers after the commit.
    pub async fn answer(
        &self,
        tx: &mut TenantTx,
        id: QuestionId,
        answer: &[String],
        role: Role,
    ) -> Result<RunId> {
        let run = asked::find(tx, id).await?.run_id;
        approvals::lock_runs(tx, &[run]).await?;
        asked::answer(tx, id, answer).await?;
        approvals::requeue(tx, run, Some(role)).await?;
        Ok(run)
    }

    /// The person says something in a session in which a run waits for an answer: the run
    /// gets its results, and has ended.
    pub(crate) async fn overtake(&self, tx: &mut TenantTx, session: SessionId) -> Result<()> {
        for run in asked::lock_waiting(tx, session).await? {
            let Some(unfinished) = asked::overtake(tx, run).await? else { continue };
            let (content, calls) = results(&unfinished);
            let ended = runs::find(tx, run).await?;
            let events = last_events(&calls, &unfinished, &ended);
            asked::conclude(tx, session, run, &content, |fence| framed(run, fence, &events)).await?;
        }
        Ok(())
    }
}

/// The results of all calls of the answer and what was shown with them, as content of a
/// message; and which call was which.
fn results(unfinished: &Unfinished) -> (String, Vec<ToolUsed>) {
    let (mut results, mut cards, mut used) = (Vec::new(), Vec::<Card>::new(), Vec::new());
    for head in block::heads(&unfinished.content).into_iter().filter(|head| head.kind == "tool_use") {
        let (Some(id), Some(name)) = (head.id, head.name) else { continue };
        let made = unfinished.made.iter().find(|made| made.call_id == id);
        let (success, text) = match made {
            Some(made) => (made.success, &*made.result),
            None if unfinished.questions.contains(&id) => (true, OVERTAKEN),
            None => (false, NOT_CARRIED_OUT),
        };
        cards.extend(made.and_then(|made| serde_json::from_str(made.card.as_deref()?).ok()));
        results.push(ToolResult { tool_use_id: id.clone(), content: neutral(text), is_error: !success });
        used.push(ToolUsed { id, name, success });
    }
    (results_content(results.into_iter(), cards.iter()), used)
}

fn last_events(calls: &[ToolUsed], unfinished: &Unfinished, run: &domain::run::Run) -> Vec<Event> {
    let questions = calls.iter().filter(|call| unfinished.questions.contains(&call.id));
    let mut events: Vec<Event> = questions
        .map(|call| Event::ToolResult {
            id: call.id.clone(),
            name: call.name.clone(),
            success: true,
            result: Some(OVERTAKEN.into()),
            error: None,
            unknown: false,
            duration_ms: 0,
        })
        .collect();
    events.push(Event::Done {
        status: RunStatus::Done,
        message_id: None,
        iterations: run.iterations,
        tools_used: calls.to_vec(),
        usage: run.usage,
    });
    events
}

fn framed(run: RunId, fence: i64, events: &[Event]) -> Frames {
    let mut frames = Frames { n_from: 1, n_to: 0, text: String::new() };
    for event in events {
        frames.n_to += 1;
        event.write_frame(run, Cursor { fence, n: frames.n_to }, &mut frames.text);
    }
    frames
}
