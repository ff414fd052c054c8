//! Words, in the order of what is likely meant.

use domain::{EntityKind, EntityRef, Result, brief::Brief};

use super::{Page, bring};
use crate::TenantTx;

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Sought<'a> {
    pub kinds: &'a [EntityKind],
    /// As the record keeps them: `domain::words`.
    pub words: &'a [String],
    /// The beginning of a word that may be one of them.
    pub prefix: Option<&'a str>,
    /// How many of the newest entities with a word, of each kind, are looked at.
    pub newest: i64,
    /// Whether their long texts are brought whole, and not only the beginning.
    pub texts: bool,
}

/// Entities with any of the words: those with the most of them first, then those that have them in the
/// name or a short field, then the newest.
pub async fn find(tx: &mut TenantTx, sought: Sought<'_>, page: Page) -> Result<Vec<Brief>> {
    let kinds: Vec<String> = sought.kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
    let prefix = sought.prefix.unwrap_or_default();
    bring!(
        tx,
        "find",
        "case when $10 then concat_ws(E'\\n', e.fields ->> 'summary', e.fields ->> 'transcript', e.fields ->> 'body')
            else left(coalesce(e.fields ->> 'summary', e.fields ->> 'body', e.fields ->> 'description'), 600) end",
        "select h.kind, h.id collate \"default\" as id, h.at, s.words, s.weight, s.sounds from (
                (select h.kind, h.id, h.at from unnest($5::text[]) as asked (word)
                    cross join unnest($6::text[]) as of_kind (kind)
                    cross join lateral (select w.kind, w.id, w.at from sixty.entity_words w
                        where w.org_id = $1 and w.word = asked.word and w.kind = of_kind.kind
                        order by w.at desc, w.id desc limit $9) h)
                union
                (select w.kind, w.id, w.at from sixty.entity_words w
                    where w.org_id = $1 and w.word >= $7 and w.word < $8 and w.kind = any($6) and w.weight > 1
                    order by w.word limit $9)
            ) h
            cross join lateral (select count(*) filter (where w.weight > 0) as words, sum(w.weight) as weight,
                    count(*) filter (where w.weight = 0) as sounds
                from unnest($5::text[]) as asked (word)
                cross join lateral (select w.weight from sixty.entity_words w
                    where w.org_id = $1 and w.word = asked.word and w.kind = h.kind and w.at = h.at and w.id = h.id
                    limit 1) w) s
            order by s.words desc, s.weight desc nulls last, s.sounds desc, h.at desc, h.id offset $3 limit $4",
        "k.words desc, k.weight desc nulls last, k.sounds desc, k.at desc, k.id",
        page.offset,
        page.rows(),
        sought.words,
        &kinds,
        prefix,
        // Where the words with that beginning end; without one there are none.
        if prefix.is_empty() { String::new() } else { format!("{prefix}\u{10ffff}") },
        sought.newest,
        sought.texts,
    )
}

/// The same among those of one kind that are linked to the entity, of which the newest thousand.
pub async fn find_linked(
    tx: &mut TenantTx,
    (kind, words): (EntityKind, &[String]),
    linked: &EntityRef,
    page: Page,
) -> Result<Vec<Brief>> {
    bring!(
        tx,
        "find_linked",
        "concat_ws(E'\\n', e.fields ->> 'summary', e.fields ->> 'transcript', e.fields ->> 'body')",
        "select h.kind, h.id collate \"default\" as id, h.at, s.words, s.weight from (
                select r.kind, r.id, r.at from sixty.entity_links r
                where r.org_id = $1 and r.to_kind = $7 and r.to_id = $8 and r.kind = $6
                order by r.at desc, r.id desc limit 1000) h
            cross join lateral (select count(*) as words, sum(w.weight) as weight
                from unnest($5::text[]) as asked (word)
                cross join lateral (select w.weight from sixty.entity_words w
                    where w.org_id = $1 and w.word = asked.word and w.kind = h.kind and w.at = h.at and w.id = h.id
                    limit 1) w) s
            where s.words > 0
            order by s.words desc, s.weight desc, h.at desc, h.id offset $3 limit $4",
        "k.words desc, k.weight desc, k.at desc, k.id",
        page.offset,
        page.rows(),
        words,
        kind.as_str(),
        linked.kind.as_str(),
        linked.id,
    )
}
