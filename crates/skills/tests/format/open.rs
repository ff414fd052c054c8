//! Documents of the open format whose authors mean something of their own by keys that Sixty has.

use serde_json::{Value, json};
use skills::{Reading, Skill};

use crate::common::{problems, read};

/// A document of the open format with these lines under `metadata`, in the folder `k`.
fn open(metadata: &str) -> String {
    let lines: String = metadata.lines().map(|line| format!("  {line}\n")).collect();
    format!("---\nname: k\ndescription: b\nmetadata:\n{lines}---\nBody\n")
}

/// The skill and its one warning, as `field: problem`.
fn warned(metadata: &str) -> (Skill, String) {
    let Reading { skill, report } = read("k", &open(metadata));
    let told = problems(&report);
    assert_eq!(report.errors, [], "{metadata}");
    assert_eq!(told.len(), 1, "{metadata}: {told:?}");
    (skill.expect("a skill"), told[0].clone())
}

#[test]
fn a_value_that_a_key_cannot_have_is_kept_as_the_authors_words() {
    let cases = [
        ("timeout_ms: fast", json!("fast"), "must be a whole number from 1 to 86400000"),
        ("workflow: none", json!("none"), "has no steps of a sequence"),
        ("workflow: [read it, sum it up]", json!(["read it", "sum it up"]), "has no steps of a sequence"),
        ("workflow: [{step: a, tool: grep}]", json!([{"step": "a", "tool": "grep"}]), "has no steps"),
        ("author: {name: Ann}", json!({"name": "Ann"}), "must be text, and is a map"),
        ("version: [1, 2]", json!([1, 2]), "must be text, and is a list"),
        ("skill_type: knowledge", json!("knowledge"), "must be one of atomic, sequence, composite"),
        ("execution_mode: local", json!("local"), "must be one of sync, async, streaming"),
        ("mode: {a: b}", json!({"a": "b"}), "must be text"),
        ("command_centre: go", json!("go"), "must be a map, and is text"),
        ("triggers: [{on: push}]", json!([{"on": "push"}]), "is required"),
        ("triggers: ['/(/']", json!(["/(/"]), "is not a regular expression"),
        ("linked_skills: Other Skill", json!("Other Skill"), "which is no key of a skill"),
        ("tags: {a: b}", json!({"a": "b"}), "must be text"),
        ("deprecated_by: {a: b}", json!({"a": "b"}), "must be text"),
        ("license: [MIT]", json!(["MIT"]), "must be text"),
    ];
    for (lines, words, problem) in cases {
        let Reading { skill, report } = read("k", &open(lines));
        let name = lines.split(':').next().unwrap();
        let skill = skill.unwrap_or_else(|| panic!("{lines}: {report:?}"));
        assert_eq!(skill.other[name], words, "{lines}");
        assert!(!skill.is_sequence() && skill.timeout_ms.is_none(), "{lines}");
        let told = problems(&report);
        let kept = "it is kept as the author's words, and does nothing";
        let is_told = |it: &String| it.contains(problem) && it.ends_with(kept) && it.contains(name);
        assert!(told.iter().any(is_told), "{lines}: {told:?}");
    }
}

#[test]
fn inputs_and_outputs_that_cannot_be_read_are_ignored() {
    for (lines, problem) in [
        ("inputs: [{type: text}]", "has no name"),
        ("input_schema: text", "must be a map"),
        ("outputs: [[a]]", "must be text"),
        ("output_schema: {type: array}", "must be the schema of an object"),
    ] {
        let (skill, told) = warned(lines);
        assert!(told.contains(problem) && told.ends_with("it is ignored"), "{told}");
        assert_eq!((skill.input_schema, skill.output_schema), (None, None));
    }
    // Of two ways to say it, the one that can be read is written.
    let both =
        read("k", &open("outputs: [{type: text}]\noutput_schema: {properties: {a: {}}}")).skill.unwrap();
    assert_eq!(read("k", &skills::write(&both)).skill, Some(both));
}

#[test]
fn what_is_kept_as_words_is_written_and_exported_as_words() {
    let lines = "timeout_ms: fast\nworkflow: none\nskill_type: guide\ntitle: A title\nauthor: {name: Ann}\n\
                 is_active: perhaps\nnamespace: {a: b}\nlicense: [MIT]\ncommand_centre: go";
    let skill = read("k", &open(lines)).skill.unwrap();
    let written = skills::write(&skill);
    let again = read("k", &written);
    assert_eq!(again.skill.as_ref(), Some(&skill), "{written}");
    assert_eq!(skills::write(&skill), written);
    let (exported, report) = skills::export_open(&skill);
    assert_eq!(report.errors, []);
    let again = read("k", &exported).skill.unwrap();
    assert_eq!((&again.name, &again.other), (&skill.name, &skill.other), "{exported}");
}

#[test]
fn what_cannot_be_read_widens_nothing() {
    let (skill, told) = warned("is_active: perhaps");
    assert!(!skill.active && told.ends_with("the skill is switched off"), "{told}");
    let (skill, told) = warned("namespace: {fleet: yes}");
    assert!(!skills::offer::is_offered(&skill) && told.ends_with("the skill is offered nowhere"), "{told}");
    let document = "---\nname: k\ndescription: b\nallowed-tools:\n  bash: git\n---\nx";
    let Reading { skill, report } = read("k", document);
    assert_eq!(skill.unwrap().allowed_tools, Some(Vec::new()));
    assert!(problems(&report)[0].ends_with("no tool is given for it"), "{report:?}");
}

#[test]
fn a_sequence_whose_steps_cannot_be_read_is_no_other_skill() {
    for steps in [
        "workflow: [{order: 1}]",
        "workflow: [{skill_key: a, action: b}]",
        "workflow: [just words, {action: get_deal, on_failure: retry}]",
        "workflow: {action: get_deal, requires_approval: perhaps}",
        "sequence_steps: [{order: 1, action: a}, {order: 1, action: b}]",
        "skill_type: sequence\nworkflow: none",
        "skill_type: composite\nworkflow: [read it]",
    ] {
        let Reading { skill, report } = read("k", &open(steps));
        assert!(skill.is_none() && !report.errors.is_empty(), "{steps}");
    }
}

#[test]
fn a_document_with_keys_or_a_name_of_its_own_is_held_to_sixtys_format() {
    let titled = "---\nname: A title\ndescription: b\nmetadata:\n  timeout_ms: fast\n---\n";
    let top = "---\nname: k\ndescription: b\ncategory: x\nmetadata:\n  timeout_ms: fast\n---\n";
    for document in [titled, top] {
        let report = read("k", document).report;
        assert_eq!(report.errors.len(), 1, "{document}");
    }
}

#[test]
fn front_matter_may_begin_and_end_as_the_open_formats_validator_lets_it() {
    let cases = [
        ("--- # a comment\nname: k\ndescription: b\n---\nBody", "Body", 1),
        ("---\nname: k\ndescription: b\n--- Body", " Body", 4),
        ("---\nname: k\ndescription: b\n----\nBody", "-\nBody", 4),
        ("---\nname: k\ndescription: b --- Body", " Body", 3),
        ("---\nname: k\ndescription: b\n  ---\nBody\n---\nmore", "Body\n---\nmore", 4),
    ];
    for (document, body, line) in cases {
        let Reading { skill, report } = read("k", document);
        assert_eq!(skill.map(|it| (it.description, it.body)), Some(("b".into(), body.into())), "{document}");
        let said: Vec<_> = report.warnings.iter().map(|it| (it.problem.as_str(), it.line)).collect();
        let more = "has more than `---` on a line where the front matter begins or ends";
        assert_eq!(said, [(more, Some(line))], "{document}");
    }
    let whole = read("k", "---\nname: k\ndescription: a --- b\n---\nx").skill.unwrap();
    assert_eq!(whole.description, "a --- b", "hyphens in a line are text where that can be read");
    let lost = "---\nname: k\ndescription: a --- b: c\nmetadata:\n  workflow: [{action: get_deal}]\n---\nx";
    assert!(read("k", lost).skill.is_none(), "no step is lost");
}

#[test]
fn line_breaks_of_old_systems_are_line_breaks() {
    let Reading { skill, report } = read("k", "---\rname: k\rdescription: b\r---\rOne\rTwo\r");
    assert_eq!(skill.unwrap().body, "One\nTwo\n");
    assert_eq!(
        problems(&report),
        [": has a carriage return that stands alone; such are read as line breaks"]
    );
}

#[test]
fn values_that_fit_mean_what_they_mean_everywhere() {
    let document = open("timeout_ms: 5000\nworkflow: [{action: get_deal}]\nauthor: Ann");
    let skill = read("k", &document).skill.unwrap();
    assert_eq!((skill.timeout_ms, skill.steps.len(), skill.author.as_deref()), (Some(5_000), 1, Some("Ann")));
    assert_eq!(Value::Object(skill.other), json!({}));
}
