//! What it costs to decide which model a turn asks, and to ask another one when that fails.

use std::{collections::BTreeMap, fs, hint::black_box, sync::Arc};

use domain::models::{Feature, ModelSettings, Price, Routes, Tier, Tiered, Wish};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Result, fail,
    load::{Client, Target},
    measure::{DATABASE, ROUNDS, client},
    postgres::Postgres,
    proxy::Flawed,
    report::Report,
    service,
    stats::{median, quantile, spread},
};

/// Rows of each kind, as many as an administrator may set.
const MODELS: usize = 500;
const CANDIDATES: usize = 8;
const DECISIONS: usize = 10_000;
const TURNS: usize = 60;
const TOKENS: usize = 20;
const QUESTION: &str = "How do we stand with Acme?";
const FEATURES: [Feature; 5] =
    [Feature::Chat, Feature::Slack, Feature::Schedule, Feature::Skill, Feature::Summary];
const TIERS: [Tier; 3] = [Tier::Low, Tier::Medium, Tier::High];

pub async fn all(postgres: &Postgres, report: &mut Report) -> Result<()> {
    decision(report)?;
    routed(postgres, report).await?;
    failover(postgres, report).await
}

/// As many rows as there may be; the first candidate of each route is `first`, or one of the others.
fn rows(first: Option<&str>) -> Value {
    let name = |n: usize| format!("anthropic/model-{n}");
    let price = json!({"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75});
    let names: Vec<String> = first.map(str::to_owned).into_iter().chain((0..MODELS - 1).map(name)).collect();
    let models: Vec<Value> = names
        .iter()
        .map(|model| json!({"model": model, "price": price, "context_window": 200_000, "capabilities": ["tools"]}))
        .collect();
    let mut routes = Vec::new();
    for (n, feature) in FEATURES.iter().enumerate() {
        for (m, tier) in TIERS.iter().enumerate() {
            let at = (n * TIERS.len() + m) * CANDIDATES;
            let mut candidates = names[at..at + CANDIDATES].to_vec();
            if let Some(first) = first.filter(|_| at > 0) {
                first.clone_into(&mut candidates[0]);
            }
            routes.push(json!({"feature": feature, "tier": tier, "candidates": candidates}));
        }
    }
    json!({"models": models, "routes": routes, "allowed": names})
}

/// The pure part: the rule as a function of rows that are in memory.
fn decision(report: &mut Report) -> Result<()> {
    let settings: ModelSettings = serde_json::from_value(rows(None))?;
    let routes = |settings: &ModelSettings| Routes {
        own: settings.clone(),
        platform: settings.clone(),
        default: "anthropic/model-0".into(),
        prices: Arc::<[(String, Price)]>::from([]),
        providers: Arc::from(["anthropic".to_owned()]),
    };
    let (full, none) = (routes(&settings), routes(&ModelSettings::default()));
    let (mut ours, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (rows, plain) = (decide(&full)?, decide(&none)?);
        ratios.push(median(&rows) / median(&plain));
        ours.extend(rows);
    }
    report.add(
        format!("which model a turn asks, among {MODELS} models and 15 routes: median; p99 (µs)"),
        format!("{:.1}; {:.1}", median(&ours), quantile(&ours, 0.99)),
        "",
    );
    report.add("— that ÷ the same where no row is set", spread(&ratios, 1), "");
    Ok(())
}

/// The microseconds of each decision.
fn decide(routes: &Routes) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for n in 0..DECISIONS {
        let tier = Tiered { tier: TIERS[n % TIERS.len()], reason: "a benchmark" };
        let feature = FEATURES[n % FEATURES.len()];
        let wish = Wish { feature, tier, asked: Vec::new(), needs: Vec::new(), warm: None, priced: false };
        let start = Instant::now();
        let answer = black_box(routes.route(black_box(&wish)))?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        drop(answer);
    }
    Ok(times)
}

/// Milliseconds to the first token of turns, each in a conversation of its own.
async fn turns(client: &mut Client, times: &mut Vec<f64>) -> Result<()> {
    for _ in 0..TURNS {
        let session = client.session().await?;
        times.push(client.turn(&session, QUESTION, Some(TOKENS)).await?.first * 1e3);
    }
    Ok(())
}

/// The same turn with all rows set, and with none.
async fn routed(postgres: &Postgres, report: &mut Report) -> Result<()> {
    let provider = service::provider(&["--bench-tokens", "20", "--gap-ms", "0"])?;
    let mut direct = Client::connect(&Target::Provider(provider.address)).await?;
    let (server, mut client) = client(&postgres.app_url(DATABASE, None), &provider).await?;
    let settings = [json!({}), rows(Some("anthropic/bench"))];
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        let mut middle = [0.0; 3];
        let mut times = Vec::new();
        turns(&mut direct, &mut times).await?;
        middle[0] = median(&times);
        for (at, settings) in settings.iter().enumerate() {
            client.json("PUT", "/v1/admin/models", settings).await?;
            let mut times = Vec::new();
            turns(&mut client, &mut times).await?;
            middle[at + 1] = median(&times);
        }
        if round > 0 {
            ratios.push((middle[2] - middle[0]) / (middle[1] - middle[0]));
        }
    }
    report.add("added first-token time with all these rows ÷ without any", spread(&ratios, 2), "");
    client.json("PUT", "/v1/admin/models", &json!({})).await?;
    server.stop()?;
    provider.stop()
}

/// One of two models refuses every other message; the other one answers then.
async fn failover(postgres: &Postgres, report: &mut Report) -> Result<()> {
    let provider = service::provider(&["--bench-tokens", "20", "--gap-ms", "0"])?;
    let flawed = Flawed::start(provider.address).await?;
    let file = postgres.scratch("providers.json");
    let described = BTreeMap::from([(
        "flawed",
        json!({"kind": "messages", "base_url": format!("http://{}", flawed.address)}),
    )]);
    fs::write(&file, serde_json::to_string(&described)?)?;
    let url = postgres.app_url(DATABASE, None);
    let server = service::service_of(&url, provider.address, &file)?;
    let mut client = Client::connect(&service::target(&url, &server)?).await?;
    let mut direct = Client::connect(&Target::Provider(provider.address)).await?;
    let routes = json!({"routes": [{"candidates": ["flawed/one", "anthropic/other"]}]});
    client.json("PUT", "/v1/admin/models", &routes).await?;
    let (mut added, mut ratios, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let Legs { direct, plain, failed, after } = legs(&mut direct, &mut client, &flawed).await?;
        if round > 0 {
            let itself = median(&direct);
            added.push(median(&after) - itself);
            all.extend(after.iter().map(|after| after - itself));
            ratios.push(median(&failed) / median(&plain));
        }
    }
    report.add(
        "failover: from the refusal to the second model's first token, without what that takes itself: median; p99 (ms)",
        format!("{}; {:.2}", spread(&added, 2), quantile(&all, 0.99)),
        "",
    );
    report.add("— first token of a turn that fails over ÷ of one that does not", spread(&ratios, 2), "");
    client.json("PUT", "/v1/admin/models", &json!({})).await?;
    server.stop()?;
    provider.stop()
}

/// Milliseconds to the first token.
#[derive(Default)]
struct Legs {
    /// Of the provider itself.
    direct: Vec<f64>,
    /// Of turns that the first model answers.
    plain: Vec<f64>,
    /// Of turns that fail over.
    failed: Vec<f64>,
    /// Of the same, from the refusal on.
    after: Vec<f64>,
}

async fn legs(direct: &mut Client, client: &mut Client, flawed: &Flawed) -> Result<Legs> {
    let mut legs = Legs::default();
    for n in 0..2 * TURNS {
        if n % 2 == 0 {
            legs.direct.push(direct.turn("", QUESTION, Some(TOKENS)).await?.first * 1e3);
        }
        // A conversation of its own: one that has failed over stays with the model that answered.
        let session = client.session().await?;
        let start = Instant::now();
        let first = client.turn(&session, QUESTION, Some(TOKENS)).await?.first;
        match flawed.refused()[..] {
            [] => legs.plain.push(first * 1e3),
            [at] => {
                legs.failed.push(first * 1e3);
                legs.after.push((first - (at - start).as_secs_f64()) * 1e3);
            }
            _ => return fail("a turn was refused twice"),
        }
    }
    let counts = [legs.direct.len(), legs.plain.len(), legs.failed.len()];
    if counts == [TURNS; 3] { Ok(legs) } else { fail(format!("turns in the legs: {counts:?}")) }
}
