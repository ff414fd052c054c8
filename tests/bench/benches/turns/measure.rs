//! What is measured, in the order of the table.

mod archive;
mod batch;
mod cost;
mod latency;
mod memory;
mod models;
mod prompt;
mod questions;
mod ranking;
mod routing;
mod schedules;

use tokio::task::JoinSet;

use crate::{
    Result, fail,
    load::{Client, Target, Turn},
    postgres::Postgres,
    process::Server,
    report::Report,
    service,
};

/// Rounds of each comparison.
const ROUNDS: usize = 5;
const DATABASE: &str = "bench";

/// Provider, passthrough and service, in this order everywhere.
struct Legs {
    servers: [Server; 3],
    targets: [Target; 3],
}

const SIXTY: usize = 2;

impl Legs {
    fn start(postgres: &Postgres, provider: &[&str]) -> Result<Self> {
        let provider = service::provider(provider)?;
        let passthrough = service::passthrough(provider.address)?;
        let url = postgres.app_url(DATABASE, None);
        let sixty = service::service(&url, provider.address)?;
        let targets = [
            Target::Provider(provider.address),
            Target::Provider(passthrough.address),
            service::target(&url, &sixty)?,
        ];
        Ok(Self { servers: [provider, passthrough, sixty], targets })
    }

    fn stop(self) -> Result<()> {
        let [provider, passthrough, sixty] = self.servers;
        sixty.stop()?;
        passthrough.stop()?;
        provider.stop()
    }
}

fn firsts(turns: &[Turn]) -> Vec<f64> {
    turns.iter().map(|turn| turn.first * 1e3).collect()
}

/// A part of the table: its name, and what measures it.
macro_rules! parts {
    ($wanted:expr, $report:expr, $($name:literal => $measured:expr;)*) => {{
        let known = [$($name),*];
        if let Some(unknown) = $wanted.iter().find(|wanted| !known.contains(&wanted.as_str())) {
            return fail(format!("there is no part {unknown:?}; the parts are {}", known.join(", ")));
        }
        $(if $wanted.is_empty() || $wanted.iter().any(|wanted| wanted == $name) {
            let measured = $measured.await;
            $report.missing($name, measured);
        })*
    }};
}

/// Measures the parts of these names, or all of them; only the whole table is published.
pub async fn all(wanted: &[String]) -> Result<()> {
    let postgres = Postgres::start()?;
    service::database(&postgres, DATABASE)?;
    let mut report = Report::new(postgres.version()?);
    let start = std::time::Instant::now();
    parts!(wanted, report,
        "alone" => latency::alone(&postgres, &mut report);
        "burst" => latency::burst(&postgres, &mut report);
        "readers" => memory::readers(&postgres, &mut report);
        "trips" => cost::round_trips(&postgres, &mut report);
        "lengths" => cost::lengths(&postgres, &mut report);
        "policies" => cost::policies(&postgres, &mut report);
        "cache" => prompt::cache(&postgres, &mut report);
        "ranking" => ranking::ranking(&postgres, &mut report);
        "archive" => archive::growth(&postgres, &mut report);
        "paced-20" => latency::paced(&postgres, &mut report, 20);
        "paced-100" => latency::paced(&postgres, &mut report, 100);
        "saturated" => latency::saturated(&postgres, &mut report);
        "batch" => batch::batch(&postgres, &mut report);
        "questions" => questions::all(&postgres, &mut report);
        "routing" => routing::all(&postgres, &mut report);
        "models" => models::all(&postgres, &mut report);
        "schedules" => schedules::all(&postgres, &mut report);
    );
    eprintln!("{:.0} s", start.elapsed().as_secs_f64());
    if wanted.is_empty() { report.publish() } else { report.verdict() }
}

/// Starts the service alone, on a database as `url` names it.
async fn client(url: &str, provider: &Server) -> Result<(Server, Client)> {
    let server = service::service(url, provider.address)?;
    let client = Client::connect(&service::target(url, &server)?).await?;
    Ok((server, client))
}

/// Background tasks of a measurement.
type Tasks = JoinSet<std::io::Result<()>>;
