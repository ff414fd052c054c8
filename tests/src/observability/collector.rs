//! Stands in for a collector: OTLP over HTTP, as protobuf.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message as _;
use tokio::net::TcpListener;

use crate::harness::eventually;

/// A span as it came.
#[derive(Clone, Debug)]
pub struct Got {
    pub span: Span,
    pub resource: Vec<KeyValue>,
}

#[derive(Clone, Default)]
pub struct Collector {
    spans: Arc<Mutex<Vec<Got>>>,
    headers: Arc<Mutex<Vec<HeaderMap>>>,
    /// All that came, as it came.
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    /// Listens; also its address.
    pub async fn start() -> (Self, String) {
        let collector = Self::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(collector.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio_util::task::TaskTracker::new().spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        (collector, format!("http://{address}"))
    }

    pub fn spans(&self) -> Vec<Got> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn headers(&self) -> Vec<HeaderMap> {
        self.headers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All that came, as text as far as it is.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// The spans of this name, once there are so many.
    pub async fn wait(&self, name: &str, count: usize) -> Vec<Got> {
        eventually(name, async || {
            let found: Vec<Got> = self.spans().into_iter().filter(|got| got.span.name == name).collect();
            (found.len() >= count).then_some(found)
        })
        .await
    }
}

async fn take(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> StatusCode {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let request = ExportTraceServiceRequest::decode(body.clone()).expect("a request of OTLP");
    collector.bytes.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&body);
    collector.headers.lock().unwrap_or_else(PoisonError::into_inner).push(headers);
    let mut spans = collector.spans.lock().unwrap_or_else(PoisonError::into_inner);
    for of_resource in request.resource_spans {
        let resource = of_resource.resource.map(|resource| resource.attributes).unwrap_or_default();
        for span in of_resource.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans) {
            spans.push(Got { span, resource: resource.clone() });
        }
    }
    StatusCode::OK
}

fn words(value: &AnyValue) -> String {
    match value.value.as_ref().expect("a value") {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(truth) => truth.to_string(),
        Value::ArrayValue(list) => list.values.iter().map(words).collect::<Vec<_>>().join(","),
        other => panic!("no attribute of ours is {other:?}"),
    }
}

/// An attribute as text; empty where there is none.
pub fn attribute(attributes: &[KeyValue], name: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == name);
    found.and_then(|attribute| attribute.value.as_ref()).map(words).unwrap_or_default()
}

impl Got {
    pub fn get(&self, name: &str) -> String {
        attribute(&self.span.attributes, name)
    }

    #[track_caller]
    pub fn says(&self, expected: &[(&str, &str)]) {
        for (name, value) in expected {
            assert_eq!(self.get(name), *value, "{name} of {self:#?}");
        }
    }

    pub fn below(&self, parent: &Got) -> bool {
        self.span.parent_span_id == parent.span.span_id && self.span.trace_id == parent.span.trace_id
    }
}
