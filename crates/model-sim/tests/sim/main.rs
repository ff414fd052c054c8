//! The stand-in as a client sees it, over HTTP and with no client of ours.

mod support;

mod caching;
mod chat;
mod control;
mod demo;
mod faults;
mod late;
mod recollecting;
mod scripting;
mod selling;
mod stream;
mod suggesting;
mod summaries;
mod tool_pairs;
mod validation;
mod wording;
