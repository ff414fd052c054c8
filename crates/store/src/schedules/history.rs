//! What came of the slots of a task.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{
    Cost, Error, Result, RunId, ScheduleId, ScheduleRunId, SessionId, Usage,
    run::RunError,
    schedule::{Delivery, DeliveryStatus, TaskRun, TaskRunStatus},
};
use uuid::Uuid;

use crate::{
    TenantTx,
    error::{corrupt, from_sqlx},
};

struct Row {
    schedule_id: Uuid,
    id: Uuid,
    slot: DateTime<Utc>,
    manual: bool,
    state: String,
    attempt: i32,
    run_id: Option<Uuid>,
    session_id: Option<Uuid>,
    run_status: Option<String>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    result: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
    input_tokens: i64,
    output_tokens: i64,
    cost: i64,
    delivery: Option<String>,
    delivery_error: Option<String>,
}

impl TryFrom<Row> for TaskRun {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let status = match row.state.as_str() {
            "begun" if row.run_status.as_deref() == Some("waiting") => TaskRunStatus::Waiting,
            "due" | "begun" => TaskRunStatus::Running,
            ended => TaskRunStatus::parse(ended).ok_or_else(|| corrupt("a state", ended))?,
        };
        let delivery = match row.delivery.as_deref() {
            None => None,
            Some(word) => {
                let status = DeliveryStatus::parse(word).ok_or_else(|| corrupt("a delivery", word))?;
                Some(Delivery { status, error: row.delivery_error })
            }
        };
        let duration = row.started_at.zip(row.finished_at).map(|(from, to)| (to - from).num_milliseconds());
        Ok(TaskRun {
            id: row.id.into(),
            slot: row.slot,
            manual: row.manual,
            status,
            attempt: row.attempt,
            run_id: row.run_id.map(RunId),
            session_id: row.session_id.map(SessionId),
            started_at: row.started_at,
            finished_at: row.finished_at,
            duration_ms: duration,
            result: row.result,
            error: row.error_code.zip(row.error_message).map(|(code, message)| RunError { code, message }),
            usage: Usage {
                input_tokens: row.input_tokens,
                output_tokens: row.output_tokens,
                ..Usage::default()
            },
            cost: Cost(row.cost),
            delivery,
        })
    }
}

/// The slots of a task that fired, newest first. `before` is the last of the page before.
pub async fn runs(
    tx: &mut TenantTx,
    task: ScheduleId,
    before: Option<(DateTime<Utc>, ScheduleRunId)>,
    limit: i64,
) -> Result<Vec<TaskRun>> {
    select(tx, task, None, before, limit).await
}

/// One of them.
pub async fn find_run(tx: &mut TenantTx, task: ScheduleId, id: ScheduleRunId) -> Result<TaskRun> {
    select(tx, task, Some(id), None, 1).await?.pop().ok_or(Error::NotFound)
}

/// The newest of each of these tasks, whose slots have fired.
pub async fn newest_runs(tx: &mut TenantTx, tasks: &[ScheduleId]) -> Result<HashMap<ScheduleId, TaskRun>> {
    let tenant = tx.tenant();
    let tasks: Vec<Uuid> = tasks.iter().map(|task| task.0).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"select f.schedule_id, f.id, f.slot, f.manual, f.state, f.attempt, f.run_id, f.session_id,
            r.status as "run_status?", f.started_at, f.finished_at, f.result, f.error_code, f.error_message,
            f.input_tokens, f.output_tokens, f.cost, f.delivery, f.delivery_error
         from unnest($3::uuid[]) as task (id)
         cross join lateral (select * from sixty.schedule_runs
            where org_id = $1 and owner_id = $2 and schedule_id = task.id order by slot desc, id desc limit 1) f
         left join sixty.runs r on r.org_id = f.org_id and r.owner_id = f.owner_id and r.id = f.run_id
            and f.state = 'begun'"#,
        tenant.org.0,
        tenant.user.0,
        &tasks
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    rows.into_iter().map(|row| Ok((row.schedule_id.into(), row.try_into()?))).collect()
}

async fn select(
    tx: &mut TenantTx,
    task: ScheduleId,
    id: Option<ScheduleRunId>,
    before: Option<(DateTime<Utc>, ScheduleRunId)>,
    limit: i64,
) -> Result<Vec<TaskRun>> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        Row,
        r#"select f.schedule_id, f.id, f.slot, f.manual, f.state, f.attempt, f.run_id, f.session_id, r.status as "run_status?",
            f.started_at, f.finished_at, f.result, f.error_code, f.error_message, f.input_tokens, f.output_tokens,
            f.cost, f.delivery, f.delivery_error
         from sixty.schedule_runs f
         left join sixty.runs r on r.org_id = f.org_id and r.owner_id = f.owner_id and r.id = f.run_id
            and f.state = 'begun'
         where f.org_id = $1 and f.owner_id = $2 and f.schedule_id = $3 and ($4::uuid is null or f.id = $4)
            and ($5::timestamptz is null or (f.slot, f.id) < ($5, $6::uuid))
         order by f.slot desc, f.id desc limit $7"#,
        tenant.org.0,
        tenant.user.0,
        task.0,
        id.map(|id| id.0),
        before.map(|(slot, _)| slot),
        before.map(|(_, id)| id.0),
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?
    .into_iter()
    .map(TaskRun::try_from)
    .collect()
}
