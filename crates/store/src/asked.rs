//! What copilots ask their persons: stored by the run that asks, answered by the person,
//! or overtaken by their next message.

use chrono::{DateTime, Utc};
use domain::{
    Error, MessageId, QuestionId, Result, RunId, SessionId,
    asked::{Asked, QuestionStatus},
    run::{Lease, RunStatus},
};
use uuid::Uuid;

use crate::{
    RunTx, TenantTx,
    error::{corrupt, from_sqlx},
    events, sequences,
    steps::{self, Frames, Recorded},
};

/// A question of a run to its person.
#[derive(Clone, Debug)]
pub struct NewQuestion<'a> {
    pub id: QuestionId,
    pub call_id: &'a str,
    pub question: &'a str,
    pub options: &'a [String],
    pub multiple: bool,
    /// How long it can be answered, in seconds.
    pub seconds: f64,
}

/// Asks the person, in the run's transaction.
pub async fn create(tx: &mut RunTx, new: &NewQuestion<'_>) -> Result<()> {
    let Lease { org, user, session, run, .. } = *tx.lease();
    sqlx::query!(
        "insert into sixty.questions
            (org_id, owner_id, id, session_id, run_id, call_id, question, options, multiple, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + make_interval(secs => $10))",
        org.0,
        user.0,
        new.id.0,
        session.0,
        run.0,
        new.call_id,
        new.question,
        new.options,
        new.multiple,
        new.seconds
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// What became of a question that the run has asked.
#[derive(Clone, Debug)]
pub struct Put {
    pub id: QuestionId,
    pub call_id: String,
    pub status: QuestionStatus,
    /// Still open, and its time is over.
    pub overdue: bool,
    pub question: String,
    pub answer: Vec<String>,
}

/// What the run has asked.
pub async fn of_run(tx: &mut RunTx) -> Result<Vec<Put>> {
    let Lease { org, user, run, .. } = *tx.lease();
    let rows = sqlx::query!(
        r#"select id, call_id, status, status = 'open' and expires_at <= now() as "overdue!", question, answer
         from sixty.questions where org_id = $1 and owner_id = $2 and run_id = $3"#,
        org.0,
        user.0,
        run.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Put {
                id: row.id.into(),
                call_id: row.call_id,
                status: status(&row.status)?,
                overdue: row.overdue,
                question: row.question,
                answer: row.answer.unwrap_or_default(),
            })
        })
        .collect()
}

fn status(word: &str) -> Result<QuestionStatus> {
    QuestionStatus::parse(word).ok_or_else(|| corrupt("a question's status", word))
}

/// Nobody has answered in time.
pub async fn expire(tx: &mut RunTx, id: QuestionId) -> Result<()> {
    let Lease { org, user, .. } = *tx.lease();
    sqlx::query!(
        "update sixty.questions set status = 'expired'
         where org_id = $1 and owner_id = $2 and id = $3 and status = 'open'",
        org.0,
        user.0,
        id.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

struct Row {
    id: Uuid,
    owner_id: Uuid,
    author_id: Option<Uuid>,
    status: String,
    question: String,
    options: Vec<String>,
    multiple: bool,
    session_id: Uuid,
    run_id: Uuid,
    call_id: String,
    answer: Option<Vec<String>>,
    answered_at: Option<DateTime<Utc>>,
    expires_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Asked {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Asked {
            id: row.id.into(),
            status: status(&row.status)?,
            question: row.question,
            options: row.options,
            multiple: row.multiple,
            session_id: row.session_id.into(),
            run_id: row.run_id.into(),
            tool_call_id: row.call_id,
            owner: row.owner_id.into(),
            author: row.author_id.unwrap_or(row.owner_id).into(),
            answer: row.answer.unwrap_or_default(),
            answered_at: row.answered_at,
            expires_at: row.expires_at,
            created_at: row.created_at,
        })
    }
}

/// Which questions a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    pub id: Option<QuestionId>,
    pub status: Option<QuestionStatus>,
    pub session: Option<SessionId>,
    /// The last question of the page before.
    pub before: Option<QuestionId>,
    pub limit: i64,
}

/// The caller's questions, newest first. In the scope of the organization also what they are asked in conversations of
/// several people.
pub async fn list(tx: &mut TenantTx, filter: &Filter) -> Result<Vec<Asked>> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        Row,
        r#"select * from (
            select q.id, q.owner_id, r.author_id,
                case when q.status = 'open' and q.expires_at <= now() then 'expired' else q.status end as "status!",
                q.question, q.options, q.multiple, q.session_id, q.run_id, q.call_id, q.answer, q.answered_at,
                q.expires_at, q.created_at
            from sixty.questions q
            join sixty.runs r on r.org_id = q.org_id and r.id = q.run_id
            where q.org_id = $1 and (q.owner_id = $2 or r.author_id = $2) and ($3::uuid is null or q.id = $3)
                and ($4::uuid is null or q.session_id = $4) and ($5::uuid is null or q.id < $5)
         ) shown
         where $6::text is null or "status!" = $6
         order by id desc limit $7"#,
        tenant.org.0,
        tenant.user.0,
        filter.id.map(|id| id.0),
        filter.session.map(|session| session.0),
        filter.before.map(|before| before.0),
        filter.status.map(QuestionStatus::as_str),
        filter.limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?
    .into_iter()
    .map(Asked::try_from)
    .collect()
}

/// A question to the caller.
pub async fn find(tx: &mut TenantTx, id: QuestionId) -> Result<Asked> {
    let found = list(tx, &Filter { id: Some(id), limit: 1, ..Filter::default() }).await?;
    found.into_iter().next().ok_or(Error::NotFound)
}

/// Takes the answer by compare-and-swap: the first counts, and none after its time.
pub async fn answer(tx: &mut TenantTx, id: QuestionId, answer: &[String]) -> Result<()> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "update sixty.questions set status = 'answered', answer = $4, answered_at = now()
         where org_id = $1 and owner_id = $2 and id = $3 and status = 'open' and expires_at > now()",
        tenant.org.0,
        tenant.user.0,
        id.0,
        answer
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if done.rows_affected() == 1 {
        return Ok(());
    }
    let (code, detail) = match find(tx, id).await?.status {
        QuestionStatus::Expired => ("question_expired", "nobody answered in time; ask the copilot again"),
        QuestionStatus::Void => ("question_void", "the run that asked has ended"),
        QuestionStatus::Overtaken => (
            "question_overtaken",
            "the conversation went on with another message, which counts as the answer",
        ),
        QuestionStatus::Open | QuestionStatus::Answered => {
            ("already_answered", "this question was answered already")
        }
    };
    Err(Error::conflict(code, detail))
}

/// The runs that wait for an answer in this session, locked. One that is being put aside is still
/// running, and the turn is refused.
pub async fn lock_waiting(tx: &mut TenantTx, session: SessionId) -> Result<Vec<RunId>> {
    let tenant = tx.tenant();
    let ids = sqlx::query_scalar!(
        "select id from sixty.runs where org_id = $1 and owner_id = $2 and status = 'waiting' and id in (
            select run_id from sixty.questions
            where org_id = $1 and owner_id = $2 and session_id = $3 and status = 'open')
         order by id for no key update",
        tenant.org.0,
        tenant.user.0,
        session.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(ids.into_iter().map(RunId).collect())
}

/// An answer of a run whose calls have to get their results.
#[derive(Clone, Debug)]
pub struct Unfinished {
    /// JSON text of the answer's blocks.
    pub content: String,
    /// The run's calls so far, in order, those of this answer among them.
    pub calls: Vec<Recorded>,
    /// Ids of the calls that are questions.
    pub questions: Vec<String>,
}

/// The person says something else: that is the answer. None if the run also waits for a
/// decision, or its answer is gone: then it goes on waiting, or ends, by itself.
pub async fn overtake(tx: &mut TenantTx, run: RunId) -> Result<Option<Unfinished>> {
    let tenant = tx.tenant();
    let questions = sqlx::query_scalar!(
        "update sixty.questions set status = 'overtaken', answered_at = now()
         where org_id = $1 and owner_id = $2 and run_id = $3 and status = 'open' returning call_id",
        tenant.org.0,
        tenant.user.0,
        run.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let last = sqlx::query!(
        r#"select role, content, exists (select from sixty.approvals a
                where a.org_id = $1 and a.owner_id = $2 and a.run_id = $3 and a.blocking
                    and a.status in ('pending', 'approved')) as "undecided!"
         from sixty.messages
         where org_id = $1 and owner_id = $2 and run_id = $3
            and session_id = (select session_id from sixty.runs where org_id = $1 and owner_id = $2 and id = $3)
         order by seq desc limit 1"#,
        tenant.org.0,
        tenant.user.0,
        run.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let Some(last) = last.filter(|last| last.role == "assistant" && !last.undecided) else {
        return Ok(None);
    };
    let calls = steps::calls(tx, run).await?;
    Ok(Some(Unfinished { content: last.content, calls, questions }))
}

/// Stores the results of a run that nobody waits for any more, and ends it. `last_frames`
/// writes its last events under the fence it is given.
pub async fn conclude(
    tx: &mut TenantTx,
    session: SessionId,
    run: RunId,
    content: &str,
    last_frames: impl FnOnce(i64) -> Frames,
) -> Result<()> {
    let tenant = tx.tenant();
    let fence = sqlx::query_scalar!(
        "update sixty.runs set status = 'done', fence = fence + 1, finished_at = now()
         where org_id = $1 and owner_id = $2 and id = $3 and status = 'waiting' returning fence",
        tenant.org.0,
        tenant.user.0,
        run.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    // Of a sequence, what was not done is not done any more.
    sequences::end(tx, run, RunStatus::Cancelled).await?;
    sqlx::query!(
        "with session as (
            update sixty.sessions set last_seq = last_seq + 1, message_count = message_count + 1
            where org_id = $1 and owner_id = $2 and id = $3
            returning last_seq
        )
        insert into sixty.messages (org_id, owner_id, session_id, id, seq, role, content, run_id, author_id)
        select $1, $2, $3, $4, last_seq, 'user', $5, $6, $2 from session",
        tenant.org.0,
        tenant.user.0,
        session.0,
        MessageId::new().0,
        content,
        run.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    events::insert(tx, run, fence, &last_frames(fence)).await
}
