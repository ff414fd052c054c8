//! Errors of the database in the words of the domain. Text from Postgres names
//! rows, constraints and shards: it is logged at the edge and never leaves.

use std::time::Duration;

use domain::Error;

/// What a caller may wait before trying again when the database is short of something.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(crate) fn from_sqlx(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::RowNotFound => Error::NotFound,
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => unavailable(&error),
        sqlx::Error::Database(database) => match database.code().as_deref() {
            // A lock, statement or idle timeout, a deadlock, a server that stops.
            Some("55P03" | "57014" | "25P03" | "40P01" | "40001" | "57P01" | "57P02" | "57P03") => {
                unavailable(&error)
            }
            // A connection that a pooler in between lost; no slot, no memory, no disk.
            Some(code) if code.starts_with("08") || code.starts_with("53") => unavailable(&error),
            // A data exception (a time before the calendar's beginning, text that no encoding
            // allows), or a limit of Postgres that only input can reach.
            Some(code) if code.starts_with("22") || code.starts_with("54") => Error::Invalid {
                code: "value_out_of_range",
                detail: "a value is outside of what can be stored".into(),
                fields: Vec::new(),
            },
            _ => Error::internal(error),
        },
        _ => Error::internal(error),
    }
}

fn unavailable(error: &sqlx::Error) -> Error {
    tracing::warn!(%error, "the database is not available");
    Error::Unavailable {
        detail: "the database is busy or not reachable; try again".into(),
        retry_after: RETRY_AFTER,
    }
}

/// Whether the error is a breach of the named constraint or unique index.
pub(crate) fn violates(error: &sqlx::Error, constraint: &str) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::constraint) == Some(constraint)
}

/// A stored value that no version of the program writes.
pub(crate) fn corrupt(what: &str, value: &str) -> Error {
    Error::internal(format!("the database holds {what} {value:?}, which this version does not know"))
}
