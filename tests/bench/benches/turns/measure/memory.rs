//! Readers of a run that says nothing.

use std::time::Duration;

use serde_json::json;

use crate::{Result, load::Client, measure::DATABASE, postgres::Postgres, report::Report, service};

pub async fn readers(postgres: &Postgres, report: &mut Report) -> Result<()> {
    const READERS: usize = 2_000;
    let provider = service::provider(&["--scripted", "--gap-ms", "0"])?;
    let mut control = Client::connect(&crate::load::Target::Provider(provider.address)).await?;
    control.json("POST", "/sim/script", &json!([{"instead": "hang"}])).await?;
    let url = postgres.app_url(DATABASE, None);
    let server = service::service(&url, provider.address)?;
    let target = service::target(&url, &server)?;
    let mut client = Client::connect(&target).await?;
    let session = client.session().await?;
    let (path, question) = (format!("/v1/sessions/{session}/messages"), json!({"text": "Hold the line."}));
    let begun = client.json("POST", &path, &question);
    // It waits for an answer that never comes; the run is found by the session.
    let waited = tokio::time::timeout(Duration::from_millis(500), begun).await;
    if waited.is_ok() {
        return crate::fail("a run ended although the provider hangs");
    }
    let run = postgres.sql(DATABASE, &format!("select id from sixty.runs where session_id = '{session}'"))?;
    let before = server.usage()?.resident_bytes;
    let mut open = Vec::new();
    for _ in 0..READERS {
        let mut reader = Client::connect(&target).await?;
        let stream = reader.open(&format!("/v1/runs/{run}/events")).await?;
        open.push((reader, stream));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let each = (server.usage()?.resident_bytes - before) / READERS as f64;
    report.add(
        "idle stream readers: memory of one of 2,000 (KB); readers to a GB",
        format!("{:.1}; {:.0}", each / 1e3, 1e9 / each),
        "≥ 50,000",
    );
    drop(open);
    // Else the next service on this database would go on with it.
    let mut canceller = Client::connect(&target).await?;
    canceller.json("POST", &format!("/v1/runs/{run}/cancel"), &json!({})).await?;
    server.stop()?;
    provider.stop()
}
