//! The published JSON Schema.

use serde_json::{Value, json};
use skills::cookbook::TEMPLATES;

use crate::common::read;

/// The front matter of a document, as JSON.
fn front(document: &str) -> Value {
    let yaml = document.split("---").nth(1).expect("a document has front matter");
    serde_saphyr::from_str(yaml).expect("front matter is YAML")
}

fn fits(front: &Value) -> bool {
    let schema = skills::schema::front_matter();
    jsonschema::draft202012::new(&schema).expect("the schema is one").is_valid(front)
}

#[test]
fn the_schema_is_one_and_is_what_the_repository_publishes() {
    let schema = skills::schema::front_matter();
    assert!(jsonschema::meta::is_valid(&schema));
    let published = include_str!("../../../../openapi/skill.schema.json");
    let current = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    assert!(published == current, "run `make openapi` and commit openapi/skill.schema.json");
}

#[test]
fn every_documented_key_is_in_it() {
    let schema = skills::schema::front_matter();
    let metadata = &schema["properties"]["metadata"]["properties"];
    let documented = [
        "category",
        "skill_type",
        "priority",
        "tags",
        "agent_affinity",
        "author",
        "version",
        "is_active",
        "deprecated_by",
        "deprecation_reason",
        "triggers",
        "keywords",
        "inputs",
        "outputs",
        "input_schema",
        "output_schema",
        "required_context",
        "requires_context",
        "optional_context",
        "requires_capabilities",
        "context_profile",
        "command_centre",
        "namespace",
        "structured_response_type",
        "output_type",
        "output_format",
        "linked_skills",
        "workflow",
        "sequence_steps",
        "timeout_ms",
        "execution_mode",
        "signal_triggers",
        "pipeline",
        "actions",
        "mode",
        "title",
    ];
    for key in documented {
        assert!(metadata[key].is_object(), "{key} under metadata");
        assert!(schema["properties"][key].is_object(), "{key} at the top");
    }
    let step = &schema["$defs"]["step"]["properties"];
    let step_keys = [
        "order",
        "skill_key",
        "action",
        "input_mapping",
        "output_key",
        "on_failure",
        "requires_approval",
        "needs_confirmation",
        "description",
        "timeout_ms",
        "max_retries",
        "fallback_skill_key",
    ];
    for key in step_keys {
        assert!(step[key].is_object(), "{key} of a step");
    }
}

#[test]
fn every_template_and_its_canonical_form_fit_it() {
    for template in TEMPLATES {
        let document = template.files[0].1;
        assert!(fits(&front(document)), "{}", template.name);
        let skill = read("k", document).skill.unwrap();
        assert!(fits(&front(&skills::write(&skill))), "{}", template.name);
        assert!(fits(&front(&skills::export_open(&skill).0)), "{}", template.name);
    }
}

#[test]
fn it_refuses_what_the_reader_refuses() {
    let with = |metadata: Value| json!({"name": "a", "description": "b", "metadata": metadata});
    assert!(fits(&with(json!({"anything": 1, "triggers": ["a"], "tags": "x, y"}))));
    assert!(fits(&with(json!({"workflow": {"action": "get_deal"}, "timeout_ms": 86_400_000}))));
    assert!(fits(
        &json!({"name": "a", "description": "b", "category": "writing", "requires_context": ["x"]})
    ));
    for bad in [
        json!({"skill_type": "banana"}),
        json!({"execution_mode": "later"}),
        json!({"workflow": [{"action": "get_deal", "on_failure": "explode"}]}),
        json!({"workflow": [{"skill_key": "x", "action": "get_deal"}]}),
        json!({"workflow": [{"order": 1}]}),
        json!({"workflow": [{"action": "get_deal", "timeout_ms": 0}]}),
        json!({"workflow": [{"action": "get_deal", "max_retries": 11}]}),
        json!({"timeout_ms": 0}),
        json!({"timeout_ms": 86_400_001}),
        json!({"triggers": [{"pattern": "a", "confidence": 2}]}),
        json!({"is_active": 3}),
        json!({"input_schema": "x"}),
    ] {
        assert!(!fits(&with(bad.clone())), "{bad}");
    }
    assert!(!fits(&json!({"name": "a"})));
}

/// Values of all kinds, good and odd ones.
fn values() -> Vec<Value> {
    let long = |length: usize| "x".repeat(length);
    let plain = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(3),
        json!(11),
        json!(-1),
        json!(0.5),
        json!(1e9),
        json!(""),
        json!(" "),
        json!("a"),
        json!("A b"),
        json!("no"),
        json!("No"),
        json!("NO"),
        json!("0.7"),
        json!("7"),
        json!("99999999"),
        json!("/go"),
        json!("sequence"),
        json!("stop"),
        json!("sync"),
        json!("string"),
        json!("deal-brief"),
        json!("Deal Brief"),
        json!("a, b"),
        json!(long(100)),
        json!(long(300)),
        json!(long(700)),
        json!(long(5_000)),
        json!(long(9_000)),
        json!({}),
        json!([]),
        json!({"name": "a"}),
        json!({"name": " "}),
        json!({"name": {}}),
        json!({"key": "a"}),
        json!({"x": 1}),
        json!({"pattern": "a"}),
        json!({"pattern": ""}),
        json!({"pattern": "", "event": "a.b"}),
        json!({"event": "a.b"}),
        json!({"pattern": "a", "confidence": "2"}),
        json!({"action": "get_deal"}),
        json!({"skill_key": ""}),
        json!({"skill_key": "a"}),
        json!({"skill_key": "A"}),
        json!({"action": ""}),
        json!({"type": "object"}),
        json!({"type": "string"}),
        json!({"properties": 1}),
        json!({"enabled": "yes", "label": "go"}),
        json!({"enabled": 1}),
        json!({"a": {"type": "string", "enum": []}}),
        json!({"a": {"type": {}}}),
        json!({"action": "a", "output_key": "a b"}),
        json!({"action": "a", "on_failure": null, "timeout_ms": "0"}),
        json!({"name": "a", "required": "maybe"}),
        json!({"name": "a", "enum": [1], "default": [2]}),
    ];
    let lists = plain.iter().map(|value| json!([value]));
    plain.clone().into_iter().chain(lists).collect()
}

#[test]
fn what_fits_it_is_read_without_an_error() {
    let schema = skills::schema::front_matter();
    let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    let names = |of: &Value| of["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let (top, metadata) = (names(&schema), names(&schema["properties"]["metadata"]));
    let good = json!({"name": "a", "description": "b"});
    let mut fitting = 0;
    for value in values() {
        let at_top = top.iter().map(|name| (None, name));
        for (home, name) in at_top.chain(metadata.iter().map(|name| (Some("metadata"), name))) {
            let mut front = good.clone();
            match home {
                None => front[name] = value.clone(),
                Some(home) => front[home] = json!({ name: value }),
            }
            if validator.is_valid(&front) {
                fitting += 1;
                let reading = read("k", &format!("---\n{front}\n---\nx"));
                assert_eq!(reading.report.errors, [], "{front}");
            }
        }
    }
    assert!(fitting > 2_000, "{fitting}");
}
