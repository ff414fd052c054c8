//! The answers of the tools that read the sales record: a record on each line, its facts
//! between semicolons.

const KINDS: [&str; 7] = ["deal", "contact", "company", "meeting", "task", "activity", "email"];

/// A record as a line tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub kind: String,
    pub id: String,
    pub name: String,
    pub facts: Vec<String>,
    /// What was said or written, quoted.
    pub says: Option<String>,
}

/// Another record that a line names: `Dana Roe (contact C-7, buyer)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ref {
    pub kind: String,
    pub id: String,
    pub name: String,
    pub role: Option<String>,
}

impl Row {
    /// `deal D-42: Acme renewal; stage proposal; …`
    fn of(line: &str) -> Option<Self> {
        let (line, says) = match line.split_once("; says “") {
            Some((line, says)) => (line, Some(says.trim_end().trim_end_matches('”').to_owned())),
            None => (line, None),
        };
        let mut parts = line.split("; ");
        let (kind, rest) = parts.next()?.split_once(' ')?;
        let (id, name) = rest.split_once(": ")?;
        let facts = parts.map(near).collect();
        KINDS.contains(&kind).then(|| Self {
            kind: kind.into(),
            id: id.into(),
            name: name.into(),
            facts,
            says,
        })
    }

    /// What follows the word that begins a fact.
    pub fn fact(&self, begins: &str) -> Option<&str> {
        self.facts.iter().find_map(|fact| fact.strip_prefix(begins)?.strip_prefix([' ', ':']).map(str::trim))
    }

    /// When it happens: the first fact of what has a time.
    pub fn when(&self) -> Option<&str> {
        self.facts
            .first()
            .map(String::as_str)
            .filter(|_| !["deal", "contact", "company"].contains(&&*self.kind))
    }

    pub fn refs(&self) -> Vec<Ref> {
        ["about", "with", "linked to"].iter().filter_map(|word| self.fact(word)).flat_map(refs).collect()
    }
}

/// A day without its year, where its distance is told beside it.
fn near(fact: &str) -> String {
    let words: Vec<&str> = fact.split(' ').collect();
    let told = ["today", "tomorrow", "yesterday", "ago"].iter().any(|end| fact.ends_with(end))
        || fact.contains(", in ")
        || fact.contains(", overdue by ");
    let is_year = |at: usize| {
        let digits = words[at].trim_end_matches(',');
        told && at > 1 && digits.len() == 4 && digits.parse::<u16>().is_ok() && words[at - 1].len() == 3
    };
    let kept = (0..words.len()).filter(|at| !is_year(*at));
    let mut kept: Vec<String> = kept.map(|at| words[at].to_owned()).collect();
    // The comma stood behind the year.
    for at in (1..words.len()).filter(|at| is_year(*at) && words[*at].ends_with(',')) {
        let before = (1..at).filter(|earlier| is_year(*earlier)).count();
        kept[at - 1 - before].push(',');
    }
    kept.join(" ")
}

/// Every record that a text names with its kind and id.
fn refs(text: &str) -> Vec<Ref> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once(" (") {
        let Some((inside, beyond)) = after.split_once(')') else { break };
        let kind = inside.split_once(' ').filter(|(kind, _)| KINDS.contains(kind));
        if let Some((kind, id)) = kind {
            let (id, role) = id.split_once(", ").map_or((id, None), |(id, role)| (id, Some(role.to_owned())));
            let name = name.trim_start_matches([',', ' ']).to_owned();
            found.push(Ref { kind: kind.into(), id: id.into(), name, role });
        }
        rest = beyond;
    }
    found
}

/// The records of a list. A passage below a line is what it says.
pub(super) fn rows(content: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for line in content.lines() {
        if let Some(row) = line.strip_prefix("- ").and_then(Row::of) {
            rows.push(row);
        } else if let (Some(row), Some(passage)) = (rows.last_mut(), line.strip_prefix("  “")) {
            row.says = Some(passage.trim_end_matches('”').to_owned());
        }
    }
    rows
}

/// One record with what stands around it.
#[derive(Debug)]
pub(super) struct Sheet {
    pub head: Row,
    /// Lines that are no records, such as health and description.
    pub lines: Vec<String>,
    sections: Vec<(String, Vec<Row>)>,
}

impl Sheet {
    pub fn of(content: &str) -> Option<Self> {
        let mut lines = content.lines();
        let head = lines.find_map(Row::of)?;
        let mut sheet = Self { head, lines: Vec::new(), sections: Vec::new() };
        for line in lines {
            if let Some(row) = line.strip_prefix("- ") {
                if let Some((_, rows)) = sheet.sections.last_mut() {
                    rows.extend(Row::of(row));
                }
            } else if let Some(name) = line.strip_suffix(": none on record").or(line.strip_suffix(':')) {
                sheet.sections.push((name.to_owned(), Vec::new()));
            } else {
                sheet.lines.push(line.to_owned());
            }
        }
        Some(sheet)
    }

    pub fn section(&self, name: &str) -> &[Row] {
        let section = self.sections.iter().find(|(section, _)| section == name);
        section.map(|(_, rows)| rows.as_slice()).unwrap_or_default()
    }
}

/// What came of looking up a name.
#[derive(Debug)]
pub(super) enum Meant {
    One(Row),
    /// The person has to say which.
    Several(Vec<Row>),
    /// Similar ones only.
    Unsure(Vec<Row>),
    Nothing,
}

pub(super) fn meant(content: &str) -> Meant {
    let heading = content.lines().next().unwrap_or_default();
    let mut rows = rows(content);
    if rows.is_empty() {
        return Meant::Nothing;
    }
    if heading.starts_with('"') && heading.ends_with('.') {
        return Meant::One(rows.remove(0));
    }
    let Some((_, close)) = heading.split_once(" can be ") else { return Meant::Unsure(rows) };
    let close = close.split(' ').next().and_then(|count| count.parse().ok());
    rows.truncate(close.unwrap_or(rows.len()));
    // A company with its deals and meetings: all of that is meant by its name.
    let is = |kind: &'static str| move |row: &&Row| row.kind == kind;
    let company = rows.iter().find(is("company")).cloned();
    match company {
        Some(company)
            if rows.iter().filter(is("company")).count() == 1
                && !rows.iter().any(|row| row.kind == "contact") =>
        {
            Meant::One(company)
        }
        _ => Meant::Several(rows),
    }
}
