//! The steps of sequences. A run writes them in its guarded transactions, together with the message
//! that makes them true.

use chrono::{DateTime, Utc};
use domain::{
    MessageId, Result, RunId, SessionId,
    run::{Lease, PinnedSkill, RunStatus},
    sequence::{RunStep, StepStatus},
};
use sqlx::{Postgres, QueryBuilder};

use crate::{
    RunTx, TenantTx,
    error::{corrupt, from_sqlx},
};

/// A step, as far as it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct SequenceStep {
    /// Place in the sequence, from 1.
    pub ord: i32,
    /// What it is called for people.
    pub name: String,
    /// The skill that it follows, or else the tool that it calls.
    pub skill_key: Option<String>,
    pub action: Option<String>,
    pub status: StepStatus,
    /// Which try it is, from 1; 0: it has not begun.
    pub attempt: i32,
    /// A person has let it begin.
    pub approved: bool,
    /// What it does has failed, and its fallback skill is followed instead.
    pub fallback: bool,
    /// This try has had an effect, or may have had one.
    pub acted: bool,
    /// The call that the service made for it; none: it is to be made.
    pub call_id: Option<String>,
    /// Model calls of the run before this try.
    pub calls_before: i32,
    /// The skill that is followed, with what it works on.
    pub skill: Option<PinnedSkill>,
    pub missing: Vec<String>,
    /// What later steps read of it (JSON text).
    pub output: Option<String>,
    pub error: Option<String>,
    pub duration_ms: Option<i64>,
}

impl SequenceStep {
    /// As it is planned.
    pub fn planned(ord: i32, name: String, skill_key: Option<String>, action: Option<String>) -> Self {
        Self {
            ord,
            name,
            skill_key,
            action,
            status: StepStatus::Pending,
            attempt: 0,
            approved: false,
            fallback: false,
            acted: false,
            call_id: None,
            calls_before: 0,
            skill: None,
            missing: Vec::new(),
            output: None,
            error: None,
            duration_ms: None,
        }
    }

    /// As the API shows it, one `of` so many.
    pub fn shown(&self, of: i32) -> RunStep {
        let followed = || self.skill.as_ref().map(|skill| skill.key.clone());
        RunStep {
            order: self.ord,
            of,
            name: self.name.clone(),
            skill_key: if self.fallback {
                followed().or(self.skill_key.clone())
            } else {
                self.skill_key.clone()
            },
            action: self.action.clone().filter(|_| !self.fallback || self.skill.is_none()),
            fallback: self.fallback,
            status: self.status,
            duration_ms: self.duration_ms.filter(|_| self.status.ended()),
            error: self.error.clone(),
            missing: self.missing.clone(),
        }
    }
}

/// Writes down what a run is about to do.
pub async fn create(tx: &mut TenantTx, run: RunId, steps: &[SequenceStep]) -> Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant();
    let mut sql: QueryBuilder<Postgres> = QueryBuilder::new(
        "insert into sixty.sequence_steps (org_id, owner_id, run_id, ord, name, skill_key, action, status) ",
    );
    sql.push_values(steps, |mut row, step| {
        row.push_bind(tenant.org.0)
            .push_bind(tenant.user.0)
            .push_bind(run.0)
            .push_bind(step.ord)
            .push_bind(&step.name)
            .push_bind(&step.skill_key)
            .push_bind(&step.action)
            .push_bind(step.status.as_str());
    });
    sql.build().execute(tx.connection()).await.map_err(from_sqlx).map(drop)
}

struct Row {
    ord: i32,
    name: String,
    skill_key: Option<String>,
    action: Option<String>,
    status: String,
    attempt: i32,
    approved: bool,
    fallback: bool,
    acted: bool,
    call_id: Option<String>,
    calls_before: i32,
    skill: Option<String>,
    missing: Vec<String>,
    output: Option<String>,
    error: Option<String>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for SequenceStep {
    type Error = domain::Error;

    fn try_from(row: Row) -> Result<Self> {
        let skill = row.skill.map(|text| serde_json::from_str(&text).map_err(|_| corrupt("a skill", &text)));
        let took = row.started_at.zip(row.finished_at).map(|(from, to)| (to - from).num_milliseconds());
        Ok(Self {
            ord: row.ord,
            name: row.name,
            skill_key: row.skill_key,
            action: row.action,
            status: StepStatus::parse(&row.status).ok_or_else(|| corrupt("a step's status", &row.status))?,
            attempt: row.attempt,
            approved: row.approved,
            fallback: row.fallback,
            acted: row.acted,
            call_id: row.call_id,
            calls_before: row.calls_before,
            skill: skill.transpose()?,
            missing: row.missing,
            output: row.output,
            error: row.error,
            duration_ms: took,
        })
    }
}

/// The steps of a run, in their order; empty if it executes no sequence.
pub async fn of_run(tx: &mut TenantTx, run: RunId) -> Result<Vec<SequenceStep>> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        Row,
        "select ord, name, skill_key, action, status, attempt, approved, fallback, acted, call_id, calls_before,
            skill, missing, output, error, started_at, finished_at
         from sixty.sequence_steps
         where org_id = $1 and ($2::uuid is null or owner_id = $2) and run_id = $3 order by ord",
        tenant.org.0,
        tenant.owner().map(|owner| owner.0),
        run.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?
    .into_iter()
    .map(SequenceStep::try_from)
    .collect()
}

/// Stores how far a step has come. Answers how long it has taken, in milliseconds.
pub async fn save(tx: &mut RunTx, step: &SequenceStep) -> Result<i64> {
    let Lease { org, user, run, .. } = *tx.lease();
    let skill =
        step.skill.as_ref().map(|skill| serde_json::to_string(skill).map_err(domain::Error::internal));
    let took = sqlx::query_scalar!(
        r#"update sixty.sequence_steps set status = $5, attempt = $6, approved = $7, fallback = $8, acted = $9,
            call_id = $10, calls_before = $11, skill = $12, missing = $13, output = $14, error = $15,
            started_at = case when $6 > 0 then coalesce(started_at, now()) end,
            finished_at = case when $16 then now() end
         where org_id = $1 and owner_id = $2 and run_id = $3 and ord = $4
         returning (extract(epoch from now() - coalesce(started_at, now())) * 1000)::bigint as "took!""#,
        org.0,
        user.0,
        run.0,
        step.ord,
        step.status.as_str(),
        step.attempt,
        step.approved,
        step.fallback,
        step.acted,
        step.call_id,
        step.calls_before,
        skill.transpose()?,
        &step.missing,
        step.output,
        step.error,
        step.status.ended() && step.attempt > 0,
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(took)
}

/// Whether a sequence was carried out for this message.
pub(crate) async fn answered(tx: &mut TenantTx, session: SessionId, message: MessageId) -> Result<bool> {
    let tenant = tx.tenant();
    sqlx::query_scalar!(
        r#"select exists (select from sixty.runs r
            join sixty.sequence_steps s on s.org_id = r.org_id and s.owner_id = r.owner_id and s.run_id = r.id
            where r.org_id = $1 and r.owner_id = $2 and r.session_id = $3 and r.message_id = $4) as "there!""#,
        tenant.org.0,
        tenant.user.0,
        session.0,
        message.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// What becomes of the steps of a run that ends before they do.
pub(crate) async fn end(tx: &mut TenantTx, run: RunId, status: RunStatus) -> Result<()> {
    let tenant = tx.tenant();
    let broken_off = if status == RunStatus::Cancelled { StepStatus::Cancelled } else { StepStatus::Failed };
    sqlx::query!(
        "update sixty.sequence_steps set status = case when status = 'pending' then 'skipped' else $4 end,
            finished_at = case when status = 'pending' then null else now() end
         where org_id = $1 and owner_id = $2 and run_id = $3 and status in ('pending', 'running')",
        tenant.org.0,
        tenant.user.0,
        run.0,
        broken_off.as_str()
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}
