//! Slash commands that the record answers: no model is asked.

use chrono_tz::Tz;
use domain::{Error, Result, approval::ApprovalStatus};
use serde_json::{Value, json};
use store::{
    approvals::{self, Filter},
    memories::{self, Subject},
};

use super::command::Command;
use crate::caller::{Caller, Tx};

/// Approvals that are listed.
const LISTED: i64 = 20;

/// Which command it is that the record answers, none for one that the copilot does; and what it is about, or asks.
pub(super) fn kind_of(command: &Command) -> (Option<&'static str>, String) {
    let kind = match command {
        Command::Today => "today",
        Command::Deal(_) => "deal",
        Command::Contact(_) => "contact",
        Command::Risks => "risks",
        Command::Pipeline => "pipeline",
        Command::TaskList => "task list",
        Command::Schedules => "schedules",
        Command::Approvals => "approvals",
        Command::Memory => "memory",
        Command::TaskAdd(title) => return (None, format!("Add this to my to-dos: {title}")),
        other => return (None, other.prompt().unwrap_or_default()),
    };
    let about = match command {
        Command::Deal(name) | Command::Contact(name) => name.clone(),
        _ => String::new(),
    };
    (Some(kind), about)
}

/// What the record says, in Markdown.
pub(super) async fn answer(caller: &Caller, command: &str, about: &str, zone: Tz) -> Result<String> {
    let named = json!({ "name": about });
    let asked: Vec<(&str, &str, Value)> = match command {
        "today" => vec![
            ("**Meetings today**", "get_meetings_for_period", json!({ "period": "today" })),
            ("**Due today**", "list_tasks", json!({ "filter": "today" })),
            ("**Overdue**", "list_tasks", json!({ "filter": "overdue" })),
        ],
        "deal" => vec![("", "get_deal", named)],
        "contact" => vec![("", "get_contact", named)],
        "risks" => vec![("**Deals at risk**", "get_pipeline_deals", json!({ "filter": "at_risk" }))],
        "pipeline" => vec![("**Pipeline**", "get_pipeline_summary", json!({}))],
        "task list" => vec![("**Your to-dos**", "list_tasks", json!({}))],
        "schedules" => vec![("**Your scheduled tasks**", "list_schedules", json!({}))],
        "approvals" => return pending(caller).await,
        "memory" => return memory(caller).await,
        other => return Err(Error::internal(format!("no record answers the command {other:?}"))),
    };
    caller
        .tx(async |tx| {
            let mut parts = Vec::new();
            for (title, tool, arguments) in &asked {
                let text = look_up(caller, tx, (tool, arguments), zone).await?;
                parts.push(if title.is_empty() { text } else { format!("{title}\n\n{text}") });
            }
            Ok(parts.join("\n\n"))
        })
        .await
}

async fn look_up(caller: &Caller, tx: &mut Tx, asked: (&str, &Value), zone: Tz) -> Result<String> {
    let role = tx.role;
    caller.app.engine.look_up(tx, asked, (role, zone)).await
}

async fn pending(caller: &Caller) -> Result<String> {
    let filter = Filter { status: Some(ApprovalStatus::Pending), limit: LISTED, ..Filter::default() };
    let found = caller.tx(async |tx| approvals::list(tx, &filter).await).await?;
    if found.is_empty() {
        return Ok("Nothing waits for your decision.".into());
    }
    let lines = found.iter().map(|approval| {
        let until = approval.expires_at.format("%Y-%m-%d %H:%M");
        format!("- **{}** ({}), until {until} UTC: `{}`", approval.name, approval.action, approval.id)
    });
    Ok(format!("**Waiting for your decision**\n\n{}", lines.collect::<Vec<_>>().join("\n")))
}

async fn memory(caller: &Caller) -> Result<String> {
    let document = caller.tx(async |tx| memories::find(tx, &Subject::Me).await).await?;
    if document.content.trim().is_empty() {
        return Ok("I remember nothing about you yet.".into());
    }
    Ok(format!("**What I remember about you**\n\n{}", document.content))
}
