//! What a person clicked. The ids of actions end with `:n` where a message has several of a kind.

use domain::{ApprovalId, EntityKind, QuestionId};

pub const APPROVE: &str = "sixty_approve";
pub const EDIT: &str = "sixty_edit";
pub const DENY: &str = "sixty_deny";
/// An option of a question; the value is the question's id and the number of the option.
pub const CHOOSE: &str = "sixty_choose";
/// The checked options of a question.
pub const SUBMIT: &str = "sixty_submit";
/// The boxes of a question; they change nothing before [`SUBMIT`].
pub const BOXES: &str = "sixty_boxes";
/// Words that the person would say to the copilot.
pub const SAY: &str = "sixty_say";
/// A record; the value is its kind and its id.
pub const OPEN: &str = "sixty_open";
/// A slash command that was meant.
pub const RUN: &str = "sixty_run";
/// A text that was no slash command.
pub const ASK: &str = "sixty_ask";
/// A page, which the client opens by itself.
pub const PAGE: &str = "sixty_page";

/// A click on one of our buttons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Click {
    Approve(ApprovalId),
    Edit(ApprovalId),
    Deny(ApprovalId),
    /// The option with this number, from 0.
    Choose(QuestionId, usize),
    /// What is checked is in the state of the message, see `chosen`.
    Submit(QuestionId),
    Say(String),
    Open(EntityKind, String),
    /// Read this as the text of a slash command.
    Run(String),
    /// Ask the copilot this as it is.
    Ask(String),
    /// Nothing is to be done.
    Page,
}

impl Click {
    /// The click that an action tells of; none, if it is not one of ours.
    pub fn read(action_id: &str, value: Option<&str>) -> Option<Self> {
        let value = value.unwrap_or_default();
        let pair = || value.split_once(':');
        Some(match action_id.split(':').next()? {
            APPROVE => Self::Approve(value.parse().ok()?),
            EDIT => Self::Edit(value.parse().ok()?),
            DENY => Self::Deny(value.parse().ok()?),
            CHOOSE => {
                let (question, option) = pair()?;
                Self::Choose(question.parse().ok()?, option.parse().ok()?)
            }
            SUBMIT => Self::Submit(value.parse().ok()?),
            SAY if !value.is_empty() => Self::Say(value.to_owned()),
            OPEN => {
                let (kind, id) = pair()?;
                Self::Open(kind.parse().ok()?, id.to_owned())
            }
            RUN if !value.is_empty() => Self::Run(value.to_owned()),
            ASK if !value.is_empty() => Self::Ask(value.to_owned()),
            PAGE | BOXES => Self::Page,
            _ => return None,
        })
    }
}

/// The id of the `n`th action of its kind in a message: Slack refuses the same id twice.
pub fn numbered(action_id: &str, n: usize) -> String {
    format!("{action_id}:{n}")
}
