//! Lines out of a body that comes in pieces, and what each of them is to write.

use domain::{EntityKind, EntityRef, Error, FieldError};
use engine::Door;
use serde_json::Value;

use super::content::{Content, Create, Writer, check, owned};
use crate::{door::masked, extract::find_text};

/// Longest line in bytes; a longer one is refused, and those behind it are read.
pub const MAX_LINE: usize = 256 * 1024;
/// Most reasons that are given for one line.
const MAX_ERRORS: usize = 10;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A line as it came. None: it was too long.
pub type Raw = Option<Vec<u8>>;

/// Puts lines together. Empty ones count, and are left out.
#[derive(Default)]
pub struct Lines {
    /// Lines that have begun.
    pub count: usize,
    unfinished: Vec<u8>,
    /// The rest of a line that is too long.
    skips: bool,
}

impl Lines {
    /// The lines that end in these bytes, each with its number from 1.
    pub fn push(&mut self, mut bytes: &[u8], found: &mut Vec<(usize, Raw)>) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.take(&bytes[..end]);
            self.end(found);
            bytes = &bytes[end + 1..];
        }
        self.take(bytes);
    }

    /// The last line need not have an end of its own.
    pub fn finish(&mut self, found: &mut Vec<(usize, Raw)>) {
        if self.skips || !self.unfinished.is_empty() {
            self.end(found);
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.skips |= self.unfinished.len() + bytes.len() > MAX_LINE;
        if self.skips {
            self.unfinished = Vec::new();
        } else {
            self.unfinished.extend_from_slice(bytes);
        }
    }

    fn end(&mut self, found: &mut Vec<(usize, Raw)>) {
        self.count += 1;
        let mut line = std::mem::take(&mut self.unfinished);
        if std::mem::take(&mut self.skips) {
            found.push((self.count, None));
            return;
        }
        if self.count == 1 && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        if !line.trim_ascii().is_empty() {
            found.push((self.count, Some(line)));
        }
    }
}

/// What a line is to write, or why it cannot.
pub struct Line {
    pub number: usize,
    pub kind: Option<EntityKind>,
    pub id: Option<String>,
    pub content: Result<(EntityRef, Content), Vec<FieldError>>,
}

impl Line {
    pub fn of(door: &Door, writer: Writer, number: usize, raw: Option<&[u8]>) -> Self {
        let value = value(raw);
        let text = |name: &str| value.as_ref().ok().and_then(|value| value[name].as_str().map(str::to_owned));
        let (kind, id) = (text("kind").and_then(|kind| kind.parse().ok()), text("id"));
        let content: Result<_, Vec<FieldError>> =
            value.and_then(|value| create(door, writer, value)).map_err(|error| {
                let mut errors = reasons(error);
                errors.truncate(MAX_ERRORS);
                errors
            });
        // What cannot be an id is not repeated.
        let good =
            |_: &String| content.as_ref().err().is_none_or(|errors| errors.iter().all(|e| e.field != "id"));
        Self { number, kind, id: id.filter(good), content }
    }
}

/// Why something was refused, field by field.
pub fn reasons(error: Error) -> Vec<FieldError> {
    let about = |error: String| vec![FieldError { field: String::new(), error }];
    match error {
        Error::Invalid { fields, .. } if !fields.is_empty() => fields,
        Error::Forbidden { detail, .. }
        | Error::Invalid { detail, .. }
        | Error::Unavailable { detail, .. } => about(detail),
        Error::NotFound => vec![FieldError {
            field: "id".into(),
            error: "there is no such thing, or it is not yours to see".into(),
        }],
        Error::Internal(source) => {
            tracing::error!(error = %source, "a line of a batch failed");
            about("the service failed; its log has the reason".into())
        }
        other => about(other.to_string()),
    }
}

fn value(raw: Option<&[u8]>) -> domain::Result<Value> {
    let refuse = |error: String| Error::field("", error);
    let bytes = raw.ok_or_else(|| refuse(format!("the line is longer than {MAX_LINE} bytes")))?;
    let text = str::from_utf8(bytes).map_err(|_| refuse("the line is not UTF-8".into()))?;
    let value: Value = serde_json::from_str(text)
        .map_err(|error| refuse(format!("the line is not JSON: {}", plain(&error))))?;
    if !value.is_object() {
        return Err(refuse("the line must be a JSON object".into()));
    }
    Ok(value)
}

/// serde's words without the line, which is always the first.
fn plain(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column", " at column")
}

fn create(door: &Door, writer: Writer, value: Value) -> domain::Result<(EntityRef, Content)> {
    if let Some(field) = find_text(&value, String::new(), &|text| text.contains('\0')) {
        return Err(Error::field(field, "holds the character U+0000, which cannot be stored"));
    }
    if let Some(Err(error)) = value["kind"].as_str().map(str::parse::<EntityKind>) {
        return Err(Error::field("kind", error.to_string()));
    }
    if let Some(problem) = masked("", &value) {
        return Err(Error::fields(vec![problem]));
    }
    let Create { kind, id, mut content } = serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { String::new() } else { path };
        Error::field(field, error.into_inner().to_string())
    })?;
    let entity = EntityRef { kind, id };
    check(door, &entity, &mut content)?;
    owned(writer, &content)?;
    Ok((entity, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a body that comes in pieces of this many bytes.
    fn lines(body: &[u8], piece: usize) -> Vec<(usize, Option<String>)> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        body.chunks(piece).for_each(|bytes| lines.push(bytes, &mut found));
        lines.finish(&mut found);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text").trim_end().to_owned();
        found.into_iter().map(|(number, raw)| (number, raw.map(text))).collect()
    }

    #[test]
    fn lines_are_the_same_in_whatever_pieces_they_come() {
        let body = b"\xEF\xBB\xBF{\"a\":1}\r\n\n  \nbee\n{\"c\":\"\xEF\xBB\xBF\"}";
        let whole = lines(body, body.len());
        let texts: Vec<(usize, Option<&str>)> = whole.iter().map(|(n, text)| (*n, text.as_deref())).collect();
        assert_eq!(texts, [(1, Some("{\"a\":1}")), (4, Some("bee")), (5, Some("{\"c\":\"\u{feff}\"}"))]);
        for piece in 1..body.len() {
            assert_eq!(lines(body, piece), whole, "{piece}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_nothing_of_it_is_kept() {
        let mut body = vec![b'x'; MAX_LINE + 1];
        body.extend_from_slice(b"\nnext\n");
        body.extend(std::iter::repeat_n(b'y', 3 * MAX_LINE));
        for piece in [7, 4096, body.len()] {
            assert_eq!(lines(&body, piece), [(1, None), (2, Some("next".to_owned())), (3, None)]);
        }
        let fits = vec![b'x'; MAX_LINE];
        assert!(lines(&fits, 1000)[0].1.is_some());
    }
}
