use std::collections::BTreeMap;

use serde_json::{Map, json};

use super::*;
use crate::{
    build::{calls, follows, gives, input, key, sequence, skill},
    compile::Links,
    read::Files,
};

fn leads(to: impl IntoIterator<Item = Key>) -> Leads {
    let way = |key| Way { follows: Some(key), falls_back: None };
    Leads { steps: to.into_iter().map(way).collect(), linked: vec![] }
}

fn links(list: &[(&str, &[&str])]) -> Links {
    list.iter().map(|(from, to)| (key(from), leads(to.iter().map(|to| key(to))))).collect()
}

fn planned(skill: &Skill, skills: &Links) -> Plan {
    let tools: BTreeMap<String, String> =
        ["get_deal", "create_task", "hub__push"].map(|name| (name.to_owned(), String::new())).into();
    let aliases = BTreeMap::from([("push_campaign".to_owned(), "hub__push".to_owned())]);
    let (provides, documents, facts) = (BTreeSet::new(), BTreeMap::<String, Files>::new(), Map::new());
    let world = World {
        facts: &facts,
        tools: &tools,
        aliases: &aliases,
        provides: &provides,
        documents: &documents,
        skills,
    };
    plan(skill, &world)
}

fn errors(plan: &Plan) -> Vec<String> {
    plan.report.errors.iter().map(ToString::to_string).collect()
}

fn warnings(plan: &Plan) -> Vec<String> {
    plan.report.warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_sound_sequence_is_ready_step_by_step() {
    let mut steps = vec![
        follows(20, "write-brief", &json!({"deal": "${outputs.deal.name}", "tone": "warm"})),
        gives("deal", calls(10, "get_deal", &json!({"name": "${inputs.name}"}))),
        calls(30, "push_campaign", &json!({"text": "${outputs.deal.data.summary}"})),
    ];
    steps[2].requires_approval = true;
    steps[0].on_failure = OnFailure::Fallback;
    steps[0].fallback_skill_key = Some(key("short-brief"));
    let plan = planned(
        &Skill { inputs: vec![input("name")], ..sequence("rescue", steps) },
        &links(&[("write-brief", &[]), ("short-brief", &[])]),
    );
    assert_eq!(plan.report, Report::default());
    assert!(plan.runnable && plan.missing.is_empty());
    let [first, second, third] = &plan.steps[..] else { panic!("three steps") };
    assert_eq!((first.order, &first.does), (10, &Does::Action("get_deal".into())));
    assert_eq!(first.output_key.as_deref(), Some("deal"));
    assert_eq!(
        (&second.name[..], &second.on_failure),
        ("write-brief", &Failure::Fallback(key("short-brief")))
    );
    assert_eq!((&third.does, third.requires_approval), (&Does::Action("hub__push".into()), true));
}

#[test]
fn what_is_unknown_warns_and_makes_the_sequence_not_runnable() {
    let mut fallback = follows(3, "write-brief", &json!({}));
    fallback.on_failure = OnFailure::Fallback;
    fallback.fallback_skill_key = Some(key("no-fallback"));
    let steps = vec![calls(1, "get_deals", &json!({})), follows(2, "write-brieff", &json!({})), fallback];
    let skill = Skill {
        linked_skills: vec![key("nowhere")],
        requires_capabilities: vec!["web_search".into(), "crm".into(), "smoke_signals".into()],
        ..sequence("rescue", steps)
    };
    let plan = planned(&skill, &links(&[("write-brief", &[])]));
    assert_eq!(errors(&plan), Vec::<String>::new());
    assert!(!plan.runnable);
    assert_eq!(
        plan.missing,
        ["web_search", "smoke_signals", "nowhere", "get_deals", "write-brieff", "no-fallback"]
    );
    let said = warnings(&plan);
    assert!(
        said.contains(&"metadata.workflow[0].action: `get_deals` is not a tool that is there".into()),
        "{said:?}"
    );
    assert!(said.contains(&"metadata.workflow[1].skill_key: there is no skill `write-brieff`".into()));
    let hints: Vec<_> = plan.report.warnings.iter().filter_map(|it| it.suggestion.as_deref()).collect();
    assert_eq!(hints, ["get_deal", "write-brief"]);
}

#[test]
fn a_cycle_across_skills_is_an_error() {
    let to = |other: &str| sequence("a", vec![follows(1, other, &json!({}))]);
    let all = links(&[
        ("a", &[]),
        ("b", &["c"]),
        ("c", &["a"]),
        ("d", &["e"]),
        ("e", &["d"]),
        ("f", &["g"]),
        ("g", &[]),
    ]);
    for (skill, circle) in [
        (to("a"), Some("a → a")),
        (to("b"), Some("a → b → c → a")),
        (to("d"), Some("d → e → d")),
        (to("f"), None),
    ] {
        let plan = planned(&skill, &all);
        let expected: Vec<String> = circle
            .into_iter()
            .map(|circle| format!("metadata.workflow: leads in a circle: {circle}"))
            .collect();
        assert_eq!(errors(&plan), expected);
        assert_eq!(plan.runnable, circle.is_none());
    }
    let mut fallback = to("f");
    fallback.steps[0].fallback_skill_key = Some(key("b"));
    assert_eq!(errors(&planned(&fallback, &all)), Vec::<String>::new(), "it falls back to nothing");
    fallback.steps[0].on_failure = OnFailure::Fallback;
    assert_eq!(errors(&planned(&fallback, &all)), ["metadata.workflow: leads in a circle: a → b → c → a"]);
}

#[test]
fn skills_that_name_each_other_run_no_circle_and_are_a_warning() {
    let naming = |name: &str, other: &str| Skill { linked_skills: vec![key(other)], ..skill(name) };
    let all: Links =
        [("a", "b"), ("b", "a")].map(|(name, other)| (key(name), Leads::of(&naming(name, other)))).into();
    for first in [naming("a", "b"), sequence("s", vec![follows(1, "a", &json!({}))])] {
        let plan = planned(&first, &all);
        assert!(plan.runnable);
        assert_eq!(warnings(&plan), ["metadata.linked_skills: leads in a circle: a → b → a"]);
    }
    let itself = planned(&naming("a", "a"), &all);
    assert_eq!(warnings(&itself), ["metadata.linked_skills: leads in a circle: a → a"]);
}

#[test]
fn skills_may_stand_below_each_other_only_so_deep() {
    let chain = |length: usize| {
        let mut links: Links =
            (1..length).map(|n| (key(&format!("s{n}")), leads([key(&format!("s{}", n + 1))]))).collect();
        links.insert(key(&format!("s{length}")), Leads::default());
        links
    };
    let first = sequence("s0", vec![follows(1, "s1", &json!({}))]);
    assert_eq!(errors(&planned(&first, &chain(MAX_DEPTH))), Vec::<String>::new());
    let said = errors(&planned(&first, &chain(MAX_DEPTH + 1)));
    assert_eq!(said, ["metadata.workflow: leads 9 skills deep, and 8 is the most"]);
    assert!(errors(&planned(&first, &chain(50_000)))[0].contains("50000 skills deep"));
}

#[test]
fn many_ways_to_the_same_skills_are_walked_once() {
    let layer = |n: usize| (0..4).map(|i| key(&format!("l{n}-{i}"))).collect::<Vec<_>>();
    let links: Links =
        (0..500).flat_map(|n| layer(n).into_iter().map(move |from| (from, leads(layer(n + 1))))).collect();
    let first = sequence("first", vec![follows(1, "l0-0", &json!({}))]);
    assert!(errors(&planned(&first, &links))[0].contains("skills deep"));
}

#[test]
fn a_forward_reference_is_an_error_and_an_unknown_one_a_warning() {
    let steps = vec![
        gives("a", calls(1, "get_deal", &json!({"x": "${outputs.b.name}", "y": ["${outputs.a}"]}))),
        gives("b", calls(2, "get_deal", &json!({"x": "${outputs.a.name}", "y": "see ${outputs.c}"}))),
    ];
    let plan = planned(&sequence("s", steps), &Links::new());
    assert_eq!(
        errors(&plan),
        [
            "metadata.workflow[0].input_mapping: reads `b`, which is made by step 2: that is too late",
            "metadata.workflow[0].input_mapping: reads `a`, which is made by step 1: that is too late"
        ]
    );
    assert_eq!(
        warnings(&plan),
        ["metadata.workflow[1].input_mapping: reads `c`, which no step makes: it will be null"]
    );
}

#[test]
fn a_duplicate_order_or_output_key_is_an_error() {
    let step = |order| gives("a", calls(order, "get_deal", &json!({})));
    let plan = planned(&sequence("s", vec![step(1), step(1)]), &Links::new());
    assert_eq!(
        errors(&plan),
        [
            "metadata.workflow[1].order: is that of another step as well: 1",
            "metadata.workflow[1].output_key: is that of another step as well: a"
        ]
    );
}

#[test]
fn a_confirmation_in_the_arguments_of_a_tool_is_dropped() {
    let arguments = json!({"confirm": true, "title": "x"});
    let plan = planned(&sequence("s", vec![calls(1, "create_task", &arguments)]), &Links::new());
    assert!(warnings(&plan)[0].starts_with("metadata.workflow[0].input_mapping.confirm: is dropped"));
    let empty = json!({});
    let scope = crate::mapping::Scope { outputs: &empty, inputs: &empty, params: &empty, context: &empty };
    let given = plan.steps[0].arguments.evaluate(&scope).arguments;
    assert_eq!(given.keys().collect::<Vec<_>>(), ["title"]);
}

#[test]
fn a_fallback_without_a_skill_stops() {
    let step = Step { on_failure: OnFailure::Fallback, ..calls(1, "get_deal", &json!({})) };
    let plan = planned(&sequence("s", vec![step]), &Links::new());
    assert_eq!(plan.steps[0].on_failure, Failure::Stop);
    assert!(plan.runnable && warnings(&plan)[0].contains("no fallback_skill_key"));
}

#[test]
fn a_sequence_without_a_workflow_is_an_instruction() {
    let plan = planned(&sequence("on-meeting", vec![]), &Links::new());
    assert!(plan.steps.is_empty() && plan.runnable);
    assert_eq!(plan.report, Report::default());
}

#[test]
fn a_mapping_that_cannot_be_read_is_a_warning_with_its_place() {
    let steps = vec![calls(1, "get_deal", &json!({"name": "${inputs.a ? inputs.a : 'x'}"}))];
    let plan = planned(&sequence("s", steps), &Links::new());
    assert!(warnings(&plan)[0].starts_with("metadata.workflow[0].input_mapping.name: `${inputs.a ?"));
    assert!(plan.runnable);
}

#[test]
fn endless_sequences_are_refused() {
    let steps = (0..10_000).map(|n| calls(n, "get_deal", &json!({}))).collect();
    let plan = planned(&sequence("s", steps), &Links::new());
    assert_eq!(errors(&plan), ["metadata.workflow: has 10000 steps, and 50 is the most"]);
    assert!(plan.steps.is_empty());
}

/// A sequence whose steps follow these.
fn following(name: &str, others: &[&str]) -> Skill {
    sequence(name, (1..).zip(others).map(|(order, other)| follows(order, other, &json!({}))).collect())
}

/// What is told of skills that are to be written, an error each.
fn told(written: &[Skill], was: &Links) -> Vec<Option<String>> {
    let written: Vec<&Skill> = written.iter().collect();
    let first = |report: Report| report.errors.first().map(|error| error.problem.clone());
    beside(&written, was).into_iter().map(first).collect()
}

#[test]
fn skills_that_are_written_together_are_judged_in_no_order() {
    let was = links(&[("sx", &["sy"])]);
    assert_eq!(told(&[following("sy", &["sx"]), skill("sx")], &was), [None, None]);
    let circle = [following("a", &["b"]), following("b", &["c"]), following("c", &["b"]), skill("d")];
    let said = |text: &str| Some(format!("leads in a circle: {text}"));
    let expected = [None, said("b → c → b"), said("c → b → c"), None];
    assert_eq!(told(&circle, &Links::new()), expected);
    let reversed: Vec<Skill> = circle.into_iter().rev().collect();
    assert_eq!(told(&reversed, &Links::new()), expected.into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn what_only_a_refused_skill_would_make_good_is_refused_as_well() {
    // The new sx is refused, and so sy would lead to the old one, and that back to sy.
    let was = links(&[("sx", &["sy"])]);
    let written = [following("sy", &["sx"]), following("sx", &["t"]), following("t", &["sx"])];
    let said = |text: &str| Some(format!("leads in a circle: {text}"));
    assert_eq!(told(&written, &was), [said("sy → sx → sy"), said("sx → t → sx"), said("t → sx → t")]);
}

#[test]
fn a_skill_must_not_keep_one_above_it_from_running() {
    let was = links(&[("top", &["middle"]), ("middle", &["low"]), ("loop", &["loop", "low"]), ("low", &[])]);
    let chain = (1..8).map(|n| (key(&format!("c{n}")), leads([key(&format!("c{}", n + 1))])));
    let was: Links = was.into_iter().chain(chain).collect();
    let too_deep = "keeps the skill `middle` from running, which then leads 9 skills deep, and 8 is the most: \
                    middle → low";
    assert_eq!(told(&[following("low", &["c1"])], &was)[0].as_deref(), Some(too_deep));
    assert_eq!(told(&[following("low", &["c3"])], &was), [None], "8 deep");
    // It has been so before, and is so no more than before.
    let broken: Links = was.clone().into_iter().chain([(key("low"), leads([key("c1")]))]).collect();
    assert_eq!(told(&[following("low", &["c1"])], &broken), [None]);
    assert_eq!(told(&[skill("low")], &broken), [None]);
}

#[test]
fn all_steps_count_those_that_open_a_sequence_and_those_of_fallbacks_too() {
    let calling = |name: &str, steps: u32| {
        sequence(name, (1..=steps).map(|order| calls(order, "get_deal", &json!({}))).collect())
    };
    let was: Links = [calling("ten", 10), calling("nine", 9), skill("plain")]
        .iter()
        .map(|skill| (skill.key.clone(), Leads::of(skill)))
        .collect();
    let with_fallback = |follows_key: &str, fallback: &str| Step {
        on_failure: OnFailure::Fallback,
        fallback_skill_key: Some(key(fallback)),
        ..follows(9, follows_key, &json!({}))
    };
    let four = following("top", &["ten", "ten", "ten", "ten"]);
    let with = |step: Step| Skill { steps: [four.steps.clone(), vec![step]].concat(), ..four.clone() };
    for (skill, steps) in [
        (with(follows(9, "plain", &json!({}))), None),
        (with(with_fallback("plain", "plain")), None),
        (with(with_fallback("plain", "nine")), Some(55)),
        (with(with_fallback("ten", "plain")), Some(56)),
        (with(follows(9, "ten", &json!({}))), Some(55)),
    ] {
        let counted = "those of the sequences that it follows counted, and 50 is the most";
        let expected = steps.map(|steps| format!("has {steps} steps, {counted}"));
        assert_eq!(told(&[skill], &was), [expected]);
    }
    let was: Links = was.into_iter().chain([(key("top"), Leads::of(&four))]).collect();
    let said = told(&[calling("ten", 12)], &was)[0].clone().expect("an error");
    assert!(said.starts_with("keeps the skill `top` from running, which then has 52 steps"), "{said}");
    // Doubled again and again, they are counted all the same.
    let doubled: Links = (0..400)
        .map(|n| (key(&format!("x{n}")), leads([key(&format!("x{}", n + 1)), key("x400")])))
        .collect();
    assert!(told(&[following("x400", &[])], &doubled)[0].is_none());
}
