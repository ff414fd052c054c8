//! The organization's skills.

use domain::Result;

use super::{Line, ROWS, SKILLS};
use crate::{TenantTx, error::from_sqlx};

/// Skills, deleted ones too as long as their versions stay.
pub(super) async fn skills(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.key as "place!" from (
            select 'skill' as type, key, version, enabled, pinned_version, updated_at, updated_by, deleted_at
            from sixty.skills where org_id = $1 and key > $2
            order by key limit $3) r order by key"#,
        tenant.org.0,
        place,
        ROWS,
    )
}

/// A skill at every version that is kept, with its companions.
pub(super) async fn versions(tx: &mut TenantTx, key: &str, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.version::text as "place!" from (
            select 'skill_version' as type, v.key, v.version, v.document,
                (select coalesce(json_object_agg(f.path, f.content order by f.path), '{}') from sixty.skill_files f
                    where f.org_id = $1 and f.key = v.key and f.version = v.version) as files,
                encode(v.sha256, 'hex') as sha256, v.kind, v.name, v.description, v.category, v.priority, v.tags,
                v.deprecated_by, v.deprecation_reason, v.active, v.restored, v.created_at, v.created_by
            from sixty.skill_versions v where v.org_id = $1 and v.key = $2 and v.version > $3::text::bigint
            order by v.version limit $4) r order by version"#,
        tenant.org.0,
        key,
        place,
        SKILLS,
    )
}

/// How the list of skills is made that prompts hold.
pub(super) async fn list(tx: &mut TenantTx) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", '' as "place!" from (
            select 'skill_list' as type, first, tokens, list_version
            from sixty.skill_states where org_id = $1) r"#,
        tenant.org.0,
    )
}

/// What the organization says of the platform's skills.
pub(super) async fn settings(tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.key as "place!" from (
            select 'skill_setting' as type, key, enabled, pinned_version, updated_at, updated_by
            from sixty.skill_settings where org_id = $1 and key > $2
            order by key limit $3) r order by key"#,
        tenant.org.0,
        place,
        ROWS,
    )
}
