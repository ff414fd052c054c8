//! A message becomes a run. The provider is asked as soon as the message is in
//! the open transaction; its commit runs beside the request, and nothing is
//! shown before it is there.

use chrono_tz::Tz;
use domain::{
    Event, MemoryScope, MessageId, Result, Role, RunId, SessionId, Tenant, UserId,
    event::Cursor,
    permission::Matrix,
    run::{Lease, Mode},
};
use serde_json::Value;
use store::{
    TenantTx, memories,
    turns::{self, Context, NewTurn, Past},
};
use tokio::sync::oneshot;
use tools::Offer;

use crate::{
    Engine,
    prompt::{Note, context_note},
    run::Start,
};

/// A user's message, validated and redacted.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub session: SessionId,
    /// JSON text of the blocks.
    pub content: String,
    /// The text of the blocks, for the session's title and preview.
    pub text: String,
    pub mode: Mode,
    /// `provider/model`.
    pub model: String,
    pub role: Role,
    pub timezone: Tz,
    pub view: Option<Value>,
}

/// A turn whose message is committed.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    pub run: RunId,
    pub message: MessageId,
}

impl Engine {
    /// Takes a message in and answers when it is committed. The transaction must
    /// have the session's row locked. Once called, the turn goes on whether or
    /// not the caller waits.
    pub async fn begin_turn(&self, mut tx: TenantTx, new: Prepared, run: RunId) -> Result<Begun> {
        let (tell, told) = oneshot::channel();
        let engine = self.clone();
        self.detach(async move {
            // What a phase needs lives in a box: the task is as large as what it waits in.
            let begun = Box::pin(engine.insert(&mut tx, &new, run)).await;
            match begun {
                Err(error) => {
                    let refused = tx.rollback().await.and(Err(error));
                    drop(tell.send(refused));
                }
                Ok((begun, None)) => {
                    let committed = tx.commit().await.map(|()| begun);
                    engine.wake();
                    drop(tell.send(committed));
                }
                Ok((begun, Some(start))) => engine.execute_fresh(start, tx, tell, begun).await,
            }
        });
        told.await.map_err(domain::Error::internal)?
    }

    /// The database phase. With a worker in this process the run starts at once.
    async fn insert(&self, tx: &mut TenantTx, new: &Prepared, run: RunId) -> Result<(Begun, Option<Start>)> {
        let tenant = tx.tenant();
        let begun = Begun { run, message: MessageId::new() };
        let note = Note { now: chrono::Utc::now(), timezone: new.timezone, view: new.view.clone() };
        let claims = self.0.settings.works
            && !self.0.stopping.is_cancelled()
            && self.0.live().len() < self.0.settings.limits.runs;
        let started = run_started(new, begun);
        let first_frame = if claims { started.frame(run, Cursor { fence: 1, n: 1 }) } else { String::new() };
        let context_text = context_note(&note, &[]);
        let turn = NewTurn {
            session: new.session,
            message: begun.message,
            content: &new.content,
            context: &context_text,
            preview: &cut(&new.text, 200),
            title: &cut(&new.text, 60),
            run,
            trigger: "http",
            mode: new.mode,
            model: &new.model,
            role: new.role,
            claim: claims.then_some((self.0.replica, self.0.settings.lease_seconds)),
            first_frame: &first_frame,
        };
        let (seq, mut context, matrix) = turns::begin(tx, &turn).await?;
        let context_text =
            catch_up(tx, new.session, begun.message, &mut context, &note).await?.unwrap_or(context_text);
        if !claims {
            return Ok((begun, None));
        }
        context.history.push(Past {
            seq,
            role: "user".into(),
            content: new.content.clone(),
            context: context_text,
        });
        Ok((begun, Some(self.start_of(tenant, new, begun, context, matrix, started))))
    }

    fn start_of(
        &self,
        tenant: Tenant,
        new: &Prepared,
        begun: Begun,
        context: Context,
        matrix: Matrix,
        started: Event,
    ) -> Start {
        let lease = Lease {
            org: tenant.org,
            run: begun.run,
            session: new.session,
            user: tenant.user,
            fence: 1,
            replica: self.0.replica,
        };
        Start { lease, role: new.role, mode: new.mode, model: new.model.clone(), context, matrix, started }
    }

    /// What a session's next prompt would be, for the model on the wire.
    pub(crate) fn frozen(
        &self,
        user: UserId,
        offer: Offer,
        model: &str,
        context: &Context,
    ) -> crate::prompt::Frozen {
        crate::prompt::Frozen {
            model: model.split_once('/').map_or(model, |(_, name)| name).to_owned(),
            max_tokens: self.0.settings.max_tokens,
            user,
            tools: self.0.toolbox.definitions(offer),
            system: crate::prompt::system(context),
            summary: context.summary.as_ref().map(crate::prompt::summary_block),
            summary_text: context.summary.as_ref().map(|summary| summary.text.clone()),
        }
    }
}

fn run_started(new: &Prepared, begun: Begun) -> Event {
    Event::RunStarted {
        session_id: new.session,
        message_id: begun.message,
        model: new.model.clone(),
        mode: new.mode,
    }
}

/// Tells the session of memory that was written since its snapshot. Appends
/// travel in the message's context; any other change moves the snapshot.
/// Returns the message's context, if it is another one now.
async fn catch_up(
    tx: &mut TenantTx,
    session: SessionId,
    message: MessageId,
    context: &mut Context,
    note: &Note,
) -> Result<Option<String>> {
    if context.told == context.current {
        return Ok(None);
    }
    let quoted = context.pinned;
    let news = memories::news(tx, context.entity.as_ref(), context.told).await?;
    let void = |scope| news.iter().any(|change| change.scope == scope && change.appended.is_none());
    let scopes = [MemoryScope::Org, MemoryScope::User, MemoryScope::Entity];
    for (i, scope) in scopes.into_iter().enumerate() {
        // A document that is gone (version 0) voids the snapshot as well.
        if void(scope) || context.current[i] < context.told[i] {
            context.pinned[i] = context.current[i];
        }
    }
    let moved: Vec<_> = news
        .into_iter()
        .filter(|change| {
            let i = scopes.iter().position(|scope| *scope == change.scope).unwrap_or(0);
            context.pinned[i] != context.current[i]
        })
        .collect();
    context.told = context.current;
    turns::pin(tx, session, context.pinned, context.told).await?;
    if context.pinned != quoted {
        context.memory = turns::context(tx, session).await?.memory;
    }
    let text = context_note(note, &moved);
    turns::set_context(tx, message, &text).await?;
    Ok(Some(text))
}

/// The beginning of a text on one line, at a word's end where there is one.
pub(crate) fn cut(text: &str, chars: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((end, _)) = line.char_indices().nth(chars) else { return line };
    let head = &line[..end];
    let head = head.rsplit_once(' ').map_or(head, |(head, _)| head);
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_preview_is_cut_at_a_word() {
        assert_eq!(cut("short\n text", 60), "short text");
        assert_eq!(cut("What do we know about the renewal", 20), "What do we know…");
        assert_eq!(cut(&"ü".repeat(30), 5), "üüüüü…");
    }
}
