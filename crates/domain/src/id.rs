//! Typed ids. Rows that we create carry UUIDv7; organizations and users carry a
//! UUIDv5 derived from the external id that the identity provider gives them.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Namespace of derived ids (contract §2). Changing it orphans every tenant.
const NAMESPACE: Uuid = Uuid::from_u128(0x5f1c_20d6_6a43_5c0e_9d5b_0d6e_517c_0060);

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

macro_rules! fresh {
    ($($name:ident),*) => {$(
        impl $name {
            /// A new UUIDv7: sorts by time of creation.
            #[expect(clippy::new_without_default, reason = "a default id would be a surprise")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }
    )*};
}

ids! {
    /// An organization: UUIDv5 of `org:` and its external id.
    OrgId,
    /// A person or service member: UUIDv5 of `user:` and the token's subject.
    UserId,
    SessionId,
    MessageId,
    RunId,
    /// A session summary, which is the archive of a range of messages.
    ArchiveId,
    /// A call that a person decides about.
    ApprovalId,
    /// What a copilot asks its person.
    QuestionId,
    /// A card: UUIDv5 of the run and the call that show it, so that the call shows it once.
    CardId,
    /// A scheduled task.
    ScheduleId,
    /// A slot of a scheduled task that has fired: UUIDv5 of both, so that a slot fires once. UUIDv7 where a person has
    /// asked for the run.
    ScheduleRunId,
    NotificationId,
    /// That a member is a person in Slack: UUIDv5 of the organization and that person.
    SlackLinkId,
    /// An API key; its secret is another thing.
    ApiKeyId,
    /// One process that executes runs; the owner of leases.
    ReplicaId,
}

fresh!(
    SessionId,
    MessageId,
    RunId,
    ArchiveId,
    ApprovalId,
    QuestionId,
    ScheduleId,
    ScheduleRunId,
    NotificationId,
    ApiKeyId,
    ReplicaId
);

impl OrgId {
    pub fn derive(external: &str) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("org:{external}").as_bytes()))
    }
}

impl UserId {
    pub fn derive(external: &str) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("user:{external}").as_bytes()))
    }
}

impl CardId {
    pub fn derive(run: RunId, call: &str) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("card:{run}:{call}").as_bytes()))
    }
}

impl SlackLinkId {
    /// Of the person's enterprise, workspace and id, as Slack names them.
    pub fn derive(org: OrgId, person: [&str; 3]) -> Self {
        Self(Uuid::new_v5(&org.0, format!("slack:{}", person.join("/")).as_bytes()))
    }
}

impl ScheduleRunId {
    pub fn of_slot(schedule: ScheduleId, slot: DateTime<Utc>) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("slot:{schedule}:{}", slot.timestamp()).as_bytes()))
    }

    /// The run of one of its tries.
    pub fn run(self, attempt: i32) -> RunId {
        RunId(Uuid::new_v5(&NAMESPACE, format!("try:{self}:{attempt}").as_bytes()))
    }

    /// The message that its result becomes in another person's conversation.
    pub fn message(self) -> MessageId {
        MessageId(Uuid::new_v5(&NAMESPACE, format!("result:{self}").as_bytes()))
    }
}

/// How the external ids of service members begin. No token may have such a subject.
pub const SERVICE: &str = "api-key:";
/// And those of conversations that several people share, which are members of their own.
pub const SHARED: &str = "shared:";

impl ApiKeyId {
    /// External id of the service member as whom the key acts.
    pub fn subject(self) -> String {
        format!("{SERVICE}{}", self.0)
    }
}
