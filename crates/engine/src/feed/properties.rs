//! A stream in small, against a simple model: an owner that pushes, stages,
//! stores and loses its lease in any order, and readers that look from anywhere.

use std::collections::BTreeMap;

use domain::{
    Event, MessageId, OrgId, SessionId, UserId,
    event::Cursor,
    id::ReplicaId,
    run::{Lease, RunStatus},
};
use proptest::prelude::*;
use store::events::Stored;

use super::*;
use crate::reader::{goes_on_live, unread};

const READERS: usize = 3;
/// Rows of one look: fewer than the service reads, so that looks are many.
const ROWS: usize = 2;

#[derive(Clone, Debug)]
enum Op {
    Push(String),
    /// A step with so many events: stored, then shown.
    Step(usize),
    /// A step whose transaction failed. `stored`: it had committed all the same.
    Broken {
        events: usize,
        stored: bool,
    },
    Flush,
    /// A flush that was stored although its owner was told that it was not.
    FlushInDoubt,
    TakeOver,
    /// The owner's process ends in order; another one goes on.
    Leave,
    Look(usize),
    /// The reader comes back with the last id that it has, at this or another replica.
    Reconnect {
        reader: usize,
        near: bool,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let reader = 0..READERS;
    prop_oneof![
        6 => "[a-z\\n ]{0,6}".prop_map(Op::Push),
        2 => (1..4_usize).prop_map(Op::Step),
        1 => (1..4_usize, any::<bool>()).prop_map(|(events, stored)| Op::Broken { events, stored }),
        3 => Just(Op::Flush),
        1 => Just(Op::FlushInDoubt),
        1 => Just(Op::TakeOver),
        1 => Just(Op::Leave),
        8 => reader.clone().prop_map(Op::Look),
        3 => (reader, any::<bool>()).prop_map(|(reader, near)| Op::Reconnect { reader, near }),
    ]
}

/// The owner's replica and the database.
struct World {
    lease: Lease,
    feeds: Feeds,
    feed: Arc<Feed>,
    rows: Vec<Stored>,
    /// Every frame that was ever shown or stored.
    frames: BTreeMap<Cursor, String>,
    ended: bool,
}

impl World {
    fn new() -> Self {
        let lease = Lease {
            org: OrgId::derive("acme"),
            run: RunId::new(),
            session: SessionId::new(),
            user: UserId::derive("alice"),
            author: UserId::derive("alice"),
            fence: 1,
            replica: ReplicaId::new(),
        };
        let feeds = Feeds::default();
        let feed = feeds.open(lease);
        let mut world = Self { lease, feeds, feed, rows: Vec::new(), frames: BTreeMap::new(), ended: false };
        world.step(1);
        world
    }

    fn note(&mut self, n_from: i64, text: &str) {
        for (n, frame) in (n_from..).zip(text.split_inclusive("\n\n")) {
            let at = Cursor { fence: self.lease.fence, n };
            let known = self.frames.entry(at).or_insert_with(|| frame.to_owned());
            assert_eq!(known, frame, "an event has one frame for ever");
        }
    }

    fn push(&mut self, text: &str) {
        let n = as_number(self.feed.lock().ends.len()) + 1;
        let event = Event::Token { message_id: MessageId::new(), text: text.to_owned() };
        self.feed.push(&event);
        let at = Cursor { fence: self.lease.fence, n };
        self.note(n, &event.frame(self.lease.run, at));
    }

    fn store(&mut self, row: &Frames) {
        let (fence, frames) = (self.lease.fence, row.text.clone());
        self.note(row.n_from, &frames);
        self.rows.push(Stored { fence, n_from: row.n_from, n_to: row.n_to, frames });
    }

    fn stage(&self, events: usize) -> (Frames, Staged) {
        let event = Event::Reset { message_id: None };
        let staged = self.feed.stage(&vec![event; events]);
        (self.feed.row(&staged), staged)
    }

    fn step(&mut self, events: usize) {
        let (row, staged) = self.stage(events);
        self.store(&row);
        self.feed.publish(&row, &staged);
    }

    fn flush(&mut self, told: bool) {
        if self.feed.has_unstored() {
            let row = self.feed.row(&Staged::default());
            self.store(&row);
            if told {
                self.feed.mark_stored(row.n_to);
            }
        }
    }

    fn take_over(&mut self) {
        self.lease.fence += 1;
        let old = std::mem::replace(&mut self.feed, self.feeds.open(self.lease));
        self.feeds.close(&old);
        self.step(1);
    }

    fn end(&mut self) {
        let event = Event::Done {
            status: RunStatus::Done,
            message_id: None,
            iterations: 1,
            tools_used: Vec::new(),
            usage: domain::Usage::default(),
        };
        let staged = self.feed.stage(&[event]);
        let row = self.feed.row(&staged);
        self.store(&row);
        self.feed.publish(&row, &staged);
        self.ended = true;
        self.feeds.close(&self.feed);
    }
}

/// Someone who reads, as [`crate::Reader`] does, on the owner's replica or on another.
#[derive(Clone, Default)]
struct Somebody {
    near: bool,
    began: Cursor,
    cursor: Cursor,
    feed: Option<Arc<Feed>>,
    heard: String,
    ended: bool,
}

impl Somebody {
    fn ids(&self) -> Vec<Cursor> {
        let id = |frame: &str| frame.lines().next()?.strip_prefix("id: ")?.parse().ok();
        self.heard.split_inclusive("\n\n").map(|frame| id(frame).expect("an id")).collect()
    }

    fn reconnect(&mut self, near: bool) {
        self.cursor = self.ids().last().copied().unwrap_or(self.began);
        (self.feed, self.near) = (None, near);
    }

    /// One look. False: there is nothing at the moment.
    fn look(&mut self, world: &World) -> bool {
        if self.feed.is_none() && self.near {
            let newest = |feed: &Arc<Feed>| feed.fence() >= self.cursor.fence;
            self.feed = world.feeds.find(world.lease.run).filter(newest);
        }
        let live = match self.feed.clone() {
            Some(feed) if goes_on_live(self.cursor, feed.fence()) => {
                self.cursor.fence = feed.fence();
                return self.live(&feed);
            }
            other => other.map(|feed| feed.fence()),
        };
        let after = |row: &&Stored| (row.fence, row.n_to) > (self.cursor.fence, self.cursor.n);
        let rows: Vec<Stored> = world.rows.iter().filter(after).take(ROWS).cloned().collect();
        let text = unread(&rows, &mut self.cursor, live);
        self.heard.push_str(&text);
        if text.is_empty() {
            match live {
                Some(fence) => self.cursor = Cursor { fence, n: 0 },
                None => self.ended = world.ended,
            }
        }
        !text.is_empty() || live.is_some()
    }

    fn live(&mut self, feed: &Feed) -> bool {
        match feed.read(self.cursor.n) {
            Read::Frames { bytes, n } => {
                self.heard.push_str(std::str::from_utf8(&bytes).expect("UTF-8"));
                self.cursor.n = n;
                true
            }
            Read::Pending => false,
            Read::Ended if self.heard.contains("\nevent: done\n") => {
                self.ended = true;
                false
            }
            // The owner's process ends: the reader comes back to another one.
            Read::Ended => {
                self.reconnect(self.near);
                true
            }
            Read::Closed => {
                self.feed = None;
                true
            }
        }
    }
}

fn play(ops: Vec<Op>, near: [bool; READERS]) -> (World, Vec<Somebody>) {
    let mut world = World::new();
    let mut readers = near.map(|near| Somebody { near, ..Somebody::default() }).to_vec();
    for op in ops {
        match op {
            Op::Push(text) => world.push(&text),
            Op::Step(events) => world.step(events),
            Op::Broken { events, stored } => {
                let (row, _staged) = world.stage(events);
                if stored {
                    world.store(&row);
                }
                world.take_over();
            }
            Op::Flush => world.flush(true),
            // The next flush of these frames meets the row, and the run is given back.
            Op::FlushInDoubt => {
                world.flush(false);
                world.take_over();
            }
            Op::TakeOver => world.take_over(),
            Op::Leave => {
                world.feeds.leave();
                world.feeds = Feeds::default();
                world.take_over();
            }
            Op::Look(reader) => drop(readers[reader].look(&world)),
            Op::Reconnect { reader, near } => readers[reader].reconnect(near),
        }
    }
    world.end();
    for reader in &mut readers {
        while !reader.ended {
            reader.look(&world);
        }
    }
    (world, readers)
}

/// Every frame as it was first shown, each once, in order, none left out: of what is
/// stored all, and of what was only shown no piece in the middle.
fn check(world: &World, reader: &Somebody) -> Result<(), TestCaseError> {
    let ids = reader.ids();
    let heard: Vec<&str> = reader.heard.split_inclusive("\n\n").collect();
    let mut before = reader.began;
    for (id, frame) in ids.iter().zip(heard) {
        prop_assert_eq!(Some(frame), world.frames.get(id).map(String::as_str));
        let n = if id.fence == before.fence { before.n + 1 } else { 1 };
        prop_assert!(id.fence >= before.fence && id.n == n, "{} after {}", id, before);
        before = *id;
    }
    for row in &world.rows {
        for n in row.n_from..=row.n_to {
            let at = Cursor { fence: row.fence, n };
            prop_assert!(at <= reader.began || ids.binary_search(&at).is_ok(), "{} was not heard", at);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn whoever_reads_from_anywhere_hears_everything_once_and_in_order(
        ops in prop::collection::vec(op(), 0..32),
        near in any::<[bool; READERS]>(),
    ) {
        let (world, readers) = play(ops, near);
        for reader in &readers {
            check(&world, reader)?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn whoever_comes_after_the_end_hears_what_is_stored_after_its_id(
        ops in prop::collection::vec(op(), 0..32),
        near in any::<bool>(),
        began in any::<prop::sample::Index>(),
    ) {
        let (world, _) = play(ops, [near; READERS]);
        let began = *began.get(&world.frames.keys().copied().collect::<Vec<_>>());
        let mut reader = Somebody { near, began, cursor: began, ..Somebody::default() };
        while !reader.ended {
            reader.look(&world);
        }
        let stored: String = world
            .rows
            .iter()
            .flat_map(|row| (row.n_from..=row.n_to).zip(row.frames.split_inclusive("\n\n")).map(|(n, frame)| (row.fence, n, frame)))
            .filter(|(fence, n, _)| Cursor { fence: *fence, n: *n } > began)
            .map(|(_, _, frame)| frame)
            .collect();
        prop_assert_eq!(&reader.heard, &stored);
    }
}
