//! The yardstick: a passthrough of nothing but hyper, on one connection to the provider for each of a client.

use std::net::SocketAddr;

use hyper::{Request, Uri, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::{net::TcpListener, task::JoinSet};

use crate::Result;

/// Forwards everything to the address; says on standard output where it listens. Runs until it is killed.
pub async fn serve(upstream: SocketAddr) -> Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Incoming> = Client::builder(TokioExecutor::new()).build(connector);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let client = client.clone();
        let forward = service_fn(move |mut request: Request<Incoming>| {
            let client = client.clone();
            async move {
                let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
                let uri = format!("http://{upstream}{path}").parse::<Uri>();
                *request.uri_mut() = uri.unwrap_or_default();
                client.request(request).await
            }
        });
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), forward));
        while connections.try_join_next().is_some() {}
    }
}
