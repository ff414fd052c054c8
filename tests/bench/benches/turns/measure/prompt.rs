//! What the provider bills for a conversation.

use serde_json::{Value, json};

use crate::{
    Result,
    load::{Client, Target},
    measure::{DATABASE, client},
    postgres::Postgres,
    report::Report,
    service,
};

/// Forty turns with tools and two writes to memory; the stand-in keeps the provider's books of its cache.
pub async fn cache(postgres: &Postgres, report: &mut Report) -> Result<()> {
    let provider = service::provider(&["--scripted", "--gap-ms", "0"])?;
    let mut control = Client::connect(&Target::Provider(provider.address)).await?;
    let (server, mut client) = client(&postgres.app_url(DATABASE, None), &provider).await?;
    let deal =
        json!({"kind": "deal", "id": "D-42", "name": "Acme renewal", "stage": "proposal", "amount": 84_000});
    client.json("POST", "/v1/entities", &deal).await?;
    let memory = json!({"content": "## Preferences\n- Short answers, numbers first\n".repeat(10)});
    client.json("PUT", "/v1/memory/user", &memory).await?;
    let session = client.session().await?;
    let answer =
        "Acme is at 84,000 EUR in proposal; Dana decides, and Tom has to sign for security. ".repeat(5);
    let (mut billed, mut whole, mut calls) = (0.0, 0.0, 0);
    for turn in 0..40 {
        let mut script: Vec<Value> = Vec::new();
        if turn % 4 == 1 {
            script
                .push(json!({"content": [{"tool": {"name": "find_entities", "input": {"query": "Acme"}}}]}));
        }
        if turn == 9 || turn == 25 {
            let input =
                json!({"scope": "user", "section": "Preferences", "text": format!("Remember number {turn}")});
            script.push(json!({"content": [{"tool": {"name": "memory_append", "input": input}}]}));
        }
        script.push(json!({"content": [{"text": answer}]}));
        calls += script.len();
        control.json("POST", "/sim/script", &Value::Array(script)).await?;
        let question =
            format!("Question {turn}: what is the state of the Acme renewal, and who has to sign next?");
        let usage = client.turn(&session, &question, None).await?.usage;
        let tokens = |name: &str| usage[name].as_f64().unwrap_or(0.0);
        let (fresh, written, read) = (
            tokens("input_tokens"),
            tokens("cache_creation_input_tokens"),
            tokens("cache_read_input_tokens"),
        );
        billed += fresh + 1.25 * written + 0.1 * read;
        whole += fresh + written + read;
    }
    report.add(
        "billed ÷ uncached input tokens over 40 turns with tools and two writes to memory",
        format!("{:.3} ({whole:.0} tokens in {calls} calls)", billed / whole),
        "≤ 0.20",
    );
    server.stop()?;
    provider.stop()
}
