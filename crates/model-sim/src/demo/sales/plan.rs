//! Which tools are to be called for a question, given what was answered so far. A name is
//! looked up before anything is asked about it.

use serde_json::json;

use super::{
    Call, Results,
    ask::Ask,
    dates, done, named,
    rows::{Meant, Row, Sheet, meant, rows},
    words::Subject,
};
use crate::demo::{Reading, intent::entity_token};

/// Events that are told of a deal, people of a meeting, deals of a company.
const EVENTS: usize = 6;
const PEOPLE: usize = 4;
const DEALS: usize = 3;

/// Everything that the question wants by now; what was called already is in it too.
pub(super) fn next(ask: &Ask, results: &Results, reading: &Reading) -> Vec<Call> {
    match ask {
        Ask::Attention => vec![
            ("get_meetings_for_period", json!({"period": "today", "whose": "mine"})),
            ("get_next_meeting", json!({})),
            ("list_tasks", json!({"filter": "overdue"})),
            ("list_tasks", json!({"filter": "today"})),
            ("get_pipeline_deals", json!({"filter": "needs_attention"})),
            ("get_contacts_needing_attention", json!({"limit": 5})),
        ],
        Ask::Prepare { when, with } => prepare(when.as_deref(), with.as_ref(), results, reading),
        Ask::NextMeeting => vec![("get_next_meeting", json!({}))],
        Ask::Meetings { period, mine: true } => {
            vec![("get_meetings_for_period", json!({"period": period, "whose": "mine"}))]
        }
        Ask::Meetings { period, .. } => vec![("get_meetings_for_period", json!({"period": period}))],
        Ask::MeetingsWith(subject) => then(subject, "deal", results, |kind, id| match kind {
            "contact" => vec![("get_meetings", json!({"contact_id": id}))],
            "deal" => vec![("get_meetings", json!({"deal_id": id}))],
            _ => about(kind, id, results),
        }),
        Ask::MeetingWords(query) => vec![("search_meeting_context", json!({"query": query}))],
        Ask::Tasks { filter, of: None } => vec![("list_tasks", filtered(*filter))],
        Ask::Tasks { filter, of: Some(subject) } => then(subject, "deal", results, |kind, id| {
            let mut input = filtered(*filter);
            input["deal_id"] = json!(id);
            if kind == "deal" { vec![("list_tasks", input)] } else { about(kind, id, results) }
        }),
        Ask::Overdue => vec![
            ("list_tasks", json!({"filter": "overdue"})),
            ("get_pipeline_deals", json!({"filter": "needs_attention"})),
        ],
        Ask::Pipeline(period) => {
            let input = period.as_ref().map_or_else(|| json!({}), |period| json!({"period": period}));
            vec![("get_pipeline_summary", input.clone()), ("get_pipeline_deals", input)]
        }
        Ask::Deals { filter, period } => {
            let mut input = filtered(*filter);
            if let Some(period) = period {
                input["period"] = json!(period);
            }
            vec![("get_pipeline_deals", input)]
        }
        Ask::Quiet(days) => {
            let input = days.map_or_else(|| json!({}), |days| json!({"days_since_contact": days}));
            vec![("get_contacts_needing_attention", input)]
        }
        Ask::Emails { from, about } => emails(from.as_deref(), about.as_deref()),
        Ask::Named(named) => named::next(named, results, reading),
        Ask::CatchUp(subject) => then(subject, "", results, |kind, id| about(kind, id, results)),
        Ask::Find(query) => {
            let found = results.first("find_entities").map(|found| found.input.clone());
            vec![("find_entities", found.unwrap_or_else(|| json!({"query": query})))]
        }
        Ask::NewTask { .. } | Ask::Done(_) | Ask::Draft { .. } | Ask::Log { .. } => {
            done::next(ask, results, reading)
        }
    }
}

fn filtered(filter: Option<&str>) -> serde_json::Value {
    filter.map_or_else(|| json!({}), |filter| json!({"filter": filter}))
}

fn emails(from: Option<&str>, about: Option<&str>) -> Vec<Call> {
    let query = [from, about].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let who = from.map(|name| resolve(name, Some("contact")));
    who.into_iter().chain([("search_emails", json!({"query": query}))]).collect()
}

pub(super) fn resolve(name: &str, hint: Option<&str>) -> Call {
    let hint = hint.filter(|hint| !hint.is_empty());
    ("resolve_entity", hint.map_or_else(|| json!({"name": name}), |hint| json!({"name": name, "hint": hint})))
}

/// Finds out who is meant, and then asks about them.
fn then(
    subject: &Subject,
    hint: &'static str,
    results: &Results,
    about: impl FnOnce(&str, &str) -> Vec<Call>,
) -> Vec<Call> {
    let look = resolve(&subject.name, subject.hint.or(Some(hint)));
    match of(subject, results) {
        Some((kind, id)) => {
            // With an id there is nothing to look up.
            let looked = results.made(&look).then_some(look);
            looked.into_iter().chain(about(&kind, &id)).collect()
        }
        None => vec![look],
    }
}

/// Kind and id of what is meant, as far as that is clear by now.
pub(super) fn of(subject: &Subject, results: &Results) -> Option<(String, String)> {
    if let Some(entity) = entity_token(&subject.name).filter(|entity| entity.id.len() == subject.name.len()) {
        return Some((entity.kind, entity.id));
    }
    match meant(&results.with("resolve_entity", "name", &subject.name)?.content) {
        Meant::One(row) => Some((row.kind, row.id)),
        _ => None,
    }
}

/// Everything around one record.
pub(super) fn about(kind: &str, id: &str, results: &Results) -> Vec<Call> {
    match kind {
        "deal" => {
            let noted = ("get_entity", json!({"kind": "deal", "id": id}));
            deal(id).into_iter().chain([noted]).collect()
        }
        "contact" => vec![("get_contact", json!({"id": id}))],
        "company" => {
            let mut calls = vec![("get_company_status", json!({"id": id}))];
            let company = results.with("get_company_status", "id", id);
            let deals = company.map(|company| open_deals(&company.content)).unwrap_or_default();
            calls.extend(deals.iter().flat_map(|row| deal(&row.id)));
            calls
        }
        _ => vec![("get_entity", json!({"kind": kind, "id": id}))],
    }
}

fn deal(id: &str) -> [Call; 2] {
    [("get_deal", json!({"id": id})), ("get_deal_activities", json!({"id": id, "limit": EVENTS}))]
}

fn open_deals(company: &str) -> Vec<Row> {
    let sheet = Sheet::of(company);
    let deals = sheet.iter().flat_map(|sheet| sheet.section("deals"));
    // An open deal closes; of one that is closed the date is told otherwise.
    deals.filter(|deal| deal.fact("close date").is_none()).take(DEALS).cloned().collect()
}

fn prepare(when: Option<&str>, with: Option<&Subject>, results: &Results, reading: &Reading) -> Vec<Call> {
    let first = match when {
        Some(period) => ("get_meetings_for_period", json!({"period": period, "whose": "mine"})),
        None => ("get_next_meeting", json!({})),
    };
    let look = with.map(|subject| resolve(&subject.name, subject.hint));
    let mut calls: Vec<Call> = std::iter::once(first).chain(look).collect();
    if !calls.iter().all(|call| results.made(call) || !reading.offers(call.0)) {
        return calls;
    }
    match (meeting(with, results), with) {
        (Some(meeting), _) => calls.extend(around(&meeting, results)),
        (None, Some(subject)) => {
            calls.extend(
                of(subject, results).map(|(kind, id)| about(&kind, &id, results)).unwrap_or_default(),
            );
        }
        (None, None) => {}
    }
    calls
}

/// The meeting that is to be prepared: the first to come, or the first with that name in it.
pub(super) fn meeting(with: Option<&Subject>, results: &Results) -> Option<Row> {
    let listed =
        ["get_next_meeting", "get_meetings_for_period"].into_iter().flat_map(|name| results.of(name));
    // Without a clock the first one is taken.
    let clock = results.clock.as_deref();
    let to_come =
        |row: &Row| clock.is_none() || row.when().is_some_and(|when| dates::is_to_come(when, clock));
    let names = |row: &Row| {
        let all = format!("{} {}", row.name, row.facts.join(" ")).to_lowercase();
        with.is_none_or(|subject| all.contains(&subject.name.to_lowercase()))
    };
    listed.flat_map(|result| rows(&result.content)).find(|row| to_come(row) && names(row))
}

/// The deals and people of a meeting.
pub(super) fn around(meeting: &Row, results: &Results) -> Vec<Call> {
    let refs = meeting.refs();
    let of = |kind: &'static str| refs.iter().filter(move |named| named.kind == kind);
    let mut calls: Vec<Call> = of("deal").take(2).flat_map(|deal| about("deal", &deal.id, results)).collect();
    calls.extend(of("contact").take(PEOPLE).flat_map(|contact| about("contact", &contact.id, results)));
    if calls.is_empty() {
        calls.extend(of("company").take(1).flat_map(|company| about("company", &company.id, results)));
    }
    calls
}
