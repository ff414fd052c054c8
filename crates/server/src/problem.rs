//! Errors as `application/problem+json` (RFC 9457): the one place where an error
//! of the domain becomes an answer.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    FieldError,
    budget::{self, Standing},
};
use serde::Serialize;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{
        ContentBuilder, Header, HeaderBuilder, ObjectBuilder, Ref, RefOr, ResponseBuilder, Type, response,
    },
};

pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// A refusal, as the client reads it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `/problems/<code>`
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// What is wrong with this request, and what to do about it.
    pub detail: String,
    /// Stable; for programs.
    pub code: String,
    /// The `X-Request-Id` of this answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The fields that were refused (422).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The limit of which nothing is left (402).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Standing>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems/{code}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.to_owned(),
            request_id: None,
            errors: Vec::new(),
            budget: None,
        }
    }

    /// The error in the client's words; what is internal goes to the log.
    pub fn of(error: domain::Error) -> Self {
        use domain::Error as E;
        match error {
            E::NotFound => not_found(),
            E::Invalid { code, detail, fields } => {
                Problem { errors: fields, ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail) }
            }
            E::Conflict { code, detail } => Problem::new(StatusCode::CONFLICT, code, detail),
            E::VersionMismatch { current } => Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "version_mismatch",
                format!("If-Match named another version; the resource is at version \"{current}\""),
            ),
            E::Unauthenticated { detail } => {
                Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
            }
            E::Forbidden { code, detail } => Problem::new(StatusCode::FORBIDDEN, code, detail),
            E::RateLimited { code, detail, .. } => Problem::new(StatusCode::TOO_MANY_REQUESTS, code, detail),
            E::BudgetExhausted(standing) => Problem {
                budget: Some(*standing),
                ..Problem::new(StatusCode::PAYMENT_REQUIRED, budget::EXHAUSTED, standing.to_string())
            },
            E::Unavailable { detail, .. } => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
            }
            E::Internal(source) => {
                tracing::error!(error = %source, "a request failed");
                Problem::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "the service failed; its log has the reason under this request_id",
                )
            }
        }
    }
}

/// The body is written by the layer that knows the request's id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response.extensions_mut().insert(self);
        response
    }
}

/// Why a handler gives no answer.
#[derive(Debug)]
pub enum Failure {
    Domain(domain::Error),
    /// A refusal of the protocol itself, such as a wrong content type.
    Http(Box<Problem>),
}

impl From<domain::Error> for Failure {
    fn from(error: domain::Error) -> Self {
        Failure::Domain(error)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Failure::Http(Box::new(problem))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Failure::Domain(error) => from_domain(error),
            Failure::Http(problem) => problem.into_response(),
        }
    }
}

fn from_domain(error: domain::Error) -> Response {
    use domain::Error as E;
    let retry_after = match &error {
        E::RateLimited { retry_after, .. } | E::Unavailable { retry_after, .. } => Some(*retry_after),
        _ => None,
    };
    let authenticate = matches!(error, E::Unauthenticated { .. });
    let mut response = Problem::of(error).into_response();
    if let Some(wait) = retry_after {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if authenticate {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The same for what does not exist and for what the caller may not know exists.
pub fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such thing, or it is not yours to see")
}

/// The refusals that operations for nobody in particular can answer with, for the OpenAPI document.
pub struct Refusals;

/// The same of operations that know who asks, and how often.
pub struct Problems;

/// What an operation that asks a model can answer beside.
pub struct OverBudget;

type Responses = BTreeMap<String, RefOr<response::Response>>;

impl IntoResponses for Refusals {
    fn responses() -> Responses {
        let refused = refusal("The request was refused");
        let failed = refusal("The service failed or is busy");
        BTreeMap::from([("4XX".to_owned(), refused.into()), ("5XX".to_owned(), failed.into())])
    }
}

impl IntoResponses for Problems {
    fn responses() -> Responses {
        let too_many =
            refusal("Too many requests (`rate_limited`), or too many runs under way (`too_many_runs`)")
                .header("Retry-After", retry_after())
                .header("RateLimit", rate_limit())
                .header("RateLimit-Policy", policy());
        let mut responses = Refusals::responses();
        responses.insert("429".to_owned(), too_many.into());
        responses
    }
}

impl IntoResponses for OverBudget {
    fn responses() -> Responses {
        let text = "A budget is used up (`budget_exhausted`): `budget` says which, and when there is more";
        BTreeMap::from([("402".to_owned(), refusal(text).into())])
    }
}

fn refusal(text: &str) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(text).content("application/problem+json", content)
}

fn retry_after() -> Header {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    HeaderBuilder::new()
        .schema(Some(seconds))
        .description(Some("Seconds to wait before the next request; it stands before what `RateLimit` says"))
        .build()
}

fn rate_limit() -> Header {
    let text = "What is left of each limit, `user` (the person's) and `org` (the organization's): `r` requests; in `t` \
                seconds all of them are back, or of the limit that refused this one, the next is served. On other \
                answers too (draft-ietf-httpapi-ratelimit-headers)";
    HeaderBuilder::new().description(Some(text)).example(Some(r#""user";r=0;t=1"#.into())).build()
}

fn policy() -> Header {
    let text = "The limits themselves: `q` requests at once, which come back within `w` seconds. On other answers too \
                (draft-ietf-httpapi-ratelimit-headers)";
    HeaderBuilder::new().description(Some(text)).example(Some(r#""user";q=300;w=30"#.into())).build()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    /// Method, path and answers of each operation.
    fn operations() -> Vec<(String, Value)> {
        let document = serde_json::to_value(crate::openapi()).expect("JSON");
        let paths = document["paths"].as_object().expect("paths").clone();
        let of_path = |(path, item): (String, Value)| {
            let operations = item.as_object().expect("operations").clone();
            operations
                .into_iter()
                .map(move |(method, operation)| (format!("{method} {path}"), operation["responses"].clone()))
        };
        paths.into_iter().flat_map(of_path).collect()
    }

    #[test]
    fn whoever_is_known_is_told_how_long_to_wait() {
        for (name, responses) in operations() {
            let headers = &responses["429"]["headers"];
            for header in ["Retry-After", "RateLimit", "RateLimit-Policy"] {
                assert_eq!(headers[header]["schema"].is_object(), name.contains(" /v1/"), "{name}: {header}");
            }
        }
    }

    #[test]
    fn only_what_asks_a_model_refuses_for_a_budget() {
        let refusing = operations().into_iter().filter(|(_, responses)| responses["402"].is_object());
        let names: Vec<String> = refusing.map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "post /v1/sessions/{id}/compact",
                "post /v1/sessions/{id}/messages",
                "post /v1/sessions/{id}/regenerate",
                "post /v1/skills/{key}/runs",
            ]
        );
    }
}
