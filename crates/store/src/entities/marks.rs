//! What stands beside the entities' rows: links by their other end, words, and when something
//! last happened with a deal, a contact or a company. A write changes just what differs.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use domain::{EntityKind, Result, entity::Link};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    prepared::{Current, Prepared, decoded},
    rows::pieces,
};
use crate::{TenantTx, error::from_sqlx};

/// Rows of one statement. A few sizes, so that each is planned once a connection.
const SIZES: [usize; 6] = [2_000, 500, 100, 20, 5, 1];

/// Whose marks they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Holder<'p> {
    pub kind: EntityKind,
    pub id: &'p str,
    pub at: DateTime<Utc>,
    pub private_to: Option<Uuid>,
}

/// Rows that go and rows that come.
#[derive(Default)]
pub(super) struct Marks<'p> {
    words_out: Vec<(Holder<'p>, &'p str)>,
    words_in: Vec<(Holder<'p>, &'p str)>,
    links_out: Vec<(Holder<'p>, &'p Link)>,
    links_in: Vec<(Holder<'p>, &'p Link)>,
    /// What something may have happened with, or not any more.
    touched: BTreeSet<(&'static str, &'p str)>,
}

impl<'p> Marks<'p> {
    /// Those of an entity that is new.
    pub fn come(&mut self, new: &'p Prepared<'p>, at: DateTime<Utc>) {
        let holder = Holder { kind: new.kind, id: new.id, at, private_to: new.private_to() };
        self.words_in.extend(new.words.iter().map(|word| (holder, word.as_str())));
        self.links_in.extend(new.links.iter().map(|link| (holder, link)));
        self.touch(new.kind, &new.links);
    }

    /// Those that an entity has had and has no more, or has now.
    pub fn change(&mut self, new: &'p Prepared<'p>, old: &'p Current) {
        let was = Holder { kind: new.kind, id: new.id, at: old.at, private_to: old.private_to() };
        let at = new.at.unwrap_or(old.created_at);
        let is = Holder { at, private_to: new.private_to(), ..was };
        let (before, now): (HashSet<&str>, HashSet<&str>) =
            (old.words.iter().map(String::as_str).collect(), new.words.iter().map(String::as_str).collect());
        let stays = |word: &str, in_both: bool| was == is && in_both && !word.is_empty();
        let gone = old.words.iter().filter(|word| !stays(word, now.contains(word.as_str())));
        self.words_out.extend(gone.map(|word| (was, word.as_str())));
        let come = new.words.iter().filter(|word| !stays(word, before.contains(word.as_str())));
        self.words_in.extend(come.map(|word| (is, word.as_str())));
        let gone = old.links.iter().filter(|link| was != is || !new.links.contains(link));
        self.links_out.extend(gone.map(|link| (was, link)));
        let come = new.links.iter().filter(|link| was != is || !old.links.contains(link));
        self.links_in.extend(come.map(|link| (is, link)));
        self.touch(new.kind, &old.links);
        self.touch(new.kind, &new.links);
        if old.product_touched_at != new.facets.touched_at || was.private_to != is.private_to {
            self.touch_one(new.kind, new.id);
        }
    }

    /// Those of an entity that goes.
    pub fn go(&mut self, holder: Holder<'p>, words: &'p [String], links: &'p [Link]) {
        self.words_out.extend(words.iter().map(|word| (holder, word.as_str())));
        self.links_out.extend(links.iter().map(|link| (holder, link)));
        self.touch(holder.kind, links);
    }

    fn touch(&mut self, kind: EntityKind, links: &'p [Link]) {
        if kind.is_event() {
            for link in links {
                self.touch_one(link.kind, &link.id);
            }
        }
    }

    fn touch_one(&mut self, kind: EntityKind, id: &'p str) {
        if matches!(kind, EntityKind::Deal | EntityKind::Contact | EntityKind::Company) {
            self.touched.insert((kind.as_str(), id));
        }
    }
}

/// Writes what differs.
pub(super) async fn write(tx: &mut TenantTx, marks: &Marks<'_>) -> Result<()> {
    remove_words(tx, &marks.words_out).await?;
    for piece in pieces(&marks.words_in, &SIZES) {
        add_words(tx, piece).await?;
    }
    remove_links(tx, &marks.links_out).await?;
    for piece in pieces(&marks.links_in, &SIZES) {
        add_links(tx, piece).await?;
    }
    touch(tx, &marks.touched).await
}

async fn add_words(tx: &mut TenantTx, rows: &[(Holder<'_>, &str)]) -> Result<()> {
    let org = tx.org();
    let mut sql: QueryBuilder<Postgres> =
        QueryBuilder::new("insert into sixty.entity_words (org_id, word, kind, at, id, weight, private_to) ");
    sql.push_values(rows, |mut row, (holder, coded)| {
        let (word, weight) = decoded(coded).unwrap_or_default();
        row.push_bind(org.0)
            .push_bind(word)
            .push_bind(holder.kind.as_str())
            .push_bind(holder.at)
            .push_bind(holder.id)
            .push_bind(weight)
            .push_bind(holder.private_to);
    });
    sql.build().execute(tx.connection()).await.map_err(from_sqlx).map(drop)
}

async fn remove_words(tx: &mut TenantTx, rows: &[(Holder<'_>, &str)]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let org = tx.org();
    let words: Vec<&str> = rows.iter().map(|(_, coded)| decoded(coded).unwrap_or_default().0).collect();
    let Holders { kinds, ids, times } = Holders::of(rows);
    sqlx::query!(
        r#"delete from sixty.entity_words w
         using unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) as o (word, kind, id, at)
         where w.org_id = $1 and w.word = o.word collate "C" and w.kind = o.kind and w.at = o.at
            and w.id = o.id collate "C""#,
        org.0,
        &words as _,
        &kinds as _,
        &ids as _,
        &times
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

async fn add_links(tx: &mut TenantTx, rows: &[(Holder<'_>, &Link)]) -> Result<()> {
    let org = tx.org();
    let mut sql: QueryBuilder<Postgres> = QueryBuilder::new(
        "insert into sixty.entity_links (org_id, to_kind, to_id, kind, at, id, role, private_to) ",
    );
    sql.push_values(rows, |mut row, (holder, link)| {
        row.push_bind(org.0)
            .push_bind(link.kind.as_str())
            .push_bind(link.id.as_str())
            .push_bind(holder.kind.as_str())
            .push_bind(holder.at)
            .push_bind(holder.id)
            .push_bind(link.role.as_deref())
            .push_bind(holder.private_to);
    });
    sql.build().execute(tx.connection()).await.map_err(from_sqlx).map(drop)
}

async fn remove_links(tx: &mut TenantTx, rows: &[(Holder<'_>, &Link)]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let org = tx.org();
    let to_kinds: Vec<&str> = rows.iter().map(|(_, link)| link.kind.as_str()).collect();
    let to_ids: Vec<&str> = rows.iter().map(|(_, link)| link.id.as_str()).collect();
    let Holders { kinds, ids, times } = Holders::of(rows);
    sqlx::query!(
        r#"delete from sixty.entity_links l
         using unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
            as o (to_kind, to_id, kind, id, at)
         where l.org_id = $1 and l.to_kind = o.to_kind and l.to_id = o.to_id collate "C" and l.kind = o.kind
            and l.at = o.at and l.id = o.id collate "C""#,
        org.0,
        &to_kinds as _,
        &to_ids as _,
        &kinds as _,
        &ids as _,
        &times
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// The holders of rows, column by column.
struct Holders<'p> {
    kinds: Vec<&'static str>,
    ids: Vec<&'p str>,
    times: Vec<DateTime<Utc>>,
}

impl<'p> Holders<'p> {
    fn of<T>(rows: &[(Holder<'p>, T)]) -> Self {
        Self {
            kinds: rows.iter().map(|(holder, _)| holder.kind.as_str()).collect(),
            ids: rows.iter().map(|(holder, _)| holder.id).collect(),
            times: rows.iter().map(|(holder, _)| holder.at).collect(),
        }
    }
}

/// Takes anew when something last happened with each: the newest event that is linked and is not
/// in the future, or what the product said. Events that are their owner's alone count where
/// the other end is that owner's alone as well: else they would show through.
async fn touch(tx: &mut TenantTx, touched: &BTreeSet<(&str, &str)>) -> Result<()> {
    if touched.is_empty() {
        return Ok(());
    }
    let org = tx.org();
    let (kinds, ids): (Vec<&str>, Vec<&str>) = touched.iter().copied().unzip();
    sqlx::query!(
        r#"update sixty.entities e set touched_at = n.at
         from (select t.kind, t.id, greatest(t.product_touched_at,
            (select l.at from sixty.entity_links l
                where l.org_id = $1 and l.to_kind = w.kind and l.to_id = w.id collate "C" and l.kind = 'meeting'
                    and l.at <= now() and (l.private_to is null or t.visibility = 'owner' and l.private_to = t.owner_user)
                order by l.at desc limit 1),
            (select l.at from sixty.entity_links l
                where l.org_id = $1 and l.to_kind = w.kind and l.to_id = w.id collate "C" and l.kind = 'activity'
                    and l.at <= now() and (l.private_to is null or t.visibility = 'owner' and l.private_to = t.owner_user)
                order by l.at desc limit 1),
            (select l.at from sixty.entity_links l
                where l.org_id = $1 and l.to_kind = w.kind and l.to_id = w.id collate "C" and l.kind = 'email'
                    and l.at <= now() and (l.private_to is null or t.visibility = 'owner' and l.private_to = t.owner_user)
                order by l.at desc limit 1)) as at
            from unnest($2::text[], $3::text[]) as w (kind, id)
            join sixty.entities t on t.org_id = $1 and t.kind = w.kind and t.id = w.id) n
         where e.org_id = $1 and e.kind = n.kind and e.id = n.id and e.touched_at is distinct from n.at"#,
        org.0,
        &kinds as _,
        &ids as _
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}
