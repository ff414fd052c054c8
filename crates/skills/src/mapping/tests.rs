use std::time::Instant;

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::found::Found;

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

fn parsed(value: &Value) -> (Mapping, Vec<String>) {
    let mut found = Found::default();
    let mapping = Mapping::parse(&object(&json!({ "it": value })), "input_mapping", &mut found);
    let report = found.report();
    assert!(report.errors.is_empty());
    (mapping, report.warnings.iter().map(ToString::to_string).collect())
}

fn evaluated(value: &Value) -> Evaluated {
    let outputs = json!({
        "deal": {"name": "Acme", "amount": 40, "tags": ["a", "b"], "none": null},
        "wrapped": {"data": {"contacts": [{"email": "a@x"}, {"email": "b@x"}, {"name": "C"}]}},
        "plain": {"contacts": [{"email": "a@x"}], "data": 7},
        "data": {"x": 1}
    });
    let (inputs, params) = (json!({"id": 7}), json!({"period": "week", "data": "d"}));
    let context = json!({"user": {"name": "Alice"}});
    let scope = Scope { outputs: &outputs, inputs: &inputs, params: &params, context: &context };
    parsed(value).0.evaluate(&scope)
}

fn given(value: &Value) -> Value {
    evaluated(value).arguments["it"].clone()
}

#[test]
fn outputs_inputs_trigger_params_and_context_are_read() {
    for (text, expected) in [
        ("${outputs.deal.name}", json!("Acme")),
        ("${inputs.id}", json!(7)),
        ("${trigger.params.period}", json!("week")),
        ("${context.user.name}", json!("Alice")),
        ("${trigger.params}", json!({"period": "week", "data": "d"})),
    ] {
        assert_eq!(given(&json!(text)), expected, "{text}");
    }
}

#[test]
fn fields_indexes_and_each_item_are_found() {
    assert_eq!(given(&json!("${outputs.deal.tags[1]}")), json!("b"));
    assert_eq!(given(&json!("${outputs.plain.contacts[*].email}")), json!(["a@x"]));
    assert_eq!(given(&json!("${outputs.wrapped.data.contacts[*].email}")), json!(["a@x", "b@x", null]));
}

#[test]
fn a_path_with_data_finds_the_value_with_or_without_that_hop() {
    for (text, expected) in [
        ("${outputs.wrapped.data.contacts[0].email}", json!("a@x")),
        ("${outputs.plain.data.contacts[0].email}", json!("a@x")),
        ("${outputs.deal.data.name}", json!("Acme")),
        ("${outputs.deal.data}", json!({"name": "Acme", "amount": 40, "tags": ["a", "b"], "none": null})),
        ("${outputs.plain.data}", json!(7)),
        ("${outputs.data.x}", json!(1)),
        ("${trigger.params.data}", json!("d")),
    ] {
        assert_eq!(given(&json!(text)), expected, "{text}");
    }
}

#[test]
fn a_whole_value_keeps_its_type_and_an_embedded_one_becomes_text() {
    assert_eq!(given(&json!(" ${outputs.deal.amount} ")), json!(40));
    assert_eq!(given(&json!("${outputs.deal.tags}")), json!(["a", "b"]));
    assert_eq!(given(&json!("amount ${outputs.deal.amount}")), json!("amount 40"));
    assert_eq!(given(&json!("${outputs.deal.name}: ${outputs.deal.tags}")), json!("Acme: [\"a\",\"b\"]"));
    assert_eq!(given(&json!("${inputs.id}${inputs.id}")), json!("77"));
}

#[test]
fn values_without_a_template_are_given_as_they_are() {
    for value in [json!("text"), json!(7), json!(null), json!(true), json!("{a} {{b}} $5 ${"), json!("")] {
        assert_eq!(given(&value), value);
    }
    let nested = json!({"a": ["${inputs.id}", {"b": "${outputs.deal.name}!"}], "c": 1});
    assert_eq!(given(&nested), json!({"a": [7, {"b": "Acme!"}], "c": 1}));
}

#[test]
fn a_missing_value_is_null_and_recorded() {
    let value = json!([
        "${outputs.nothing.x}",
        "${outputs.deal.none}",
        "${inputs.a} b",
        "${inputs.a}",
        "${inputs.id.x}"
    ]);
    let Evaluated { arguments, missing, too_large } = evaluated(&value);
    assert_eq!(arguments["it"], json!([null, null, " b", null, null]));
    assert_eq!(missing, ["outputs.nothing.x", "outputs.deal.none", "inputs.a", "inputs.id.x"]);
    assert_eq!(too_large, Vec::<String>::new());
}

#[test]
fn an_expression_that_cannot_be_read_warns_and_gives_null() {
    for text in [
        "${outputs.deal.amount > 5 ? 'big' : 'small'}",
        "${outputs.deal ? {a: 1} : {}}",
        "${deal.name}",
        "${trigger.name}",
        "${outputs.deal.name|upper}",
        "${}",
        "${outputs.deal.tags.map(x => x)}",
    ] {
        let (mapping, warnings) = parsed(&json!({ "a": text }));
        assert!(
            warnings.len() == 1 && warnings[0].starts_with("input_mapping.it: `${"),
            "{text}: {warnings:?}"
        );
        assert_eq!(mapping.paths(), Vec::<&Path>::new());
        assert_eq!(given(&json!({ "a": text })), json!({"a": null}));
        assert_eq!(given(&json!(format!("so {text}"))), json!("so "));
    }
}

#[test]
fn results_are_not_templates() {
    let outputs = json!({"a": "${inputs.secret}"});
    let inputs = json!({"secret": "s"});
    let scope = Scope { outputs: &outputs, inputs: &inputs, params: &inputs, context: &inputs };
    let mapping = parsed(&json!("${outputs.a} x")).0;
    assert_eq!(mapping.evaluate(&scope).arguments["it"], json!("${inputs.secret} x"));
}

#[test]
fn what_a_step_is_given_is_bounded() {
    let outputs = json!({"long": "x".repeat(100_000), "list": vec![json!([1]); 2_000]});
    let scope = Scope { outputs: &outputs, inputs: &outputs, params: &outputs, context: &outputs };
    let mapping =
        parsed(&json!(["${outputs.long}", "${outputs.long}", "${outputs.long}", "${outputs.list}"])).0;
    let Evaluated { arguments, too_large, .. } = mapping.evaluate(&scope);
    assert!(arguments["it"][1].is_string());
    assert_eq!(arguments["it"][2], json!(null));
    assert_eq!(too_large, ["outputs.long"]);
    assert!(Value::Object(arguments).to_string().len() <= MAX_ARGUMENTS);
}

#[test]
fn deep_and_endless_arguments_are_cut_with_a_warning() {
    let deep = (0..40).fold(json!("${inputs.id}"), |value, _| json!([value]));
    assert!(parsed(&deep).1[0].contains("nested deeper than 16 levels"));
    let (mapping, warnings) = parsed(&json!("${inputs.a} ".repeat(5_000)));
    assert_eq!(mapping.paths().len(), 500);
    assert!(warnings[0].contains("more than 500 templates"), "{warnings:?}");
}

#[test]
fn hostile_mappings_take_linear_time() {
    for piece in ["${", "${{", "${inputs.a", "${inputs.a}", "${a[", "{", "${a?b:c}"] {
        let start = Instant::now();
        let _ = parsed(&json!(piece.repeat(1_000_000 / piece.len())));
        assert!(start.elapsed().as_secs() < 5, "{piece}");
    }
}

proptest! {
    #[test]
    fn a_text_without_a_template_is_given_byte_for_byte(text in "[^$]{0,100}") {
        prop_assert_eq!(given(&json!(text)), json!(text));
    }

    #[test]
    fn nothing_makes_it_panic(text in r"(\$\{|outputs|inputs|trigger\.params|data|[.\[\]*0-9{} ?'ü]){0,40}") {
        evaluated(&json!([text, {"a": text}]));
    }
}
