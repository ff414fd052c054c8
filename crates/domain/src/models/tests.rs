use proptest::{
    option,
    prelude::*,
    sample::{select, subsequence},
};

use super::*;
use crate::Error;

fn settings(json: serde_json::Value) -> ModelSettings {
    serde_json::from_value(json).expect("settings")
}

fn routes(own: serde_json::Value, platform: serde_json::Value) -> Routes {
    Routes {
        own: settings(own),
        platform: settings(platform),
        default: "a/plain".into(),
        prices: [("a/plain".into(), Price { input: 1.0, output: 2.0, cache_read: None, cache_write: None })]
            .into(),
        providers: ["a".into(), "b".into()].into(),
    }
}

fn wish(feature: Feature, tier: Tier) -> Wish<'static> {
    let tier = Tiered { tier, reason: "a test" };
    Wish { feature, tier, asked: Vec::new(), needs: Vec::new(), warm: None, priced: false }
}

/// Of a turn while a limit in money stands.
fn limited() -> Wish<'static> {
    Wish { priced: true, ..wish(Feature::Chat, Tier::Low) }
}

/// Rows that say of these models what they cost.
fn costing(models: &[&str]) -> serde_json::Value {
    let price = serde_json::json!({"input": 1, "output": 1});
    models.iter().map(|model| serde_json::json!({"model": model, "price": price})).collect()
}

fn names(answer: &Routed) -> Vec<&str> {
    answer.candidates.iter().map(|candidate| candidate.model.as_str()).collect()
}

#[test]
fn the_row_that_says_most_decides_and_an_organization_s_comes_before_the_platform_s() {
    let routes = routes(
        serde_json::json!({"routes": [
            {"candidates": ["a/own"]},
            {"feature": "chat", "candidates": ["a/chat", "b/chat"]},
            {"tier": "low", "candidates": ["a/low"]},
            {"feature": "chat", "tier": "low", "candidates": ["b/both"]}]}),
        serde_json::json!({"routes": [{"feature": "slack", "tier": "high", "candidates": ["a/platform"]}]}),
    );
    for (feature, tier, expected) in [
        (Feature::Chat, Tier::Low, vec!["b/both"]),
        (Feature::Chat, Tier::High, vec!["a/chat", "b/chat"]),
        (Feature::Slack, Tier::Low, vec!["a/low"]),
        (Feature::Slack, Tier::High, vec!["a/own"]),
    ] {
        let answer = routes.route(&wish(feature, tier)).expect("a route");
        assert_eq!(names(&answer), expected, "{feature:?} {tier:?}: {}", answer.reason);
        assert!(answer.reason.contains("the organization's route"), "{}", answer.reason);
    }
}

#[test]
fn without_rows_the_service_s_own_model_answers_with_the_operator_s_price() {
    let nothing = || serde_json::json!({});
    let answer = routes(nothing(), nothing()).route(&wish(Feature::Chat, Tier::Low)).expect("a route");
    assert_eq!(names(&answer), ["a/plain"]);
    assert_eq!(answer.candidates[0].price.map(|price| price.output), Some(2.0));
    assert!(answer.reason.contains("no route is set"), "{}", answer.reason);
}

#[test]
fn a_request_is_refused_what_is_not_allowed_and_older_wishes_are_passed_over() {
    let routes = routes(
        serde_json::json!({"allowed": ["a/plain", "b/*"]}),
        serde_json::json!({"allowed": ["a/*", "b/good"]}),
    );
    let route = |asked| routes.route(&Wish { asked, ..wish(Feature::Chat, Tier::Low) });
    for model in ["a/other", "b/bad", "c/any", "plain", ""] {
        let refused = route(vec![Asked::Request(model)]).expect_err(model);
        assert!(refused.to_string().contains("a/plain"), "{model}: {refused}");
        let passed = route(vec![Asked::Session(model), Asked::Skill("b/good")]).expect("a route");
        assert_eq!(names(&passed), ["b/good"], "{model}");
    }
    let asked = route(vec![Asked::Request("b/good"), Asked::Session("a/plain")]).expect("a route");
    assert_eq!((names(&asked), asked.reason.as_str()), (vec!["b/good"], "the request asks for it"));
}

#[test]
fn a_candidate_that_cannot_take_the_message_is_left_out_and_the_warm_one_comes_first() {
    let rows = serde_json::json!({
        "models": [{"model": "a/blind", "capabilities": ["tools"]}],
        "routes": [{"candidates": ["a/blind", "a/one", "b/two"]}]});
    let routes = routes(rows, serde_json::json!({}));
    let needs = vec![Capability::Images];
    let seeing = routes.route(&Wish { needs, ..wish(Feature::Chat, Tier::Low) }).expect("a route");
    assert_eq!(names(&seeing), ["a/one", "b/two"]);
    let warm =
        routes.route(&Wish { warm: Some("b/two"), ..wish(Feature::Chat, Tier::Low) }).expect("a route");
    assert_eq!(names(&warm), ["b/two", "a/blind", "a/one"]);
    let gone =
        routes.route(&Wish { warm: Some("b/gone"), ..wish(Feature::Chat, Tier::Low) }).expect("a route");
    assert_eq!(names(&gone), ["a/blind", "a/one", "b/two"]);
}

#[test]
fn what_is_known_of_a_model_is_the_organization_s_word_then_the_platform_s() {
    let routes = routes(
        serde_json::json!({"models": [{"model": "a/plain", "context_window": 8000, "price": {"input": 0, "output": 0}},
            {"model": "b/own", "price": {"input": 7, "output": 8}}]}),
        serde_json::json!({"models": [{"model": "a/plain", "context_window": 9000, "max_output_tokens": 500,
            "price": {"input": 5, "output": 6}}]}),
    );
    let known = routes.candidate("a/plain");
    assert_eq!((known.context_window, known.max_output_tokens), (Some(8000), Some(500)));
    assert_eq!(known.price.map(|price| price.input), Some(5.0));
    assert_eq!((known.provider(), known.name()), ("a", "plain"));
    assert_eq!(routes.candidate("b/own").price.map(|price| price.input), Some(7.0));
}

#[test]
fn nobody_is_asked_who_is_not_allowed_even_where_nobody_else_is_left() {
    let routes = routes(
        serde_json::json!({"allowed": ["b/*"], "routes": [{"candidates": ["b/blind"]}],
            "models": [{"model": "b/blind", "capabilities": ["tools"]}]}),
        serde_json::json!({}),
    );
    let needs = vec![Capability::Images];
    let refused =
        routes.route(&Wish { needs, ..wish(Feature::Chat, Tier::Low) }).expect_err("nobody is left");
    assert!(refused.to_string().contains("no model that may be asked"), "{refused}");
}

#[test]
fn while_a_limit_in_money_stands_candidates_without_a_price_are_left_out() {
    let rows = serde_json::json!({
        "models": costing(&["b/two"]),
        "routes": [{"candidates": ["a/one", "b/two", "a/plain", "b/three"]},
            {"feature": "summary", "candidates": ["a/one"]}]});
    let routes = routes(rows, serde_json::json!({}));
    let answer = routes.route(&Wish { warm: Some("a/one"), ..limited() }).expect("a route");
    assert_eq!(names(&answer), ["b/two", "a/plain"]);
    assert!(answer.reason.ends_with("needs: a/one, b/three"), "{}", answer.reason);
    assert_eq!(names(&routes.route(&wish(Feature::Chat, Tier::Low)).expect("a route")).len(), 4);
    assert_eq!(routes.routed(Feature::Summary, Tier::Low, false).map(|all| all.len()), Some(1));
    assert_eq!(routes.routed(Feature::Summary, Tier::Low, true), None);
    assert!(
        routes.may_ask("b/two", true) && routes.may_ask("a/one", false) && !routes.may_ask("a/one", true)
    );
}

#[test]
fn a_request_for_a_model_without_a_price_is_refused_and_older_wishes_are_passed_over() {
    let routes = routes(serde_json::json!({"models": costing(&["b/good"])}), serde_json::json!({}));
    let route = |asked| routes.route(&Wish { asked, ..limited() });
    let refused = route(vec![Asked::Request("b/new")]).expect_err("it has no price");
    let Error::Invalid { code, fields, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!((*code, fields[0].field.as_str()), ("validation_failed", "model"));
    assert!(refused.to_string().contains("no price is known of b/new"), "{refused}");
    let passed = route(vec![Asked::Session("b/new"), Asked::Skill("b/good")]).expect("a route");
    assert_eq!(names(&passed), ["b/good"]);
    assert!(
        passed.reason.starts_with("the skill") && passed.reason.ends_with(": b/new"),
        "{}",
        passed.reason
    );
    let own = route(vec![Asked::Session("b/new"), Asked::Skill("b/newer")]).expect("a route");
    assert_eq!(names(&own), ["a/plain"]);
    assert!(
        own.reason.ends_with("for want of a price, which a limit in money needs: b/new, b/newer"),
        "{}",
        own.reason
    );
    // Of one that is not there, nobody misses the price.
    let other = route(vec![Asked::Session("c/gone")]).expect("a route");
    assert!(!other.reason.contains("price"), "{}", other.reason);
}

#[test]
fn where_nobody_with_a_price_is_left_the_refusal_says_who_sets_it() {
    let rows = serde_json::json!({"routes": [{"candidates": ["a/1", "a/2", "b/3", "b/4"]}]});
    let routes = Routes { prices: [].into(), ..routes(rows, serde_json::json!({})) };
    let refused = routes.route(&limited()).expect_err("nobody is left");
    assert!(matches!(refused, Error::Conflict { code: "no_model", .. }), "{refused:?}");
    let detail = refused.to_string();
    for said in ["a/1, a/2, b/3 and 2 more", "PUT /v1/admin/models", "SIXTY_MODEL_PRICES"] {
        assert!(detail.contains(said), "{detail}");
    }
    // The service's own has a price, and is asked in their place.
    let prices =
        [("a/plain".to_owned(), Price { input: 0.0, output: 0.0, cache_read: None, cache_write: None })];
    let known = Routes { prices: prices.into(), ..routes };
    assert_eq!(names(&known.route(&limited()).expect("a route")), ["a/plain"]);
}

#[test]
fn models_without_a_price_are_named_that_a_turn_comes_to() {
    let nothing = || serde_json::json!({});
    let bare = |own, platform| Routes { prices: [].into(), ..routes(own, platform) };
    assert_eq!(routes(nothing(), nothing()).unpriced(), [] as [&str; 0]);
    assert_eq!(bare(nothing(), nothing()).unpriced(), ["a/plain"]);
    let everywhere = serde_json::json!({"models": costing(&["b/two"]), "allowed": ["a/one", "b/*"],
        "routes": [{"candidates": ["b/two", "a/one", "a/barred"]},
            {"feature": "summary", "candidates": ["b/small"]}]});
    assert_eq!(bare(everywhere.clone(), nothing()).unpriced(), ["a/one", "b/small"]);
    // Routes of the platform that the organization's stand before are nobody's.
    let platform = serde_json::json!({"routes": [{"feature": "chat", "candidates": ["b/never"]}]});
    assert_eq!(bare(everywhere, platform).unpriced(), ["a/one", "b/small"]);
    let chat = serde_json::json!({"routes": [{"feature": "chat", "tier": "low", "candidates": ["a/one"]}]});
    assert_eq!(bare(chat, nothing()).unpriced(), ["a/one", "a/plain"]);
    let barred = serde_json::json!({"allowed": ["a/plain"], "routes": [{"candidates": ["b/two"]}]});
    assert_eq!(bare(barred, nothing()).unpriced(), ["a/plain"]);
}

#[test]
fn the_service_s_own_model_is_among_them_where_it_may_have_to_stand_in_for_a_route_s() {
    let able = |all: &[&str], candidates: &[&str]| {
        let models: Vec<_> = costing(&["b/one", "b/two"])
            .as_array()
            .into_iter()
            .flatten()
            .map(|row| serde_json::json!({"model": row["model"], "price": row["price"], "capabilities": all}))
            .collect();
        serde_json::json!({"models": models, "routes": [{"candidates": candidates}]})
    };
    let everything = ["tools", "images", "documents"];
    let summaries = serde_json::json!({"models": costing(&["b/one"]), "allowed": ["a/plain", "b/one"], "routes": [
        {"candidates": ["b/one"]}, {"feature": "summary", "candidates": ["a/barred"]}]});
    for (own, unpriced) in [
        (able(&["tools", "images"], &["b/one", "b/two"]), vec!["a/plain"]),
        (able(&everything, &["b/one"]), vec![]),
        // One that nobody says anything of takes everything.
        (able(&["tools"], &["b/one", "b/other"]), vec!["b/other"]),
        // Whoever answers makes the summaries for which no route has a model.
        (summaries, vec![]),
    ] {
        let routes = Routes { prices: [].into(), ..routes(own.clone(), serde_json::json!({})) };
        assert_eq!(routes.unpriced(), unpriced, "{own}");
    }
}

const NAMES: [&str; 5] = ["a/plain", "a/one", "a/two", "b/one", "b/two"];

proptest! {
    /// A limit in money takes away the models whose price is not known, and nothing else.
    #[test]
    fn no_model_without_a_price_is_asked_while_a_limit_in_money_stands(
        costs in subsequence(NAMES.to_vec(), 0..=NAMES.len()),
        allowed in subsequence(NAMES.to_vec(), 1..=NAMES.len()),
        candidates in subsequence(NAMES.to_vec(), 1..=NAMES.len()).prop_shuffle(),
        chosen in option::of(select(NAMES.to_vec())),
        warm in option::of(select(NAMES.to_vec())),
    ) {
        let routed = serde_json::json!([{"candidates": candidates}]);
        let own = serde_json::json!({"models": costing(&costs), "allowed": allowed, "routes": routed});
        let routes = Routes { prices: [].into(), ..routes(own, serde_json::json!({})) };
        let asked: Vec<_> = chosen.into_iter().map(Asked::Session).collect();
        let wish = Wish { asked, warm, ..limited() };
        let left = |name: &&str| allowed.contains(name) && costs.contains(name);
        match routes.route(&wish) {
            Ok(answer) => prop_assert!(answer.candidates.iter().all(|it| left(&it.model.as_str()))),
            Err(_) => prop_assert!(!candidates.iter().chain(&["a/plain"]).any(left)),
        }
        let free = routes.route(&Wish { priced: false, ..wish.clone() });
        let models = settings(serde_json::json!({"models": costing(&NAMES)})).models;
        let own = ModelSettings { models, ..routes.own.clone() };
        let bound = Routes { own, ..routes }.route(&wish);
        prop_assert_eq!(bound.ok().map(|it| it.reason), free.ok().map(|it| it.reason));
    }
}

#[test]
fn what_is_wrong_with_settings_is_told_by_field() {
    for (json, field) in [
        (serde_json::json!({"models": [{"model": "plain"}]}), "models[0].model"),
        (serde_json::json!({"models": [{"model": "c/x"}]}), "models[0].model"),
        (serde_json::json!({"models": [{"model": "a/x"}, {"model": "a/x"}]}), "models[1].model"),
        (
            serde_json::json!({"models": [{"model": "a/x", "price": {"input": -1, "output": 1}}]}),
            "models[0].price",
        ),
        (serde_json::json!({"models": [{"model": "a/x", "context_window": 0}]}), "models[0].context_window"),
        (serde_json::json!({"routes": [{"candidates": []}]}), "routes[0].candidates"),
        (serde_json::json!({"routes": [{"candidates": ["a/x", "a/x"]}]}), "routes[0].candidates[1]"),
        (serde_json::json!({"routes": [{"candidates": ["a/x y"]}]}), "routes[0].candidates[0]"),
        (serde_json::json!({"routes": [{"candidates": ["a/x"]}, {"candidates": ["b/x"]}]}), "routes[1]"),
        (serde_json::json!({"keys": [{"provider": "c", "secret": "x"}]}), "keys[0].provider"),
        (
            serde_json::json!({"keys": [{"provider": "a", "secret": "x"}, {"provider": "a", "secret": "y"}]}),
            "keys[1].provider",
        ),
        (serde_json::json!({"allowed": []}), "allowed"),
        (serde_json::json!({"allowed": ["c/*"]}), "allowed[0]"),
        (serde_json::json!({"routes": vec![serde_json::json!({"candidates": ["a/x"]}); 25]}), "routes"),
    ] {
        let problems = check(&settings(json.clone()), &["a", "b"]);
        assert!(problems.iter().any(|problem| problem.field == field), "{json}: {problems:?}");
    }
    let good = serde_json::json!({"models": [{"model": "a/x/y:z"}], "routes": [{"candidates": ["b/x"]}],
        "allowed": ["a/*", "b/x"]});
    assert_eq!(check(&settings(good), &["a", "b"]), []);
}
