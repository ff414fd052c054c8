//! How much a skill may be. Every bound of the format stands here.

const KIB: usize = 1_024;

/// Longest front matter, in bytes.
pub const FRONT_MATTER: usize = 64 * KIB;
/// Longest document, in bytes; a longer one is not even looked at. The body has what is left. No copilot is given one
/// that is nearly as long: [`crate::compile::MAX_TEXT`].
pub const DOCUMENT: usize = 1_024 * KIB;
/// Most companion documents of a skill.
pub const FILES: usize = 128;
/// Longest companion document, in bytes.
pub const FILE: usize = 256 * KIB;
/// All companion documents of a skill together, in bytes.
pub const ALL_FILES: usize = 4_096 * KIB;
/// Longest path of a companion document, in bytes.
pub const PATH: usize = 200;
/// How many folders deep a companion document may lie.
pub const FOLDERS: usize = 8;

/// How deep the front matter may be nested.
pub const DEPTH: usize = 24;
/// How deep a value with any keys may be nested: an unknown key's, a mapping's, a schema's.
pub const NESTED: usize = 16;
/// Longest name of a key, in characters.
pub const KEY_NAME: usize = 200;
/// Most values in a front matter, those that aliases repeat included.
pub const VALUES: usize = 10_000;
/// Most anchors, and most uses of them.
pub const ALIASES: usize = 100;
/// Most items of a list, and most keys of a map.
pub const ITEMS: usize = 200;
/// Most triggers.
pub const TRIGGERS: usize = 100;
/// Most steps of a sequence.
pub const STEPS: usize = 50;

/// Longest time that a skill or a step may take, in milliseconds: a day.
pub const TIMEOUT_MS: u64 = 86_400_000;
/// How often a step may be tried again.
pub const RETRIES: u64 = 10;

/// Longest title, in characters.
pub const NAME: usize = 200;
/// Longest description, in characters. The open format has 1,024: an export shortens it.
pub const DESCRIPTION: usize = 8_000;
/// Longest of the other texts, in characters.
pub const TEXT: usize = 4_000;
/// Longest pattern of a trigger, in characters.
pub const PATTERN: usize = 500;
/// What a trigger's regular expression may take when it is compiled, in bytes.
pub const REGEX: usize = 256 * KIB;
/// How deep a regular expression may be nested.
pub const REGEX_DEPTH: u32 = 20;

/// Most findings of a kind in a report: more than an author mends at once.
pub const FINDINGS: usize = 100;
