//! A product loads its record: a request of a hundred thousand lines, beside `COPY` of the same rows into
//! the same table.

use std::{fmt::Write as _, time::Instant};

use serde_json::{Value, json};

use crate::{
    Result, fail,
    load::{Client, Target},
    postgres::Postgres,
    report::Report,
    service,
    stats::{median, spread},
};

const DATABASE: &str = "bench_batch";
const LINES: usize = 100_000;
const ROUNDS: usize = 3;

/// Lines of one round, companies first: contacts, deals and activities are linked to them. `amount` is in every line.
fn lines(round: usize, amount: usize) -> String {
    let mut text = String::new();
    for n in 0..LINES {
        let company = n % (LINES / 10);
        let at = format!("2026-{:02}-{:02}", 1 + n % 12, 1 + n % 28);
        let links = json!([{"kind": "company", "id": format!("r{round}-{company}")}]);
        let mut line = match n * 10 / LINES {
            0 => json!({"kind": "company", "name": format!("Company {n} Ltd"), "industry": "Glass"}),
            1..=4 => json!({"kind": "contact", "name": format!("Dana{n} Roe"), "links": links,
                "email": format!("dana{n}@example.com"), "title": "Buyer", "company": format!("Company {company} Ltd")}),
            5..=7 => json!({"kind": "deal", "name": format!("Renewal {n}"), "links": links, "owner": "alice",
                "stage": "negotiation", "currency": "EUR", "close_date": at, "probability": n % 100}),
            _ => json!({"kind": "activity", "name": format!("Call {n}"), "links": links,
                "type": "call", "date": at, "body": "We spoke about the renewal and the security review."}),
        };
        line["id"] = format!("r{round}-{n}").into();
        line["attributes"] = json!({ "amount": amount });
        writeln!(text, "{line}").expect("writing to a string cannot fail");
    }
    text
}

/// Lines a second of one request; each must have this status.
async fn load(client: &mut Client, lines: &str, status: &str) -> Result<f64> {
    let start = Instant::now();
    let answer = client.lines("/v1/entities/batch", lines.to_owned()).await?;
    let seconds = start.elapsed().as_secs_f64();
    let of = answer.matches(&format!(r#""status":"{status}""#)).count();
    if of != LINES {
        let odd = answer.lines().find(|line| !line.contains(status)).unwrap_or_default();
        return fail(format!("{of} of {LINES} lines are {status}; one is {odd}"));
    }
    Ok(LINES as f64 / seconds)
}

/// Rows a second of `COPY`, after the round's rows have gone.
fn copy(postgres: &Postgres, round: usize) -> Result<f64> {
    let columns = postgres.sql(
        DATABASE,
        "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
         where attrelid = 'sixty.entities'::regclass and attnum > 0 and not attisdropped and attgenerated = ''",
    )?;
    let file = format!("{}/round", postgres.sql(DATABASE, "show data_directory")?);
    let own = format!("id like 'r{round}-%'");
    postgres.sql(
        DATABASE,
        &format!("copy (select {columns} from sixty.entities where {own} order by kind, id) to '{file}'"),
    )?;
    postgres.sql(DATABASE, &format!("delete from sixty.entities where {own}"))?;
    postgres.sql(DATABASE, "vacuum sixty.entities")?;
    let start = Instant::now();
    postgres.sql(DATABASE, &format!("copy sixty.entities ({columns}) from '{file}'"))?;
    let seconds = start.elapsed().as_secs_f64();
    let copied: usize =
        postgres.sql(DATABASE, &format!("select count(*) from sixty.entities where {own}"))?.parse()?;
    if copied != LINES {
        return fail(format!("{copied} rows were copied, not {LINES}"));
    }
    Ok(LINES as f64 / seconds)
}

pub async fn batch(postgres: &Postgres, report: &mut Report) -> Result<()> {
    service::database(postgres, DATABASE)?;
    let provider = service::provider(&["--scripted"])?;
    let url = postgres.app_url(DATABASE, None);
    let server = service::service(&url, provider.address)?;
    let mut owner = Client::connect(&service::target(&url, &server)?).await?;
    let made = owner.json("POST", "/v1/admin/api-keys", &json!({"name": "Loader", "role": "member"})).await?;
    let Value::String(token) = &made["key"] else { return fail("no API key was made") };
    let target = Target::Sixty { address: server.address, token: token.clone() };
    let mut client = Client::connect(&target).await?;
    let (mut created, mut updated, mut unchanged, mut copied, mut ratios) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let first = lines(round, 1);
        created.push(load(&mut client, &first, "created").await?);
        unchanged.push(load(&mut client, &first, "unchanged").await?);
        updated.push(load(&mut client, &lines(round, 2), "updated").await?);
        copied.push(copy(postgres, round)?);
        ratios.push(created[round] / copied[round]);
    }
    report.add(
        format!("upserts a second, {LINES} lines in one request: created / updated / unchanged"),
        format!("{:.0} / {:.0} / {:.0}", median(&created), median(&updated), median(&unchanged)),
        "≥ 5,000",
    );
    report.add(
        "`COPY` of the same rows into the same table: rows a second; upserts ÷ rows",
        format!("{:.0}; {}", median(&copied), spread(&ratios, 2)),
        "",
    );
    server.stop()?;
    provider.stop()
}
