//! The conversation that is to be summed up, line by line.

use super::{Turn, tags};

/// Where a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// An earlier summary.
    Summary,
    /// The person or the copilot.
    Words,
    ToolCall,
    ToolResult,
}

type Lines = Vec<(Source, String)>;

/// The conversation of a live request, or the transcript that a request quotes.
pub(super) fn read(turn: &Turn) -> Lines {
    let mut lines = Vec::new();
    for line in &turn.history {
        lines.extend(line.summary().into_iter().flat_map(str::lines).map(of_summary));
        let words = line.words();
        match quoted(&words) {
            Some((before, conversation)) => {
                let earlier = tags::all(before, "earlier_summary");
                lines.extend(earlier.iter().flat_map(|tag| tag.body.lines()).map(of_summary));
                lines.extend(transcript(conversation));
            }
            None => lines.extend(transcript(&words)),
        }
    }
    lines
}

fn of_summary(line: &str) -> (Source, String) {
    (Source::Summary, line.to_owned())
}

/// What stands before a quoted conversation, and the conversation. A tag inside
/// of it is somebody's words.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let (before, rest) = text.split_once("<conversation>\n")?;
    Some((before, rest.rsplit_once("</conversation>")?.0))
}

/// The lines of `[7 user] …`, of `user: …`, or of plain words.
fn transcript(text: &str) -> Lines {
    let mut speaker = Speaker::default();
    let line = |line| match (stamp(line), line.split_once(':')) {
        (Some((seq, role, said)), _) => (speaker.next(seq, role, said), said.trim().to_owned()),
        (None, Some((name, said))) if !speaker.stamped && is_role(name) => {
            let is_tool = name.trim().eq_ignore_ascii_case("tool");
            speaker.source = if is_tool { Source::ToolResult } else { of_words(said.trim()) };
            (speaker.source, said.trim().to_owned())
        }
        _ if line.starts_with(CALL) => (Source::ToolCall, line.to_owned()),
        _ => (speaker.source, line.to_owned()),
    };
    text.lines().map(line).collect()
}

const CALL: &str = "[calls ";

/// `[7 user] words`, taken apart.
fn stamp(line: &str) -> Option<(u64, &str, &str)> {
    let (stamp, said) = line.strip_prefix('[')?.split_once(']')?;
    let (seq, role) = stamp.split_once(' ')?;
    let seq = seq.parse().ok()?;
    ["user", "assistant"].contains(&role).then_some((seq, role, said.trim_start()))
}

fn is_role(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    ["user", "assistant", "human", "copilot", "tool"].contains(&name.as_str())
}

/// JSON at the beginning is no person's words.
fn of_words(said: &str) -> Source {
    match said {
        _ if said.starts_with(CALL) => Source::ToolCall,
        _ if said.starts_with("{\"") || said.starts_with("[{") => Source::ToolResult,
        _ => Source::Words,
    }
}

/// Who speaks: a transcript gives a tool's result the role of the user, so what
/// follows the copilot's calls is one.
struct Speaker {
    source: Source,
    /// Names are in stamps here, so `user: …` is a line of somebody's words.
    stamped: bool,
    /// The copilot's newest message, and whether it called a tool.
    called: (u64, bool),
    /// The message with the results of these calls.
    answer: Option<u64>,
}

impl Default for Speaker {
    fn default() -> Self {
        Self { source: Source::Words, stamped: false, called: (0, false), answer: None }
    }
}

impl Speaker {
    fn next(&mut self, seq: u64, role: &str, said: &str) -> Source {
        self.stamped = true;
        self.source = of_words(said);
        if role == "user" {
            if self.called.1 && *self.answer.get_or_insert(seq) == seq {
                self.source = Source::ToolResult;
            }
        } else {
            let before = self.called.0 == seq && self.called.1;
            self.called = (seq, before || self.source == Source::ToolCall);
            self.answer = None;
        }
        self.source
    }
}
