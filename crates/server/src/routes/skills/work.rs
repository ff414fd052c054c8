//! What the operations do, whoever asks.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    Error, Result,
    skill::{Shelf, SkillDocument, SkillHead, SkillVersion},
};
use serde::Serialize;
use store::{
    TenantTx, audit,
    skills::{self as rows, Filter, Held, New, On, Written},
};
use utoipa::ToSchema;

use super::{
    ChangedSkill, ListSkills, ListVersions, Named, Pin, Rollback, Skill, SkillAt, Together,
    by::By,
    check::{Draft, Remark, accept, facts, read_all, refused, remarks},
    import::{candidates, record, store},
    sent::{Bundle, Sent, parse_key},
};
use crate::{
    etag::{ETag, IfMatch},
    extract::{Body, IdempotencyKey},
    idempotent::{Answer, request_hash},
    negotiate::Form,
    page::{Page, after_in, limit, page},
    problem::Result as Answered,
    routes::url_segment,
};

/// The name of their list, in cursors.
const LIST: &str = "skills";

/// What a document is worth, before it is sent in earnest.
#[derive(Serialize, ToSchema)]
#[schema(as = SkillReport)]
pub struct Report {
    errors: Vec<Remark>,
    warnings: Vec<Remark>,
}

/// A skill's name in the audit trail.
pub fn target(key: &str) -> String {
    format!("skill:{key}")
}

/// The version that `If-Match` names: of an organization that has no skill of its own here, 0.
fn etag(by: &By, head: &SkillHead) -> ETag {
    let foreign = matches!(by, By::Organization(_)) && head.source == domain::skill::Source::Platform;
    ETag(if foreign { 0 } else { head.version })
}

/// What skills come to beside the others, of which nobody else writes one from now on.
pub async fn look(
    by: &By,
    tx: &mut TenantTx,
    new: &[(&Draft, &skills::Skill)],
) -> Result<Vec<skills::Report>> {
    rows::lock(tx).await?;
    let beside = by.engine().beside(tx).await?;
    let keys: Vec<&str> = new.iter().map(|(draft, _)| draft.key.as_str()).collect();
    let held = rows::held(tx, &keys).await?;
    let new = new.iter().map(|(draft, skill)| {
        let in_force = comes_into_force(&held, skill);
        engine::NewSkill { skill, files: &draft.files, in_force }
    });
    let new: Vec<_> = new.collect();
    beside.look(tx, &new).await
}

/// Whether a skill is what copilots are offered once it is written.
fn comes_into_force(held: &[Held], skill: &skills::Skill) -> bool {
    let held = held.iter().find(|held| held.key == skill.key.as_str());
    held.map_or(skill.active, |held| !held.pinned && held.enabled_by(skill.active))
}

/// Writes a draft that was read and looked at beside the others; refused for its errors. With warnings.
pub async fn write(
    tx: &mut TenantTx,
    (draft, skill): (&Draft, &skills::Skill),
    report: skills::Report,
    on: On,
) -> Result<(Written, Vec<Remark>)> {
    if !report.errors.is_empty() {
        return Err(refused(report.errors));
    }
    let files = (!draft.keeps_files).then_some(&draft.files);
    let new = New { key: draft.key.as_str(), document: &draft.document, files, facts: facts(skill) };
    Ok((rows::put(tx, new, on).await?, remarks(report.warnings)))
}

async fn write_one(
    by: &By,
    tx: &mut TenantTx,
    new: (&Draft, &skills::Skill),
    on: On,
) -> Result<(Written, Vec<Remark>)> {
    let report = look(by, tx, &[new]).await?.pop().unwrap_or_default();
    let (written, warnings) = write(tx, new, report, on).await?;
    record(by, tx, new.0.key.as_str(), written).await?;
    Ok((written, warnings))
}

/// Changes which version of a skill is in force, and refuses that where the skill leads in a circle or too deep beside
/// the others, or keeps one of them from running. With warnings.
async fn put_in_force<T>(
    by: &By,
    tx: &mut TenantTx,
    key: &str,
    change: impl AsyncFnOnce(&mut TenantTx) -> Result<T>,
) -> Result<(T, Vec<Remark>)> {
    rows::lock(tx).await?;
    let beside = by.engine().beside(tx).await?;
    let done = change(tx).await?;
    let Some((skill, files)) = in_force(tx, key).await? else { return Ok((done, Vec::new())) };
    let report =
        beside.look(tx, &[engine::NewSkill { skill: &skill, files: &files, in_force: true }]).await?;
    let report = report.into_iter().next().unwrap_or_default();
    match report.errors.first() {
        Some(error) => Err(Error::conflict("skill_clash", format!("the skill {key:?} {}", error.problem))),
        None => Ok((done, remarks(report.warnings))),
    }
}

/// The version of a skill that copilots are offered, as it is understood.
async fn in_force(tx: &mut TenantTx, key: &str) -> Result<Option<(skills::Skill, skills::Files)>> {
    let head = rows::find(tx, key).await?;
    if !head.enabled {
        return Ok(None);
    }
    let version = head.pinned_version.unwrap_or(head.version);
    let SkillDocument { document, files } = rows::document(tx, key, version).await?;
    let reading = skills::read(&parse_key(key)?, &document, &files);
    Ok(reading.skill.map(|skill| (skill, files)))
}

async fn changed(tx: &mut TenantTx, key: &str, warnings: Vec<Remark>) -> Result<ChangedSkill> {
    Ok(ChangedSkill { head: rows::find(tx, key).await?, warnings })
}

/// The draft with the companions that stay, if the document alone was sent.
async fn whole(by: &By, mut draft: Draft) -> Result<Draft> {
    draft.files = by
        .tx(async |tx, may| {
            may?;
            if draft.keeps_files { rows::own_files(tx, draft.key.as_str()).await } else { Ok(draft.files) }
        })
        .await?;
    Ok(draft)
}

pub async fn list(by: &By, query: ListSkills) -> Answered<Json<Page<SkillHead>>> {
    let limit = limit(query.limit)?;
    let after: Option<String> = after_in(LIST, query.cursor.as_deref())?;
    let ListSkills { category, priority, tag, source, .. } = &query;
    let shelf = Shelf { category: category.as_deref(), priority: priority.as_deref(), tag: tag.as_deref() };
    let filter = Filter { shelf, source: *source };
    let found = by
        .tx(async |tx, may| {
            may?;
            rows::list(tx, filter, after.as_deref(), limit + 1).await
        })
        .await?;
    Ok(page(found, limit, |skill| (LIST, skill.key.clone())))
}

pub async fn get(by: &By, key: &str, form: Form) -> Answered<Response> {
    let (head, content) = by
        .tx(async |tx, may| {
            let head = rows::find(tx, key).await?;
            may?;
            let content = rows::document(tx, key, head.version).await?;
            Ok((head, content))
        })
        .await?;
    let tag = etag(by, &head);
    let skill = Skill { head, content };
    Ok((tag, form.answer(&skill, || Ok(skill.content.document.clone()))?).into_response())
}

pub async fn create(by: &By, idempotency: IdempotencyKey, named: Named, sent: Sent) -> Answered<Answer> {
    by.tx(async |_, may| may).await?;
    let hash = request_hash(&format!("POST skills {:?}", named.key), &sent.bytes);
    let (draft, skill, mut warnings) = accept(by.door(), sent.draft(named.key)?).await?;
    let key = draft.key.as_str();
    let answer = by.once(idempotency, hash, async |tx, may| {
        may?;
        let (written, more) = write_one(by, tx, (&draft, &skill), On::Nothing).await?;
        warnings.extend(more);
        let answer = Answer::created(
            format!("{}/{}", by.path(), url_segment(key)),
            &changed(tx, key, warnings).await?,
        )?;
        Ok(answer.at_version(written.version()))
    });
    Ok(answer.await?)
}

pub async fn put(by: &By, key: String, seen: IfMatch, sent: Sent) -> Answered<Response> {
    by.tx(async |_, may| may).await?;
    let draft = whole(by, sent.draft(Some(key))?).await?;
    let (draft, skill, mut warnings) = accept(by.door(), draft).await?;
    let key = draft.key.as_str();
    let (written, skill) = by
        .tx(async |tx, may| {
            may?;
            let (written, more) = write_one(by, tx, (&draft, &skill), On::Seen(seen.0)).await?;
            warnings.extend(more);
            Ok((written, changed(tx, key, warnings).await?))
        })
        .await?;
    let status = if matches!(written, Written::Created(_)) { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, ETag(written.version()), Json(skill)).into_response())
}

pub async fn delete(by: &By, key: &str, seen: IfMatch) -> Answered<StatusCode> {
    by.tx(async |tx, may| {
        rows::find(tx, key).await?;
        may?;
        rows::delete(tx, key, seen.0).await?;
        audit::record(tx, &[by.did("skill.delete").on(&target(key))]).await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn validate(by: &By, named: Named, sent: Sent) -> Answered<Json<Report>> {
    by.tx(async |_, may| may).await?;
    let draft = match sent.draft(named.key) {
        Ok(draft) => draft,
        Err(Error::Invalid { fields, .. }) => {
            let errors = fields.into_iter().map(|field| Remark::new(field.field, field.error)).collect();
            return Ok(Json(Report { errors, warnings: Vec::new() }));
        }
        Err(other) => return Err(other.into()),
    };
    let draft = whole(by, draft).await?;
    let read = read_all(by.door(), vec![draft]).await?.pop();
    let (draft, reading) = read.ok_or_else(|| Error::internal("a draft without a reading"))?;
    let mut report = reading.report;
    if let Some(skill) = reading.skill {
        let more = by
            .tx(async |tx, _| {
                let beside = by.engine().beside(tx).await?;
                let held = rows::held(tx, &[draft.key.as_str()]).await?;
                let in_force = comes_into_force(&held, &skill);
                beside.look(tx, &[engine::NewSkill { skill: &skill, files: &draft.files, in_force }]).await
            })
            .await?;
        for more in more {
            report.append(more);
        }
    }
    Ok(Json(Report { errors: remarks(report.errors), warnings: remarks(report.warnings) }))
}

pub async fn import(
    by: &By,
    idempotency: IdempotencyKey,
    Together { all_or_nothing }: Together,
    bundle: Bundle,
) -> Answered<Answer> {
    by.tx(async |_, may| may).await?;
    let hash = request_hash(&format!("POST skills/import {all_or_nothing}"), &bundle.bytes);
    let candidates = candidates(by, bundle).await?;
    let answer = by.once(idempotency, hash, async |tx, may| {
        may?;
        store(by, tx, &candidates, all_or_nothing).await
    });
    Ok(answer.await?)
}

pub async fn versions(by: &By, key: &str, query: ListVersions) -> Answered<Json<Page<SkillVersion>>> {
    let limit = limit(query.limit)?;
    let list = target(key);
    let before: Option<i64> = after_in(&list, query.cursor.as_deref())?;
    let found = by
        .tx(async |tx, may| {
            let found = rows::versions(tx, key, before, limit + 1).await?;
            may?;
            Ok(found)
        })
        .await?;
    Ok(page(found, limit, |version| (&list, version.version)))
}

pub async fn version(by: &By, key: String, version: i64, form: Form) -> Answered<Response> {
    let content = by
        .tx(async |tx, may| {
            let content = rows::document(tx, &key, version).await?;
            may?;
            Ok(content)
        })
        .await?;
    let at = SkillAt { key, version, content };
    Ok(form.answer(&at, || Ok(at.content.document.clone()))?)
}

pub async fn rollback(
    by: &By,
    idempotency: IdempotencyKey,
    key: &str,
    seen: IfMatch,
    body: Body<Rollback>,
) -> Answered<Answer> {
    let hash = request_hash(&format!("POST skills rollback {key} {:?}", seen.0), &body.bytes);
    let to = body.value.version;
    let answer = by.once(idempotency, hash, async |tx, may| {
        rows::find(tx, key).await?;
        may?;
        let change = async |tx: &mut TenantTx| rows::rollback(tx, key, to, seen.0).await;
        let (written, warnings) = put_in_force(by, tx, key, change).await?;
        if let Written::Updated(version) = written {
            let (target, detail) = (target(key), format!("version {version}, as version {to} was"));
            audit::record(tx, &[by.did("skill.rollback").on(&target).saying(&detail)]).await?;
        }
        Answer::changed(written.version(), &changed(tx, key, warnings).await?)
    });
    Ok(answer.await?)
}

pub async fn switch(by: &By, idempotency: IdempotencyKey, key: &str, on: bool) -> Answered<Answer> {
    let hash = request_hash(&format!("POST skills switch {key} {on}"), &[]);
    let answer = by.once(idempotency, hash, async |tx, may| {
        rows::find(tx, key).await?;
        may?;
        let change = async |tx: &mut TenantTx| rows::switch(tx, key, on).await;
        let (switched, warnings) = put_in_force(by, tx, key, change).await?;
        if switched {
            let action = if on { "skill.enable" } else { "skill.disable" };
            audit::record(tx, &[by.did(action).on(&target(key))]).await?;
        }
        let skill = changed(tx, key, warnings).await?;
        Answer::changed(etag(by, &skill.head).0, &skill)
    });
    Ok(answer.await?)
}

pub async fn pin(by: &By, key: &str, seen: IfMatch, body: Body<Pin>) -> Answered<Response> {
    let version = body.value.version;
    let skill = by
        .tx(async |tx, may| {
            rows::find(tx, key).await?;
            may?;
            let change = async |tx: &mut TenantTx| rows::pin(tx, key, version, seen.0).await;
            let (pinned, warnings) = put_in_force(by, tx, key, change).await?;
            if pinned {
                let detail = version.map(|version| format!("version {version}"));
                let action = if version.is_some() { "skill.pin" } else { "skill.unpin" };
                let target = target(key);
                let entry = audit::Entry { detail: detail.as_deref(), ..by.did(action).on(&target) };
                audit::record(tx, &[entry]).await?;
            }
            changed(tx, key, warnings).await
        })
        .await?;
    Ok((etag(by, &skill.head), Json(skill)).into_response())
}
