//! Lists of the record.

use axum::Json;
use chrono::{DateTime, Utc};
use domain::{EntityKind, Error, entity::Entity};
use serde::{Deserialize, Serialize};
use store::entities::{self, Filter, Order};
use utoipa::{IntoParams, ToSchema};

use super::sight::note_list;
use crate::{
    caller::{Caller, OrgWide},
    extract::Query,
    page::{Page, after, limit, page},
    problem::{Problems, Result},
};

const MAX_TEXT: usize = 500;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListEntities {
    kind: Option<EntityKind>,
    /// Words of the name and the typed fields, in any case and without accents. All of them have to be
    /// there, of the last one its beginning. Or the beginning of an id. What is looked at are the newest
    /// thousand entities of the rarest of the words.
    #[param(max_length = 500)]
    q: Option<String>,
    /// The owner's id, as the record has it.
    owner: Option<String>,
    /// Together with `linked_id`: what is linked to that entity, of each kind the newest thousand.
    linked_kind: Option<EntityKind>,
    linked_id: Option<String>,
    /// Changed then or later.
    updated_since: Option<DateTime<Utc>>,
    /// Deals that are neither won nor lost, tasks that are neither done nor cancelled; others are always open.
    open: Option<bool>,
    /// Of deals, as the record has it.
    stage: Option<String>,
    /// Left out: `id`.
    #[param(inline)]
    sort: Option<Sort>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Sort {
    /// By kind and id.
    #[default]
    Id,
    /// The last changed first; not together with `q` or `linked_id`.
    Updated,
}

/// The last entity of a page. When it was changed, if that is the order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Last {
    kind: EntityKind,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<DateTime<Utc>>,
}

/// Entities by kind and id, or the last changed first.
#[utoipa::path(get, path = "/v1/entities", tag = "entities", security(("bearer" = [])), params(ListEntities),
    responses((status = 200, body = Page<Entity>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListEntities>) -> Result<Json<Page<Entity>>> {
    let limit = limit(query.limit)?;
    let last: Option<Last> = after(query.cursor.as_deref())?;
    let sort = query.sort.unwrap_or_default();
    check(&query, sort, last.as_ref())?;
    let filter = Filter {
        kind: query.kind,
        text: query.q.as_deref().filter(|q| !q.trim().is_empty()),
        owner: query.owner.as_deref(),
        linked: query.linked_kind.zip(query.linked_id.as_deref()),
        updated_since: query.updated_since,
        open: query.open,
        stage: query.stage.as_deref(),
        order: if sort == Sort::Updated { Order::Updated } else { Order::Id },
        after: last.as_ref().map(|last| (last.kind, last.id.as_str(), last.at)),
        limit: limit + 1,
    };
    let find = caller.tx(async |tx| {
        let found =
            tx.as_far_as_allowed(OrgWide::SeeEntities, async |tx| entities::list(tx, &filter).await).await?;
        note_list(&caller, tx, &found).await?;
        Ok(found)
    });
    let at = |entity: &Entity| (sort == Sort::Updated).then_some(entity.updated_at);
    Ok(page(find.await?, limit, |entity| Last { kind: entity.kind, id: entity.id.clone(), at: at(entity) }))
}

fn check(query: &ListEntities, sort: Sort, last: Option<&Last>) -> domain::Result<()> {
    if query.q.as_ref().is_some_and(|q| q.chars().count() > MAX_TEXT) {
        return Err(Error::field("q", format!("must be at most {MAX_TEXT} characters")));
    }
    if query.linked_kind.is_some() != query.linked_id.is_some() {
        return Err(Error::field("linked_id", "linked_kind and linked_id go together"));
    }
    if sort == Sort::Updated && (query.q.is_some() || query.linked_id.is_some()) {
        return Err(Error::field("sort", "updated does not go together with q or linked_id"));
    }
    if last.is_some_and(|last| last.at.is_some() != (sort == Sort::Updated)) {
        return Err(Error::field("cursor", "is not a cursor of this list"));
    }
    Ok(())
}
