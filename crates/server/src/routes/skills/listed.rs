//! The list of skills that an organization's prompts hold.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use domain::skill::SkillList;
use serde::Serialize;
use store::{audit, skills as rows};
use utoipa::ToSchema;

use crate::{
    caller::{Caller, Tx},
    etag::{ETag, IfMatch},
    extract::Body,
    problem::{Problems, Result},
};

/// How the list is made, and what it comes to.
#[derive(Serialize, ToSchema)]
pub struct ListedSkills {
    /// Keys that stand first, in this order.
    first: Vec<String>,
    /// Tokens that the whole list may have, 4 bytes each.
    tokens: i32,
    /// Number of the change that made it so; 0 as long as nobody has changed it.
    version: i64,
    /// As it stands in prompts.
    text: String,
    /// Skills that have a line.
    shown: usize,
    /// Skills that have no room, and are only counted.
    more: usize,
}

async fn found(caller: &Caller, tx: &mut Tx) -> domain::Result<ListedSkills> {
    let (list, version) = rows::list_settings(tx).await?;
    let listed = caller.app.engine.listed_skills(tx).await?;
    let SkillList { first, tokens } = list;
    Ok(ListedSkills { first, tokens, version, text: listed.text, shown: listed.shown, more: listed.more })
}

fn tagged(listed: ListedSkills) -> Response {
    (ETag(listed.version), Json(listed)).into_response()
}

/// The list of skills as the organization's prompts hold it, and how it is made. Owners and administrators.
#[utoipa::path(get, path = "/v1/admin/skill-list", tag = "skill_list", security(("bearer" = [])),
    responses((status = 200, body = ListedSkills), Problems))]
pub async fn get(caller: Caller) -> Result<Response> {
    let listed = caller.tx(async |tx| {
        tx.administers()?;
        found(&caller, tx).await
    });
    Ok(tagged(listed.await?))
}

/// Says which skills stand first in that list, and how long it may be. Owners and administrators. Each key has to be
/// that of a skill that copilots are offered.
#[utoipa::path(put, path = "/v1/admin/skill-list", tag = "skill_list", security(("bearer" = [])), request_body = SkillList,
    responses((status = 200, body = ListedSkills), Problems))]
pub async fn put(caller: Caller, seen: IfMatch, body: Body<SkillList>) -> Result<Response> {
    let list = body.value;
    let changed = caller.tx(async |tx| {
        tx.administers()?;
        list.check()?;
        caller.app.engine.check_list(tx, &list).await?;
        if rows::set_list(tx, &list, seen.0).await? {
            let detail = format!("{} first, {} tokens", list.first.len(), list.tokens);
            audit::record(tx, &[caller.did("skill.list").saying(&detail)]).await?;
        }
        Ok(())
    });
    changed.await?;
    // What is kept of an organization's skills is made of what is committed.
    Ok(tagged(caller.tx(async |tx| found(&caller, tx).await).await?))
}
