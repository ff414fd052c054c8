//! Which models a turn asks: what is wished for, held against what the organization and the platform say.

use std::sync::Arc;

use domain::{
    OrgId, Result,
    audit::Channel,
    block,
    budget::Limits,
    models::{Asked, Candidate, Capability, Feature, Routed, Routes, Tier, Tiered, Wish},
    run::Chosen,
};
use model::{Providers, Ring};
use quick_cache::sync::Cache;
use store::{TenantTx, budgets, models, skills::States, turns::Context};

use crate::{Engine, mode::Before, tier};

/// Organizations whose routes are kept; what is not kept is read again.
const KEPT: usize = 10_000;

/// What stands for each organization, by the state that its settings are known by.
pub(crate) struct Known {
    by_org: Cache<(OrgId, States), Arc<Routes>>,
    /// Of those who say nothing.
    plain: Arc<Routes>,
}

/// What a skill asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct OfSkill {
    /// `provider/model`.
    pub model: Option<String>,
    pub tier: Option<Tier>,
}

/// A turn, as far as it matters for whom it asks.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub channel: Channel,
    pub before: &'a Before<'a>,
    pub chosen: &'a Chosen,
    /// Of the skill that it follows, if it follows one.
    pub skill: Option<&'a OfSkill>,
    pub of_request: Option<&'a str>,
    /// JSON text of the message's blocks.
    pub blocks: &'a str,
}

impl Known {
    pub fn new(providers: &Providers, settings: &crate::Settings) -> Self {
        let meters = &settings.telemetry.meters;
        meters.know(&settings.default_model);
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
        let read = async {
            let routes = self.routes_now(tx).await?;
            let named = routes.platform.routes.iter().flat_map(|row| &row.candidates);
            let described = routes.platform.models.iter().map(|row| &row.model);
            named.chain(described).for_each(|model| self.telemetry().meters.know(model));
            Ok(Arc::new(routes))
        };
        known.by_org.get_or_insert_async(&key, read).await
    }

    /// The same as it stands now, for who does not know the state.
    pub async fn routes_now(&self, tx: &mut TenantTx) -> Result<Routes> {
        let own = models::find(tx).await?.settings;
        let platform = models::of_platform(tx).await?.settings;
        Ok(Routes { own, platform, ..(*self.0.routes.plain).clone() })
    }

    /// Refuses what no model may answer in a conversation that has chosen this one, whatever is asked in it.
    pub async fn may_answer(&self, tx: &mut TenantTx, chosen: Option<&str>) -> Result<()> {
        let routes = self.routes_now(tx).await?;
        let priced = priced(&budgets::find(tx).await?.limits);
        let mut refused = Ok(());
        for tier in Tier::ALL {
            let tier = Tiered { tier: *tier, reason: "it may be asked" };
            let asked = chosen.map(Asked::Session).into_iter().collect();
            let wish = Wish { feature: Feature::Chat, tier, asked, needs: Vec::new(), warm: None, priced };
            match routes.route(&wish) {
                Ok(_) => return Ok(()),
                Err(error) => refused = Err(error),
            }
        }
        refused
    }

    /// Where the circuit of a model stands for this organization in this process.
    pub fn standing(&self, org: OrgId, candidate: &Candidate) -> model::Standing {
        self.0.providers.standing(org, candidate)
    }

    /// The same of everybody who has no key of their own.
    pub fn shared_standing(&self, model: &str) -> model::Standing {
        self.0.providers.shared_standing(model)
    }

    /// Names of the configured providers.
    pub fn providers(&self) -> Vec<&str> {
        self.0.providers.names().collect()
    }

    pub(crate) fn ring(&self, org: OrgId, candidates: Vec<Candidate>) -> Ring {
        Ring::new(self.0.providers.clone(), org, candidates)
    }
}

/// Whom the turn asks, and why.
pub(crate) fn route(routes: &Routes, context: &Context, turn: &Turn<'_>) -> Result<Routed> {
    let asked = [
        turn.of_request.map(Asked::Request),
        context.model.as_deref().map(Asked::Session),
        turn.skill.and_then(|skill| skill.model.as_deref()).map(Asked::Skill),
    ];
    routes.route(&Wish {
        feature: feature(turn.channel, turn.skill.is_some()),
        tier: tier::choose(turn.before, turn.chosen, turn.skill.and_then(|skill| skill.tier)),
        asked: asked.into_iter().flatten().collect(),
        needs: needs(routes, context, turn.blocks),
        warm: context.warm.as_deref(),
        priced: priced(&context.limits),
    })
}

/// Whether only models are asked whose price is known: under these limits, others would cost nothing.
fn priced(limits: &Limits) -> bool {
    limits.in_money().next().is_some()
}

/// Whether a run that goes on under these limits still asks the model.
pub(crate) fn stands(routes: &Routes, model: &str, limits: &Limits) -> bool {
    routes.may_ask(model, priced(limits))
}

/// What turns that come this way, and follow a skill or none, are called in routes and accounts.
pub(crate) fn feature(channel: Channel, follows: bool) -> Feature {
    match channel {
        _ if follows => Feature::Skill,
        Channel::Slack => Feature::Slack,
        Channel::Schedule => Feature::Schedule,
        _ => Feature::Chat,
    }
}

/// Whom a summary asks, in order: whoever a route names for it, or who answers in the conversation.
pub(crate) fn for_summary(routes: &Routes, current: &Candidate, limits: &Limits) -> Vec<Candidate> {
    routes.routed(Feature::Summary, Tier::Low, priced(limits)).unwrap_or_else(|| vec![current.clone()])
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
