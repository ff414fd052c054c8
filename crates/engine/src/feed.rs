//! The live stream of one run: a growing buffer of frames that serves every
//! reader on this replica and the writer to the database. A reader is a cursor
//! into it; there is no channel per reader and no copy but the one to its socket.

#[cfg(test)]
mod properties;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use domain::{Event, RunId, Tenant, event::Cursor, run::Lease};
use store::steps::Frames;
use tokio::sync::{Notify, OwnedMutexGuard, futures::Notified};

/// Most bytes that a reader is given at once; a slow one holds no more.
const MAX_READ: usize = 64 * 1024;

/// Frames of one run under one fence.
pub struct Feed {
    lease: Lease,
    buffer: Mutex<Buffer>,
    changed: Notify,
    /// Held by whoever is storing frames, so that they reach the database in order.
    storing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Buffer {
    text: String,
    /// `ends[i]` is where frame number `i + 1` ends.
    ends: Vec<usize>,
    /// Frames up to this number are in the database.
    stored: usize,
    /// The last frame is the stream's last word.
    ended: bool,
    /// Nobody writes here any more.
    closed: bool,
    /// The process ends: readers go on elsewhere.
    leaving: bool,
}

/// What a reader finds after its cursor.
pub enum Read {
    Frames {
        bytes: Bytes,
        n: i64,
    },
    /// Nothing yet.
    Pending,
    /// Nothing, and nothing will follow; or it will be read elsewhere.
    Ended,
    /// Nothing, and nothing will follow from this replica.
    Closed,
}

impl Feed {
    fn new(lease: Lease) -> Self {
        Self { lease, buffer: Mutex::default(), changed: Notify::new(), storing: Arc::default() }
    }

    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    pub fn fence(&self) -> i64 {
        self.lease.fence
    }

    /// Whose run it is, said again: in memory there is no policy.
    pub fn is_shown_to(&self, tenant: Tenant) -> bool {
        self.lease.org == tenant.org && tenant.owner().is_none_or(|owner| owner == self.lease.user)
    }

    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows an event at once. For what the database need not confirm: tokens,
    /// thinking, and the remark that a step is done again.
    pub fn push(&self, event: &Event) {
        let mut buffer = self.lock();
        let n = as_number(buffer.ends.len()) + 1;
        event.write_frame(self.lease.run, Cursor { fence: self.lease.fence, n }, &mut buffer.text);
        let end = buffer.text.len();
        buffer.ends.push(end);
        drop(buffer);
        self.changed.notify_waiters();
    }

    /// Shows events that have been committed as the row `frames`.
    pub fn publish(&self, frames: &Frames, staged: &Staged) {
        let mut buffer = self.lock();
        for frame in &staged.frames {
            buffer.text.push_str(frame);
            let end = buffer.text.len();
            buffer.ends.push(end);
        }
        buffer.stored = as_index(frames.n_to);
        buffer.ended = staged.ends;
        drop(buffer);
        self.changed.notify_waiters();
    }

    /// Numbers events that are about to be committed. Nothing is shown yet; the
    /// run's task, the only writer, pushes nothing before it publishes them.
    pub fn stage(&self, events: &[Event]) -> Staged {
        let mut n = as_number(self.lock().ends.len());
        let frames = events
            .iter()
            .map(|event| {
                n += 1;
                event.frame(self.lease.run, Cursor { fence: self.lease.fence, n })
            })
            .collect();
        Staged { frames, ends: events.last().is_some_and(Event::ends) }
    }

    /// Waits until nobody else is storing frames of this run.
    pub async fn begin_storing(&self) -> OwnedMutexGuard<()> {
        self.storing.clone().lock_owned().await
    }

    /// The frames that are not stored yet and the staged ones, as one row.
    pub fn row(&self, staged: &Staged) -> Frames {
        let buffer = self.lock();
        let start = buffer.stored.checked_sub(1).map_or(0, |last| buffer.ends[last]);
        let mut text = buffer.text[start..].to_owned();
        staged.frames.iter().for_each(|frame| text.push_str(frame));
        Frames {
            n_from: as_number(buffer.stored) + 1,
            n_to: as_number(buffer.ends.len() + staged.frames.len()),
            text,
        }
    }

    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_waiters();
    }

    fn leave(&self) {
        self.lock().leaving = true;
        self.changed.notify_waiters();
    }

    /// A future that ends at the next change after this call.
    pub fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Frames after number `n`.
    pub fn read(&self, n: i64) -> Read {
        let buffer = self.lock();
        let from = as_index(n).min(buffer.ends.len());
        if from == buffer.ends.len() {
            return match *buffer {
                Buffer { ended: true, .. } | Buffer { leaving: true, .. } => Read::Ended,
                Buffer { closed: true, .. } => Read::Closed,
                _ => Read::Pending,
            };
        }
        let start = from.checked_sub(1).map_or(0, |last| buffer.ends[last]);
        let fitting = buffer.ends[from..].iter().take_while(|end| **end - start <= MAX_READ).count();
        let upto = from + fitting.max(1);
        let bytes = Bytes::copy_from_slice(&buffer.text.as_bytes()[start..buffer.ends[upto - 1]]);
        Read::Frames { bytes, n: as_number(upto) }
    }

    fn has_unstored(&self) -> bool {
        let buffer = self.lock();
        buffer.stored < buffer.ends.len()
    }

    fn mark_stored(&self, n: i64) {
        let mut buffer = self.lock();
        buffer.stored = buffer.stored.max(as_index(n));
    }
}

/// Events with their numbers, not yet committed.
#[derive(Default)]
pub struct Staged {
    frames: Vec<String>,
    /// The stream ends with them.
    ends: bool,
}

impl Staged {
    pub fn text(&self) -> String {
        self.frames.concat()
    }
}

fn as_number(count: usize) -> i64 {
    i64::try_from(count).expect("a run has fewer than 2^63 events")
}

fn as_index(n: i64) -> usize {
    usize::try_from(n).unwrap_or(0)
}

/// The feeds of the runs that this replica executes.
#[derive(Default)]
pub struct Feeds(Mutex<Open>);

#[derive(Default)]
struct Open {
    feeds: HashMap<RunId, Arc<Feed>>,
    leaving: bool,
}

impl Feeds {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn open(&self, lease: Lease) -> Arc<Feed> {
        let feed = Arc::new(Feed::new(lease));
        let mut open = self.lock();
        open.feeds.insert(lease.run, feed.clone());
        if open.leaving {
            feed.leave();
        }
        feed
    }

    pub fn find(&self, run: RunId) -> Option<Arc<Feed>> {
        self.lock().feeds.get(&run).cloned()
    }

    /// Ends a feed; its readers go on from the database, if there is more to come.
    pub fn close(&self, feed: &Arc<Feed>) {
        let feeds = &mut self.lock().feeds;
        if feeds.get(&feed.lease.run).is_some_and(|open| Arc::ptr_eq(open, feed)) {
            feeds.remove(&feed.lease.run);
        }
        feed.close();
    }

    /// Ends every reader's stream, with what is to be read of it: the process ends.
    pub fn leave(&self) {
        let mut open = self.lock();
        open.leaving = true;
        open.feeds.values().for_each(|feed| feed.leave());
    }

    pub(crate) fn with_unstored(&self) -> Vec<Arc<Feed>> {
        self.lock().feeds.values().filter(|feed| feed.has_unstored()).cloned().collect()
    }
}

/// Stores what every run has shown and not stored yet, in one statement. A run
/// that is committing a step at this moment takes its tokens along itself.
pub(crate) async fn flush(feeds: &[Arc<Feed>], store: &store::Store) -> domain::Result<()> {
    let mut rows = Vec::new();
    let mut held = Vec::new();
    for feed in feeds {
        if let Ok(guard) = feed.storing.try_lock()
            && feed.has_unstored()
        {
            rows.push((feed.lease, feed.row(&Staged::default())));
            held.push((feed, guard));
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let mut tx = store.system().await?;
    store::events::flush(&mut tx, &rows).await?;
    tx.commit().await?;
    for ((feed, _guard), (_, frames)) in held.iter().zip(&rows) {
        feed.mark_stored(frames.n_to);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::{MessageId, OrgId, SessionId, UserId, id::ReplicaId};

    use super::*;

    fn feed() -> Feed {
        Feed::new(Lease {
            org: OrgId::derive("acme"),
            run: RunId::new(),
            session: SessionId::new(),
            user: UserId::derive("alice"),
            author: UserId::derive("alice"),
            fence: 3,
            replica: ReplicaId::new(),
        })
    }

    fn token(text: &str) -> Event {
        Event::Token { message_id: MessageId::new(), text: text.into() }
    }

    fn read(feed: &Feed, n: i64) -> (String, i64) {
        match feed.read(n) {
            Read::Frames { bytes, n } => (String::from_utf8(bytes.to_vec()).expect("UTF-8"), n),
            Read::Pending | Read::Ended | Read::Closed => (String::new(), n),
        }
    }

    #[test]
    fn a_reader_at_any_cursor_gets_exactly_the_rest() {
        let feed = feed();
        for n in 1..=5 {
            feed.push(&token(&n.to_string()));
        }
        let (all, last) = read(&feed, 0);
        assert_eq!(last, 5);
        for n in 0..=5 {
            assert_eq!(read(&feed, n).0, domain::event::frames_after(&all, 1, n));
        }
    }

    #[test]
    fn staged_events_are_invisible_until_they_are_published() {
        let feed = feed();
        feed.push(&token("a"));
        let staged = feed.stage(&[token("b"), token("c")]);
        assert_eq!(read(&feed, 0).1, 1);
        let row = feed.row(&staged);
        assert_eq!((row.n_from, row.n_to), (1, 3));
        feed.publish(&row, &staged);
        assert_eq!(read(&feed, 0), (row.text, 3));
        assert!(!feed.has_unstored());
    }

    #[test]
    fn a_reader_is_given_bounded_pieces() {
        let feed = feed();
        for _ in 0..10 {
            feed.push(&token(&"x".repeat(20_000)));
        }
        let (mut n, mut pieces) = (0, 0);
        while n < 10 {
            let (text, next) = read(&feed, n);
            assert!(text.len() <= MAX_READ && next > n);
            (n, pieces) = (next, pieces + 1);
        }
        assert!(pieces >= 3);
    }

    #[test]
    fn a_closed_feed_gives_what_it_holds_before_it_says_so() {
        let feed = feed();
        feed.push(&token("a"));
        feed.close();
        assert!(matches!(feed.read(0), Read::Frames { n: 1, .. }));
        assert!(matches!(feed.read(1), Read::Closed));
    }

    #[test]
    fn a_feed_knows_its_last_word() {
        let feed = feed();
        feed.push(&token("a"));
        let error = Event::Error { code: "x".into(), message: "y".into(), retryable: false };
        let staged = feed.stage(&[error]);
        assert!(matches!(feed.read(1), Read::Pending), "it is not committed");
        feed.publish(&feed.row(&staged), &staged);
        assert!(matches!(feed.read(1), Read::Frames { n: 2, .. }));
        assert!(matches!(feed.read(2), Read::Ended));
    }
}
