//! What else is stored of a person.

use domain::Result;

use super::{Line, ROWS};
use crate::{TenantTx, error::from_sqlx};

/// The person's membership.
pub(super) async fn member(tx: &mut TenantTx) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.user_id::text as "place!" from (
            select 'member' as type, user_id, external_id, name, role, token_role, email, ceiling, status, service, shared, created_at, updated_at
            from sixty.members where org_id = $1 and user_id = $2
            order by user_id) r order by user_id"#,
        tenant.org.0,
        tenant.user.0,
    )
}

/// What administrators set for the person.
pub(super) async fn rules(tx: &mut TenantTx) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.action as "place!" from (
            select 'permission_user_row' as type, user_id, action, policy, decider
            from sixty.permission_user_rows where org_id = $1 and user_id = $2
            order by action) r order by action"#,
        tenant.org.0,
        tenant.user.0,
    )
}

/// The person's memory, as it stands.
pub(super) async fn memory(tx: &mut TenantTx) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.subject as "place!" from (
            select 'memory' as type, scope, subject, owner_id, content, version, updated_at, updated_by
            from sixty.copilot_memories where org_id = $1 and scope = 'user' and subject = $2::uuid::text and owner_id = $2
            order by subject) r order by subject"#,
        tenant.org.0,
        tenant.user.0,
    )
}

/// The same at every version.
pub(super) async fn memory_revisions(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.version::text as "place!" from (
            select 'memory_revision' as type, scope, subject, owner_id, version, content, change, appended, written_by, run_id, step_seq,
                proposal_id, accepted_by, created_at
            from sixty.copilot_memory_revisions where org_id = $1 and scope = 'user' and subject = $2::uuid::text and owner_id = $2
                and version > $3::text::bigint
            order by version limit $4) r order by version"#,
        tenant.org.0,
        tenant.user.0,
        place,
        ROWS,
    )
}

/// Answers that are kept for repeated requests.
pub(super) async fn requests(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.key as "place!" from (
            select 'request' as type, key, owner_id, encode(request_hash, 'hex') as request_hash, run_id, status, location, etag, body,
                created_at
            from sixty.idempotency where org_id = $1 and owner_id = $2 and key > $3
            order by key limit $4) r order by key"#,
        tenant.org.0,
        tenant.user.0,
        place,
        ROWS,
    )
}

/// Remarks that the person wrote into the organization's record.
pub(super) async fn written_notes(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.id::text as "place!" from (
            select 'entity_note' as type, kind, entity_id, id, author_id, run_id, text, integration, created_at
            from sixty.entity_notes where org_id = $1 and author_id = $2 and id > $3::text::uuid
            order by id limit $4) r order by id"#,
        tenant.org.0,
        tenant.user.0,
        place,
        ROWS,
    )
}

/// What the person wrote into memory that the organization shares.
pub(super) async fn written_revisions(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.version || '.' || r.scope || '.' || r.subject as "place!" from (
            select 'memory_revision' as type, scope, subject, owner_id, version, content, change, appended, written_by,
                run_id, step_seq, proposal_id, accepted_by, created_at
            from sixty.copilot_memory_revisions
            where org_id = $1 and written_by = $2 and owner_id is null
                and (version, scope || '.' || subject) > (split_part($3, '.', 1)::bigint, substr($3, strpos($3, '.') + 1))
            order by version, scope || '.' || subject limit $4) r order by r.version, r.scope || '.' || r.subject"#,
        tenant.org.0,
        tenant.user.0,
        place,
        ROWS,
    )
}

/// Who the person is in Slack. The table is the organization's: that the row is theirs, the settings of the policies say
/// once more.
pub(super) async fn slack_links(tx: &mut TenantTx) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.slack_user as "place!" from (
            select 'slack_link' as type, enterprise_id, team_id, slack_user, user_id, linked_by, created_at, timezone
            from sixty.slack_links where org_id = $1 and user_id = $2
                and user_id = nullif(current_setting('app.user_id', true), '')::uuid
            order by enterprise_id, team_id, slack_user limit 1000) r"#,
        tenant.org.0,
        tenant.user.0,
    )
}

/// In which shared conversations the person takes or took part, of which the same is true.
pub(super) async fn shared_sessions(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.session_id::text as "place!" from (
            select 'session_member' as type, session_id, member_id, user_id, joined_at, left_at
            from sixty.session_members where org_id = $1 and user_id = $2 and session_id > $3::text::uuid
                and user_id = nullif(current_setting('app.user_id', true), '')::uuid
            order by session_id limit $4) r order by session_id"#,
        tenant.org.0,
        tenant.user.0,
        place,
        ROWS,
    )
}

/// What the person's model calls used, by day. A day's place is followed by what tells its rows apart, which hold no slash
/// before the model's.
pub(super) async fn usage_days(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", (r.day || '/' || r.feature || '/' || r.model) as "place!" from (
            select 'usage_day' as type, day, user_id, feature, model, calls, input_tokens, output_tokens,
                cache_read_input_tokens, cache_creation_input_tokens, cost
            from sixty.usage_days
            where org_id = $1 and user_id = $2 and (day || '/' || feature || '/' || model) collate "C" > $3
            order by (day || '/' || feature || '/' || model) collate "C" limit $4) r
         order by (r.day || '/' || r.feature || '/' || r.model) collate "C""#,
        tenant.org.0,
        tenant.user.0,
        place,
        ROWS,
    )
}
