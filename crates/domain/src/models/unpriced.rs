//! Models whose price nobody knows. Their calls would cost nothing, and a limit in money would never bite: while one
//! stands, they are not asked.

use super::{Feature, Routes, Tier};
use crate::Error;

/// Models that a refusal names.
const MOST_NAMED: usize = 3;

impl Routes {
    /// Those without a price that turns come to by the routes in force, or where there is none. Not those that somebody
    /// asks for by name.
    pub fn unpriced(&self) -> Vec<&str> {
        let mut unpriced: Vec<&str> = Vec::new();
        for feature in Feature::ALL {
            for tier in Tier::ALL {
                let names = self.reached(*feature, *tier);
                let without = names.iter().filter(|name| self.allows(name) && self.price(name).is_none());
                for name in without {
                    if !unpriced.contains(&name.as_str()) {
                        unpriced.push(name);
                    }
                }
            }
        }
        unpriced
    }

    fn reached(&self, feature: Feature, tier: Tier) -> &[String] {
        match self.row_for(feature, tier) {
            Some((row, _)) if row.candidates.iter().any(|name| self.allows(name)) => &row.candidates,
            // Without a route, whoever answers makes the summaries too.
            None if feature == Feature::Summary => &[],
            _ => std::slice::from_ref(&self.default),
        }
    }
}

/// What is to be done about these models, without the sentence's end.
pub fn unpriced(models: &[&str]) -> String {
    let named = models.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = match models.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "no price is known of {named}{more}, which a limit in money needs; an administrator sets it with PUT \
         /v1/admin/models, or the operator for all with PUT /v1/platform/models or SIXTY_MODEL_PRICES (a price of 0 says \
         that it costs nothing)"
    )
}

/// Nobody is left whom a turn may ask. Of these models only the price is missing.
pub(super) fn no_model(without_price: &[&str]) -> Error {
    let detail = if without_price.is_empty() {
        "no model that may be asked here can take this; an administrator sets routes and allowed models"
            .into()
    } else {
        format!("no model can be asked: {}", unpriced(without_price))
    };
    Error::conflict("no_model", detail)
}
