//! Long Markdown as several texts, each within Slack's limits and each readable by itself.

use super::{
    limits,
    segments::{Fence, Segment, opens, segments},
    text::{length, split_at},
};

/// Slack makes blocks of the pieces of Markdown, so their number counts too.
const PIECES: usize = limits::BLOCKS - 5;
/// The head of a longer table is no head of a table to us.
const LONGEST_HEAD: usize = 2_000;
/// Stands before what would open a fence only because a line was cut there.
const NO_FENCE: char = '\u{200B}';

/// The texts, none blank, at most `limit` each. Cut between paragraphs where that is possible, else
/// between lines, else between words. Code that has to be cut is closed, and opened again with
/// its language; the rows of a table that has to be cut get its head again. `limit` is 500 at least.
pub fn split(markdown: &str, limit: usize) -> Vec<String> {
    let mut packer = Packer { limit, ..Packer::default() };
    for segment in segments(markdown) {
        match segment {
            Segment::Text { text, heading } => packer.text(&text, heading),
            Segment::Fence(fence) => packer.fence(&fence),
            Segment::Table { head, rows } => packer.table(&head, &rows),
        }
    }
    // Nothing follows that a heading at the end could be about.
    packer.headings = None;
    packer.next();
    packer.parts
}

#[derive(Default)]
struct Packer {
    limit: usize,
    parts: Vec<String>,
    part: String,
    used: usize,
    pieces: usize,
    /// Characters and rows of the tables in this part.
    cells: usize,
    rows: usize,
    /// Where the headings begin that end this part.
    headings: Option<usize>,
}

impl Packer {
    /// Begins the next part. Headings at the end of this one move there.
    fn next(&mut self) {
        let moved = match self.headings.take() {
            Some(at) if at > 0 => self.part.split_off(at),
            _ => String::new(),
        };
        let part = trimmed(&self.part);
        if !part.is_empty() {
            self.parts.push(part.to_owned());
        }
        (self.used, self.pieces) = (length(&moved), usize::from(!moved.is_empty()));
        (self.cells, self.rows, self.part) = (0, 0, moved);
    }

    fn fits(&self, piece: &str) -> bool {
        // Blank lines at the end are not sent.
        self.used + length(piece.trim_end()) <= self.limit && self.pieces < PIECES
    }

    fn add(&mut self, piece: &str, heading: bool) {
        if heading {
            self.headings.get_or_insert(self.part.len());
        } else {
            self.headings = None;
        }
        self.part.push_str(piece);
        self.used += length(piece);
        self.pieces += 1;
    }

    /// Makes room for what can be sent whole. Answers whether it fits at all.
    fn room(&mut self, piece: &str) -> bool {
        if !self.fits(piece) {
            self.next();
        }
        if !self.fits(piece) && !self.part.is_empty() {
            // Not even behind the headings that have moved.
            self.headings = None;
            self.next();
        }
        self.fits(piece)
    }

    fn text(&mut self, text: &str, heading: bool) {
        if self.room(text) {
            return self.add(text, heading);
        }
        for line in text.split_inclusive('\n') {
            let line = guarded(line);
            if self.fits(&line) {
                self.add_line(&line);
            } else {
                self.next();
                self.long_line(&line);
            }
        }
    }

    /// A line of a piece that was cut: the piece is counted once.
    fn add_line(&mut self, line: &str) {
        let counted = self.pieces.max(1);
        let line = if self.part.is_empty() { outdented(line) } else { line };
        self.add(line, false);
        self.pieces = counted;
    }

    fn long_line(&mut self, line: &str) {
        let mut rest = line.to_owned();
        loop {
            // One less: a guard may have to stand before it.
            let (piece, after) = words(&rest, self.limit - 1);
            let piece = guarded(piece);
            if !self.fits(&piece) {
                self.next();
            }
            self.add_line(&piece);
            if after.is_empty() {
                return;
            }
            self.next();
            rest = guarded(after);
        }
    }

    fn fence(&mut self, fence: &Fence) {
        let whole = fence.opening() + &fence.lines.concat() + &fence.closing();
        if self.room(&whole) {
            return self.add(&(whole + "\n"), false);
        }
        // Less by three: for the end of a line that was cut, and for guards before it and its rest.
        let room = self.limit - fence.opening().len() - fence.closing().len() - 3;
        let (mut code, mut frame) = (String::new(), fence.clone());
        for line in &fence.lines {
            let mut rest = line.clone();
            while !rest.is_empty() {
                let (piece, after) = words(&rest, room);
                let piece = if after.is_empty() { piece.to_owned() } else { guarded(piece) };
                if !code.is_empty() && length(&code) + length(&piece) > room {
                    self.code(&mut frame, &mut code);
                }
                code.push_str(&piece);
                rest = guarded(after);
                if !rest.is_empty() {
                    self.code(&mut frame, &mut code);
                }
            }
        }
        self.code(&mut frame, &mut code);
    }

    /// These lines of a fence, which fit an empty part.
    fn code(&mut self, fence: &mut Fence, code: &mut String) {
        let end = if code.is_empty() || code.ends_with('\n') { "" } else { "\n" };
        self.whole(&format!("{}{code}{end}{}\n", fence.opening(), fence.closing()));
        code.clear();
        *fence = fence.again();
    }

    /// A piece of code or of a table that fits an empty part.
    fn whole(&mut self, piece: &str) {
        self.room(piece);
        self.add(piece, false);
    }

    fn table(&mut self, head: &str, rows: &[String]) {
        let head = if head.ends_with('\n') { head.to_owned() } else { format!("{head}\n") };
        let rows: Vec<&str> = rows.iter().map(String::as_str).filter(|row| !row.trim().is_empty()).collect();
        if length(&head) > LONGEST_HEAD {
            return self.text(&(head + &rows.concat() + "\n"), false);
        }
        let most = self.limit.min(limits::TABLE_CELLS);
        let mut piece = (head.clone(), 1);
        for row in &rows {
            let alone = length(&head) + length(row) > most;
            if alone || piece.1 == limits::TABLE_ROWS || length(&piece.0) + length(row) > most {
                self.add_table(std::mem::replace(&mut piece, (head.clone(), 1)));
            }
            if alone {
                self.text(row, false);
            } else {
                piece.0.push_str(row);
                piece.1 += 1;
            }
        }
        if piece.1 > 1 || rows.is_empty() {
            self.add_table(piece);
        }
    }

    fn add_table(&mut self, (table, rows): (String, usize)) {
        let size = length(&table);
        if self.rows + rows > limits::TABLE_ROWS || self.cells + size > limits::TABLE_CELLS {
            self.next();
        }
        self.room(&table);
        self.add(&(table + "\n"), false);
        self.cells += size;
        self.rows += rows;
    }
}

/// The longest beginning of at most `limit` that ends between words, or, of one long word, anywhere.
fn words(line: &str, limit: usize) -> (&str, &str) {
    let (fits, rest) = split_at(line, limit);
    if rest.is_empty() {
        return (fits, rest);
    }
    match fits.trim_end().rfind([' ', '\t']) {
        Some(at) if at > 0 => line.split_at(at + 1),
        _ => (fits, rest),
    }
}

/// A line that was cut out of a longer one, or that is no code, must not open or close a fence.
fn guarded(line: &str) -> String {
    if opens(line).is_some() { format!("{NO_FENCE}{line}") } else { line.to_owned() }
}

/// Four spaces at the beginning of a message would be code, where they made an item of an inner list.
fn outdented(line: &str) -> &str {
    let rest = line.trim_start_matches(' ');
    let indent = line.len() - rest.len();
    if indent > 3 { &line[indent - 2..] } else { line }
}

/// Without blank lines at its ends; the indentation of the first line stays.
fn trimmed(part: &str) -> &str {
    let part = part.trim_end();
    let blank = part.len() - part.trim_start().len();
    let line = part[..blank].rfind('\n').map_or(0, |at| at + 1);
    &part[line..]
}
