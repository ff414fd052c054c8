//! The server around the wires: reading, logging, listening.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request as HttpRequest, State},
    http::HeaderValue,
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::get,
    serve::ListenerExt,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

use crate::{Request, Sim, chat, control, messages};

/// What the real API accepts as a body.
const MAX_BODY: usize = 32 * 1024 * 1024;
/// How long open answers may go on after a shutdown: some of them never end.
const GRACE: Duration = Duration::from_secs(1);

impl Sim {
    /// The providers' wires, `GET /healthz`, and the control routes for other processes.
    pub fn router(&self) -> Router {
        self.wire_router().merge(control::router(self.clone()))
    }

    /// The providers' wires alone: for a program that listens where others could ask.
    pub fn wire_router(&self) -> Router {
        messages::router()
            .merge(chat::router())
            .layer(from_fn_with_state(self.clone(), receive))
            .with_state(self.clone())
            .route("/healthz", get(async || "ok"))
    }

    /// Serves [`Sim::router`] until `shutdown`, and open answers for a second more.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        serve(self.router(), listener, shutdown).await
    }

    /// Serves on a free port of the loopback interface until the answer is dropped.
    pub async fn start(&self) -> io::Result<Running> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let mut task = JoinSet::new();
        task.spawn(serve(self.router(), listener, std::future::pending()));
        Ok(Running { address, _task: task })
    }
}

/// A stand-in that listens. When it is dropped, new connections are refused.
pub struct Running {
    address: SocketAddr,
    _task: JoinSet<io::Result<()>>,
}

impl Running {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL for a client, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn serve(
    router: Router,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    // Nagle's algorithm holds small frames back for 40 ms.
    let listener = listener.tap_io(|connection| connection.set_nodelay(true).unwrap_or_default());
    let (stopping, stopped) = oneshot::channel();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        stopping.send(()).unwrap_or_default();
    });
    tokio::select! {
        ended = server => ended,
        Ok(()) = stopped => {
            tokio::time::sleep(GRACE).await;
            Ok(())
        }
    }
}

/// Reads the body, logs the request, hands both on as one extension, and names
/// the answer.
async fn receive(State(sim): State<Sim>, request: HttpRequest, next: Next) -> Response {
    let id = format!("req_sim_{}", sim.next_id());
    let (parts, body) = request.into_parts();
    let received = Arc::new(Request::new(id.clone(), &parts, read(body).await));
    sim.record(received.clone());
    let mut request = HttpRequest::from_parts(parts, Body::empty());
    request.extensions_mut().insert(received);
    let mut response = next.run(request).await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        // Each provider has a name of its own for it.
        response.headers_mut().insert("x-request-id", id.clone());
        response.headers_mut().insert("request-id", id);
    }
    response
}

/// The body, or nothing when it is too large. It is read to its end all the
/// same: a client that still writes would not see the answer.
async fn read(body: Body) -> Option<Bytes> {
    let mut stream = body.into_data_stream();
    let mut read = BytesMut::new();
    let mut size = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        size += chunk.len();
        if size <= MAX_BODY {
            read.extend_from_slice(&chunk);
        }
    }
    (size <= MAX_BODY).then(|| read.freeze())
}
