//! Skills: capabilities as data. A skill is a document (YAML front matter, Markdown body) with
//! its companion documents. This crate reads and writes documents, says what is wrong with them,
//! compiles them for an organization, plans sequences and picks the skill that fits a message.
//! Pure: no IO, no clock.

#[cfg(test)]
mod build;
pub mod catalogue;
pub mod compile;
pub mod cookbook;
pub mod files;
mod found;
pub mod key;
pub mod limits;
pub mod mapping;
pub mod offer;
mod path;
pub mod pattern;
pub mod plan;
pub mod read;
pub mod report;
pub mod route;
pub mod schema;
pub mod skill;
pub mod step;
pub mod template;
pub mod write;
mod yaml;

pub use key::Key;
pub use read::{Files, Reading, read};
pub use report::{Finding, Report};
pub use skill::Skill;
pub use step::Step;
pub use write::{export_open, write};
