//! What the prompt of a session is made of. One statement brings it, alone or with what else the
//! next turn is given.

use std::sync::OnceLock;

use domain::{
    ArchiveId, EntityRef, Error, Result, SessionId, UserId, budget::Limits, permission::Matrix,
    skill::PLATFORM,
};
use sqlx::types::Json;

use super::run_active;
use crate::{
    TenantTx,
    error::{corrupt, from_sqlx},
    skills::States,
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
    /// What it counts for in a prompt, in bytes, once somebody has looked.
    pub bytes: OnceLock<usize>,
}

impl Past {
    pub fn new(seq: i64, role: impl Into<String>, content: String, note: String) -> Self {
        Self { seq, role: role.into(), content, context: note, bytes: OnceLock::new() }
    }
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
    /// The one that answered in it just now: its provider may still keep the prompt.
    pub warm: Option<String>,
    /// What the person and the organization may use.
    pub limits: Limits,
    /// What was said before the history, and the archives that hold it whole.
    pub summary: Option<Summary>,
    /// Place of the first message that is not archived.
    pub live_from: i64,
    pub history: Vec<Past>,
}

impl Context {
    /// Whether the prompt holds what came from outside. The entity's name stands beside
    /// its memory, and nowhere without it.
    pub fn holds_untrusted(&self) -> bool {
        let named = self.memory[2].as_deref().is_some_and(|memory| !memory.trim().is_empty());
        self.untrusted || (self.entity_integration && named)
    }
}

/// The row of a session's context, with further columns where a caller names them. Their parameters begin with `$5`;
/// before them are the organization, the owner, the session and the platform.
macro_rules! select_context {
    ($tx:expr, $session:expr $(, $more:tt $(, $value:expr)*)?) => {{
        let tenant = $tx.tenant();
        sqlx::query!(
            r#"select title, user_name, model, entity_kind, entity_id, entity_name,
                pinned as "pinned!", told as "told!", current as "current!",
                org_content, user_content, entity_content, summary_text, archives,
                live_from_seq as "live_from_seq!", seqs, roles, contents, contexts,
                (select untrusted from sixty.sessions
                    where org_id = $1 and owner_id = $2 and id = $3) as "untrusted!",
                exists (select from sixty.entities e where e.org_id = $1 and e.kind = c.entity_kind
                    and e.id = c.entity_id and e.integration) as "entity_integration!",
                coalesce((select k.since + k.version from sixty.skill_states k
                    where k.org_id = $1), 0) as "own_skills!",
                coalesce((select k.since + k.version from sixty.skill_states k
                    where k.org_id = $4), 0) as "platform_skills!",
                coalesce((select k.since + k.version from sixty.model_settings k
                    where k.org_id = $1), 0) as "own_models!",
                coalesce((select k.since + k.version from sixty.model_settings k
                    where k.org_id = $4), 0) as "platform_models!",
                coalesce((select k.version from sixty.secret_states k where k.org_id = $1), 0) as "secrets!",
                (select newest.model from (
                    select r.model, coalesce(r.finished_at, r.created_at) as at from sixty.runs r
                    where r.org_id = $1 and r.owner_id = $2 and r.session_id = $3 and r.iterations > 0
                    order by r.created_at desc limit 1) as newest
                    where newest.at > now() - interval '5 minutes') as warm,
                coalesce((select b.limits from sixty.budgets b where b.org_id = $1),
                    (select b.limits from sixty.budgets b where b.org_id = $4)) as "limits: Json<Limits>""#
                $(+ ", " + $more)?
                + " from sixty.session_context c where org_id = $1 and owner_id = $2 and session_id = $3",
            tenant.org.0,
            tenant.user.0,
            $session.0,
            PLATFORM.0,
            $($($value),*)?
        )
        .fetch_optional($tx.connection())
        .await
        .map_err(from_sqlx)?
        .ok_or(Error::NotFound)?
    }};
}

/// The [`Context`] that such a row holds. The further columns stay in it.
macro_rules! context_of {
    ($row:ident) => {{
        let kind = match $row.entity_kind {
            Some(kind) => Some(kind.parse().map_err(|_| corrupt("an entity kind", &kind))?),
            None => None,
        };
        Context {
            title: $row.title,
            user_name: $row.user_name,
            entity: kind.zip($row.entity_id).map(|(kind, id)| EntityRef { kind, id }),
            entity_name: $row.entity_name,
            entity_integration: $row.entity_integration,
            untrusted: $row.untrusted,
            memory: [$row.org_content, $row.user_content, $row.entity_content],
            pinned: versions(&$row.pinned)?,
            told: versions(&$row.told)?,
            current: versions(&$row.current)?,
            skills: States { own: $row.own_skills, platform: $row.platform_skills },
            models: States { own: $row.own_models, platform: $row.platform_models },
            secrets_state: $row.secrets,
            model: $row.model,
            warm: $row.warm,
            limits: $row.limits.map(|limits| limits.0).unwrap_or_default(),
            summary: $row.summary_text.map(|text| Summary {
                text,
                archives: $row.archives.unwrap_or_default().into_iter().map(ArchiveId).collect(),
            }),
            live_from: $row.live_from_seq,
            history: history($row.seqs, $row.roles, $row.contents, $row.contexts),
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
    /// Runs of the conversation's owner that are under way.
    pub under_way: i64,
}

/// What the next turn of a session is given, if this person speaks. The opener must have locked the session's row:
/// nothing of it changes until the transaction ends.
pub async fn prepare(tx: &mut TenantTx, session: SessionId, author: UserId) -> Result<Next> {
    if tx.locked_session().is_none() {
        return Err(Error::NotFound);
    }
    let row = select_context!(
        tx,
        session,
        r#"(select last_seq + 1 from sixty.sessions where org_id = $1 and owner_id = $2 and id = $3) as "seq!",
            exists (select from sixty.runs
                where org_id = $1 and owner_id = $2 and session_id = $3
                    and status in ('queued', 'running')) as "active!",
            exists (select from sixty.questions
                where org_id = $1 and owner_id = $2 and session_id = $3 and status = 'open') as "asked!",
            (select matrix from sixty.member_permissions
                where org_id = $1 and user_id = $5) as "matrix!: Json<Matrix>",
            (select count(*) from sixty.runs
                where org_id = $1 and owner_id = $2 and status in ('queued', 'running')) as "under_way!""#,
        author.0
    );
    if row.active {
        return Err(run_active());
    }
    Ok(Next {
        seq: row.seq,
        context: context_of!(row),
        matrix: row.matrix.0,
        asked: row.asked,
        under_way: row.under_way,
    })
}

/// The session's prompt parts as they stand now.
pub async fn context(tx: &mut TenantTx, session: SessionId) -> Result<Context> {
    let row = select_context!(tx, session);
    Ok(context_of!(row))
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
        .map(|((seq, (role, content)), context)| Past::new(seq, role, content, context))
        .collect()
}
