//! The lines to paste that the server prints where the demo organization exists.

use std::{net::SocketAddr, time::Duration};

use domain::{OptionalExt, OrgId, Role, SessionId, Tenant, UserId};
use store::{Store, sessions};

use super::{DAY_SESSION, DEAL_SESSION, ORG};
use crate::{
    auth::{self, Grant},
    serve::Fatal,
};

const TOKEN_LIFE: Duration = Duration::from_hours(24);

/// What is asked about the day, and shown in the README.
const QUESTIONS: [&str; 3] =
    ["What needs my attention today?", "Prepare my next meeting", "Catch me up on the Acme renewal"];

/// Prints what a newcomer pastes, where the demo organization exists.
pub async fn hint(store: &Store, settings: &auth::Settings, address: SocketAddr) -> Result<(), Fatal> {
    let alice = Tenant::own(OrgId::derive(ORG), UserId::derive("alice"));
    let mut tx = store.tenant(alice).await?;
    let day = sessions::find_by_key(&mut tx, DAY_SESSION).await.optional()?;
    let deal = sessions::find_by_key(&mut tx, DEAL_SESSION).await.optional()?;
    tx.commit().await?;
    let Some((day, deal)) = day.zip(deal) else { return Ok(()) };
    let role = Role::Owner.as_str();
    let grant = Grant {
        user: "alice",
        email: None,
        org: Some(ORG),
        role: Some(role),
        platform_admin: false,
        ttl: TOKEN_LIFE,
    };
    println!("{}", lines(address, &auth::mint(settings, &grant)?, day, deal));
    Ok(())
}

fn lines(address: SocketAddr, token: &str, day: SessionId, deal: SessionId) -> String {
    let questions: String = QUESTIONS.iter().map(|question| format!("  ask \"{question}\"\n")).collect();
    format!(
        r#"
Sixty answers at http://{address}

Paste this into another terminal: a token of alice, owner of the demo organization, for 24 hours,
and a command that asks the copilot. It needs jq.

  TOKEN={token}
  ask() {{ curl -s http://{address}/v1/sessions/${{2:-{day}}}/messages \
    -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d "$(jq -n --arg text "$1" '{{text: $text}}')" |
    jq -r '.message.content[]?.text // .detail // "(\(.run.status)) \(.run.error.message? // "")"'; }}

Then ask:

{questions}
The same as a stream, token by token and with every tool:

  curl -N http://{address}/v1/sessions/{day}/messages \
    -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -H 'Accept: text/event-stream' -d '{{"text": "What needs my attention today?"}}'

In the conversation about the deal D-42, ask for a change: it needs your approval, which the last command gives.

  ask "Move D-42 to negotiation" {deal}
  curl "http://{address}/v1/approvals?status=pending" -H "Authorization: Bearer $TOKEN"
  curl http://{address}/v1/approvals/APPROVAL_ID -H "Authorization: Bearer $TOKEN" \
    -H 'Content-Type: application/json' -d '{{"decision": "approve"}}'

Ctrl-C stops server and database.
"#
    )
}
