//! Which models answer what: rows by feature and tier, and what is known of each model.

mod check;
mod price;
mod route;
#[cfg(test)]
mod tests;
mod unpriced;

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::permission::words;

pub use check::{check, parts};
pub use price::Price;
pub use route::{Asked, Candidate, Routed, Routes, Tiered, Wish};
pub use unpriced::{NO_MODEL, want_of_price};

words! {
    /// What a model call is for.
    Feature {
        /// Turns of conversations in the product.
        Chat = "chat",
        /// Turns that Slack brings.
        Slack = "slack",
        /// Turns of scheduled tasks.
        Schedule = "schedule",
        /// Turns that follow a skill, wherever they come from.
        Skill = "skill",
        /// Summaries of what is archived.
        Summary = "summary",
    }
}

words! {
    /// How much of a model a turn needs.
    Tier {
        Low = "low",
        Medium = "medium",
        High = "high",
    }
}

words! {
    /// What not every model can.
    Capability {
        Tools = "tools",
        Images = "images",
        Documents = "documents",
    }
}

/// What an organization, or the platform for all of them, says of models.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSettings {
    /// What is known of single models.
    pub models: Vec<ModelRow>,
    /// Who answers what. The row that says most of a turn decides; an organization's before the platform's.
    pub routes: Vec<RouteRow>,
    /// Models that may be asked, as `provider/model` or `provider/*`; left out: all that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Vec<String>>,
    /// Providers that are asked with the organization's own key. The platform has none: its keys are the operator's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyRow>,
}

/// A provider that the organization asks with a key of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRow {
    /// Name of a configured provider.
    pub provider: String,
    /// Name of the organization's secret that holds the key.
    pub secret: String,
}

/// What is known of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelRow {
    /// `provider/model`.
    pub model: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// In tokens; left out: what the provider tells of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u32>,
    /// Longest answer that is asked for, in tokens; left out: the service's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// What it takes beside text; left out: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<Capability>>,
}

/// Who answers turns of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteRow {
    /// Left out: every feature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<Feature>,
    /// Left out: every tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// In the order in which they are asked, as `provider/model`: the next one where the one before fails.
    pub candidates: Vec<String>,
}
