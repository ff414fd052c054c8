//! The rules of the model are what the statements do: the same random walk through
//! both, compared at each step.

use domain::{id::ReplicaId, run::Lease};
use proptest::{
    collection::vec,
    strategy::{Strategy, ValueTree as _},
    test_runner::TestRunner,
};
use serde_json::json;
use store::{
    Guarded, Store,
    runs::{self, Candidate},
};

use super::rules::{Fence, Replica, Row, Status};
use crate::harness::{Setup, TestApp};

const LEASE: u32 = 600;
const WALK: usize = 400;

/// What somebody does at a step of the walk. Numbers choose among what is known.
#[derive(Clone, Copy, Debug)]
enum Move {
    Look { me: Replica },
    Claim { which: usize },
    Guard { which: usize },
    Heartbeat { which: usize },
    HandBack { which: usize },
    LeaseEnds,
}

fn moves() -> Vec<Move> {
    let one = (0..9_u8, 0..3_u8, 0..1_000_usize).prop_map(|(kind, me, which)| match kind {
        0 | 1 => Move::Look { me },
        2 | 3 => Move::Claim { which },
        4 => Move::Guard { which },
        5 => Move::Heartbeat { which },
        6 => Move::HandBack { which },
        _ => Move::LeaseEnds,
    });
    let mut runner = TestRunner::deterministic();
    vec(one, WALK).new_tree(&mut runner).expect("a walk").current()
}

/// Both sides of the comparison, and what was seen on the way.
struct Walk<'a> {
    store: &'a Store,
    app: &'a TestApp,
    replicas: [ReplicaId; 3],
    row: Row,
    looked: Vec<(Candidate, Replica, Fence)>,
    held: Vec<(Lease, Replica, Fence)>,
    /// How often each side said yes, and no.
    yes: usize,
    no: usize,
}

impl Walk<'_> {
    fn agree<T: PartialEq + std::fmt::Debug>(&mut self, database: &T, model: &T, granted: bool) {
        assert_eq!(database, model, "{:?}", self.row);
        if granted { self.yes += 1 } else { self.no += 1 }
    }

    async fn step(&mut self, next: Move) {
        match next {
            Move::Look { me } => self.look(me).await,
            Move::Claim { which } => self.claim(which).await,
            Move::Guard { which } => self.guard(which).await,
            Move::Heartbeat { which } => self.heartbeat(which).await,
            Move::HandBack { which } => self.hand_back(which).await,
            Move::LeaseEnds => self.lease_ends().await,
        }
    }

    async fn look(&mut self, me: Replica) {
        let mut tx = self.store.system().await.expect("a transaction");
        let found =
            runs::candidates(&mut tx, self.replicas[usize::from(me)], 1).await.expect("candidates").pop();
        tx.commit().await.expect("a commit");
        self.agree(&found.is_some(), &self.row.is_open(0), found.is_some());
        self.looked.extend(found.map(|found| (found, me, self.row.fence)));
    }

    async fn claim(&mut self, which: usize) {
        let Some((candidate, me, seen)) = self.looked.get(which % self.looked.len().max(1)).copied() else {
            return;
        };
        let mut tx = self.store.system().await.expect("a transaction");
        let claimed = runs::claim(&mut tx, &candidate, LEASE).await.expect("an outcome");
        tx.commit().await.expect("a commit");
        let fence = self.row.claim(seen, me, 0, LEASE.into());
        self.agree(&claimed.map(|lease| lease.fence), &fence, fence.is_some());
        self.held.extend(claimed.zip(fence).map(|(lease, fence)| (lease, me, fence)));
    }

    fn lease(&self, which: usize) -> Option<(Lease, Replica, Fence)> {
        // Mostly the newest, or else nearly every answer would be no.
        let back = if which.is_multiple_of(3) { which } else { 0 };
        let count = self.held.len();
        self.held.get((count * 1_000 - back).wrapping_sub(1) % count.max(1)).copied()
    }

    async fn guard(&mut self, which: usize) {
        let Some((lease, me, fence)) = self.lease(which) else { return };
        let open = match self.store.run(&lease, LEASE).await.expect("an outcome") {
            Guarded::Open(tx) => tx.commit().await.map(|()| true).expect("a commit"),
            Guarded::Lost => false,
        };
        let renewed = self.row.renew(fence, me, 0, LEASE.into());
        self.agree(&open, &renewed, renewed);
    }

    async fn heartbeat(&mut self, which: usize) {
        let Some((lease, me, fence)) = self.lease(which) else { return };
        let mut tx = self.store.heartbeat().await.expect("a transaction");
        let kept = runs::heartbeat(&mut tx, &[lease], LEASE).await.expect("an outcome");
        tx.commit().await.expect("a commit");
        let renewed = self.row.renew(fence, me, 0, LEASE.into());
        self.agree(&!kept.is_empty(), &renewed, renewed);
    }

    async fn hand_back(&mut self, which: usize) {
        let Some((lease, me, fence)) = self.lease(which) else { return };
        let mut tx = self.store.heartbeat().await.expect("a transaction");
        let done = runs::hand_back(&mut tx, lease, false).await.expect("an outcome");
        tx.commit().await.expect("a commit");
        let handed = self.row.hand_back(fence, me);
        self.agree(&done, &handed, handed);
    }

    /// Time passes, by the database's clock.
    async fn lease_ends(&mut self) {
        let pool = self.app.database.superuser().await;
        sqlx::query(
            "update sixty.runs set lease_until = now() - interval '1 second' where status = 'running'",
        )
        .execute(&pool)
        .await
        .expect("the lease ends");
        pool.close().await;
        if self.row.status == Status::Running {
            self.row.lease_until = Some(-1);
        }
    }
}

#[tokio::test]
async fn the_rules_are_what_the_statements_do() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let alice = app.alice();
    let session = alice.session().await;
    let request = alice.message(&session, &json!({"text": "Hi"})).header("prefer", "respond-async");
    alice.send(request).await.expect(202);
    let mut walk = Walk {
        store: app.replica.engine.store(),
        app: &app,
        replicas: [ReplicaId::new(), ReplicaId::new(), ReplicaId::new()],
        row: Row::queued(),
        looked: Vec::new(),
        held: Vec::new(),
        yes: 0,
        no: 0,
    };
    for next in moves() {
        walk.step(next).await;
    }
    assert!(walk.yes > WALK / 8 && walk.no > WALK / 8, "{} yes, {} no", walk.yes, walk.no);
    assert_eq!(app.database.count("select fence from sixty.runs").await, walk.row.fence);
    assert!(walk.row.fence > 10, "{:?}", walk.row);
}
