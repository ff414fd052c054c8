//! All that is stored of a person or of an organization, as lines of JSON (see
//! docs/data.md). It is read in small transactions while it is sent, so it costs as much
//! memory for a million messages as for ten.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{SecondsFormat, Utc};
use domain::{Error, OrgId, Result, Tenant, UserId};
use serde_json::json;
use sha2::{Digest, Sha256};
use store::{
    Store, erasures,
    export::{Line, List},
    orgs,
};
use tokio::sync::mpsc::{self, Receiver, Sender};
use uuid::Uuid;

use crate::Engine;

/// Version of the format: a reader of an older one understands a newer export's lines
/// unless this has grown.
const VERSION: u32 = 1;
/// What is collected before it is sent on.
const PIECE: usize = 64 * 1024;
/// Pieces that wait for a slow reader.
const PIECES: usize = 2;
/// Members of one look.
const MEMBERS: i64 = 100;

/// What is exported. The caller has made sure of the right to it.
#[derive(Clone, Debug)]
pub struct Export {
    pub org: OrgId,
    /// External ids, for the first line.
    pub org_name: String,
    /// None: the organization, with all its members.
    pub member: Option<(UserId, String)>,
}

impl Engine {
    /// Exports beside the caller, who reads. What breaks off ends with an error.
    pub fn export(&self, what: Export) -> Receiver<Result<Bytes>> {
        let (sender, receiver) = mpsc::channel(PIECES);
        let engine = self.clone();
        self.detach(async move {
            let work = write(engine.store(), &what, &sender);
            let done = engine.stopping().run_until_cancelled(work).await;
            let failed = match done {
                Some(Ok(())) => return,
                Some(Err(error)) => error,
                None => Error::internal("the service is shutting down"),
            };
            tracing::warn!(org = %what.org, error = %failed, "an export broke off");
            // The reader may be the one who has gone.
            drop(sender.send(Err(failed)).await);
        });
        receiver
    }
}

/// Writes the whole export into the channel.
pub async fn write(store: &Store, what: &Export, sender: &Sender<Result<Bytes>>) -> Result<()> {
    let mut writer = Writer {
        store,
        tenant: Tenant::overseer(what.org),
        active: false,
        sender,
        buffer: Vec::with_capacity(PIECE),
        hash: Sha256::new(),
        counts: BTreeMap::new(),
    };
    let mut header = json!({
        "type": "header", "format": "sixty-export", "version": VERSION, "organization": what.org_name,
        "exported_at": Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true),
    });
    if let Some((_, external)) = &what.member {
        header["user"] = external.as_str().into();
    }
    writer.line("header", &header.to_string()).await?;
    match &what.member {
        Some((user, _)) => {
            writer.person(*user).await?;
            writer.all(List::WrittenNotes).await?;
            writer.all(List::WrittenRevisions).await?;
            writer.unerased(Some(*user)).await?;
        }
        None => writer.organization().await?,
    }
    writer.unerased(None).await?;
    writer.end().await
}

struct Writer<'a> {
    store: &'a Store,
    tenant: Tenant,
    /// Whether the person was a member at the beginning, and so has to be to the end.
    active: bool,
    sender: &'a Sender<Result<Bytes>>,
    buffer: Vec<u8>,
    hash: Sha256,
    counts: BTreeMap<&'static str, u64>,
}

impl Writer<'_> {
    async fn organization(&mut self) -> Result<()> {
        let shared = self.tenant;
        for list in [
            List::Organization,
            List::Matrix,
            List::MatrixRows,
            List::Profiles,
            List::Retention,
            List::Budgets,
            List::ApiKeys,
            List::CardTypes,
            List::SkillSettings,
            List::SkillList,
            List::ModelSettings,
            List::ModelRows,
            List::ModelRoutes,
        ] {
            self.all(list).await?;
        }
        self.with_parts(List::Skills, |key| vec![List::SkillVersions(key)]).await?;
        self.with_parts(List::Entities, |entity| vec![List::Notes(entity)]).await?;
        self.with_parts(List::SharedMemory, |document| vec![List::SharedRevisions(document)]).await?;
        let mut after = UserId(Uuid::nil());
        loop {
            self.tenant = shared;
            let mut tx = self.store.tenant(shared).await?;
            let members = orgs::members(&mut tx, after, MEMBERS).await?;
            tx.commit().await?;
            let Some(last) = members.last() else { break };
            after = *last;
            for member in members {
                self.person(member).await?;
            }
        }
        self.tenant = shared;
        self.all(List::Trail).await?;
        self.all(List::Seals).await
    }

    /// All that is one person's own.
    async fn person(&mut self, user: UserId) -> Result<()> {
        self.tenant = Tenant::own(self.tenant.org, user);
        let tx = self.store.tenant(self.tenant).await?;
        self.active = tx.membership().is_some_and(|member| member.active);
        tx.commit().await?;
        for list in [List::Member, List::MemberRules, List::Memory, List::MemoryRevisions] {
            self.all(list).await?;
        }
        self.with_parts(List::Sessions, |session| vec![List::Messages(session)]).await?;
        self.all(List::Feedback).await?;
        self.with_parts(List::Archives, |archive| vec![List::Passages(archive)]).await?;
        self.with_parts(List::Runs, |run| {
            vec![List::Steps(run), List::ToolCalls(run), List::SequenceSteps(run), List::Events(run)]
        })
        .await?;
        self.all(List::Approvals).await?;
        self.all(List::Questions).await?;
        self.with_parts(List::Schedules, |task| vec![List::ScheduleRuns(task)]).await?;
        self.all(List::Notifications).await?;
        self.with_parts(List::SlackTurns, |turn| vec![List::SlackPosts(turn)]).await?;
        self.all(List::SlackLinks).await?;
        self.all(List::SharedSessions).await?;
        self.all(List::Requests).await?;
        self.all(List::UsageDays).await?;
        self.active = false;
        Ok(())
    }

    async fn all(&mut self, list: List<'_>) -> Result<()> {
        self.with_parts(list, |_| Vec::new()).await
    }

    /// The rows of a list, each followed by what hangs on it.
    async fn with_parts(
        &mut self,
        list: List<'_>,
        parts: impl for<'p> Fn(&'p str) -> Vec<List<'p>> + Send,
    ) -> Result<()> {
        let mut place = list.first().unwrap_or_default().to_owned();
        loop {
            let page = self.page(list, &place).await?;
            for line in &page {
                self.line(list.kind(), &line.text).await?;
                for part in parts(&line.place) {
                    self.flat(part).await?;
                }
            }
            match page.into_iter().last().filter(|_| list.first().is_some()) {
                Some(line) => place = line.place,
                None => return Ok(()),
            }
        }
    }

    async fn flat(&mut self, list: List<'_>) -> Result<()> {
        let mut place = list.first().unwrap_or_default().to_owned();
        loop {
            let page = self.page(list, &place).await?;
            let Some(newest) = page.last() else { return Ok(()) };
            place.clone_from(&newest.place);
            for line in &page {
                self.line(list.kind(), &line.text).await?;
            }
        }
    }

    async fn page(&self, list: List<'_>, place: &str) -> Result<Vec<Line>> {
        let mut tx = self.store.tenant(self.tenant).await?;
        if self.active && !tx.membership().is_some_and(|member| member.active) {
            tx.rollback().await?;
            return Err(Error::conflict("membership_ended", "the membership ended during the export"));
        }
        let page = list.page(&mut tx, place).await?;
        tx.commit().await?;
        Ok(page)
    }

    /// What was erased in the meantime would be missing without a trace.
    async fn unerased(&self, user: Option<UserId>) -> Result<()> {
        let mut tx = self.store.tenant(self.tenant).await?;
        let settled = erasures::settled(&mut tx, user).await;
        tx.commit().await?;
        settled
    }

    async fn line(&mut self, kind: &'static str, text: &str) -> Result<()> {
        *self.counts.entry(kind).or_default() += 1;
        for part in [text.as_bytes(), b"\n"] {
            self.hash.update(part);
            self.buffer.extend_from_slice(part);
        }
        if self.buffer.len() < PIECE {
            return Ok(());
        }
        self.send().await
    }

    async fn send(&mut self) -> Result<()> {
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        let sent = self.sender.send(Ok(piece.into())).await;
        sent.map_err(|_| Error::internal("the reader of the export has gone"))
    }

    /// The last line tells that nothing is missing.
    async fn end(mut self) -> Result<()> {
        let hash = hex::encode(std::mem::take(&mut self.hash).finalize());
        let lines: u64 = self.counts.values().sum();
        let end = json!({"type": "end", "lines": lines, "counts": self.counts, "sha256": hash});
        self.line("end", &end.to_string()).await?;
        self.send().await
    }
}
