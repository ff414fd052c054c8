//! Which models answer what: rows by feature and tier, and what is known of each model.

mod check;
mod price;
mod route;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use check::{check, is_model_name};
pub use price::Price;
pub use route::{Asked, Candidate, Routed, Routes, Tiered, Wish};

/// What a model call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Feature {
    /// Turns of conversations in the product.
    Chat,
    /// Turns that Slack brings.
    Slack,
    /// Turns of scheduled tasks.
    Schedule,
    /// Turns that follow a skill, wherever they come from.
    Skill,
    /// Summaries of what is archived.
    Summary,
}

impl Feature {
    pub const ALL: [Feature; 5] =
        [Feature::Chat, Feature::Slack, Feature::Schedule, Feature::Skill, Feature::Summary];

    pub fn as_str(self) -> &'static str {
        match self {
            Feature::Chat => "chat",
            Feature::Slack => "slack",
            Feature::Schedule => "schedule",
            Feature::Skill => "skill",
            Feature::Summary => "summary",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feature| feature.as_str() == text)
    }
}

/// How much of a model a turn needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    Low,
    Medium,
    High,
}

impl Tier {
    pub const ALL: [Tier; 3] = [Tier::Low, Tier::Medium, Tier::High];

    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Low => "low",
            Tier::Medium => "medium",
            Tier::High => "high",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == text)
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

/// What not every model can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    Tools,
    Images,
    Documents,
}

impl Capability {
    const ALL: [Capability; 3] = [Capability::Tools, Capability::Images, Capability::Documents];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.as_str() == text)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Capability::Tools => "tools",
            Capability::Images => "images",
            Capability::Documents => "documents",
        }
    }
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
