//! The rules by which replicas share a run, as pure functions over its row. Each is
//! the `where` and the `set` of one statement; `correspondence` holds them against
//! the statements themselves.

/// Time by the database's clock, in units of which a lease has several.
pub type Time = i64;
pub type Replica = u8;
pub type Fence = i64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Queued,
    Running,
    Done,
}

/// What the table `runs` keeps of a run for this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub status: Status,
    pub lease_owner: Option<Replica>,
    pub lease_until: Option<Time>,
    pub fence: Fence,
}

impl Row {
    pub fn queued() -> Self {
        Self { status: Status::Queued, lease_owner: None, lease_until: None, fence: 0 }
    }

    fn ended(&self, now: Time) -> bool {
        self.lease_until.is_none_or(|until| until < now)
    }

    /// `runs::candidates`: queued, or running and `lease_until < now()`.
    pub fn is_open(&self, now: Time) -> bool {
        match self.status {
            Status::Queued => true,
            Status::Running => self.lease_until.is_some_and(|until| until < now),
            Status::Done => false,
        }
    }

    /// `runs::claim`: compare-and-swap on the fence that was seen, `fence + 1`. None:
    /// somebody was faster.
    pub fn claim(&mut self, seen: Fence, me: Replica, now: Time, lease: Time) -> Option<Fence> {
        let open = self.fence == seen && self.status != Status::Done && self.ended(now);
        open.then(|| {
            *self = Row {
                status: Status::Running,
                lease_owner: Some(me),
                lease_until: Some(now + lease),
                fence: seen + 1,
            };
            self.fence
        })
    }

    /// `where fence = $f and lease_owner = $me and status = 'running'`
    pub fn is_owned(&self, fence: Fence, me: Replica) -> bool {
        self.fence == fence && self.lease_owner == Some(me) && self.status == Status::Running
    }

    /// The guard in `tx::opener`, and `runs::heartbeat`: the same statement. False: the
    /// lease is lost, and whoever asked stops at once.
    pub fn renew(&mut self, fence: Fence, me: Replica, now: Time, lease: Time) -> bool {
        let owned = self.is_owned(fence, me);
        if owned {
            self.lease_until = Some(now + lease);
        }
        owned
    }

    /// `runs::hand_back` and `hand_back_in`: somebody else need not wait for the lease's end.
    pub fn hand_back(&mut self, fence: Fence, me: Replica) -> bool {
        let owned = self.is_owned(fence, me);
        if owned {
            *self = Row { status: Status::Queued, lease_owner: None, lease_until: None, fence };
        }
        owned
    }

    /// `steps::finish`, in a guarded transaction.
    pub fn finish(&mut self) {
        *self = Row { status: Status::Done, lease_owner: None, lease_until: None, fence: self.fence };
    }
}
