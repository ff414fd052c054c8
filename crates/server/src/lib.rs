//! The HTTP face of Sixty: who calls, what comes in, what goes out.

mod app;
pub mod audit;
pub mod auth;
mod caller;
pub mod config;
pub mod demo;
mod door;
mod etag;
pub mod export;
mod extract;
mod idempotent;
mod keys;
mod layers;
mod listen;
mod negotiate;
mod objects;
pub mod observability;
mod page;
mod patience;
mod problem;
mod providers;
mod rates;
mod routes;
pub mod serve;
pub mod skill_files;
pub mod slack;
mod sse;
mod transcripts;

pub use app::{App, Public};
pub use listen::listen;
pub use routes::{openapi, router};
