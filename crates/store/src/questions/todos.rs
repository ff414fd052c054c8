//! To-dos.

use chrono::NaiveDate;
use domain::{EntityRef, Result, UserId, brief::Brief};

use super::{Page, bring};
use crate::TenantTx;

/// Which open to-dos are meant.
#[derive(Clone, Copy, Debug)]
pub struct Due<'a> {
    pub from: NaiveDate,
    /// Included.
    pub to: NaiveDate,
    /// Those too that have no date.
    pub undated: bool,
    /// This status only.
    pub status: Option<&'a str>,
    /// Of high or urgent priority only.
    pub pressing: bool,
}

/// Open to-dos of a member, the next due first.
pub async fn tasks_of(tx: &mut TenantTx, assignee: UserId, due: Due<'_>, page: Page) -> Result<Vec<Brief>> {
    bring!(
        tx,
        "tasks_of",
        "left(coalesce(e.fields ->> 'summary', e.fields ->> 'body', e.fields ->> 'description'), 600)",
        "(select 'task' as kind, t.id, t.due_date from sixty.entities t
            where t.org_id = $1 and t.kind = 'task' and t.open and t.assignee_user = $11
                and t.due_date >= $3 and t.due_date <= $4
                and ($6::text is null or coalesce(t.fields ->> 'status', 'open') = $6)
                and (not $7 or t.fields ->> 'priority' in ('high', 'urgent'))
            order by t.due_date, t.id limit $10)
        union all
        (select 'task', t.id, t.due_date from sixty.entities t
            where t.org_id = $1 and t.kind = 'task' and t.open and t.assignee_user = $11
                and t.due_date is null and $5
                and ($6::text is null or coalesce(t.fields ->> 'status', 'open') = $6)
                and (not $7 or t.fields ->> 'priority' in ('high', 'urgent'))
            order by t.due_date, t.id limit $10)
        order by due_date nulls last, id offset $8 limit $9",
        "k.due_date nulls last, k.id",
        due.from,
        due.to,
        due.undated,
        due.status,
        due.pressing,
        page.offset,
        page.rows(),
        page.end(),
        assignee.0,
    )
}

/// Open to-dos of everybody, the next due first.
pub async fn tasks_of_all(tx: &mut TenantTx, due: Due<'_>, page: Page) -> Result<Vec<Brief>> {
    bring!(
        tx,
        "tasks_of_all",
        "left(coalesce(e.fields ->> 'summary', e.fields ->> 'body', e.fields ->> 'description'), 600)",
        "(select 'task' as kind, t.id, t.due_date from sixty.entities t
            where t.org_id = $1 and t.kind = 'task' and t.open and t.due_date >= $3 and t.due_date <= $4
                and ($6::text is null or coalesce(t.fields ->> 'status', 'open') = $6)
                and (not $7 or t.fields ->> 'priority' in ('high', 'urgent'))
            order by t.due_date, t.id limit $10)
        union all
        (select 'task', t.id, t.due_date from sixty.entities t
            where t.org_id = $1 and t.kind = 'task' and t.open and t.due_date is null and $5
                and ($6::text is null or coalesce(t.fields ->> 'status', 'open') = $6)
                and (not $7 or t.fields ->> 'priority' in ('high', 'urgent'))
            order by t.due_date, t.id limit $10)
        order by due_date nulls last, id offset $8 limit $9",
        "k.due_date nulls last, k.id",
        due.from,
        due.to,
        due.undated,
        due.status,
        due.pressing,
        page.offset,
        page.rows(),
        page.end(),
    )
}

/// To-dos that are linked to the deal, of one member or of everybody, the next due first. Of a deal
/// with more than a thousand the newest thousand are looked at.
pub async fn tasks_of_deal(
    tx: &mut TenantTx,
    deal: &EntityRef,
    (assignee, open): (Option<UserId>, bool),
    due: Due<'_>,
    page: Page,
) -> Result<Vec<Brief>> {
    bring!(
        tx,
        "tasks_of_deal",
        "left(coalesce(e.fields ->> 'summary', e.fields ->> 'body', e.fields ->> 'description'), 600)",
        "select t.kind, t.id, t.due_date from (
                select r.id collate \"default\" as id from sixty.entity_links r
                where r.org_id = $1 and r.to_kind = $10 and r.to_id = $11 and r.kind = 'task'
                order by r.at desc, r.id desc limit 1000) r
            cross join lateral (select t.kind, t.id, t.due_date from sixty.entities t
                where t.org_id = $1 and t.kind = 'task' and t.id = r.id and t.open = $12
                    and ($13::uuid is null or t.assignee_user = $13)
                    and (t.due_date >= $3 and t.due_date <= $4 or t.due_date is null and $5)
                    and ($6::text is null or coalesce(t.fields ->> 'status', 'open') = $6)
                    and (not $7 or t.fields ->> 'priority' in ('high', 'urgent')) limit 1) t
            order by t.due_date nulls last, t.id offset $8 limit $9",
        "k.due_date nulls last, k.id",
        due.from,
        due.to,
        due.undated,
        due.status,
        due.pressing,
        page.offset,
        page.rows(),
        deal.kind.as_str(),
        deal.id,
        open,
        assignee.map(|member| member.0),
    )
}

/// To-dos that are done or cancelled, of one member or of everybody, the newest first; of the
/// organization's newest two thousand to-dos.
pub async fn closed_tasks(
    tx: &mut TenantTx,
    assignee: Option<UserId>,
    due: Due<'_>,
    page: Page,
) -> Result<Vec<Brief>> {
    bring!(
        tx,
        "closed_tasks",
        "left(coalesce(e.fields ->> 'summary', e.fields ->> 'body', e.fields ->> 'description'), 600)",
        "select 'task' as kind, t.id, t.at from (
                select t.id, t.at, t.open, t.assignee_user, t.due_date, t.fields from sixty.entities t
                where t.org_id = $1 and t.kind = 'task' order by t.at desc, t.id limit 2000) t
            where not t.open and ($10::uuid is null or t.assignee_user = $10)
                and (t.due_date >= $3 and t.due_date <= $4 or t.due_date is null and $5)
                and ($6::text is null or t.fields ->> 'status' = $6)
                and (not $7 or t.fields ->> 'priority' in ('high', 'urgent'))
            order by t.at desc, t.id offset $8 limit $9",
        "k.at desc, k.id",
        due.from,
        due.to,
        due.undated,
        due.status,
        due.pressing,
        page.offset,
        page.rows(),
        assignee.map(|member| member.0),
    )
}
