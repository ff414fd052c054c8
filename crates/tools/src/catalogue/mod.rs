//! The built-in tools as the model reads them, a file for each family. Names are stable;
//! a changed description changes the prompt's prefix for everybody.

mod archive;
mod memory;
mod questions;
mod record;

use domain::tool::ToolSpec;

/// Every built-in tool.
pub(crate) fn builtins() -> Vec<ToolSpec> {
    [memory::MEMORY, record::RECORD, archive::ARCHIVE, &questions::questions()].concat()
}

/// Whether the tool asks a question about the sales record.
pub(crate) fn is_question(tool: &str) -> bool {
    questions::questions().iter().any(|question| question.name == tool)
}
