//! What `async-openai` sends its requests through, in place of its own client
//! and retry: one attempt, with our limits, whose failures stay what they are.

use std::time::Duration;

use async_openai::{error::OpenAIError, middleware::HttpRequestFactory};
use reqwest::{Body, Client as Http, Request, Response};
use tokio::time::{Instant, timeout_at};

use super::events::{Events, Verdict, is_object};
use crate::{
    ModelError,
    http::{self, silence},
    refusal::{self, Failure},
};

#[derive(Clone)]
pub(super) struct Transport {
    pub http: Http,
    pub expected: Expected,
}

/// What is to come back.
#[derive(Clone)]
pub(super) enum Expected {
    /// A JSON object, and what it is called in an error.
    Whole(&'static str),
    Events {
        first_byte_by: Instant,
        idle: Duration,
        verdict: Verdict,
    },
}

impl Transport {
    /// Never an answer that is not a success: `async-openai` would log its text.
    pub async fn carry(self, request: HttpRequestFactory) -> Result<Response, OpenAIError> {
        let request = request.build().await?;
        let answer = match &self.expected {
            Expected::Whole(what) => self.whole(request, what).await,
            Expected::Events { first_byte_by, idle, verdict } => {
                let response = self.events(request, *first_byte_by).await;
                response.map(|it| Events::new(it, *first_byte_by, *idle, verdict.clone()).into_body())
            }
        };
        let answer = answer.map_err(|failure| OpenAIError::Boxed(Box::new(failure)))?;
        Ok(::http::Response::new(answer).into())
    }

    async fn whole(&self, request: Request, what: &str) -> Result<Body, Failure> {
        let response = http::success(self.http.execute(request).await).await?;
        let body = http::whole(response).await?;
        if is_object(&body) {
            return Ok(body.into());
        }
        Err(refusal::of_success(what, "something", &body).into())
    }

    async fn events(&self, request: Request, first_byte_by: Instant) -> Result<Response, Failure> {
        let sent = async { http::success(self.http.execute(request).await).await };
        let response = timeout_at(first_byte_by, sent).await;
        let response = response.unwrap_or_else(|_| Err(silence("no first byte").into()))?;
        http::event_stream(response, first_byte_by).await
    }
}

/// The failure behind an error: nearly always one that was boxed above.
pub(super) fn failure(error: OpenAIError) -> Failure {
    match error {
        OpenAIError::Boxed(boxed) => match boxed.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(other) => ModelError::bad_answer(other.to_string()).into(),
        },
        other => ModelError::bad_answer(other.to_string()).into(),
    }
}
