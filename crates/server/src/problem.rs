//! Errors as `application/problem+json` (RFC 9457): the one place where an error
//! of the domain becomes an answer.

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
    openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder, response},
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

/// The refusals that every operation can answer with, for the OpenAPI document.
pub struct Problems;

impl IntoResponses for Problems {
    fn responses() -> std::collections::BTreeMap<String, RefOr<response::Response>> {
        [("4XX", "The request was refused"), ("5XX", "The service failed or is busy")]
            .into_iter()
            .map(|(status, text)| {
                let schema = Ref::from_schema_name("Problem");
                let content = ContentBuilder::new().schema(Some(schema)).build();
                let response = ResponseBuilder::new()
                    .description(text)
                    .content("application/problem+json", content)
                    .build();
                (status.to_owned(), RefOr::T(response))
            })
            .collect()
    }
}
