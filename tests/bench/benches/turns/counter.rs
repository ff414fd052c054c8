//! A proxy in front of Postgres that counts: each `ReadyForQuery` ends one round trip.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    task::JoinSet,
};

/// What has passed so far.
#[derive(Default)]
pub struct Counts {
    pub round_trips: AtomicU64,
    pub commits: AtomicU64,
}

impl Counts {
    pub fn now(&self) -> (u64, u64) {
        (self.round_trips.load(Relaxed), self.commits.load(Relaxed))
    }
}

/// Listens until the set is dropped.
pub async fn start(
    postgres: SocketAddr,
    tasks: &mut JoinSet<io::Result<()>>,
) -> io::Result<(SocketAddr, Arc<Counts>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let (address, counts) = (listener.local_addr()?, Arc::new(Counts::default()));
    let counted = counts.clone();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (client, _) = listener.accept().await?;
            let server = TcpStream::connect(postgres).await?;
            client.set_nodelay(true)?;
            server.set_nodelay(true)?;
            let ((mut from_client, to_client), (from_server, mut to_server)) =
                (client.into_split(), server.into_split());
            let counts = counted.clone();
            connections.spawn(async move { copy(&mut from_client, &mut to_server).await.map(drop) });
            connections.spawn(count(from_server, to_client, counts));
        }
    });
    Ok((address, counts))
}

/// Messages of the server are a type, a length that includes itself, and the rest.
async fn count(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, counts: Arc<Counts>) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut pending: Vec<u8> = Vec::new();
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        pending.extend_from_slice(&buffer[..read]);
        let mut at = 0;
        while let Some(head) = pending.get(at..at + 5) {
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            let Some(message) = pending.get(at..=at + length) else { break };
            match message[0] {
                b'Z' => drop(counts.round_trips.fetch_add(1, Relaxed)),
                b'C' if message[5..].starts_with(b"COMMIT") => drop(counts.commits.fetch_add(1, Relaxed)),
                _ => {}
            }
            at += length + 1;
        }
        pending.drain(..at);
        to.write_all(&buffer[..read]).await?;
    }
}
