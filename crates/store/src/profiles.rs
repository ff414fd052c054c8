//! The organization's profile and its revisions.

use domain::{
    Error, Result,
    profile::{Profile, ProfileDocument, ProfileRevision},
};

use crate::{TenantTx, error::from_sqlx};

/// The profile as it stands; without facts, and with version 0, when nobody wrote it.
pub async fn find(tx: &mut TenantTx) -> Result<ProfileDocument> {
    let org = tx.org();
    let row = sqlx::query!(
        r#"select p.profile, p.version, p.updated_at, m.external_id as "updated_by?"
         from sixty.org_profiles p
         left join sixty.members m on m.org_id = p.org_id and m.user_id = p.updated_by
         where p.org_id = $1"#,
        org.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(match row {
        Some(row) => ProfileDocument {
            profile: stored(&row.profile)?,
            version: row.version,
            updated_at: Some(row.updated_at),
            updated_by: row.updated_by,
        },
        None => {
            ProfileDocument { profile: Profile::default(), version: 0, updated_at: None, updated_by: None }
        }
    })
}

/// Writes a new version, on top of the one that the administrator saw if one is given.
pub async fn put(tx: &mut TenantTx, profile: &Profile, seen: Option<i64>) -> Result<i64> {
    let tenant = tx.tenant();
    let version = sqlx::query_scalar!(
        r#"
        with written as (
            insert into sixty.org_profiles as p (org_id, profile, version, updated_by)
            select $1, $2, 1, $3
            where coalesce($4::bigint, 0) = 0 or exists (select from sixty.org_profiles x where x.org_id = $1)
            on conflict (org_id) do update
            set profile = excluded.profile, version = p.version + 1, updated_at = now(), updated_by = $3
            where $4::bigint is null or p.version = $4
            returning version
        ), revision as (
            insert into sixty.org_profile_revisions (org_id, version, profile, written_by)
            select $1, version, $2, $3 from written
        )
        select version as "version!" from written
        "#,
        tenant.org.0,
        profile.to_json(),
        tenant.user.0,
        seen
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    match version {
        Some(version) => Ok(version),
        None => Err(Error::VersionMismatch { current: find(tx).await?.version }),
    }
}

/// Revisions, newest first; `before` is the last version of the page before.
pub async fn revisions(tx: &mut TenantTx, before: Option<i64>, limit: i64) -> Result<Vec<ProfileRevision>> {
    let org = tx.org();
    let rows = sqlx::query!(
        r#"select r.version, r.profile, r.created_at, m.external_id as "written_by?"
         from sixty.org_profile_revisions r
         left join sixty.members m on m.org_id = r.org_id and m.user_id = r.written_by
         where r.org_id = $1 and ($2::bigint is null or r.version < $2)
         order by r.version desc limit $3"#,
        org.0,
        before,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(ProfileRevision {
                version: row.version,
                profile: stored(&row.profile)?,
                written_by: row.written_by,
                created_at: row.created_at,
            })
        })
        .collect()
}

/// It was checked when it was written. A version of the program that knows other keys
/// still shows what is there.
fn stored(json: &str) -> Result<Profile> {
    serde_json::from_str(json).map_err(Error::internal)
}
