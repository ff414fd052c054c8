//! What the members of an organization share.

use domain::{OrgId, Result};

use super::{Line, ROWS, TRAIL};
use crate::{TenantTx, error::from_sqlx};

/// The organization's own row.
pub(super) async fn org(tx: &mut TenantTx) -> Result<Vec<Line>> {
    let OrgId(org) = tx.org();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", '' as "place!" from (
            select 'organization' as type, org_id, external_id, name, created_at
            from sixty.orgs where org_id = $1) r"#,
        org
    )
}

/// The preset of the permissions.
pub(super) async fn matrix(tx: &mut TenantTx) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.preset as "place!" from (
            select 'permissions' as type, preset, version, updated_at, updated_by
            from sixty.permissions where org_id = $1
            order by version) r order by version"#,
        tenant.org.0,
    )
}

/// What overrides the preset.
pub(super) async fn matrix_rows(tx: &mut TenantTx) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.action as "place!" from (
            select 'permission_row' as type, action, role, policy, decider
            from sixty.permission_rows where org_id = $1
            order by action, role) r order by action, role"#,
        tenant.org.0,
    )
}

/// The profile at each version; the last one holds.
pub(super) async fn profiles(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.version::text as "place!" from (
            select 'profile' as type, version, profile, written_by, created_at
            from sixty.org_profile_revisions where org_id = $1 and version > $2::text::bigint
            order by version limit $3) r order by version"#,
        tenant.org.0,
        place,
        ROWS,
    )
}

/// API keys, without what could be used.
pub(super) async fn api_keys(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.id::text as "place!" from (
            select 'api_key' as type, id, user_id, name, created_by, created_at, expires_at, revoked_at, last_used_at
            from sixty.api_keys where org_id = $1 and id > $2::text::uuid
            order by id limit $3) r order by id"#,
        tenant.org.0,
        place,
        ROWS,
    )
}

/// Types of cards, with their schemas.
pub(super) async fn card_types(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.card_type as "place!" from (
            select 'card_type' as type, type as card_type, schema, version, updated_at, updated_by
            from sixty.card_types where org_id = $1 and type > $2
            order by sixty.card_types.type limit $3) r order by card_type"#,
        tenant.org.0,
        place,
        ROWS,
    )
}

/// What is kept for how long, with what must not be deleted.
pub(super) async fn retention(tx: &mut TenantTx) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", '' as "place!" from (
            select 'retention' as type, transcripts_days, messages_days, revisions_days, events_days, legal_hold, hold_reason,
                version, updated_at, updated_by,
                (select coalesce(jsonb_agg(jsonb_build_object('user_id', h.user_id, 'session_id', h.session_id)
                    order by h.user_id, h.session_id), '[]')
                    from sixty.retention_holds h where h.org_id = $1) as holds
            from sixty.retention where org_id = $1) r"#,
        tenant.org.0,
    )
}

/// What the organization, its members and their runs may use.
pub(super) async fn budgets(tx: &mut TenantTx) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", '' as "place!" from (
            select 'budgets' as type, limits, version, updated_at, updated_by
            from sixty.budgets where org_id = $1) r"#,
        tenant.org.0,
    )
}

/// The sales record.
pub(super) async fn entities(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.kind || ':' || r.id as "place!" from (
            select 'entity' as type, kind, id, name, owner, visibility, links, fields, attributes, integration, version, created_at, updated_at
            from sixty.entities
            where org_id = $1 and (kind, id) > (split_part($2, ':', 1), substr($2, strpos($2, ':') + 1))
            order by kind, id limit $3) r order by r.kind, r.id"#,
        tenant.org.0,
        place,
        ROWS,
    )
}

/// The remarks on an entity, oldest first.
pub(super) async fn notes(tx: &mut TenantTx, (kind, id): (&str, &str), place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.id::text as "place!" from (
            select 'entity_note' as type, kind, entity_id, id, author_id, run_id, text, integration, created_at
            from sixty.entity_notes where org_id = $1 and kind = $2 and entity_id = $3 and id > $4::text::uuid
            order by id limit $5) r order by id"#,
        tenant.org.0,
        kind,
        id,
        place,
        ROWS,
    )
}

/// Memory of the organization and of its record.
pub(super) async fn shared_memory(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.scope || ':' || r.subject as "place!" from (
            select 'memory' as type, scope, subject, owner_id, content, version, updated_at, updated_by
            from sixty.copilot_memories
            where org_id = $1 and owner_id is null
                and (scope, subject) > (split_part($2, ':', 1), substr($2, strpos($2, ':') + 1))
            order by scope, subject limit $3) r order by r.scope, r.subject"#,
        tenant.org.0,
        place,
        ROWS,
    )
}

/// A document of that at every version.
pub(super) async fn shared_revisions(
    tx: &mut TenantTx,
    (scope, subject): (&str, &str),
    place: &str,
) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.version::text as "place!" from (
            select 'memory_revision' as type, scope, subject, owner_id, version, content, change, appended, written_by, run_id, step_seq,
                proposal_id, accepted_by, created_at
            from sixty.copilot_memory_revisions where org_id = $1 and scope = $2 and subject = $3 and owner_id is null and version > $4::text::bigint
            order by version limit $5) r order by version"#,
        tenant.org.0,
        scope,
        subject,
        place,
        ROWS,
    )
}

/// The audit trail; needs a transaction that sees the organization.
pub(super) async fn trail(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.id::text as "place!" from (
            select 'audit' as type, id, at, actor_kind, actor_id, on_behalf_of, channel, action, tool, decision, rule, approval_id,
                run_id, call_id, encode(args_hash, 'hex') as args_hash, target, detail
            from sixty.audit where org_id = $1 and id > $2::text::uuid
            order by id limit $3) r order by id"#,
        tenant.org.0,
        place,
        TRAIL,
    )
}

/// Its seals; needs the same.
pub(super) async fn seals(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.seq::text as "place!" from (
            select 'audit_seal' as type, seq, sealed_at, entries, encode(digests, 'hex') as digests, encode(hash, 'hex') as hash, key_id,
                encode(mac, 'hex') as mac
            from sixty.audit_seals where org_id = $1 and seq > $2::text::bigint
            order by seq limit $3) r order by seq"#,
        tenant.org.0,
        place,
        ROWS,
    )
}
