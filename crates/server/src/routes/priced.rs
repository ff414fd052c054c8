//! While a limit in money stands, a model without a price is not asked: whoever would set the one beside the other is
//! refused.

use domain::{Error, FieldError, Result, budget::Limits, models::want_of_price};
use engine::Engine;
use store::{TenantTx, budgets};

/// What is wrong with these limits, as long as a model that turns come to has no price.
pub(super) async fn problems(tx: &mut TenantTx, engine: &Engine, limits: &Limits) -> Result<Vec<FieldError>> {
    let Some(want) = want(tx, engine, limits).await? else { return Ok(Vec::new()) };
    let error = format!("cannot be set yet: {want}");
    Ok(limits
        .needing_prices()
        .map(|field| FieldError { field: field.into(), error: error.clone() })
        .collect())
}

/// Refuses what the transaction has just written of models, if the limits in force need a price that it leaves out.
pub(super) async fn check(tx: &mut TenantTx, engine: &Engine) -> Result<()> {
    let limits = budgets::find(tx).await?.limits;
    let Some(want) = want(tx, engine, &limits).await? else { return Ok(()) };
    let fields = limits.needing_prices().collect::<Vec<_>>().join(", ");
    Err(Error::field("models", format!("cannot be so while a limit in money stands ({fields}): {want}")))
}

/// The prices that these limits need and nobody has set, in words.
async fn want(tx: &mut TenantTx, engine: &Engine, limits: &Limits) -> Result<Option<String>> {
    if limits.needing_prices().next().is_none() {
        return Ok(None);
    }
    let routes = engine.routes_now(tx).await?;
    let models = routes.unpriced();
    Ok((!models.is_empty()).then(|| want_of_price(&models)))
}
