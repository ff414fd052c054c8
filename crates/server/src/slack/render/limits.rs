//! What Slack takes, from its reference of Block Kit and, where that is silent, from
//! measurements that others have published. All in characters, see [`super::text::length`].

/// Blocks of a message.
pub const BLOCKS: usize = 50;
/// Blocks of a view.
pub const VIEW_BLOCKS: usize = 100;
/// A `markdown` block, and all of a message together; also `markdown_text` of a stream. (All texts of a
/// message together are refused at about 13,200 with `msg_blocks_too_long`.)
pub const MARKDOWN: usize = 12_000;
/// The plain text that stands for a message in notifications.
pub const FALLBACK: usize = 4_000;
/// The text of a section.
pub const SECTION: usize = 3_000;
/// The label of a button or of an option.
pub const LABEL: usize = 75;
/// The text of a question before a click counts.
pub const CONFIRM: usize = 300;
/// The value of a button.
pub const BUTTON_VALUE: usize = 2_000;
/// Elements of an `actions` block.
pub const ACTIONS: usize = 25;
/// Options of checkboxes, and of a menu.
pub const CHECKBOXES: usize = 10;
pub const MENU: usize = 100;
/// The value of an option.
pub const OPTION_VALUE: usize = 150;
/// Title and buttons of a view.
pub const VIEW_TITLE: usize = 24;
/// What a person can write into an input.
pub const INPUT: usize = 3_000;
/// The label and the hint of an input.
pub const INPUT_LABEL: usize = 2_000;
/// The id of a block.
pub const BLOCK_ID: usize = 255;
/// The address behind a button.
pub const URL: usize = 3_000;
/// Rows of a table and the characters of all cells of a message; Slack makes tables of Markdown's.
pub const TABLE_ROWS: usize = 100;
pub const TABLE_CELLS: usize = 10_000;
