//! The beginning of a turn: the hot path. One statement brings all that the
//! model call needs to know; one takes the message in, beside that call.

use domain::{
    ArchiveId, EntityRef, Error, MessageId, Result, Role, RunId, SessionId, UserId,
    audit::Channel,
    budget::{Limits, Spent},
    id::ReplicaId,
    offered::Routing,
    permission::Matrix,
    run::{Chosen, Lease, Mode, PinnedSkill},
};

use sqlx::types::Json;

use crate::{
    RunTx, TenantTx, budgets,
    error::{corrupt, from_sqlx, violates},
    parked::{self, Parked},
    permissions,
    sequences::{self, SequenceStep},
    skills::States,
    steps::{self, Recorded},
};

/// One message of the conversation as the prompt repeats it.
#[derive(Clone, Debug)]
pub struct Past {
    pub seq: i64,
    pub role: String,
    /// JSON text of the blocks.
    pub content: String,
    /// The `<context>` that travelled with it; empty for most.
    pub context: String,
}

/// Versions of the three memory documents: organization, user, entity. 0: none.
pub type Versions = [i64; 3];

/// The summary of everything that is archived.
#[derive(Clone, Debug)]
pub struct Summary {
    pub text: String,
    pub archives: Vec<ArchiveId>,
}

/// What a session's prompt is made of.
#[derive(Clone, Debug)]
pub struct Context {
    pub title: Option<String>,
    pub user_name: Option<String>,
    pub entity: Option<EntityRef>,
    pub entity_name: Option<String>,
    /// The entity's text, its name too, is an integration's.
    pub entity_integration: bool,
    /// What came from outside stands, or stood, in the conversation.
    pub untrusted: bool,
    /// Documents at their pinned versions.
    pub memory: [Option<String>; 3],
    pub pinned: Versions,
    /// Up to which versions the session knows of later appends.
    pub told: Versions,
    pub current: Versions,
    /// In which state the organization's skills are, and what is said of models.
    pub skills: States,
    pub models: States,
    /// In which state the organization's secrets are; 0: it has never had one.
    pub secrets_state: i64,
    /// The model that the conversation has chosen, as `provider/model`.
    pub model: Option<String>,
    /// What was said before the history, and the archives that hold it whole.
    pub summary: Option<Summary>,
    /// Place of the first message that is not archived.
    pub live_from: i64,
    pub history: Vec<Past>,
}

/// A user's message and the run that is to answer it.
#[derive(Clone, Debug)]
pub struct NewTurn {
    pub session: SessionId,
    pub message: MessageId,
    /// The message's place in the session.
    pub seq: i64,
    /// JSON text of the blocks.
    pub content: String,
    pub context: String,
    /// Shown in lists of sessions.
    pub preview: String,
    /// Given to a session that has no title yet.
    pub title: String,
    pub run: RunId,
    /// Who says it: mostly the transaction's person.
    pub author: UserId,
    pub trigger: Channel,
    pub mode: Chosen,
    pub routing: Option<Routing>,
    pub skill: Option<PinnedSkill>,
    /// The steps of that skill, if they are executed one by one.
    pub steps: Vec<SequenceStep>,
    /// Whom the run asks, in order, as `provider/model`, and why.
    pub candidates: Vec<String>,
    pub model_reason: String,
    pub role: Role,
    /// IANA name of the zone in which the person asks.
    pub timezone: &'static str,
    /// The replica that starts at once, and its lease in seconds; else a worker claims the run.
    pub claim: Option<(ReplicaId, u32)>,
    /// The first event, as a frame under fence 1 (or empty).
    pub first_frame: String,
    /// Memory as the prompt quotes it, and what the session was told of since.
    pub pinned: Versions,
    pub told: Versions,
    /// The prompt, or the message itself, holds what came from outside.
    pub untrusted: bool,
    /// What is set aside of a budget for its first model call.
    pub reserve: Option<Spent>,
}

macro_rules! context {
    ($row:expr) => {{
        let row = $row;
        let kind = match row.entity_kind {
            Some(kind) => Some(kind.parse().map_err(|_| corrupt("an entity kind", &kind))?),
            None => None,
        };
        Context {
            title: row.title,
            user_name: row.user_name,
            entity: kind.zip(row.entity_id).map(|(kind, id)| EntityRef { kind, id }),
            entity_name: row.entity_name,
            entity_integration: row.entity_integration,
            untrusted: row.untrusted,
            memory: [row.org_content, row.user_content, row.entity_content],
            pinned: versions(&row.pinned)?,
            told: versions(&row.told)?,
            current: versions(&row.current)?,
            skills: States { own: row.own_skills, platform: row.platform_skills },
            models: States { own: row.own_models, platform: row.platform_models },
            secrets_state: row.secrets,
            model: row.model,
            summary: row.summary_text.map(|text| Summary {
                text,
                archives: row.archives.unwrap_or_default().into_iter().map(ArchiveId).collect(),
            }),
            live_from: row.live_from_seq,
            history: history(row.seqs, row.roles, row.contents, row.contexts),
        }
    }};
}

/// What the next turn of a session is given.
#[derive(Clone, Debug)]
pub struct Next {
    /// Place of its message.
    pub seq: i64,
    pub context: Context,
    /// What the person's copilot may do.
    pub matrix: Matrix,
    /// A run waits for the person's answer to a question.
    pub asked: bool,
    /// The model that answered in the conversation just now: its provider may still keep the prompt.
    pub warm: Option<String>,
    /// What the person and the organization may use; none: as much as they like.
    pub limits: Option<Limits>,
    /// Runs of the conversation's owner that are under way.
    pub under_way: i64,
}

/// What the next turn of a session is given, if this person speaks. The opener must have locked the session's row:
/// nothing of it changes until the transaction ends.
pub async fn prepare(tx: &mut TenantTx, session: SessionId, author: UserId) -> Result<Next> {
    if tx.locked_session().is_none() {
        return Err(Error::NotFound);
    }
    let tenant = tx.tenant();
    let row = sqlx::query!(
        r#"select title, user_name, model, entity_kind, entity_id, entity_name,
            pinned as "pinned!", told as "told!", current as "current!",
            org_content, user_content, entity_content, summary_text, archives,
            live_from_seq as "live_from_seq!", seqs, roles, contents, contexts,
            (select last_seq + 1 from sixty.sessions where org_id = $1 and owner_id = $2 and id = $3) as "seq!",
            (select untrusted from sixty.sessions where org_id = $1 and owner_id = $2 and id = $3) as "untrusted!",
            exists (select from sixty.entities e where e.org_id = $1 and e.kind = c.entity_kind
                and e.id = c.entity_id and e.integration) as "entity_integration!",
            coalesce((select k.since + k.version from sixty.skill_states k where k.org_id = $1), 0) as "own_skills!",
            coalesce((select k.since + k.version from sixty.skill_states k
                where k.org_id = '00000000-0000-0000-0000-000000000000'), 0) as "platform_skills!",
            coalesce((select k.since + k.version from sixty.model_settings k where k.org_id = $1), 0) as "own_models!",
            coalesce((select k.since + k.version from sixty.model_settings k
                where k.org_id = '00000000-0000-0000-0000-000000000000'), 0) as "platform_models!",
            coalesce((select k.version from sixty.secret_states k where k.org_id = $1), 0) as "secrets!",
            (select r.model from sixty.runs r
                where r.org_id = $1 and r.owner_id = $2 and r.session_id = $3 and r.iterations > 0
                    and coalesce(r.finished_at, r.created_at) > now() - interval '5 minutes'
                order by r.created_at desc limit 1) as warm,
            exists (select from sixty.runs
                where org_id = $1 and owner_id = $2 and session_id = $3
                    and status in ('queued', 'running')) as "active!",
            exists (select from sixty.questions
                where org_id = $1 and owner_id = $2 and session_id = $3 and status = 'open') as "asked!",
            (select matrix from sixty.member_permissions
                where org_id = $1 and user_id = $4) as "matrix!: Json<Matrix>",
            coalesce((select b.limits from sixty.budgets b where b.org_id = $1),
                (select b.limits from sixty.budgets b
                    where b.org_id = '00000000-0000-0000-0000-000000000000')) as "limits: Json<Limits>",
            (select count(*) from sixty.runs
                where org_id = $1 and owner_id = $2 and status in ('queued', 'running')) as "under_way!"
         from sixty.session_context c where org_id = $1 and owner_id = $2 and session_id = $3"#,
        tenant.org.0,
        tenant.user.0,
        session.0,
        author.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?;
    if row.active {
        return Err(run_active());
    }
    let (seq, matrix, asked, warm) = (row.seq, row.matrix.0.clone(), row.asked, row.warm.clone());
    let (limits, under_way) = (row.limits.as_ref().map(|limits| limits.0), row.under_way);
    Ok(Next { seq, context: context!(row), matrix, asked, warm, limits, under_way })
}

/// Takes the message in, at the place that [`prepare`] told, with its run.
pub async fn begin(tx: &mut TenantTx, new: &NewTurn) -> Result<()> {
    let tenant = tx.tenant();
    let (replica, seconds) = new.claim.unzip();
    sqlx::query!(
        r#"
        with session as (
            update sixty.sessions set last_seq = $4, message_count = message_count + 1, last_message_at = now(),
                preview = $7, title = coalesce(title, nullif($8, '')), pinned = $18, told = $19,
                untrusted = untrusted or $20
            where org_id = $1 and owner_id = $2 and id = $3
        ), message as (
            insert into sixty.messages (org_id, owner_id, session_id, id, seq, role, content, context, run_id, author_id)
            values ($1, $2, $3, $5, $4, 'user', $6, nullif($9, ''), $10, $25)
        ), run as (
            insert into sixty.runs (org_id, owner_id, session_id, id, message_id, trigger, status, mode, model, role,
                lease_owner, lease_until, fence, attempts, started_at, timezone, mode_reason,
                routing, skill, author_id, candidates, model_reason)
            values ($1, $2, $3, $10, $5, $11, case when $14::uuid is null then 'queued' else 'running' end,
                $12, $13, $17, $14::uuid, now() + make_interval(secs => $15),
                case when $14::uuid is null then 0 else 1 end,
                case when $14::uuid is null then 0 else 1 end,
                case when $14::uuid is not null then now() end, $21, $22, $23, $24, nullif($25, $2), $26, $27)
        )
        insert into sixty.run_events (org_id, owner_id, run_id, fence, n_from, n_to, frames)
        select $1, $2, $10, 1, 1, 1, $16 where $16 <> ''
        "#,
        tenant.org.0,
        tenant.user.0,
        new.session.0,
        new.seq,
        new.message.0,
        new.content,
        new.preview,
        new.title,
        new.context,
        new.run.0,
        new.trigger.as_str(),
        new.mode.mode.as_str(),
        new.candidates.first(),
        replica.map(|replica| replica.0),
        seconds.map(f64::from),
        new.first_frame,
        new.role.as_str(),
        &new.pinned[..],
        &new.told[..],
        new.untrusted,
        new.timezone,
        new.mode.reason,
        new.routing.as_ref().map(Json) as _,
        new.skill.as_ref().map(Json) as _,
        new.author.0,
        &new.candidates,
        new.model_reason,
    )
    .execute(tx.connection())
    .await
    // A run that waited may be claimed at this moment.
    .map_err(|error| if violates(&error, "runs_one_running") { run_active() } else { from_sqlx(error) })?;
    if let Some(spent) = new.reserve {
        budgets::reserve(tx, new.run, new.author, spent).await?;
    }
    sequences::create(tx, new.run, &new.steps).await
}

/// A run for a message which is already there.
#[derive(Clone, Copy, Debug)]
pub struct Queued<'a> {
    pub session: SessionId,
    pub message: MessageId,
    pub run: RunId,
    pub trigger: &'a str,
    pub mode: Mode,
    pub model: &'a str,
    pub role: Role,
}

/// Queues a run, for a worker to claim. What a sequence has done is not done again by itself.
pub async fn enqueue(tx: &mut TenantTx, new: &Queued<'_>) -> Result<()> {
    let tenant = tx.tenant();
    if new.trigger == "http" && sequences::answered(tx, new.session, new.message).await? {
        let detail =
            "the steps of a sequence have had their effects; call for it again to carry it out once more";
        return Err(Error::conflict("sequence_not_repeated", detail));
    }
    let done = sqlx::query!(
        "insert into sixty.runs
            (org_id, owner_id, session_id, id, message_id, trigger, status, mode, model, role, routing, skill)
         select $1, $2, $3, $4, $5, $9, 'queued', $6, $7, $8, earlier.routing, earlier.skill
         from (values (1)) one
         -- An answer that is given again follows the skill that the first one followed.
         left join lateral (select r.routing, r.skill from sixty.runs r
            where r.org_id = $1 and r.owner_id = $2 and r.session_id = $3 and r.message_id = $5 and $9 = 'http'
            order by r.id limit 1) earlier on true
         where not exists (select from sixty.runs r
            where r.org_id = $1 and r.session_id = $3 and r.status in ('queued', 'running'))",
        tenant.org.0,
        tenant.user.0,
        new.session.0,
        new.run.0,
        new.message.0,
        new.mode.as_str(),
        new.model,
        new.role.as_str(),
        new.trigger
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(run_active()) }
}

/// Stores what was decided of a run that was queued.
pub async fn decide(tx: &mut RunTx, chosen: &Chosen, candidates: &[String], why: &str) -> Result<()> {
    let Lease { org, user, run, .. } = *tx.lease();
    sqlx::query!(
        "update sixty.runs set mode = $4, mode_reason = $5, model = $6, candidates = $7, model_reason = $8
         where org_id = $1 and owner_id = $2 and id = $3",
        org.0,
        user.0,
        run.0,
        chosen.mode.as_str(),
        chosen.reason,
        candidates.first(),
        candidates,
        why
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

fn run_active() -> Error {
    Error::conflict(
        "run_active",
        "this session is still answering; wait for the run's end, or cancel it with POST /v1/runs/{id}/cancel",
    )
}

/// What a claimed run goes on with.
#[derive(Clone, Debug)]
pub struct Resumed {
    pub context: Context,
    /// What the person's copilot may do, as it stands now.
    pub matrix: Matrix,
    /// What the person and the organization may use; none: as much as they like.
    pub limits: Option<Limits>,
    pub message: MessageId,
    pub trigger: String,
    pub mode: Mode,
    /// Why it is that; none: it is to be decided.
    pub mode_reason: Option<String>,
    pub routing: Option<Routing>,
    pub skill: Option<PinnedSkill>,
    /// The model that answered last; of one that nobody has answered yet, the first candidate.
    pub model: String,
    /// Whom it asks, in order; none: it is to be decided.
    pub candidates: Option<Vec<String>>,
    pub role: Role,
    /// IANA name of the zone in which the person asked.
    pub timezone: String,
    pub iterations: i32,
    pub usage: domain::Usage,
    /// Number of the last committed step, from 1.
    pub steps: i32,
    pub cancel_requested: bool,
    pub attempts: i32,
    /// The provider paused in the last step, and goes on when it is sent its answer.
    pub paused: bool,
    /// The tool calls so far, in order; the last may be under way.
    pub calls: Vec<Recorded>,
    /// Place of the last message that is the run's own: its question, or what it added.
    pub own_seq: i64,
    /// Whether an earlier owner has written to the stream.
    pub has_events: bool,
    pub parked: Parked,
}

/// Loads a run that was claimed, with its session's prompt.
pub async fn load(tx: &mut RunTx) -> Result<Resumed> {
    let Lease { org, user, author, run, session, .. } = *tx.lease();
    let context = context(tx.tenant(), session).await?;
    let matrix = permissions::matrix_of(tx.tenant(), author).await?;
    let row = sqlx::query!(
        r#"
        update sixty.runs r set started_at = coalesce(started_at, now()), wake_at = null
        where org_id = $1 and owner_id = $3 and id = $2
        returning message_id, trigger, mode, mode_reason, model, candidates,
            routing as "routing: Json<Routing>", skill as "skill: Json<PinnedSkill>", role, timezone, iterations, cancel_requested, attempts,
            input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens, cost,
            (select coalesce(max(s.seq), 0) from sixty.steps s where s.org_id = $1 and s.run_id = $2) as "steps!",
            coalesce((select s.payload::jsonb ->> 'stop_reason' = 'pause_turn' from sixty.steps s
                where s.org_id = $1 and s.run_id = $2 order by s.seq desc limit 1), false) as "paused!",
            exists (select from sixty.run_events e where e.org_id = $1 and e.run_id = $2) as "has_events!",
            -- 0 where an archive alone holds its question: no message of the prompt is the run's own.
            coalesce((select max(m.seq) from sixty.messages m
                where m.org_id = $1 and m.owner_id = $3 and (m.run_id = $2 or m.id = r.message_id)), 0) as "own_seq!",
            (select o.wake_at is not null from sixty.runs o where o.org_id = $1 and o.id = $2) as "was_parked!",
            coalesce((select b.limits from sixty.budgets b where b.org_id = $1),
                (select b.limits from sixty.budgets b
                    where b.org_id = '00000000-0000-0000-0000-000000000000')) as "limits: Json<Limits>"
        "#,
        org.0,
        run.0,
        user.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let calls = steps::calls(tx.tenant(), run).await?;
    Ok(Resumed {
        context,
        matrix,
        limits: row.limits.map(|limits| limits.0),
        message: row.message_id.into(),
        trigger: row.trigger,
        mode: Mode::parse(&row.mode).unwrap_or_default(),
        mode_reason: row.mode_reason,
        routing: row.routing.map(|routing| routing.0),
        skill: row.skill.map(|skill| skill.0),
        model: row.model,
        candidates: row.candidates,
        role: Role::parse_lenient(&row.role),
        timezone: row.timezone,
        iterations: row.iterations,
        usage: domain::Usage {
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            cache_read_input_tokens: row.cache_read_input_tokens,
            cache_creation_input_tokens: row.cache_creation_input_tokens,
            cost: domain::Cost(row.cost),
        },
        steps: row.steps,
        cancel_requested: row.cancel_requested,
        attempts: row.attempts,
        paused: row.paused,
        calls,
        own_seq: row.own_seq,
        has_events: row.has_events,
        parked: parked::of_run(tx, row.was_parked).await?,
    })
}

/// The session's prompt parts as they stand now.
pub async fn context(tx: &mut TenantTx, session: SessionId) -> Result<Context> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        r#"select title, user_name, model, entity_kind, entity_id, entity_name,
            pinned as "pinned!", told as "told!", current as "current!",
            org_content, user_content, entity_content, summary_text, archives,
            live_from_seq as "live_from_seq!", seqs, roles, contents, contexts,
            (select untrusted from sixty.sessions where org_id = $1 and owner_id = $2 and id = $3) as "untrusted!",
            exists (select from sixty.entities e where e.org_id = $1 and e.kind = c.entity_kind
                and e.id = c.entity_id and e.integration) as "entity_integration!",
            coalesce((select k.since + k.version from sixty.skill_states k where k.org_id = $1), 0) as "own_skills!",
            coalesce((select k.since + k.version from sixty.skill_states k
                where k.org_id = '00000000-0000-0000-0000-000000000000'), 0) as "platform_skills!",
            coalesce((select k.since + k.version from sixty.model_settings k where k.org_id = $1), 0) as "own_models!",
            coalesce((select k.since + k.version from sixty.model_settings k
                where k.org_id = '00000000-0000-0000-0000-000000000000'), 0) as "platform_models!",
            coalesce((select k.version from sixty.secret_states k where k.org_id = $1), 0) as "secrets!"
         from sixty.session_context c where org_id = $1 and owner_id = $2 and session_id = $3"#,
        tenant.org.0,
        tenant.user.0,
        session.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?;
    Ok(context!(row))
}

impl Context {
    /// Whether the prompt holds what came from outside. The entity's name stands beside
    /// its memory, and nowhere without it.
    pub fn holds_untrusted(&self) -> bool {
        let named = self.memory[2].as_deref().is_some_and(|memory| !memory.trim().is_empty());
        self.untrusted || (self.entity_integration && named)
    }
}

/// Moves the session's snapshot of memory, and what it was told of.
pub async fn pin(tx: &mut TenantTx, session: SessionId, pinned: Versions, told: Versions) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.sessions set pinned = $4, told = $5 where org_id = $1 and owner_id = $2 and id = $3",
        tenant.org.0,
        tenant.user.0,
        session.0,
        &pinned[..],
        &told[..]
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

fn versions(stored: &[i64]) -> Result<Versions> {
    stored.try_into().map_err(|_| Error::internal("a session pins other than three memory documents"))
}

fn history(
    seqs: Option<Vec<i64>>,
    roles: Option<Vec<String>>,
    contents: Option<Vec<String>>,
    notes: Option<Vec<String>>,
) -> Vec<Past> {
    let texts = roles.unwrap_or_default().into_iter().zip(contents.unwrap_or_default());
    seqs.unwrap_or_default()
        .into_iter()
        .zip(texts)
        .zip(notes.unwrap_or_default())
        .map(|((seq, (role, content)), context)| Past { seq, role, content, context })
        .collect()
}
