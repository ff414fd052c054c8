//! The format of skills: what is read, what is refused, what is written.

mod bad_input;
mod canonical;
mod common;
mod companions;
mod cookbook;
mod dialects;
mod keys;
mod open;
mod published;
