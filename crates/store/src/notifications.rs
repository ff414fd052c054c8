//! What concerns a person while they look elsewhere.

use chrono::{DateTime, Utc};
use domain::{
    Error, NotificationId, OrgId, Result, Tenant, UserId,
    notification::{About, Notification, NotificationKind},
};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    SystemTx, TenantTx,
    error::{corrupt, from_sqlx},
};

/// Notifications of the last seconds: how many, and when the last one was.
pub type News = (i64, DateTime<Utc>);

/// Notifications of a person that are kept, newest first.
pub const KEPT: i64 = 500;

struct Row {
    id: Uuid,
    kind: String,
    title: String,
    text: String,
    about: Json<About>,
    read_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Notification {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Notification {
            id: row.id.into(),
            kind: NotificationKind::parse(&row.kind).ok_or_else(|| corrupt("a kind", &row.kind))?,
            title: row.title,
            text: row.text,
            about: row.about.0,
            read_at: row.read_at,
            created_at: row.created_at,
        })
    }
}

/// Tells the transaction's person. The oldest ones beyond [`KEPT`] go.
pub async fn add(
    tx: &mut TenantTx,
    kind: NotificationKind,
    title: &str,
    text: &str,
    about: About,
) -> Result<()> {
    add_once(tx, NotificationId::new(), kind, (title, text), about).await
}

/// The same, unless the person has this one already.
pub async fn add_once(
    tx: &mut TenantTx,
    id: NotificationId,
    kind: NotificationKind,
    (title, text): (&str, &str),
    about: About,
) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "with old as (
            delete from sixty.notifications where org_id = $1 and owner_id = $2 and id in (
                select id from sixty.notifications where org_id = $1 and owner_id = $2
                order by created_at desc, id desc offset $8)
         )
         insert into sixty.notifications (org_id, owner_id, id, kind, title, text, about)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (org_id, id) do nothing",
        tenant.org.0,
        tenant.user.0,
        id.0,
        kind.as_str(),
        title,
        text,
        Json(about) as _,
        KEPT - 1
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// The caller's, newest first. `before` is the last of the page before.
pub async fn list(
    tx: &mut TenantTx,
    unread: bool,
    before: Option<(DateTime<Utc>, NotificationId)>,
    limit: i64,
) -> Result<Vec<Notification>> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        Row,
        r#"select id, kind, title, text, about as "about: Json<About>", read_at, created_at
         from sixty.notifications
         where org_id = $1 and owner_id = $2 and (not $3 or read_at is null)
            and ($4::timestamptz is null or (created_at, id) < ($4, $5::uuid))
         order by created_at desc, id desc limit $6"#,
        tenant.org.0,
        tenant.user.0,
        unread,
        before.map(|(at, _)| at),
        before.map(|(_, id)| id.0),
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?
    .into_iter()
    .map(Notification::try_from)
    .collect()
}

/// Marks one as read; that time stays.
pub async fn read(tx: &mut TenantTx, id: NotificationId) -> Result<Notification> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        Row,
        r#"update sixty.notifications set read_at = coalesce(read_at, now())
         where org_id = $1 and owner_id = $2 and id = $3
         returning id, kind, title, text, about as "about: Json<About>", read_at, created_at"#,
        tenant.org.0,
        tenant.user.0,
        id.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?
    .try_into()
}

/// Of these people, those who were told something in the last seconds: how often, and when the last time was.
pub async fn news(
    tx: &mut SystemTx,
    people: &[Tenant],
    seconds: f64,
) -> Result<Vec<((OrgId, UserId), News)>> {
    let (orgs, owners): (Vec<Uuid>, Vec<Uuid>) = people.iter().map(|it| (it.org.0, it.user.0)).unzip();
    let rows = sqlx::query!(
        r#"select n.org_id, n.owner_id, max(n.created_at) as "last!", count(*) as "count!" from sixty.notifications n
         join unnest($1::uuid[], $2::uuid[]) as listening (org_id, owner_id)
            on n.org_id = listening.org_id and n.owner_id = listening.owner_id
         where n.created_at > now() - make_interval(secs => $3)
         group by n.org_id, n.owner_id"#,
        &orgs,
        &owners,
        seconds
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| ((row.org_id.into(), row.owner_id.into()), (row.count, row.last)))
        .collect())
}
