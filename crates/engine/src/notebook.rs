//! Edits of a memory document: Markdown with one fact a line, under headings.

use std::fmt;

use domain::memory::{LineChange, MAX_CHARS};

/// Two lines that share this part of their words say the same.
const SAME: f64 = 0.8;

/// Why an edit cannot be made. Shown, it speaks to the model; see [`Refusal::to_person`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This line says so already.
    Known(String),
    Absent,
    /// The passage occurs so often.
    Ambiguous(usize),
    /// The document would have so many characters.
    Full(usize),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Known(line) => {
                write!(f, "The document says so already: {line:?}. To change it, use memory_replace.")
            }
            Refusal::Absent => {
                f.write_str("The document has no such passage. Read it in the prompt and quote it exactly.")
            }
            Refusal::Ambiguous(n) => {
                write!(f, "The passage occurs {n} times. Quote more around the one you mean.")
            }
            Refusal::Full(size) => write!(
                f,
                "The document would have {size} characters, and {MAX_CHARS} is the most. Condense it with \
                 memory_replace first: merge lines that belong together, drop what is out of date."
            ),
        }
    }
}

impl Refusal {
    /// The same for a person who is to decide about the edit.
    pub fn to_person(&self) -> String {
        match self {
            Refusal::Known(line) => format!("the document says so already: {line:?}"),
            Refusal::Absent => "the document does not have the passage that is to be replaced".into(),
            Refusal::Ambiguous(n) => {
                format!("the passage that is to be replaced occurs {n} times in the document")
            }
            Refusal::Full(size) => {
                format!("the document would have {size} characters, and {MAX_CHARS} is the most")
            }
        }
    }
}

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
    let section = new[..head].iter().rfind(|line| line.starts_with('#')).map(ToString::to_string);
    LineChange { section, removed: lines(&old), added: lines(&new) }
}

/// Adds a line under a heading. Returns the new document and what was added.
pub fn append(document: &str, section: &str, text: &str) -> Result<(String, String), Refusal> {
    let section = one_line(section.trim_start_matches('#'));
    let line = format!("- {}", one_line(text.trim_start().trim_start_matches("- ")));
    if let Some(known) = similar(document, &line) {
        return Err(Refusal::Known(known.to_owned()));
    }
    let heading = format!("## {section}");
    let mut lines: Vec<&str> = document.lines().collect();
    if let Some(at) = lines.iter().position(|l| l.trim_end().eq_ignore_ascii_case(&heading)) {
        lines.insert(end_of_section(&lines, at), &line);
    } else {
        if !lines.is_empty() {
            lines.push("");
        }
        lines.extend([heading.as_str(), &line]);
    }
    fits(&lines.join("\n")).map(|document| (document, format!("{heading}\n{line}")))
}

/// Replaces a passage that occurs exactly once.
pub fn replace(document: &str, old: &str, new: &str) -> Result<String, Refusal> {
    match document.matches(old).count() {
        0 => Err(Refusal::Absent),
        1 => fits(document.replacen(old, new, 1).trim_end()),
        n => Err(Refusal::Ambiguous(n)),
    }
}

/// The text without characters that a reader cannot see: invisible and
/// bidirectional controls hide instructions from the person who checks.
pub fn visible(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || *c == '\t' || !(c.is_control() || is_invisible(*c))).collect()
}

fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

fn one_line(text: &str) -> String {
    visible(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where a line is inserted so that it ends the section which begins at `heading`.
fn end_of_section(lines: &[&str], heading: usize) -> usize {
    let next = lines[heading + 1..].iter().position(|l| l.starts_with('#'));
    let mut end = next.map_or(lines.len(), |offset| heading + 1 + offset);
    while end > heading + 1 && lines[end - 1].trim().is_empty() {
        end -= 1;
    }
    end
}

fn fits(document: &str) -> Result<String, Refusal> {
    let size = document.chars().count();
    if size <= MAX_CHARS {
        return Ok(document.to_owned());
    }
    Err(Refusal::Full(size))
}

/// A line of the document that says nearly the same.
fn similar<'d>(document: &'d str, line: &str) -> Option<&'d str> {
    let words = words(line);
    document.lines().filter(|l| !l.starts_with('#')).find(|known| {
        let known = self::words(known);
        let shared = words.iter().filter(|word| known.contains(word)).count();
        let all = words.len() + known.len() - shared;
        // The number is the same or it is another fact: "14 days" and "30 days" share most words.
        all > 0 && ratio(shared, all) >= SAME && numbers(&words) == numbers(&known)
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts of words on one line")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = line
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn numbers(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).filter(|word| word.chars().any(|c| c.is_ascii_digit())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "# Alice\n\n## Preferences\n- Short answers\n\n## People\n- Dana signs at Acme";

    #[test]
    fn a_line_joins_its_section() {
        let (document, added) = append(DOCUMENT, "preferences", "Prices in EUR").expect("an edit");
        assert_eq!(
            document,
            "# Alice\n\n## Preferences\n- Short answers\n- Prices in EUR\n\n## People\n- Dana signs at Acme"
        );
        assert_eq!(added, "## preferences\n- Prices in EUR");
    }

    #[test]
    fn a_missing_section_is_added_at_the_end() {
        assert_eq!(append("", "Notes", "one\ntwo").expect("an edit").0, "## Notes\n- one two");
        assert!(append(DOCUMENT, "Goals", "Win").expect("an edit").0.ends_with("Acme\n\n## Goals\n- Win"));
    }

    #[test]
    fn what_stands_there_already_is_refused_with_a_pointer() {
        let refusal = append(DOCUMENT, "Preferences", "short answers!").expect_err("a refusal");
        assert_eq!(refusal, Refusal::Known("- Short answers".into()));
        assert!(refusal.to_string().contains("memory_replace") && !refusal.to_person().contains("memory_"));
        let document = "## Rules\n- Call back within 14 days of a demo";
        append(document, "Rules", "Call back within 30 days of a demo").expect("another fact");
    }

    #[test]
    fn a_full_document_asks_to_be_condensed() {
        let full = format!("## Notes\n- {}", "x".repeat(MAX_CHARS - 20));
        let refusal =
            append(&full, "Notes", "one more fact that does not fit").expect_err("a refusal").to_string();
        assert!(refusal.contains("16000") && refusal.contains("Condense"), "{refusal}");
    }

    #[test]
    fn a_passage_is_replaced_only_if_it_is_unique() {
        assert!(
            replace(DOCUMENT, "Short answers", "Long answers").expect("an edit").contains("- Long answers")
        );
        assert_eq!(replace(DOCUMENT, "no such", "x"), Err(Refusal::Absent));
        assert_eq!(replace(DOCUMENT, "- ", "x"), Err(Refusal::Ambiguous(2)));
    }

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
        assert_eq!(change(append("Goals", "Win")), told("## People", "", "|## Goals|- Win"));
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

    #[test]
    fn invisible_characters_are_dropped() {
        assert_eq!(visible("a\u{200B}b\u{202E}c\u{E0041}\n\td\u{7}"), "abc\n\td");
        let (document, _) = append("", "N\u{200D}otes", "x\u{2066}y").expect("an edit");
        assert_eq!(document, "## Notes\n- xy");
    }
}
