//! Archives made as a run makes them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{
    ArchiveId, OrgId, RunId, SessionId, Tenant, UserId, id::ReplicaId, run::Lease, session::Message,
};
use serde_json::json;
use store::{
    Guarded, PoolSize, Store,
    archives::{self, NewArchive, Range, Summarized},
};
use uuid::Uuid;

use crate::{Result, fail, postgres::Postgres};

pub fn store(postgres: &Postgres, database: &str) -> Result<Store> {
    let size = PoolSize { connections: 2, acquire_timeout: Duration::from_secs(30) };
    Ok(Store::connect(&postgres.app_url(database, None), size)?)
}

/// A person with an organization of their own.
pub fn person(postgres: &Postgres, database: &str, name: &str) -> Result<Tenant> {
    let tenant = Tenant::own(OrgId::derive(name), UserId::derive(name));
    let (org, user) = (tenant.org, tenant.user);
    let sql = format!(
        "insert into sixty.orgs (org_id, external_id, name) values ('{org}', '{name}', '{name}'); \
         insert into sixty.members (org_id, user_id, external_id, role) values ('{org}', '{user}', '{name}', 'member')"
    );
    postgres.sql(database, &sql)?;
    Ok(tenant)
}

/// A conversation with a run that may archive it.
pub struct Session {
    lease: Lease,
}

/// Makes conversations with these titles, each with a running run.
pub fn sessions(
    postgres: &Postgres,
    database: &str,
    tenant: Tenant,
    titles: &[String],
) -> Result<Vec<Session>> {
    let (org, user) = (tenant.org, tenant.user);
    let mut sql = String::from("begin;");
    let mut made = Vec::new();
    for title in titles {
        let (session, run, replica) = (SessionId::new(), RunId::new(), ReplicaId::new());
        sql.push_str(&format!(
            "insert into sixty.sessions (org_id, owner_id, id, title) values ('{org}', '{user}', '{session}', '{title}');
             insert into sixty.runs (org_id, owner_id, id, session_id, message_id, trigger, status, mode, model, role, \
                lease_owner, lease_until, fence) values ('{org}', '{user}', '{run}', '{session}', '{run}', 'compact', \
                'running', 'agent', 'bench', 'member', '{replica}', now() + interval '1 hour', 1);\n"
        ));
        made.push(Session { lease: Lease { org, run, session, user, author: user, fence: 1, replica } });
    }
    sql.push_str("commit");
    postgres.sql(database, &sql)?;
    Ok(made)
}

/// A message as the transcript holds it.
pub fn message(seq: i64, role: &str, text: &str, at: DateTime<Utc>) -> Result<Message> {
    let content = [json!({"type": "text", "text": text})];
    let message =
        json!({"id": Uuid::now_v7(), "seq": seq, "role": role, "content": content, "created_at": at});
    Ok(serde_json::from_str(&message.to_string())?)
}

/// The way of a compaction, without the model: transcript and passages, then the summary.
pub async fn archive(store: &Store, session: &Session, messages: &[Message]) -> Result<ArchiveId> {
    let transcript = serde_json::to_string(messages)?;
    let last_seq = messages.last().map_or(1, |message| message.seq);
    let range = Range { id: ArchiveId::new(), first_seq: 1, last_seq, summarized: false };
    let new = NewArchive {
        id: range.id,
        first_seq: 1,
        last_seq,
        message_count: i64::try_from(messages.len())?,
        transcript: &transcript,
        sha256: [0; 32],
        tokens_before: 0,
    };
    let Guarded::Open(mut tx) = store.run(&session.lease, 600).await? else {
        return fail("a lease was lost");
    };
    archives::create(&mut tx, &new, &engine::compaction::passages(messages)).await?;
    let done = Summarized { range, text: "What was said.", key_points: &[], by: "bench", tokens_after: 0 };
    archives::complete(&mut tx, &done).await?;
    tx.commit().await?;
    Ok(range.id)
}
