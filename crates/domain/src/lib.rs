//! The nouns of Sixty: ids, roles, errors, message blocks, events. No IO.

pub mod approval;
pub mod archive;
pub mod asked;
pub mod audit;
pub mod block;
pub mod brief;
pub mod budget;
pub mod card;
pub mod email;
pub mod entity;
pub mod erasure;
pub mod error;
pub mod event;
pub mod facets;
pub mod feedback;
pub mod fields;
pub mod id;
pub mod member;
pub mod memory;
pub mod models;
pub mod notification;
pub mod offered;
pub mod permission;
pub mod preview;
pub mod profile;
pub mod proposal;
pub mod retention;
pub mod run;
pub mod schedule;
pub mod secret;
pub mod sequence;
pub mod session;
pub mod skill;
pub mod suggestion;
pub mod tenant;
pub mod tool;
pub mod transcript;
pub mod usage;
pub mod visible;
pub mod words;

pub use block::Block;
pub use card::Card;
pub use entity::{EntityKind, EntityRef};
pub use error::{Error, FieldError, OptionalExt, Result};
pub use event::{Cursor, Event};
pub use id::{
    ApiKeyId, ApprovalId, ArchiveId, CardId, MessageId, NotificationId, OrgId, QuestionId, RunId, ScheduleId,
    ScheduleRunId, SessionId, SlackLinkId, UserId,
};
pub use memory::MemoryScope;
pub use tenant::{Role, Scope, Tenant};
pub use usage::{Cost, Usage};
