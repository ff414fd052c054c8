//! A tool call while it grows, and which of them a piece belongs to.

use domain::Block;

use super::wire::Piece;
use crate::{InvalidInput, arguments};

/// A tool call so far.
pub(super) struct Call {
    /// Ours where the server gave none, or one that the Messages API would refuse.
    pub id: String,
    pub name: String,
    index: Option<u64>,
    /// As the server wrote it.
    given: String,
    arguments: String,
    /// The reader was told that it began.
    pub told: bool,
}

impl Call {
    pub fn begin(piece: &Piece) -> Self {
        let given = piece.id.clone().unwrap_or_default();
        let id = plain_id(&given);
        Self { id, name: String::new(), index: piece.index, given, arguments: String::new(), told: false }
    }

    /// Whether the piece goes on with this call, which is the `last` one or not.
    ///
    /// With an index, that decides; only a new id with a name of its own begins a
    /// call in the same place (some number all of them 0, others make up an id for
    /// every piece). Without one, an id that is new begins a call, and so does a
    /// name where the last call has all of its arguments.
    pub fn takes(&self, piece: &Piece, last: bool) -> bool {
        let id = piece.id.as_deref().filter(|id| !id.is_empty());
        let named = name_of(piece).is_some();
        match (piece.index, id) {
            (Some(index), id) => {
                let another = named && id.is_some_and(|id| id != self.given);
                self.index == Some(index) && !another
            }
            (None, Some(id)) => self.given == id,
            (None, None) => last && !(named && self.is_whole()),
        }
    }

    pub fn grow(&mut self, piece: Piece) {
        if let Some(name) = name_of(&piece).filter(|_| self.name.is_empty()) {
            name.clone_into(&mut self.name);
        }
        let arguments = piece.function.and_then(|function| function.arguments);
        self.arguments.extend(arguments.map(|arguments| arguments.0));
    }

    fn is_whole(&self) -> bool {
        // Most pieces are told by their last character, without reading all that came before.
        let ends = self.arguments.trim_end().ends_with('}');
        !self.name.is_empty() && ends && arguments::object(&self.arguments).is_some()
    }

    /// The whole call; `None` without a name: nobody could be called, and a
    /// history with such a call is refused for ever.
    pub fn finish(self, invalid: &mut Vec<InvalidInput>) -> Option<Block> {
        (!self.name.is_empty()).then(|| arguments::tool_use(self.id, self.name, self.arguments, invalid))
    }
}

fn name_of(piece: &Piece) -> Option<&str> {
    piece.function.as_ref()?.name.as_deref().filter(|name| !name.is_empty())
}

/// The id if it is one for every provider; with other characters replaced where
/// it is not (`functions.find:0`), and a new one where there is none.
fn plain_id(given: &str) -> String {
    if given.is_empty() {
        return format!("call_{:024x}", rand::random::<u128>() >> 32);
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    given.chars().map(plain).collect()
}
