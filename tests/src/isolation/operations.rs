//! Every operation of the service, and what its path names. A new route that is
//! missing here fails `the_matrix_covers_every_operation`.

/// What the parameters of the path name, and so who may know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// No parameters: the caller's own things.
    Nothing,
    /// Something personal: `{id}`.
    Session,
    Run,
    Summary,
    Approval,
    /// Something of the organization: `{kind}/{id}`.
    Entity,
    /// A name that each caller gives: it may be new to them, whoever else uses it.
    OwnEntity,
    OwnKey,
    /// For platform administrators only.
    Platform,
}

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

use Names::{Approval, Entity, Nothing, OwnEntity, OwnKey, Platform, Run, Session, Summary};

#[rustfmt::skip]
pub const OPERATIONS: &[Operation] = &[
    op("GET", "/healthz", Nothing, ""),
    op("GET", "/readyz", Nothing, ""),
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
    op("POST", "/v1/sessions/{id}/messages", Session, r#"{"text": "What was said here?"}"#),
    op("POST", "/v1/sessions/{id}/regenerate", Session, ""),
    op("POST", "/v1/sessions/{id}/compact", Session, ""),
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
    op("GET", "/v1/approvals", Nothing, ""),
    op("GET", "/v1/approvals/{id}", Approval, ""),
    op("POST", "/v1/approvals/{id}", Approval, r#"{"decision": "approve"}"#),
    op("POST", "/v1/approvals/batch", Nothing, r#"{"decisions": [{"id": "01a2032b-664e-7750-baf9-f1824535916a", "decision": "deny"}]}"#),
    op("GET", "/v1/permissions", Nothing, ""),
    op("GET", "/v1/admin/permissions", Nothing, ""),
    op("PUT", "/v1/admin/permissions", Nothing, r#"{"preset": "balanced"}"#),
    op("POST", "/v1/entities", Nothing, r#"{"kind": "deal", "id": "D-2", "name": "Two"}"#),
    op("GET", "/v1/entities", Nothing, ""),
    op("PUT", "/v1/entities/{kind}/{id}", OwnEntity, r#"{"name": "Mine"}"#),
    op("GET", "/v1/entities/{kind}/{id}", Entity, ""),
    op("PATCH", "/v1/entities/{kind}/{id}", Entity, r#"{"name": "Mine"}"#),
    op("DELETE", "/v1/entities/{kind}/{id}", Entity, ""),
    op("POST", "/v1/entities/{kind}/{id}/notes", Entity, r#"{"text": "Seen."}"#),
    op("GET", "/v1/entities/{kind}/{id}/notes", Entity, ""),
];
