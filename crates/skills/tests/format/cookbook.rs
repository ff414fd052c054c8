//! Every template is a whole skill.

use crate::common::problems;
use skills::{Files, Key, cookbook::TEMPLATES};

/// What a template of this key is found to be.
fn check(template: &skills::cookbook::Template, key: &str) -> skills::Reading {
    let key: Key = key.parse().expect("a key");
    let mut files: Files =
        template.fill(&key).into_iter().map(|(path, text)| (path.to_owned(), text)).collect();
    let document = files.remove("SKILL.md").expect("a template has a document");
    skills::read(&key, &document, &files)
}

#[test]
fn there_are_nine_templates_with_names_that_differ() {
    let mut names: Vec<_> = TEMPLATES.iter().map(|template| template.name).collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() >= 9);
    assert_eq!(names.len(), TEMPLATES.len());
}

#[test]
fn every_template_passes_the_check_and_warns_of_nothing_but_what_has_to_be_connected() {
    for template in TEMPLATES {
        let reading = check(template, template.name);
        let found = problems(&reading.report);
        assert!(
            found.iter().all(|found| found.contains("a connector has to provide it")),
            "{}: {found:?}",
            template.name
        );
        let skill = reading.skill.unwrap();
        assert!(!skill.triggers.is_empty() && skill.output_schema.is_some() && skill.command.is_some());
        assert!(skill.body.contains("@_platform-references/org-variables"), "{}", template.name);
    }
}

#[test]
fn a_new_skill_has_its_own_title_and_command() {
    for template in TEMPLATES {
        for (key, title) in [("win-back", "Win back"), ("null", "Null"), ("2-day-plan", "2 day plan")] {
            let skill = check(template, key).skill.unwrap();
            assert_eq!((skill.name.as_str(), skill.command.unwrap().label.as_str()), (title, key));
        }
    }
}

#[test]
fn every_template_is_read_again_from_its_canonical_form() {
    for template in TEMPLATES {
        let skill = check(template, template.name).skill.unwrap();
        let again = skills::read(&skill.key, &skills::write(&skill), &Files::new());
        assert_eq!(again.skill.unwrap(), skill);
    }
}

#[test]
fn json_beside_a_template_is_json() {
    for (path, text) in TEMPLATES.iter().flat_map(|template| template.files) {
        if std::path::Path::new(path).extension().is_some_and(|ending| ending == "json") {
            serde_json::from_str::<serde_json::Value>(text).unwrap();
        }
    }
}

/// What built-in tools and the cookbook's own connectors are called.
const ACTIONS: [&str; 16] = [
    "create_task",
    "draft_email",
    "get_company_status",
    "get_contact",
    "get_contacts_needing_attention",
    "get_deal",
    "get_deal_activities",
    "get_meetings",
    "get_next_meeting",
    "get_pipeline_deals",
    "get_pipeline_summary",
    "get_product_usage",
    "list_invoices",
    "recall",
    "search_emails",
    "search_meeting_context",
];

#[test]
fn every_action_of_a_template_names_a_tool_and_has_an_object_of_arguments() {
    let mut calls = 0;
    for template in TEMPLATES {
        for call in template.files[0].1.split("execute_action(").skip(1) {
            let (name, rest) = call.split_once(", ").unwrap();
            assert!(ACTIONS.contains(&name.trim_matches('"')), "{name}");
            let arguments = rest.lines().next().unwrap().strip_suffix(')').unwrap();
            assert!(serde_json::from_str::<serde_json::Value>(arguments).unwrap().is_object(), "{arguments}");
            calls += 1;
        }
    }
    assert!(calls > 15, "{calls}");
}
