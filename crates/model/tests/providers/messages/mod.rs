//! The client of the Messages API.

mod calls;
mod refusals;
mod streams;
