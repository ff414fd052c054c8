//! Erasures are carried out here, in pieces that each commit. A replica that dies leaves
//! its lease, and another one goes on with what is left: there is nothing to remember.

use domain::{Result, Tenant, UserId};
use store::{
    TenantTx,
    audit::{self, Entry},
    erasures::{self, Open},
    orgs, sweep,
};

use crate::Engine;

/// What runs are given to stop by themselves, in seconds; then they lose their rows.
const GRACE: u32 = 5;
/// Erasures of one look.
const BATCH: i64 = 8;

/// What a piece of work takes from.
#[derive(Clone, Copy, Debug)]
enum Part {
    Own(UserId),
    Authorship(UserId),
    Shared,
    Trail,
}

/// How a piece of work went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Took,
    NothingLeft,
    /// Another replica has the erasure, or this one shuts down.
    Left,
}

struct Work<'a> {
    engine: &'a Engine,
    open: &'a Open,
}

/// Carries out what was asked for; the trouble of one is its own.
pub(crate) async fn work(engine: &Engine) -> Result<()> {
    let mut tx = engine.store().system().await?;
    let open = erasures::open(&mut tx, GRACE, BATCH).await?;
    tx.commit().await?;
    for open in &open {
        let work = Work { engine, open };
        if !work.claim().await? {
            continue;
        }
        let done = match open.user {
            Some(user) => work.person(user).await,
            None => work.organization().await,
        };
        match done {
            Ok(true) => tracing::info!(org = %open.org, id = %open.id, "an erasure is done"),
            Ok(false) => work.hand_back().await?,
            Err(error) => {
                tracing::warn!(org = %open.org, id = %open.id, %error, "an erasure broke off; it comes again");
                work.hand_back().await?;
            }
        }
    }
    Ok(())
}

impl Work<'_> {
    async fn claim(&self) -> Result<bool> {
        let seconds = self.engine.settings().lease_seconds;
        let mut tx = self.engine.store().system().await?;
        let claimed = erasures::claim(&mut tx, self.open, self.engine.0.replica, seconds).await?;
        tx.commit().await.map(|()| claimed)
    }

    async fn hand_back(&self) -> Result<()> {
        let mut tx = self.engine.store().system().await?;
        erasures::hand_back(&mut tx, self.open, self.engine.0.replica).await?;
        tx.commit().await
    }

    fn tenant(&self, part: Part) -> Tenant {
        match part {
            Part::Own(user) | Part::Authorship(user) => Tenant::own(self.open.org, user),
            Part::Shared | Part::Trail => Tenant::overseer(self.open.org),
        }
    }

    /// True: done.
    async fn person(&self, user: UserId) -> Result<bool> {
        if !self.exhaust(Part::Own(user)).await? || !self.exhaust(Part::Authorship(user)).await? {
            return Ok(false);
        }
        let mut tx = self.engine.store().tenant(Tenant::own(self.open.org, user)).await?;
        sweep::blank_member(&mut tx, user).await?;
        let target = format!("member:{user}");
        audit::record(&mut tx, &[Entry::by_service("member.erased").on(&target)]).await?;
        self.finish(tx).await
    }

    /// True: done.
    async fn organization(&self) -> Result<bool> {
        if !self.exhaust(Part::Shared).await? {
            return Ok(false);
        }
        while let Some(user) = self.next_member().await? {
            if !self.exhaust(Part::Own(user)).await? || !self.remove(user).await? {
                return Ok(false);
            }
        }
        if !self.exhaust(Part::Trail).await? {
            return Ok(false);
        }
        let mut tx = self.engine.store().tenant(Tenant::overseer(self.open.org)).await?;
        sweep::blank_org(&mut tx).await?;
        if !self.advance(tx, 1).await? {
            return Ok(false);
        }
        let mut tx = self.engine.store().system().await?;
        orgs::bury(&mut tx, self.open.org).await?;
        tx.commit().await?;
        self.finish(self.engine.store().tenant(Tenant::overseer(self.open.org)).await?).await
    }

    async fn next_member(&self) -> Result<Option<UserId>> {
        let mut tx = self.engine.store().tenant(Tenant::overseer(self.open.org)).await?;
        let next = sweep::first_member(&mut tx).await?;
        tx.commit().await.map(|()| next)
    }

    async fn remove(&self, user: UserId) -> Result<bool> {
        let mut tx = self.engine.store().tenant(Tenant::overseer(self.open.org)).await?;
        sweep::delete_member(&mut tx, user).await?;
        self.advance(tx, 1).await
    }

    /// Takes until nothing is left. False: somebody else has to go on.
    async fn exhaust(&self, part: Part) -> Result<bool> {
        loop {
            match self.piece(part).await? {
                Piece::Took => {}
                Piece::NothingLeft => return Ok(true),
                Piece::Left => return Ok(false),
            }
        }
    }

    async fn piece(&self, part: Part) -> Result<Piece> {
        if self.engine.0.stopping.is_cancelled() {
            return Ok(Piece::Left);
        }
        let mut tx = self.engine.store().tenant(self.tenant(part)).await?;
        let taken = match part {
            Part::Own(_) => sweep::of_person(&mut tx).await,
            Part::Authorship(user) => sweep::authorship(&mut tx, user).await,
            Part::Shared => sweep::of_organization(&mut tx).await,
            Part::Trail => sweep::trail(&mut tx).await,
        };
        match taken {
            Err(error) => tx.rollback().await.and(Err(error)),
            Ok(rows) if !self.advance(tx, rows).await? => Ok(Piece::Left),
            Ok(0) => Ok(Piece::NothingLeft),
            Ok(_) => Ok(Piece::Took),
        }
    }

    /// Commits if this replica still has the erasure.
    async fn advance(&self, mut tx: TenantTx, rows: u64) -> Result<bool> {
        let (me, seconds) = (self.engine.0.replica, self.engine.settings().lease_seconds);
        let ours = erasures::advance(&mut tx, self.open.id, me, seconds, rows).await?;
        end(tx, ours).await
    }

    async fn finish(&self, mut tx: TenantTx) -> Result<bool> {
        let ours = erasures::finish(&mut tx, self.open.id, self.engine.0.replica).await?;
        end(tx, ours).await
    }
}

async fn end(tx: TenantTx, ours: bool) -> Result<bool> {
    if ours {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(ours)
}
