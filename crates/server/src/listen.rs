//! Connections: accepted, served over HTTP/1.1, drained. `axum::serve` would
//! copy the whole router for each (18 KB), without a limit on the time in which
//! a request's head has to arrive.

use std::{convert::Infallible, io, time::Duration};

use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;

use crate::{App, patience::Patient, router};

/// What open connections are given to end after the signal.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a connection may take to send a request's head, or be idle between requests.
const HEAD: Duration = Duration::from_secs(75);
/// Pause after a failure to accept that the next attempt would meet as well.
const BREATHER: Duration = Duration::from_millis(200);

/// Serves until `stop`, then ends event streams, hands the runs back and drains.
pub async fn listen(listener: TcpListener, app: App, stop: impl Future<Output = ()> + Send + 'static) {
    let engine = app.engine.clone();
    let stopping = engine.stopping();
    app.rates.keep_up(&engine);
    if let Some(exposition) = &app.exposition {
        exposition.keep_up(&app);
    }
    let down = async {
        tokio::select! { () = stop => {} () = stopping.cancelled() => {} }
        tracing::info!("shutting down");
        engine.shutdown().await;
    };
    let serving = async {
        let (tasks, graceful) = (TaskTracker::new(), GracefulShutdown::new());
        let accepting = accept(&listener, &app, &tasks, &graceful);
        stopping.run_until_cancelled(accepting).await;
        // Whoever connects from here on is refused at once.
        drop(listener);
        if timeout(DRAIN, graceful.shutdown()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
    };
    // Leases are handed back however soon the connections have ended.
    tokio::join!(serving, down);
}

async fn accept(
    listener: &TcpListener,
    app: &App,
    tasks: &TaskTracker,
    graceful: &GracefulShutdown,
) -> Infallible {
    let router = router(app);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) if of_the_client(&error) => continue,
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted; raise the limit of open files");
                sleep(BREATHER).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        let stream = Patient::new(prompt(stream), app.patience);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
        });
    }
}

/// Without `TCP_NODELAY` small frames wait for acknowledgements: 40 ms between tokens.
fn prompt(stream: TcpStream) -> TcpStream {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps Nagle's algorithm");
    }
    stream
}

/// The client left before it was accepted; the next one has not.
fn of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
