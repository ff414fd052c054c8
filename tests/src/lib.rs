//! The service as its users see it: over HTTP, on a real server, a real
//! Postgres, and the stand-in for the model. One binary.
#![cfg(test)]

mod approvals;
mod archive;
mod arrows;
mod audit;
mod cancel;
mod cancelled;
mod catalogue;
mod crashes;
mod deletion;
mod demo;
mod durable;
mod erasure;
mod fence;
mod harness;
mod housekeeping;
mod http;
mod identity;
mod ids;
mod isolation;
mod limits;
mod logins;
mod outage;
mod outside;
mod ownership;
mod poison;
mod posting;
mod preview;
mod prompt;
mod prompt_isolation;
mod proposals;
mod questions;
mod record;
mod resources;
mod restart;
mod resume;
mod retention;
mod search;
mod secrets;
mod slow;
mod stream;
mod tools;
mod turn;
mod upstream;
