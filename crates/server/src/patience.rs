//! Connections whose peer takes nothing any more. What is on its way to a slow
//! reader is bounded by the buffers in between, and here by time too: a peer
//! that accepts not one byte for long is cut off, and may come back with its
//! last id. Otherwise a laptop that sleeps would hold a stream's memory for ever.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// A connection that waits only so long for its peer to accept something.
pub struct Patient<I> {
    io: I,
    patience: Duration,
    /// Runs while a write waits. Most connections never have one.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<I> Patient<I> {
    /// `patience`: longest time in which the peer accepts nothing of what waits for it.
    pub fn new(io: I, patience: Duration) -> Self {
        Self { io, patience, stalled: None }
    }

    /// What came of a write: when it has to wait, not longer than the patience.
    fn bounded(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(context));
        tracing::debug!("a connection is closed: its peer accepts nothing");
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer accepts nothing")))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Patient<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Patient<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.bounded(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, bytes);
        self.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
        time::{Instant, advance},
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn connected() -> (Patient<DuplexStream>, DuplexStream) {
        let (io, peer) = duplex(8);
        (Patient::new(io, PATIENCE), peer)
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_accepts_nothing_is_given_up_when_the_patience_ends() {
        let (mut connection, _peer) = connected();
        let began = Instant::now();
        let error = connection.write_all(b"more than fits").await.expect_err("it is given up");
        assert_eq!((error.kind(), began.elapsed()), (io::ErrorKind::TimedOut, PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_accepts_a_byte_at_a_time_is_waited_for() {
        let (mut connection, mut peer) = connected();
        let began = Instant::now();
        let reads = async {
            let mut read = Vec::new();
            while read.len() < 14 {
                advance(PATIENCE / 30 * 29).await;
                read.push(peer.read_u8().await.expect("a byte"));
            }
            read
        };
        let (written, read) = tokio::join!(connection.write_all(b"more than fits"), reads);
        written.expect("everything is written");
        assert_eq!(read, b"more than fits");
        assert!(began.elapsed() > PATIENCE * 10);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_between_two_writes_is_no_stall() {
        let (mut connection, mut peer) = connected();
        for _ in 0..3 {
            connection.write_all(b"a frame").await.expect("it fits");
            advance(PATIENCE * 2).await;
            peer.read_exact(&mut [0; 7]).await.expect("the frame");
        }
    }
}
