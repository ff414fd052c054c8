//! What the copilot may do by itself, and what waits for a person.

mod admins;
mod bytes;
mod deciding;
pub mod desk;
mod matrix;
mod proposals;
mod races;
mod rights;
mod together;
mod waiting;
