//! `recall` and `read_archive`: the person's own earlier conversations.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use domain::{ArchiveId, Error, Result, SessionId, session::Message};
use serde_json::Value;
use store::{
    TenantTx,
    archives::{self, Search},
    trust,
};

use super::{Origin, Outcome};
use crate::compaction::text;

const RESULTS: i64 = 8;

pub async fn recall(
    tx: &mut TenantTx,
    query: &str,
    limit: Option<i64>,
    since: Option<&str>,
) -> Result<Outcome> {
    let since = match since.map(moment).transpose() {
        Ok(since) => since,
        Err(refusal) => return Ok(Outcome::failed(refusal)),
    };
    let search = Search { query, since, limit: limit.unwrap_or(RESULTS), ..Search::default() };
    let found = archives::search(tx, &search).await?;
    if found.is_empty() {
        return Ok(Outcome::ok(format!("Nothing in the archive matches {query:?}.")));
    }
    let sessions: Vec<SessionId> = found.iter().map(|passage| passage.session_id).collect();
    let origin = Origin::outside_if(trust::any_untrusted(tx, &sessions).await?);
    let mut out = String::new();
    for passage in found {
        let snippet = passage.snippet.split_whitespace().collect::<Vec<_>>().join(" ");
        writeln!(
            out,
            "{} {} (archive {}, message {}): {snippet}",
            passage.created_at.format("%Y-%m-%d"),
            passage.role,
            passage.summary_id,
            passage.seq
        )
        .expect("writing to a string cannot fail");
    }
    Ok(Outcome::ok(out.trim_end()).holding(origin))
}

pub async fn read(tx: &mut TenantTx, id: ArchiveId, from_seq: i64, to_seq: i64) -> Result<Outcome> {
    let archive = match archives::find(tx, id).await {
        Ok(archive) => archive,
        Err(Error::NotFound) => {
            return Ok(Outcome::failed(format!("There is no archive {id}. Use recall to look for it.")));
        }
        Err(error) => return Err(error),
    };
    let words: Vec<String> = archive
        .messages()?
        .iter()
        .filter(|message| (from_seq..=to_seq).contains(&message.seq))
        .filter_map(words)
        .collect();
    if words.is_empty() {
        let (first, last) = (archive.first_seq, archive.last_seq);
        return Ok(Outcome::failed(format!("The archive holds the messages {first} to {last}.")));
    }
    let outside = trust::any_untrusted(tx, &[archive.session_id]).await?;
    Ok(Outcome::ok(words.join("\n")).holding(Origin::outside_if(outside)))
}

fn words(message: &Message) -> Option<String> {
    let blocks: Vec<Value> = serde_json::from_str(message.content.get()).unwrap_or_default();
    let texts: Vec<String> = blocks.iter().filter_map(text).collect();
    let at = message.created_at.format("%Y-%m-%d %H:%M");
    // What somebody said cannot pass for a message of its own.
    let said = || texts.join("\n").replace('\n', "\n    ");
    (!texts.is_empty()).then(|| format!("[{} {} {at}] {}", message.seq, message.role, said()))
}

fn moment(text: &str) -> std::result::Result<DateTime<Utc>, String> {
    let day = text.parse::<NaiveDate>().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    day.or_else(|_| text.parse::<DateTime<Utc>>())
        .map_err(|_| format!("since: {text:?} is neither a date such as 2026-11-01 nor a time."))
}
