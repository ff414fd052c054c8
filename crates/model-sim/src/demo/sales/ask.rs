//! Which question about the sales record is asked, by its words.

use chrono::NaiveDate;

use super::{
    dates,
    named::{Named, Want},
    orders,
    phrases::{ATTENTION, CATCH_UP, FIND, GENERAL, PREPARE, TELL},
    words::{Heard, Subject},
};
use crate::demo::intent::{after, around};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// What needs the person's attention.
    Attention,
    Prepare {
        when: Option<String>,
        with: Option<Subject>,
    },
    NextMeeting,
    Meetings {
        period: String,
        mine: bool,
    },
    MeetingsWith(Subject),
    /// Words that were said in meetings.
    MeetingWords(String),
    Tasks {
        filter: Option<&'static str>,
        of: Option<Subject>,
    },
    /// To-dos and close dates that are over.
    Overdue,
    Pipeline(Option<String>),
    Deals {
        filter: Option<&'static str>,
        period: Option<String>,
    },
    /// Contacts that nobody has been in touch with.
    Quiet(Option<u64>),
    Emails {
        from: Option<String>,
        about: Option<String>,
    },
    CatchUp(Subject),
    /// What is known of a record whose name is quoted.
    Named(Named),
    Find(String),
    NewTask {
        title: String,
        due: Option<NaiveDate>,
    },
    /// A to-do that is done, by its id or by its words.
    Done(String),
    Draft {
        to: String,
        topic: Option<String>,
    },
    Log {
        kind: &'static str,
        with: Option<String>,
        details: String,
    },
}

/// An order to write something.
pub(super) fn order(text: &str, today: Option<NaiveDate>) -> Option<Ask> {
    orders::read(text, &Heard::of(text), today)
}

/// A question about the sales record.
pub(super) fn question(text: &str, today: Option<NaiveDate>) -> Option<Ask> {
    let heard = &Heard::of(text);
    prepare(text, heard, today)
        .or_else(|| Subject::at(text, &CATCH_UP).map(Ask::CatchUp))
        .or_else(|| attention(heard))
        .or_else(|| quiet(heard))
        .or_else(|| emails(text, heard))
        .or_else(|| meetings(text, heard, today))
        .or_else(|| tasks(text, heard))
        .or_else(|| deals(heard, today))
        .or_else(|| Subject::at(text, &TELL).map(Ask::CatchUp))
        .or_else(|| after(text, &FIND).filter(|query| !query.is_empty()).map(Ask::Find))
}

/// "Catch me up", without saying on what.
pub(super) fn general(text: &str) -> bool {
    Heard::of(text).has(&GENERAL) && Subject::at(text, &CATCH_UP).is_none()
}

impl Ask {
    pub fn writes(&self) -> bool {
        matches!(self, Ask::Named(named) if named.want == Want::Draft)
            || matches!(self, Ask::NewTask { .. } | Ask::Done(_) | Ask::Draft { .. } | Ask::Log { .. })
    }
}

fn prepare(text: &str, heard: &Heard, today: Option<NaiveDate>) -> Option<Ask> {
    if !heard.has(&PREPARE) {
        return None;
    }
    let when = dates::period(heard, today);
    let with = around(text, "with").and_then(|(_, name)| Subject::of(name)).or_else(|| {
        let said = heard.has(&["meeting", "call", "appointment", "visit", "demo"]);
        Subject::at(text, &PREPARE).filter(|subject| !said || has_a_name(&subject.name))
    });
    let with = with.filter(|subject| dates::period(&Heard::of(&subject.name), today).is_none());
    Some(Ask::Prepare { when, with })
}

/// A word with a capital letter, as in "my Acme meeting".
fn has_a_name(text: &str) -> bool {
    text.split_whitespace().any(|word| word.starts_with(char::is_uppercase))
}

fn attention(heard: &Heard) -> Option<Ask> {
    if heard.has(&["deals", "deal"]) && heard.has(&["attention"]) {
        return Some(Ask::Deals { filter: Some("needs_attention"), period: None });
    }
    (heard.has(&GENERAL) || heard.has(&ATTENTION)).then_some(Ask::Attention)
}

fn quiet(heard: &Heard) -> Option<Ask> {
    const TOUCH: [&str; 11] = [
        "talked",
        "spoken",
        "talk",
        "speak",
        "heard",
        "contacted",
        "in touch",
        "called",
        "reached out",
        "written",
        "met",
    ];
    const QUIET: [&str; 7] = [
        "lost touch",
        "gone quiet",
        "neglected",
        "neglecting",
        "get in touch with",
        "should i call",
        "contacts need attention",
    ];
    let not = heard.has(&["not", "never", "no longer"])
        && heard.has(&TOUCH)
        && heard.has(&["who", "whom", "contacts", "people", "anybody", "anyone"]);
    (not || heard.has(&QUIET) && !heard.has(&["deals"])).then(|| Ask::Quiet(dates::days(heard)))
}

fn emails(text: &str, heard: &Heard) -> Option<Ask> {
    if !heard.has(&["email", "emails", "mail", "mails", "inbox", "write", "wrote", "written"]) {
        return None;
    }
    let about = around(text, "about").map(|(_, topic)| topic);
    let before_topic = around(text, "about").map_or(text, |(before, _)| before);
    let from = ["from", "with", "of", "by", "did"].iter().find_map(|word| around(before_topic, word));
    let from =
        from.map(|(_, name)| name.split_whitespace().take_while(|word| !word.eq_ignore_ascii_case("write")));
    let from = from.and_then(|words| Subject::of(&words.collect::<Vec<_>>().join(" ")));
    let about = about.and_then(Subject::of).map(|topic| topic.name);
    // Without a name and a topic there is no word to look for.
    let from = from.map(|subject| subject.name);
    (from.is_some() || about.is_some()).then_some(Ask::Emails { from, about })
}

fn meetings(text: &str, heard: &Heard, today: Option<NaiveDate>) -> Option<Ask> {
    const MEETINGS: [&str; 9] = [
        "meeting",
        "meetings",
        "calendar",
        "agenda",
        "appointments",
        "appointment",
        "my schedule",
        "transcripts",
        "transcript",
    ];
    let said = heard.has(&["say", "said", "discussed", "mentioned", "mention", "promise", "promised"]);
    if said && let Some((_, topic)) = around(text, "about").or_else(|| around(text, "mention")) {
        let who =
            around(text, "did").and_then(|(_, rest)| around(rest, "say").or_else(|| around(rest, "mention")));
        let who =
            who.and_then(|(name, _)| Subject::of(name)).map(|who| who.name).filter(|who| has_a_name(who));
        let topic = without_meetings(&Subject::of(topic)?.name);
        return Some(Ask::MeetingWords(who.into_iter().chain([topic]).collect::<Vec<_>>().join(" ")));
    }
    if heard.has(&["next meeting", "next call", "next appointment", "meeting next", "meet next"]) {
        let with = around(text, "with").and_then(|(_, name)| Subject::of(name));
        return Some(with.map_or(Ask::NextMeeting, Ask::MeetingsWith));
    }
    if !heard.has(&MEETINGS) {
        return None;
    }
    if let Some(query) =
        after(text, &["search meetings for", "search the meetings for", "search my meetings for"])
    {
        return Some(Ask::MeetingWords(query));
    }
    let period = dates::period(heard, today);
    let with = around(text, "with").or_else(|| around(text, "at")).and_then(|(_, name)| Subject::of(name));
    match (with, period) {
        (Some(with), None) => Some(Ask::MeetingsWith(with)),
        (_, period) => {
            let mine = heard.has(&["my", "i", "me"]);
            Some(Ask::Meetings { period: period.unwrap_or_else(|| "this_week".into()), mine })
        }
    }
}

/// "data residency in the meetings" asks for data residency.
fn without_meetings(topic: &str) -> String {
    let ends =
        [" in meetings", " in the meeting", " in our meeting", " in my meeting", " in the last meeting"];
    let lower = topic.to_ascii_lowercase();
    let end = ends.iter().filter_map(|end| lower.find(end)).min();
    end.map_or(topic, |end| &topic[..end]).to_owned()
}

fn tasks(text: &str, heard: &Heard) -> Option<Ask> {
    const TASKS: [&str; 7] = ["todo", "todos", "task", "tasks", "to dos", "to do", "reminders"];
    let named = heard.has(&TASKS);
    let of = ["for", "on", "about"].iter().find_map(|word| around(text, word));
    let of = of.and_then(|(_, name)| Subject::of(name)).filter(|subject| has_a_name(&subject.name) && named);
    let filter = if heard.has(&["overdue", "late"]) {
        Some("overdue")
    } else if heard.has(&["this week"]) {
        Some("this_week")
    } else if heard.has(&["today"]) {
        Some("today")
    } else {
        heard.has(&["urgent", "high priority", "important"]).then_some("high_priority")
    };
    match (named, filter) {
        (false, Some("overdue")) if !heard.has(&["deals"]) => Some(Ask::Overdue),
        (false, Some(filter)) if heard.has(&["due"]) => Some(Ask::Tasks { filter: Some(filter), of: None }),
        (true, filter) => Some(Ask::Tasks { filter, of }),
        _ => None,
    }
}

fn deals(heard: &Heard, today: Option<NaiveDate>) -> Option<Ask> {
    let period = dates::period(heard, today);
    if heard.has(&["pipeline", "forecast", "my numbers"]) && !heard.has(&["at risk", "stale"]) {
        return Some(Ask::Pipeline(period));
    }
    let closes = heard.has(&["closing", "closes", "to close"]) && (period.is_some() || heard.has(&["soon"]));
    if !closes && !heard.has(&["deals", "pipeline", "opportunities", "at risk"]) {
        return None;
    }
    let filter = if heard.has(&["at risk", "in danger", "risky", "risk"]) {
        Some("at_risk")
    } else if heard.has(&["stale", "stuck", "silent", "quiet", "no activity", "stalled"]) {
        Some("stale")
    } else if heard.has(&["overdue"]) {
        Some("needs_attention")
    } else {
        (period.is_none() && heard.has(&["closing", "close", "closing soon"])).then_some("closing_soon")
    };
    Some(Ask::Deals { filter, period })
}
