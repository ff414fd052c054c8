//! `Idempotency-Key`: work that is done once, however often it is asked for.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{Error, Result};
use serde::Serialize;
use sha2::{Digest, Sha256};
use store::idempotency::{self, Claim};

use crate::{
    caller::{Caller, Tx},
    etag::ETag,
    extract::IdempotencyKey,
};

/// An answer that can be kept and given again.
pub struct Answer {
    pub status: StatusCode,
    pub location: Option<String>,
    /// The version of what was made or changed.
    pub etag: Option<i64>,
    pub body: String,
    /// Shown once with the answer, never stored: a member that the kept body lacks.
    secret: Option<Secret>,
}

struct Secret {
    name: &'static str,
    value: String,
}

impl Answer {
    pub fn created(location: String, body: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_string(body).map_err(Error::internal)?;
        Ok(Self { status: StatusCode::CREATED, location: Some(location), etag: None, body, secret: None })
    }

    pub fn changed(version: i64, body: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_string(body).map_err(Error::internal)?;
        Ok(Self { status: StatusCode::OK, location: None, etag: Some(version), body, secret: None })
    }

    /// 202: somebody is about to do it.
    pub fn accepted(location: String, body: &impl Serialize) -> Result<Self> {
        Ok(Self { status: StatusCode::ACCEPTED, ..Self::created(location, body)? })
    }

    pub fn plain(body: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_string(body).map_err(Error::internal)?;
        Ok(Self { status: StatusCode::OK, location: None, etag: None, body, secret: None })
    }

    pub fn at_version(self, version: i64) -> Self {
        Self { etag: Some(version), ..self }
    }

    /// Adds a secret to the body, which is an object. It is shown now and never again.
    pub fn with_secret(self, name: &'static str, value: String) -> Self {
        Self { secret: Some(Secret { name, value }), ..self }
    }

    /// The body as this one client sees it.
    fn shown(&self) -> String {
        match &self.secret {
            None => self.body.clone(),
            Some(Secret { name, value }) => {
                let open = self.body.strip_suffix('}').unwrap_or(&self.body);
                format!("{open},\"{name}\":{}}}", serde_json::Value::from(value.as_str()))
            }
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let mut response = (self.status, json, self.shown()).into_response();
        if let Some(location) = self.location.and_then(|location| HeaderValue::try_from(location).ok()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        match self.etag {
            Some(version) => (ETag(version), response).into_response(),
            None => response,
        }
    }
}

/// Identifies a request: what is asked, and with which body.
pub fn request_hash(operation: &str, body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(operation.as_bytes());
    hash.update([0]);
    hash.update(body);
    hash.finalize().into()
}

/// Does the work in one transaction with the row that remembers its answer, or
/// gives the answer that an earlier request earned.
pub async fn once(
    caller: &Caller,
    key: IdempotencyKey,
    hash: [u8; 32],
    work: impl AsyncFnOnce(&mut Tx) -> Result<Answer>,
) -> Result<Answer> {
    caller
        .tx(async |tx| {
            let Some(key) = key.0 else { return work(tx).await };
            match idempotency::claim(tx, &key, &hash).await? {
                Claim::New => {}
                Claim::Answered { status, location, etag, body } => {
                    let status = StatusCode::from_u16(status).map_err(Error::internal)?;
                    return Ok(Answer { status, location, etag, body, secret: None });
                }
                Claim::Run(_) => return Err(Error::internal("a key stands for a run and for an answer")),
            }
            let answer = work(tx).await?;
            let (status, location) = (answer.status.as_u16(), answer.location.as_deref());
            idempotency::keep_answer(tx, &key, status, location, answer.etag, &answer.body).await?;
            Ok(answer)
        })
        .await
}
