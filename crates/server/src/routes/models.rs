//! Models: which can be asked, who answers what, and what administrators say of both.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use domain::{
    Error, FieldError,
    models::{self, Candidate, Capability, KeyRow, ModelRow, ModelSettings, Price, RouteRow, Routes},
    skill::PLATFORM,
};
use engine::{Door, Engine};
use model::Standing;
use serde::Serialize;
use store::{
    TenantTx,
    audit::{self, Entry},
    models::{Models, find},
};
use utoipa::ToSchema;

use super::priced;
use crate::{
    caller::{Caller, Platform},
    door::secret_in,
    etag::{ETag, IfMatch},
    extract::Body,
    problem::{Problems, Result},
};

/// The models that can be asked.
#[derive(Serialize, ToSchema)]
pub struct Askable {
    data: Vec<AskableModel>,
    /// The model that is asked where no route says anything, as `provider/model`.
    default: String,
}

#[derive(Serialize, ToSchema)]
pub struct AskableModel {
    /// `provider/model`.
    model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Price>,
    /// In tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    context_window: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capabilities: Option<Vec<Capability>>,
    /// With the organization's own key, where it is asked with that.
    circuit: Circuit,
    /// It is asked with a key of the organization's own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    own_key: bool,
    /// It is the built-in stand-in, and no real model.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stand_in: bool,
}

/// Whether the replica that answers asks the model now.
#[derive(Serialize, ToSchema)]
pub struct Circuit {
    state: CircuitState,
    /// Seconds until it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in_seconds: Option<u64>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CircuitState {
    /// It is asked.
    Closed,
    /// It has failed too often: others are asked before it.
    Open,
    /// A single request tries it.
    HalfOpen,
}

impl From<Standing> for Circuit {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Closed => Self { state: CircuitState::Closed, retry_in_seconds: None },
            Standing::HalfOpen => Self { state: CircuitState::HalfOpen, retry_in_seconds: None },
            Standing::Open { retry_in } => {
                Self { state: CircuitState::Open, retry_in_seconds: Some(retry_in.as_secs().max(1)) }
            }
        }
    }
}

/// What is said of models, and what stands behind it.
#[derive(Serialize, ToSchema)]
pub struct VersionedModels {
    /// What is known of single models.
    models: Vec<ModelRow>,
    /// Who answers what.
    routes: Vec<RouteRow>,
    /// Models that may be asked; left out: all that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<Vec<String>>,
    /// Providers that are asked with the organization's own keys, and the secrets that hold these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<KeyRow>,
    version: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<DateTime<Utc>>,
    /// External id of the administrator who set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_by: Option<String>,
    /// Names of the configured providers, which stand before the slash of a model's name.
    providers: Vec<String>,
    /// What the platform says, for organizations that say nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<ModelSettings>,
}

fn shown(caller: &Caller, candidate: Candidate, routes: &Routes) -> AskableModel {
    AskableModel {
        circuit: caller.app.engine.standing(caller.org, &candidate).into(),
        own_key: candidate.secret.is_some(),
        capabilities: routes.capabilities(&candidate.model).map(<[_]>::to_vec),
        stand_in: candidate.provider() == crate::providers::STAND_IN,
        price: candidate.price,
        context_window: candidate.context_window,
        max_output_tokens: candidate.max_output_tokens,
        model: candidate.model,
    }
}

fn tagged(engine: &Engine, models: Models, platform: Option<ModelSettings>) -> Response {
    let Models { settings, version, updated_at, updated_by } = models;
    let providers = engine.providers().into_iter().map(ToOwned::to_owned).collect();
    let ModelSettings { models, routes, allowed, keys } = settings;
    let shown = VersionedModels {
        models,
        routes,
        allowed,
        keys,
        version,
        updated_at,
        updated_by,
        providers,
        platform,
    };
    (ETag(version), Json(shown)).into_response()
}

/// The models that requests, conversations and skills can ask for here, with what is known of them and whether they
/// answer these days. Any other model of a configured provider can be asked as well, unless `allowed` is set.
#[utoipa::path(get, path = "/v1/models", tag = "models", security(("bearer" = [])),
    responses((status = 200, body = Askable), Problems))]
pub async fn list(caller: Caller) -> Result<Json<Askable>> {
    let engine = &caller.app.engine;
    let routes = caller.tx(async |tx| engine.routes_now(tx).await).await?;
    let data = routes.known().iter().map(|name| shown(&caller, routes.candidate(name), &routes)).collect();
    Ok(Json(Askable { data, default: routes.default.clone() }))
}

/// What the organization says of models: owners and administrators.
#[utoipa::path(get, path = "/v1/admin/models", tag = "models", security(("bearer" = [])),
    responses((status = 200, body = VersionedModels), Problems))]
pub async fn get(caller: Caller) -> Result<Response> {
    let (own, platform) = caller
        .tx(async |tx| {
            tx.administers()?;
            Ok((find(tx).await?, store::models::of_platform(tx).await?))
        })
        .await?;
    Ok(tagged(&caller.app.engine, own, Some(platform.settings)))
}

/// Says what the organization's models are, who answers what, and which may be asked, all of it: owners and
/// administrators. A route is chosen by how much it says of a turn (its feature and its tier), an organization's before
/// the platform's; its candidates are asked in order, the next one where the one before fails. While a limit in money
/// stands, settings that leave a model without a price that turns come to are refused.
#[utoipa::path(put, path = "/v1/admin/models", tag = "models", security(("bearer" = [])),
    request_body = ModelSettings, responses((status = 200, body = VersionedModels), Problems))]
pub async fn put(caller: Caller, seen: IfMatch, body: Body<ModelSettings>) -> Result<Response> {
    let engine = &caller.app.engine;
    let (own, platform) = caller
        .tx(async |tx| {
            tx.administers()?;
            let problems = unknown_secrets(tx, &body.value.keys).await?;
            let did = caller.did("models.put");
            let own = write(tx, (engine, &caller.door), &body.value, problems, (seen, did)).await?;
            Ok((own, store::models::of_platform(tx).await?))
        })
        .await?;
    Ok(tagged(engine, own, Some(platform.settings)))
}

/// Goes back to what the platform says of models: owners and administrators. Where the organization says nothing, nothing
/// changes. While a limit in money stands, it is refused if that leaves a model without a price that turns come to.
#[utoipa::path(delete, path = "/v1/admin/models", tag = "models", security(("bearer" = [])),
    responses((status = 204), Problems))]
pub async fn delete(caller: Caller, seen: IfMatch) -> Result<StatusCode> {
    let engine = &caller.app.engine;
    caller
        .tx(async |tx| {
            tx.administers()?;
            if store::models::clear(tx, seen.0).await? {
                priced::check(tx, engine).await?;
                audit::record(tx, &[caller.did("models.delete")]).await?;
            }
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the platform says of models, for every organization that says nothing else: a platform administrator.
#[utoipa::path(get, path = "/v1/platform/models", tag = "platform", security(("bearer" = [])),
    responses((status = 200, body = VersionedModels), Problems))]
pub async fn get_of_platform(platform: Platform) -> Result<Response> {
    let said = platform.tx(PLATFORM, async |tx| find(tx).await).await?;
    Ok(tagged(&platform.app.engine, said, None))
}

/// The same as `PUT /v1/admin/models`, for every organization. What the platform does not allow, none can ask. Of the
/// limits in money it is held to the platform's own.
#[utoipa::path(put, path = "/v1/platform/models", tag = "platform", security(("bearer" = [])),
    request_body = ModelSettings, responses((status = 200, body = VersionedModels), Problems))]
pub async fn put_of_platform(
    platform: Platform,
    seen: IfMatch,
    body: Body<ModelSettings>,
) -> Result<Response> {
    let engine = &platform.app.engine;
    let said = platform
        .tx(PLATFORM, async |tx| {
            let problems = if body.value.keys.is_empty() { Vec::new() } else { vec![keys_of_platform()] };
            let did = platform.did("models.put");
            write(tx, (engine, engine.plain_door()), &body.value, problems, (seen, did)).await
        })
        .await?;
    Ok(tagged(engine, said, None))
}

/// Keys that name no secret of the organization.
async fn unknown_secrets(tx: &mut TenantTx, keys: &[KeyRow]) -> domain::Result<Vec<FieldError>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = keys.iter().map(|row| row.secret.clone()).collect();
    let known = store::secrets::known(tx, &names).await?;
    let unknown = keys.iter().enumerate().filter(|(_, row)| !known.contains(&row.secret));
    let problem = |i: usize| FieldError {
        field: format!("keys[{i}].secret"),
        error: "names no secret of the organization; store it with PUT /v1/admin/secrets/{name} first".into(),
    };
    Ok(unknown.map(|(i, _)| problem(i)).collect())
}

fn keys_of_platform() -> FieldError {
    let error = "belong to organizations; the platform's keys are the operator's to configure";
    FieldError { field: "keys".into(), error: error.into() }
}

async fn write(
    tx: &mut TenantTx,
    (engine, door): (&Engine, &Door),
    new: &ModelSettings,
    problems: Vec<FieldError>,
    (seen, entry): (IfMatch, Entry<'_>),
) -> domain::Result<Models> {
    let mut problems = [problems, models::check(new, &engine.providers())].concat();
    let described = new.models.iter().map(|row| &row.model);
    let routed = new.routes.iter().flat_map(|row| &row.candidates);
    let names = described.chain(routed).chain(new.allowed.iter().flatten());
    problems.extend(names.filter_map(|name| secret_in(door, "models", name)));
    if !problems.is_empty() {
        return Err(Error::fields(problems));
    }
    store::models::put(tx, new, seen.0).await?;
    priced::check(tx, engine).await?;
    let said = find(tx).await?;
    let detail = format!("version {}", said.version);
    audit::record(tx, &[entry.saying(&detail)]).await?;
    Ok(said)
}
