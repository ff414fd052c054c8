//! The client of the Messages API.

mod broken;
mod calls;
mod refusals;
mod streams;
