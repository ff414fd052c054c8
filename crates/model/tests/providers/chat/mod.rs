//! The client of Chat Completions: what it does as its sibling does, and what
//! compatible servers do to it.

mod calls;
mod quirks;
mod streams;
