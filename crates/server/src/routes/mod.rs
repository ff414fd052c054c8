//! One list of operations that is both the router and the OpenAPI document.

mod api_keys;
pub(crate) mod approvals;
pub(crate) mod asked;
mod audit;
mod budgets;
mod card_types;
pub(crate) mod content;
mod download;
mod entities;
mod erasure;
mod export;
mod feedback;
mod me;
mod members;
mod memory;
mod messages;
mod models;
mod notifications;
mod offered;
mod operations;
mod permissions;
mod platform;
mod preview;
mod priced;
mod profile;
mod proposals;
mod retention;
mod runs;
mod schedules;
mod secrets;
mod sessions;
mod skills;
mod slack;
mod suggestions;
mod summaries;
mod usage;

use axum::{Router, http::StatusCode, response::Response};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        path::Operation,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App, layers,
    problem::{Problem, not_found},
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sixty",
        description = "The copilot service of a multi-tenant sales product. Every refusal is a problem document \
            (RFC 9457). Send `Authorization: Bearer <token>` on everything under /v1."
    ),
    components(schemas(Problem)),
    modifiers(&Bearer)
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        openapi.components.get_or_insert_default().add_security_scheme("bearer", scheme);
    }
}

/// What operators ask; no token.
fn operator_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(operations::healthz))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::metrics))
        .routes(routes!(operations::openapi_json))
}

/// Skills: at work, of organizations and of the platform.
fn skill_routes() -> OpenApiRouter<App> {
    use skills::{compiled, listed, organization, platform};
    OpenApiRouter::new()
        .routes(routes!(offered::list))
        .routes(routes!(offered::get))
        .routes(routes!(offered::route))
        .routes(routes!(offered::run))
        .routes(routes!(organization::list, organization::create))
        .routes(routes!(organization::validate))
        .routes(routes!(organization::import))
        .routes(routes!(organization::get, organization::put, organization::delete))
        .routes(routes!(organization::versions))
        .routes(routes!(organization::version))
        .routes(routes!(organization::export))
        .routes(routes!(organization::rollback))
        .routes(routes!(organization::enable))
        .routes(routes!(organization::disable))
        .routes(routes!(organization::pin))
        .routes(routes!(listed::get, listed::put))
        .routes(routes!(compiled::compiled))
        .routes(routes!(compiled::test))
        .routes(routes!(platform::list, platform::create))
        .routes(routes!(platform::validate))
        .routes(routes!(platform::import))
        .routes(routes!(platform::get, platform::put, platform::delete))
        .routes(routes!(platform::versions))
        .routes(routes!(platform::version))
        .routes(routes!(platform::export))
        .routes(routes!(platform::rollback))
        .routes(routes!(platform::enable))
        .routes(routes!(platform::disable))
        .routes(routes!(platform::pin))
}

/// Models: who answers what.
fn model_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(models::list))
        .routes(routes!(models::get, models::put, models::delete))
        .routes(routes!(models::get_of_platform, models::put_of_platform))
}

/// Scheduled tasks.
fn schedule_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(schedules::create, schedules::list))
        .routes(routes!(schedules::get, schedules::update, schedules::delete))
        .routes(routes!(schedules::pause))
        .routes(routes!(schedules::resume))
        .routes(routes!(schedules::cancel))
        .routes(routes!(schedules::run))
        .routes(routes!(schedules::history))
}

fn all_routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(me::get))
        .routes(routes!(platform::put_org, erasure::erase_org))
        .routes(routes!(erasure::org_erasure))
        .routes(routes!(platform::put_member, platform::delete_member))
        .routes(routes!(sessions::create, sessions::list))
        .routes(routes!(sessions::by_key))
        .routes(routes!(sessions::get, sessions::update, sessions::delete))
        .routes(routes!(download::export))
        .routes(routes!(messages::list, messages::post))
        .routes(routes!(messages::regenerate))
        .routes(routes!(feedback::put, feedback::get, feedback::delete))
        .routes(routes!(summaries::compact))
        .routes(routes!(summaries::list))
        .routes(routes!(summaries::search))
        .routes(routes!(summaries::get))
        .routes(routes!(runs::get))
        .routes(routes!(runs::events))
        .routes(routes!(runs::cancel))
        .routes(routes!(memory::get_org, memory::put_org))
        .routes(routes!(memory::get_user, memory::put_user))
        .routes(routes!(memory::get_entity, memory::put_entity))
        .routes(routes!(memory::org_revisions))
        .routes(routes!(memory::user_revisions))
        .routes(routes!(memory::entity_revisions))
        .routes(routes!(memory::revert_org))
        .routes(routes!(memory::revert_user))
        .routes(routes!(memory::revert_entity))
        .routes(routes!(proposals::list))
        .routes(routes!(proposals::decide))
        .routes(routes!(preview::preview))
        .routes(routes!(profile::get, profile::put))
        .routes(routes!(profile::revisions))
        .routes(routes!(approvals::list))
        .routes(routes!(approvals::batch))
        .routes(routes!(asked::list))
        .routes(routes!(asked::get, asked::answer))
        .routes(routes!(approvals::get, approvals::decide))
        .routes(routes!(permissions::effective_of_caller))
        .routes(routes!(permissions::get, permissions::put))
        .routes(routes!(entities::create, entities::list))
        .routes(routes!(entities::put, entities::get, entities::update, entities::delete))
        .routes(routes!(entities::batch))
        .routes(routes!(entities::add_note, entities::notes))
        .routes(routes!(suggestions::list))
        .routes(routes!(audit::list))
        .routes(routes!(audit::audit))
        .routes(routes!(feedback::list))
        .routes(routes!(usage::own))
        .routes(routes!(usage::of_organization))
        .routes(routes!(usage::usage_events))
        .routes(routes!(budgets::get, budgets::put, budgets::delete))
        .routes(routes!(budgets::get_default, budgets::put_default))
        .routes(routes!(members::list))
        .routes(routes!(members::update))
        .routes(routes!(api_keys::create, api_keys::list))
        .routes(routes!(api_keys::get, api_keys::revoke))
        .merge(model_routes())
        .routes(routes!(secrets::list))
        .routes(routes!(secrets::put, secrets::delete))
        .routes(routes!(card_types::list))
        .routes(routes!(card_types::put, card_types::get, card_types::delete))
        .merge(skill_routes())
        .merge(schedule_routes())
        .merge(slack::routes())
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::read))
        .routes(routes!(notifications::events))
        .routes(routes!(retention::get, retention::put))
        .routes(routes!(retention::preview))
        .routes(routes!(export::own))
        .routes(routes!(export::of_member))
        .routes(routes!(erasure::erase_member))
        .routes(routes!(erasure::member_erasure))
        .merge(operator_routes())
}

/// The service: all of it, or for a worker the operators' part.
pub fn router(app: &App) -> Router {
    let served = if app.public.operations_only { operator_routes() } else { all_routes() };
    let (bare, _) = served.split_for_parts();
    let whole = bare
        .fallback(async || -> Problem { not_found() })
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app.clone());
    layers::around(whole, app)
}

async fn method_not_allowed() -> Response {
    let problem = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this path does not answer to this method",
    );
    axum::response::IntoResponse::into_response(problem)
}

/// The OpenAPI document of the service.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = all_routes().split_for_parts().1;
    for path in document.paths.paths.values_mut() {
        let methods = [&mut path.get, &mut path.put, &mut path.post, &mut path.patch, &mut path.delete];
        methods.into_iter().flatten().for_each(name);
    }
    document
}

/// An id as a part of a path.
fn url_segment(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20")
}

/// `get` of the tag `sessions` is `sessions_get`: an operation's id is unique in the document.
fn name(operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next();
    if let (Some(tag), Some(id)) = (tag, &operation.operation_id) {
        operation.operation_id = Some(format!("{tag}_{id}"));
    }
}
