//! From a mapping to the arguments of a step.

use serde_json::{Map, Value};

use super::{MAX_ARGUMENTS, Mapping, Node, Path, Piece, Root, Scope};
use crate::path::{self, Found, Hop};

/// What a step is given, and what could not be given to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluated {
    pub arguments: Map<String, Value>,
    /// Paths that found nothing and gave null (in a text: nothing), as written, each once.
    pub missing: Vec<String>,
    /// Paths that found more than there was room for ([`MAX_ARGUMENTS`]), and gave null.
    pub too_large: Vec<String>,
}

impl Mapping {
    pub fn evaluate(&self, scope: &Scope<'_>) -> Evaluated {
        let mut evaluation = Evaluation { scope, room: MAX_ARGUMENTS, out: Evaluated::default() };
        let arguments =
            self.0.iter().map(|(name, node)| (name.clone(), evaluation.node(node))).collect::<Map<_, _>>();
        Evaluated { arguments, ..evaluation.out }
    }
}

struct Evaluation<'a> {
    scope: &'a Scope<'a>,
    room: usize,
    out: Evaluated,
}

impl<'a> Evaluation<'a> {
    fn node(&mut self, node: &Node) -> Value {
        match node {
            Node::Literal(value) => value.clone(),
            Node::Unread => Value::Null,
            Node::Path(path) => self.value(path),
            Node::Text(pieces) => self.text(pieces),
            Node::List(nodes) => nodes.iter().map(|node| self.node(node)).collect(),
            Node::Object(members) => {
                members.iter().map(|(name, node)| (name.clone(), self.node(node))).collect()
            }
        }
    }

    fn text(&mut self, pieces: &[Piece]) -> Value {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Unread => {}
                Piece::Path(path) => match self.value(path) {
                    Value::Null => {}
                    Value::String(value) => text.push_str(&value),
                    other => text.push_str(&other.to_string()),
                },
            }
        }
        text.into()
    }

    fn value(&mut self, path: &Path) -> Value {
        let Some(found) = self.find(path) else {
            note(&mut self.out.missing, &path.source);
            return Value::Null;
        };
        let size = match &found {
            Found::One(value) => path::weight(value),
            Found::Many(values) => values.iter().map(|value| value.map_or(4, path::weight)).sum(),
        };
        let Some(room) = self.room.checked_sub(size) else {
            note(&mut self.out.too_large, &path.source);
            return Value::Null;
        };
        self.room = room;
        match found {
            Found::One(value) => value.clone(),
            Found::Many(values) => values.into_iter().map(Option::<&Value>::cloned).collect(),
        }
    }

    /// What stands there, with the hops over `data` or else without them.
    fn find(&self, path: &Path) -> Option<Found<'a>> {
        let root = match path.root {
            Root::Outputs => self.scope.outputs,
            Root::Inputs => self.scope.inputs,
            Root::Params => self.scope.params,
            Root::Context => self.scope.context,
        };
        let found = path::find(root, &path.hops).or_else(|| {
            let without: Vec<Hop> = path.hops.iter().filter(|hop| **hop != Hop::Data).cloned().collect();
            path::find(root, &without)
        });
        found.filter(|found| !matches!(found, Found::One(Value::Null)))
    }
}

fn note(to: &mut Vec<String>, source: &str) {
    if !to.iter().any(|known| known == source) {
        to.push(source.to_owned());
    }
}
