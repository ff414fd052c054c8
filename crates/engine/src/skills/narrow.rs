//! Which tools the skills that are followed leave to a run: never more than it has.

use domain::run::PinnedSkill;
use tools::SUBMIT_OUTPUT;

/// What a run may call whatever its skill allows: to read on, and to ask.
const ALWAYS: [&str; 4] = ["get_skill", "list_skills", "ask_user", SUBMIT_OUTPUT];

/// Why one of the skills keeps the run from calling this tool, if so.
pub(crate) fn refusal<'a>(mut followed: impl Iterator<Item = &'a PinnedSkill>, tool: &str) -> Option<String> {
    let narrows = |skill: &&PinnedSkill| {
        !ALWAYS.contains(&tool)
            && skill.tools.as_ref().is_some_and(|tools| tools.iter().all(|known| known != tool))
    };
    let skill = followed.find(narrows)?;
    let tools = skill.tools.as_deref().unwrap_or_default();
    Some(format!("The skill {} does not use {tool}. Its tools are: {}.", skill.key, tools.join(", ")))
}
