use serde_json::json;

use super::*;

fn refused(schema: &Value) -> (String, String) {
    let problems = CardSchema::new(&schema.to_string()).err().unwrap_or_else(|| panic!("accepted: {schema}"));
    (problems[0].field.clone(), problems[0].error.clone())
}

#[track_caller]
fn accepted(schema: &Value) -> CardSchema {
    CardSchema::new(&schema.to_string()).unwrap_or_else(|problems| panic!("{problems:?}: {schema}"))
}

#[test]
fn built_in_schemas_are_fit_to_be_used() {
    for name in domain::card::BUILT_IN {
        CardSchema::new(built_in(name).expect("a schema")).expect(name);
    }
    assert!(built_in("offer").is_none());
    let text = CardSchema::new(TEXT_SCHEMA).expect("a schema");
    assert!(text.problems(&json!({"text": "x"})).is_empty());
    let problems = text.problems(&json!({"text": 7, "more": 1}));
    assert!(problems.iter().any(|problem| problem.field == "text"), "{problems:?}");
}

#[test]
fn a_schema_says_which_part_of_the_data_does_not_fit() {
    let schema = accepted(&json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"lines": {"type": "array", "items": {"$ref": "#/$defs/li~1ne"}}},
        "$defs": {"li/ne": {"type": "object", "properties": {"price": {"type": "number"},
            "currency": {"enum": ["EUR", "USD"]}}, "required": ["price"]}},
    }));
    assert!(schema.problems(&json!({"lines": [{"price": 7, "currency": "EUR"}]})).is_empty());
    let problems = schema.problems(&json!({"lines": [{"price": "7"}, {}, {"price": 1, "currency": "x"}]}));
    let told: Vec<String> =
        problems.iter().map(|problem| format!("{} {}", problem.field, problem.error)).collect();
    let told = told.join("\n");
    for words in ["lines.0.price \"7\" is not of type", "lines.1 \"price\" is a required", "\"EUR\", \"USD\""]
    {
        assert!(told.contains(words), "{told}");
    }
    let long = schema.problems(&json!({"lines": "x".repeat(10_000)}));
    assert!(long[0].error.chars().count() <= PROBLEM + 1);
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    for (schema, field, words) in [
        (json!({"type": "objekt"}), "type", "objekt"),
        (json!({"properties": {"a": {"minLength": -1}}}), "properties.a.minLength", "-1"),
        (json!({"properties": {"a": 7}}), "properties.a", "7"),
        (json!({"properties": {"a": {"pattern": "("}}}), "properties.a.pattern", "("),
        (json!({"required": "a"}), "required", "a"),
        (json!({"$schema": "https://acme.example/schema"}), "$schema", "must be one of"),
        (json!({"$schema": "http://json-schema.org/draft-04/schema#"}), "$schema", "must be one of"),
    ] {
        let (at, why) = refused(&schema);
        assert!(at == field && why.contains(words), "{schema}: {at}: {why}");
    }
    let not_an_object = CardSchema::new("[]").err().expect("a refusal");
    assert!(not_an_object[0].error.contains("no JSON object"), "{not_an_object:?}");
    assert!(CardSchema::new(&format!("{{{}}}", " ".repeat(MAX_SCHEMA))).is_err());
}

#[test]
fn nothing_outside_of_a_schema_is_looked_at() {
    for reference in [
        "https://acme.example/schema",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "https://json-schema.org/draft/2020-12/schema",
        "json-schema:///x",
        "other.json",
        "#name",
        "#/$defs/%61",
        "",
    ] {
        let (field, why) = refused(&json!({"properties": {"a": {"$ref": reference}}, "$defs": {"a": {}}}));
        assert_eq!(field, "properties.a.$ref", "{reference}");
        assert!(why.contains("this same schema"), "{reference}: {why}");
    }
    for (schema, field) in [
        (json!({"properties": {"a": {"$id": "https://acme.example/x"}}}), "properties.a.$id"),
        (json!({"$defs": {"a": {"$anchor": "x"}}}), "$defs.a.$anchor"),
        (json!({"allOf": [{"$dynamicRef": "#x"}]}), "allOf.0.$dynamicRef"),
        (json!({"$recursiveRef": "#"}), "$recursiveRef"),
        (json!({"items": {"$schema": "http://json-schema.org/draft-07/schema#"}}), "items.$schema"),
    ] {
        assert_eq!(refused(&schema).0, field, "{schema}");
    }
    // What is no schema can be referred to by its place only.
    for schema in [
        json!({"$ref": "#/const", "const": {"$ref": "#"}}),
        json!({"$ref": "#/x", "x": {"$ref": "#/x"}}),
        json!({"$ref": "#/$defs/b", "$defs": {"a": {}}}),
    ] {
        assert_eq!(
            refused(&schema),
            ("$ref".into(), "refers to nothing that is a schema".into()),
            "{schema}"
        );
    }
}

/// Schemas that would never end, or take hours, one way or another.
#[test]
fn a_schema_cannot_be_endless_or_grow_beyond_all_measure() {
    let doubling = |keyword: &str, levels: usize| {
        let level = |i: usize| {
            let next = json!({"$ref": format!("#/$defs/d{}", i + 1)});
            (format!("d{i}"), json!({keyword: [next.clone(), next]}))
        };
        let mut defs: Map<String, Value> = (0..levels).map(level).collect();
        defs.insert(format!("d{levels}"), json!({"type": "string"}));
        json!({"$ref": "#/$defs/d0", "$defs": defs})
    };
    let chain = |length: usize| {
        let link = |i: usize| (format!("c{i}"), json!({"$ref": format!("#/$defs/c{}", i + 1)}));
        let mut defs: Map<String, Value> = (0..length).map(link).collect();
        defs.insert(format!("c{length}"), json!({}));
        json!({"$defs": defs, "$ref": "#/$defs/c0"})
    };
    let deep =
        |levels: usize| (0..levels).fold(json!({"type": "string"}), |inner, _| json!({"items": inner}));
    let back = json!({"$ref": "#"});
    for (schema, words) in [
        (json!({"$ref": "#"}), "endless"),
        (json!({"allOf": [back]}), "endless"),
        (json!({"not": back}), "endless"),
        (json!({"items": back}), "endless"),
        (json!({"properties": {"a": {"anyOf": [{"items": back}, {"items": back}]}}}), "endless"),
        (json!({"unevaluatedProperties": back}), "not supported"),
        (json!({"propertyNames": back, "dependentSchemas": {"a": back}}), "endless"),
        (json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}), "endless"),
        (doubling("allOf", 9), "more than 1000 schemas"),
        (doubling("anyOf", 20), "inside of more than"),
        (chain(800), "inside of more than"),
        (deep(60), "inside of more than"),
        (
            json!({"properties": (0..1_100).map(|i| (format!("p{i}"), json!({}))).collect::<Map<_, _>>()}),
            "more than 1000",
        ),
        (json!({"oneOf": vec![json!({"pattern": "a"}); 51]}), "more than 50 patterns"),
        (
            json!({"patternProperties": (0..51).map(|i| (format!("p{i}"), json!({}))).collect::<Map<_, _>>()}),
            "more than 50 patterns",
        ),
        (json!({"pattern": "a".repeat(501)}), "at most 500 characters"),
    ] {
        let (field, why) = refused(&schema);
        assert!(why.contains(words), "{field}: {why}");
    }
    accepted(&doubling("allOf", 7));
    accepted(&chain(20));
    accepted(&deep(20));
    // Deeper than JSON is read at all.
    let text = format!("{}true{}", r#"{"not":"#.repeat(5_000), "}".repeat(5_000));
    let problems = CardSchema::new(&text).err().expect("a refusal");
    assert!(
        problems[0].error.contains("no JSON object") || problems[0].error.contains("bytes"),
        "{problems:?}"
    );
}

#[test]
fn the_most_expensive_schemas_and_data_come_to_an_end() {
    for pattern in [r"^(a+)+$", r"^(a|a)*$", r"(.*)*x", r"^((a{0,5}){0,5}){0,5}$", r"([a-z]+)*[A-Z]"] {
        let schema =
            accepted(&json!({"additionalProperties": {"oneOf": vec![json!({"pattern": pattern}); 50]}}));
        schema.problems(&json!({"x": format!("{}!", "a".repeat(16_000))}));
    }
    for pattern in [r"((a{1000}){1000}){1000}", r"\p{L}{500}", r"(?=a)a", r"(a)\1"] {
        assert_eq!(refused(&json!({"properties": {"a": {"pattern": pattern}}})).0, "properties.a.pattern");
    }
    let any: Vec<Value> = (0..490).map(|i| json!({"const": i})).collect();
    let schema = accepted(&json!({"additionalProperties": {"items": {"anyOf": any}}}));
    assert!(!schema.problems(&json!({"x": vec![7_000; 90]})).is_empty());
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let data = json!({"x": serde_json::from_str::<Value>(&deep).expect("JSON")});
    accepted(&json!({"properties": {"x": {"uniqueItems": true, "const": data["x"]}}})).problems(&data);
}

#[test]
fn a_small_schema_cannot_cost_much_with_small_data() {
    let leaf = json!({"type": "object", "unevaluatedProperties": false, "properties": {"a": {}}});
    for keyword in ["allOf", "anyOf"] {
        let nested =
            (0..16).fold(leaf.clone(), |inner, _| json!({keyword: [inner], "unevaluatedProperties": false}));
        assert!(refused(&nested).1.contains("not supported"));
    }
    let words: Vec<Value> = (0..2_000).map(|i| json!([format!("{i:05}")])).collect();
    let part = json!({"not": {"$ref": "#/$defs/e"}});
    let names: Vec<String> = (0..2_500).map(|i| i.to_string()).collect();
    let dependency = json!({"dependencies": {"a": names}});
    for many in [
        json!({"$defs": {"e": {"enum": words}}, "additionalProperties": {"items": {"allOf": vec![part; 300]}}}),
        json!({"$defs": {"r": {"required": names}},
            "additionalProperties": {"items": {"anyOf": vec![json!({"$ref": "#/$defs/r"}); 400]}}}),
        dependency,
    ] {
        assert!(refused(&many).1.contains("values to compare with"));
    }
    let consts: Vec<Value> = (0..490).map(|_| json!({"const": 1})).collect();
    let schema = accepted(&json!({"additionalProperties": {"items": {"anyOf": consts}}}));
    let problems = schema.problems(&json!({"x": vec![7; 8_000]}));
    assert!(problems[0].error.contains("too many values"), "{problems:?}");
    assert!(!schema.problems(&json!({"x": vec![7; 90]})).is_empty());
}
