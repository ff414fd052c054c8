//! The search in a person's archives.

use chrono::{DateTime, Utc};
use domain::{ArchiveId, EntityKind, EntityRef, Result, SessionId, archive::Passage};

use super::{question::understand, snippet::snippet};
use crate::{
    TenantTx,
    error::{corrupt, from_sqlx},
};

/// What a search looks for.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    /// Words; any of them counts, rare ones more. `"quoted words"` stand together,
    /// `-word` must not occur. Dates and months lend weight to what was said then.
    pub query: &'a str,
    pub session: Option<SessionId>,
    pub entity_kind: Option<EntityKind>,
    pub entity_id: Option<&'a str>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    /// The last result of the page before.
    pub after: Option<Place>,
    pub limit: i32,
}

impl<'a> Search<'a> {
    /// Everything that the caller has archived.
    pub fn of(query: &'a str, limit: i32) -> Self {
        Self {
            query,
            session: None,
            entity_kind: None,
            entity_id: None,
            since: None,
            until: None,
            after: None,
            limit,
        }
    }
}

/// Where a passage stands in the order of a search's results.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub score: f64,
    pub said_at: DateTime<Utc>,
    pub summary: ArchiveId,
    pub seq: i64,
    pub part: i32,
}

impl From<&Passage> for Place {
    fn from(passage: &Passage) -> Self {
        Self {
            score: passage.score,
            said_at: passage.created_at,
            summary: passage.summary_id,
            seq: passage.seq,
            part: passage.part,
        }
    }
}

/// Passages of the caller's archives, best first; at most a hundred over all pages.
///
/// `sixty.search_passages` answers keys alone. What stands there is read under the
/// caller's policies, in the same statement.
pub async fn search(tx: &mut TenantTx, search: &Search<'_>) -> Result<Vec<Passage>> {
    let asked = understand(search.query, Utc::now());
    if asked.words.is_empty() {
        return Ok(Vec::new());
    }
    let (from, to): (Vec<_>, Vec<_>) = asked.periods.into_iter().unzip();
    let tenant = tx.tenant();
    let after = search.after;
    let rows = sqlx::query!(
        r#"select p.summary_id, p.session_id, p.seq, p.part, p.role, p.text, p.said_at, found.score as "score!",
            s.title, s.entity_kind, s.entity_id, e.name as "entity_name?", s.untrusted,
            ts_headline('english', sixty.fold(p.text), marked.query,
                U&'HighlightAll=true, StartSel=\E000, StopSel=\E001') as "marked!"
         from sixty.search_passages(
            $3, $4, $5,
            array(select tstzrange(f, t) from unnest($6::timestamptz[], $7::timestamptz[]) as period (f, t)),
            case when $8::uuid is not null or $9::text is not null or $10::text is not null then array(
                select s.id from sixty.sessions s
                where s.org_id = $1 and s.owner_id = $2 and ($8::uuid is null or s.id = $8)
                    and ($9::text is null or s.entity_kind = $9) and ($10::text is null or s.entity_id = $10)
            ) end,
            -- Without its summary an archive is not there yet.
            array(select a.id from sixty.copilot_session_summaries a
                where a.org_id = $1 and a.owner_id = $2 and a.summary_text is null),
            $11, $12, $13, $14, $15, $16, $17, $18
         ) found
         -- One by one, by their keys: joined freely, all that the person has archived would be read.
         cross join lateral (
            select p.summary_id, p.session_id, p.seq, p.part, p.role, p.text, p.said_at
            from sixty.copilot_summary_passages p
            where p.org_id = $1 and p.owner_id = $2 and p.summary_id = found.summary_id
                and p.seq = found.seq and p.part = found.part
            limit 1
         ) p
         cross join lateral (
            select s.title, s.entity_kind, s.entity_id, s.untrusted from sixty.sessions s
            where s.org_id = $1 and s.owner_id = $2 and s.id = p.session_id
            limit 1
         ) s
         left join lateral (
            select e.name from sixty.entities e
            where e.org_id = $1 and e.kind = s.entity_kind and e.id = s.entity_id
            limit 1
         ) e on true
         cross join (
            select string_agg('(' || q::text || ')', ' | ')::tsquery as query
            from unnest($3::text[]) word
            cross join unnest(string_to_array(word, '|')) alternative
            cross join phraseto_tsquery('english', sixty.fold(alternative)) q
            where numnode(q) > 0
         ) marked
         order by found.score desc, p.said_at desc, p.summary_id desc, p.seq desc, p.part desc"#,
        tenant.org.0,
        tenant.user.0,
        &asked.words,
        &asked.weights,
        &asked.without,
        &from,
        &to,
        search.session.map(|session| session.0),
        search.entity_kind.map(EntityKind::as_str),
        search.entity_id,
        search.since.map(known),
        search.until.map(known),
        after.map(|place| place.score),
        after.map(|place| place.said_at),
        after.map(|place| place.summary.0),
        after.map(|place| place.seq),
        after.map(|place| place.part),
        search.limit,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let kind = match row.entity_kind {
                Some(kind) => Some(kind.parse().map_err(|_| corrupt("an entity kind", &kind))?),
                None => None,
            };
            Ok(Passage {
                summary_id: row.summary_id.into(),
                session_id: row.session_id.into(),
                session_title: row.title,
                entity: kind.zip(row.entity_id).map(|(kind, id)| EntityRef { kind, id }),
                entity_name: row.entity_name,
                seq: row.seq,
                part: row.part,
                role: row.role,
                snippet: snippet(&row.text, &row.marked),
                score: row.score,
                created_at: row.said_at,
                untrusted: row.untrusted,
            })
        })
        .collect()
}

/// A time that Postgres knows: before and after these nobody said anything.
fn known(at: DateTime<Utc>) -> DateTime<Utc> {
    at.clamp(DateTime::UNIX_EPOCH, DateTime::from_timestamp(253_402_300_799, 0).unwrap_or(at))
}
