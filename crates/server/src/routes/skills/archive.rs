//! A folder of skills as a zip archive. Nothing of it touches a disk; what could lead out of the
//! folder, or be more than it seems, refuses the whole archive.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
};

use domain::{Error, Result};
use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive};
use skills::{
    Files, Key,
    files::is_hidden,
    key::{LIBRARY, PLATFORM_REFERENCES},
};

use super::check::Remark;

/// Most entries, folders among them.
const MAX_ENTRIES: u64 = 1_000;
/// Most bytes of all files together, unpacked.
const MAX_UNPACKED: usize = 16 * 1024 * 1024;
/// The document that makes a folder a skill, by either name.
const DOCUMENTS: [&str; 2] = ["SKILL.md", "skill.md"];

/// What a Unix mode says of the type of a file.
const FILE_TYPE: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// A skill's folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// Its path in the archive; of a file outside of all folders, the file's.
    pub path: String,
    /// Its last name, which is the skill's key.
    pub key: String,
    pub document: String,
    pub files: Files,
    /// Why it cannot be a skill.
    pub problems: Vec<Remark>,
    /// What was left behind.
    pub warnings: Vec<Remark>,
}

/// The skills of an archive, in the order of their paths.
pub fn folders(archive: &[u8]) -> Result<Vec<Folder>> {
    Ok(sort(unpack(archive)?))
}

fn refuse<T>(name: &str, error: impl Into<String>) -> Result<T> {
    Err(Error::field(name, error))
}

/// Files by their path.
fn unpack(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
    let broken = |_| Error::field("", "is not a zip archive, or a broken one");
    let archive = ZipArchive::from_slice(bytes).map_err(broken)?;
    let many = || Error::field("", format!("has more than {MAX_ENTRIES} entries"));
    if archive.entries_hint() > MAX_ENTRIES {
        return Err(many());
    }
    let (mut files, mut places, mut count, mut room) = (BTreeMap::new(), Vec::new(), 0, MAX_UNPACKED);
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(broken)? {
        count += 1;
        if count > MAX_ENTRIES {
            return Err(many());
        }
        let Some(name) = name(&entry)? else { continue };
        let content = content(&archive, &entry, &name, room, &mut places)?;
        room -= content.len();
        if files.contains_key(&name) {
            return refuse(&name, "stands in the archive twice");
        }
        files.insert(name, content);
    }
    if count != archive.entries_hint() {
        return refuse("", "is not a zip archive, or a broken one");
    }
    Ok(files)
}

/// The path of a file. None: it is a folder, or what an operating system adds by itself.
fn name(entry: &ZipFileHeaderRecord<'_>) -> Result<Option<String>> {
    let path = entry.file_path();
    let Ok(name) = str::from_utf8(path.as_bytes()) else {
        return refuse(&String::from_utf8_lossy(path.as_bytes()), "is a name that is not UTF-8");
    };
    let folder = name.ends_with('/');
    let inside = name.strip_suffix('/').unwrap_or(name);
    let leads_out = inside.split('/').any(|part| ["", ".", ".."].contains(&part));
    if leads_out || inside.contains(['\\', ':']) || inside.contains(char::is_control) {
        return refuse(name, "is not a path inside the archive");
    }
    let kind = entry.mode().value() & FILE_TYPE;
    if ![0, FILE, FOLDER].contains(&kind) {
        return refuse(name, "is a link or a device, and not a file");
    }
    let added = inside.starts_with("__MACOSX/") || inside.rsplit('/').next() == Some(".DS_Store");
    Ok((!folder && !added).then(|| name.to_owned()))
}

/// A file's bytes, of which there may be `room`. No two files share theirs.
fn content(
    archive: &ZipSliceArchive<&[u8]>,
    entry: &ZipFileHeaderRecord<'_>,
    name: &str,
    room: usize,
    places: &mut Vec<(u64, u64)>,
) -> Result<Vec<u8>> {
    let broken = |_| Error::field(name, "is broken in the archive");
    if entry.flags().is_encrypted() {
        return refuse(name, "is encrypted");
    }
    let packed = archive.get_entry(entry.wayfinder()).map_err(broken)?;
    let (begin, end) = packed.compressed_data_range();
    if places.iter().any(|(from, to)| begin < *to && *from < end) {
        return refuse(name, "shares its bytes with another file");
    }
    places.push((begin, end));
    let unpacked: Box<dyn Read + '_> = match entry.compression_method() {
        CompressionMethod::STORE => Box::new(packed.data()),
        CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(packed.data())),
        other => return refuse(name, format!("is packed by method {other}; use deflate, or none")),
    };
    let mut content = Vec::new();
    let most = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
    let read = packed.verifying_reader(unpacked).take(most).read_to_end(&mut content);
    if content.len() > room {
        return refuse(name, format!("unpacked, the files have more than {MAX_UNPACKED} bytes"));
    }
    match read {
        Ok(_) => Ok(content),
        Err(_) => refuse(name, "is broken in the archive"),
    }
}

/// Files by the folder that they belong to: the nearest one above them that is a skill's.
fn sort(files: BTreeMap<String, Vec<u8>>) -> Vec<Folder> {
    let roots = roots(&files);
    let mut folders: BTreeMap<String, Folder> =
        roots.iter().map(|root| (root.clone(), folder(root))).collect();
    for (path, content) in files {
        let root = parents(&path).find(|parent| roots.contains(*parent)).map(str::to_owned);
        let found = root.and_then(|root| folders.get_mut(&root).map(|folder| (root, folder)));
        if let Some((root, folder)) = found {
            let inside = path.strip_prefix(&root).map_or(path.as_str(), |rest| rest.trim_start_matches('/'));
            folder.take(inside, content);
        } else {
            let problems = vec![Remark::new("", format!("stands in no folder with a {}", DOCUMENTS[0]))];
            folders.insert(path.clone(), Folder { path, problems, ..Folder::default() });
        }
    }
    folders.values_mut().for_each(Folder::finish);
    folders.into_values().collect()
}

impl Folder {
    /// A library without documents would leave an organization without those that it has.
    fn finish(&mut self) {
        if self.key == PLATFORM_REFERENCES && self.files.is_empty() {
            self.problems.push(Remark::new("", "has no documents"));
        }
    }

    /// Takes a file in. What is no text stays behind, as it does where `sixty skills check` looks
    /// at the folder; the document has to be one.
    fn take(&mut self, inside: &str, content: Vec<u8>) {
        let document = DOCUMENTS.contains(&inside) && (self.document.is_empty() || self.document == LIBRARY);
        if inside.split('/').rev().skip(1).any(|part| part.starts_with('.')) {
            self.warnings.push(Remark::new(inside, "lies in a hidden folder, and is left behind"));
            return;
        }
        if is_hidden(inside.rsplit('/').next().unwrap_or_default()) {
            self.warnings.push(Remark::new(inside, "is a hidden file, and is left behind"));
            return;
        }
        match String::from_utf8(content).ok().filter(|text| !text.contains('\0')) {
            Some(text) if document => self.document = text,
            Some(text) => drop(self.files.insert(inside.to_owned(), text)),
            None if document => self.problems.push(Remark::new(inside, "is not UTF-8 text")),
            None => self.warnings.push(Remark::new(inside, "is not UTF-8 text, and is left behind")),
        }
    }
}

/// The folders above a path, the nearest one first; the last is the archive itself.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.rmatch_indices('/').map(|(at, _)| &path[..at]);
    ends.chain([""])
}

/// Folders with a document of a skill; and the library, which may have none. One of its name inside of another skill's
/// folder holds companions of that skill.
fn roots(files: &BTreeMap<String, Vec<u8>>) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for path in files.keys() {
        for (i, parent) in parents(path).enumerate() {
            let document = i == 0 && path.rsplit('/').next().is_some_and(|name| DOCUMENTS.contains(&name));
            if document || is_library(parent) {
                named.insert(parent);
            }
        }
    }
    let mut roots = BTreeSet::new();
    // A folder comes before those in it.
    for root in named {
        let inside = || !root.is_empty() && parents(root).any(|parent| roots.contains(parent));
        if !is_library(root) || !inside() {
            roots.insert(root.to_owned());
        }
    }
    roots
}

fn is_library(folder: &str) -> bool {
    folder.rsplit('/').next() == Some(PLATFORM_REFERENCES)
}

fn folder(root: &str) -> Folder {
    let name = root.rsplit('/').next().unwrap_or_default();
    let key = name.parse().map_or_else(|_| name.to_owned(), |key: Key| key.to_string());
    let mut problems = Vec::new();
    if root.is_empty() {
        let error = format!("{} stands in no folder, whose name would be the skill's key", DOCUMENTS[0]);
        problems.push(Remark::new("", error));
    }
    let document = if is_library(root) { LIBRARY.to_owned() } else { String::new() };
    Folder { path: root.to_owned(), key, document, problems, ..Folder::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(paths: &[&str]) -> Vec<(String, String, Vec<String>, usize)> {
        let files = paths.iter().map(|path| ((*path).to_owned(), path.as_bytes().to_vec())).collect();
        sort(files)
            .into_iter()
            .map(|it| (it.path, it.document, it.files.into_keys().collect(), it.problems.len()))
            .collect()
    }

    fn of(
        path: &str,
        document: &str,
        files: &[&str],
        problems: usize,
    ) -> (String, String, Vec<String>, usize) {
        (path.into(), document.into(), files.iter().map(|file| (*file).to_owned()).collect(), problems)
    }

    #[test]
    fn a_file_belongs_to_the_nearest_folder_of_a_skill() {
        assert_eq!(
            sorted(&["x/a/SKILL.md", "x/a/references/b.md", "x/ab/SKILL.md", "x/README.md"]),
            [
                of("x/README.md", "", &[], 1),
                of("x/a", "x/a/SKILL.md", &["references/b.md"], 0),
                of("x/ab", "x/ab/SKILL.md", &[], 0),
            ]
        );
        assert_eq!(
            sorted(&["a/SKILL.md", "a/b/SKILL.md", "a/b/c.md"]),
            [of("a", "a/SKILL.md", &[], 0), of("a/b", "a/b/SKILL.md", &["c.md"], 0)]
        );
    }

    #[test]
    fn a_document_in_no_folder_has_no_key_and_the_library_needs_no_document() {
        assert_eq!(sorted(&["a/skill.md"]), [of("a", "a/skill.md", &[], 0)]);
        assert_eq!(sorted(&["a/SKILL.md", "a/.git/c", "a/.gitignore"]), [of("a", "a/SKILL.md", &[], 0)]);
        assert_eq!(sorted(&["SKILL.md", "b.md"]), [of("", "SKILL.md", &["b.md"], 1)]);
        assert_eq!(
            sorted(&["x/_platform-references/b.md"]),
            [of("x/_platform-references", LIBRARY, &["b.md"], 0)]
        );
    }

    #[test]
    fn what_is_called_like_the_library_inside_of_a_skill_holds_companions_of_that() {
        for file in ["a/_platform-references/b.md", "a/x/_platform-references/SKILL.md"] {
            let inside = file.strip_prefix("a/").expect("a path in a");
            assert_eq!(sorted(&["a/SKILL.md", file]), [of("a", "a/SKILL.md", &[inside], 0)]);
        }
        assert_eq!(
            sorted(&["_platform-references/_platform-references/b.md"]),
            [of("_platform-references", LIBRARY, &["_platform-references/b.md"], 0)]
        );
    }

    #[test]
    fn a_library_without_documents_is_refused() {
        assert_eq!(
            sorted(&["_platform-references/a/SKILL.md"]),
            [
                of("_platform-references", LIBRARY, &[], 1),
                of("_platform-references/a", "_platform-references/a/SKILL.md", &[], 0)
            ]
        );
        let own = "_platform-references/SKILL.md";
        assert_eq!(sorted(&[own]), [of("_platform-references", own, &[], 1)]);
    }

    #[test]
    fn what_is_no_archive_is_refused_wherever_it_breaks_off() {
        let mut writer = rawzip::ZipArchiveWriter::new(Vec::new());
        let (mut entry, config) = writer.new_file("a/SKILL.md").start().expect("an entry");
        let mut data = config.wrap(&mut entry);
        std::io::Write::write_all(&mut data, b"some text").expect("data");
        let (_, end) = data.finish().expect("an end");
        entry.finish(end).expect("an entry");
        let whole = writer.finish().expect("an archive");
        assert_eq!(folders(&whole).expect("folders")[0].document, "some text");
        for end in 0..whole.len() {
            folders(&whole[..end]).expect_err("half an archive");
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x55;
            // Whatever it is now: no panic, and no other text under the same name.
            if let Ok(folders) = folders(&changed)
                && let Some(same) = folders.iter().find(|folder| folder.key == "a")
            {
                assert!(same.document == "some text" || !same.problems.is_empty(), "{at}: {same:?}");
            }
        }
    }
}
