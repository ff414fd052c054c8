//! Questions about the sales record, answered in lines for a model: at most a page, ids always there,
//! days with their distance, amounts with their currency, and "none" where there is nothing.

mod about;
mod deals;
mod lines;
mod meetings;
mod passage;
mod period;
mod rank;
pub(super) mod say;
mod search;
mod suggest;
mod tasks;
pub(super) mod value;
mod which;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{EntityKind, EntityRef, Error, Result, brief::Brief};
use serde_json::Value;
use store::{
    TenantTx,
    questions::{Alarm, Page},
};
use tools::{Part, Question, Span};

use super::{Origin, Outcome};
use period::Period;
use say::Clock;

pub use suggest::suggestions;

/// Lines of an answer, unless the model asks for another number.
const LINES: u16 = 20;
/// Below this health and above this ghost risk, in percent, a deal is flagged.
const LEAST_HEALTH: f64 = 40.0;
const MOST_GHOST_RISK: f64 = 50.0;
/// Days without activity after which a deal is stale, and a contact wants to hear from somebody.
const STALE_DAYS: u16 = 14;

/// Who asks, and when.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The entity of the conversation, or that the person looks at.
    pub bound: Option<&'a EntityRef>,
    pub now: DateTime<Utc>,
    pub zone: Tz,
}

/// An answer in words, the same as a value, and whether it holds words that did not come from the organization's
/// people.
struct Answer {
    text: String,
    value: Value,
    untrusted: bool,
}

impl Answer {
    /// That there is nothing.
    fn none(text: impl Into<String>, value: Value) -> Self {
        Self { text: text.into(), value, untrusted: false }
    }

    /// The one place in which what was read becomes the outcome of a call.
    fn into_outcome(self) -> Outcome {
        Outcome::ok(self.text).telling(self.value).holding(Origin::outside_if(self.untrusted))
    }
}

/// Whether any of the rows holds what an integration or somebody outside has written.
fn untrusted<'a>(rows: impl IntoIterator<Item = &'a Brief>) -> bool {
    rows.into_iter().any(|row| {
        row.kind.is_event()
            || row.integration
            || row.links.iter().any(|link| link.integration || link.kind.is_event())
    })
}

/// Why there is no answer.
enum Miss {
    /// The model is told why.
    Told(String),
    /// What is meant is not clear; the answer asks back, and is no failure.
    Unclear(Answer),
    Store(Error),
}

impl From<Error> for Miss {
    fn from(error: Error) -> Self {
        Miss::Store(error)
    }
}

type Answered<T = Answer> = std::result::Result<T, Miss>;

fn told<T>(why: impl Into<String>) -> Answered<T> {
    Err(Miss::Told(why.into()))
}

pub async fn answer(tx: &mut TenantTx, question: &Question, asking: Asking<'_>) -> Result<Outcome> {
    match ask(tx, question, asking).await {
        Ok(answer) | Err(Miss::Unclear(answer)) => Ok(answer.into_outcome()),
        Err(Miss::Told(why)) => Ok(Outcome::failed(why)),
        Err(Miss::Store(error)) => Err(error),
    }
}

async fn ask(tx: &mut TenantTx, question: &Question, asking: Asking<'_>) -> Answered {
    match question {
        Question::FindEntities { query, kind, part } => {
            search::entities(tx, asking, query, *kind, *part).await
        }
        Question::ResolveEntity { name, hint } => which::resolve(tx, asking, name, hint.as_deref()).await,
        Question::GetDeal(which) => about::entity(tx, asking, EntityKind::Deal, which).await,
        Question::GetContact(which) => about::entity(tx, asking, EntityKind::Contact, which).await,
        Question::GetCompanyStatus(which) => about::entity(tx, asking, EntityKind::Company, which).await,
        Question::GetDealActivities { which, part } => about::activities(tx, asking, which, *part).await,
        Question::GetPipelineSummary(span) => deals::summary(tx, asking, span).await,
        Question::GetPipelineDeals { filter, days, span, part } => {
            deals::list(tx, asking, (*filter, *days), span, *part).await
        }
        Question::GetContactsNeedingAttention { days_since_contact, part } => {
            deals::contacts(tx, asking, *days_since_contact, *part).await
        }
        Question::GetMeetings { deal_id, contact_id, part } => {
            meetings::list(tx, asking, (deal_id.as_deref(), contact_id.as_deref()), *part).await
        }
        Question::GetNextMeeting {} => meetings::next(tx, asking).await,
        Question::GetMeetingsForPeriod { period, timezone, whose, part } => {
            let span = Span { period: Some(period.clone()), timezone: timezone.clone() };
            meetings::of_period(tx, asking, &span, *whose, *part).await
        }
        Question::SearchMeetingContext { query, deal_id, part } => {
            let linked = deal_id.as_deref().map(deal).or_else(|| asking.bound_deal());
            search::passages(tx, asking, (EntityKind::Meeting, query), linked, *part).await
        }
        Question::SearchEmails { query, contact_id, deal_id, part } => {
            let contact =
                contact_id.as_deref().map(|id| EntityRef { kind: EntityKind::Contact, id: id.to_owned() });
            if contact.is_some() && deal_id.is_some() {
                return told("Give contact_id or deal_id, not both.");
            }
            let linked = contact.or_else(|| deal_id.as_deref().map(deal));
            search::passages(tx, asking, (EntityKind::Email, query), linked, *part).await
        }
        Question::ListTasks { .. } => tasks::list(tx, asking, question).await,
    }
}

fn deal(id: &str) -> EntityRef {
    EntityRef { kind: EntityKind::Deal, id: id.to_owned() }
}

impl<'a> Asking<'a> {
    fn clock(self) -> Clock {
        Clock { now: self.now, zone: self.zone }
    }

    /// The deal of the conversation.
    fn bound_deal(self) -> Option<EntityRef> {
        self.bound.filter(|bound| bound.kind == EntityKind::Deal).cloned()
    }

    /// As another zone sees it, if one is named.
    fn within(self, zone: Option<&str>) -> Answered<Asking<'a>> {
        let Some(name) = zone else { return Ok(self) };
        match name.parse() {
            Ok(zone) => Ok(Self { zone, ..self }),
            Err(_) => {
                told(format!("There is no time zone {name:?}. Give an IANA name such as Europe/Berlin."))
            }
        }
    }

    fn period(self, words: Option<&str>) -> Answered<Option<Period>> {
        let today = self.clock().today();
        words.map(|words| period::parse(words, today).map_err(Miss::Told)).transpose()
    }

    /// From when deals are flagged.
    fn alarm(self) -> Alarm {
        let clock = self.clock();
        Alarm {
            health: LEAST_HEALTH,
            ghost_risk: MOST_GHOST_RISK,
            silent_since: clock.days_ago(STALE_DAYS),
            today: clock.today(),
        }
    }
}

/// The part of an answer that is asked for, so many lines unless it says otherwise.
fn page(part: Part, lines: u16) -> Page {
    let limit = i64::from(part.limit.unwrap_or(lines));
    Page { offset: (i64::from(part.page.unwrap_or(1)) - 1) * limit, limit }
}

/// Rows of a page, one more if there are more.
struct Found {
    rows: Vec<Brief>,
    /// What they are called together, such as `deals`.
    name: &'static str,
    part: Part,
    page: Page,
}

/// An answer of one line for each row under a heading; `none` is said where there are no rows.
fn listed(heading: &str, none: &str, found: Found, line: impl Fn(&Brief) -> String) -> Answer {
    let Found { mut rows, name, part, page } = found;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let value = value::list(name, &rows, more);
    if rows.is_empty() {
        let text = if page.offset > 0 { "There are no more: this page is empty." } else { none };
        return Answer::none(text, value);
    }
    let rest = more.then(|| format!("There are more: ask again with page {}.", part.page.unwrap_or(1) + 1));
    let lines = rows.iter().map(|row| format!("- {}", line(row)));
    let text: Vec<String> = std::iter::once(heading.to_owned()).chain(lines).chain(rest).collect();
    Answer { text: text.join("\n"), value, untrusted: untrusted(&rows) }
}
