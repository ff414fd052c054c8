//! `recall` and `read_archive`: the person's own earlier conversations.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use domain::{ArchiveId, EntityRef, OptionalExt, Result, archive::Passage, session::Message};
use serde_json::{Value, json};
use store::{
    TenantTx,
    archives::{self, Search},
    trust,
};

use super::{Origin, Outcome};
use crate::{compaction::text, notebook::visible};

/// Passages that a recall answers, unless it asks for another number.
const RESULTS: i32 = 8;
/// Longest page of an archive, in characters.
const PAGE: usize = 12_000;

pub async fn recall(
    tx: &mut TenantTx,
    query: &str,
    limit: Option<i64>,
    since: Option<&str>,
) -> Result<Outcome> {
    let from = match since.map(moment).transpose() {
        Ok(from) => from,
        Err(refusal) => return Ok(Outcome::failed(refusal)),
    };
    let limit = limit.and_then(|limit| i32::try_from(limit).ok()).unwrap_or(RESULTS);
    let found = archives::search(tx, &Search { since: from, ..Search::of(query, limit) }).await?;
    if found.is_empty() {
        let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
        return Ok(Outcome::ok(format!(
            "Nothing in the archive{since} matches {query:?}. Try other words for the same thing, a name or fewer \
             words, or an earlier date; what was said in this conversation lately is not in the archive."
        )));
    }
    let origin = Origin::outside_if(found.iter().any(|passage| passage.untrusted));
    let passages: Vec<String> = found.iter().map(passage).collect();
    let value = json!({"passages": found.iter().map(told).collect::<Vec<_>>()});
    Ok(Outcome::ok(passages.join("\n")).telling(value).holding(origin))
}

/// The same for the later steps of a sequence.
fn told(passage: &Passage) -> Value {
    json!({
        "summary_id": passage.summary_id,
        "seq": passage.seq,
        "role": passage.role,
        "created_at": passage.created_at,
        "session_title": passage.session_title,
        "text": passage.snippet,
    })
}

/// A passage with all that is needed to quote it, and to read on around it.
fn passage(passage: &Passage) -> String {
    let mut line = passage.created_at.format("%A %Y-%m-%d").to_string();
    line.push_str(match passage.role.as_str() {
        "user" => ", the person",
        "tool" => ", a tool",
        _ => ", the copilot",
    });
    if let Some(title) = &passage.session_title {
        write!(line, ", in {:?}", visible(title)).expect(INFALLIBLE);
    }
    if let Some(EntityRef { kind, id }) = &passage.entity {
        write!(line, ", about {kind}:{id}").expect(INFALLIBLE);
        if let Some(name) = &passage.entity_name {
            write!(line, " {:?}", visible(name)).expect(INFALLIBLE);
        }
    }
    let snippet = visible(&passage.snippet).split_whitespace().collect::<Vec<_>>().join(" ");
    write!(line, " (archive {}, message {}): {snippet}", passage.summary_id, passage.seq).expect(INFALLIBLE);
    line
}

const INFALLIBLE: &str = "writing to a string cannot fail";

pub async fn read(tx: &mut TenantTx, id: ArchiveId, from_seq: i64, to_seq: i64) -> Result<Outcome> {
    if from_seq > to_seq {
        return Ok(Outcome::failed(format!("from_seq {from_seq} comes after to_seq {to_seq}.")));
    }
    let Some(archive) = archives::find(tx, id).await.optional()? else {
        return Ok(Outcome::failed(format!("There is no archive {id}. Use recall to look for it.")));
    };
    let outside = trust::any_untrusted(tx, &[archive.session_id]).await?;
    let messages = archive.messages()?;
    let words = messages
        .iter()
        .filter(|message| (from_seq..=to_seq).contains(&message.seq))
        .filter_map(|message| Some((message.seq, words(message)?)));
    if let Some(page) = page(words.collect()) {
        return Ok(Outcome::ok(page).holding(Origin::outside_if(outside)));
    }
    let (first, last) = (archive.first_seq, archive.last_seq);
    Ok(Outcome::failed(format!(
        "There are no words there. The archive holds the messages {first} to {last}."
    )))
}

/// As many messages as fit on a page, and how to get the next one. A message that is
/// longer than a page is cut.
fn page(words: Vec<(i64, String)>) -> Option<String> {
    let last = words.last()?.0;
    let (mut page, mut length) = (String::new(), 0);
    for (seq, words) in words {
        let long = words.chars().count();
        if length > 0 && length + long > PAGE {
            write!(page, "\n[The messages {seq} to {last} follow: call read_archive with from_seq {seq}.]")
                .expect(INFALLIBLE);
            break;
        }
        if length > 0 {
            page.push('\n');
        }
        page.extend(words.chars().take(PAGE));
        if long > PAGE {
            write!(page, " [{} more characters of this message are left out]", long - PAGE)
                .expect(INFALLIBLE);
        }
        length += long;
    }
    Some(page)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(long: &[usize]) -> Vec<(i64, String)> {
        (1..).zip(long).map(|(seq, long)| (seq, "ü".repeat(*long))).collect()
    }

    #[test]
    fn a_long_archive_is_read_page_by_page() {
        assert_eq!(page(Vec::new()), None);
        assert_eq!(page(said(&[3, 2])).as_deref(), Some("üüü\nüü"));
        let first = page(said(&[PAGE - 5, 5, 1, 7])).expect("a page");
        assert!(
            first.ends_with("[The messages 3 to 4 follow: call read_archive with from_seq 3.]"),
            "{first}"
        );
        assert_eq!(first.matches('ü').count(), PAGE);
        let cut = page(said(&[PAGE + 7, 1])).expect("a page");
        assert!(
            cut.contains("[7 more characters of this message are left out]\n[The messages 2 to 2"),
            "{cut}"
        );
    }

    #[test]
    fn a_day_and_a_time_are_moments() {
        assert_eq!(
            moment("2026-11-01").map(|at| at.to_rfc3339()).as_deref(),
            Ok("2026-11-01T00:00:00+00:00")
        );
        assert!(moment("2026-11-01T10:00:00+02:00").is_ok());
        assert!(moment("last week").is_err());
    }
}
