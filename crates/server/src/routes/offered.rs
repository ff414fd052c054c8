//! Skills for those who use them: what is offered, what fits a message, and a run that follows one.

use axum::{
    Json,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use chrono_tz::Tz;
use domain::{
    EntityRef, Error, SessionId,
    offered::{OfferedSkill, Routing, Simulation},
    skill::Shelf,
};
use engine::{Asker, Wanted};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{
    sessions::{self, NewSession},
    trust,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    content,
    messages::{Said, Turn, Wish, say, timezone},
};
use crate::{
    caller::Caller,
    extract::{Body, IdempotencyKey, Path, Query},
    idempotent::request_hash,
    page::{Page, after, limit, page},
    problem::{OverBudget, Problems, Result},
    sse,
};

/// Longest text that is routed, in bytes.
const MAX_TEXT: usize = 65_536;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListOffered {
    category: Option<String>,
    priority: Option<String>,
    tag: Option<String>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

impl ListOffered {
    fn shelf(&self) -> Shelf<'_> {
        let Self { category, priority, tag, .. } = self;
        Shelf { category: category.as_deref(), priority: priority.as_deref(), tag: tag.as_deref() }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// What the person would write.
    #[schema(min_length = 1, max_length = 65536)]
    text: String,
}

impl Ask {
    pub(super) fn text(self) -> domain::Result<String> {
        if self.text.trim().is_empty() || self.text.len() > MAX_TEXT {
            return Err(Error::field("text", format!("must have 1 to {MAX_TEXT} bytes")));
        }
        Ok(self.text)
    }
}

#[derive(Serialize, ToSchema)]
pub struct Routed {
    /// Null: no skill fits.
    #[schema(required)]
    routing: Option<Routing>,
}

/// The run, or with `simulate` what it would do.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is there for the document: each of the two is answered by itself")]
pub enum RunOrSimulation {
    Run(Box<Turn>),
    Simulation(Box<Simulation>),
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSkillRun {
    /// What the skill is to work on, as its `inputs` say. At most 64 KiB of JSON.
    #[serde(default)]
    #[schema(value_type = Object)]
    inputs: Map<String, Value>,
    /// Up to three entities, of which the run is told what is on record.
    #[serde(default)]
    #[schema(max_items = 3)]
    mentions: Vec<EntityRef>,
    /// The conversation; a new one when left out.
    session_id: Option<SessionId>,
    /// IANA name, such as `Europe/Berlin`; UTC when left out.
    timezone: Option<String>,
    /// Shows what the run would do, step by step. Nothing is done or stored, and no model is asked.
    #[serde(default)]
    simulate: bool,
}

/// The skills that the caller's copilot is offered, by key, those too that cannot run.
#[utoipa::path(get, path = "/v1/skills", tag = "skills", security(("bearer" = [])), params(ListOffered),
    responses((status = 200, body = Page<OfferedSkill>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListOffered>) -> Result<Json<Page<OfferedSkill>>> {
    let limit = limit(query.limit)?;
    let after: Option<String> = after(query.cursor.as_deref())?;
    let most = usize::try_from(limit + 1).map_err(Error::internal)?;
    let (engine, shelf) = (&caller.app.engine, query.shelf());
    let found = caller
        .tx(async |tx| {
            let role = tx.role;
            engine.offered_skills(tx, role, &shelf, after.as_deref(), most).await
        })
        .await?;
    Ok(page(found, limit, |skill| skill.key.clone()))
}

/// One of them.
#[utoipa::path(get, path = "/v1/skills/{key}", tag = "skills", security(("bearer" = [])),
    params(("key" = String, Path)), responses((status = 200, body = OfferedSkill), Problems))]
pub async fn get(caller: Caller, Path(key): Path<String>) -> Result<Json<OfferedSkill>> {
    Ok(Json(find(&caller, &key).await?))
}

/// Which skill a message would be found to want, and why. Nothing is run.
#[utoipa::path(post, path = "/v1/route", tag = "skills", security(("bearer" = [])), request_body = Ask,
    responses((status = 200, body = Routed), Problems))]
pub async fn route(caller: Caller, body: Body<Ask>) -> Result<Json<Routed>> {
    let text = body.value.text()?;
    let engine = &caller.app.engine;
    let routing = caller.tx(async |tx| engine.route(tx, &text).await).await?;
    Ok(Json(Routed { routing }))
}

/// Starts a run that follows the skill, in a conversation of its own unless one is named. Answers as
/// `POST /v1/sessions/{id}/messages` does; where neither `Accept` nor `Prefer` says how, as its `execution_mode` says.
/// A skill that names what the caller does not have is 409
/// `skill_not_runnable`; inputs that do not fit are 422, field by field.
#[utoipa::path(post, path = "/v1/skills/{key}/runs", tag = "skills", security(("bearer" = [])),
    params(("key" = String, Path)), request_body = NewSkillRun,
    responses((status = 200, content((RunOrSimulation = "application/json"), (sse::Frame = "text/event-stream"))),
        (status = 202, body = Turn), Problems, OverBudget))]
pub async fn run(
    caller: Caller,
    Path(key): Path<String>,
    once: IdempotencyKey,
    headers: HeaderMap,
    body: Body<NewSkillRun>,
) -> Result<Response> {
    let hash = request_hash(&format!("POST /v1/skills/{key}/runs"), &body.bytes);
    let (door, new) = (&caller.door, body.value);
    let timezone = timezone("timezone", new.timezone.as_deref())?;
    let mentions = content::mentions(door, new.mentions)?;
    let inputs = content::inputs(door, new.inputs)?;
    if new.simulate {
        let wanted = Wanted { key, inputs, complete: true };
        return simulated(&caller, &wanted, new.session_id, mentions, timezone).await;
    }
    let asked = find(&caller, &key).await?;
    let wish = Wish::or(&headers, asked.execution_mode)?;
    let content = content::accept(door, Some(request(&asked.name, &inputs)), None)?;
    let (session, made) = match new.session_id {
        Some(session) => (session, false),
        None => own_session(&caller, once.0.as_deref()).await?,
    };
    let skill = Some(Wanted { key, inputs, complete: true });
    let said = Said { content, timezone, view: None, mentions, skill, mode: None, model: None };
    let answer = say(&caller, session, (once, hash), said, wish).await;
    if made && answer.is_err() {
        // What is refused leaves nothing behind.
        caller.tx(async |tx| sessions::delete(tx, session, None).await).await?;
    }
    answer
}

/// What a run would do. What is read for it is read in a transaction that is rolled back.
async fn simulated(
    caller: &Caller,
    wanted: &Wanted,
    session: Option<SessionId>,
    mentions: Vec<(usize, EntityRef)>,
    zone: Tz,
) -> Result<Response> {
    let engine = &caller.app.engine;
    let found = caller.peek(async |tx| {
        let (bound, untrusted) = match session {
            Some(id) => (sessions::find(tx, id).await?.entity, trust::any_untrusted(tx, &[id]).await?),
            None => (None, false),
        };
        let entities: Vec<EntityRef> =
            bound.into_iter().chain(mentions.into_iter().map(|(_, entity)| entity)).collect();
        let name = tx.user_name.clone();
        let asker = Asker { role: tx.role, name: name.as_deref(), zone, entities: &entities, untrusted };
        engine.simulate(tx, wanted, asker).await
    });
    Ok(Json(found.await?).into_response())
}

async fn find(caller: &Caller, key: &str) -> domain::Result<OfferedSkill> {
    let found = caller.tx(async |tx| {
        let role = tx.role;
        caller.app.engine.offered_skill(tx, role, key).await
    });
    found.await
}

/// What stands in the history as the person's request.
fn request(name: &str, inputs: &Map<String, Value>) -> String {
    let told = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let lines = inputs.iter().map(|(name, value)| format!("\n- {name}: {}", told(value)));
    format!("Run the skill \"{name}\".{}", lines.collect::<String>())
}

/// A conversation for this request, and whether it is new; a request that is sent again with its key finds the
/// same one.
async fn own_session(caller: &Caller, once: Option<&str>) -> Result<(SessionId, bool)> {
    let key = format!("skill-run:{}", once.map_or_else(|| Uuid::now_v7().to_string(), ToOwned::to_owned));
    let new = NewSession { client_key: Some(&key), title: None, entity: None, model: None, mode: None };
    let session = caller.tx(async |tx| match sessions::create(tx, SessionId::new(), &new).await? {
        Some(id) => Ok((id, true)),
        None => Ok((sessions::find_by_key(tx, &key).await?, false)),
    });
    Ok(session.await?)
}
