//! An edit as a value, and what it changes.

use domain::memory::LineChange;

use super::{Refusal, append, replace, visible};

/// An edit of a document.
#[derive(Clone, Copy, Debug)]
pub enum Edit<'a> {
    /// Adds a line under a heading.
    Append { section: &'a str, text: &'a str },
    /// Puts a passage in the place of another.
    Replace { old: &'a str, new: &'a str },
}

impl Edit<'_> {
    /// The words that it would add.
    pub fn new_text(&self) -> &str {
        match self {
            Edit::Append { text, .. } => text,
            Edit::Replace { new, .. } => new,
        }
    }

    /// Makes the edit. Returns the new document and, where the rest stays
    /// untouched, what was added to it.
    pub fn apply(&self, document: &str) -> Result<(String, Option<String>), Refusal> {
        match self {
            Edit::Append { section, text } => {
                append(document, section, text).map(|(document, added)| (document, Some(added)))
            }
            Edit::Replace { old, new } => {
                replace(document, old, &visible(new)).map(|document| (document, None))
            }
        }
    }
}

/// The lines in which two versions of a document differ: those between the lines
/// that both begin with and those that both end with.
pub fn line_change(before: &str, after: &str) -> LineChange {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = rest.take_while(|(a, b)| a == b).count();
    let lines = |lines: &[&str]| lines[head..lines.len() - tail].iter().map(ToString::to_string).collect();
    let is_heading = |line: &&&str| line.starts_with('#');
    let (removed, added): (Vec<String>, Vec<String>) = (lines(&old), lines(&new));
    // A section that is added is its own place.
    let begun = new[head..new.len() - tail].iter().find(|line| !line.trim().is_empty()).filter(is_heading);
    let section = begun.or_else(|| new[..head].iter().rfind(is_heading)).map(ToString::to_string);
    LineChange { section, removed, added }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "# Alice\n\n## Preferences\n- Short answers\n\n## People\n- Dana signs at Acme";

    #[test]
    fn a_change_is_told_in_whole_lines() {
        let change = |edit: Edit<'_>| {
            let (after, _) = edit.apply(DOCUMENT).expect("an edit");
            let LineChange { section, removed, added } = line_change(DOCUMENT, &after);
            (section.unwrap_or_default(), removed.join("|"), added.join("|"))
        };
        let told = |section: &str, removed: &str, added: &str| {
            (section.to_owned(), removed.to_owned(), added.to_owned())
        };
        let append = |section, text| Edit::Append { section, text };
        let replace = |old, new| Edit::Replace { old, new };
        assert_eq!(change(append("people", "Kim pays")), told("## People", "", "- Kim pays"));
        assert_eq!(change(append("Goals", "Win")), told("## Goals", "", "|## Goals|- Win"));
        assert_eq!(
            change(replace("Short", "Long")),
            told("## Preferences", "- Short answers", "- Long answers")
        );
        assert_eq!(change(replace("\n- Short answers", "")), told("## Preferences", "- Short answers", ""));
        assert_eq!(change(replace(DOCUMENT, "")), told("", &DOCUMENT.replace('\n', "|"), ""));
        // What repeats is not counted twice.
        assert_eq!(line_change("a\na", "a\na\na").added, ["a"]);
        assert_eq!(line_change("", ""), LineChange { section: None, removed: vec![], added: vec![] });
    }
}
