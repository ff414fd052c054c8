//! What a step of a sequence is given: values with `${…}` over what is there when it begins.
//!
//! A value that is one `${path}` keeps the type of what it finds; one with more around it becomes text.
//! Paths begin with `outputs`, `inputs`, `trigger.params` or `context`. Anything else between the braces
//! (a condition, a call) is not read: it gives null, and a warning when the skill is written.

mod evaluate;
mod parse;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::path::Hop;
pub use evaluate::Evaluated;

/// Most JSON that one step is given, in bytes.
pub const MAX_ARGUMENTS: usize = 262_144;

/// The arguments of a step, read once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping(Vec<(String, Node)>);

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Literal(Value),
    /// The whole value is a path.
    Path(Path),
    /// Text with paths in it.
    Text(Vec<Piece>),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
    /// An expression that is not understood: null.
    Unread,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Path(Path),
    Unread,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Root {
    /// Results of earlier steps, by their output keys.
    Outputs,
    /// What the sequence was called with.
    Inputs,
    /// The same, as older sequences call it: `trigger.params`.
    Params,
    /// What is known of the session.
    Context,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    root: Root,
    hops: Vec<Hop>,
    /// As it was written.
    source: String,
}

impl Path {
    pub fn root(&self) -> Root {
        self.root
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The first name below the root: an output key, or the name of an input.
    pub fn first(&self) -> Option<&str> {
        match self.hops.first() {
            Some(Hop::Field(name)) => Some(name),
            _ => None,
        }
    }
}

/// What is there when a step begins; each an object. `params` and `inputs` are usually the same.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub outputs: &'a Value,
    pub inputs: &'a Value,
    pub params: &'a Value,
    pub context: &'a Value,
}

impl Mapping {
    /// Every path that is read.
    pub fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        self.0.iter().for_each(|(_, node)| node.paths(&mut paths));
        paths
    }

    /// The arguments, each with what it reads.
    pub fn arguments(&self) -> impl Iterator<Item = (&str, Vec<&Path>)> {
        self.0.iter().map(|(name, node)| {
            let mut paths = Vec::new();
            node.paths(&mut paths);
            (name.as_str(), paths)
        })
    }

    /// Drops the argument of this name; says whether it was there.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(known, _)| known != name);
        self.0.len() < before
    }
}

impl Node {
    fn paths<'a>(&'a self, to: &mut Vec<&'a Path>) {
        match self {
            Node::Path(path) => to.push(path),
            Node::Text(pieces) => to.extend(pieces.iter().filter_map(|piece| match piece {
                Piece::Path(path) => Some(path),
                Piece::Text(_) | Piece::Unread => None,
            })),
            Node::List(nodes) => nodes.iter().for_each(|node| node.paths(to)),
            Node::Object(members) => members.iter().for_each(|(_, node)| node.paths(to)),
            Node::Literal(_) | Node::Unread => {}
        }
    }
}
