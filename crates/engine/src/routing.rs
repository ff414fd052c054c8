//! Which models a turn asks: what is wished for, held against what the organization and the platform say.

use std::sync::Arc;

use domain::{
    OrgId, Result,
    audit::Channel,
    block,
    models::{Asked, Candidate, Capability, Feature, Routed, Routes, Tier, Tiered, Wish},
};
use model::{Providers, Ring};
use quick_cache::sync::Cache;
use store::{TenantTx, models, skills::States, turns::Context};

use crate::Engine;

/// Organizations whose routes are kept; what is not kept is read again.
const KEPT: usize = 10_000;

/// What stands for each organization, by the state that its settings are known by.
pub(crate) struct Known {
    by_org: Cache<(OrgId, States), Arc<Routes>>,
    /// Of those who say nothing.
    plain: Arc<Routes>,
}

/// What a turn wishes for beside its words.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    pub channel: Channel,
    /// It follows a skill, which may ask for a model.
    pub skill: bool,
    pub of_skill: Option<&'a str>,
    pub of_request: Option<&'a str>,
    pub tier: Tiered,
    pub warm: Option<&'a str>,
    /// JSON text of the message's blocks.
    pub blocks: &'a str,
}

impl Known {
    pub fn new(providers: &Providers, settings: &crate::Settings) -> Self {
        let plain = Routes {
            own: domain::models::ModelSettings::default(),
            platform: domain::models::ModelSettings::default(),
            default: settings.default_model.clone(),
            prices: settings.prices.all().map(|(model, price)| (model.to_owned(), price)).collect(),
            providers: providers.names().map(ToOwned::to_owned).collect(),
        };
        Self { by_org: Cache::new(KEPT), plain: Arc::new(plain) }
    }
}

impl Engine {
    /// What stands for the transaction's organization, in this state.
    pub(crate) async fn routes(&self, tx: &mut TenantTx, states: States) -> Result<Arc<Routes>> {
        let known = &self.0.routes;
        if states == States::default() {
            return Ok(known.plain.clone());
        }
        let key = (tx.org(), states);
        let read = async { self.routes_now(tx).await.map(Arc::new) };
        known.by_org.get_or_insert_async(&key, read).await
    }

    /// The same as it stands now, for who does not know the state.
    pub async fn routes_now(&self, tx: &mut TenantTx) -> Result<Routes> {
        let own = models::find(tx).await?.settings;
        let platform = models::of_platform(tx).await?.settings;
        Ok(Routes { own, platform, ..(*self.0.routes.plain).clone() })
    }

    /// Where the circuit of a model stands in this process.
    pub fn standing(&self, model: &str) -> model::Standing {
        self.0.providers.standing(model)
    }

    /// Names of the configured providers.
    pub fn providers(&self) -> Vec<&str> {
        self.0.providers.names().collect()
    }

    pub(crate) fn ring(&self, candidates: Vec<Candidate>) -> Ring {
        Ring::new(self.0.providers.clone(), candidates)
    }
}

/// Whom the turn asks, and why.
pub(crate) fn route(routes: &Routes, context: &Context, wanted: &Wanted<'_>) -> Result<Routed> {
    let asked = [
        wanted.of_request.map(Asked::Request),
        context.model.as_deref().map(Asked::Session),
        wanted.of_skill.map(Asked::Skill),
    ];
    let feature = if wanted.skill { Feature::Skill } else { feature(wanted.channel) };
    routes.route(&Wish {
        feature,
        tier: wanted.tier,
        asked: asked.into_iter().flatten().collect(),
        needs: needs(routes, context, wanted.blocks),
        warm: wanted.warm,
    })
}

/// What turns that come this way are called in routes.
pub(crate) fn feature(channel: Channel) -> Feature {
    match channel {
        Channel::Slack => Feature::Slack,
        Channel::Schedule => Feature::Schedule,
        _ => Feature::Chat,
    }
}

/// Whom a summary asks, in order: whoever a route names for it, or who answers in the conversation.
pub(crate) fn for_summary(routes: &Routes, current: &Candidate) -> Vec<Candidate> {
    routes.routed(Feature::Summary, Tier::Low).unwrap_or_else(|| vec![current.clone()])
}

/// What not every model takes; nothing, where nobody says that a model cannot.
fn needs(routes: &Routes, context: &Context, blocks: &str) -> Vec<Capability> {
    if !routes.limits_capabilities() {
        return Vec::new();
    }
    let holds = |kind: &str| {
        let past = context.history.iter().map(|past| past.content.as_str());
        past.chain([blocks]).any(|blocks| block::heads(blocks).iter().any(|head| head.kind == kind))
    };
    // A prompt without tools is none of a copilot's.
    let mut needs = vec![Capability::Tools];
    needs.extend(holds("image").then_some(Capability::Images));
    needs.extend(holds("document").then_some(Capability::Documents));
    needs
}
