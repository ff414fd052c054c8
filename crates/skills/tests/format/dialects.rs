//! Both dialects are read, under every spelling.

use crate::common::{problems, read, skill};
use serde_json::json;
use skills::{
    Finding,
    skill::{ExecutionMode, Kind, Mode, Pattern},
    step::{Does, OnFailure},
};

fn fields(found: &[Finding]) -> Vec<&str> {
    found.iter().map(|finding| finding.field.as_str()).collect()
}

/// A skill with these lines under `metadata`.
fn with(metadata: &str) -> String {
    let lines: String = metadata.lines().map(|line| format!("  {line}\n")).collect();
    format!("---\nname: Deal rescue\ndescription: Saves deals\nmetadata:\n{lines}---\n# Steps\n")
}

#[test]
fn a_skill_of_the_open_format_is_read_without_a_warning() {
    let document = "---\nname: pdf-forms\ndescription: Fills PDF forms.\nlicense: Apache-2.0\n\
        compatibility: needs Python\nallowed-tools: Bash(git add:*) Read, Grep\nmetadata:\n  author: example\n  \
        version: \"1.0\"\n---\nBody\n";
    let reading = read("pdf-forms", document);
    assert_eq!(problems(&reading.report), [""; 0]);
    let skill = reading.skill.unwrap();
    assert_eq!((skill.name.as_str(), skill.kind, skill.active), ("pdf-forms", Kind::Atomic, true));
    assert_eq!(skill.license.as_deref(), Some("Apache-2.0"));
    assert_eq!(skill.compatibility.as_deref(), Some("needs Python"));
    let tools = ["Bash(git add:*)", "Read", "Grep"].map(str::to_owned).to_vec();
    assert_eq!(skill.allowed_tools, Some(tools));
    assert_eq!((skill.author.as_deref(), skill.version.as_deref()), (Some("example"), Some("1.0")));
    assert_eq!(skill.body, "Body\n");
}

#[test]
fn the_title_is_the_name_where_the_name_is_the_key() {
    let skill = skill("---\nname: deal-rescue\ndescription: x\nmetadata:\n  title: Deal Rescue!\n---\nx");
    assert_eq!(skill.name, "Deal Rescue!");
}

#[test]
fn every_key_is_read_at_either_level_with_a_warning_for_the_older() {
    let below = read("k", &with("category: writing\nversion: 2.10\npriority: high\nauthor: Ann"));
    let top = read(
        "k",
        "---\nname: Deal rescue\ndescription: Saves deals\ncategory: writing\nversion: 2.10\npriority: high\n\
        author: Ann\n---\n# Steps\n",
    );
    assert_eq!(below.skill, top.skill);
    assert_eq!(below.skill.unwrap().version.as_deref(), Some("2.10"), "as it is written");
    assert!(below.report.warnings.is_empty());
    assert_eq!(fields(&top.report.warnings), ["category", "version", "priority", "author"]);
    assert_eq!(top.report.warnings[0].suggestion.as_deref(), Some("metadata.category"));
    assert_eq!(top.report.warnings[0].line, Some(4));
}

#[test]
fn older_spellings_are_read_with_a_warning() {
    let reading = read(
        "k",
        &with(
            "requires_context: [deal, a OR b]\nsequence_steps:\n- order: 1\n  action: create_task\n  \
            needs_confirmation: true\noutput_format: brief\ncommand_center: {label: go}\nnamespaces: slack",
        ),
    );
    let skill = reading.skill.unwrap();
    let needs: Vec<_> = skill.required_context.into_iter().map(|needs| needs.0).collect();
    assert_eq!(needs, [vec!["deal".to_owned()], vec!["a".to_owned(), "b".to_owned()]]);
    assert!(skill.steps[0].requires_approval);
    assert_eq!(skill.card.as_deref(), Some("brief"));
    assert_eq!(skill.command.unwrap().label, "go");
    assert_eq!(skill.namespaces, ["slack"]);
    let suggested: Vec<_> = reading.report.warnings.iter().filter_map(|w| w.suggestion.as_deref()).collect();
    let canonical = [
        "workflow",
        "requires_approval",
        "command_centre",
        "required_context",
        "namespace",
        "structured_response_type",
    ];
    for name in canonical {
        assert!(suggested.contains(&name), "{name} in {suggested:?}");
    }
}

#[test]
fn of_two_spellings_the_first_counts_and_the_other_is_named() {
    let reading = read("k", &with("required_context: [deal]\nrequires_context: [contact]"));
    assert_eq!(
        problems(&reading.report),
        ["metadata.requires_context: is ignored, because metadata.required_context says the same"]
    );
    assert_eq!(reading.skill.unwrap().required_context[0].0, ["deal"]);
}

#[test]
fn patterns_are_told_apart_by_how_they_are_written() {
    let cases = [
        ("at risk deal", Pattern::Phrase("at risk deal".into())),
        ("what's up?", Pattern::Phrase("what's up?".into())),
        ("follow up with [contact name]", Pattern::Template("follow up with [contact name]".into())),
        ("/rescue", Pattern::Command("rescue".into())),
        ("/rescue [deal]", Pattern::Command("rescue".into())),
        ("meeting.ended", Pattern::Event("meeting.ended".into())),
        ("deal_stage_changed", Pattern::Event("deal_stage_changed".into())),
        ("deal:lost", Pattern::Event("deal:lost".into())),
        ("(rescue|save) .* deal", Pattern::Regex("(rescue|save) .* deal".into())),
        ("/^save\\b/i", Pattern::Regex("^save\\b".into())),
        ("/a.b/ms", Pattern::Regex("(?ms)a.b".into())),
        ("prep for [a-z]+", Pattern::Regex("prep for [a-z]+".into())),
        ("a | b", Pattern::Phrase("a | b".into())),
    ];
    for (written, wanted) in cases {
        let skill = skill(&with(&format!("triggers:\n- pattern: {}", json!(written))));
        assert_eq!(skill.triggers[0].pattern, wanted, "{written}");
    }
}

#[test]
fn triggers_have_intent_confidence_and_examples_and_a_plain_one_0_7() {
    let skill = skill(&with(
        "triggers:\n- plain words\n- pattern: save it\n  intent: rescue\n  confidence: 0.9\n  examples: [a, b]\n\
        - event: Deal lost",
    ));
    let [plain, full, event] = &skill.triggers[..] else { panic!("{:?}", skill.triggers) };
    assert!((plain.confidence - 0.7).abs() < 1e-9 && (full.confidence - 0.9).abs() < 1e-9);
    assert_eq!(
        (full.intent.as_deref(), &full.examples[..]),
        (Some("rescue"), &["a".to_owned(), "b".to_owned()][..])
    );
    assert_eq!(event.pattern, Pattern::Event("Deal lost".into()));
}

#[test]
fn inputs_become_a_json_schema() {
    let skill = skill(&with(
        "inputs:\n- name: deal_id\n  type: string\n  description: Which\n  required: true\n  example: D-42\n\
        - {name: period, enum: [week, month], default: week}\n- {name: since, type: date}\n\
        - {name: tags, type: 'string[]'}\n- {name: n, type: 'int | null'}",
    ));
    let schema = json!({
        "type": "object",
        "properties": {
            "deal_id": {"type": "string", "description": "Which", "examples": ["D-42"]},
            "period": {"enum": ["week", "month"], "default": "week"},
            "since": {"type": "string", "format": "date"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "n": {"type": ["integer", "null"]},
        },
        "required": ["deal_id"],
    });
    assert_eq!(skill.input_schema, Some(schema));
    assert_eq!(
        skill.inputs.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(),
        ["deal_id", "period", "since", "tags", "n"]
    );
    assert!(skill.inputs[0].required && !skill.inputs[1].required);
}

#[test]
fn outputs_may_be_texts_or_objects_and_schemas_are_taken_as_they_are() {
    let texts = skill(&with("outputs:\n- risk_score\n- 'plan: what to do'\n- A list of three next steps"));
    assert_eq!(
        texts.output_schema,
        Some(json!({"type": "object", "properties": {
            "risk_score": {},
            "plan": {"description": "what to do"},
            "a_list_of_three_next_steps": {"description": "A list of three next steps"},
        }}))
    );
    let both = skill(&with(
        "input_schema: {properties: {q: {type: string}}, required: [q]}\noutput_schema: {type: object}",
    ));
    assert_eq!(both.inputs[0].name, "q");
    assert!(both.inputs[0].required);
    assert_eq!(both.output_schema, Some(json!({"type": "object"})));
}

#[test]
fn switched_off_skills_say_why() {
    let skill = skill(&with("is_active: false\ndeprecated_by: deal-saver\ndeprecation_reason: merged"));
    assert!(!skill.active);
    let deprecation = skill.deprecation.unwrap();
    assert_eq!(
        (deprecation.by.as_deref(), deprecation.reason.as_deref()),
        (Some("deal-saver"), Some("merged"))
    );
}

#[test]
fn a_command_is_one_word_and_may_be_switched_off() {
    let command =
        skill(&with("command_centre: {enabled: true, label: /rescue, description: d, icon: life-buoy}"));
    let command = command.command.unwrap();
    assert_eq!((command.label.as_str(), command.icon.as_deref()), ("rescue", Some("life-buoy")));
    let reading = read("k", &with("command_centre: {label: Rescue a Deal}"));
    assert_eq!(reading.report.warnings[0].suggestion.as_deref(), Some("rescue-a-deal"));
    assert_eq!(reading.skill.unwrap().command.unwrap().label, "rescue-a-deal");
    let off = skill(&with("command_centre: {enabled: false, label: rescue}"));
    assert_eq!((off.command, off.other["command_centre"]["label"].as_str()), (None, Some("rescue")));
    assert_eq!(skill(&with("command_centre: {enabled: true}")).command.unwrap().label, "k");
}

#[test]
fn open_values_are_kept_with_a_warning_where_they_are_unusual() {
    let reading = read(
        "k",
        &with(
            "category: wining\ncontext_profile: legal\nagent_affinity: [pipeline, butler]\npriority: system\n\
            requires_capabilities: [crm, fax]\nnamespace: [slack, moon]\nmode: twice",
        ),
    );
    let skill = reading.skill.unwrap();
    assert_eq!(skill.context_profile.as_deref(), Some("legal"));
    assert_eq!(skill.agent_affinity, ["pipeline", "butler"]);
    assert_eq!(skill.priority.as_deref(), Some("system"));
    assert_eq!(skill.mode, Mode::Auto);
    assert_eq!(
        fields(&reading.report.warnings),
        [
            "metadata.category",
            "metadata.context_profile",
            "metadata.agent_affinity[1]",
            "metadata.priority",
            "metadata.requires_capabilities[1]",
            "metadata.namespace[1]",
            "metadata.mode",
        ]
    );
    let category = reading.report.warnings.iter().find(|w| w.field == "metadata.category").unwrap();
    assert_eq!(category.suggestion.as_deref(), Some("writing"));
}

#[test]
fn unknown_and_inert_keys_are_kept_with_a_warning() {
    let reading = read("k", &with("trigers: [a]\nsignal_triggers: {x: 1}\npipeline: p\nactions: [b]"));
    let skill = reading.skill.unwrap();
    assert_eq!(
        serde_json::Value::Object(skill.other),
        json!({
            "trigers": ["a"], "signal_triggers": {"x": 1}, "pipeline": "p", "actions": ["b"],
        })
    );
    let unknown = reading.report.warnings.iter().find(|w| w.field == "metadata.trigers").unwrap();
    assert_eq!((unknown.suggestion.as_deref(), unknown.line), (Some("triggers"), Some(5)));
    assert_eq!(reading.report.warnings.len(), 4);
}

#[test]
fn steps_are_read_with_everything_they_say() {
    let skill = skill(&with(
        "skill_type: sequence\nexecution_mode: async\nmode: agent\ntimeout_ms: 60000\nlinked_skills: [a, {key: b}]\n\
        workflow:\n- order: 2\n  action: draft_email\n  input_mapping: {body: '${outputs.brief.data.text}'}\n  \
        on_failure: fallback\n  fallback_skill_key: plain-mail\n  requires_approval: true\n  description: Write\n  \
        timeout_ms: 5000\n  max_retries: 2\n- {order: 1, skill_key: research-brief, output_key: brief}",
    ));
    let keys: Vec<_> = skill.linked_skills.iter().map(skills::Key::as_str).collect();
    assert_eq!((keys, skill.timeout_ms, skill.mode), (vec!["a", "b"], Some(60_000), Mode::Agent));
    assert_eq!((skill.kind, skill.execution_mode), (Kind::Sequence, ExecutionMode::Async));
    let [first, second] = &skill.steps[..] else { panic!("{:?}", skill.steps) };
    assert_eq!((first.order, first.output_key.as_deref()), (1, Some("brief")));
    assert!(matches!(&first.does, Does::Skill(key) if key.as_str() == "research-brief"));
    assert_eq!(second.does, Does::Action("draft_email".into()));
    assert_eq!(
        (second.on_failure, second.requires_approval, second.max_retries),
        (OnFailure::Fallback, true, 2)
    );
    assert_eq!(second.timeout_ms, Some(5000));
    assert_eq!(second.input_mapping["body"], "${outputs.brief.data.text}");
    assert_eq!(second.fallback_skill_key.as_ref().unwrap().as_str(), "plain-mail");
    assert_eq!(second.description.as_deref(), Some("Write"));
}

#[test]
fn a_sequence_without_steps_is_an_instruction_with_a_warning() {
    let reading = read("k", &with("skill_type: sequence\ntriggers: [deal_lost]"));
    assert_eq!(reading.skill.unwrap().kind, Kind::Sequence);
    assert_eq!(fields(&reading.report.warnings), ["metadata.workflow"]);
}

#[test]
fn what_nobody_can_see_is_taken_out_of_every_part() {
    let document =
        "\u{FEFF}---\r\nname: Deal\u{200B} rescue\r\ndescription: \"a\\u202eb\"\r\n---\r\nbo\u{E0041}dy\r\n";
    let reading = read("k", document);
    let skill = reading.skill.unwrap();
    assert_eq!((skill.name.as_str(), skill.description.as_str()), ("Deal rescue", "ab"));
    assert_eq!(skill.body, "body\r\n");
    let found: Vec<_> = reading.report.warnings.iter().map(|w| (w.field.as_str(), w.line)).collect();
    assert_eq!(found, [("", Some(2)), ("", Some(3)), ("body", Some(5))]);
}

#[test]
fn of_two_spellings_of_an_approval_the_stricter_counts() {
    for (lines, wanted) in [
        ("requires_approval: false, needs_confirmation: true", true),
        ("requires_approval: true, needs_confirmation: false", true),
        ("requires_approval: false, needs_confirmation: false", false),
        ("needs_confirmation: true", true),
    ] {
        let step = format!("- {{order: 1, action: create_task, {lines}}}");
        let skill = skill(&with(&format!("skill_type: sequence\nworkflow:\n{step}")));
        assert_eq!(skill.steps[0].requires_approval, wanted, "{lines}");
    }
}

#[test]
fn what_mappings_read_of_inputs_and_context_is_there_or_told() {
    let sequence = |inputs: &str| {
        format!(
            "---\nname: a\ndescription: b\nmetadata:\n{inputs}  workflow:\n    - order: 1\n      action: get_deal\n      \
             input_mapping: {{a: '${{inputs.deal_nam}}', b: 'to ${{trigger.params.zzz[0]}}', c: '${{inputs.deal_id}}',\n        \
             d: '${{context.company_nam}} ${{context.user.name}} ${{context.timezone}} ${{context.deal_id}} ${{context.currency}}'}}\n---\nx"
        )
    };
    let reading = read("k", &sequence("  inputs: [{name: deal_name}]\n"));
    let told: Vec<_> =
        reading.report.warnings.iter().map(|it| (it.problem.as_str(), it.suggestion.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("reads inputs.deal_nam, which is no input of the skill: it is null", Some("deal_name")),
            ("reads trigger.params.zzz[0], which is no input of the skill: it is null", None),
            ("reads context.company_nam, which no profile has: it is null", Some("company_name")),
        ]
    );
    let said = problems(&read("k", &sequence("")).report);
    let all = "metadata.inputs: is missing, and the steps read inputs: deal_id, deal_nam, zzz";
    assert!(said.iter().any(|it| it.contains(all)), "{said:?}");
}
