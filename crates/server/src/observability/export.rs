//! Spans on their way to a collector: OTLP over HTTP, in batches from a bounded queue. What does not fit is dropped; a
//! collector that is slow, or away, is felt by nobody.

use std::{
    collections::HashMap,
    fmt,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use engine::telemetry::Traces;
use opentelemetry::{KeyValue, global::BoxedTracer, trace::TracerProvider as _};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret as _;
use tokio::runtime::Handle;

use crate::{config::Observability, serve::Fatal};

/// How long a collector may take for one batch.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the end of the process waits for what is left.
const LAST: Duration = Duration::from_secs(3);
const NAME: &str = "sixty";

/// The way to a collector.
pub struct Export {
    provider: SdkTracerProvider,
}

impl Export {
    /// None: no collector is configured.
    pub fn begin(config: &Observability) -> Result<Option<Self>, Fatal> {
        let Some(base) = &config.otlp_endpoint else { return Ok(None) };
        let endpoint = format!("{}/v1/traces", base.as_str().trim_end_matches('/'));
        let headers = config.otlp_headers.as_ref().map(|text| headers(text.expose_secret()));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Outlet::new()?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_timeout(PATIENCE)
            .with_headers(headers.unwrap_or_default())
            .build()?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource(config.otel_service_name.as_deref()))
            .build();
        Ok(Some(Self { provider }))
    }

    pub fn traces(&self) -> Traces {
        Traces::new(BoxedTracer::new(Box::new(self.provider.tracer(NAME))))
    }

    /// Sends what is left, as far as the collector takes it in time.
    pub async fn end(self) {
        let ended = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(LAST));
        if !matches!(tokio::time::timeout(2 * LAST, ended).await, Ok(Ok(Ok(())))) {
            tracing::warn!("some spans did not reach the collector before the end");
        }
    }
}

/// Who sends. `OTEL_RESOURCE_ATTRIBUTES` is the SDK's to read.
fn resource(name: Option<&str>) -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let builder = Resource::builder().with_attribute(version);
    if let Some(name) = name {
        return builder.with_service_name(name.to_owned()).build();
    }
    let found = builder.build();
    let said = found.get(&"service.name".into()).is_some_and(|name| !name.as_str().starts_with("unknown_"));
    if said {
        return found;
    }
    let attributes = found.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    Resource::builder_empty().with_attributes(attributes).with_service_name(NAME).build()
}

/// `name=value` in a comma list, the values percent-encoded.
fn headers(text: &str) -> HashMap<String, String> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), decoded(value.trim()))).collect()
}

/// What of the headers is secret.
pub fn header_values(text: &str) -> Vec<String> {
    headers(text).into_values().collect()
}

fn decoded(value: &str) -> String {
    percent_decode_str(value).decode_utf8_lossy().into_owned()
}

/// The exporter's client. It works on a thread of its own, the client in the runtime.
struct Outlet {
    http: reqwest::Client,
    runtime: Handle,
    /// What went wrong is said once, until it goes right again.
    failing: AtomicBool,
}

impl Outlet {
    fn new() -> Result<Self, Fatal> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()?;
        Ok(Self { http, runtime: Handle::current(), failing: AtomicBool::new(false) })
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let url = parts.uri.to_string();
        let request = self.http.request(parts.method, url).headers(parts.headers).body(body);
        let sent = self.runtime.spawn(async move {
            let answer = request.send().await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        });
        let (status, body) = match sent.await.map_err(HttpError::from)? {
            Ok(answer) => answer,
            Err(error) => {
                self.note(Err(&error.without_url()));
                return Err("the collector cannot be reached".into());
            }
        };
        self.note(if status.is_success() { Ok(()) } else { Err(&status) });
        let mut response = Response::new(body);
        *response.status_mut() = status;
        Ok(response)
    }

    fn note(&self, outcome: Result<(), &dyn fmt::Display>) {
        let failed = outcome.is_err();
        if self.failing.swap(failed, Ordering::Relaxed) == failed {
            return;
        }
        match outcome {
            Ok(()) => tracing::info!("the collector takes spans again"),
            Err(why) => tracing::warn!(%why, "the collector takes no spans; they are dropped until it does"),
        }
    }
}

impl HttpClient for Outlet {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(self.send(request))
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outlet")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_a_comma_list_with_encoded_values() {
        let read = headers("authorization=Bearer%20a+b, x-tenant = one=two,nonsense,");
        assert_eq!(read.len(), 2);
        assert_eq!(read["authorization"], "Bearer a+b");
        assert_eq!(read["x-tenant"], "one=two");
    }
}
