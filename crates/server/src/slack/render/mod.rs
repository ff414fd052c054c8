//! What is shown in Slack, as pure functions: nothing here knows a token, a clock or a database.
//! Everything that is built fits Slack's [`limits`], whatever it is built from, and what a model or
//! another system wrote mentions nobody.

mod approval;
mod blocks;
mod card;
mod click;
mod hints;
mod incoming;
pub mod limits;
mod live;
mod message;
mod modal;
mod preview;
mod question;
mod segments;
mod split;
mod steps;
mod submission;
mod text;

#[cfg(test)]
mod tests;

pub use approval::{approval, decided};
pub use card::card;
pub use click::Click;
pub use hints::{did_you_mean, help, notice, unlinked_person, unlinked_workspace, usage};
pub use incoming::incoming;
pub use live::{Live, Piece};
pub use message::{Audience, Message, Reply, answer};
pub use modal::{CALLBACK, edit_modal};
pub use question::{answered, chosen, question};
pub use steps::steps;
pub use submission::{Errors, edited_input, explained, refused, refused_fields};

/// A text of others for `mrkdwn`: nothing in it is a mention or a link.
pub fn escape(text: &str) -> String {
    text::escape(text, limits::SECTION)
}
