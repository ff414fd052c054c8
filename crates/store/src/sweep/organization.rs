//! What an organization has beside what is its members' own.

use domain::{OrgId, Result, UserId};

use super::{FEW, ROWS, tombstone, used};
use crate::{TenantTx, error::from_sqlx};

/// A piece of what the organization's members share.
pub async fn of_organization(tx: &mut TenantTx) -> Result<u64> {
    let mut rows = notes(tx).await?;
    if rows == 0 {
        rows = entities(tx).await?;
    }
    if rows == 0 {
        rows = index(tx).await?;
    }
    if rows == 0 {
        rows = shared_memory(tx).await?;
    }
    if rows == 0 {
        rows = profile(tx).await?;
    }
    if rows == 0 {
        rows = skills(tx).await?;
    }
    if rows == 0 {
        rows = rules(tx).await?;
    }
    if rows == 0 {
        rows = settings(tx).await?;
    }
    if rows == 0 {
        rows = slack(tx).await?;
    }
    if rows == 0 {
        rows = used::of_organization(tx).await?;
    }
    Ok(rows)
}

/// The words and links by which the record was found.
async fn index(tx: &mut TenantTx) -> Result<u64> {
    let org = tx.org();
    let words = affected!(
        tx,
        "delete from sixty.entity_words where org_id = $1 and (word, kind, at, id) in (
            select word, kind, at, id from sixty.entity_words
            where org_id = $1 order by word, kind, at, id limit $2)",
        org.0,
        ROWS
    );
    let links = affected!(
        tx,
        "delete from sixty.entity_links where org_id = $1 and (to_kind, to_id, kind, at, id) in (
            select to_kind, to_id, kind, at, id from sixty.entity_links
            where org_id = $1 order by to_kind, to_id, kind, at, id limit $2)",
        org.0,
        ROWS
    );
    Ok(words + links)
}

/// The profile: revisions first, each of which may have 64 KB.
async fn profile(tx: &mut TenantTx) -> Result<u64> {
    let org = tx.org();
    let revisions = affected!(
        tx,
        "delete from sixty.org_profile_revisions where org_id = $1 and version in (
            select version from sixty.org_profile_revisions where org_id = $1 order by version limit $2)",
        org.0,
        FEW
    );
    if revisions > 0 {
        return Ok(revisions);
    }
    let newest = affected!(tx, "delete from sixty.org_profiles where org_id = $1", org.0);
    Ok(newest)
}

/// Retention, keys and types of cards: what administrators have set, row by row.
async fn settings(tx: &mut TenantTx) -> Result<u64> {
    let org = tx.org();
    let holds = affected!(tx, "delete from sixty.retention_holds where org_id = $1", org.0);
    let rounds = affected!(tx, "delete from sixty.retention_rounds where org_id = $1", org.0);
    let days = affected!(tx, "delete from sixty.retention where org_id = $1", org.0);
    let keys = affected!(tx, "delete from sixty.api_keys where org_id = $1", org.0);
    let cards = affected!(tx, "delete from sixty.card_types where org_id = $1", org.0);
    Ok([holds, rounds, days, keys, cards].iter().sum())
}

/// Workspaces of Slack, and what has arrived from them.
async fn slack(tx: &mut TenantTx) -> Result<u64> {
    let org = tx.org();
    let events = affected!(
        tx,
        "delete from sixty.slack_events where org_id = $1 and key in (
            select key from sixty.slack_events where org_id = $1 order by key limit $2)",
        org.0,
        ROWS
    );
    let tickets = affected!(tx, "delete from sixty.slack_tickets where org_id = $1", org.0);
    let workspaces = affected!(tx, "delete from sixty.slack_workspaces where org_id = $1", org.0);
    Ok([events, tickets, workspaces].iter().sum())
}

/// Skills: versions first, each with companions.
async fn skills(tx: &mut TenantTx) -> Result<u64> {
    let org = tx.org();
    let versions = affected!(
        tx,
        "delete from sixty.skill_versions where org_id = $1 and (key, version) in (
            select key, version from sixty.skill_versions where org_id = $1 order by key, version limit $2)",
        org.0,
        FEW
    );
    if versions > 0 {
        return Ok(versions);
    }
    let skills = affected!(tx, "delete from sixty.skills where org_id = $1", org.0);
    let settings = affected!(tx, "delete from sixty.skill_settings where org_id = $1", org.0);
    let states = affected!(tx, "delete from sixty.skill_states where org_id = $1", org.0);
    Ok([skills, settings, states].iter().sum())
}

async fn notes(tx: &mut TenantTx) -> Result<u64> {
    let org = tx.org();
    let done = affected!(
        tx,
        "delete from sixty.entity_notes where org_id = $1 and (kind, entity_id, id) in (
            select kind, entity_id, id from sixty.entity_notes
            where org_id = $1 order by kind, entity_id, id limit $2)",
        org.0,
        ROWS
    );
    Ok(done)
}

async fn entities(tx: &mut TenantTx) -> Result<u64> {
    let org = tx.org();
    let done = affected!(
        tx,
        "delete from sixty.entities where org_id = $1 and (kind, id) in (
            select kind, id from sixty.entities where org_id = $1 order by kind, id limit $2)",
        org.0,
        ROWS
    );
    Ok(done)
}

/// Memory of the organization and of its record: revisions first.
async fn shared_memory(tx: &mut TenantTx) -> Result<u64> {
    let org = tx.org();
    let revisions = affected!(
        tx,
        "delete from sixty.copilot_memory_revisions where org_id = $1 and (scope, subject, version) in (
            select scope, subject, version from sixty.copilot_memory_revisions
            where org_id = $1 and owner_id is null order by scope, subject, version limit $2)",
        org.0,
        ROWS
    );
    if revisions > 0 {
        return Ok(revisions);
    }
    let documents = affected!(
        tx,
        "delete from sixty.copilot_memories where org_id = $1 and (scope, subject) in (
            select scope, subject from sixty.copilot_memories
            where org_id = $1 and owner_id is null order by scope, subject limit $2)",
        org.0,
        ROWS
    );
    Ok(documents)
}

/// The matrix, a thousand rows at most, what is said of models, and secrets.
async fn rules(tx: &mut TenantTx) -> Result<u64> {
    let org = tx.org();
    let users = affected!(tx, "delete from sixty.permission_user_rows where org_id = $1", org.0);
    let rows = affected!(tx, "delete from sixty.permission_rows where org_id = $1", org.0);
    let preset = affected!(tx, "delete from sixty.permissions where org_id = $1", org.0);
    Ok([users, rows, preset, models(tx).await?].iter().sum())
}

async fn models(tx: &mut TenantTx) -> Result<u64> {
    let org = tx.org();
    let keys = affected!(tx, "delete from sixty.model_keys where org_id = $1", org.0);
    let secrets = affected!(tx, "delete from sixty.secrets where org_id = $1", org.0);
    let states = affected!(tx, "delete from sixty.secret_states where org_id = $1", org.0);
    let routes = affected!(tx, "delete from sixty.model_routes where org_id = $1", org.0);
    let rows = affected!(tx, "delete from sixty.models where org_id = $1", org.0);
    let settings = affected!(tx, "delete from sixty.model_settings where org_id = $1", org.0);
    Ok(keys + secrets + states + routes + rows + settings)
}

/// A piece of the organization's audit trail. What waits for a seal goes first, so that
/// no chain is begun anew. Needs a transaction that sees the organization.
pub async fn trail(tx: &mut TenantTx) -> Result<u64> {
    let org = tx.org();
    let waiting = affected!(
        tx,
        "delete from sixty.audit_pending where org_id = $1 and id in (
            select id from sixty.audit_pending where org_id = $1 order by id limit $2)",
        org.0,
        ROWS
    );
    if waiting > 0 {
        return Ok(waiting);
    }
    let head = affected!(tx, "delete from sixty.audit_heads where org_id = $1", org.0);
    let seals = affected!(
        tx,
        "delete from sixty.audit_seals where org_id = $1 and seq in (
            select seq from sixty.audit_seals where org_id = $1 order by seq limit $2)",
        org.0,
        FEW
    );
    let entries = affected!(
        tx,
        "delete from sixty.audit where org_id = $1 and id in (
            select id from sixty.audit where org_id = $1 order by id limit $2)",
        org.0,
        ROWS
    );
    Ok([head, seals, entries].iter().sum())
}

/// The first of the organization's members that is left.
pub async fn first_member(tx: &mut TenantTx) -> Result<Option<UserId>> {
    let org = tx.org();
    let found = sqlx::query_scalar!(
        "select user_id from sixty.members where org_id = $1 order by user_id limit 1",
        org.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(found.map(UserId))
}

/// Removes a member of whom nothing is left.
pub async fn delete_member(tx: &mut TenantTx, user: UserId) -> Result<()> {
    let org = tx.org();
    sqlx::query!("delete from sixty.members where org_id = $1 and user_id = $2", org.0, user.0)
        .execute(tx.connection())
        .await
        .map_err(from_sqlx)
        .map(drop)
}

/// Takes the organization's names, and what tells of erasures of its members.
pub async fn blank_org(tx: &mut TenantTx) -> Result<()> {
    let OrgId(org) = tx.org();
    affected!(tx, "delete from sixty.erasures where org_id = $1 and user_id is not null", org);
    sqlx::query!("update sixty.orgs set external_id = $2, name = '' where org_id = $1", org, tombstone(org))
        .execute(tx.connection())
        .await
        .map_err(from_sqlx)
        .map(drop)
}
