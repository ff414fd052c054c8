//! Edits of a memory document: Markdown with one fact a line, under headings.

mod edit;
mod likeness;
mod refusal;

use domain::memory::MAX_CHARS;
pub use domain::visible::visible;

pub use edit::{Edit, line_change};
use likeness::Likeness;
pub use refusal::Refusal;

/// Adds facts under a heading, one for each line of the text. Returns the new
/// document and what was added.
pub fn append(document: &str, section: &str, text: &str) -> Result<(String, String), Refusal> {
    let section = one_line(section.trim_start_matches(['#', ' ']));
    if section.is_empty() {
        return Err(Refusal::Nameless);
    }
    let facts = facts(text);
    if facts.is_empty() {
        return Err(Refusal::Empty);
    }
    for fact in &facts {
        if let Some(known) = known(document, fact) {
            return Err(known);
        }
    }
    let mut lines: Vec<&str> = document.lines().collect();
    let new_heading = format!("## {section}");
    let at = lines.iter().position(|line| heading(line).is_some_and(|known| same_name(known, &section)));
    let (place, heading) = if let Some(at) = at {
        (end_of_section(&lines, at), lines[at].trim_end())
    } else {
        if !lines.is_empty() {
            lines.push("");
        }
        lines.push(&new_heading);
        (lines.len(), new_heading.as_str())
    };
    let added = format!("{heading}\n{}", facts.join("\n"));
    lines.splice(place..place, facts.iter().map(String::as_str));
    let grown = lines.join("\n");
    fits(document, &grown)?;
    Ok((grown, added))
}

/// Replaces a passage that occurs exactly once: a part of a line, or several lines
/// that become fewer.
pub fn replace(document: &str, old: &str, new: &str) -> Result<String, Refusal> {
    if old == new {
        return Err(Refusal::Same);
    }
    // The prompt shows an opening tag as `&lt;`, and the passage is quoted from there.
    let quoted = old.replace("&lt;", "<");
    let old = if document.contains(old) { old } else { &quoted };
    match document.matches(old).count() {
        0 => Err(Refusal::Absent),
        1 => {
            let whole = if new.is_empty() { with_line_break(document, old) } else { old.to_owned() };
            let changed = document.replacen(&whole, new, 1);
            fits(document, changed.trim_end())?;
            Ok(changed.trim_end().to_owned())
        }
        n => Err(Refusal::Ambiguous(n)),
    }
}

/// Whole lines that are taken away leave no empty line behind.
fn with_line_break(document: &str, passage: &str) -> String {
    let Some((before, after)) = document.split_once(passage) else { return passage.to_owned() };
    let whole = (before.is_empty() || before.ends_with('\n')) && after.starts_with('\n');
    if whole { format!("{passage}\n") } else { passage.to_owned() }
}

/// The lines of the text as list items; what says the same twice stands once.
fn facts(text: &str) -> Vec<String> {
    let mut facts: Vec<String> = Vec::new();
    let mut seen: Vec<Likeness> = Vec::new();
    for line in text.lines() {
        let line = one_line(line);
        let fact = ["- ", "* ", "• "].iter().find_map(|bullet| line.strip_prefix(bullet)).unwrap_or(&line);
        if ["", "-", "*", "•"].contains(&fact) {
            continue;
        }
        let fact = format!("- {fact}");
        let likeness = Likeness::of(&fact);
        if !seen.iter().any(|earlier| earlier.says_the_same(&likeness)) {
            seen.push(likeness);
            facts.push(fact);
        }
    }
    facts
}

/// A pointer to the line of the document that says nearly the same.
fn known(document: &str, fact: &str) -> Option<Refusal> {
    let likeness = Likeness::of(fact);
    let mut section = None;
    for line in document.lines() {
        if let Some(name) = heading(line) {
            section = Some(name);
        } else if Likeness::of(line).says_the_same(&likeness) {
            return Some(Refusal::Known {
                line: line.trim().to_owned(),
                section: section.map(str::to_owned),
            });
        }
    }
    None
}

fn one_line(text: &str) -> String {
    visible(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the heading says, if the line is one.
fn heading(line: &str) -> Option<&str> {
    let name = line.trim_start_matches('#');
    let level = line.len() - name.len();
    ((1..=6).contains(&level) && name.starts_with(' ')).then(|| name.trim())
}

fn same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Where a line is inserted so that it ends the section which begins at `at`.
fn end_of_section(lines: &[&str], at: usize) -> usize {
    let next = lines[at + 1..].iter().position(|line| heading(line).is_some());
    let mut end = next.map_or(lines.len(), |offset| at + 1 + offset);
    while end > at + 1 && lines[end - 1].trim().is_empty() {
        end -= 1;
    }
    end
}

/// Refuses a document that has grown too long.
fn fits(document: &str, changed: &str) -> Result<(), Refusal> {
    let (size, wanted) = (document.chars().count(), changed.chars().count());
    if wanted <= MAX_CHARS {
        return Ok(());
    }
    Err(Refusal::Full { size, wanted })
}

#[cfg(test)]
mod tests;
