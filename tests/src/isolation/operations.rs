//! Every operation of the service, and every place in which it names something.
//! What is missing here fails `document`.

/// What a parameter names, and so who may know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Names {
    /// No parameters: the caller's own things.
    Nothing,
    /// Something personal: `{id}`.
    Session,
    Run,
    Message,
    Summary,
    Approval,
    /// What a copilot asked its person.
    Question,
    /// An approval that would write memory.
    Proposal,
    Schedule,
    Notification,
    SlackLink,
    /// Something of the organization: `{kind}/{id}`.
    Entity,
    /// A name that each caller gives: it may be new to them, whoever else uses it.
    OwnEntity,
    OwnKey,
    /// A person by the external id.
    Member,
    ApiKey,
    /// A type of cards by its name, and one that the caller gives.
    CardType,
    OwnCardType,
    /// A secret by its name, and one that the caller gives.
    Secret,
    OwnSecret,
    /// A skill by its key, and one that the caller gives.
    Skill,
    OwnSkill,
    /// For platform administrators only.
    Platform,
    /// The last of a page: `{id}` is the opaque cursor.
    SessionCursor,
    SummaryCursor,
    ApprovalCursor,
    QuestionCursor,
    ScheduleCursor,
    NotificationCursor,
    EntityCursor,
    /// An event of a stream.
    Event,
}

#[derive(Debug)]
pub struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    pub names: Names,
    /// A valid body; empty: none.
    pub body: &'static str,
}

const fn op(method: &'static str, path: &'static str, names: Names, body: &'static str) -> Operation {
    Operation { method, path, names, body }
}

use Names::{
    ApiKey, Approval, ApprovalCursor, CardType, Entity, EntityCursor, Event, Member, Message, Nothing,
    Notification, NotificationCursor, OwnCardType, OwnEntity, OwnKey, OwnSecret, OwnSkill, Platform,
    Proposal, Question, QuestionCursor, Run, Schedule, ScheduleCursor, Secret, Session, SessionCursor, Skill,
    SlackLink, Summary, SummaryCursor,
};

#[rustfmt::skip]
pub const OPERATIONS: &[Operation] = &[
    op("GET", "/healthz", Nothing, ""),
    op("GET", "/readyz", Nothing, ""),
    op("GET", "/metrics", Nothing, ""),
    op("GET", "/openapi.json", Nothing, ""),
    op("GET", "/v1/me", Nothing, ""),
    op("PUT", "/v1/platform/orgs/{external_id}", Platform, r#"{"name": "Mine"}"#),
    op("PUT", "/v1/platform/orgs/{external_id}/members/{sub}", Platform, r#"{"role": "owner"}"#),
    op("DELETE", "/v1/platform/orgs/{external_id}/members/{sub}", Platform, ""),
    op("POST", "/v1/sessions", Nothing, "{}"),
    op("GET", "/v1/sessions", Nothing, ""),
    op("PUT", "/v1/sessions/by-key/{key}", OwnKey, "{}"),
    op("GET", "/v1/sessions/{id}", Session, ""),
    op("PATCH", "/v1/sessions/{id}", Session, r#"{"title": "Mine"}"#),
    op("DELETE", "/v1/sessions/{id}", Session, ""),
    op("GET", "/v1/sessions/{id}/messages", Session, ""),
    op("GET", "/v1/sessions/{id}/export", Session, ""),
    op("POST", "/v1/sessions/{id}/messages", Session, r#"{"text": "What was said here?"}"#),
    op("POST", "/v1/sessions/{id}/regenerate", Session, ""),
    op("POST", "/v1/sessions/{id}/compact", Session, ""),
    op("PUT", "/v1/messages/{id}/feedback", Message, r#"{"rating": "down", "text": "Mine."}"#),
    op("GET", "/v1/messages/{id}/feedback", Message, ""),
    op("DELETE", "/v1/messages/{id}/feedback", Message, ""),
    op("GET", "/v1/session-summaries", Nothing, ""),
    op("GET", "/v1/session-summaries/search?q=canary-5f1c20d6", Nothing, ""),
    op("GET", "/v1/session-summaries/{id}", Summary, ""),
    op("GET", "/v1/runs/{id}", Run, ""),
    op("GET", "/v1/runs/{id}/events", Run, ""),
    op("POST", "/v1/runs/{id}/cancel", Run, ""),
    op("GET", "/v1/memory/org", Nothing, ""),
    op("PUT", "/v1/memory/org", Nothing, r#"{"content": "Ours."}"#),
    op("GET", "/v1/memory/user", Nothing, ""),
    op("PUT", "/v1/memory/user", Nothing, r#"{"content": "Mine."}"#),
    op("GET", "/v1/memory/entities/{kind}/{id}", Entity, ""),
    op("PUT", "/v1/memory/entities/{kind}/{id}", Entity, r#"{"content": "Mine."}"#),
    op("GET", "/v1/memory/org/revisions", Nothing, ""),
    op("GET", "/v1/memory/user/revisions", Nothing, ""),
    op("GET", "/v1/memory/entities/{kind}/{id}/revisions", Entity, ""),
    op("POST", "/v1/memory/org/revert", Nothing, r#"{"version": 1}"#),
    op("POST", "/v1/memory/user/revert", Nothing, r#"{"version": 1}"#),
    op("POST", "/v1/memory/entities/{kind}/{id}/revert", Entity, r#"{"version": 1}"#),
    op("GET", "/v1/memory/proposals", Nothing, ""),
    op("POST", "/v1/memory/proposals/{id}", Proposal, r#"{"decision": "approve"}"#),
    op("GET", "/v1/memory/preview", Nothing, ""),
    op("GET", "/v1/org/profile", Nothing, ""),
    op("PUT", "/v1/org/profile", Nothing, r#"{"company_name": "Mine"}"#),
    op("GET", "/v1/org/profile/revisions", Nothing, ""),
    op("GET", "/v1/approvals", Nothing, ""),
    op("GET", "/v1/approvals/{id}", Approval, ""),
    op("POST", "/v1/approvals/{id}", Approval, r#"{"decision": "approve"}"#),
    op("POST", "/v1/approvals/batch", Nothing, r#"{"decisions": [{"id": "01a2032b-664e-7750-baf9-f1824535916a", "decision": "deny"}]}"#),
    op("GET", "/v1/questions", Nothing, ""),
    op("GET", "/v1/questions/{id}", Question, ""),
    op("POST", "/v1/questions/{id}", Question, r#"{"answer": "Yes"}"#),
    op("GET", "/v1/schedules", Nothing, ""),
    op("POST", "/v1/schedules", Nothing, r#"{"name": "Mine", "prompt": "Mine.", "schedule": {"kind": "interval", "every_seconds": 31000000}}"#),
    op("GET", "/v1/schedules/{id}", Schedule, ""),
    op("PATCH", "/v1/schedules/{id}", Schedule, r#"{"name": "Mine"}"#),
    op("DELETE", "/v1/schedules/{id}", Schedule, ""),
    op("POST", "/v1/schedules/{id}/pause", Schedule, ""),
    op("POST", "/v1/schedules/{id}/resume", Schedule, ""),
    op("POST", "/v1/schedules/{id}/cancel", Schedule, ""),
    op("POST", "/v1/schedules/{id}/run", Schedule, ""),
    op("GET", "/v1/schedules/{id}/runs", Schedule, ""),
    op("POST", "/v1/admin/slack/installs", Nothing, "{}"),
    op("GET", "/v1/admin/slack", Nothing, ""),
    op("PATCH", "/v1/admin/slack", Nothing, r#"{"channels": ["C1"]}"#),
    op("POST", "/v1/slack/links", Nothing, r#"{"token": "none"}"#),
    op("GET", "/v1/slack/links", Nothing, ""),
    op("DELETE", "/v1/slack/links/{id}", SlackLink, ""),
    op("GET", "/v1/notifications", Nothing, ""),
    op("POST", "/v1/notifications/{id}/read", Notification, ""),
    op("GET", "/v1/events", Nothing, ""),
    op("GET", "/v1/permissions", Nothing, ""),
    op("GET", "/v1/admin/permissions", Nothing, ""),
    op("PUT", "/v1/admin/permissions", Nothing, r#"{"preset": "balanced"}"#),
    op("GET", "/v1/models", Nothing, ""),
    op("GET", "/v1/admin/models", Nothing, ""),
    op("PUT", "/v1/admin/models", Nothing, "{}"),
    op("DELETE", "/v1/admin/models", Nothing, ""),
    op("GET", "/v1/platform/models", Nothing, ""),
    op("PUT", "/v1/platform/models", Nothing, "{}"),
    op("POST", "/v1/entities", Nothing, r#"{"kind": "deal", "id": "D-2", "name": "Two"}"#),
    op("GET", "/v1/entities", Nothing, ""),
    op("POST", "/v1/entities/batch", Nothing, r#"{"kind": "deal", "id": "D-3", "name": "Three"}"#),
    op("PUT", "/v1/entities/{kind}/{id}", OwnEntity, r#"{"name": "Mine"}"#),
    op("GET", "/v1/entities/{kind}/{id}", Entity, ""),
    op("PATCH", "/v1/entities/{kind}/{id}", Entity, r#"{"name": "Mine"}"#),
    op("DELETE", "/v1/entities/{kind}/{id}", Entity, ""),
    op("POST", "/v1/entities/{kind}/{id}/notes", Entity, r#"{"text": "Seen."}"#),
    op("GET", "/v1/entities/{kind}/{id}/notes", Entity, ""),
    op("GET", "/v1/suggestions", Nothing, ""),
    op("GET", "/v1/admin/audit", Nothing, ""),
    op("GET", "/v1/admin/feedback", Nothing, ""),
    op("GET", "/v1/usage", Nothing, ""),
    op("GET", "/v1/admin/usage", Nothing, ""),
    op("GET", "/v1/admin/budgets", Nothing, ""),
    op("PUT", "/v1/admin/budgets", Nothing, r#"{"run": {"tokens": 1000000000}}"#),
    op("DELETE", "/v1/admin/budgets", Nothing, ""),
    op("GET", "/v1/platform/usage-events", Nothing, ""),
    op("GET", "/v1/platform/budgets", Nothing, ""),
    op("PUT", "/v1/platform/budgets", Nothing, r#"{"run": {"tokens": 1000000000}}"#),
    op("GET", "/v1/admin/members", Nothing, ""),
    op("PATCH", "/v1/admin/members/{user}", Member, r#"{"ceiling": "member"}"#),
    op("POST", "/v1/admin/api-keys", Nothing, r#"{"name": "Import", "role": "member"}"#),
    op("GET", "/v1/admin/api-keys", Nothing, ""),
    op("GET", "/v1/admin/api-keys/{id}", ApiKey, ""),
    op("DELETE", "/v1/admin/api-keys/{id}", ApiKey, ""),
    op("GET", "/v1/admin/secrets", Nothing, ""),
    op("PUT", "/v1/admin/secrets/{name}", OwnSecret, r#"{"value": "a value of mine"}"#),
    op("DELETE", "/v1/admin/secrets/{name}", Secret, ""),
    op("GET", "/v1/admin/card-types", Nothing, ""),
    op("PUT", "/v1/admin/card-types/{type}", OwnCardType, r#"{"type": "object"}"#),
    op("GET", "/v1/admin/card-types/{type}", CardType, ""),
    op("DELETE", "/v1/admin/card-types/{type}", CardType, ""),
    op("GET", "/v1/admin/skills", Nothing, ""),
    op("POST", "/v1/admin/skills", Nothing, r#"{"key": "mine", "document": "---\nname: Mine\ndescription: Mine.\n---\n# Mine"}"#),
    op("POST", "/v1/admin/skills/validate", Nothing, r#"{"key": "mine", "document": "---\nname: Mine\ndescription: Mine.\n---\n# Mine"}"#),
    op("POST", "/v1/admin/skills/import", Nothing, r#"[{"key": "mine", "document": "---\nname: Mine\ndescription: Mine.\n---\n# Mine"}]"#),
    op("PUT", "/v1/admin/skills/{key}", OwnSkill, r#"{"document": "---\nname: Mine\ndescription: Mine.\n---\n# Mine"}"#),
    op("GET", "/v1/admin/skills/{key}", Skill, ""),
    op("DELETE", "/v1/admin/skills/{key}", Skill, ""),
    op("GET", "/v1/admin/skills/{key}/versions", Skill, ""),
    op("GET", "/v1/admin/skills/{key}/versions/{version}", Skill, ""),
    op("GET", "/v1/admin/skills/{key}/export", Skill, ""),
    op("POST", "/v1/admin/skills/{key}/rollback", Skill, r#"{"version": 1}"#),
    op("POST", "/v1/admin/skills/{key}/enable", Skill, ""),
    op("POST", "/v1/admin/skills/{key}/disable", Skill, ""),
    op("PUT", "/v1/admin/skills/{key}/pin", Skill, r#"{"version": 1}"#),
    op("GET", "/v1/admin/skills/{key}/compiled", Skill, ""),
    op("POST", "/v1/admin/skills/{key}/test", Skill, r#"{"text": "plan"}"#),
    op("GET", "/v1/admin/skill-list", Nothing, ""),
    op("PUT", "/v1/admin/skill-list", Nothing, r#"{"first": [], "tokens": 2000}"#),
    op("GET", "/v1/skills", Nothing, ""),
    op("GET", "/v1/skills/{key}", Skill, ""),
    op("POST", "/v1/skills/{key}/runs", Skill, "{}"),
    op("POST", "/v1/route", Nothing, r#"{"text": "plan"}"#),
    op("GET", "/v1/platform/audit", Nothing, ""),
    op("GET", "/v1/platform/skills", Nothing, ""),
    op("POST", "/v1/platform/skills", Nothing, r#"{"key": "mine", "document": "---\nname: Mine\ndescription: Mine.\n---\n# Mine"}"#),
    op("POST", "/v1/platform/skills/validate", Nothing, r#"{"key": "mine", "document": "---\nname: Mine\ndescription: Mine.\n---\n# Mine"}"#),
    op("POST", "/v1/platform/skills/import", Nothing, r#"[{"key": "mine", "document": "---\nname: Mine\ndescription: Mine.\n---\n# Mine"}]"#),
    op("PUT", "/v1/platform/skills/{key}", Platform, r#"{"document": "---\nname: Mine\ndescription: Mine.\n---\n# Mine"}"#),
    op("GET", "/v1/platform/skills/{key}", Platform, ""),
    op("DELETE", "/v1/platform/skills/{key}", Platform, ""),
    op("GET", "/v1/platform/skills/{key}/versions", Platform, ""),
    op("GET", "/v1/platform/skills/{key}/versions/{version}", Platform, ""),
    op("GET", "/v1/platform/skills/{key}/export", Platform, ""),
    op("POST", "/v1/platform/skills/{key}/rollback", Platform, r#"{"version": 1}"#),
    op("POST", "/v1/platform/skills/{key}/enable", Platform, ""),
    op("POST", "/v1/platform/skills/{key}/disable", Platform, ""),
    op("PUT", "/v1/platform/skills/{key}/pin", Platform, r#"{"version": 1}"#),
    op("GET", "/v1/admin/retention", Nothing, ""),
    op("PUT", "/v1/admin/retention", Nothing, r#"{"legal_hold": {"organization": false}}"#),
    op("GET", "/v1/admin/retention/preview?transcripts_days=1&revisions_days=1", Nothing, ""),
    op("GET", "/v1/me/export", Nothing, ""),
    op("GET", "/v1/admin/members/{user}/export", Member, ""),
    op("GET", "/v1/admin/members/{user}/erasure", Member, ""),
    op("DELETE", "/v1/admin/members/{user}/data", Member, ""),
    op("DELETE", "/v1/platform/orgs/{external_id}", Platform, ""),
    op("GET", "/v1/platform/orgs/{external_id}/erasure", Platform, ""),
];

/// Where a request names something. `{kind}` and `{id}` stand for its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    Path,
    Query(&'static str),
    Header(&'static str),
    Body(&'static str),
}

/// A place that names something, in an operation whose path names what is the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub method: &'static str,
    pub path: &'static str,
    pub at: At,
    pub names: Names,
}

const fn place(method: &'static str, path: &'static str, at: At, names: Names) -> Place {
    Place { method, path, at, names }
}

use At::{Body, Header, Query};

#[rustfmt::skip]
pub const PLACES: &[Place] = &[
    place("POST", "/v1/sessions", Body(r#"{"entity": {"kind": "{kind}", "id": "{id}"}}"#), Entity),
    place("PUT", "/v1/sessions/by-key/{key}", Body(r#"{"entity": {"kind": "{kind}", "id": "{id}"}}"#), Entity),
    place("GET", "/v1/sessions", Query("entity_kind={kind}&entity_id={id}"), Entity),
    place("GET", "/v1/sessions", Query("cursor={id}"), SessionCursor),
    place("POST", "/v1/sessions/{id}/messages", Body(r#"{"text": "Hi", "mentions": [{"kind": "{kind}", "id": "{id}"}]}"#), Entity),
    place("POST", "/v1/skills/{key}/runs", Body(r#"{"session_id": "{id}"}"#), Session),
    place("POST", "/v1/skills/{key}/runs", Body(r#"{"mentions": [{"kind": "{kind}", "id": "{id}"}]}"#), Entity),
    place("POST", "/v1/sessions/{id}/regenerate", Body(r#"{"message_id": "{id}"}"#), Message),
    place("GET", "/v1/session-summaries", Query("session_id={id}"), Session),
    place("GET", "/v1/session-summaries", Query("cursor={id}"), SummaryCursor),
    place("GET", "/v1/session-summaries/search", Query("q=canary&session_id={id}"), Session),
    place("GET", "/v1/session-summaries/search", Query("q=canary&entity_kind={kind}&entity_id={id}"), Entity),
    place("GET", "/v1/memory/preview", Query("session_id={id}"), Session),
    place("GET", "/v1/memory/preview", Query("entity_kind={kind}&entity_id={id}"), Entity),
    place("GET", "/v1/session-summaries", Query("user={id}"), Member),
    place("GET", "/v1/session-summaries/search", Query("q=canary&user={id}"), Member),
    place("GET", "/v1/session-summaries/{id}", Query("user={id}"), Member),
    place("GET", "/v1/approvals", Query("session_id={id}"), Session),
    place("GET", "/v1/approvals", Query("cursor={id}"), ApprovalCursor),
    place("GET", "/v1/questions", Query("session_id={id}"), Session),
    place("GET", "/v1/questions", Query("cursor={id}"), QuestionCursor),
    place("GET", "/v1/schedules", Query("cursor={id}"), ScheduleCursor),
    place("POST", "/v1/schedules", Body(r#"{"name": "Mine", "prompt": "Mine.", "schedule": {"kind": "interval", "every_seconds": 31000000}, "deliver": {"kind": "session", "session_id": "{id}"}}"#), Session),
    place("PATCH", "/v1/schedules/{id}", Body(r#"{"deliver": {"kind": "session", "session_id": "{id}"}}"#), Session),
    place("GET", "/v1/notifications", Query("cursor={id}"), NotificationCursor),
    place("GET", "/v1/events", Header("Last-Event-ID"), Notification),
    place("GET", "/v1/memory/proposals", Query("cursor={id}"), ApprovalCursor),
    place("POST", "/v1/approvals/batch", Body(r#"{"decisions": [{"id": "{id}", "decision": "approve"}]}"#), Approval),
    place("GET", "/v1/runs/{id}/events", Query("after={id}"), Event),
    place("GET", "/v1/runs/{id}/events", Header("Last-Event-ID"), Event),
    place("GET", "/v1/entities", Query("cursor={id}"), EntityCursor),
    place("PATCH", "/v1/entities/{kind}/{id}", Body(r#"{"links": [{"kind": "{kind}", "id": "{id}"}]}"#), Entity),
    place("PUT", "/v1/entities/{kind}/{id}", Body(r#"{"name": "Acme renewal", "links": [{"kind": "{kind}", "id": "{id}"}]}"#), Entity),
    place("POST", "/v1/entities", Body(r#"{"kind": "deal", "id": "D-1", "name": "Again", "links": [{"kind": "{kind}", "id": "{id}"}]}"#), Entity),
    place("POST", "/v1/entities", Body(r#"{"kind": "{kind}", "id": "{id}", "name": "Mine"}"#), OwnEntity),
    place("POST", "/v1/entities/batch", Body(r#"{"kind": "deal", "id": "D-1", "name": "Again", "links": [{"kind": "{kind}", "id": "{id}"}]}"#), Entity),
    place("POST", "/v1/entities/batch", Body(r#"{"kind": "{kind}", "id": "{id}", "name": "Mine"}"#), OwnEntity),
    place("GET", "/v1/entities", Query("linked_kind={kind}&linked_id={id}"), Entity),
    place("GET", "/v1/entities", Query("owner={id}"), Member),
    place("GET", "/v1/suggestions", Query("entity_kind={kind}&entity_id={id}"), Entity),
    place("GET", "/v1/admin/audit", Query("run_id={id}"), Run),
    place("GET", "/v1/admin/audit", Query("user={id}"), Member),
];

/// Parameters that name nothing that somebody could have, and where: an empty path is any.
pub const PLAIN: &[(&str, &str)] = &[
    ("", "limit"),
    ("", "order"),
    ("", "q"),
    ("", "since"),
    ("/v1/session-summaries/search", "until"),
    ("/v1/entities", "kind"),
    ("/v1/entities", "updated_since"),
    ("/v1/entities", "open"),
    ("/v1/entities", "stage"),
    ("/v1/entities", "sort"),
    ("/v1/approvals", "status"),
    ("/v1/questions", "status"),
    ("/v1/memory/proposals", "status"),
    ("/v1/admin/audit", "action"),
    // A place in the order of ids, whosever it is.
    ("/v1/admin/audit", "cursor"),
    ("/v1/usage", "from"),
    ("/v1/usage", "to"),
    ("/v1/usage", "group_by"),
    ("/v1/admin/usage", "from"),
    ("/v1/admin/usage", "to"),
    ("/v1/admin/usage", "group_by"),
    ("/v1/platform/usage-events", "cursor"),
    ("/v1/admin/members", "status"),
    // Places in an order that administrators of one organization see anyway.
    ("/v1/admin/members", "cursor"),
    ("/v1/admin/api-keys", "cursor"),
    ("/v1/admin/feedback", "cursor"),
    ("/v1/admin/feedback", "rating"),
    ("/v1/suggestions", "timezone"),
    ("/v1/admin/card-types", "cursor"),
    ("/v1/admin/secrets", "cursor"),
    // A key that each caller gives: it may be new to them, whoever else uses it.
    ("/v1/admin/skills", "category"),
    ("/v1/admin/skills", "priority"),
    ("/v1/admin/skills", "tag"),
    ("/v1/admin/skills", "source"),
    ("/v1/admin/skills", "cursor"),
    ("/v1/admin/skills", "key"),
    ("/v1/admin/skills/validate", "key"),
    ("/v1/admin/skills/import", "all_or_nothing"),
    ("/v1/admin/skills/{key}/versions", "cursor"),
    ("/v1/schedules", "status"),
    ("/v1/schedules/{id}/runs", "cursor"),
    ("/v1/notifications", "unread"),
    ("/v1/skills", "category"),
    ("/v1/skills", "priority"),
    ("/v1/skills", "tag"),
    ("/v1/skills", "cursor"),
    ("/v1/platform/audit", "user"),
    ("/v1/platform/audit", "action"),
    ("/v1/platform/audit", "since"),
    ("/v1/platform/audit", "cursor"),
    ("/v1/platform/skills", "category"),
    ("/v1/platform/skills", "priority"),
    ("/v1/platform/skills", "tag"),
    ("/v1/platform/skills", "source"),
    ("/v1/platform/skills", "cursor"),
    ("/v1/platform/skills", "key"),
    ("/v1/platform/skills/validate", "key"),
    ("/v1/platform/skills/import", "all_or_nothing"),
    ("/v1/platform/skills/{key}/versions", "cursor"),
    ("/v1/admin/retention/preview", "transcripts_days"),
    ("/v1/admin/retention/preview", "messages_days"),
    ("/v1/admin/retention/preview", "events_days"),
    ("/v1/admin/retention/preview", "revisions_days"),
    // Numbers of a list whose subject the path or the caller names.
    ("/v1/sessions/{id}/messages", "cursor"),
    ("/v1/session-summaries/search", "cursor"),
    ("/v1/memory/org/revisions", "cursor"),
    ("/v1/memory/user/revisions", "cursor"),
    ("/v1/memory/entities/{kind}/{id}/revisions", "cursor"),
    ("/v1/org/profile/revisions", "cursor"),
];

/// Every place, those in paths too.
pub fn places() -> Vec<Place> {
    let paths = OPERATIONS
        .iter()
        .filter(|operation| {
            !matches!(operation.names, Nothing | OwnCardType | OwnEntity | OwnKey | OwnSecret | OwnSkill)
        })
        .map(|operation| place(operation.method, operation.path, At::Path, operation.names));
    paths.chain(PLACES.iter().copied()).collect()
}

/// The operation of a place.
pub fn operation(place: &Place) -> &'static Operation {
    let same = |operation: &&Operation| {
        operation.method == place.method && operation.path.split('?').next() == Some(place.path)
    };
    OPERATIONS.iter().find(same).unwrap_or_else(|| panic!("no operation of {place:?}"))
}
