//! `execute_action("NAME", {…})` in a body: the way in which older skills call tools.

use super::{World, resolve};

const CALL: &str = "execute_action";
const QUOTES: [char; 7] = ['"', '\'', '`', '\u{201C}', '\u{201D}', '\u{2018}', '\u{2019}'];
/// Longest name of a tool.
const MAX_NAME: usize = 128;

/// The names that are called, wherever they stand: real skills write calls in code fences, in
/// tables and in sentences.
pub(super) fn named(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(CALL).filter_map(|(at, _)| {
        let rest = text[at + CALL.len()..].trim_start_matches(' ').strip_prefix('(')?;
        let name = rest.trim_start().strip_prefix(QUOTES)?;
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        let end = name.char_indices().take(MAX_NAME + 1).find(|(_, c)| !known(*c))?.0;
        (end > 0 && name[end..].starts_with(QUOTES)).then(|| &name[..end])
    })
}

/// The line above the body, if it is needed.
pub(super) fn explained(calls: &[String], world: &World<'_>) -> Option<String> {
    if calls.is_empty() {
        return None;
    }
    let mut line = "In this text `execute_action(\"NAME\", {…})` means: call the tool NAME with these \
        parameters, without `confirm`."
        .to_owned();
    for (call, name) in calls.iter().filter_map(|call| Some((call, resolve(call, world)?))) {
        if call != name {
            line.push_str(&format!(" `{call}` is the tool `{name}`."));
        }
    }
    Some(line)
}
