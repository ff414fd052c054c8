//! Why an edit of memory is not made, for the model and for the person who decides.

use std::fmt;

use domain::memory::MAX_CHARS;

/// Why an edit cannot be made. Shown, it speaks to the model; see [`Refusal::to_person`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This line says so already, under this heading if it stands under one.
    Known {
        line: String,
        section: Option<String>,
    },
    /// The section's name holds nothing that can be seen.
    Nameless,
    /// The text holds nothing to remember.
    Empty,
    /// The old and the new text are the same.
    Same,
    Absent,
    /// The passage occurs so often.
    Ambiguous(usize),
    /// The document has `size` characters, and would have `wanted`.
    Full {
        size: usize,
        wanted: usize,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Known { line, section } => {
                let place = under(section.as_deref());
                write!(
                    f,
                    "The document says so already{place}: {line:?}. To change that line, use memory_replace; nothing \
                     was added."
                )
            }
            Refusal::Nameless => f.write_str("The section needs a name that can be seen, such as Preferences."),
            Refusal::Empty => f.write_str("There is nothing in the text that could be remembered."),
            Refusal::Same => f.write_str("The old and the new text are the same: nothing would change."),
            Refusal::Absent => f.write_str(
                "The document has no such passage. Read it in the prompt and quote it exactly, line breaks included.",
            ),
            Refusal::Ambiguous(n) => {
                write!(f, "The passage occurs {n} times. Quote more around the one you mean.")
            }
            Refusal::Full { size, wanted } => write!(
                f,
                "The document has {size} of at most {MAX_CHARS} characters, and with this it would have {wanted}: \
                 nothing was written. Condense it first: give memory_replace several lines as \"old\" and one line that \
                 says the same as \"new\", and take away what is out of date."
            ),
        }
    }
}

impl Refusal {
    /// The same for a person who is to decide about the edit.
    pub fn to_person(&self) -> String {
        match self {
            Refusal::Known { line, section } => {
                format!("the document says so already{}: {line:?}", under(section.as_deref()))
            }
            Refusal::Nameless => "the section has no name that can be seen".into(),
            Refusal::Empty => "the text holds nothing that could be remembered".into(),
            Refusal::Same => "the old and the new text are the same".into(),
            Refusal::Absent => "the document does not have the passage that is to be replaced".into(),
            Refusal::Ambiguous(n) => {
                format!("the passage that is to be replaced occurs {n} times in the document")
            }
            Refusal::Full { wanted, .. } => {
                format!("the document would have {wanted} characters, and {MAX_CHARS} is the most")
            }
        }
    }
}

fn under(section: Option<&str>) -> String {
    section.map(|name| format!(" under {name:?}")).unwrap_or_default()
}
