//! Which models a turn may ask, and why: the rule as a function of rows.

use std::sync::Arc;

use super::{
    Capability, Feature, ModelRow, ModelSettings, Price, RouteRow, Tier,
    unpriced::{no_model, want_of_price},
};
use crate::{Error, Result};

/// A model that may be asked, with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// `provider/model`.
    pub model: String,
    pub price: Option<Price>,
    /// In tokens.
    pub context_window: Option<u32>,
    pub max_output_tokens: Option<u32>,
    /// The organization's secret that holds its own key for the provider; none: it is asked with the platform's.
    pub secret: Option<String>,
}

impl Candidate {
    /// Name of its provider.
    pub fn provider(&self) -> &str {
        provider_of(&self.model)
    }

    /// Name on the provider's wire.
    pub fn name(&self) -> &str {
        self.model.split_once('/').map_or(self.model.as_str(), |(_, name)| name)
    }

    /// Whether its price is known, where only such models are asked (`priced`).
    pub(super) fn has_price_if(&self, priced: bool) -> bool {
        !priced || self.price.is_some()
    }
}

/// A tier, and why it is that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiered {
    pub tier: Tier,
    pub reason: &'static str,
}

/// Who asked for a model, the strongest wish first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    /// A person does so now: what cannot be is refused.
    Request(&'a str),
    /// Somebody did so some time ago: what cannot be any more is passed over.
    Session(&'a str),
    Skill(&'a str),
}

impl<'a> Asked<'a> {
    fn model(self) -> &'a str {
        let (Self::Request(model) | Self::Session(model) | Self::Skill(model)) = self;
        model
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Request(_) => "the request asks for it",
            Self::Session(_) => "the conversation has chosen it",
            Self::Skill(_) => "the skill asks for it",
        }
    }
}

/// What a turn wants of a model.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    pub feature: Feature,
    pub tier: Tiered,
    /// The strongest wish first.
    pub asked: Vec<Asked<'a>>,
    /// What the message brings that not every model takes.
    pub needs: Vec<Capability>,
    /// The model that answered last in the conversation, while its provider may still keep the prompt.
    pub warm: Option<&'a str>,
    /// Only models whose price is known are asked: a limit in money stands.
    pub priced: bool,
}

/// Whom a turn asks, in order, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Routed {
    /// Never empty.
    pub candidates: Vec<Candidate>,
    /// In words for whoever wonders.
    pub reason: String,
}

/// What stands for an organization: its own rows, the platform's, and the service's own model.
#[derive(Clone, Debug)]
pub struct Routes {
    pub own: ModelSettings,
    pub platform: ModelSettings,
    /// `provider/model`, where no row says anything.
    pub default: String,
    /// What the operator's file says that models cost.
    pub prices: Arc<[(String, Price)]>,
    /// Names of the configured providers.
    pub providers: Arc<[String]>,
}

impl Routes {
    /// What is known of a model: the organization's row, then the platform's. What it costs is the platform's or the
    /// operator's to say, who settle accounts by it; an organization prices what they do not.
    pub fn candidate(&self, model: &str) -> Candidate {
        let said = self.said_of(model);
        let first = |get: fn(&ModelRow) -> Option<u32>| said.into_iter().flatten().find_map(get);
        Candidate {
            model: model.to_owned(),
            price: self.price(model, said),
            context_window: first(|row| row.context_window),
            max_output_tokens: first(|row| row.max_output_tokens),
            secret: self.secret_for(provider_of(model)).map(ToOwned::to_owned),
        }
    }

    fn price(&self, model: &str, said: [Option<&ModelRow>; 2]) -> Option<Price> {
        let [own, platform] = said.map(|row| row.and_then(|row| row.price));
        let listed = || self.prices.iter().find(|(name, _)| name == model).map(|(_, price)| *price);
        platform.or_else(listed).or(own)
    }

    /// Name of the secret with which the organization asks this provider; none: it is asked with the platform's key.
    fn secret_for(&self, provider: &str) -> Option<&str> {
        self.own.keys.iter().find(|row| row.provider == provider).map(|row| row.secret.as_str())
    }

    /// Whether the model can be asked here: its provider is configured, and nobody forbids it.
    pub fn allows(&self, model: &str) -> bool {
        let provider = provider_of(model);
        let listed = |settings: &ModelSettings| {
            settings.allowed.as_ref().is_none_or(|allowed| {
                allowed.iter().any(|name| name == model || name.strip_suffix("/*") == Some(provider))
            })
        };
        self.providers.iter().any(|known| known == provider) && listed(&self.own) && listed(&self.platform)
    }

    /// The same, with what is known of it.
    pub(super) fn allowed(&self, model: &str) -> Option<Candidate> {
        self.allows(model).then(|| self.candidate(model))
    }

    /// The same; while a limit in money stands (`priced`), its price must be known as well.
    pub fn may_ask(&self, model: &str, priced: bool) -> bool {
        self.allowed(model).is_some_and(|candidate| candidate.has_price_if(priced))
    }

    /// Refuses a model that cannot be asked here.
    pub fn check(&self, model: &str) -> Result<()> {
        if self.allows(model) {
            return Ok(());
        }
        let some: Vec<String> = self.known().into_iter().take(5).collect();
        Err(Error::field("model", format!("is none that can be asked here; there are: {}", some.join(", "))))
    }

    /// The models that some row names, and the service's own; those that can be asked here, each once.
    pub fn known(&self) -> Vec<String> {
        let mut known = Vec::new();
        let settings = [&self.own, &self.platform];
        let routed = settings.iter().flat_map(|it| it.routes.iter().flat_map(|row| &row.candidates));
        let described = settings.iter().flat_map(|it| it.models.iter().map(|row| &row.model));
        let allowed = settings.iter().flat_map(|it| it.allowed.iter().flatten());
        let plain = allowed.filter(|name| !name.ends_with("/*"));
        for name in std::iter::once(&self.default).chain(routed).chain(described).chain(plain) {
            if !known.contains(name) && self.allows(name) {
                known.push(name.clone());
            }
        }
        known
    }

    /// Whether anybody says of a model that it cannot do everything.
    pub fn limits_capabilities(&self) -> bool {
        [&self.own, &self.platform].iter().any(|it| it.models.iter().any(|row| row.capabilities.is_some()))
    }

    /// Whom a route names for this; none: no row says anything, or nobody whom it names may be asked. `priced` as in a
    /// [`Wish`].
    pub fn routed(&self, feature: Feature, tier: Tier, priced: bool) -> Option<Vec<Candidate>> {
        let (row, _) = self.row_for(feature, tier)?;
        let allowed = row.candidates.iter().filter_map(|name| self.allowed(name));
        let asked: Vec<_> = allowed.filter(|candidate| candidate.has_price_if(priced)).collect();
        (!asked.is_empty()).then_some(asked)
    }

    /// Whom a turn asks. Fails where a request names a model that cannot be asked here, or nobody is left.
    pub fn route(&self, wish: &Wish<'_>) -> Result<Routed> {
        let mut unpriced: Vec<&str> = Vec::new();
        for asked in &wish.asked {
            let (model, of_request) = (asked.model(), matches!(asked, Asked::Request(_)));
            if of_request {
                self.check(model)?;
            }
            let Some(candidate) = self.allowed(model) else { continue };
            if candidate.has_price_if(wish.priced) {
                let mut reason = asked.reason().to_owned();
                tell_left_out(&mut reason, &unpriced);
                return Ok(Routed { candidates: vec![candidate], reason });
            }
            if of_request {
                return Err(Error::field("model", format!("cannot be asked: {}", want_of_price(&[model]))));
            }
            unpriced.push(model);
        }
        self.by_rows(wish, unpriced)
    }

    /// Whom the routes name. Those in `unpriced` were asked for, and lack a price.
    fn by_rows<'a>(&'a self, wish: &Wish<'_>, mut unpriced: Vec<&'a str>) -> Result<Routed> {
        let Wish { feature, tier: Tiered { tier, reason: why }, .. } = wish;
        let own = std::slice::from_ref(&self.default);
        let (names, mut reason) = match self.row_for(*feature, *tier) {
            Some((row, whose)) => {
                (&row.candidates[..], format!("{why}: tier {}, by {}", tier.as_str(), said(row, whose)))
            }
            None => (own, format!("{why}: tier {}; no route is set", tier.as_str())),
        };
        let mut candidates = self.able(names, wish, &mut unpriced);
        if candidates.is_empty() {
            candidates = self.able(own, wish, &mut unpriced);
            if candidates.is_empty() {
                return Err(no_model(&unpriced));
            }
            reason.push_str("; none of its models can be asked for this, and the service's own is asked");
        }
        tell_left_out(&mut reason, &unpriced);
        if warm_first(&mut candidates, wish.warm) {
            reason.push_str(
                "; the one that answered last comes first, while it has the conversation in its cache",
            );
        }
        Ok(Routed { candidates, reason })
    }

    /// Those of them that can be asked for this. Names of whom only the price is missing are added to `unpriced`.
    fn able<'a>(
        &'a self,
        names: &'a [String],
        wish: &Wish<'_>,
        unpriced: &mut Vec<&'a str>,
    ) -> Vec<Candidate> {
        let mut able = Vec::new();
        for name in names.iter().filter(|name| self.can(name, &wish.needs)) {
            match self.allowed(name) {
                Some(candidate) if candidate.has_price_if(wish.priced) => able.push(candidate),
                Some(_) if !unpriced.contains(&name.as_str()) => unpriced.push(name),
                _ => {}
            }
        }
        able
    }

    /// What the model takes; none: nobody says that it cannot do everything.
    pub fn capabilities(&self, model: &str) -> Option<&[Capability]> {
        self.said_of(model).into_iter().flatten().find_map(|row| row.capabilities.as_deref())
    }

    /// The organization's row, and the platform's.
    fn said_of(&self, model: &str) -> [Option<&ModelRow>; 2] {
        [&self.own, &self.platform].map(|settings| settings.models.iter().find(|row| row.model == model))
    }

    /// The route of such a turn, and whose it is.
    pub(super) fn row_for(&self, feature: Feature, tier: Tier) -> Option<(&RouteRow, &'static str)> {
        [(&self.own, "the organization"), (&self.platform, "the platform")]
            .into_iter()
            .find_map(|(settings, whose)| Some((best(settings, feature, tier)?, whose)))
    }

    pub(super) fn can(&self, model: &str, needs: &[Capability]) -> bool {
        self.capabilities(model).is_none_or(|all| needs.iter().all(|need| all.contains(need)))
    }
}

fn tell_left_out(reason: &mut String, unpriced: &[&str]) {
    if !unpriced.is_empty() {
        let names = unpriced.join(", ");
        reason.push_str(&format!("; left out for want of a price, which a limit in money needs: {names}"));
    }
}

/// Puts the one that answered last before the others. False: it is none of them, or the first anyway.
fn warm_first(candidates: &mut [Candidate], warm: Option<&str>) -> bool {
    let warm = candidates.iter().position(|candidate| warm == Some(candidate.model.as_str()));
    let Some(at @ 1..) = warm else { return false };
    candidates[..=at].rotate_right(1);
    true
}

/// What stands before the slash of a model's name.
fn provider_of(model: &str) -> &str {
    model.split_once('/').map_or("", |(provider, _)| provider)
}

/// The row that says most of the turn: feature and tier, the feature, the tier, neither.
fn best(settings: &ModelSettings, feature: Feature, tier: Tier) -> Option<&RouteRow> {
    let fits =
        |row: &&RouteRow| row.feature.is_none_or(|of| of == feature) && row.tier.is_none_or(|of| of == tier);
    settings.routes.iter().filter(fits).max_by_key(|row| (row.feature.is_some(), row.tier.is_some()))
}

fn said(row: &RouteRow, whose: &str) -> String {
    let feature = row.feature.map_or("every feature", Feature::as_str);
    let tier = row.tier.map_or("every tier", Tier::as_str);
    format!("{whose}'s route for {feature}, {tier}")
}
