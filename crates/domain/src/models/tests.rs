use super::*;

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
    Wish { feature, tier, asked: Vec::new(), needs: Vec::new(), warm: None }
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
