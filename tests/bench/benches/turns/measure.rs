//! What is measured, in the order of the table.

mod cost;
mod latency;
mod memory;
mod prompt;

use tokio::task::JoinSet;

use crate::{
    Result,
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

pub async fn all() -> Result<()> {
    let postgres = Postgres::start()?;
    service::database(&postgres, DATABASE)?;
    let mut report = Report::new(postgres.version()?);
    let start = std::time::Instant::now();
    let alone = latency::alone(&postgres, &mut report).await;
    report.missing("one turn at a time", alone);
    let burst = latency::burst(&postgres, &mut report).await;
    report.missing("a burst of tokens", burst);
    let readers = memory::readers(&postgres, &mut report).await;
    report.missing("idle stream readers", readers);
    let trips = cost::round_trips(&postgres, &mut report).await;
    report.missing("database round trips", trips);
    let lengths = cost::lengths(&postgres, &mut report).await;
    report.missing("a turn after many messages", lengths);
    let policies = cost::policies(&postgres, &mut report).await;
    report.missing("row-level security", policies);
    let cache = prompt::cache(&postgres, &mut report).await;
    report.missing("the provider's cache", cache);
    for people in [20, 100] {
        let paced = latency::paced(&postgres, &mut report, people).await;
        report.missing(&format!("{people} turns at a time"), paced);
    }
    let saturated = latency::saturated(&postgres, &mut report).await;
    report.missing("turns a second of a hundred clients", saturated);
    eprintln!("{:.0} s", start.elapsed().as_secs_f64());
    report.publish()
}

/// Starts the service alone, on a database as `url` names it.
async fn client(url: &str, provider: &Server) -> Result<(Server, Client)> {
    let server = service::service(url, provider.address)?;
    let client = Client::connect(&service::target(url, &server)?).await?;
    Ok((server, client))
}

/// Background tasks of a measurement.
type Tasks = JoinSet<std::io::Result<()>>;
