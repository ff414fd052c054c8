//! What operators see of the service beside its log: `/metrics`, and spans that go to a collector.

mod export;
mod exposition;
mod requests;

pub use export::{Export, header_values};
pub use exposition::Exposition;
pub use requests::observe;
