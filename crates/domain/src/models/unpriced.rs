//! Models whose price nobody knows. Their calls would cost nothing, and a limit in money would never bite: while one
//! stands, they are not asked.

use super::{Capability, Feature, Routes, Tier};
use crate::Error;

/// The code of what nobody is left to answer.
pub const NO_MODEL: &str = "no_model";

/// Models that a refusal names.
const MOST_NAMED: usize = 3;

impl Routes {
    /// Those without a price that turns come to by the routes in force, or where there is none. Not those that somebody
    /// asks for by name.
    pub fn unpriced(&self) -> Vec<&str> {
        let mut unpriced: Vec<&str> = Vec::new();
        for feature in Feature::ALL {
            for tier in Tier::ALL {
                let without = |name: &&String| self.allowed(name).is_some_and(|it| !it.has_price_if(true));
                for name in self.reached(*feature, *tier).filter(without) {
                    if !unpriced.contains(&name.as_str()) {
                        unpriced.push(name);
                    }
                }
            }
        }
        unpriced
    }

    /// The models of the route in force, and the service's own where it may have to stand in for them.
    fn reached(&self, feature: Feature, tier: Tier) -> impl Iterator<Item = &String> {
        let row = self.row_for(feature, tier);
        let candidates = row.map(|(row, _)| row.candidates.as_slice()).unwrap_or_default();
        let takes_all = |name: &String| self.allows(name) && self.can(name, Capability::ALL);
        // Whoever answers makes the summaries for which no route has a model.
        let suffice = feature == Feature::Summary || candidates.iter().any(takes_all);
        candidates.iter().chain((!suffice).then_some(&self.default))
    }
}

/// That no price is known of these models, and who sets it; without the sentence's end.
pub fn want_of_price(models: &[&str]) -> String {
    let named = models.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = match models.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "no price is known of {named}{more}, which a limit in money needs; an administrator sets it with PUT \
         /v1/admin/models, or the operator for all with PUT /v1/platform/models or SIXTY_MODEL_PRICES (a price of 0 \
         says that it costs nothing)"
    )
}

/// Nobody is left whom a turn may ask. Of these models only the price is missing.
pub(super) fn no_model(unpriced: &[&str]) -> Error {
    let detail = if unpriced.is_empty() {
        "no model that may be asked here can take this; an administrator sets routes and allowed models"
            .into()
    } else {
        format!("no model can be asked: {}", want_of_price(unpriced))
    };
    Error::conflict(NO_MODEL, detail)
}
