//! Reading a run's stream from any place, on any replica: from memory where the
//! run is executed here, from the database otherwise. No connection is held
//! between two looks.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use domain::{
    Error, Event, Result, RunId, Tenant,
    event::{Cursor, before_waiting, ends, frames_after},
    run::{Run, RunStatus},
};
use store::{
    events::{self, Stored},
    runs,
};
use tokio::time::sleep;

use crate::{
    Engine,
    feed::{Feed, Read},
};

const FASTEST: Duration = Duration::from_millis(100);
const SLOWEST: Duration = Duration::from_secs(2);
/// Rows of one look into the database.
const ROWS: i64 = 100;

/// A reader of one run's stream.
pub struct Reader {
    engine: Engine,
    tenant: Tenant,
    run: RunId,
    cursor: Cursor,
    feed: Option<Arc<Feed>>,
    pause: Duration,
    ended: bool,
}

/// What a look into the database brought.
enum Look {
    Frames(Bytes),
    /// Everything that is stored has been read; a feed goes on.
    Live,
    /// Nothing more will come, but for this.
    Ended(Option<Bytes>),
    /// What was brought tells nothing; more may follow it.
    More,
    Nothing,
}

impl Engine {
    /// Reads after the cursor; the caller has checked that the run is its own.
    pub fn reader(&self, tenant: Tenant, run: RunId, cursor: Cursor) -> Reader {
        Reader { engine: self.clone(), tenant, run, cursor, feed: None, pause: FASTEST, ended: false }
    }
}

impl Reader {
    /// The next frames, when there are some. None: the stream has ended.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        while !self.ended {
            if self.feed.is_none() {
                // A feed of an earlier fence is a lost lease's; the reader is past it.
                let newest =
                    |feed: &Arc<Feed>| feed.is_shown_to(self.tenant) && feed.fence() >= self.cursor.fence;
                self.feed = self.engine.0.feeds.find(self.run).filter(newest);
            }
            let bytes = match self.feed.clone() {
                // An earlier owner's frames are in the database, all of them.
                Some(feed) if goes_on_live(self.cursor, feed.fence()) => {
                    self.cursor.fence = feed.fence();
                    self.live(&feed).await
                }
                // A reader is mostly idle: what a look needs lives in a box, and goes with it.
                other => match Box::pin(self.stored(other.map(|feed| feed.fence()))).await {
                    Ok(Look::Frames(bytes)) => Some(bytes),
                    Ok(Look::Live | Look::More) => None,
                    Ok(Look::Ended(last_word)) => {
                        self.ended = true;
                        last_word
                    }
                    // A busy database ends no stream.
                    Ok(Look::Nothing) | Err(Error::Unavailable { .. }) => {
                        self.wait().await;
                        None
                    }
                    Err(error) => return Err(error),
                },
            };
            if let Some(bytes) = bytes {
                self.pause = FASTEST;
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// Waits for the end of the stream.
    pub async fn to_end(mut self) -> Result<()> {
        while self.next().await?.is_some() {}
        Ok(())
    }

    /// From memory.
    async fn live(&mut self, feed: &Feed) -> Option<Bytes> {
        let changed = feed.changed();
        match feed.read(self.cursor.n) {
            Read::Frames { bytes, n } => {
                self.cursor.n = n;
                return Some(bytes);
            }
            Read::Pending => changed.await,
            Read::Ended => self.ended = true,
            Read::Closed => self.feed = None,
        }
        None
    }

    /// From the database. `live` is the fence of a feed that goes on from there.
    async fn stored(&mut self, live: Option<i64>) -> Result<Look> {
        let mut tx = self.engine.store().tenant(self.tenant).await?;
        // First the state, then the rows: after an end no row is added.
        let run = runs::find(&mut tx, self.run).await?;
        let mut rows = events::list(&mut tx, self.run, self.cursor, ROWS).await?;
        let dropped = rows.is_empty() && run.status.ended() && !events::exist(&mut tx, self.run).await?;
        let newest = match rows.last().filter(|row| before_waiting(&row.frames).is_some()) {
            Some(row) if live.is_none() && !run.status.ended() => {
                let end = Cursor { fence: row.fence, n: row.n_to };
                events::list(&mut tx, self.run, end, 1).await?.is_empty()
            }
            _ => false,
        };
        leave_out_waits(&mut rows, newest, run.status == RunStatus::Waiting);
        tx.commit().await?;
        let before = self.cursor;
        let text = unread(&rows, &mut self.cursor, live);
        if !text.is_empty() {
            self.ended = ends(&text);
            return Ok(Look::Frames(text.into()));
        }
        if self.cursor != before {
            return Ok(Look::More);
        }
        Ok(if let Some(fence) = live {
            self.cursor = Cursor { fence, n: 0 };
            Look::Live
        } else if run.status.ended() || run.status == RunStatus::Waiting {
            Look::Ended(dropped.then(|| self.last_word(&run)))
        } else {
            Look::Nothing
        })
    }

    /// Events are kept for a day; whoever comes later learns at least the end.
    fn last_word(&self, run: &Run) -> Bytes {
        let event = match &run.error {
            Some(error) => {
                Event::Error { code: error.code.clone(), message: error.message.clone(), retryable: false }
            }
            None => Event::Done {
                status: run.status,
                message_id: None,
                iterations: run.iterations,
                tools_used: Vec::new(),
                usage: run.usage,
            },
        };
        event.frame(self.run, Cursor { fence: i64::MAX, n: 1 }).into()
    }

    async fn wait(&mut self) {
        let stopping = self.engine.stopping();
        self.ended = stopping.run_until_cancelled(sleep(self.pause)).await.is_none();
        self.pause = (self.pause * 3 / 2).min(SLOWEST);
    }
}

/// Whether a reader at the cursor goes on from the feed of this fence. Otherwise
/// what earlier owners wrote comes first, from the database.
pub(crate) fn goes_on_live(cursor: Cursor, fence: i64) -> bool {
    fence == cursor.fence || (fence == 1 && cursor == Cursor::default())
}

/// That the run waited once is no end, unless it still does. `newest`: nothing is
/// stored after the rows. Then whether the run still waits may show only at the next
/// look, because the state was read before the rows.
fn leave_out_waits(rows: &mut Vec<Stored>, newest: bool, waits: bool) {
    let last = rows.len().saturating_sub(1);
    for (place, row) in rows.iter_mut().enumerate() {
        let is_newest = newest && place == last;
        let Some(before) = before_waiting(&row.frames).map(str::len) else { continue };
        if is_newest && waits {
            continue;
        }
        row.frames.truncate(before);
        row.n_to -= i64::from(is_newest);
    }
    rows.retain(|row| row.n_to >= row.n_from);
}

/// What the rows hold after the cursor, which moves with it; only of fences before
/// `live`, where a feed goes on from there.
pub(crate) fn unread(rows: &[Stored], cursor: &mut Cursor, live: Option<i64>) -> String {
    let mut text = String::new();
    for row in rows.iter().filter(|row| live.is_none_or(|fence| row.fence < fence)) {
        if row.fence == cursor.fence && row.n_from > cursor.n + 1 {
            break;
        }
        let seen = if row.fence == cursor.fence { cursor.n } else { row.n_from - 1 };
        text.push_str(frames_after(&row.frames, row.n_from, seen));
        *cursor = Cursor { fence: row.fence, n: row.n_to };
    }
    text
}
