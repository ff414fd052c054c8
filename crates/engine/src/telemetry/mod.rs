//! What a process tells its operators of runs: numbers, and where the time of a request goes. Never what anybody said,
//! and never in a metric whose it was.

mod call;
mod meters;
pub mod names;
mod traces;

pub use call::ModelCall;
pub use meters::{Limit, Meters, OpenStream};
pub use traces::{Traced, Traces, attribute, span};

/// Where both go. As it is by default: nowhere.
#[derive(Clone, Debug, Default)]
pub struct Telemetry {
    pub meters: Meters,
    pub traces: Traces,
}

/// An outcome that nobody waited for: the run was stopped, or its time was over.
pub const CANCELLED: &str = "cancelled";
