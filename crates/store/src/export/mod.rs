//! What is stored, as lines of an export: one JSON object a row, with the ids, times and
//! texts that the row has. Hashes are hexadecimal; derived columns are left out.
//!
//! A list is read in pages. A page is a statement of its own and goes on behind the place
//! of the last row, so that an export holds no transaction and little memory.

/// A page of lines, by a statement that brings `text` and `place`.
macro_rules! lines {
    ($tx:expr, $sql:tt, $($value:expr),* $(,)?) => {
        sqlx::query_as!(Line, $sql, $($value),*).fetch_all($tx.connection()).await.map_err(from_sqlx)
    };
}

mod conversations;
mod models;
mod organization;
mod person;
mod skills;

use domain::{Error, Result};
use uuid::Uuid;

use crate::TenantTx;

/// Rows of a page. Each may hold a message of the largest size.
const ROWS: i64 = 20;
/// A version of a skill comes with all of its companions.
const SKILLS: i64 = 4;
/// An archive may hold a whole context window.
const ARCHIVES: i64 = 2;
/// Entries of the trail are small.
const TRAIL: i64 = 500;

/// A row.
#[derive(Clone, Debug)]
pub struct Line {
    /// The JSON object, in one line.
    pub text: String,
    /// Where the next page goes on; also the name of the row for what hangs on it.
    pub place: String,
}

/// A table, or the rows of it that hang on another row, which is given by its place.
#[derive(Clone, Copy, Debug)]
pub enum List<'a> {
    // Of the person under whom the transaction runs:
    Member,
    MemberRules,
    Memory,
    MemoryRevisions,
    Sessions,
    Messages(&'a str),
    Feedback,
    Runs,
    Steps(&'a str),
    ToolCalls(&'a str),
    SequenceSteps(&'a str),
    Events(&'a str),
    Approvals,
    Questions,
    Schedules,
    ScheduleRuns(&'a str),
    Notifications,
    SlackTurns,
    SlackPosts(&'a str),
    SlackLinks,
    SharedSessions,
    Archives,
    Passages(&'a str),
    Requests,
    UsageDays,
    /// What the person wrote into the record and the memory that the organization shares.
    WrittenNotes,
    WrittenRevisions,
    // Of the organization:
    Organization,
    Matrix,
    MatrixRows,
    Entities,
    Notes(&'a str),
    SharedMemory,
    SharedRevisions(&'a str),
    Profiles,
    Retention,
    Budgets,
    ApiKeys,
    CardTypes,
    Skills,
    SkillVersions(&'a str),
    SkillSettings,
    SkillList,
    ModelSettings,
    ModelRows,
    ModelRoutes,
    /// The trail and its seals need a transaction that sees the whole organization.
    Trail,
    Seals,
}

impl List<'_> {
    /// The `type` of its lines.
    pub fn kind(self) -> &'static str {
        match self {
            List::Member => "member",
            List::MemberRules => "permission_user_row",
            List::Memory | List::SharedMemory => "memory",
            List::MemoryRevisions | List::WrittenRevisions | List::SharedRevisions(_) => "memory_revision",
            List::Sessions => "session",
            List::Messages(_) => "message",
            List::Feedback => "message_feedback",
            List::Runs => "run",
            List::Steps(_) => "step",
            List::ToolCalls(_) => "tool_call",
            List::SequenceSteps(_) => "sequence_step",
            List::Events(_) => "run_event",
            List::Approvals => "approval",
            List::Questions => "question",
            List::Schedules => "schedule",
            List::ScheduleRuns(_) => "schedule_run",
            List::Notifications => "notification",
            List::SlackTurns => "slack_turn",
            List::SlackPosts(_) => "slack_post",
            List::SlackLinks => "slack_link",
            List::SharedSessions => "session_member",
            List::Archives => "session_summary",
            List::Passages(_) => "passage",
            List::Requests => "request",
            List::UsageDays => "usage_day",
            List::WrittenNotes | List::Notes(_) => "entity_note",
            List::Organization => "organization",
            List::Matrix => "permissions",
            List::MatrixRows => "permission_row",
            List::Profiles => "profile",
            List::Retention => "retention",
            List::Budgets => "budgets",
            List::ApiKeys => "api_key",
            List::CardTypes => "card_type",
            List::Skills => "skill",
            List::SkillVersions(_) => "skill_version",
            List::SkillSettings => "skill_setting",
            List::SkillList => "skill_list",
            List::ModelSettings => "model_settings",
            List::ModelRows => "model",
            List::ModelRoutes => "model_route",
            List::Entities => "entity",
            List::Trail => "audit",
            List::Seals => "audit_seal",
        }
    }

    /// The place before the first row. None: the list has one page.
    pub fn first(self) -> Option<&'static str> {
        match self {
            List::Member
            | List::MemberRules
            | List::Memory
            | List::Organization
            | List::Matrix
            | List::MatrixRows
            | List::Retention
            | List::Budgets
            | List::SlackLinks
            | List::SkillList
            | List::ModelSettings
            | List::ModelRows
            | List::ModelRoutes => None,
            List::Sessions
            | List::Feedback
            | List::Runs
            | List::Approvals
            | List::Questions
            | List::Schedules
            | List::ScheduleRuns(_)
            | List::Notifications
            | List::SlackTurns
            | List::SharedSessions
            | List::Archives
            | List::WrittenNotes
            | List::Notes(_)
            | List::ApiKeys
            | List::Trail => Some("00000000-0000-0000-0000-000000000000"),
            List::MemoryRevisions
            | List::Messages(_)
            | List::Steps(_)
            | List::SequenceSteps(_)
            | List::SharedRevisions(_)
            | List::SkillVersions(_)
            | List::Profiles
            | List::Seals => Some("0"),
            List::Events(_) => Some("0.0"),
            List::WrittenRevisions => Some("0."),
            List::Passages(_) | List::SlackPosts(_) => Some("0.-1"),
            List::ToolCalls(_)
            | List::Requests
            | List::UsageDays
            | List::CardTypes
            | List::Skills
            | List::SkillSettings => Some(""),
            List::Entities | List::SharedMemory => Some(":"),
        }
    }

    /// The rows behind the place.
    pub async fn page(self, tx: &mut TenantTx, place: &str) -> Result<Vec<Line>> {
        match self {
            List::Member => person::member(tx).await,
            List::MemberRules => person::rules(tx).await,
            List::Memory => person::memory(tx).await,
            List::MemoryRevisions => person::memory_revisions(tx, place).await,
            List::Sessions => conversations::sessions(tx, place).await,
            List::Messages(of) => conversations::messages(tx, id(of)?, place).await,
            List::Feedback => conversations::feedback(tx, place).await,
            List::Runs => conversations::runs(tx, place).await,
            List::Steps(of) => conversations::steps(tx, id(of)?, place).await,
            List::ToolCalls(of) => conversations::tool_calls(tx, id(of)?, place).await,
            List::SequenceSteps(of) => conversations::sequence_steps(tx, id(of)?, place).await,
            List::Events(of) => conversations::events(tx, id(of)?, place).await,
            List::Approvals => conversations::approvals(tx, place).await,
            List::Questions => conversations::questions(tx, place).await,
            List::Schedules => conversations::schedules(tx, place).await,
            List::ScheduleRuns(of) => conversations::schedule_runs(tx, id(of)?, place).await,
            List::Notifications => conversations::notifications(tx, place).await,
            List::SlackTurns => conversations::slack_turns(tx, place).await,
            List::SlackPosts(of) => conversations::slack_posts(tx, id(of)?, place).await,
            List::SlackLinks => person::slack_links(tx).await,
            List::SharedSessions => person::shared_sessions(tx, place).await,
            List::Archives => conversations::archives(tx, place).await,
            List::Passages(of) => conversations::passages(tx, id(of)?, place).await,
            List::Requests => person::requests(tx, place).await,
            List::UsageDays => person::usage_days(tx, place).await,
            List::WrittenNotes => person::written_notes(tx, place).await,
            List::WrittenRevisions => person::written_revisions(tx, place).await,
            List::Organization => organization::org(tx).await,
            List::Matrix => organization::matrix(tx).await,
            List::MatrixRows => organization::matrix_rows(tx).await,
            List::Profiles => organization::profiles(tx, place).await,
            List::Retention => organization::retention(tx).await,
            List::Budgets => organization::budgets(tx).await,
            List::ApiKeys => organization::api_keys(tx, place).await,
            List::CardTypes => organization::card_types(tx, place).await,
            List::Skills => skills::skills(tx, place).await,
            List::SkillVersions(of) => skills::versions(tx, of, place).await,
            List::SkillSettings => skills::settings(tx, place).await,
            List::SkillList => skills::list(tx).await,
            List::ModelSettings => models::settings(tx).await,
            List::ModelRows => models::rows(tx).await,
            List::ModelRoutes => models::routes(tx).await,
            List::Entities => organization::entities(tx, place).await,
            List::Notes(of) => organization::notes(tx, pair(of)?, place).await,
            List::SharedMemory => organization::shared_memory(tx, place).await,
            List::SharedRevisions(of) => organization::shared_revisions(tx, pair(of)?, place).await,
            List::Trail => organization::trail(tx, place).await,
            List::Seals => organization::seals(tx, place).await,
        }
    }
}

fn id(place: &str) -> Result<Uuid> {
    place.parse().map_err(Error::internal)
}

/// A kind or scope, and what it names.
fn pair(place: &str) -> Result<(&str, &str)> {
    place.split_once(':').ok_or_else(|| Error::internal(format!("{place:?} names no row")))
}
