//! Approvals: what is asked, and what became of it.

use chrono::{DateTime, Utc};
use domain::{
    approval::{Approval, ApprovalStatus},
    permission::{Action, Decider},
};
use serde_json::{Value, value::RawValue};

use super::{
    blocks::{Style, actions, button, context, section},
    click,
    message::Message,
    preview::{preview, title},
    text::escape,
};

/// Longest reason and longest name that are shown.
const REASON: usize = 500;
const NAME: usize = 150;

/// An approval that somebody is to decide about, with its buttons.
pub fn approval(approval: &Approval) -> Message {
    let ask = if approval.blocking { "Shall I do this?" } else { "I would suggest this." };
    let name = title(&approval.name);
    let mut blocks = vec![section(&format!("*{}*\n{ask}", escape(&name, NAME)))];
    blocks.extend(what(approval));
    let value = approval.id.to_string();
    let yes = if approval.blocking { "Approve" } else { "Accept" };
    let buttons = [
        button(yes, click::APPROVE, &value, Style::Primary),
        // The beginning of a step has no arguments of its own.
        button("Edit", click::EDIT, &value, Style::Default).filter(|_| approval.action != Action::BeginStep),
        button("Deny", click::DENY, &value, Style::Danger),
    ];
    blocks.extend(actions("sixty_approval", buttons.into_iter().flatten().collect()));
    blocks.push(context(&small_print(approval)));
    Message::new(&format!("{name}: {ask}"), blocks)
}

/// What became of an approval; no buttons. `who` decided: a mention of Slack's (`<@U1>`), or a name.
pub fn decided(approval: &Approval, who: Option<&str>) -> Message {
    let name = title(&approval.name);
    let (mark, outcome) = outcome(approval.status);
    let by = who.filter(|_| decides(approval.status)).map(|who| format!(" by {}", person(who)));
    let at = approval.decided_at.map(|at| format!(", {}", date(at)));
    let said = format!("{outcome}{}{}.", by.unwrap_or_default(), at.unwrap_or_default());
    let mut blocks = vec![section(&format!("{mark} *{}*\n{said}", escape(&name, NAME)))];
    blocks.extend(what(approval));
    if approval.edited_input.is_some() && approval.status != ApprovalStatus::Denied {
        blocks.push(context("The arguments were edited before."));
    }
    if let Some(reason) = approval.reason.as_deref().filter(|reason| !reason.trim().is_empty()) {
        blocks.push(context(&format!("Reason: {}", escape(reason, REASON))));
    }
    Message::new(&format!("{name}: {outcome}."), blocks)
}

/// A person, to be shown in `mrkdwn`: a mention of exactly one person stays one, all else is a name.
pub(super) fn person(who: &str) -> String {
    let id = who.strip_prefix("<@").and_then(|rest| rest.strip_suffix('>')).unwrap_or_default();
    let is_id =
        id.starts_with(['U', 'W']) && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if is_id && id.len() <= 30 { who.to_owned() } else { escape(who, NAME) }
}

/// A time, in the reader's own zone and language.
pub(super) fn date(at: DateTime<Utc>) -> String {
    let fallback = at.format("%Y-%m-%d %H:%M UTC");
    format!("<!date^{}^{{date_short_pretty}} at {{time}}|{fallback}>", at.timestamp())
}

/// What it would do, or has done: what was edited counts.
fn what(approval: &Approval) -> Vec<Value> {
    let read = |raw: &RawValue| serde_json::from_str(raw.get()).unwrap_or(Value::Null);
    let carried_out = approval.status != ApprovalStatus::Denied;
    match approval.edited_input.as_deref().filter(|_| carried_out) {
        // The preview is of the arguments that were asked for.
        Some(edited) => preview(&Value::Null, &read(edited)),
        None => preview(&read(&approval.preview), &read(&approval.input)),
    }
}

fn small_print(approval: &Approval) -> String {
    let mut lines = vec![format!("Expires {}.", date(approval.expires_at))];
    if approval.decider == Decider::Admin {
        lines.push("An owner or administrator decides.".into());
    }
    if !approval.blocking {
        lines.push("I go on meanwhile.".into());
    }
    if approval.untrusted {
        lines.push(":warning: This conversation has read content from outside. Look closely.".into());
    }
    lines.join(" ")
}

fn outcome(status: ApprovalStatus) -> (&'static str, &'static str) {
    match status {
        ApprovalStatus::Pending => (":hourglass_flowing_sand:", "Not decided yet"),
        ApprovalStatus::Approved => (":white_check_mark:", "Approved"),
        ApprovalStatus::Executed => (":white_check_mark:", "Approved and done"),
        ApprovalStatus::Denied => (":no_entry_sign:", "Denied"),
        ApprovalStatus::Expired => (":hourglass:", "Expired: nobody decided in time, and nothing was done"),
        ApprovalStatus::Refused => {
            (":warning:", "Approved, and not done: rights, tool or arguments had changed meanwhile")
        }
        ApprovalStatus::Void => (":heavy_minus_sign:", "Withdrawn: its run has ended, and nothing was done"),
    }
}

/// Whether a person's word led there.
fn decides(status: ApprovalStatus) -> bool {
    use ApprovalStatus::{Approved, Denied, Executed, Refused};
    matches!(status, Approved | Executed | Denied | Refused)
}
