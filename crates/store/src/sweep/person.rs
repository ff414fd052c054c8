//! What is a person's own, and the person's name on what is not.

use domain::{Result, Scope, UserId};
use uuid::Uuid;

use super::{FEW, ROWS, tombstone, used};
use crate::{TenantTx, error::from_sqlx, slack::threads};

/// A piece of what is the person's own, under whom the transaction runs.
pub async fn of_person(tx: &mut TenantTx) -> Result<u64> {
    let mut rows = runs(tx).await?;
    if rows == 0 {
        rows = archives(tx).await?;
    }
    if rows == 0 {
        rows = feedback(tx).await?;
    }
    if rows == 0 {
        rows = conversations(tx).await?;
    }
    if rows == 0 {
        rows = schedules(tx).await?;
    }
    if rows == 0 {
        rows = shared(tx).await?;
    }
    if rows == 0 {
        rows = links(tx).await?;
    }
    if rows == 0 {
        rows = requests(tx).await?;
    }
    if rows == 0 {
        rows = own_memory(tx).await?;
    }
    if rows == 0 {
        rows = own_rules(tx).await?;
    }
    Ok(rows)
}

/// With their steps, calls, events, approvals and questions.
async fn runs(tx: &mut TenantTx) -> Result<u64> {
    let tenant = tx.tenant();
    let done = affected!(
        tx,
        "delete from sixty.runs where org_id = $1 and owner_id = $2 and id in (
            select id from sixty.runs where org_id = $1 and owner_id = $2 order by id limit $3)",
        tenant.org.0,
        tenant.user.0,
        FEW
    );
    Ok(done)
}

async fn archives(tx: &mut TenantTx) -> Result<u64> {
    let tenant = tx.tenant();
    let ids = sqlx::query_scalar!(
        "select id from sixty.copilot_session_summaries where org_id = $1 and owner_id = $2 order by id limit $3",
        tenant.org.0,
        tenant.user.0,
        FEW
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if ids.is_empty() {
        return Ok(0);
    }
    let passages = affected!(
        tx,
        "delete from sixty.copilot_summary_passages where org_id = $1 and owner_id = $2 and summary_id = any ($3)",
        tenant.org.0,
        tenant.user.0,
        &ids
    );
    let archives = affected!(
        tx,
        "delete from sixty.copilot_session_summaries where org_id = $1 and owner_id = $2 and id = any ($3)",
        tenant.org.0,
        tenant.user.0,
        &ids
    );
    Ok(passages + archives)
}

/// What the person thought of answers. What is said meanwhile goes with its session.
async fn feedback(tx: &mut TenantTx) -> Result<u64> {
    let tenant = tx.tenant();
    let done = affected!(
        tx,
        "delete from sixty.message_feedback where org_id = $1 and owner_id = $2 and message_id in (
            select message_id from sixty.message_feedback
            where org_id = $1 and owner_id = $2 order by message_id limit $3)",
        tenant.org.0,
        tenant.user.0,
        ROWS
    );
    Ok(done)
}

/// The newest messages of a long session, or some short sessions with all that was said
/// in them. `last_seq` goes down with the messages: what is left is found without a look
/// at what has gone.
async fn conversations(tx: &mut TenantTx) -> Result<u64> {
    let tenant = tx.tenant();
    let sessions = sqlx::query!(
        "select id, last_seq from sixty.sessions where org_id = $1 and owner_id = $2 order by id limit $3",
        tenant.org.0,
        tenant.user.0,
        FEW
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if let Some(long) = sessions.iter().find(|session| session.last_seq > ROWS) {
        return newest_messages(tx, long.id).await;
    }
    let mut messages = 0;
    let short: Vec<Uuid> = sessions
        .iter()
        .take_while(|session| {
            messages += session.last_seq;
            messages <= ROWS
        })
        .map(|session| session.id)
        .collect();
    if short.is_empty() {
        return Ok(0);
    }
    // A request that was under way when the erasure was asked for may have begun one. A
    // run locks its own row before the session's, and so does this.
    let late = affected!(
        tx,
        "delete from sixty.runs where org_id = $1 and owner_id = $2 and session_id = any ($3)",
        tenant.org.0,
        tenant.user.0,
        &short
    );
    let done = affected!(
        tx,
        "delete from sixty.sessions where org_id = $1 and owner_id = $2 and id = any ($3)",
        tenant.org.0,
        tenant.user.0,
        &short
    );
    Ok(late + done)
}

async fn newest_messages(tx: &mut TenantTx, session: Uuid) -> Result<u64> {
    let tenant = tx.tenant();
    let left = sqlx::query_scalar!(
        "update sixty.sessions set last_seq = greatest(last_seq - $4, 0)
         where org_id = $1 and owner_id = $2 and id = $3 returning last_seq",
        tenant.org.0,
        tenant.user.0,
        session,
        ROWS
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let gone = affected!(
        tx,
        "delete from sixty.messages where org_id = $1 and owner_id = $2 and session_id = $3 and seq > $4",
        tenant.org.0,
        tenant.user.0,
        session,
        left
    );
    // Of places that hold no message nothing went, and yet the session got shorter.
    Ok(gone.max(1))
}

/// Scheduled tasks, whose conversations have gone, with what came of them; and what the person was told.
async fn schedules(tx: &mut TenantTx) -> Result<u64> {
    let tenant = tx.tenant();
    let tasks = affected!(
        tx,
        "delete from sixty.schedules where org_id = $1 and owner_id = $2 and id in (
            select id from sixty.schedules where org_id = $1 and owner_id = $2 order by id limit $3)",
        tenant.org.0,
        tenant.user.0,
        FEW
    );
    let told = affected!(
        tx,
        "delete from sixty.notifications where org_id = $1 and owner_id = $2 and id in (
            select id from sixty.notifications where org_id = $1 and owner_id = $2 order by id limit $3)",
        tenant.org.0,
        tenant.user.0,
        ROWS
    );
    Ok(tasks + told)
}

/// A conversation that the person shared with others goes whole: what they said cannot be taken out of it.
async fn shared(tx: &mut TenantTx) -> Result<u64> {
    let me = tx.tenant().user;
    let Some(thread) = threads::of_person(tx, me, 1).await?.pop() else { return Ok(0) };
    tx.switch(Some(thread.member), Scope::Own).await?;
    let mut rows = runs(tx).await?;
    if rows == 0 {
        rows = archives(tx).await?;
    }
    if rows == 0 {
        rows = feedback(tx).await?;
    }
    if rows == 0 {
        rows = own_memory(tx).await?;
    }
    if rows == 0 {
        rows = conversations(tx).await?;
    }
    tx.switch(None, Scope::Own).await?;
    Ok(rows)
}

/// Who the person is in Slack.
async fn links(tx: &mut TenantTx) -> Result<u64> {
    let tenant = tx.tenant();
    let links = affected!(
        tx,
        "delete from sixty.slack_links where org_id = $1 and user_id = $2",
        tenant.org.0,
        tenant.user.0
    );
    let shared = affected!(
        tx,
        "delete from sixty.session_members where org_id = $1 and user_id = $2",
        tenant.org.0,
        tenant.user.0
    );
    Ok(links + shared)
}

/// Answers that were kept for repeated requests.
async fn requests(tx: &mut TenantTx) -> Result<u64> {
    let tenant = tx.tenant();
    let done = affected!(
        tx,
        "delete from sixty.idempotency where org_id = $1 and owner_id = $2 and key in (
            select key from sixty.idempotency where org_id = $1 and owner_id = $2 order by key limit $3)",
        tenant.org.0,
        tenant.user.0,
        ROWS
    );
    Ok(done)
}

/// The revisions of the person's memory, then the document.
async fn own_memory(tx: &mut TenantTx) -> Result<u64> {
    let tenant = tx.tenant();
    let revisions = affected!(
        tx,
        "delete from sixty.copilot_memory_revisions
         where org_id = $1 and scope = 'user' and subject = $2::uuid::text and owner_id = $2 and version in (
            select version from sixty.copilot_memory_revisions
            where org_id = $1 and scope = 'user' and subject = $2::uuid::text and owner_id = $2
            order by version limit $3)",
        tenant.org.0,
        tenant.user.0,
        ROWS
    );
    if revisions > 0 {
        return Ok(revisions);
    }
    let document = affected!(
        tx,
        "delete from sixty.copilot_memories
         where org_id = $1 and scope = 'user' and subject = $2::uuid::text and owner_id = $2",
        tenant.org.0,
        tenant.user.0
    );
    Ok(document)
}

/// What administrators set for this person; whoever edits the matrix has to look again.
async fn own_rules(tx: &mut TenantTx) -> Result<u64> {
    let tenant = tx.tenant();
    let rows = sqlx::query_scalar!(
        r#"with gone as (
            delete from sixty.permission_user_rows where org_id = $1 and user_id = $2 returning 1
         ), noticed as (
            update sixty.permissions set version = version + 1 where org_id = $1 and exists (select from gone)
         )
         select count(*) as "count!" from gone"#,
        tenant.org.0,
        tenant.user.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.unsigned_abs())
}

/// A piece of the organization's record that names the person as its author, who is
/// forgotten; the text is the organization's and stays.
pub async fn authorship(tx: &mut TenantTx, user: UserId) -> Result<u64> {
    let org = tx.org();
    let notes = affected!(
        tx,
        "update sixty.entity_notes n set author_id = null
         from (select kind, entity_id, id from sixty.entity_notes
            where org_id = $1 and author_id = $2 order by id limit $3) his
         where n.org_id = $1 and n.kind = his.kind and n.entity_id = his.entity_id and n.id = his.id",
        org.0,
        user.0,
        ROWS
    );
    let revisions = affected!(
        tx,
        "update sixty.copilot_memory_revisions r set written_by = null
         from (select scope, subject, version from sixty.copilot_memory_revisions
            where org_id = $1 and written_by = $2 order by created_at limit $3) his
         where r.org_id = $1 and r.scope = his.scope and r.subject = his.subject and r.version = his.version",
        org.0,
        user.0,
        ROWS
    );
    let documents = affected!(
        tx,
        "update sixty.copilot_memories set updated_by = null where org_id = $1 and updated_by = $2",
        org.0,
        user.0
    );
    let matrix = affected!(
        tx,
        "update sixty.permissions set updated_by = null where org_id = $1 and updated_by = $2",
        org.0,
        user.0
    );
    let changed = [notes, revisions, documents, matrix];
    let changed: u64 = changed.iter().sum();
    Ok(changed + settings(tx, user).await?)
}

/// The same of what the person has set for the organization, and accepted for its memory.
async fn settings(tx: &mut TenantTx, user: UserId) -> Result<u64> {
    let org = tx.org();
    let accepted = affected!(
        tx,
        "update sixty.copilot_memory_revisions set accepted_by = null where org_id = $1 and accepted_by = $2",
        org.0,
        user.0
    );
    let profile = affected!(
        tx,
        "update sixty.org_profiles set updated_by = null where org_id = $1 and updated_by = $2",
        org.0,
        user.0
    );
    let profiles = affected!(
        tx,
        "update sixty.org_profile_revisions set written_by = null where org_id = $1 and written_by = $2",
        org.0,
        user.0
    );
    let days = affected!(
        tx,
        "update sixty.retention set updated_by = null where org_id = $1 and updated_by = $2",
        org.0,
        user.0
    );
    let keys = affected!(
        tx,
        "update sixty.api_keys set created_by = null where org_id = $1 and created_by = $2",
        org.0,
        user.0
    );
    let cards = affected!(
        tx,
        "update sixty.card_types set updated_by = null where org_id = $1 and updated_by = $2",
        org.0,
        user.0
    );
    let workspaces = affected!(
        tx,
        "update sixty.slack_workspaces set installed_by = null where org_id = $1 and installed_by = $2",
        org.0,
        user.0
    );
    let tickets = affected!(
        tx,
        "update sixty.slack_tickets set created_by = null where org_id = $1 and created_by = $2",
        org.0,
        user.0
    );
    let models = affected!(
        tx,
        "update sixty.model_settings set updated_by = null where org_id = $1 and updated_by = $2",
        org.0,
        user.0
    );
    let budgets = affected!(
        tx,
        "update sixty.budgets set updated_by = null where org_id = $1 and updated_by = $2",
        org.0,
        user.0
    );
    let secrets = affected!(
        tx,
        "update sixty.secrets set updated_by = null where org_id = $1 and updated_by = $2",
        org.0,
        user.0
    );
    let changed =
        [secrets, accepted, profile, profiles, days, keys, cards, workspaces, tickets, models, budgets];
    Ok(changed.iter().sum::<u64>() + skills(tx, user).await? + used::of_person(tx, user).await?)
}

/// And of the organization's skills.
async fn skills(tx: &mut TenantTx, user: UserId) -> Result<u64> {
    let org = tx.org();
    let versions = affected!(
        tx,
        "update sixty.skill_versions v set created_by = null
         from (select key, version from sixty.skill_versions
            where org_id = $1 and created_by = $2 order by key, version limit $3) his
         where v.org_id = $1 and v.key = his.key and v.version = his.version",
        org.0,
        user.0,
        ROWS
    );
    let skills = affected!(
        tx,
        "update sixty.skills set updated_by = null where org_id = $1 and updated_by = $2",
        org.0,
        user.0
    );
    let settings = affected!(
        tx,
        "update sixty.skill_settings set updated_by = null where org_id = $1 and updated_by = $2",
        org.0,
        user.0
    );
    Ok(versions + skills + settings)
}

/// Blanks the person's row: what stays is the id that no token lifts.
pub async fn blank_member(tx: &mut TenantTx, user: UserId) -> Result<()> {
    let org = tx.org();
    sqlx::query!(
        "update sixty.members set external_id = $3, name = null, role = null, token_role = null, email = null, ceiling = null, updated_at = now()
         where org_id = $1 and user_id = $2 and status = 'removed'",
        org.0,
        user.0,
        tombstone(user.0)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}
