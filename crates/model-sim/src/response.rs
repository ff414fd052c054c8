//! Answers as HTTP sees them, whatever they say.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::Response,
};

use crate::Reply;

pub(crate) fn answer(status: u16, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

pub(crate) fn json(document: impl Into<Body>) -> Response {
    answer(200, "application/json", document)
}

pub(crate) fn sse(body: Body) -> Response {
    let mut response = answer(200, "text/event-stream; charset=utf-8", body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// What a captive portal or a proxy says.
pub(crate) fn html(reply: &Reply) -> Response {
    let page =
        "<!doctype html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>";
    let mut response = answer(reply.status.unwrap_or(200), "text/html; charset=utf-8", page);
    set_headers(&mut response, &reply.headers);
    response
}

/// Sets what a test's author asked for; what is no header is left out.
pub(crate) fn set_headers(response: &mut Response, headers: &BTreeMap<String, String>) {
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
            response.headers_mut().insert(name, value);
        }
    }
}
