//! What a skill comes to, for those who write it: owners and administrators.

use axum::Json;
use domain::offered::Routing;
use serde::Serialize;
use skills::compile::Compiled;
use utoipa::ToSchema;

use super::check::{Remark, remarks};
use crate::{
    caller::Caller,
    extract::{Body, Path},
    problem::{Problems, Result},
    routes::offered::Ask,
};

/// A skill as its copilots are given it.
#[derive(Serialize, ToSchema)]
pub struct CompiledSkill {
    /// Facts, includes and templates filled in; empty if there are errors.
    text: String,
    /// Whether nothing that it names is missing, for the caller.
    runnable: bool,
    /// Tools, skills and capabilities that it names and the caller does not have.
    missing: Vec<String>,
    /// The tools that a run may call while it follows the skill; null: all that it is offered.
    #[schema(required)]
    tools: Option<Vec<String>>,
    errors: Vec<Remark>,
    warnings: Vec<Remark>,
}

impl From<Compiled> for CompiledSkill {
    fn from(compiled: Compiled) -> Self {
        Self {
            text: compiled.text,
            runnable: compiled.runnable,
            missing: compiled.missing,
            tools: compiled.tools.map(|tools| tools.into_iter().collect()),
            errors: remarks(compiled.report.errors),
            warnings: remarks(compiled.report.warnings),
        }
    }
}

/// What would come of a message, as far as skills go. No model is asked.
#[derive(Serialize, ToSchema)]
pub struct Tried {
    /// The skill that fits the message best, and why; null: none does.
    #[schema(required)]
    routing: Option<Routing>,
    /// Whether it is this one.
    chosen: bool,
    #[serde(flatten)]
    compiled: CompiledSkill,
}

/// A skill with the organization's facts, its includes and what is missing, at the version that is in use: owners
/// and administrators. One that is switched off is not found.
#[utoipa::path(get, path = "/v1/admin/skills/{key}/compiled", tag = "admin_skills", security(("bearer" = [])),
    params(("key" = String, Path)), responses((status = 200, body = CompiledSkill), Problems))]
pub async fn compiled(caller: Caller, Path(key): Path<String>) -> Result<Json<CompiledSkill>> {
    let compiled = caller.tx(async |tx| {
        let role = tx.role;
        let compiled = caller.app.engine.compiled_skill(tx, role, &key).await?;
        tx.administers().map(|()| compiled)
    });
    Ok(Json(compiled.await?.into()))
}

/// Tries a message on the skill: whether it would be found to fit, and what the skill comes to. Owners and
/// administrators. Nothing is run or written.
#[utoipa::path(post, path = "/v1/admin/skills/{key}/test", tag = "admin_skills", security(("bearer" = [])),
    params(("key" = String, Path)), request_body = Ask, responses((status = 200, body = Tried), Problems))]
pub async fn test(caller: Caller, Path(key): Path<String>, body: Body<Ask>) -> Result<Json<Tried>> {
    let text = body.value.text()?;
    let engine = &caller.app.engine;
    let (compiled, routing) = caller
        .tx(async |tx| {
            let role = tx.role;
            let compiled = engine.compiled_skill(tx, role, &key).await?;
            tx.administers()?;
            Ok((compiled, engine.route(tx, &text).await?))
        })
        .await?;
    let chosen = routing.as_ref().is_some_and(|routing| routing.skill_key == key);
    Ok(Json(Tried { routing, chosen, compiled: compiled.into() }))
}
