//! The canonical form and the open format, written and read again.

use crate::common::{problems, read, skill};
use proptest::{collection::vec, option, prelude::*, sample::select, strategy::ValueTree};
use serde_json::{Map, Value, json};
use skills::Files;

/// Texts as authors write them, and as nobody would.
fn words() -> impl Strategy<Value = String> {
    const ODD: &[&str] = &[
        "null",
        "~",
        "yes",
        "- a",
        "a: b",
        "#x",
        "---",
        "a\n---\nb",
        "----",
        "\"q\"",
        "'",
        "\\",
        "\\\\--",
        "{x}",
        "${company_name}",
        "2.10",
        "1e3",
        "0x1F",
        "<<",
        "*a",
        "&a",
        "!t",
        "größe",
        "東京",
        "a OR b",
        "a, b",
        "\u{FFFE}",
        "/slash",
        "/a.b/ms",
        "(a|b) .*",
        "follow [x]",
        "deal.lost",
        "x\ty",
        "@y",
        "`z`",
        "%d",
        "tail ",
        "a:",
        ".nan",
    ];
    prop_oneof![4 => "[a-z ]{1,12}", 3 => select(ODD).prop_map(str::to_owned), 1 => "\\PC{0,20}"]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((words(), inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn keys() -> Vec<&'static str> {
    let schema = skills::schema::front_matter();
    let names = ["properties", "metadata", "properties"].iter().fold(&schema, |at, name| &at[*name]);
    names.as_object().expect("the schema has keys").keys().map(|name| &*name.clone().leak()).collect()
}

/// What usually stands behind a key.
fn usual(name: &'static str) -> BoxedStrategy<Value> {
    let texts = || vec(words(), 0..4).prop_map(Value::from);
    match name {
        "triggers" => vec(
            prop_oneof![
                words().prop_map(Value::from),
                (words(), option::of(0.0..1.0_f64), vec(words(), 0..3)).prop_map(|(pattern, confidence, examples)| {
                    json!({"pattern": pattern, "confidence": confidence, "examples": examples})
                }),
                words().prop_map(|event| json!({ "event": event })),
            ],
            0..5,
        )
        .prop_map(Value::from)
        .boxed(),
        "inputs" | "outputs" => {
            const KINDS: &[&str] = &["string", "int", "date", "string[]", "string|null", "banana"];
            let value = (words(), select(KINDS), any::<bool>(), any_value(), option::of(words()));
            let value = value.prop_map(|(name, kind, required, default, about)| {
                json!({"name": name, "type": kind, "required": required, "default": default, "example": default,
                    "description": about, "items": {"type": kind}, "surprise": about})
            });
            vec(prop_oneof![value, words().prop_map(Value::from)], 0..4).prop_map(Value::from).boxed()
        }
        "input_schema" | "output_schema" => vec((words(), any_value()), 0..4)
            .prop_map(|members| json!({"properties": members.into_iter().collect::<Map<_, _>>()}))
            .boxed(),
        "workflow" => vec((words(), any_value(), any::<bool>(), option::of("[a-z]{1,4}")), 0..4)
            .prop_map(|steps| {
                let step = |(i, (action, mapping, approval, output))| {
                    json!({"order": i, "action": action, "input_mapping": {"x": mapping}, "output_key": output,
                        "requires_approval": approval, "max_retries": 1, "timeout_ms": 5})
                };
                steps.into_iter().enumerate().map(step).collect::<Vec<Value>>().into()
            })
            .boxed(),
        "skill_type" => select(vec!["atomic", "sequence", "composite"]).prop_map(Value::from).boxed(),
        "command_centre" => (words(), any::<bool>())
            .prop_map(|(label, enabled)| json!({"label": label, "enabled": enabled, "icon": label}))
            .boxed(),
        _ => prop_oneof![texts(), words().prop_map(Value::from), any_value()].boxed(),
    }
}

/// Front matter of either dialect: `k` is the name of the folder.
fn front_matter() -> impl Strategy<Value = Value> {
    let key = select(keys()).prop_flat_map(|name| (Just(name.to_owned()), usual(name)));
    let unknown = (words(), any_value());
    let member = prop_oneof![9 => key, 1 => unknown];
    let name = prop_oneof![words(), Just("k".to_owned())];
    let foreign = select(keys()).prop_flat_map(|name| (Just(name.to_owned()), any_value()));
    let member = prop_oneof![5 => member, 1 => foreign];
    (name, words(), vec(member, 0..8)).prop_map(|(name, description, members)| {
        json!({"name": name, "description": description, "metadata": members.into_iter().collect::<Map<_, _>>()})
    })
}

/// JSON is YAML; a line that could end the front matter is never in it.
fn document(front: &Value, body: &str) -> String {
    format!("---\n{front}\n---\n{body}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_written_is_read_as_the_same_skill_and_written_the_same(front in front_matter(), body in "\\PC{0,40}") {
        let document = document(&front, &body);
        if let Some(first) = read("k", &document).skill {
            let written = skills::write(&first);
            let reading = read("k", &written);
            prop_assert_eq!(&reading.report.errors, &[], "{}", written);
            let second = reading.skill.unwrap();
            prop_assert_eq!(&second, &first, "{}", written);
            prop_assert_eq!(skills::write(&second), written);
        }
    }

    #[test]
    fn what_is_exported_has_no_flow_style_and_is_read_again(front in front_matter(), body in "\\PC{0,40}") {
        if let Some(skill) = read("k", &document(&front, &body)).skill {
            let (exported, _) = skills::export_open(&skill);
            let front = exported.split("---").nth(1).unwrap();
            prop_assert!(exported.splitn(3, "---").nth(2).unwrap().strip_prefix('\n') == Some(&*skill.body));
            prop_assert!(front.lines().all(|line| !line.ends_with("[]") && !line.ends_with("{}")), "{}", front);
            let again = read("k", &exported);
            prop_assert_eq!(&again.report.errors, &[], "{}", exported);
            let again = again.skill.unwrap();
            prop_assert_eq!((again.name, again.steps.len()), (skill.name, skill.steps.len()));
        }
    }
}

#[test]
fn enough_of_the_generated_documents_are_read() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let read = (0..500).filter(|_| {
        let front = front_matter().new_tree(&mut runner).unwrap().current();
        read("k", &document(&front, "")).skill.is_some()
    });
    assert!(read.count() > 100);
}

#[test]
fn the_canonical_form_has_one_spelling_for_everything() {
    let older = "---\nname: Deal rescue\ndescription: |\n  Saves deals.\n  Always: now\ncategory: writing\nrequires_context: \
        [deal]\ntriggers: [save it, {pattern: /x+/, confidence: 1}]\ninputs: {deal_id: {type: str, required: true}}\n\
        outputs: [plan]\nsequence_steps:\n- {action: get_deal, order: 1, output_key: deal, needs_confirmation: yes}\n\
        version: 2.10\n---\n\n# Body\n";
    let canonical = r#"---
name: Deal rescue
description: "Saves deals.\nAlways: now"
metadata:
  skill_type: sequence
  category: writing
  version: "2.10"
  triggers:
    - pattern: save it
      confidence: 0.7
    - pattern: "/x+/"
      confidence: 1.0
  inputs:
    - name: deal_id
      required: true
      type: string
  outputs:
    - name: plan
  required_context:
    - deal
  workflow:
    - order: 1
      action: get_deal
      output_key: deal
      requires_approval: true
---

# Body
"#;
    assert_eq!(skills::write(&skill(older)), canonical);
    assert_eq!(problems(&read("k", canonical).report), [""; 0]);
}

#[test]
fn an_export_shortens_and_says_so() {
    let long = "word ".repeat(300);
    let document = format!(
        "---\nname: Deal Rescue\ndescription: {long}\ncompatibility: {}\nallowed-tools: [get_deal, web_search]\n\
        metadata: {{x: {{}}, y: [1, []]}}\n---\nBody\n",
        "c".repeat(600)
    );
    let reading = skills::read(&"deal-rescue".parse().unwrap(), &document, &Files::new());
    let (exported, report) = skills::export_open(&reading.skill.unwrap());
    assert!(exported.starts_with("---\nname: deal-rescue\ndescription: \"word word"), "{exported}");
    assert!(
        exported.contains("\nallowed-tools: get_deal web_search\nmetadata:\n  title: Deal Rescue\n"),
        "{exported}"
    );
    assert_eq!(
        problems(&report),
        [
            "description: has 1499 characters, and the open format allows 1024: it is shortened",
            "compatibility: has 600 characters, and the open format allows 500: it is shortened",
            "metadata.x: is empty, which the open format cannot say: it is left out",
            "metadata.y[1]: is empty, which the open format cannot say: it is left out",
        ]
    );
    let again = skill(&exported);
    assert!(
        (1000..=1024).contains(&again.description.chars().count()) && again.description.ends_with("word…")
    );
    assert_eq!((again.name.as_str(), again.body.as_str()), ("Deal Rescue", "Body\n"));
    assert_eq!(again.allowed_tools.unwrap(), ["get_deal", "web_search"]);
}

#[test]
fn a_library_of_documents_is_no_skill_of_the_open_format() {
    let key = skills::key::PLATFORM_REFERENCES.parse().unwrap();
    let reading = skills::read(&key, "---\nname: References\ndescription: Shared\n---\n", &Files::new());
    assert_eq!(skills::export_open(&reading.skill.unwrap()).1.errors[0].field, "name");
}
