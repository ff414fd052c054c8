//! One error for the whole service, named by what the caller can do about it.
//! It knows no HTTP; the server converts it once, at the edge.

use std::{fmt, time::Duration};

use serde::Serialize;
use thiserror::Error;

use crate::budget::Standing;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why one field of a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Path of the field, such as `content[0].text`.
    pub field: String,
    /// What is wrong with it, for the person who sent it.
    pub error: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.error)
        } else {
            write!(f, "{}: {}", self.field, self.error)
        }
    }
}

#[derive(Debug, Error)]
pub enum Error {
    /// It does not exist, or the caller may not know that it does.
    #[error("not found")]
    NotFound,
    /// The input is at fault; sending it again changes nothing.
    #[error("{detail}")]
    Invalid { code: &'static str, detail: String, fields: Vec<FieldError> },
    /// The input is fine, the state does not allow it.
    #[error("{detail}")]
    Conflict { code: &'static str, detail: String },
    /// `If-Match` named another version.
    #[error("the resource is at version {current}")]
    VersionMismatch { current: i64 },
    #[error("{detail}")]
    Unauthenticated { detail: String },
    /// The caller may see it but not do this.
    #[error("{detail}")]
    Forbidden { code: &'static str, detail: String },
    #[error("{detail}")]
    RateLimited { code: &'static str, detail: String, retry_after: Duration },
    /// Nothing is left of a budget: no model is asked.
    #[error("{0}")]
    BudgetExhausted(Box<Standing>),
    /// The service cannot answer now; the same request may succeed later.
    #[error("{detail}")]
    Unavailable { detail: String, retry_after: Duration },
    /// A defect. The text is logged once and never leaves.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A 422 about one field.
    pub fn field(field: impl Into<String>, error: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { field: field.into(), error: error.into() }])
    }

    pub fn fields(fields: Vec<FieldError>) -> Self {
        let detail = fields.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Self::Invalid { code: "validation_failed", detail, fields }
    }

    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict { code, detail: detail.into() }
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::Forbidden { code: "forbidden", detail: detail.into() }
    }

    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }
}

/// Turns [`Error::NotFound`] into `None`.
pub trait OptionalExt<T> {
    fn optional(self) -> Result<Option<T>>;
}

impl<T> OptionalExt<T> for Result<T> {
    fn optional(self) -> Result<Option<T>> {
        match self {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
