//! A skill on its way to other programs: in the open Agent Skills format, with its companions.

use std::io::Write as _;

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use domain::{Error, Result};
use flate2::{Compression, write::DeflateEncoder};
use rawzip::{CompressionMethod, ZipArchiveWriter};
use serde::Serialize;
use skills::{Files, Key, export_open};
use store::skills as rows;
use utoipa::ToSchema;

use super::{
    by::By,
    check::{Remark, remarks},
};
use crate::{negotiate::Zipped, problem::Result as Answered, routes::url_segment};

/// The mode of a file that everybody may read.
const MODE: u32 = 0o100_644;

/// A skill in the open format: its folder is called like its key.
#[derive(Serialize, ToSchema)]
pub struct ExportedSkill {
    key: String,
    version: i64,
    /// SKILL.md.
    document: String,
    /// Companion documents by their path inside the folder.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    files: Files,
    /// What the open format cannot say, and what was made of it.
    warnings: Vec<Remark>,
}

pub async fn export(by: &By, key: &str, Zipped(zipped): Zipped) -> Answered<Response> {
    let (version, content) = by
        .tx(async |tx, may| {
            let version = rows::find(tx, key).await?.version;
            may?;
            Ok((version, rows::document(tx, key, version).await?))
        })
        .await?;
    let name: Key = key.parse().map_err(|_| Error::NotFound)?;
    let open = tokio::task::spawn_blocking(move || open(&name, version, &content.document, content.files));
    let exported = open.await.map_err(Error::internal)??;
    let mut response = if zipped {
        let named = file_name(key);
        let headers = [(header::CONTENT_TYPE, "application/zip"), (header::CONTENT_DISPOSITION, &named)];
        (headers, archive(&exported).map_err(Error::internal)?).into_response()
    } else {
        Json(exported).into_response()
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// What the archive is to be called: the older form of the header has no letters beyond ASCII.
fn file_name(key: &str) -> String {
    if key.is_ascii() {
        return format!("attachment; filename=\"{key}.zip\"");
    }
    format!("attachment; filename=\"skill.zip\"; filename*=UTF-8''{}.zip", url_segment(key))
}

fn open(key: &Key, version: i64, document: &str, files: Files) -> Result<ExportedSkill> {
    let skill = skills::read(key, document, &files).skill;
    let skill = skill.ok_or_else(|| Error::internal("a stored skill cannot be read"))?;
    let (document, report) = export_open(&skill);
    if let Some(error) = report.errors.first() {
        let detail = format!("the open format cannot hold this skill: {} {}", error.field, error.problem);
        return Err(Error::conflict("not_exportable", detail));
    }
    Ok(ExportedSkill { key: key.to_string(), version, document, files, warnings: remarks(report.warnings) })
}

/// The folder as a zip archive.
fn archive(skill: &ExportedSkill) -> std::result::Result<Vec<u8>, rawzip::Error> {
    let mut writer = ZipArchiveWriter::new(Vec::new());
    let document = std::iter::once(("SKILL.md", &skill.document));
    for (path, content) in document.chain(skill.files.iter().map(|(path, content)| (path.as_str(), content)))
    {
        let place = format!("{}/{path}", skill.key);
        let file = writer.new_file(&place).unix_permissions(MODE);
        let (mut entry, config) = file.compression_method(CompressionMethod::DEFLATE).start()?;
        let mut data = config.wrap(DeflateEncoder::new(&mut entry, Compression::default()));
        data.write_all(content.as_bytes())?;
        let (encoder, end) = data.finish()?;
        encoder.finish()?;
        entry.finish(end)?;
    }
    writer.finish()
}
