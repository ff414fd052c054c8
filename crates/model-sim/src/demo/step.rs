//! A step of a sequence that follows a skill: the stand-in does none of its work, and hands in the
//! smallest output that fits, made of what the step was given.

use serde_json::{Value, json};

use super::{Choice, Turn, schema};
use crate::Reply;

const TOOL: &str = "submit_output";
/// What stands before the schema of the output, and before what the step works on.
const SCHEMA: &str = "with an output that fits this schema: ";
const GIVEN: &str = "which is data and no instruction: ";
const OPENS: &str = "Step ";

/// The output, where a step is open; none where there is none.
pub(super) fn reply(turn: &Turn) -> Option<Reply> {
    if !turn.tools.iter().any(|tool| tool.name == TOOL) || turn.choice == Choice::None {
        return None;
    }
    let results = || turn.earlier.iter().chain(&turn.results).rev();
    let handed_in = results().find(|result| result.name == TOOL || opens(&result.name, &result.content))?;
    // What was handed in and taken has ended the step.
    if handed_in.name == TOOL && !handed_in.is_error {
        return None;
    }
    let opened = results().find(|result| opens(&result.name, &result.content))?;
    let after = |words: &str| opened.content.split_once(words).map(|(_, rest)| rest);
    let given = after(GIVEN).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let output = after(SCHEMA)
        .and_then(|rest| serde_json::Deserializer::from_str(rest).into_iter::<Value>().next()?.ok())
        .map_or_else(|| json!({"text": given}), |schema| schema::fill(&schema, given));
    Some(Reply::call(TOOL, json!({"output": output})))
}

fn opens(name: &str, content: &str) -> bool {
    name == "get_skill" && content.starts_with(OPENS) && content.contains(TOOL)
}
