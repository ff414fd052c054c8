//! The ways in which a run ends: done, failed, cancelled. Each commits the state
//! and the last event together.

use domain::{Event, MessageId, Result, run::RunStatus};
use model::ModelError;
use store::{approvals, steps, usage};

use super::{Left, Run};
use crate::{
    cancelled_event,
    crash::{self, CrashPoint},
};

impl Run {
    pub(super) fn done_event(&self, message: Option<MessageId>) -> Event {
        Event::Done {
            status: RunStatus::Done,
            message_id: message,
            iterations: self.iterations,
            tools_used: self.tools_used.clone(),
            usage: self.usage,
        }
    }

    /// The last message is an answer already, or the model had nothing to add.
    pub(super) async fn done(&mut self) -> Result<(), Left> {
        self.end(RunStatus::Done, None, self.done_event(None)).await
    }

    pub(super) async fn cancelled(&mut self) -> Result<(), Left> {
        self.feed.push(&Event::Reset { message_id: None });
        let event = cancelled_event(self.iterations, self.usage, self.tools_used.clone());
        self.end(RunStatus::Cancelled, None, event).await
    }

    pub(super) async fn failed(&mut self, code: &str, message: &str, retryable: bool) -> Result<(), Left> {
        let event = Event::Error { code: code.into(), message: message.into(), retryable };
        self.end(RunStatus::Failed, Some((code, message)), event).await
    }

    /// The skill that it follows has no time left.
    pub(super) async fn overdue(&mut self) -> Result<(), Left> {
        let skill = self.skill.as_ref();
        let key = skill.map(|skill| skill.key.as_str()).unwrap_or_default();
        let time = skill.and_then(|skill| skill.timeout_ms).unwrap_or_default();
        let message = format!("the skill {key} took longer than the {time} ms that it may");
        self.failed("skill_timeout", &message, false).await
    }

    /// What the person is told of a failed model call; the details are logged.
    pub(super) async fn model_failed(&mut self, error: &ModelError) -> Result<(), Left> {
        tracing::warn!(run = %self.lease.run, request_id = error.request_id(), %error, "the model call failed");
        if let Some(message) = self.fault_of_own_key(error) {
            return self.failed("model_key_refused", &message, false).await;
        }
        let (code, message) = match error {
            ModelError::OwnKey { detail } => ("model_key_unusable", detail.as_str()),
            error if error.is_about_key() => (
                "model_unauthorized",
                "the model provider refused the service's credentials, or its account; tell an administrator",
            ),
            ModelError::Refused { .. } | ModelError::Unauthorized { .. } => {
                ("model_refused_request", "the model provider refused the request")
            }
            ModelError::ErrorEvent { .. } if !error.is_retryable() => {
                ("model_refused_request", "the model provider refused the request")
            }
            ModelError::PromptTooLong { .. } => {
                ("prompt_too_long", "the conversation is too long for the model")
            }
            ModelError::RateLimited { .. } => {
                ("model_rate_limited", "the model provider limits the rate; try again later")
            }
            ModelError::Overloaded { .. } => {
                ("model_overloaded", "the model provider is overloaded; try again")
            }
            ModelError::Timeout { .. } => ("model_timeout", "the model did not answer in time; try again"),
            ModelError::Server { .. } | ModelError::Connect { .. } | ModelError::ErrorEvent { .. } => {
                ("model_unavailable", "the model provider failed; try again")
            }
            ModelError::Cut { .. } => ("model_cut_off", "the model's answer broke off; try again"),
            ModelError::BadAnswer { .. } => {
                ("model_bad_answer", "the model provider's answer could not be read")
            }
        };
        self.failed(code, message, error.is_retryable()).await
    }

    /// What is wrong where the provider refuses a key that is the organization's own.
    fn fault_of_own_key(&self, error: &ModelError) -> Option<String> {
        let asked = self.ring.current();
        let secret = asked.secret.as_ref().filter(|_| error.is_about_key())?;
        Some(format!(
            "the model provider {} refused the organization's own key, which is the secret {secret}, or what it may use \
             ({}); an administrator can replace it with PUT /v1/admin/secrets/{secret}",
            asked.provider(),
            asked.name()
        ))
    }

    async fn end(
        &mut self,
        status: RunStatus,
        error: Option<(&str, &str)>,
        event: Event,
    ) -> Result<(), Left> {
        if !self.recorded.is_empty() {
            Box::pin(self.close_calls()).await?;
        }
        let _order = self.feed.begin_storing().await;
        let mut tx = self.guarded().await?;
        let events: Vec<Event> = self.steps_broken_off(status).into_iter().chain([event]).collect();
        let staged = self.feed.stage(&events);
        let frames = self.feed.row(&staged);
        steps::finish(&mut tx, status, error, &frames).await?;
        usage::record(&mut tx, &self.unbilled).await?;
        if status != RunStatus::Done {
            approvals::void(tx.tenant(), self.lease.run).await?;
        }
        crash::at(CrashPoint::Finish);
        self.commit(tx, &frames, &staged).await?;
        self.billed();
        self.has_ended(status, error.map(|(code, _)| code));
        Err(Left::Ended)
    }
}
