//! Markdown as pieces that should not be torn apart: paragraphs, fenced code, tables.

/// The longest run of backticks or tildes that opens a fence; longer ones are shortened to it.
const MARKER: usize = 64;
/// The longest word behind them, in bytes; what is longer becomes the first line of the code.
const INFO: usize = 100;

/// A piece of Markdown with the blank lines behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    Text {
        text: String,
        /// It says what the next piece is about, and should not be the last of a message.
        heading: bool,
    },
    Fence(Fence),
    Table {
        /// The names of the columns and the line under them.
        head: String,
        rows: Vec<String>,
    },
}

/// Fenced code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The mark of a list's item before it, on its line.
    pub lead: String,
    pub indent: String,
    pub marker: String,
    /// The language.
    pub info: String,
    /// The lines, each with its end.
    pub lines: Vec<String>,
}

impl Fence {
    /// The line that opens it.
    pub fn opening(&self) -> String {
        let before = if self.lead.is_empty() { &self.indent } else { &self.lead };
        format!("{before}{}{}\n", self.marker, self.info)
    }

    /// The same, without lines, at the beginning of a message, where no list is around it.
    pub fn again(&self) -> Self {
        let indent = self.indent[..self.indent.len().min(2)].to_owned();
        Self {
            lead: String::new(),
            indent,
            marker: self.marker.clone(),
            info: self.info.clone(),
            lines: Vec::new(),
        }
    }

    /// The line that closes it.
    pub fn closing(&self) -> String {
        format!("{}{}\n", self.indent, self.marker)
    }

    /// Whether this line closes it.
    pub fn closes(&self, line: &str) -> bool {
        let line = line.trim_end();
        let marker = line.trim_start_matches(' ');
        let same = self.marker.starts_with(|c| marker.chars().all(|other| other == c));
        same && marker.len() >= self.marker.len() && line.len() - marker.len() <= self.indent.len() + 3
    }
}

/// The fence that a line opens, without its lines.
pub fn opens(line: &str) -> Option<Fence> {
    let line = line.trim_end();
    let item = item(line);
    let rest = line[item..].trim_start_matches(' ');
    let indent = line.len() - rest.len();
    let char = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let after = rest.trim_start_matches(char);
    let run = rest.len() - after.len();
    let info = after.trim();
    // However deep it stands: inside of lists that is usual.
    if run < 3 || (char == '`' && info.contains('`')) {
        return None;
    }
    Some(Fence {
        lead: if item > 0 { line[..indent].to_owned() } else { String::new() },
        indent: " ".repeat(indent.min(12)),
        marker: char.to_string().repeat(run.min(MARKER)),
        info: info.to_owned(),
        lines: Vec::new(),
    })
}

/// The length of the mark with which a line is an item of a list; 0 if it is none.
fn item(line: &str) -> usize {
    let rest = line.trim_start_matches(' ');
    let number = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let bullet = ["- ", "* ", "+ "].iter().any(|mark| rest.starts_with(mark));
    let numbered = number.len() < rest.len() && [". ", ") "].iter().any(|mark| number.starts_with(mark));
    let mark = if bullet { rest } else { number };
    if bullet || numbered { line.len() - mark.len() + 2 } else { 0 }
}

fn is_heading(line: &str) -> bool {
    let rest = line.trim_start_matches('#');
    (1..=6).contains(&(line.len() - rest.len())) && rest.starts_with([' ', '\t'])
}

/// Whether a line parts the names of a table's columns from its rows.
fn is_rule_of_table(line: &str) -> bool {
    let line = line.trim();
    let mut cells = line.trim_start_matches('|').trim_end_matches('|').split('|');
    let dashes = |cell: &str| {
        let cell = cell.trim().trim_start_matches(':').trim_end_matches(':');
        !cell.is_empty() && cell.bytes().all(|byte| byte == b'-')
    };
    line.contains('|') && cells.all(dashes)
}

/// The pieces, in their order. Together they have every line of the Markdown.
pub fn segments(markdown: &str) -> Vec<Segment> {
    let mut reader = Reader { lines: markdown.split_inclusive('\n').collect(), at: 0 };
    let mut found = Vec::new();
    while reader.at < reader.lines.len() {
        let segment = reader.fence().or_else(|| reader.table()).unwrap_or_else(|| reader.text());
        found.push(segment);
    }
    found
}

struct Reader<'a> {
    lines: Vec<&'a str>,
    at: usize,
}

impl Reader<'_> {
    fn fence(&mut self) -> Option<Segment> {
        let mut fence = opens(self.lines[self.at])?;
        self.at += 1;
        if fence.info.len() > INFO {
            let info = std::mem::take(&mut fence.info);
            fence.lines.push(format!("{info}\n"));
        }
        while let Some(&line) = self.lines.get(self.at) {
            self.at += 1;
            if fence.closes(line) {
                break;
            }
            fence.lines.push(format!("{}\n", line.trim_end_matches('\n')));
        }
        while self.lines.get(self.at).is_some_and(|line| line.trim().is_empty()) {
            self.at += 1;
        }
        Some(Segment::Fence(fence))
    }

    fn table(&mut self) -> Option<Segment> {
        if !self.is_table(self.at) {
            return None;
        }
        let head = self.lines[self.at..self.at + 2].concat();
        self.at += 2;
        let mut rows = Vec::new();
        while let Some(&line) = self.lines.get(self.at) {
            let blank = line.trim().is_empty();
            if !blank
                && (!line.contains('|') || rows.last().is_some_and(|row: &String| row.trim().is_empty()))
            {
                break;
            }
            self.at += 1;
            rows.push(line.to_owned());
        }
        Some(Segment::Table { head, rows })
    }

    fn is_table(&self, at: usize) -> bool {
        self.lines[at].contains('|') && self.lines.get(at + 1).is_some_and(|rule| is_rule_of_table(rule))
    }

    /// A paragraph, a list without blank lines, a quotation, or a heading.
    fn text(&mut self) -> Segment {
        let heading = is_heading(self.lines[self.at]);
        let mut text = String::new();
        let mut blank = false;
        while let Some(&line) = self.lines.get(self.at) {
            let first = text.is_empty();
            let is_blank = line.trim().is_empty();
            let ends = blank || heading || is_heading(line) || opens(line).is_some();
            if !first && !is_blank && (ends || self.is_table(self.at)) {
                break;
            }
            blank = is_blank && !first;
            text.push_str(line);
            self.at += 1;
        }
        Segment::Text { text, heading }
    }
}
