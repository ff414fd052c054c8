//! What an organization, or the platform, says of models. The transaction's organization is the one that is written
//! for; the platform writes its own in a transaction of [`PLATFORM`].

use chrono::{DateTime, Utc};
use domain::{
    Error, OrgId, Result,
    models::{Capability, Feature, KeyRow, ModelRow, ModelSettings, Price, RouteRow, Tier},
    skill::PLATFORM,
};
use sqlx::{Postgres, QueryBuilder};

use crate::{
    TenantTx,
    error::{corrupt, from_sqlx, violates},
    orgs,
};

/// A row's word for every feature, or every tier.
const ANY: &str = "any";

/// Settings as they stand.
#[derive(Clone, Debug, Default)]
pub struct Models {
    pub settings: ModelSettings,
    /// 0: nothing was ever set.
    pub version: i64,
    pub updated_at: Option<DateTime<Utc>>,
    /// External id of the administrator who set it.
    pub updated_by: Option<String>,
}

/// What the transaction's organization says.
pub async fn find(tx: &mut TenantTx) -> Result<Models> {
    let org = tx.org();
    of(tx, org).await
}

/// What the platform says, for whoever asks.
pub async fn of_platform(tx: &mut TenantTx) -> Result<Models> {
    of(tx, PLATFORM).await
}

async fn of(tx: &mut TenantTx, org: OrgId) -> Result<Models> {
    let head = sqlx::query!(
        r#"select s.allowed, s.version, s.updated_at, m.external_id as "updated_by?"
         from sixty.model_settings s
         left join sixty.members m on m.org_id = s.org_id and m.user_id = s.updated_by
         where s.org_id = $1"#,
        org.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let Some(head) = head else { return Ok(Models::default()) };
    let settings = ModelSettings {
        models: rows(tx, org).await?,
        routes: routes(tx, org).await?,
        allowed: head.allowed,
        keys: keys(tx, org).await?,
    };
    Ok(Models {
        settings,
        version: head.version,
        updated_at: Some(head.updated_at),
        updated_by: head.updated_by,
    })
}

async fn rows(tx: &mut TenantTx, org: OrgId) -> Result<Vec<ModelRow>> {
    let rows = sqlx::query!(
        "select model, input_price, output_price, cache_read_price, cache_write_price, context_window,
            max_output_tokens, capabilities
         from sixty.models where org_id = $1 order by model",
        org.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let price = row.input_price.zip(row.output_price).map(|(input, output)| Price {
                input,
                output,
                cache_read: row.cache_read_price,
                cache_write: row.cache_write_price,
            });
            Ok(ModelRow {
                model: row.model,
                price,
                context_window: row.context_window.and_then(|tokens| tokens.try_into().ok()),
                max_output_tokens: row.max_output_tokens.and_then(|tokens| tokens.try_into().ok()),
                capabilities: row.capabilities.as_deref().map(capabilities).transpose()?,
            })
        })
        .collect()
}

fn capabilities(stored: &[String]) -> Result<Vec<Capability>> {
    stored.iter().map(|name| Capability::parse(name).ok_or_else(|| corrupt("a capability", name))).collect()
}

async fn routes(tx: &mut TenantTx, org: OrgId) -> Result<Vec<RouteRow>> {
    let rows = sqlx::query!(
        "select feature, tier, candidates from sixty.model_routes where org_id = $1 order by feature, tier",
        org.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(RouteRow {
                feature: any_or(&row.feature, Feature::parse, "a feature")?,
                tier: any_or(&row.tier, Tier::parse, "a tier")?,
                candidates: row.candidates,
            })
        })
        .collect()
}

/// None: the row holds for any.
fn any_or<T>(word: &str, parse: impl Fn(&str) -> Option<T>, what: &str) -> Result<Option<T>> {
    if word == ANY { Ok(None) } else { parse(word).map(Some).ok_or_else(|| corrupt(what, word)) }
}

async fn keys(tx: &mut TenantTx, org: OrgId) -> Result<Vec<KeyRow>> {
    sqlx::query_as!(
        KeyRow,
        "select provider, secret from sixty.model_keys where org_id = $1 order by provider",
        org.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// Sets the whole, which has been checked, on top of the version that the administrator saw if one is given.
pub async fn put(tx: &mut TenantTx, new: &ModelSettings, seen: Option<i64>) -> Result<()> {
    orgs::stands(tx).await?;
    let (org, author) = (tx.org(), orgs::author(tx));
    let written = sqlx::query_scalar!(
        "insert into sixty.model_settings as s (org_id, allowed, version, updated_by)
         select $1, $2, 1, $3
         where coalesce($4::bigint, 0) = 0 or exists (select from sixty.model_settings x where x.org_id = $1)
         on conflict (org_id) do update
         set allowed = excluded.allowed, version = s.version + 1, updated_at = now(), updated_by = $3
         where $4::bigint is null or s.version = $4
         returning version",
        org.0,
        new.allowed.as_deref(),
        author.map(|author| author.0),
        seen
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if written.is_none() {
        return Err(Error::VersionMismatch { current: find(tx).await?.version });
    }
    replace_rows(tx, &new.models).await?;
    replace_routes(tx, &new.routes).await?;
    replace_keys(tx, &new.keys).await
}

/// Says nothing any more, which leaves what the platform says; from the version that the administrator saw if one is
/// given. False: nothing was said.
pub async fn clear(tx: &mut TenantTx, seen: Option<i64>) -> Result<bool> {
    let now = find(tx).await?;
    if seen.is_some_and(|seen| seen != now.version) {
        return Err(Error::VersionMismatch { current: now.version });
    }
    if now.settings == ModelSettings::default() {
        return Ok(false);
    }
    put(tx, &ModelSettings::default(), seen).await.map(|()| true)
}

async fn replace_rows(tx: &mut TenantTx, rows: &[ModelRow]) -> Result<()> {
    let org = tx.org();
    sqlx::query!("delete from sixty.models where org_id = $1", org.0)
        .execute(tx.connection())
        .await
        .map_err(from_sqlx)?;
    if rows.is_empty() {
        return Ok(());
    }
    let number = |tokens: Option<u32>| tokens.map(|tokens| i32::try_from(tokens).unwrap_or(i32::MAX));
    let mut sql: QueryBuilder<Postgres> = QueryBuilder::new(
        "insert into sixty.models (org_id, model, input_price, output_price, cache_read_price, cache_write_price,
            context_window, max_output_tokens, capabilities) ",
    );
    sql.push_values(rows, |mut values, row| {
        let names = |all: &Vec<Capability>| all.iter().map(|it| it.as_str().to_owned()).collect::<Vec<_>>();
        values
            .push_bind(org.0)
            .push_bind(&row.model)
            .push_bind(row.price.map(|price| price.input))
            .push_bind(row.price.map(|price| price.output))
            .push_bind(row.price.and_then(|price| price.cache_read))
            .push_bind(row.price.and_then(|price| price.cache_write))
            .push_bind(number(row.context_window))
            .push_bind(number(row.max_output_tokens))
            .push_bind(row.capabilities.as_ref().map(names));
    });
    sql.build().execute(tx.connection()).await.map_err(from_sqlx).map(drop)
}

async fn replace_routes(tx: &mut TenantTx, rows: &[RouteRow]) -> Result<()> {
    let org = tx.org();
    sqlx::query!("delete from sixty.model_routes where org_id = $1", org.0)
        .execute(tx.connection())
        .await
        .map_err(from_sqlx)?;
    if rows.is_empty() {
        return Ok(());
    }
    let mut sql: QueryBuilder<Postgres> =
        QueryBuilder::new("insert into sixty.model_routes (org_id, feature, tier, candidates) ");
    sql.push_values(rows, |mut values, row| {
        values
            .push_bind(org.0)
            .push_bind(row.feature.map_or(ANY, Feature::as_str))
            .push_bind(row.tier.map_or(ANY, Tier::as_str))
            .push_bind(&row.candidates);
    });
    sql.build().execute(tx.connection()).await.map_err(from_sqlx).map(drop)
}

async fn replace_keys(tx: &mut TenantTx, rows: &[KeyRow]) -> Result<()> {
    let org = tx.org();
    sqlx::query!("delete from sixty.model_keys where org_id = $1", org.0)
        .execute(tx.connection())
        .await
        .map_err(from_sqlx)?;
    if rows.is_empty() {
        return Ok(());
    }
    let mut sql: QueryBuilder<Postgres> =
        QueryBuilder::new("insert into sixty.model_keys (org_id, provider, secret) ");
    sql.push_values(rows, |mut values, row| {
        values.push_bind(org.0).push_bind(&row.provider).push_bind(&row.secret);
    });
    let gone = || {
        let error = "names a secret that was deleted just now; store it again with PUT /v1/admin/secrets/{name}, or \
                     leave the key out";
        Error::field("keys", error)
    };
    sql.build()
        .execute(tx.connection())
        .await
        .map_err(
            |error| if violates(&error, "model_keys_org_id_secret_fkey") { gone() } else { from_sqlx(error) },
        )
        .map(drop)
}
