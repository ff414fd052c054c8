//! The audit trail's seals: made, and proven again. docs/audit.md says what a seal
//! proves, and what it cannot.

mod job;
mod trail;
mod verify;

pub(crate) use job::cause;
pub use job::{Sealing, seal, seal_organization};
pub use trail::SealKeys;
pub use verify::{Anchor, Broken, Report, verify};
