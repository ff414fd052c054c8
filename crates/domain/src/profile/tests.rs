use serde_json::{Value, json};

use super::{check::problems, table::FIELDS, *};

fn refused(facts: &Value) -> Vec<String> {
    let facts = facts.as_object().expect("an object");
    problems(facts).into_iter().map(|problem| format!("{} {}", problem.field, problem.error)).collect()
}

fn full() -> Value {
    json!({
        "company_name": "Acme", "company_website": "https://acme.example/tea", "tagline": "Tea, but better",
        "company_bio": "We sell tea.", "industry": "Food", "company_size": "51-200", "headquarters": "Köln",
        "products": [{"name": "Green", "description": "d", "category": "c", "price": "4 EUR", "benefits": ["b"],
            "url": "http://acme.example"}],
        "value_propositions": ["fresh"],
        "competitors": [{"name": "Globex", "website": "https://globex.example", "strengths": ["size"],
            "weaknesses": ["price"], "differentiators": ["taste"]}],
        "target_market": "Offices",
        "ideal_customer_profile": {"description": "d", "industries": ["i"], "company_sizes": ["50"],
            "regions": ["EU"], "buying_signals": ["hiring"], "disqualifiers": ["coffee only"]},
        "buying_personas": [{"name": "Office manager", "description": "d", "goals": ["g"], "pain_points": ["p"],
            "objections": ["o"]}],
        "pain_points": ["stale tea"], "objections": [{"objection": "too dear", "response": "per cup it is not"}],
        "brand_voice": "Plain", "brand_tone": "warm", "key_phrases": ["leaf"], "words_to_avoid": ["synergy"],
        "case_studies": [{"customer": "Initech", "industry": "i", "summary": "s", "result": "+20 %",
            "url": "https://acme.example/initech"}],
        "customer_logos": ["Initech"], "pricing_model": "per seat", "sales_methodology": "MEDDICC",
        "sales_process": [{"name": "Demo", "description": "d", "exit_criteria": ["budget"]}],
        "currency": "EUR", "timezone": "Europe/Berlin", "language": "pt-BR", "email_signature": "Yours,\nAcme",
        "booking_link": "https://cal.example/acme", "custom": {"anything": [1, {"deep": null}]}
    })
}

#[test]
fn every_key_takes_what_it_is_for() {
    let full = full();
    assert_eq!(refused(&full), Vec::<String>::new());
    let given = full.as_object().expect("an object");
    assert!(FIELDS.iter().all(|field| given.contains_key(field.name)), "an example for each key");
    assert_eq!(refused(&json!({})), Vec::<String>::new());
}

#[test]
fn each_bad_value_is_named_with_what_it_must_be() {
    for (facts, expected) in [
        (json!({"company": "Acme"}), "company is not a key of the profile; the keys are company_name, "),
        (json!({"version": 3}), "version is set by the service"),
        (json!({"company_name": ""}), "company_name must be text of 1 to 200 characters"),
        (json!({"company_name": null}), "company_name must be text"),
        (json!({"company_name": "ü".repeat(201)}), "company_name must be text"),
        (json!({"company_name": ["Acme"]}), "company_name must be text"),
        (json!({"company_website": "acme.example"}), "company_website must be an address"),
        (json!({"company_website": "javascript:alert(1)"}), "company_website must be an address"),
        (json!({"company_website": "https:// acme.example"}), "company_website must be an address"),
        (json!({"company_website": "https://\"acme"}), "company_website must be an address"),
        (json!({"currency": "eur"}), "currency must be a currency code"),
        (json!({"timezone": "Berlin"}), "timezone must be a time zone"),
        (json!({"language": "English"}), "language must be a language"),
        (json!({"language": "en-"}), "language must be a language"),
        (json!({"products": {"name": "Green"}}), "products must be a list"),
        (json!({"products": ["Green"]}), "products[0] must be an object"),
        (json!({"products": [{"name": "a"}, {"price": "4"}]}), "products[1].name is required"),
        (
            json!({"products": [{"name": "a", "cost": 4}]}),
            "products[0].cost is not known here; the keys are name, ",
        ),
        (json!({"products": vec![json!({"name": "a"}); 51]}), "products has 51 items, and 50 is the most"),
        (
            json!({"ideal_customer_profile": {"regions": [7]}}),
            "ideal_customer_profile.regions[0] must be text",
        ),
        (json!({"custom": "x"}), "custom must be an object"),
        (json!({"custom": {"a": "x".repeat(16_400)}}), "custom has 16408 bytes"),
        (json!({"custom": {"a": [[[[[[[[]]]]]]]]}}), "custom is nested deeper than 8 levels"),
        (json!({"custom": {"a": [{"b\u{200b}": 1}]}}), "custom has a name"),
        (json!({"custom": {"": 1}}), "custom has a name"),
    ] {
        let problems = refused(&facts);
        assert!(problems.len() == 1 && problems[0].starts_with(expected), "{facts}: {problems:?}");
    }
}

#[test]
fn a_flood_of_faults_is_answered_in_few_words() {
    let flood: Map<String, Value> =
        (0..10_000).map(|n| (format!("{n}{}", "x".repeat(500)), json!(1))).collect();
    let problems = problems(&flood);
    assert_eq!(problems.len(), 20);
    assert!(problems.iter().all(|problem| problem.field.len() <= 100));
}

#[test]
fn a_profile_is_bounded_as_a_whole() {
    let facts = |n: usize| {
        let product = json!({"name": "Green", "description": "x".repeat(4_000)});
        json!({ "products": vec![product; n] }).as_object().expect("an object").clone()
    };
    assert!(Profile::new(facts(16)).is_ok());
    let refusal = Profile::new(facts(17)).expect_err("a refusal").to_string();
    assert!(refusal.contains("65536 is the most"), "{refusal}");
}

#[test]
fn invisible_characters_are_dropped_wherever_a_text_stands() {
    let facts = json!({"company_name": "A\u{200b}cme", "custom": {"a": ["b\u{202e}c", 1]}});
    let profile = Profile::new(facts.as_object().expect("an object").clone()).expect("a profile");
    let seen = Value::Object(profile.visible());
    assert_eq!(seen, json!({"company_name": "Acme", "custom": {"a": ["bc", 1]}}));
}
