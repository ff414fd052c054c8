use domain::FieldError;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    super::{edit_modal, edited_input, refused, refused_fields},
    checks::check_view,
    json, nasty, pending,
};

fn modal(input: &Value, schema: Option<&Value>) -> Value {
    let view = edit_modal(&pending("send_email", input, &json!({"kind": "generic", "title": "t"})), schema);
    check_view(&view);
    view
}

fn inputs(view: &Value) -> Vec<&Value> {
    view["blocks"].as_array().expect("blocks").iter().filter(|block| block["type"] == "input").collect()
}

/// The state that Slack sends for inputs that nobody has touched.
fn untouched(view: &Value) -> Value {
    let mut values = Map::new();
    for block in inputs(view) {
        let element = &block["element"];
        let state = match element["type"].as_str().expect("a type") {
            "static_select" => json!({"selected_option": element.get("initial_option")}),
            "datepicker" => json!({"selected_date": element.get("initial_date")}),
            _ => json!({"value": element.get("initial_value")}),
        };
        let action = element["action_id"].as_str().expect("an id").to_owned();
        values.insert(block["block_id"].as_str().expect("an id").to_owned(), json!({action: state}));
    }
    Value::Object(values)
}

fn schema() -> Value {
    json!({"type": "object", "required": ["to", "subject"], "properties": {
        "to": {"type": "string", "description": "Addresses"},
        "subject": {"type": "string", "maxLength": 200},
        "body": {"type": ["string", "null"], "maxLength": 2000},
        "priority": {"type": "string", "enum": ["low", "high"]},
        "due": {"type": "string", "format": "date"},
        "urgent": {"type": "boolean"},
        "count": {"type": "integer"},
        "amount": {"type": "number"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "links": {"type": "array", "items": {"type": "object"}},
    }})
}

fn input() -> Value {
    json!({"to": "dana@acme.example", "subject": "Offer", "body": "Dear Dana,\nhello", "priority": "low",
        "due": "2026-12-01", "urgent": true, "count": 7, "amount": 1.5, "tags": ["a", "b c"], "links": [{"id": 1}],
        "extra": "kept"})
}

#[test]
fn each_field_has_the_input_of_its_type_and_required_ones_come_first() {
    let view = modal(&input(), Some(&schema()));
    assert_eq!((&view["callback_id"], &view["submit"]["text"]), (&json!("sixty_edit"), &json!("Approve")));
    let found: Vec<String> = inputs(&view)
        .iter()
        .map(|block| {
            let words = |value: &Value| value.as_str().expect("a text").to_owned();
            let kind = words(&block["element"]["type"]);
            format!("{} {kind} {}", words(&block["block_id"]), words(&block["element"]["action_id"]))
        })
        .collect();
    assert_eq!(
        found,
        [
            "field:to plain_text_input text",
            "field:subject plain_text_input text",
            "field:amount number_input number",
            "field:body plain_text_input text",
            "field:count number_input integer",
            "field:due datepicker date",
            "field:links plain_text_input json",
            "field:priority static_select choice",
            "field:tags plain_text_input list",
            "field:urgent static_select boolean",
            "field:extra plain_text_input text",
        ]
    );
    let optional: Vec<bool> = inputs(&view).iter().map(|block| block["optional"] == true).collect();
    assert_eq!((optional[0], optional[1], optional[2]), (false, false, true));
}

#[test]
fn what_nobody_has_touched_keeps_its_bytes() {
    for text in [
        r#"{"to":"a","amount":1e2,"count":7,"tags":[],"body":"","nested":{"b":1, "a":2.50},"none":null}"#
            .to_owned(),
        input().to_string(),
        "{}".to_owned(),
    ] {
        let value: Value = serde_json::from_str(&text).expect("JSON");
        for schema in [Some(schema()), None] {
            let view = modal(&value, schema.as_ref());
            let read = edited_input(&text, &untouched(&view)).expect("arguments");
            assert_eq!(serde_json::from_str::<Value>(read.get()).expect("JSON"), value);
            if value.as_object().is_some_and(|fields| !fields.is_empty()) {
                assert_eq!(read.get(), text);
            }
        }
    }
}

#[test]
fn what_was_edited_is_read_back() {
    let text = input().to_string();
    let view = modal(&input(), Some(&schema()));
    let mut state = untouched(&view);
    for (block, action, written) in [
        ("field:to", "text", json!({"value": "tom@acme.example"})),
        ("field:body", "text", json!({"value": null})),
        ("field:priority", "choice", json!({"selected_option": {"value": "high"}})),
        ("field:due", "date", json!({"selected_date": "2026-12-24"})),
        ("field:urgent", "boolean", json!({"selected_option": {"value": "false"}})),
        ("field:count", "integer", json!({"value": " 12 "})),
        ("field:amount", "number", json!({"value": "2.75"})),
        ("field:tags", "list", json!({"value": "x\n\n  y z \r\n"})),
        ("field:links", "json", json!({"value": "[]"})),
    ] {
        state[block][action] = written;
    }
    let read: Value =
        serde_json::from_str(edited_input(&text, &state).expect("arguments").get()).expect("JSON");
    let expected = json!({"to": "tom@acme.example", "subject": "Offer", "priority": "high", "due": "2026-12-24",
        "urgent": false, "count": 12, "amount": 2.75, "tags": ["x", "y z"], "links": [], "extra": "kept"});
    assert_eq!(read, expected);
}

#[test]
fn a_wrong_text_is_refused_under_its_own_input() {
    let state = json!({
        "field:count": {"integer": {"value": "1.5"}},
        "field:amount": {"number": {"value": "a lot"}},
        "field:links": {"json": {"value": "[1,"}},
        "field:to": {"text": {"value": "fine"}},
        "field:odd": {"unknown": {"value": "x"}},
    });
    let errors = edited_input("{}", &state).expect_err("errors");
    assert_eq!(
        errors.keys().collect::<Vec<_>>(),
        ["field:amount", "field:count", "field:links", "field:odd"]
    );
    assert_eq!(errors["field:count"], "This must be a whole number.");
    assert!(errors["field:links"].starts_with("This is no JSON: EOF"));
    let answer = refused(&errors);
    assert_eq!(answer["response_action"], "errors");
    assert_eq!(answer["errors"]["field:amount"], "This must be a number, such as 12.5.");
}

#[test]
fn numbers_that_are_none_are_refused() {
    for written in ["NaN", "inf", "-inf", "", "1e999", "0x10", "1,5"] {
        let state = json!({"field:n": {"number": {"value": format!("{written} ")}}});
        assert!(edited_input("{}", &state).is_err(), "{written}");
    }
    for (written, number) in
        [("5", "5"), ("-3", "-3"), ("1e2", "100.0"), ("9007199254740993", "9007199254740993")]
    {
        let state = json!({"field:n": {"number": {"value": written}}});
        assert_eq!(edited_input("{}", &state).expect("a number").get(), format!("{{\"n\":{number}}}"));
    }
}

#[test]
fn arguments_without_a_form_are_one_json_text() {
    let view = modal(&json!({}), None);
    assert_eq!(inputs(&view)[0]["block_id"], "input");
    let state = |text: &str| json!({"input": {"json": {"value": text}}});
    assert_eq!(edited_input("{}", &state(" {\"a\": 1.0} ")).expect("arguments").get(), "{\"a\": 1.0}");
    for (text, words) in [("[1]", "object"), ("{", "no JSON"), ("", "no JSON")] {
        let errors = edited_input("{}", &state(text)).expect_err(text);
        assert!(errors["input"].contains(words), "{errors:?}");
    }
}

#[test]
fn what_is_too_long_for_an_input_stays_as_it_is() {
    let long = json!({"body": "x".repeat(3_001), "to": "a"});
    let view = modal(&long, Some(&schema()));
    let ids: Vec<&Value> = inputs(&view).iter().map(|block| &block["block_id"]).collect();
    assert!(!ids.contains(&&json!("field:body")) && ids.contains(&&json!("field:to")));
    let mut state = untouched(&view);
    state["field:to"]["text"]["value"] = "b".into();
    let read: Value = serde_json::from_str(edited_input(&long.to_string(), &state).expect("arguments").get())
        .expect("JSON");
    assert_eq!(read, json!({"body": "x".repeat(3_001), "to": "b", }));
}

#[test]
fn the_problems_of_the_arguments_stand_under_their_inputs() {
    let state = json!({"field:to": {"text": {"value": "x"}}, "field:tags": {"list": {"value": "x"}}});
    let problem = |field: &str, error: &str| FieldError { field: field.into(), error: error.into() };
    let answer = refused_fields(
        &[
            problem("input.to", "names no address"),
            problem("input.tags[1].name", "is missing"),
            problem("input.tags", "is too long"),
            problem("input.amount", "is required"),
            problem("input", "must not hold a secret"),
        ],
        &state,
    );
    assert_eq!(answer["errors"]["field:to"], "names no address");
    assert_eq!(
        answer["errors"]["field:tags"],
        "[1].name: is missing; is too long; amount: is required; must not hold a secret"
    );
    let answer = refused_fields(&[problem("input", "is wrong <!here>")], &json!({}));
    assert_eq!(answer["response_action"], "update");
    check_view(&answer["view"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_arguments_are_the_modal_is_one_and_says_the_same(input in json(), required in proptest::collection::vec(nasty(), 0..3)) {
        let properties: Map<String, Value> =
            required.iter().map(|name| (name.clone(), json!({"type": "string", "description": name}))).collect();
        let schema = json!({"type": "object", "required": required, "properties": properties});
        for schema in [None, Some(&schema)] {
            let view = modal(&input, schema);
            let state = untouched(&view);
            if input.is_object() && state.get("input").is_none() {
                let read = edited_input(&input.to_string(), &state).expect("arguments");
                let read: Value = serde_json::from_str(read.get()).expect("JSON");
                prop_assert_eq!(read, serde_json::from_str::<Value>(&input.to_string()).expect("JSON"));
            }
        }
    }

    #[test]
    fn whatever_comes_back_is_read_or_refused(state in json(), input in json()) {
        if let Err(errors) = edited_input(&input.to_string(), &state) {
            prop_assert!(!errors.is_empty());
        }
    }
}
