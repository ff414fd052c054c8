//! Skills at work: what an organization's copilots are offered, which skill a message asks for,
//! and what one that is followed tells the model.

mod beside;
mod follow;
mod library;
pub(crate) mod narrow;
mod reading;
mod simulate;

pub use beside::{Beside, NewSkill};
pub use follow::Wanted;
pub(crate) use follow::{About, Person, Picked, sequence_context};
pub(crate) use library::{Entry, Libraries, Library, add_missing};
pub(crate) use reading::{facts, head, list_skills};
pub use simulate::Asker;
