//! Skills in folders.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

use skills::{
    Files, Finding, Key, Report, Skill,
    compile::Links,
    files::{check_path, is_hidden},
    key::{LIBRARY, PLATFORM_REFERENCES},
    limits,
    plan::beside,
};

use super::output::Checked;

/// How deep folders are looked through.
const MAX_DEPTH: usize = 12;
/// Most skills of one call.
const MOST: usize = 10_000;

/// The SKILL.md files at and below a path, in the order of their names; that of the library of documents need not be
/// there. Links are not followed.
pub(super) fn find(path: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if fs::metadata(path)?.is_dir() {
        return walk(path, 0, found);
    }
    found.push(path.to_owned());
    Ok(())
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    found.extend(document(folder));
    if found.len() > MOST || depth > MAX_DEPTH {
        return Err(io::Error::other(format!("more than {MOST} skills, or {MAX_DEPTH} folders deep")));
    }
    for path in children(folder)? {
        let hidden = name(&path).starts_with('.');
        if !hidden && fs::symlink_metadata(&path)?.is_dir() {
            walk(&path, depth + 1, found)?;
        }
    }
    Ok(())
}

/// The document that makes the folder a skill's, or that the library may have.
fn document(folder: &Path) -> Option<PathBuf> {
    if name(folder) == PLATFORM_REFERENCES {
        let document = || own_document(folder).unwrap_or_else(|| folder.join("SKILL.md"));
        return is_library(folder).then(document);
    }
    own_document(folder)
}

fn own_document(folder: &Path) -> Option<PathBuf> {
    ["SKILL.md", "skill.md"]
        .into_iter()
        .map(|name| folder.join(name))
        .find(|path| path.symlink_metadata().is_ok())
}

/// Whether a folder of this name is the library. Inside of another skill's folder it holds companions of that skill.
fn is_library(folder: &Path) -> bool {
    let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let mut above = whole.ancestors().skip(1);
    above.all(|folder| own_document(folder).is_none() && name(folder) != PLATFORM_REFERENCES)
}

fn children(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Reads skills and checks each, then where they lead beside each other.
pub(super) fn check_all(documents: &[PathBuf]) -> io::Result<Vec<Checked>> {
    let mut checked = documents.iter().map(|document| check(document)).collect::<io::Result<Vec<_>>>()?;
    let skills: Vec<&Skill> = checked.iter().filter_map(|checked| checked.skill.as_ref()).collect();
    let reports = beside(&skills, &Links::new());
    for (checked, report) in checked.iter_mut().filter(|checked| checked.skill.is_some()).zip(reports) {
        checked.report.append(report);
    }
    Ok(checked)
}

/// Reads one skill with what lies beside it, and checks it.
pub(super) fn check(document: &Path) -> io::Result<Checked> {
    let in_folder = name(document).eq_ignore_ascii_case("skill.md");
    let key = if in_folder {
        // The folder's own name, where the path is `.` or a file alone.
        let folder = document.parent().filter(|folder| !folder.as_os_str().is_empty());
        name(&fs::canonicalize(folder.unwrap_or(Path::new(".")))?)
    } else {
        document.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    };
    let mut checked = Checked { path: document.to_owned(), key, ..Checked::default() };
    if let Some(folder) = document.parent().filter(|_| in_folder) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        companions(folder, "", &mut checked.files, &mut checked.report)?;
    }
    if checked.key == PLATFORM_REFERENCES {
        if checked.files.is_empty() {
            checked.report.error(Finding::new("", "has no documents"));
        }
        if document.symlink_metadata().is_err() {
            checked.read(LIBRARY.to_owned());
            return Ok(checked);
        }
    }
    let report = &mut checked.report;
    if !fs::symlink_metadata(document)?.is_file() {
        report.error(Finding::new("", "is a link or no file, and is not read"));
        return Ok(checked);
    }
    match read(document, limits::DOCUMENT)? {
        Content::Text(text) => checked.read(text),
        Content::NoText => report.error(Finding::new("", "is not UTF-8 text")),
        Content::Long => report.error(Finding::new("", format!("has more than {} bytes", limits::DOCUMENT))),
    }
    Ok(checked)
}

impl Checked {
    fn read(&mut self, text: String) {
        // A bad name of the folder is no reason to say nothing of the rest.
        let key = self.key.parse::<Key>().inspect(|key| self.key = key.to_string()).or_else(|why| {
            let problem = format!("the folder's name `{}` is no key: {why}", self.key);
            self.report.error(Finding::new("key", problem));
            "unnamed".parse::<Key>()
        });
        if let Ok(key) = key {
            let reading = skills::read(&key, &text, &self.files);
            self.report.append(reading.report);
            self.skill = reading.skill;
        }
        self.document = text;
    }
}

/// Takes in what lies in a skill's folder, other skills aside.
fn companions(folder: &Path, at: &str, files: &mut Files, report: &mut Report) -> io::Result<()> {
    for path in children(folder)? {
        let inside = if at.is_empty() { name(&path) } else { format!("{at}/{}", name(&path)) };
        let kind = fs::symlink_metadata(&path)?.file_type();
        if at.is_empty() && name(&path).eq_ignore_ascii_case("skill.md") {
            continue;
        }
        if kind.is_symlink() {
            report.error(Finding::new(inside, "is a link, and links are not taken"));
        } else if kind.is_dir() && name(&path).starts_with('.') {
            report.warn(Finding::new(inside, "is a hidden folder, and is left behind"));
        } else if kind.is_dir() {
            if self::document(&path).is_none() && inside.split('/').count() <= limits::FOLDERS + 1 {
                companions(&path, &inside, files, report)?;
            }
        } else if !kind.is_file() {
            report.error(Finding::new(inside, "is no file"));
        } else if is_hidden(&name(&path)) {
            report.warn(Finding::new(inside, "is a hidden file, and is left behind"));
        } else if let Err(problem) = check_path(&inside) {
            report.error(Finding::new(inside, problem));
        } else if files.len() <= limits::FILES {
            companion(&path, inside, files, report)?;
        }
    }
    Ok(())
}

fn companion(path: &Path, inside: String, files: &mut Files, report: &mut Report) -> io::Result<()> {
    match read(path, limits::FILE)? {
        Content::Text(text) if !text.contains('\0') => drop(files.insert(inside, text)),
        Content::Text(_) | Content::NoText => {
            report.warn(Finding::new(inside, "is not UTF-8 text, and is left behind"));
        }
        Content::Long => report.error(Finding::new(inside, format!("has more than {} bytes", limits::FILE))),
    }
    Ok(())
}

/// What a file holds.
enum Content {
    Text(String),
    NoText,
    /// Text, of more bytes than may be.
    Long,
}

/// A file's content, of which no more is read than there may be.
fn read(path: &Path, most: usize) -> io::Result<Content> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(most as u64 + 1).read_to_end(&mut bytes)?;
    let is_long = bytes.len() > most;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        // The last letter may have been cut in two.
        Err(error) if is_long && error.utf8_error().error_len().is_none() => return Ok(Content::Long),
        Err(_) => return Ok(Content::NoText),
    };
    Ok(match is_long {
        true if text.contains('\0') => Content::NoText,
        true => Content::Long,
        false => Content::Text(text),
    })
}
