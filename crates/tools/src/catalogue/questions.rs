//! Questions about the sales record, which need no effect and no decision: a file for each family.

mod calendar;
mod names;
mod pipeline;

use domain::tool::ToolSpec;

pub(super) fn questions() -> Vec<ToolSpec> {
    [names::NAMES, pipeline::PIPELINE, calendar::CALENDAR].concat()
}
