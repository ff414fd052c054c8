//! The yardstick: a passthrough of nothing but hyper, on one connection to the provider for each of a client. And the
//! same with a flaw, for what a failure costs.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::{
    Method, Request, Response, StatusCode, Uri, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};

use crate::Result;

type Client = legacy::Client<HttpConnector, Incoming>;

fn client() -> Client {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    legacy::Client::builder(TokioExecutor::new()).build(connector)
}

async fn listen() -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

async fn accept(listener: &TcpListener) -> Result<TokioIo<TcpStream>> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(TokioIo::new(stream))
}

/// The request as it is sent on.
fn sent_to(upstream: SocketAddr, mut request: Request<Incoming>) -> Request<Incoming> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let uri = format!("http://{upstream}{path}").parse::<Uri>();
    *request.uri_mut() = uri.unwrap_or_default();
    request
}

/// Forwards everything to the address; says on standard output where it listens. Runs until it is killed.
pub async fn serve(upstream: SocketAddr) -> Result<()> {
    let client = client();
    let (listener, address) = listen().await?;
    println!("listening on http://{address}");
    let mut connections = JoinSet::new();
    loop {
        let stream = accept(&listener).await?;
        let client = client.clone();
        let forward = service_fn(move |request| client.request(sent_to(upstream, request)));
        connections.spawn(http1::Builder::new().serve_connection(stream, forward));
        while connections.try_join_next().is_some() {}
    }
}

/// A passthrough that refuses every other message as overloaded, and knows when it did. Dropped, it ends.
pub struct Flawed {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    _serves: JoinSet<()>,
}

#[derive(Default)]
struct State {
    messages: usize,
    refused: Vec<Instant>,
}

impl State {
    fn refuses(&mut self) -> bool {
        self.messages += 1;
        let refuses = self.messages % 2 == 1;
        if refuses {
            self.refused.push(Instant::now());
        }
        refuses
    }
}

impl Flawed {
    pub async fn start(upstream: SocketAddr) -> Result<Self> {
        let (listener, address) = listen().await?;
        let state = Arc::<Mutex<State>>::default();
        let (client, shared) = (client(), state.clone());
        let mut serves = JoinSet::new();
        serves.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok(stream) = accept(&listener).await {
                let (client, state) = (client.clone(), shared.clone());
                let answer =
                    service_fn(move |request| answer(client.clone(), state.clone(), upstream, request));
                connections.spawn(http1::Builder::new().serve_connection(stream, answer));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, state, _serves: serves })
    }

    /// When it refused since this was asked last.
    pub fn refused(&self) -> Vec<Instant> {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).refused)
    }
}

async fn answer(
    client: Client,
    state: Arc<Mutex<State>>,
    upstream: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Either<Incoming, Full<Bytes>>>> {
    let is_message = request.method() == Method::POST;
    let refuses = is_message && state.lock().unwrap_or_else(PoisonError::into_inner).refuses();
    if !refuses {
        return Ok(client.request(sent_to(upstream, request)).await?.map(Either::Left));
    }
    request.into_body().collect().await?;
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let mut response = Response::new(Either::Right(Full::from(error)));
    *response.status_mut() = StatusCode::from_u16(529)?;
    Ok(response)
}
