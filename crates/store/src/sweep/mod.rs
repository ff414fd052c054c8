//! What an erasure removes, piece by piece: each call is short work for one transaction
//! and tells how many rows it took. None are left when it takes none.
//!
//! The order matters. Runs go first, and with its row a run loses the right to write
//! (its guard finds nothing). Everything else hangs on sessions: with the last of them
//! nothing can be added any more, because only active members open new ones.

/// How many rows a statement took or changed.
macro_rules! affected {
    ($tx:expr, $sql:tt, $($value:expr),* $(,)?) => {
        sqlx::query!($sql, $($value),*).execute($tx.connection()).await.map_err(from_sqlx)?.rows_affected()
    };
}

mod organization;
mod person;
mod used;

use uuid::Uuid;

pub use organization::{blank_org, delete_member, first_member, of_organization, trail};
pub use person::{authorship, blank_member, of_person};

/// Rows of one statement.
const ROWS: i64 = 2_000;
/// Rows on which many others hang.
const FEW: i64 = 50;

/// What an erased person's row is called from now on.
pub fn tombstone(id: Uuid) -> String {
    format!("erased:{id}")
}
