//! What came of calls that a person decided about after the conversation had gone on: the
//! program quotes it before the person's next words, or alone.

use super::{Turn, plainly::plainly, tags};

const TAG: &str = "late_result";
/// What these tools bring belongs to a question that is over.
const LOOKS: [&str; 8] = ["get_", "find_", "list_", "search_", "resolve_", "recall", "read_", "ask_user"];

/// The result of one such call.
pub(super) struct Late {
    tool: String,
    failed: bool,
    said: String,
}

/// The block is such a quotation, and no words of the person.
pub(super) fn is_late(block: &str) -> bool {
    block.starts_with("<late_result") && !tags::all(block, TAG).is_empty()
}

/// Those that came with the newest message.
pub(super) fn read(turn: &Turn) -> Vec<Late> {
    let newest = turn.history.iter().rev().find(|line| line.by_user);
    let blocks = newest.into_iter().flat_map(|line| &line.blocks).filter(|block| is_late(block));
    blocks.filter_map(|block| of(block)).collect()
}

fn of(block: &str) -> Option<Late> {
    let tag = tags::all(block, TAG).into_iter().next()?;
    Some(Late {
        tool: tag.attribute("tool").unwrap_or_default(),
        failed: tag.attribute("outcome").as_deref() == Some("error"),
        said: tag.body.trim().to_owned(),
    })
}

/// What is said of them; none where there are none.
pub(super) fn told(late: &[Late]) -> Option<String> {
    let effects = late.iter().filter(|late| !LOOKS.iter().any(|look| late.tool.starts_with(look)));
    let lines: Vec<String> = effects.map(one).collect();
    match (late.is_empty(), lines.is_empty()) {
        (true, _) => None,
        (false, true) => {
            Some("What I had looked up is there now; ask me again if you still need it.".to_owned())
        }
        (false, false) => Some(lines.join("\n")),
    }
}

fn one(late: &Late) -> String {
    let said = plainly(&late.said);
    match late.tool.as_str() {
        _ if !late.failed && !late.said.starts_with("This is a proposal now") => format!("Done: {said}"),
        _ => said,
    }
}
