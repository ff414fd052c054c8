//! From the values of a document to a mapping.

use serde_json::{Map, Value};

use super::{Mapping, Node, Path, Piece, Root};
use crate::{
    found::{Found, Place, cut},
    path::{self, Hop},
};

/// How deep the arguments may be nested.
const MAX_DEPTH: usize = 16;
/// Templates of one step.
const MAX_TEMPLATES: usize = 500;

impl Mapping {
    /// Reads the arguments of a step; `field` is where they stand. What cannot be read is a warning.
    pub(crate) fn parse(arguments: &Map<String, Value>, field: &str, found: &mut Found) -> Self {
        let mut parser = Parser { found, templates: 0 };
        let read = |(name, value): (&String, &Value)| {
            (name.clone(), parser.node(value, &format!("{field}.{}", cut(name)), 0))
        };
        Self(arguments.iter().map(read).collect())
    }
}

struct Parser<'a> {
    found: &'a mut Found,
    templates: usize,
}

impl Parser<'_> {
    fn node(&mut self, value: &Value, field: &str, depth: usize) -> Node {
        if depth > MAX_DEPTH {
            self.found.warn(
                Place::field(field),
                format!("is nested deeper than {MAX_DEPTH} levels and counts as null"),
            );
            return Node::Unread;
        }
        match value {
            Value::String(text) => self.text(text, field),
            Value::Array(items) => {
                Node::List(items.iter().map(|item| self.node(item, field, depth + 1)).collect())
            }
            Value::Object(members) => Node::Object(
                members
                    .iter()
                    .map(|(name, value)| (name.clone(), self.node(value, field, depth + 1)))
                    .collect(),
            ),
            other => Node::Literal(other.clone()),
        }
    }

    fn text(&mut self, text: &str, field: &str) -> Node {
        let mut pieces = self.pieces(text, field);
        let is_whole = |text: &str| {
            let text = text.trim();
            text.starts_with("${") && text.ends_with('}')
        };
        let blank = |piece: &Piece| matches!(piece, Piece::Text(text) if text.trim().is_empty());
        if is_whole(text) && pieces.iter().filter(|piece| !blank(piece)).count() == 1 {
            pieces.retain(|piece| !blank(piece));
        }
        match pieces.pop() {
            None => Node::Literal(text.into()),
            Some(Piece::Text(text)) if pieces.is_empty() => Node::Literal(text.into()),
            Some(Piece::Path(path)) if pieces.is_empty() => Node::Path(path),
            Some(Piece::Unread) if pieces.is_empty() => Node::Unread,
            Some(last) => {
                pieces.push(last);
                Node::Text(pieces)
            }
        }
    }

    fn pieces(&mut self, text: &str, field: &str) -> Vec<Piece> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        let mut plain = String::new();
        while let Some(start) = rest.find("${") {
            plain.push_str(&rest[..start]);
            let inner = &rest[start + 2..];
            // An expression may hold braces itself, which no path does.
            let Some(length) = closing(inner) else {
                plain.push_str("${");
                rest = inner;
                continue;
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(self.piece(&inner[..length], field));
            rest = &inner[length + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        pieces
    }

    fn piece(&mut self, source: &str, field: &str) -> Piece {
        self.templates += 1;
        if self.templates > MAX_TEMPLATES {
            let problem =
                format!("the step has more than {MAX_TEMPLATES} templates; this one counts as null");
            self.found.warn(Place::field(field), problem);
            return Piece::Unread;
        }
        if let Some(path) = read(source.trim()) {
            return Piece::Path(path);
        }
        let problem = format!("`${{{}}}` cannot be read and counts as null", cut(source));
        let hint =
            "write a path over outputs, inputs, trigger.params or context, such as ${outputs.deal.name}";
        self.found.suggest(Place::field(field), problem, || Some(hint.into()));
        Piece::Unread
    }
}

/// Where the brace that was opened ends; none if another template begins before.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut open = 1_usize;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'$' if bytes.get(at + 1) == Some(&b'{') => return None,
            b'{' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

fn read(source: &str) -> Option<Path> {
    let mut hops = path::parse(source)?;
    let Hop::Field(first) = &hops[0] else { return None };
    let (root, used) = match first.as_str() {
        "outputs" => (Root::Outputs, 1),
        "inputs" => (Root::Inputs, 1),
        "context" => (Root::Context, 1),
        "trigger" if hops.get(1) == Some(&Hop::Field("params".into())) => (Root::Params, 2),
        _ => return None,
    };
    hops.drain(..used);
    // Older results were wrapped in `data`. The first name is that of a result or an input.
    for hop in hops.iter_mut().skip(1) {
        if *hop == Hop::Field("data".into()) {
            *hop = Hop::Data;
        }
    }
    Some(Path { root, hops, source: source.to_owned() })
}
