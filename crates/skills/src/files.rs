//! Companion documents: where one may lie, and how much there may be. Links are the business of
//! whoever walks a folder or an archive.

use crate::{Files, Finding, Report, limits};

/// Names that hold secrets, whatever stands in them.
const SECRET_NAMES: [&str; 4] = ["credentials", "credentials.json", "secrets.json", "htpasswd"];
/// The same with any ending.
const SECRET_STEMS: [&str; 4] = ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"];
/// Endings of files that hold keys.
const SECRET_ENDINGS: [&str; 9] = ["pem", "key", "p12", "pfx", "jks", "keystore", "ppk", "kdbx", "env"];
/// Names that Windows takes for devices.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Whether a document may be kept under this path. Err says why not.
pub fn check_path(path: &str) -> Result<(), String> {
    if path.is_empty() || path.len() > limits::PATH {
        return Err(format!("must have a path of 1 to {} bytes", limits::PATH));
    }
    if path.contains('\\') {
        return Err("must not have a backslash in its path".into());
    }
    if path.starts_with('/') || path.as_bytes().get(1) == Some(&b':') {
        return Err("must have a path inside of the skill's folder, not an absolute one".into());
    }
    if !path.chars().all(|c| domain::visible::is_visible(c) && c != '\n' && c != '\t') {
        return Err("has a character in its path that nobody can see".into());
    }
    let parts: Vec<&str> = path.split('/').collect();
    if parts.len() > limits::FOLDERS + 1 {
        return Err(format!("lies more than {} folders deep", limits::FOLDERS));
    }
    if path.eq_ignore_ascii_case("SKILL.md") {
        return Err("is the skill itself, and no companion of it".into());
    }
    parts.into_iter().try_for_each(check_part)
}

/// Whether a file of this name is hidden, and no file of secrets: what systems and tools leave in a folder.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with('.') && !is_secret(&name.to_lowercase())
}

fn is_secret(lower: &str) -> bool {
    lower == ".env" || lower.starts_with(".env.")
}

fn check_part(part: &str) -> Result<(), String> {
    if part == ".." {
        return Err("must not leave the skill's folder (`..`)".into());
    }
    if part.is_empty() || part == "." || part != part.trim() || part.ends_with('.') {
        return Err("has a path that is not written plainly".into());
    }
    let lower = part.to_lowercase();
    if is_secret(&lower) {
        return Err("is a file of secrets, and is not taken".into());
    }
    if lower.starts_with('.') {
        return Err("is a hidden file, and is not taken".into());
    }
    let (stem, ending) = lower.split_once('.').unwrap_or((&lower, ""));
    let last = lower.rsplit('.').next().filter(|_| !ending.is_empty()).unwrap_or_default();
    if SECRET_NAMES.contains(&lower.as_str())
        || SECRET_STEMS.contains(&stem)
        || SECRET_ENDINGS.contains(&last)
    {
        return Err("is a file of keys, and is not taken".into());
    }
    if DEVICES.contains(&stem) || part.contains(['<', '>', '"', '|', '?', '*', ':']) {
        return Err("has a name that not every system can have".into());
    }
    Ok(())
}

/// Checks all companions of a skill: paths, sizes, number, and what nobody can see in them.
pub fn check(files: &Files, report: &mut Report) {
    if files.len() > limits::FILES {
        let problem = format!("has {} companion documents, and {} is the most", files.len(), limits::FILES);
        report.error(Finding::new("files", problem));
        return;
    }
    let size: usize = files.values().map(String::len).sum();
    if size > limits::ALL_FILES {
        let problem = format!("have {size} bytes together, and {} is the most", limits::ALL_FILES);
        report.error(Finding::new("files", problem));
        return;
    }
    for (path, text) in files {
        if let Err(problem) = check_path(path) {
            let shown: String = path.chars().take(limits::PATH).collect();
            report.error(Finding::new(shown, problem));
        } else {
            check_text(path, text, report);
        }
    }
    same_but_for_case(files, report);
}

fn check_text(path: &str, text: &str, report: &mut Report) {
    if text.len() > limits::FILE {
        let problem = format!("has {} bytes, and {} is the most", text.len(), limits::FILE);
        report.error(Finding::new(path, problem));
    } else if let Some(at) = text.find('\0') {
        let finding = Finding::new(path, "has the character U+0000, which no text may have");
        report.error(finding.on_line(1 + text[..at].matches('\n').count()));
    } else {
        let shown = text.replace("\r\n", "\n");
        let hidden = shown.chars().filter(|c| !domain::visible::is_visible(*c)).count();
        if hidden > usize::from(shown.starts_with('\u{FEFF}')) {
            let problem = format!("has {hidden} characters that nobody can see; the model is not shown them");
            report.warn(Finding::new(path, problem));
        }
    }
}

/// Two paths that are one on many systems.
fn same_but_for_case(files: &Files, report: &mut Report) {
    let mut seen = std::collections::BTreeMap::new();
    for path in files.keys() {
        if let Some(first) = seen.insert(path.to_lowercase(), path) {
            let problem = format!("differs from {first} only by capital letters");
            report.error(Finding::new(path.clone(), problem));
        }
    }
}
