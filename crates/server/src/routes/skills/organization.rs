//! Skills of an organization, and what it says of the platform's: owners and administrators.

use axum::{Json, http::StatusCode, response::Response};
use domain::skill::{SkillHead, SkillVersion};

use super::{
    ChangedSkill, ListSkills, ListVersions, Named, Pin, Rollback, Skill, SkillAt, Together,
    by::By,
    export::{self, ExportedSkill},
    import::Imported,
    sent::{Bundle, NewSkill, Sent},
    work::{self, Report},
};
use crate::{
    caller::Caller,
    etag::IfMatch,
    extract::{Body, IdempotencyKey, Path, Query},
    idempotent::Answer,
    negotiate::{Form, Zipped},
    page::Page,
    problem::{Problems, Result},
};

/// The skills that the organization has, by key: its own, and the platform's that it does not override.
/// Owners and administrators.
#[utoipa::path(get, path = "/v1/admin/skills", tag = "admin_skills", security(("bearer" = [])), params(ListSkills),
    responses((status = 200, body = Page<SkillHead>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListSkills>) -> Result<Json<Page<SkillHead>>> {
    work::list(&By::Organization(caller), query).await
}

/// Writes a new skill: owners and administrators. The body is a SKILL.md as `text/markdown`, its key beside it
/// as `?key=`, or JSON with its companion documents. It is kept byte for byte; what is wrong with it is
/// refused (422) with the field and the line, what is unusual comes back as `warnings`. Under a key of the
/// platform it takes the place of the platform's skill, in this organization. A document with
/// `is_active: false` is taken in switched off. There may be 500 skills. JSON has at most 8 MiB, Markdown 1 MiB.
#[utoipa::path(post, path = "/v1/admin/skills", tag = "admin_skills", security(("bearer" = [])), params(Named),
    request_body(content((NewSkill = "application/json"), (String = "text/markdown"))),
    responses((status = 201, body = ChangedSkill), Problems))]
pub async fn create(
    caller: Caller,
    key: IdempotencyKey,
    Query(named): Query<Named>,
    sent: Sent,
) -> Result<Answer> {
    work::create(&By::Organization(caller), key, named, sent).await
}

/// A skill with its newest document, or with `Accept: text/markdown` the document alone: the organization's own,
/// or else the platform's, whose `ETag` is `"0"`, because there is nothing of the organization's to write over.
/// Switches and pins do not change the `ETag`.
#[utoipa::path(get, path = "/v1/admin/skills/{key}", tag = "admin_skills", security(("bearer" = [])),
    params(("key" = String, Path)),
    responses((status = 200, content((Skill = "application/json"), (String = "text/markdown"))), Problems))]
pub async fn get(caller: Caller, Path(key): Path<String>, form: Form) -> Result<Response> {
    work::get(&By::Organization(caller), &key, form).await
}

/// Writes a new, immutable version of a skill, or the first one (201): owners and administrators. What is there
/// already, byte for byte, makes no version. JSON is the whole skill: without `files` it has no companions.
/// `text/markdown` is the document alone: companions stay. The switch follows `is_active` where the document has
/// changed it. The newest 200 versions are kept, the pinned one, and those that runs
/// follow which have not ended.
#[utoipa::path(put, path = "/v1/admin/skills/{key}", tag = "admin_skills", security(("bearer" = [])),
    params(("key" = String, Path)), request_body(content((NewSkill = "application/json"), (String = "text/markdown"))),
    responses((status = 200, body = ChangedSkill), (status = 201, body = ChangedSkill), Problems))]
pub async fn put(caller: Caller, Path(key): Path<String>, seen: IfMatch, sent: Sent) -> Result<Response> {
    work::put(&By::Organization(caller), key, seen, sent).await
}

/// Deletes the organization's own skill: owners and administrators. The platform's skill of this key shows again.
/// Runs that began with a version end with it; a new skill of this key goes on counting.
#[utoipa::path(delete, path = "/v1/admin/skills/{key}", tag = "admin_skills", security(("bearer" = [])),
    params(("key" = String, Path)), responses((status = 204), Problems))]
pub async fn delete(caller: Caller, Path(key): Path<String>, seen: IfMatch) -> Result<StatusCode> {
    work::delete(&By::Organization(caller), &key, seen).await
}

/// What is wrong with a skill, and what is unusual, without writing it. Owners and administrators.
#[utoipa::path(post, path = "/v1/admin/skills/validate", tag = "admin_skills", security(("bearer" = [])), params(Named),
    request_body(content((NewSkill = "application/json"), (String = "text/markdown"))),
    responses((status = 200, body = Report), Problems))]
pub async fn validate(caller: Caller, Query(named): Query<Named>, sent: Sent) -> Result<Json<Report>> {
    work::validate(&By::Organization(caller), named, sent).await
}

/// Writes many skills, as `PUT` writes one: a JSON list, or a zip archive whose folders with a SKILL.md are skills,
/// called like the folder. At most 8 MiB, 500 skills, and of an archive 1,000 entries and 16 MiB unpacked. Each skill
/// has its result, and one that is refused stops no other; with `all_or_nothing=true` it stops them all (422).
/// What is sent again is `unchanged`.
#[utoipa::path(post, path = "/v1/admin/skills/import", tag = "admin_skills", security(("bearer" = [])), params(Together),
    request_body(content((Vec<NewSkill> = "application/json"), (Vec<u8> = "application/zip"))),
    responses((status = 200, body = Imported), Problems))]
pub async fn import(
    caller: Caller,
    key: IdempotencyKey,
    Query(together): Query<Together>,
    bundle: Bundle,
) -> Result<Answer> {
    work::import(&By::Organization(caller), key, together, bundle).await
}

/// Versions of a skill, newest first: owners and administrators.
#[utoipa::path(get, path = "/v1/admin/skills/{key}/versions", tag = "admin_skills", security(("bearer" = [])),
    params(("key" = String, Path), ListVersions), responses((status = 200, body = Page<SkillVersion>), Problems))]
pub async fn versions(
    caller: Caller,
    Path(key): Path<String>,
    Query(query): Query<ListVersions>,
) -> Result<Json<Page<SkillVersion>>> {
    work::versions(&By::Organization(caller), &key, query).await
}

/// A skill as it was at a version.
#[utoipa::path(get, path = "/v1/admin/skills/{key}/versions/{version}", tag = "admin_skills", security(("bearer" = [])),
    params(("key" = String, Path), ("version" = i64, Path)),
    responses((status = 200, content((SkillAt = "application/json"), (String = "text/markdown"))), Problems))]
pub async fn version(
    caller: Caller,
    Path((key, version)): Path<(String, i64)>,
    form: Form,
) -> Result<Response> {
    work::version(&By::Organization(caller), key, version, form).await
}

/// A skill in the open Agent Skills format, at its newest version, for other programs: as JSON with what the format
/// could not say or, with `Accept: application/zip`, as an archive of its folder. A skill that the format cannot hold
/// is 409 `not_exportable`. Owners and administrators.
#[utoipa::path(get, path = "/v1/admin/skills/{key}/export", tag = "admin_skills", security(("bearer" = [])),
    params(("key" = String, Path)),
    responses((status = 200, content((ExportedSkill = "application/json"), (Vec<u8> = "application/zip"))), Problems))]
pub async fn export(caller: Caller, Path(key): Path<String>, zipped: Zipped) -> Result<Response> {
    export::export(&By::Organization(caller), &key, zipped).await
}

/// Brings the content of an earlier version of the organization's own skill back, as a new version; what is the
/// newest content already stays. Owners and administrators.
#[utoipa::path(post, path = "/v1/admin/skills/{key}/rollback", tag = "admin_skills", security(("bearer" = [])),
    params(("key" = String, Path)), request_body = Rollback,
    responses((status = 200, body = ChangedSkill), Problems))]
pub async fn rollback(
    caller: Caller,
    Path(skill): Path<String>,
    key: IdempotencyKey,
    seen: IfMatch,
    body: Body<Rollback>,
) -> Result<Answer> {
    work::rollback(&By::Organization(caller), key, &skill, seen, body).await
}

/// Switches on the organization's own skill, or the platform's for this organization: owners and administrators. What the platform
/// has switched off for all stays off.
#[utoipa::path(post, path = "/v1/admin/skills/{key}/enable", tag = "admin_skills", security(("bearer" = [])),
    params(("key" = String, Path)), responses((status = 200, body = ChangedSkill), Problems))]
pub async fn enable(caller: Caller, Path(skill): Path<String>, key: IdempotencyKey) -> Result<Answer> {
    work::switch(&By::Organization(caller), key, &skill, true).await
}

/// Switches off the organization's own skill, or the platform's for this organization: owners and administrators.
#[utoipa::path(post, path = "/v1/admin/skills/{key}/disable", tag = "admin_skills", security(("bearer" = [])),
    params(("key" = String, Path)), responses((status = 200, body = ChangedSkill), Problems))]
pub async fn disable(caller: Caller, Path(skill): Path<String>, key: IdempotencyKey) -> Result<Answer> {
    work::switch(&By::Organization(caller), key, &skill, false).await
}

/// Pins the version that is used, of the organization's own skill or of the platform's for this organization;
/// `{"version": null}` takes the pin away. Owners and administrators.
#[utoipa::path(put, path = "/v1/admin/skills/{key}/pin", tag = "admin_skills", security(("bearer" = [])),
    params(("key" = String, Path)), request_body = Pin,
    responses((status = 200, body = ChangedSkill), Problems))]
pub async fn pin(
    caller: Caller,
    Path(key): Path<String>,
    seen: IfMatch,
    body: Body<Pin>,
) -> Result<Response> {
    work::pin(&By::Organization(caller), &key, seen, body).await
}
