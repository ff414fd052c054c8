//! Skills of the platform, which every organization has: for a platform administrator's token.

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
    caller::Platform,
    etag::IfMatch,
    extract::{Body, IdempotencyKey, Path, Query},
    idempotent::Answer,
    negotiate::{Form, Zipped},
    page::Page,
    problem::{Problems, Result},
};

/// The platform's skills, by key.
#[utoipa::path(get, path = "/v1/platform/skills", tag = "platform_skills", security(("bearer" = [])), params(ListSkills),
    responses((status = 200, body = Page<SkillHead>), Problems))]
pub async fn list(platform: Platform, Query(query): Query<ListSkills>) -> Result<Json<Page<SkillHead>>> {
    work::list(&By::Platform(platform), query).await
}

/// Writes a new skill for all organizations, as `POST /v1/admin/skills` writes one for one. What platform
/// administrators ask for twice is found done, or 409; their answers are not kept for an `Idempotency-Key`.
#[utoipa::path(post, path = "/v1/platform/skills", tag = "platform_skills", security(("bearer" = [])), params(Named),
    request_body(content((NewSkill = "application/json"), (String = "text/markdown"))),
    responses((status = 201, body = ChangedSkill), Problems))]
pub async fn create(platform: Platform, Query(named): Query<Named>, sent: Sent) -> Result<Answer> {
    work::create(&By::Platform(platform), IdempotencyKey(None), named, sent).await
}

/// A skill of the platform with its newest document, or with `Accept: text/markdown` the document alone.
#[utoipa::path(get, path = "/v1/platform/skills/{key}", tag = "platform_skills", security(("bearer" = [])),
    params(("key" = String, Path)),
    responses((status = 200, content((Skill = "application/json"), (String = "text/markdown"))), Problems))]
pub async fn get(platform: Platform, Path(key): Path<String>, form: Form) -> Result<Response> {
    work::get(&By::Platform(platform), &key, form).await
}

/// Writes a new, immutable version, or the first one (201), as `PUT /v1/admin/skills/{key}` does. All versions are
/// kept: organizations may have pinned one.
#[utoipa::path(put, path = "/v1/platform/skills/{key}", tag = "platform_skills", security(("bearer" = [])),
    params(("key" = String, Path)), request_body(content((NewSkill = "application/json"), (String = "text/markdown"))),
    responses((status = 200, body = ChangedSkill), (status = 201, body = ChangedSkill), Problems))]
pub async fn put(platform: Platform, Path(key): Path<String>, seen: IfMatch, sent: Sent) -> Result<Response> {
    work::put(&By::Platform(platform), key, seen, sent).await
}

/// Takes a skill from all organizations that have none of their own under its key.
#[utoipa::path(delete, path = "/v1/platform/skills/{key}", tag = "platform_skills", security(("bearer" = [])),
    params(("key" = String, Path)), responses((status = 204), Problems))]
pub async fn delete(platform: Platform, Path(key): Path<String>, seen: IfMatch) -> Result<StatusCode> {
    work::delete(&By::Platform(platform), &key, seen).await
}

/// What is wrong with a skill, and what is unusual, without writing it.
#[utoipa::path(post, path = "/v1/platform/skills/validate", tag = "platform_skills", security(("bearer" = [])), params(Named),
    request_body(content((NewSkill = "application/json"), (String = "text/markdown"))),
    responses((status = 200, body = Report), Problems))]
pub async fn validate(platform: Platform, Query(named): Query<Named>, sent: Sent) -> Result<Json<Report>> {
    work::validate(&By::Platform(platform), named, sent).await
}

/// Writes many skills, as `PUT` writes one: a JSON list, or a zip archive whose folders with a SKILL.md are skills,
/// called like the folder. At most 8 MiB, 500 skills, and of an archive 1,000 entries and 16 MiB unpacked. Each skill
/// has its result, and one that is refused stops no other; with `all_or_nothing=true` it stops them all (422).
/// What is sent again is `unchanged`.
#[utoipa::path(post, path = "/v1/platform/skills/import", tag = "platform_skills", security(("bearer" = [])), params(Together),
    request_body(content((Vec<NewSkill> = "application/json"), (Vec<u8> = "application/zip"))),
    responses((status = 200, body = Imported), Problems))]
pub async fn import(platform: Platform, Query(together): Query<Together>, bundle: Bundle) -> Result<Answer> {
    work::import(&By::Platform(platform), IdempotencyKey(None), together, bundle).await
}

/// Versions of a skill, newest first.
#[utoipa::path(get, path = "/v1/platform/skills/{key}/versions", tag = "platform_skills", security(("bearer" = [])),
    params(("key" = String, Path), ListVersions), responses((status = 200, body = Page<SkillVersion>), Problems))]
pub async fn versions(
    platform: Platform,
    Path(key): Path<String>,
    Query(query): Query<ListVersions>,
) -> Result<Json<Page<SkillVersion>>> {
    work::versions(&By::Platform(platform), &key, query).await
}

/// A skill as it was at a version.
#[utoipa::path(get, path = "/v1/platform/skills/{key}/versions/{version}", tag = "platform_skills", security(("bearer" = [])),
    params(("key" = String, Path), ("version" = i64, Path)),
    responses((status = 200, content((SkillAt = "application/json"), (String = "text/markdown"))), Problems))]
pub async fn version(
    platform: Platform,
    Path((key, version)): Path<(String, i64)>,
    form: Form,
) -> Result<Response> {
    work::version(&By::Platform(platform), key, version, form).await
}

/// A skill in the open Agent Skills format, at its newest version, for other programs: as JSON with what the format
/// could not say or, with `Accept: application/zip`, as an archive of its folder. A skill that the format cannot hold
/// is 409 `not_exportable`.
#[utoipa::path(get, path = "/v1/platform/skills/{key}/export", tag = "platform_skills", security(("bearer" = [])),
    params(("key" = String, Path)),
    responses((status = 200, content((ExportedSkill = "application/json"), (Vec<u8> = "application/zip"))), Problems))]
pub async fn export(platform: Platform, Path(key): Path<String>, zipped: Zipped) -> Result<Response> {
    export::export(&By::Platform(platform), &key, zipped).await
}

/// Brings the content of an earlier version back, as a new version; what is the newest content already stays.
#[utoipa::path(post, path = "/v1/platform/skills/{key}/rollback", tag = "platform_skills", security(("bearer" = [])),
    params(("key" = String, Path)), request_body = Rollback,
    responses((status = 200, body = ChangedSkill), Problems))]
pub async fn rollback(
    platform: Platform,
    Path(skill): Path<String>,
    seen: IfMatch,
    body: Body<Rollback>,
) -> Result<Answer> {
    work::rollback(&By::Platform(platform), IdempotencyKey(None), &skill, seen, body).await
}

/// Switches on the skill for all organizations.
#[utoipa::path(post, path = "/v1/platform/skills/{key}/enable", tag = "platform_skills", security(("bearer" = [])),
    params(("key" = String, Path)), responses((status = 200, body = ChangedSkill), Problems))]
pub async fn enable(platform: Platform, Path(skill): Path<String>) -> Result<Answer> {
    work::switch(&By::Platform(platform), IdempotencyKey(None), &skill, true).await
}

/// Switches off the skill for all organizations.
#[utoipa::path(post, path = "/v1/platform/skills/{key}/disable", tag = "platform_skills", security(("bearer" = [])),
    params(("key" = String, Path)), responses((status = 200, body = ChangedSkill), Problems))]
pub async fn disable(platform: Platform, Path(skill): Path<String>) -> Result<Answer> {
    work::switch(&By::Platform(platform), IdempotencyKey(None), &skill, false).await
}

/// Pins the version that organizations use which have pinned none; `{"version": null}` takes the pin away.
#[utoipa::path(put, path = "/v1/platform/skills/{key}/pin", tag = "platform_skills", security(("bearer" = [])),
    params(("key" = String, Path)), request_body = Pin,
    responses((status = 200, body = ChangedSkill), Problems))]
pub async fn pin(
    platform: Platform,
    Path(key): Path<String>,
    seen: IfMatch,
    body: Body<Pin>,
) -> Result<Response> {
    work::pin(&By::Platform(platform), &key, seen, body).await
}
