//! What `async-openai` sends its requests through, in place of its own client
//! and retry: one attempt, with our limits, whose failures stay what they are.

use std::time::Duration;

use async_openai::{error::OpenAIError, middleware::HttpRequestFactory};
use reqwest::{Body, Client as Http, Request, Response};
use tokio::time::Instant;

use super::events::{Events, Verdict, is_object};
use crate::{
    ModelError, http,
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
    /// A JSON object that says what there is to know about a model.
    Model,
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
            Expected::Model => self.model(request).await,
            Expected::Events { first_byte_by, idle, verdict } => {
                let sent = self.http.execute(request);
                http::event_stream(sent, *first_byte_by)
                    .await
                    .map(|it| Events::new(it, *first_byte_by, *idle, verdict.clone()).into_body())
            }
        };
        let answer = answer.map_err(|failure| OpenAIError::Boxed(Box::new(failure)))?;
        Ok(::http::Response::new(answer).into())
    }

    async fn model(&self, request: Request) -> Result<Body, Failure> {
        let response = http::success(self.http.execute(request).await).await?;
        let body = http::whole(response).await?;
        if is_object(&body) {
            return Ok(body.into());
        }
        Err(refusal::of_success("a model", "something", &body).into())
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
