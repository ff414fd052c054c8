//! What a turn costs the database, and what makes it cost more.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Result, counter,
    load::{Client, Pace, Target, crowd, run},
    measure::{DATABASE, ROUNDS, SIXTY, Tasks, client, firsts},
    postgres::Postgres,
    report::Report,
    service,
    stats::{median, spread},
};

const QUESTION: &str = "How do we stand with Acme?";

/// Counted on the wire between service and Postgres; of several turns the middle one, because workers ask too.
pub async fn round_trips(postgres: &Postgres, report: &mut Report) -> Result<()> {
    let provider = service::provider(&["--scripted", "--gap-ms", "0"])?;
    let mut control = Client::connect(&Target::Provider(provider.address)).await?;
    let mut tasks = Tasks::new();
    let (through, counts) = counter::start(postgres.address, &mut tasks).await?;
    let (server, mut client) = client(&postgres.app_url(DATABASE, Some(through)), &provider).await?;
    let words = (0..200).map(|n| format!("tok{n}")).collect::<Vec<_>>().join(" ");
    let call = json!({"content": [{"tool": {"name": "find_entities", "input": {"query": "Acme"}}}]});
    let answer = json!({"content": [{"text": words}]});
    let mut seen: [Vec<[f64; 2]>; 3] = Default::default();
    for _ in 0..15 {
        // As many answers in a row as there are steps: no tool, one, and two.
        for (calls, seen) in seen.iter_mut().enumerate() {
            let mut script = vec![call.clone(); calls];
            script.push(answer.clone());
            control.json("POST", "/sim/script", &Value::Array(script)).await?;
            let session = client.session().await?;
            tokio::time::sleep(Duration::from_millis(40)).await;
            let before = counts.now();
            client.turn(&session, QUESTION, Some(200)).await?;
            tokio::time::sleep(Duration::from_millis(40)).await;
            let after = counts.now();
            seen.push([(after.0 - before.0) as f64, (after.1 - before.1) as f64]);
        }
    }
    let middle =
        |calls: usize, at: usize| median(&seen[calls].iter().map(|pair| pair[at]).collect::<Vec<_>>());
    let step = |at| (middle(2, at) - middle(0, at)) / 2.0;
    report.add(
        "database round trips of a whole plain turn; of each tool step",
        format!("{:.0}; {:.1}", middle(0, 0), step(0)),
        "each step ≤ 1",
    );
    report.add(
        "commits of a plain turn; of each tool step",
        format!("{:.0}; {:.1}", middle(0, 1), step(1)),
        "",
    );
    control.json("POST", "/sim/script", &json!([{"content": [{"text": words.repeat(5)}]}])).await?;
    let session = client.session().await?;
    tokio::time::sleep(Duration::from_millis(40)).await;
    let before = counts.now().0;
    client.turn(&session, QUESTION, None).await?;
    tokio::time::sleep(Duration::from_millis(40)).await;
    let more = (counts.now().0 - before) as f64 - middle(0, 0);
    report.add("database round trips of 5 times as many tokens, added", format!("{more:.0}"), "0");
    server.stop()?;
    provider.stop()
}

/// A conversation with a history, of which the last messages are live.
fn history(postgres: &Postgres, database: &str, session: &str, messages: usize, live: usize) -> Result<()> {
    let sql = format!(
        "insert into sixty.messages (org_id, owner_id, session_id, id, seq, role, content, author_id) \
         select s.org_id, s.owner_id, s.id, gen_random_uuid(), n, case n % 2 when 1 then 'user' else 'assistant' end, \
         json_build_array(json_build_object('type', 'text', 'text', 'Message ' || n || repeat(' and so on', 20)))::text, \
         s.owner_id from sixty.sessions s, generate_series(1, {messages}) n where s.id = '{session}'; \
         update sixty.sessions set last_seq = {messages}, message_count = {messages}, \
         live_from_seq = {messages} - {live} + 1 where id = '{session}'; analyze sixty.messages;"
    );
    postgres.sql(database, &sql).map(drop)
}

/// A turn after so many messages: archived but for ten, and all of them live.
pub async fn lengths(postgres: &Postgres, report: &mut Report) -> Result<()> {
    let provider = service::provider(&["--bench-tokens", "20", "--gap-ms", "0"])?;
    let (server, mut client) = client(&postgres.app_url(DATABASE, None), &provider).await?;
    let shapes =
        [(10, 10), (100, 10), (1_000, 10), (10_000, 10), (100, 100), (1_000, 1_000), (10_000, 10_000)];
    let mut rounds = vec![Vec::new(); shapes.len()];
    for _ in 0..ROUNDS {
        let mut sessions = Vec::new();
        for (messages, live) in shapes {
            let session = client.session().await?;
            history(postgres, DATABASE, &session, messages, live)?;
            sessions.push(session);
        }
        let mut seen = vec![Vec::new(); shapes.len()];
        for _ in 0..15 {
            for (session, seen) in sessions.iter().zip(&mut seen) {
                seen.push(client.turn(session, QUESTION, Some(20)).await?.whole * 1e3);
            }
        }
        for (round, seen) in rounds.iter_mut().zip(seen) {
            round.push(median(&seen));
        }
    }
    for (what, from, to) in [("ten of them live, the rest archived", 1, 4), ("all of them live", 4, 7)] {
        let ratio = |at: usize| -> Vec<f64> {
            rounds[at].iter().zip(&rounds[0]).map(|(long, short)| long / short).collect()
        };
        let counts: Vec<String> = shapes[from..to].iter().map(|(messages, _)| messages.to_string()).collect();
        let ratios: Vec<String> = (from..to).map(|at| spread(&ratio(at), 2)).collect();
        report.add(
            format!("a turn after {} messages ÷ after 10, {what}", counts.join(" / ")),
            ratios.join(" / "),
            if from == 1 { "≤ 1.2" } else { "" },
        );
    }
    server.stop()?;
    provider.stop()
}

/// The same service on a database without the policies.
pub async fn policies(postgres: &Postgres, report: &mut Report) -> Result<()> {
    const BARE: &str = "bench_bare";
    service::database(postgres, BARE)?;
    let tables = "select 'sixty.' || tablename from pg_tables where schemaname = 'sixty' and rowsecurity";
    for table in postgres.sql(BARE, tables)?.lines() {
        postgres.sql(BARE, &format!("alter table {table} disable row level security"))?;
    }
    let provider = service::provider(&["--bench-tokens", "20", "--gap-ms", "0"])?;
    let [with, without] = [postgres.app_url(DATABASE, None), postgres.app_url(BARE, None)];
    let servers = [service::service(&without, provider.address)?, service::service(&with, provider.address)?];
    let targets = [
        Target::Provider(provider.address),
        service::target(&without, &servers[0])?,
        service::target(&with, &servers[1])?,
    ];
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        let mut middle = [0.0; 3];
        for (at, target) in targets.iter().enumerate() {
            let people = crowd(target, 1).await?;
            if at > 0 {
                history(postgres, if at == SIXTY { DATABASE } else { BARE }, &people[0].1, 24, 24)?;
            }
            let (turns, _) = run(people, Pace::Closed { turns: 80 }, 20).await?;
            middle[at] = median(&firsts(&turns));
        }
        if round > 0 {
            ratios.push((middle[2] - middle[0]) / (middle[1] - middle[0]));
        }
    }
    report.add("added first-token time with row-level security ÷ without", spread(&ratios, 2), "≤ 1.3");
    for server in servers {
        server.stop()?;
    }
    provider.stop()
}
