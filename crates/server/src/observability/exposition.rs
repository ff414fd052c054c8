//! The numbers of a process as Prometheus reads them.

use std::time::Duration;

use engine::telemetry::{
    Meters,
    names::{self, Kind},
};
use metrics::{Label, Recorder as _};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use model::Standing;

use crate::{App, serve::Fatal};

/// As the conventions of OpenTelemetry propose them: tokens, and seconds of a model call.
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
const CALLS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// Fewer than are usual: there are many routes.
const REQUESTS: [f64; 9] = [0.002, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0];
/// How often what was measured since is added up: until then each measurement takes its own room.
const UPKEEP: Duration = Duration::from_secs(5);

/// What is counted, and how it is told.
pub struct Exposition {
    meters: Meters,
    handle: PrometheusHandle,
}

impl Exposition {
    pub fn new() -> Result<Self, Fatal> {
        let mut builder = PrometheusBuilder::new();
        for (metric, buckets) in [
            (names::TOKEN_USAGE, TOKENS.as_slice()),
            (names::CALL_DURATION, &CALLS),
            (names::FIRST_CHUNK, &CALLS),
            (names::REQUESTS, &REQUESTS),
        ] {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
        }
        let recorder = builder.build_recorder();
        for metric in names::ALL {
            let (name, help) = (metric.name.into(), metric.help.into());
            match metric.kind {
                Kind::Counter => recorder.describe_counter(name, None, help),
                Kind::Gauge => recorder.describe_gauge(name, None, help),
                Kind::Histogram => recorder.describe_histogram(name, None, help),
            }
        }
        let handle = recorder.handle();
        let meters = Meters::new(recorder);
        let version = Label::from_static_parts("version", env!("CARGO_PKG_VERSION"));
        meters.gauge(names::BUILD, vec![version]).set(1.0);
        meters.gauge(names::STREAMS, Vec::new()).set(0.0);
        Ok(Self { meters, handle })
    }

    /// Where the engine counts.
    pub fn meters(&self) -> Meters {
        self.meters.clone()
    }

    /// Adds up what was measured, until the engine ends.
    pub fn keep_up(&self, app: &App) {
        let (handle, stopping) = (self.handle.clone(), app.engine.stopping());
        app.engine.detach(async move {
            while stopping.run_until_cancelled(tokio::time::sleep(UPKEEP)).await.is_some() {
                handle.run_upkeep();
            }
        });
    }

    /// The text that a scrape gets.
    pub fn render(&self, app: &App) -> String {
        self.look(app);
        self.handle.render()
    }

    /// What is looked at rather than counted.
    fn look(&self, app: &App) {
        self.meters.gauge(names::RUNS, Vec::new()).set(float(app.engine.running()));
        for (pool, open) in app.store().open_connections() {
            for (state, count) in [("in_use", open.in_use), ("idle", open.idle)] {
                let labels =
                    vec![Label::from_static_parts("pool", pool), Label::from_static_parts("state", state)];
                self.meters.gauge(names::POOL, labels).set(f64::from(count));
            }
        }
        for (model, gauge) in self.meters.circuits() {
            gauge.set(match app.engine.shared_standing(&model) {
                Standing::Closed => 0.0,
                Standing::HalfOpen => 1.0,
                Standing::Open { .. } => 2.0,
            });
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of runs, far below 2^52")]
fn float(count: usize) -> f64 {
    count as f64
}
