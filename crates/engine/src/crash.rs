//! The points at which a server may die, by name. A build with the feature
//! `faults` aborts at the one that `SIXTY_CRASH_AT` names; in any other build
//! [`at`] is nothing.

use std::str::FromStr;

/// A place between two things that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// The message of a turn is committed, and its sender not told.
    TurnCommitted,
    /// A waiting run is claimed, and nothing loaded.
    Claimed,
    BeforeModelCall,
    /// A piece of the answer was shown.
    MidStream,
    /// A step is written in the open transaction.
    BeforeCommit,
    /// A step is committed, and its events are not shown.
    AfterCommit,
    /// An intent is committed, and its call not made.
    AfterIntent,
    /// A call has arrived, and its answer is not read.
    CallSent,
    /// A call is answered, and the outcome not committed.
    Replied,
    /// The results of an answer's calls are committed.
    AfterResult,
    /// An approval is asked for, and the run not parked.
    ApprovalStored,
    /// An approval is decided, and the call not made.
    ApprovalDecided,
    /// A step of a sequence has begun: its call stands in the conversation, and is not made.
    StepBegun,
    /// The end of the run is written in the open transaction.
    Finish,
    /// A conversation is archived, and has no summary.
    Archived,
    /// A summary is made, and the prompt still begins before it.
    Summarized,
    /// Somebody asked the run to stop, and it has not.
    Cancel,
    /// Leases are renewed in the open transaction.
    Heartbeat,
    /// The shutdown has begun, and no lease is handed back.
    Shutdown,
    /// A slot of a scheduled task is claimed, and its run has not begun.
    SlotClaimed,
    /// What follows from the end of a slot is written in the open transaction.
    SlotSettled,
    /// Rows of an organization are deleted and counted in the open transaction.
    Purging,
    /// That is committed, and more is to go.
    Purged,
    /// What was said in Slack is stored, and Slack not told.
    SlackStored,
    /// The intent of a message to Slack is committed, and nothing sent.
    PostIntended,
    /// A message is in Slack, and that is not stored.
    Posted,
}

impl CrashPoint {
    pub const ALL: [CrashPoint; 26] = [
        CrashPoint::TurnCommitted,
        CrashPoint::Claimed,
        CrashPoint::BeforeModelCall,
        CrashPoint::MidStream,
        CrashPoint::BeforeCommit,
        CrashPoint::AfterCommit,
        CrashPoint::AfterIntent,
        CrashPoint::CallSent,
        CrashPoint::Replied,
        CrashPoint::AfterResult,
        CrashPoint::ApprovalStored,
        CrashPoint::ApprovalDecided,
        CrashPoint::StepBegun,
        CrashPoint::Finish,
        CrashPoint::Archived,
        CrashPoint::Summarized,
        CrashPoint::Cancel,
        CrashPoint::Heartbeat,
        CrashPoint::Shutdown,
        CrashPoint::SlotClaimed,
        CrashPoint::SlotSettled,
        CrashPoint::Purging,
        CrashPoint::Purged,
        CrashPoint::SlackStored,
        CrashPoint::PostIntended,
        CrashPoint::Posted,
    ];

    pub fn name(self) -> &'static str {
        match self {
            CrashPoint::TurnCommitted => "turn_committed",
            CrashPoint::Claimed => "claimed",
            CrashPoint::BeforeModelCall => "before_model_call",
            CrashPoint::MidStream => "mid_stream",
            CrashPoint::BeforeCommit => "before_commit",
            CrashPoint::AfterCommit => "after_commit",
            CrashPoint::AfterIntent => "after_intent",
            CrashPoint::CallSent => "call_sent",
            CrashPoint::Replied => "replied",
            CrashPoint::AfterResult => "after_result",
            CrashPoint::ApprovalStored => "approval_stored",
            CrashPoint::ApprovalDecided => "approval_decided",
            CrashPoint::StepBegun => "step_begun",
            CrashPoint::Finish => "finish",
            CrashPoint::Archived => "archived",
            CrashPoint::Summarized => "summarized",
            CrashPoint::Cancel => "cancel",
            CrashPoint::Heartbeat => "heartbeat",
            CrashPoint::Shutdown => "shutdown",
            CrashPoint::SlotClaimed => "slot_claimed",
            CrashPoint::SlotSettled => "slot_settled",
            CrashPoint::Purging => "purging",
            CrashPoint::Purged => "purged",
            CrashPoint::SlackStored => "slack_stored",
            CrashPoint::PostIntended => "post_intended",
            CrashPoint::Posted => "posted",
        }
    }
}

/// When to abort: at the point, as it is passed for the `nth` time, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashAt {
    pub point: CrashPoint,
    pub nth: usize,
}

impl FromStr for CrashAt {
    type Err = String;

    /// Reads `name` or `name:nth`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, nth) = text.split_once(':').unwrap_or((text, "1"));
        let point = CrashPoint::ALL.into_iter().find(|point| point.name() == name);
        let nth = nth.parse().ok().filter(|nth| *nth > 0);
        match (point, nth) {
            (Some(point), Some(nth)) => Ok(Self { point, nth }),
            _ => Err(format!("{text:?} is no `name` or `name:nth` of a crash point")),
        }
    }
}

/// A server may die here.
#[cfg(not(feature = "faults"))]
pub const fn at(_: CrashPoint) {}

#[cfg(feature = "faults")]
pub use armed::{arm, at};

#[cfg(feature = "faults")]
mod armed {
    use std::sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    };

    use super::{CrashAt, CrashPoint};

    /// A static, since the points are passed where no value could be handed to.
    static ARMED: OnceLock<(CrashAt, AtomicUsize)> = OnceLock::new();

    /// Chooses where this process dies; the first choice stands.
    pub fn arm(crash: CrashAt) {
        ARMED.get_or_init(|| (crash, AtomicUsize::new(0)));
    }

    /// A server may die here.
    pub fn at(point: CrashPoint) {
        if let Some((crash, passed)) = ARMED.get()
            && crash.point == point
            && passed.fetch_add(1, Ordering::SeqCst) + 1 == crash.nth
        {
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_found_by_its_name_and_number() {
        for point in CrashPoint::ALL {
            assert_eq!(point.name().parse(), Ok(CrashAt { point, nth: 1 }));
            assert_eq!(format!("{}:12", point.name()).parse(), Ok(CrashAt { point, nth: 12 }));
        }
        for text in ["", "nowhere", "claimed:", "claimed:0", "claimed:-1", "Claimed"] {
            assert!(text.parse::<CrashAt>().is_err(), "{text}");
        }
    }
}
