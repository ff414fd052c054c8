//! `@folder/document.md` at the beginning of a line.

use crate::{Key, key::PLATFORM_REFERENCES, template::Fence};

/// Longest path of a document.
const MAX_PATH: usize = 200;

/// What a sentence may end with behind a reference.
const STOPS: [char; 4] = ['.', ',', ';', ':'];

/// A document that is to stand in place of a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Include {
    /// The key of the skill whose document it is.
    pub folder: String,
    /// Its path inside the folder, with the ending.
    pub document: String,
}

/// The includes of a text, in their order. Code between fences has none.
pub fn includes(text: &str) -> Vec<Include> {
    let mut fence = Fence::default();
    let lines = text.lines().filter(|line| !fence.holds(line));
    lines.filter_map(|line| parse(line).map(|(include, _)| include)).collect()
}

/// The include that begins this line, and what follows it on the line.
///
/// Marks of quotation may stand before it. The platform's own documents may be written without
/// their ending; any other needs it, so that a line may begin with `@scope/package` or a name.
pub(super) fn parse(line: &str) -> Option<(Include, &str)> {
    let text = line.trim_start_matches([' ', '\t', '>']).strip_prefix('@')?;
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let reference = text[..end].trim_end_matches(STOPS);
    let rest = text[reference.len()..].trim_start_matches(STOPS);
    let (folder, document) = reference.split_once('/')?;
    let key = folder.parse::<Key>().ok()?;
    let is_open = folder == PLATFORM_REFERENCES && !document.contains('.');
    let document = if is_open { format!("{document}.md") } else { document.to_owned() };
    let known = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    let is_markdown = document.rsplit_once('.').is_some_and(|(_, ending)| ending == "md");
    let fits = is_markdown && document.len() <= MAX_PATH && document.chars().all(known);
    let stays = !document.split('/').any(|part| part.is_empty() || part == "." || part == "..");
    (fits && stays).then(|| (Include { folder: key.to_string(), document }, rest))
}
