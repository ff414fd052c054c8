//! Many skills in one request, from a list or an archive, with a result for each.

use std::collections::BTreeSet;

use domain::{Error, FieldError, Result};
use serde::Serialize;
use skills::{Reading, Skill};
use store::{
    TenantTx, audit,
    skills::{self as rows, On, Written},
};
use utoipa::ToSchema;

use super::{
    archive::{self, Folder},
    by::By,
    check::{Draft, Remark, read_all, remarks},
    sent::{Bundle, Items, MAX_SKILLS, NewSkill, parse_key},
    work::{look, target, write},
};
use crate::{extract::nul_field, idempotent::Answer, routes::entities::reasons};

/// Largest item of a list, in bytes.
const MAX_ITEM: usize = 2 * 1024 * 1024;
/// Most remarks that are given about one skill.
const MAX_REMARKS: usize = 20;
/// Most reasons that are given for the refusal of all.
const MAX_REFUSALS: usize = 200;

/// What came of a skill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ImportStatus)]
pub enum Status {
    Created,
    Updated,
    /// It stood there already, byte for byte.
    Unchanged,
    Error,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ImportedSkill {
    /// Where it stands in the request: `[3]` of a list, the path of an archive.
    place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Remark>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Remark>,
}

/// A result for each skill, in the order of the request.
#[derive(Serialize, ToSchema)]
pub struct Imported {
    data: Vec<ImportedSkill>,
}

/// A skill of the request, or why it is none.
struct Item {
    place: String,
    key: Option<String>,
    /// None: it has problems.
    draft: Option<Draft>,
    problems: Vec<Remark>,
    warnings: Vec<Remark>,
}

impl Item {
    fn new(place: String, key: Option<String>, draft: std::result::Result<Draft, Vec<Remark>>) -> Self {
        match draft {
            Ok(draft) => Self { place, key, draft: Some(draft), problems: Vec::new(), warnings: Vec::new() },
            Err(problems) => Self { place, key, draft: None, problems, warnings: Vec::new() },
        }
    }
}

/// An item that was read.
pub struct Candidate {
    place: String,
    key: Option<String>,
    good: std::result::Result<(Draft, Skill), Vec<Remark>>,
    warnings: Vec<Remark>,
}

/// What the request holds, each skill read.
pub async fn candidates(by: &By, bundle: Bundle) -> Result<Vec<Candidate>> {
    let open = move || if bundle.zip { of_archive(&bundle.bytes) } else { of_list(&bundle.bytes) };
    // To unpack may take a while, which nobody else is to wait for.
    let mut items = tokio::task::spawn_blocking(open).await.map_err(Error::internal)??;
    let drafts = items.iter_mut().filter_map(|item| item.draft.take()).collect();
    let mut readings = read_all(by.door(), drafts).await?.into_iter();
    let mut seen = BTreeSet::new();
    items
        .into_iter()
        .map(|Item { place, key, problems, mut warnings, .. }| {
            let again = key.clone().is_some_and(|key| !seen.insert(key));
            if !problems.is_empty() {
                return Ok(Candidate { place, key, good: Err(problems), warnings });
            }
            let (draft, reading) =
                readings.next().ok_or_else(|| Error::internal("a draft without a reading"))?;
            let (good, found) = judge(draft, reading, again);
            warnings.extend(found);
            warnings.truncate(MAX_REMARKS);
            Ok(Candidate { place, key, good, warnings })
        })
        .collect()
}

type Judged = (std::result::Result<(Draft, Skill), Vec<Remark>>, Vec<Remark>);

fn judge(draft: Draft, reading: Reading, again: bool) -> Judged {
    let warnings = remarks(reading.report.warnings);
    let mut errors = remarks(reading.report.errors);
    if again {
        errors.push(Remark::new("key", "stands in the request twice"));
    }
    errors.truncate(MAX_REMARKS);
    match reading.skill {
        Some(skill) if errors.is_empty() => (Ok((draft, skill)), warnings),
        _ => (Err(errors), warnings),
    }
}

fn of_archive(bytes: &[u8]) -> Result<Vec<Item>> {
    let folders = archive::folders(bytes)?;
    if folders.len() > MAX_SKILLS {
        return Err(Error::field("", format!("an import has at most {MAX_SKILLS} skills")));
    }
    let item = |Folder { path, key, document, files, mut problems, mut warnings }: Folder| {
        problems.truncate(MAX_REMARKS);
        warnings.truncate(MAX_REMARKS);
        let name = (!key.is_empty()).then(|| key.clone());
        let draft = match parse_key(&key) {
            Ok(key) if problems.is_empty() => Ok(Draft { key, document, files, keeps_files: false }),
            Err(error) if problems.is_empty() => Err(about(error)),
            _ => Err(problems),
        };
        Item { warnings, ..Item::new(path, name, draft) }
    };
    Ok(folders.into_iter().map(item).collect())
}

fn of_list(bytes: &[u8]) -> Result<Vec<Item>> {
    let Items(items) = serde_json::from_slice(bytes).map_err(|error| {
        let words = error.to_string();
        Error::field("", format!("the body is no list of skills: {words}"))
    })?;
    let item = |(i, raw): (usize, Box<serde_json::value::RawValue>)| {
        let place = format!("[{i}]");
        match of_json(raw.get()) {
            Ok((key, draft)) => Item::new(place, Some(key), draft),
            Err(error) => Item::new(place, None, Err(about(error))),
        }
    };
    Ok(items.into_iter().enumerate().map(item).collect())
}

/// An item of a list, with its key as it was sent.
fn of_json(raw: &str) -> Result<(String, std::result::Result<Draft, Vec<Remark>>)> {
    if raw.len() > MAX_ITEM {
        return Err(Error::field("", format!("has {} bytes, and {MAX_ITEM} is the most", raw.len())));
    }
    if let Some(field) = nul_field(raw.as_bytes()) {
        return Err(Error::field(field, "holds the character U+0000, which cannot be stored"));
    }
    if !raw.starts_with('{') {
        return Err(Error::field("", "must be a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(raw);
    let NewSkill { key, document, files } =
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = error.path().to_string();
            let field = if path == "." { String::new() } else { path };
            let words = error.into_inner().to_string();
            Error::field(field, words.split(" at line ").next().unwrap_or(&words))
        })?;
    let key = key.ok_or_else(|| Error::field("key", "is missing"))?;
    let draft =
        parse_key(&key).map_err(about).map(|key| Draft { key, document, files: files.0, keeps_files: false });
    Ok((key, draft))
}

/// Why something was refused, as remarks.
fn about(error: Error) -> Vec<Remark> {
    reasons(error).into_iter().map(|FieldError { field, error }| Remark::new(field, error)).collect()
}

/// Writes what is good. With `together`, one refusal refuses them all.
pub async fn store(by: &By, tx: &mut TenantTx, candidates: &[Candidate], together: bool) -> Result<Answer> {
    let good = candidates.iter().filter_map(|candidate| candidate.good.as_ref().ok());
    let good: Vec<_> = good.map(|(draft, skill)| (draft, skill)).collect();
    let mut reports = look(by, tx, &good).await?.into_iter();
    let mut data = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let Candidate { place, key, good, warnings } = candidate;
        let mut result = ImportedSkill {
            place: place.clone(),
            key: key.clone(),
            status: Status::Error,
            version: None,
            errors: Vec::new(),
            warnings: warnings.clone(),
        };
        match good {
            Err(errors) => result.errors.clone_from(errors),
            Ok((draft, skill)) => {
                let report = reports.next().unwrap_or_default();
                match write(tx, (draft, skill), report, On::Seen(None)).await {
                    Ok((written, more)) => {
                        result.warnings.extend(more);
                        result.warnings.truncate(MAX_REMARKS);
                        record(by, tx, draft.key.as_str(), written).await?;
                        result.status = status(written);
                        result.version = Some(written.version());
                    }
                    Err(refusal @ (Error::Conflict { .. } | Error::Invalid { .. })) => {
                        result.errors = about(refusal);
                    }
                    Err(other) => return Err(other),
                }
            }
        }
        data.push(result);
    }
    let refused: Vec<FieldError> = data.iter().flat_map(refusals).take(MAX_REFUSALS).collect();
    if together && !refused.is_empty() {
        return Err(Error::fields(refused));
    }
    Answer::plain(&Imported { data })
}

fn refusals(result: &ImportedSkill) -> impl Iterator<Item = FieldError> {
    result.errors.iter().cloned().map(|remark| {
        let FieldError { field, error } = remark.field_error();
        let dot = if field.is_empty() { "" } else { ": " };
        FieldError { field: format!("{}{dot}{field}", result.place), error }
    })
}

fn status(written: Written) -> Status {
    match written {
        Written::Created(_) => Status::Created,
        Written::Updated(_) => Status::Updated,
        Written::Unchanged(_) => Status::Unchanged,
    }
}

/// What was written, in the audit trail.
pub async fn record(by: &By, tx: &mut TenantTx, key: &str, written: rows::Written) -> Result<()> {
    let action = match written {
        Written::Created(_) => "skill.create",
        Written::Updated(_) => "skill.update",
        Written::Unchanged(_) => return Ok(()),
    };
    let (target, detail) = (target(key), format!("version {}", written.version()));
    audit::record(tx, &[by.did(action).on(&target).saying(&detail)]).await
}
