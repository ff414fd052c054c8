use std::time::Instant;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn facts() -> Map<String, Value> {
    json!({
        "company_name": "acme GmbH", "brand_voice": "Plain ${company_name}", "empty": "", "none": [],
        "products": [{"name": "Green", "price": "4 EUR"}, {"name": "Black"}], "key_phrases": ["leaf", "cup"],
        "custom": {"a": {"b": [{"c": 7}]}, "on": true}
    })
    .as_object()
    .expect("an object")
    .clone()
}

fn filled(text: &str) -> String {
    let (filled, report) = fill(text, &facts());
    assert_eq!(report, Report::default(), "{text}");
    filled
}

fn warned(text: &str) -> (String, String) {
    let (filled, report) = fill(text, &facts());
    assert_eq!(report.warnings.len(), 1, "{text}: {report:?}");
    (filled, format!("{} {:?}", report.warnings[0].problem, report.warnings[0].suggestion))
}

#[test]
fn facts_stand_where_their_paths_are_written() {
    for (text, expected) in [
        ("We are ${company_name}.", "We are acme GmbH."),
        ("${ company_name }", "acme GmbH"),
        ("${products[0].name}/${products[1].name}", "Green/Black"),
        ("${custom.a.b[0].c} ${custom.on}", "7 true"),
        ("${products[*].price}", "4 EUR"),
        ("${products}", "Green, Black"),
        ("${custom.a}", r#"{"b":[{"c":7}]}"#),
    ] {
        assert_eq!(filled(text), expected, "{text}");
    }
}

#[test]
fn each_modifier_does_what_it_is_called() {
    for (text, expected) in [
        ("${company_name|upper}", "ACME GMBH"),
        ("${company_name|lower}", "acme gmbh"),
        ("${company_name|capitalize}", "Acme GmbH"),
        ("${key_phrases|first}", "leaf"),
        ("${key_phrases|last}", "cup"),
        ("${products|first}", "Green"),
        ("${products[*].name|last|upper}", "BLACK"),
        ("${products|count}", "2"),
        ("${company_name|count}", "9"),
        ("${key_phrases|json}", r#"["leaf","cup"]"#),
        ("${products|join}", "Green, Black"),
        ("${key_phrases|join(' / ')}", "leaf / cup"),
        ("${key_phrases | join: \" | \" | upper}", "LEAF | CUP"),
    ] {
        assert_eq!(filled(text), expected, "{text}");
    }
}

#[test]
fn a_default_stands_for_what_is_missing_or_empty() {
    for (text, expected) in [
        ("${nothing|'some text'}", "some text"),
        ("${empty|\"x\"}", "x"),
        ("${none|first|'x'|upper}", "X"),
        ("${nothing|upper|'it\\'s } fine'}", "it's } fine"),
        ("${company_name|'x'}", "acme GmbH"),
        ("${nothing|'a|b'}", "a|b"),
        ("${nothing|''}", ""),
    ] {
        assert_eq!(filled(text), expected, "{text}");
    }
}

#[test]
fn what_stays_unresolved_is_removed_with_a_warning() {
    for (text, rest, warning) in [
        ("a ${nothing} b", "a  b", "line 1 of the body: `${nothing}` is not known of the organization"),
        ("${company_nam}", "", "Some(\"${company_name}\")"),
        ("\n${tagline}", "\n", "line 2 of the body"),
        ("${tagline}", "", "write a default: ${tagline|'…'}"),
        ("${a ? 'b' : 'c'}", "", "cannot be read"),
        ("${}", "", "cannot be read"),
        ("${company_name|shout}", "", "`|shout` is not a modifier"),
        ("${company_name|upper(3)}", "", "is not a modifier"),
    ] {
        let (filled, said) = warned(text);
        assert_eq!(filled, rest, "{text}");
        assert!(said.contains(warning), "{text}: {said}");
    }
}

#[test]
fn merge_fields_braces_jsx_and_code_fences_are_left_alone() {
    for text in [
        "{company_name} {{company_name}} {{{company_name}}} $company_name $5 ${",
        "<Card title={company_name}>{`a`}</Card>",
        "```js\nconst a = `${company_name}`;\n```\n",
        "~~~\n${nothing}\n~~~",
        "> ```\n> ${nothing}\n> ```",
        "${company_name",
        "${company_name\n}",
    ] {
        assert_eq!(filled(text), text);
    }
    assert_eq!(filled("`${company_name}`"), "`acme GmbH`");
}

#[test]
fn values_are_not_templates() {
    assert_eq!(filled("${brand_voice}"), "Plain ${company_name}");
    assert_eq!(filled("${${company_name}}"), "${acme GmbH}");
}

#[test]
fn a_text_that_grows_too_long_is_an_error() {
    let facts = json!({"a": "x".repeat(10_000)}).as_object().expect("an object").clone();
    for text in ["${a}".repeat(7), "${a}\n".repeat(100_000), "${a|json|count}".repeat(50_000)] {
        let (filled, report) = fill(&text, &facts);
        assert_eq!(filled, "");
        assert!(report.errors[0].problem.contains("longer than 65536 bytes"), "{report:?}");
    }
}

#[test]
fn hostile_texts_take_linear_time() {
    for piece in ["${", "${'", "${a|'", "${a|'\\", "}${", "$", "${a}", "```\n", "${a|join('"] {
        let text = piece.repeat(1_000_000 / piece.len());
        let start = Instant::now();
        fill(&text, &facts());
        assert!(start.elapsed().as_secs() < 5, "{piece}: {:?}", start.elapsed());
    }
}

proptest! {
    #[test]
    fn a_text_without_a_template_is_unchanged(text in "[^$]{0,200}|[a{}$ \n`]{0,80}") {
        prop_assume!(!text.contains("${"));
        prop_assert_eq!(fill(&text, &facts()), (text, Report::default()));
    }

    #[test]
    fn nothing_makes_it_panic(text in r#"(\$\{|[a-z.|'"\[\]0*}\\ü`\n(): ]|company_name|first|join){0,60}"#) {
        let (filled, report) = fill(&text, &facts());
        prop_assert!(report.errors.is_empty() && filled.len() <= MAX_TEXT);
    }
}
