//! Whether a turn is whole: the run, the conversation, the effects, the stream.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::PgPool;

use super::script;
use crate::harness::{Frame, Person, probe::Probe};

/// What was found wrong, and what is worth counting.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Runs that did not end as they should, or whose answer is not there.
    pub lost: usize,
    /// Effects that happened more than once.
    pub doubled: usize,
    /// Steps, messages or results that are missing or there twice.
    pub missing: usize,
    /// Unknown outcomes that history or stream do not show as such.
    pub hidden: usize,
    /// Streams with a gap, a repetition or a wrong text.
    pub streams: usize,
    /// Unknown outcomes in all.
    pub unknown: usize,
    /// Runs that another owner went on with.
    pub taken_over: usize,
    /// Effects that were counted.
    pub effects: usize,
    pub notes: Vec<String>,
}

impl Findings {
    pub fn add(&mut self, other: Findings) {
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.missing += other.missing;
        self.hidden += other.hidden;
        self.streams += other.streams;
        self.unknown += other.unknown;
        self.taken_over += other.taken_over;
        self.effects += other.effects;
        self.notes.extend(other.notes);
    }

    pub(super) fn unless(
        &mut self,
        holds: bool,
        count: fn(&mut Self) -> &mut usize,
        note: impl FnOnce() -> String,
    ) {
        if !holds {
            *count(self) += 1;
            self.notes.push(note());
        }
    }
}

/// A turn as its client knows it.
#[derive(Clone, Debug)]
pub struct Turn {
    pub session: String,
    pub run: String,
    pub tag: String,
    /// Whether the tools were to be called.
    pub works: bool,
    /// `done` or `cancelled`.
    pub ends: &'static str,
    /// What a reader heard that came back wherever its stream was cut.
    pub heard: Vec<Frame>,
}

/// Looks at everything that there is of a turn that has ended.
pub async fn inspect(person: &Person, database: &PgPool, probe: &Probe, turn: &Turn) -> Findings {
    let mut found = Findings::default();
    let tag = &turn.tag;
    let run = person.get(&format!("/v1/runs/{}", turn.run)).await.expect(200).json();
    found.unless(run["status"] == turn.ends, |f| &mut f.lost, || format!("{tag}: the run is {run}"));
    let history = person.history(&turn.session).await;
    conversation(&mut found, person, turn, &history).await;
    let calls = calls_of(database, &turn.run).await;
    effects(&mut found, database, probe, turn, &calls).await;
    let stream = person.follow(&turn.run, None).await.rest().await;
    streams(&mut found, turn, &stream, &history);
    unknowns(&mut found, turn, &calls, &stream, &history);
    found
}

async fn conversation(found: &mut Findings, person: &Person, turn: &Turn, history: &[Value]) {
    let tag = &turn.tag;
    let seqs: Vec<_> = history.iter().filter_map(|message| message["seq"].as_i64()).collect();
    let gapless = seqs.iter().zip(1..).all(|(seq, n)| *seq == n);
    found.unless(gapless, |f| &mut f.missing, || format!("{tag}: messages are numbered {seqs:?}"));
    let session = person.get(&format!("/v1/sessions/{}", turn.session)).await.expect(200).json();
    let counted = session["message_count"] == history.len();
    found.unless(counted, |f| &mut f.missing, || format!("{tag}: {} messages, {session}", history.len()));
    let mine: Vec<&Value> = history.iter().filter(|message| message["run_id"] == turn.run.as_str()).collect();
    let roles: Vec<&str> = mine.iter().filter_map(|message| message["role"].as_str()).collect();
    let expected: &[&str] = match (turn.works, turn.ends) {
        (true, _) => &["user", "assistant", "user", "assistant"],
        (false, "done") => &["user", "assistant"],
        (false, _) => &["user"],
    };
    found.unless(
        roles == expected,
        |f| &mut f.missing,
        || format!("{tag}: the turn's messages are {roles:?}"),
    );
    if turn.works && roles == expected {
        let ids = |message: &Value, key: &str| -> Vec<Value> {
            let blocks = message["content"].as_array().cloned().unwrap_or_default();
            blocks.iter().map(|block| block[key].clone()).filter(|id| !id.is_null()).collect()
        };
        let (asked, answered) = (ids(mine[1], "id"), ids(mine[2], "tool_use_id"));
        let paired = asked.len() == 4 && asked == answered;
        found.unless(paired, |f| &mut f.missing, || format!("{tag}: {asked:?} was answered {answered:?}"));
    }
    if turn.ends == "done" {
        let last = mine.last().map(|last| last["content"][0]["text"].clone());
        let said = last.as_ref().is_some_and(|text| text == script::ANSWER);
        found.unless(said, |f| &mut f.lost, || format!("{tag}: the answer is {last:?}"));
    }
}

struct Call {
    id: String,
    name: String,
    state: String,
}

async fn calls_of(database: &PgPool, run: &str) -> Vec<Call> {
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("select call_id, name, state from sixty.tool_calls where run_id = $1::uuid")
            .bind(run)
            .fetch_all(database)
            .await
            .expect("rows");
    rows.into_iter().map(|(id, name, state)| Call { id, name, state }).collect()
}

async fn number(database: &PgPool, sql: &'static str, text: &str) -> i64 {
    sqlx::query_scalar(sql).bind(text).fetch_one(database).await.expect("a number")
}

async fn effects(found: &mut Findings, database: &PgPool, probe: &Probe, turn: &Turn, calls: &[Call]) {
    let tag = &turn.tag;
    let steps = "select count(*) * 1000 + coalesce(max(seq), 0) from sixty.steps where run_id = $1::uuid";
    let expected = match (turn.works, turn.ends) {
        (true, _) => 3003,
        (false, "done") => 1001,
        (false, _) => 0,
    };
    let logged = number(database, steps, &turn.run).await;
    found.unless(logged == expected, |f| &mut f.missing, || format!("{tag}: the log is {logged}"));
    if !turn.works {
        return;
    }
    let notes =
        number(database, "select count(*) from sixty.entity_notes where text = $1", &format!("{tag} note"))
            .await;
    let keyed = probe.effects(&format!("{tag} idempotent"));
    let made = probe.count(&format!("{tag} unsafe"));
    found.effects += usize::try_from(notes).unwrap_or(0) + keyed + made;
    found.unless(
        notes < 2 && keyed < 2 && made < 2,
        |f| &mut f.doubled,
        || format!("{tag}: {notes} notes, {keyed} keys, {made} unsafe effects"),
    );
    for call in calls {
        let happened = match call.name.as_str() {
            "add_note" => usize::try_from(notes).unwrap_or(0),
            "probe_idempotent" => keyed,
            "probe_unsafe" => made,
            _ => 1,
        };
        let fits = match call.state.as_str() {
            "done" => happened == 1,
            "unknown" => call.name == "probe_unsafe",
            _ => false,
        };
        found.unless(
            fits,
            |f| &mut f.missing,
            || format!("{tag}: {} is {}, and happened {happened} times", call.name, call.state),
        );
    }
    let all = calls.len() == 4;
    found.unless(all, |f| &mut f.missing, || format!("{tag}: {} calls are recorded", calls.len()));
}

pub(super) fn cursor(id: &str) -> (i64, i64) {
    let (fence, n) = id.split_once('.').expect("a cursor");
    (fence.parse().expect("a fence"), n.parse().expect("a number"))
}

/// The whole stream: no gap, `reset` where an owner changed, one end, and the
/// text that the history has. A reader that came back heard nothing twice.
pub(super) fn streams(found: &mut Findings, turn: &Turn, stream: &[Frame], history: &[Value]) {
    let tag = &turn.tag;
    let mut last = (0, 0);
    for frame in stream {
        let (fence, n) = cursor(&frame.id);
        let follows = if fence == last.0 { n == last.1 + 1 } else { fence > last.0 && n == 1 };
        found.unless(follows, |f| &mut f.streams, || format!("{tag}: {} follows {last:?}", frame.id));
        let told = fence == last.0 || last.0 == 0 || ["reset", "done"].contains(&frame.event.as_str());
        found.unless(told, |f| &mut f.streams, || format!("{tag}: {} begins fence {fence}", frame.event));
        last = (fence, n);
    }
    found.taken_over += usize::from(last.0 > 1);
    let ends = |frames: &[Frame]| {
        let ended = |frame: &Frame| ["done", "error"].contains(&frame.event.as_str());
        frames.iter().filter(|frame| ended(frame)).count() == 1 && frames.last().is_some_and(ended)
    };
    found.unless(ends(stream), |f| &mut f.streams, || format!("{tag}: no end: {stream:#?}"));
    let mine = history.iter().filter(|message| message["run_id"] == turn.run.as_str());
    let said: Vec<String> = mine
        .filter(|message| message["role"] == "assistant")
        .map(|message| message["content"][0]["text"].as_str().unwrap_or_default().to_owned())
        .collect();
    let whole = heard(stream);
    found.unless(
        whole.as_ref() == Some(&said),
        |f| &mut f.streams,
        || format!("{tag}: the stream says {whole:?} and the history {said:?}"),
    );
    if !turn.heard.is_empty() {
        let back = heard(&turn.heard);
        let once = turn.heard.windows(2).all(|pair| cursor(&pair[0].id) < cursor(&pair[1].id));
        found.unless(
            once && ends(&turn.heard) && back == whole,
            |f| &mut f.streams,
            || format!("{tag}: a reader that came back heard {:#?}", turn.heard),
        );
    }
}

/// The answers as a reader puts them together; none if tokens and messages differ.
fn heard(frames: &[Frame]) -> Option<Vec<String>> {
    let (mut answers, mut partial) = (Vec::new(), String::new());
    for frame in frames {
        match frame.event.as_str() {
            "token" => partial.push_str(frame.data["text"].as_str()?),
            "reset" => partial.clear(),
            "message_complete" => {
                let text = std::mem::take(&mut partial);
                if frame.data["text"] != text.as_str() {
                    return None;
                }
                answers.push(text);
            }
            _ => {}
        }
    }
    partial.is_empty().then_some(answers)
}

/// Every result is told once, and an unknown outcome as unknown, in stream and history.
fn unknowns(found: &mut Findings, turn: &Turn, calls: &[Call], stream: &[Frame], history: &[Value]) {
    let tag = &turn.tag;
    let mut events: HashMap<&str, Vec<&Value>> = HashMap::new();
    for frame in stream.iter().filter(|frame| frame.event == "tool_result") {
        events.entry(frame.data["id"].as_str().unwrap_or_default()).or_default().push(&frame.data);
    }
    let blocks: Vec<&Value> =
        history.iter().filter_map(|message| message["content"].as_array()).flatten().collect();
    for call in calls {
        let told = events.get(call.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let results: Vec<_> =
            blocks.iter().filter(|block| block["tool_use_id"] == call.id.as_str()).collect();
        let (&[told], &[result]) = (told, results.as_slice()) else {
            found.unless(false, |f| &mut f.missing, || format!("{tag}: {told:?} and {results:?}"));
            continue;
        };
        let unknown = call.state == "unknown";
        found.unknown += usize::from(unknown);
        let text = result["content"].as_str().unwrap_or_default();
        let shown = text.starts_with("The outcome is unknown") && result["is_error"] == true;
        let visible = (told["unknown"] == true, shown) == (unknown, unknown);
        found.unless(
            visible,
            |f| &mut f.hidden,
            || format!("{tag}: {} is {}, and shown as {told} and {result}", call.name, call.state),
        );
    }
}
