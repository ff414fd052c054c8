//! The built-in tools as the model reads them, a file for each family. Names are stable;
//! a changed description changes the prompt's prefix for everybody.

pub(crate) mod actions;
mod archive;
mod changes;
mod memory;
mod record;

use domain::tool::ToolSpec;

/// Every built-in tool.
pub(crate) fn builtins() -> Vec<ToolSpec> {
    [memory::MEMORY, record::RECORD, changes::CHANGES, archive::ARCHIVE, actions::ACTIONS].concat()
}
