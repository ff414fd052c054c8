//! What of a person's own presses.

use chrono::{DateTime, NaiveDate, Utc};
use domain::{Result, brief::Brief};

use super::{Alarm, bring};
use crate::TenantTx;

/// By which names a meeting knows the person.
#[derive(Clone, Copy, Debug)]
pub struct Me<'a> {
    pub external_id: &'a str,
    pub name: Option<&'a str>,
}

/// What counts as soon.
#[derive(Clone, Copy, Debug)]
pub struct Soon {
    pub now: DateTime<Utc>,
    /// For meetings.
    pub until: DateTime<Utc>,
    /// For deals that are to close, included.
    pub last_day: NaiveDate,
}

/// The person's next meetings until then, their longest overdue to-dos, and of their own open deals
/// those in the greatest danger, the longest silent and the next to close: a few of each.
pub async fn pressing(tx: &mut TenantTx, me: Me<'_>, soon: Soon, alarm: Alarm) -> Result<Vec<Brief>> {
    let (external_id, name) = (me.external_id.to_lowercase(), me.name.map(str::to_lowercase));
    bring!(
        tx,
        "pressing",
        "null::text",
        [
            "(select 'meeting' as kind, m.id from sixty.entities m
            where m.org_id = $1 and m.kind = 'meeting' and m.owner_user = $2 and m.at >= $3 and m.at <= $6
            order by m.at, m.id desc limit 2)
        union
        (select 'meeting', m.id from (
                select m.id, m.at, m.fields -> 'attendees' as attendees from sixty.entities m
                where m.org_id = $1 and m.kind = 'meeting' and m.at >= $3 and m.at <= $6
                order by m.at, m.id desc limit 200) m
            where ",
            attended,
            "
            order by m.at, m.id desc limit 2)
        union
        (select 'task', t.id from sixty.entities t
            where t.org_id = $1 and t.kind = 'task' and t.open and t.assignee_user = $2 and t.due_date < $7
            order by t.due_date, t.id limit 4)
        union
        (select 'deal', d.id from sixty.entities d
            where d.org_id = $1 and d.kind = 'deal' and d.open and d.owner_user = $2
                and (d.health < $9 or d.ghost_risk > $10)
            order by greatest(100 - d.health, d.ghost_risk) desc, d.id limit 2)
        union
        (select 'deal', d.id from sixty.entities d
            where d.org_id = $1 and d.kind = 'deal' and d.open and d.owner_user = $2
                and (d.touched_at is null or d.touched_at < $11)
            order by d.touched_at nulls first, d.id limit 3)
        union
        (select 'deal', d.id from sixty.entities d
            where d.org_id = $1 and d.kind = 'deal' and d.open and d.owner_user = $2
                and d.close_date >= $7 and d.close_date <= $8
            order by d.close_date, d.id limit 3)"
        ],
        "e.at, e.kind, e.id",
        soon.now,
        external_id,
        name,
        soon.until,
        alarm.today,
        soon.last_day,
        alarm.health,
        alarm.ghost_risk,
        alarm.silent_since,
    )
}
