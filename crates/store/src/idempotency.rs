//! Answers to requests that a client sends again under the same key.

use domain::{Error, Result, RunId};
use sqlx::error::DatabaseError;

use crate::{TenantTx, error::from_sqlx};

/// SQLSTATE `lock_not_available`.
const LOCK_TIMEOUT: &str = "55P03";

/// What the key stands for.
#[derive(Clone, Debug)]
pub enum Claim {
    /// Nobody used it: the work may begin, in this transaction.
    New,
    /// It started this run: join it.
    Run(RunId),
    /// It was answered like this.
    Answered { status: u16, location: Option<String>, etag: Option<i64>, body: String },
}

/// Takes the key, or tells what it was used for; the caller stays a member until the
/// transaction's end. Waits for another transaction
/// that is using it at this moment, as long as the login's lock timeout allows.
pub async fn claim(tx: &mut TenantTx, key: &str, request_hash: &[u8]) -> Result<Claim> {
    let tenant = tx.tenant();
    let taken = sqlx::query!(
        "insert into sixty.idempotency (org_id, owner_id, key, request_hash)
         select $1, $2, $3, $4 from sixty.members m
         where m.org_id = $1 and m.user_id = $2 and m.status = 'active' for share of m
         on conflict (org_id, owner_id, key) do nothing",
        tenant.org.0,
        tenant.user.0,
        key,
        request_hash
    )
    .execute(tx.connection())
    .await
    .map_err(|error| match error.as_database_error().and_then(DatabaseError::code).as_deref() {
        Some(LOCK_TIMEOUT) => Error::conflict(
            "idempotency_in_flight",
            "a request with this Idempotency-Key is still being worked on; send it again later",
        ),
        _ => from_sqlx(error),
    })?;
    if taken.rows_affected() == 1 {
        return Ok(Claim::New);
    }
    let row = sqlx::query!(
        "select request_hash, run_id, status, location, etag, body from sixty.idempotency
         where org_id = $1 and owner_id = $2 and key = $3",
        tenant.org.0,
        tenant.user.0,
        key
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if row.request_hash != request_hash {
        return Err(Error::Invalid {
            code: "idempotency_mismatch",
            detail: "this Idempotency-Key was used for another request; use a new key".into(),
            fields: Vec::new(),
        });
    }
    match (row.run_id, row.status, row.body) {
        (Some(run), _, _) => Ok(Claim::Run(run.into())),
        (None, Some(status), Some(body)) => Ok(Claim::Answered {
            status: u16::try_from(status).map_err(Error::internal)?,
            location: row.location,
            etag: row.etag,
            body,
        }),
        _ => Err(Error::internal("an idempotency row was committed without its answer")),
    }
}

/// Binds the key to the run that this transaction starts.
pub async fn bind_run(tx: &mut TenantTx, key: &str, run: RunId) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.idempotency set run_id = $4 where org_id = $1 and owner_id = $2 and key = $3",
        tenant.org.0,
        tenant.user.0,
        key,
        run.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Keeps the answer that this transaction earns.
pub async fn keep_answer(
    tx: &mut TenantTx,
    key: &str,
    status: u16,
    location: Option<&str>,
    etag: Option<i64>,
    body: &str,
) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.idempotency set status = $4, location = $5, body = $6, etag = $7
         where org_id = $1 and owner_id = $2 and key = $3",
        tenant.org.0,
        tenant.user.0,
        key,
        i32::from(status),
        location,
        body,
        etag
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}
