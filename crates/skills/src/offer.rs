//! Which skills are offered to a copilot, and which of two comes first.

use crate::Skill;

/// Where a copilot answers. A skill that names other places only is not for it.
const PLACES: [&str; 2] = ["copilot", "shared"];

/// Whether a copilot offers this skill, which is switched on: it is shown, and not given up. What the document says of
/// a switch counts as it is taken in; from then on an administrator's word does.
pub fn is_offered(skill: &Skill) -> bool {
    skill.deprecation.is_none() && is_shown(skill)
}

/// Whether a copilot knows of this skill: it is no library, and meant for here.
pub fn is_shown(skill: &Skill) -> bool {
    let here =
        || skill.namespaces.iter().any(|name| PLACES.iter().any(|place| name.eq_ignore_ascii_case(place)));
    !skill.key.is_library() && (skill.namespaces.is_empty() || here())
}

/// The larger, the more important. A priority of the author's own making counts as none: as medium.
pub fn priority(skill: &Skill) -> u8 {
    match skill.priority.as_deref().unwrap_or_default().to_lowercase().as_str() {
        "critical" => 4,
        "high" => 3,
        "low" => 1,
        _ => 2,
    }
}
