//! The built-in tools as the model reads them, a file for each family. Names are stable;
//! a changed description changes the prompt's prefix for everybody.

pub(crate) mod actions;
mod archive;
mod cards;
mod changes;
mod memory;
pub(crate) mod person;
mod questions;
mod record;
mod schedules;
pub(crate) mod sequences;
mod skills;

use domain::tool::ToolSpec;

/// Every built-in tool.
pub(crate) fn builtins() -> Vec<ToolSpec> {
    let fixed = [
        memory::MEMORY,
        record::RECORD,
        changes::CHANGES,
        archive::ARCHIVE,
        actions::ACTIONS,
        cards::CARDS,
        person::PERSON,
        schedules::SCHEDULES,
        skills::SKILLS,
        sequences::SEQUENCES,
    ]
    .concat();
    [fixed, questions::questions()].concat()
}

/// Whether the tool asks a question about the sales record.
pub(crate) fn is_question(tool: &str) -> bool {
    questions::questions().iter().any(|question| question.name == tool)
}
