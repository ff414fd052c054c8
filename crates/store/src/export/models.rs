//! What the organization says of models.

use domain::Result;

use super::Line;
use crate::{TenantTx, error::from_sqlx};

/// Which may be asked, and with which secrets. Names alone: no value of a secret is ever exported.
pub(super) async fn settings(tx: &mut TenantTx) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", '' as "place!" from (
            select 'model_settings' as type, allowed, (select coalesce(json_agg(json_build_object('provider', k.provider, 'secret', k.secret)
                    order by k.provider), '[]') from sixty.model_keys k where k.org_id = $1) as keys, version, updated_at, updated_by
            from sixty.model_settings where org_id = $1) r"#,
        tenant.org.0,
    )
}

/// What is known of each: 500 at most.
pub(super) async fn rows(tx: &mut TenantTx) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.model as "place!" from (
            select 'model' as type, model, input_price, output_price, cache_read_price, cache_write_price,
                context_window, max_output_tokens, capabilities
            from sixty.models where org_id = $1 order by model) r order by model"#,
        tenant.org.0,
    )
}

/// Who answers what: 24 at most.
pub(super) async fn routes(tx: &mut TenantTx) -> Result<Vec<Line>> {
    let tenant = tx.tenant();
    lines!(
        tx,
        r#"select row_to_json(r)::text as "text!", r.feature as "place!" from (
            select 'model_route' as type, feature, tier, candidates
            from sixty.model_routes where org_id = $1 order by feature, tier) r order by feature, tier"#,
        tenant.org.0,
    )
}
