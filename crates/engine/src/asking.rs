//! A question of a copilot is answered: by an answer, or by whatever the person says next.

use domain::{
    Event, QuestionId, Result, Role, RunId, SessionId,
    block::ToolResult,
    event::ToolUsed,
    run::{Run, RunStatus},
    tool::CallState,
};
use store::{TenantTx, approvals, asked, asked::Unfinished, runs};

use crate::{
    Engine, framed,
    prompt::{NOT_CARRIED_OUT, neutral},
    run::{calls_in, results_content, tools_used},
};

/// The result of a question that was not answered in so many words.
pub(crate) const OVERTAKEN: &str = "The person went on with another message, which follows: take it as the answer if it \
    is one.";

/// The result of a question, in words for the model. It names the question, which may be
/// archived by now.
pub(crate) fn answered(question: &str, answer: &[String]) -> String {
    match answer {
        [one] => format!("You asked: {question}\nThe person answered: {one}"),
        several => {
            let lines: Vec<String> = several.iter().map(|line| format!("- {line}")).collect();
            format!("You asked: {question}\nThe person answered:\n{}", lines.join("\n"))
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
            let (content, mut events) = results(&unfinished);
            let state = runs::find(tx, run).await?;
            let last = done(&unfinished, &events, &state);
            // Of a sequence, what was not done is not done any more.
            let steps = state.steps.iter().filter_map(|step| step.broken_off(RunStatus::Cancelled));
            events.extend(steps.map(Event::Step));
            events.push(last);
            asked::conclude(tx, session, run, &content, |fence| framed(run, fence, events)).await?;
        }
        Ok(())
    }
}

/// The results of all calls of the answer and what was shown with them, as content of a
/// message; and what the stream has not told yet.
fn results(unfinished: &Unfinished) -> (String, Vec<Event>) {
    let (mut results, mut cards, mut news) = (Vec::new(), Vec::new(), Vec::new());
    for (id, name, _) in calls_in(&unfinished.content) {
        let made = unfinished.calls.iter().find(|call| call.id == id);
        let (success, text) = match made {
            Some(call) => (call.state == CallState::Done, call.result.as_deref().unwrap_or_default()),
            None if unfinished.questions.contains(&id) => (true, OVERTAKEN),
            None => (false, NOT_CARRIED_OUT),
        };
        cards.extend(made.and_then(|call| call.card.as_ref()));
        results.push(ToolResult { tool_use_id: id.clone(), content: neutral(text), is_error: !success });
        if made.is_none() {
            news.push(Event::ToolResult {
                id,
                name,
                success,
                result: success.then(|| text.to_owned()),
                error: (!success).then(|| text.to_owned()),
                unknown: false,
                duration_ms: 0,
            });
        }
    }
    (results_content(results.into_iter(), cards.into_iter()), news)
}

/// The end of a run whose last calls came to this.
fn done(unfinished: &Unfinished, news: &[Event], run: &Run) -> Event {
    let mut tools_used = tools_used(&unfinished.calls);
    tools_used.extend(news.iter().filter_map(|event| match event {
        Event::ToolResult { id, name, success, .. } => {
            Some(ToolUsed { id: id.clone(), name: name.clone(), success: *success })
        }
        _ => None,
    }));
    Event::Done {
        status: RunStatus::Done,
        message_id: None,
        iterations: run.iterations,
        tools_used,
        usage: run.usage,
    }
}
