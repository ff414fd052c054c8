//! Private keys in PEM blocks, also inside JSON strings, where their lines end in a literal `\n`.

use crate::{
    bytes::Class,
    verdict::{Mask, Then, Verdict},
};

const OPEN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";
const LABEL_LIMIT: usize = 48;
const GAP_LIMIT: usize = 48;
/// Backslashes before a quotation mark: a string in a string in a string has seven.
const ESCAPE_LIMIT: usize = 16;
/// Key material on the header's own line, where line ends were lost, must be at least so long.
const MATERIAL: usize = 16;
/// More of a block without an end is not hidden; an RSA key of 16384 bits has 13 KB.
const BLOCK_LIMIT: usize = 64 * 1024;

pub(crate) const KIND: &str = "private_key";

static LABEL: Class = Class::NONE.range(b'A', b'Z').range(b'0', b'9').with(b" ");
static BASE64: Class = Class::NONE.alnum().with(b"+/=");
/// What the lines of a block are made of, also when a mail quotes them. The brackets let a masked part of it
/// pass.
static BODY: Class = Class::NONE.alnum().with(b"+/=-_:[]>\\ \t\r\n");
/// In a line with a colon (`Comment: …`) also other characters, but none that would end a string around it.
static HEADER: Class = Class::NONE.range(b' ', b'~').with(b"\t\r\n").without(b"\"`");

/// Whether a private key's block begins at `at`. It is known by its first line and a first character of key
/// material; so nothing of the key is ever held back. The first line alone, in prose, is no secret.
pub(crate) fn begin(text: &[u8], at: usize, last: bool) -> Verdict {
    let more = || if last { Verdict::No } else { Verdict::More(None) };
    let rest = &text[at..];
    let Some(after) = rest.strip_prefix(OPEN) else {
        return if OPEN.starts_with(rest) { more() } else { Verdict::No };
    };
    let length = after.iter().take(LABEL_LIMIT).take_while(|&&byte| LABEL.has(byte)).count();
    let (label, after) = after.split_at(length);
    let Some(after) = after.strip_prefix(DASHES) else {
        return if DASHES.starts_with(after) { more() } else { Verdict::No };
    };
    if !is_private(label) {
        return Verdict::No;
    }
    let (gap, new_line) = gap(after);
    let material = &after[gap..];
    let run = material.iter().take(MATERIAL).take_while(|&&byte| BASE64.has(byte)).count();
    if run == MATERIAL || (run > 0 && new_line) {
        let to = text.len() - material.len();
        return Verdict::Mask(Mask { from: at, to, kind: KIND, then: Then::Pem });
    }
    // An escape is cut in the middle when the text ends with its backslashes.
    let open = run == material.len() || (run == 0 && material.iter().all(|&byte| byte == b'\\'));
    if open { more() } else { Verdict::No }
}

fn is_private(label: &[u8]) -> bool {
    label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK")
}

/// The length of the white space and quotation marks of a mail, escaped or not, and whether a line ends in
/// it.
fn gap(text: &[u8]) -> (usize, bool) {
    let mut length = 0;
    let mut new_line = false;
    while length < GAP_LIMIT {
        // Strings in strings have several backslashes.
        let escape = text[length..].iter().take(GAP_LIMIT).take_while(|&&byte| byte == b'\\').count();
        match text.get(length + escape) {
            Some(b'\n' | b'\r') => new_line = true,
            Some(b'n' | b'r') if escape > 0 => new_line = true,
            Some(b' ' | b'\t' | b'>') => {}
            Some(b't') if escape > 0 => {}
            _ => break,
        }
        length += escape + 1;
    }
    (length, new_line)
}

/// Whether the backslashes here belong to a quotation mark, which ends a string inside a string: with them it
/// stays what it is. None: the text ends before that is decided.
fn end_of_string(rest: &[u8], last: bool) -> Option<bool> {
    let escape = rest.iter().take(ESCAPE_LIMIT).take_while(|&&byte| byte == b'\\').count();
    match rest.get(escape) {
        None => last.then_some(false),
        next => Some(next == Some(&b'"')),
    }
}

/// Where in a block the hidden text ends.
#[derive(Default)]
pub(crate) struct Block {
    length: usize,
    in_header: bool,
    escaped: bool,
    dashes: usize,
    /// What stands between two rows of dashes, while that may be a first or last line.
    label: Option<Vec<u8>>,
}

pub(crate) enum Step {
    Hidden,
    /// The text ends before that is decided.
    More,
    /// The block ends with this byte.
    End,
    /// The block ended before this byte.
    Ended,
}

impl Block {
    /// Takes the first byte of what follows. A block ends with its last line, before a character that cannot
    /// be in it (then it was cut off), or after 64 KiB.
    pub(crate) fn step(&mut self, rest: &[u8], last: bool) -> Step {
        let Some(&byte) = rest.first() else { return Step::More };
        let class = if self.in_header { &HEADER } else { &BODY };
        if self.length == BLOCK_LIMIT || !class.has(byte) {
            return Step::Ended;
        }
        if byte == b'\\' {
            match end_of_string(rest, last) {
                Some(true) => return Step::Ended,
                Some(false) => {}
                None => return Step::More,
            }
        }
        self.length += 1;
        let new_line = byte == b'\n' || (self.escaped && byte == b'n');
        self.in_header = (self.in_header || byte == b':') && !new_line;
        self.escaped = byte == b'\\';
        if byte == b'-' {
            self.dashes += 1;
            if self.dashes == DASHES.len() {
                return self.row_of_dashes();
            }
            return Step::Hidden;
        }
        self.dashes = 0;
        if let Some(label) = &mut self.label {
            label.push(byte);
            if !LABEL.has(byte) || label.len() > LABEL_LIMIT {
                self.label = None;
            }
        }
        Step::Hidden
    }

    fn row_of_dashes(&mut self) -> Step {
        let Some(label) = self.label.take() else {
            self.label = Some(Vec::new());
            return Step::Hidden;
        };
        if label.starts_with(b"END") {
            return Step::End;
        }
        if is_private(&label) {
            // The block was cut off and the next one follows: it is hidden with it, to its own end.
            self.length = 0;
        }
        Step::Hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> &str {
        let mut block = Block::default();
        for at in 0..text.len() {
            match block.step(&text.as_bytes()[at..], true) {
                Step::Hidden | Step::More => {}
                Step::End => return &text[..=at],
                Step::Ended => return &text[..at],
            }
        }
        text
    }

    #[test]
    fn a_block_ends_with_its_last_line() {
        for block in [
            "MIIE\nabc=\n-----END PRIVATE KEY-----",
            "MIIE\\nabc=\\n-----END RSA PRIVATE KEY-----",
            "Version: GnuPG v2.0 (GNU/Linux)\n\nlQ\n=aB\n-----END PGP PRIVATE KEY BLOCK-----",
            "cut-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
        ] {
            assert_eq!(hidden(&format!("{block}\nand so on")), block);
        }
    }

    #[test]
    fn a_block_that_was_cut_off_ends_where_prose_or_a_string_does() {
        assert_eq!(hidden("MIIEabc… (rest cut)"), "MIIEabc");
        assert_eq!(hidden("MIIEabc\\n\", \"next\": 1"), "MIIEabc\\n");
        assert_eq!(hidden("MIIEabc\\\", \\\"next"), "MIIEabc");
        assert_eq!(hidden("MIIEabc\\\\n\\\\\\\"}"), "MIIEabc\\\\n");
        assert_eq!(hidden("Comment: x\\\"}"), "Comment: x");
        assert_eq!(hidden(&"A".repeat(100_000)).len(), BLOCK_LIMIT);
    }

    #[test]
    fn the_block_after_one_that_was_cut_off_is_hidden_in_full() {
        let second = format!("-----BEGIN PRIVATE KEY-----\n{}", "A".repeat(BLOCK_LIMIT - 64));
        let text = format!("{}{second}\n-----END PRIVATE KEY-----.", "A".repeat(100));
        assert_eq!(hidden(&text), &text[..text.len() - 1]);
    }
}
