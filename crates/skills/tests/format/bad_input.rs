//! What is wrong is named with its place, and nothing that is wrong does harm.

use std::fmt::Write as _;

use skills::{Finding, limits};

use crate::common::read;

/// An error or a warning: `line field | words of the problem`.
struct Case {
    name: &'static str,
    document: String,
    field: &'static str,
    line: Option<usize>,
    says: &'static str,
}

fn case(name: &'static str, document: &str, at: (&'static str, Option<usize>), says: &'static str) -> Case {
    Case { name, document: document.to_owned(), field: at.0, line: at.1, says }
}

/// Lines under `metadata`, of which the first is the document's fifth.
fn meta(name: &'static str, lines: &str, at: (&'static str, usize), says: &'static str) -> Case {
    let lines: String = lines.lines().map(|line| format!("  {line}\n")).collect();
    let document = format!("---\nname: a\ndescription: b\nmetadata:\n{lines}---\nBody\n");
    case(name, &document, (at.0, Some(at.1)), says)
}

/// Lines at the top, of which the first is the document's second.
fn top(name: &'static str, lines: &str, at: (&'static str, usize), says: &'static str) -> Case {
    case(name, &format!("---\n{lines}\n---\nBody\n"), (at.0, Some(at.1)), says)
}

fn framing() -> Vec<Case> {
    let head = "---\nname: a\ndescription: b\n---\n";
    vec![
        case("nothing", "", ("", Some(1)), "does not begin with front matter"),
        case("no front matter", "# Hello\n", ("", Some(1)), "does not begin with front matter"),
        case("no end", "---\nname: a\n", ("", Some(1)), "does not end"),
        case("empty front matter", "---\n---\nx", ("name", Some(2)), "is required"),
        case("U+0000", "---\nname: a\0\n---\n", ("", Some(2)), "U+0000"),
        case("U+0000 in the body", &format!("{head}a\nb\0"), ("", Some(6)), "U+0000"),
        case("1 MB body", &format!("{head}{}", "x".repeat(1 << 20)), ("", None), "is the most"),
        case(
            "long front matter",
            &format!("---\nname: {}\n---\n", "x".repeat(limits::FRONT_MATTER)),
            ("", None),
            "front matter of 65543 bytes",
        ),
        top("a list", "- a\n- b", ("", 2), "is a list, and must be a map"),
        top("a text", "hello", ("", 2), "is text, and must be a map"),
    ]
}

fn yaml() -> Vec<Case> {
    let deep = format!("name: {}1{}", "[".repeat(100), "]".repeat(100));
    let deep_block: String = (0..60).fold(String::new(), |mut text, i| {
        let _ = writeln!(text, "{}a:", " ".repeat(i));
        text
    });
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
        d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]";
    let long = "x".repeat(4_000);
    let repeats = format!("name: a\ndescription: b\nx: &x {long}\ny: [{}]", "*x,".repeat(40));
    vec![
        top("unclosed list", "name: [a", ("", 2), "is not YAML"),
        top("unclosed quote", "name: \"a\ndescription: b", ("", 2), "is not YAML: unclosed quote"),
        top("colon in a text", "name: a\ndescription: use: it", ("", 3), "mapping values are not allowed"),
        top("tab for spaces", "name: a\nmetadata:\n\tcategory: x", ("", 4), "is not YAML"),
        top("unknown anchor", "name: *a", ("", 2), "unknown anchor"),
        top("an anchor within itself", "name: &a {b: *a}", ("", 2), "is not YAML"),
        top("two documents", "name: a\n...\nb: c", ("", 4), "is not YAML: multiple"),
        top("a list as a key", "? [a]\n: b", ("", 2), "is not YAML"),
        top("deep flow", &deep, ("", 2), "nested deeper than 24 levels"),
        case(
            "deep block",
            &format!("---\n{deep_block}---\n"),
            ("", Some(26)),
            "nested deeper than 24 levels",
        ),
        top("alias bomb", bomb, ("", 6), "repeats more than 10000 values"),
        case("repeated texts", &format!("---\n{repeats}\n---\n"), ("", None), "all that its aliases repeat"),
        top(
            "duplicate key",
            "name: a\ndescription: b\nname: c",
            ("name", 4),
            "stands twice, first on line 2",
        ),
        meta("duplicate below", "tags: [a]\nversion: 1\ntags: [b]", ("metadata.tags", 7), "stands twice"),
        meta(
            "duplicate in a record",
            "triggers:\n- pattern: a\n  pattern: b",
            ("metadata.triggers[0].pattern", 7),
            "stands twice",
        ),
        top("escaped U+0000", "name: \"a\\0\"\ndescription: b", ("", 2), "U+0000"),
        top("long key", &format!("name: a\n? {}\n: 1", "k".repeat(300)), ("", 3), "key of more than 200"),
    ]
}

fn required() -> Vec<Case> {
    let long = "x".repeat(9_000);
    vec![
        top("no name", "description: b", ("name", 2), "is required"),
        top("no description", "name: a", ("description", 2), "is required"),
        top("empty name", "name: ''\ndescription: b", ("name", 2), "is empty"),
        top("blank description", "name: a\ndescription: '  '", ("description", 3), "is empty"),
        top("name is a list", "name: [a]\ndescription: b", ("name", 2), "must be text, and is a list"),
        top(
            "description is a map",
            "name: a\ndescription: {x: 1}",
            ("description", 3),
            "must be text, and is a map",
        ),
        top("long name", &format!("name: {}\ndescription: b", &long[..201]), ("name", 2), "201 characters"),
        top(
            "long description",
            &format!("name: a\ndescription: {long}"),
            ("description", 3),
            "9000 characters",
        ),
        top(
            "tools are a map",
            "name: a\ndescription: b\nallowed-tools: {a: {b: c}}",
            ("allowed-tools", 4),
            "must be text",
        ),
    ]
}

fn types() -> Vec<Case> {
    vec![
        meta(
            "skill_type",
            "skill_type: squence",
            ("metadata.skill_type", 5),
            "one of atomic, sequence, composite",
        ),
        meta("execution_mode", "execution_mode: later", ("metadata.execution_mode", 5), "one of sync, async"),
        meta("is_active", "is_active: maybe", ("metadata.is_active", 5), "must be true or false"),
        meta("is_active is a list", "is_active: [true]", ("metadata.is_active", 5), "must be true or false"),
        meta("timeout is text", "timeout_ms: soon", ("metadata.timeout_ms", 5), "must be a whole number"),
        meta("timeout is negative", "timeout_ms: -1", ("metadata.timeout_ms", 5), "must be a whole number"),
        meta(
            "timeout is endless",
            "timeout_ms: 999999999999",
            ("metadata.timeout_ms", 5),
            "must be a whole number",
        ),
        meta("category is a map", "category: {a: b}", ("metadata.category", 5), "must be text"),
        meta("tags hold a list", "tags: [[a]]", ("metadata.tags[0]", 5), "must be text, and is a list"),
        meta("too many tags", &format!("tags: [{}]", "a,".repeat(201)), ("metadata.tags", 5), "201 items"),
        meta("command is text", "command_centre: go", ("metadata.command_centre", 5), "must be a map"),
        meta(
            "command is no word",
            "command_centre: {label: '!'}",
            ("metadata.command_centre.label", 5),
            "must be a word",
        ),
        meta("schema is text", "input_schema: x", ("metadata.input_schema", 5), "must be a map"),
        meta(
            "schema of a list",
            "output_schema: {type: array}",
            ("metadata.output_schema", 5),
            "schema of an object",
        ),
        meta(
            "schema refers elsewhere",
            "output_schema: {properties: {a: {$ref: 'http://x'}}}",
            ("metadata.output_schema", 5),
            "must not refer",
        ),
        meta("input without a name", "inputs:\n- type: string", ("metadata.inputs[0]", 6), "has no name"),
        meta("input twice", "inputs:\n- {name: a}\n- {name: a}", ("metadata.inputs[1]", 7), "a second time"),
        meta("input is a list", "inputs: [[a]]", ("metadata.inputs[0]", 5), "must be text"),
        meta(
            "enum is empty",
            "inputs: [{name: a, enum: []}]",
            ("metadata.inputs[0].enum", 5),
            "must be a list",
        ),
        meta(
            "too deep",
            &format!("x: {}1{}", "[".repeat(18), "]".repeat(18)),
            ("metadata.x", 5),
            "nested deeper",
        ),
        meta("linked skill", "linked_skills: [Deal Rescue]", ("metadata.linked_skills[0]", 5), "is no key"),
    ]
}

fn triggers() -> Vec<Case> {
    let at = |field| (field, 6);
    vec![
        meta("no pattern", "triggers:\n- intent: x", at("metadata.triggers[0].pattern"), "is required"),
        meta("empty pattern", "triggers:\n- pattern: ''", at("metadata.triggers[0].pattern"), "1 to 500"),
        meta("trigger is a list", "triggers:\n- [a]", at("metadata.triggers[0]"), "must be text"),
        meta(
            "confidence",
            "triggers:\n- {pattern: a, confidence: 85}",
            at("metadata.triggers[0].confidence"),
            "0 to 1",
        ),
        meta(
            "confidence is text",
            "triggers:\n- {pattern: a, confidence: high}",
            at("metadata.triggers[0].confidence"),
            "0 to 1",
        ),
        meta("open group", "triggers:\n- '/(a|b/'", at("metadata.triggers[0]"), "not a regular expression"),
        meta("look-ahead", "triggers:\n- '/a(?=b)/'", at("metadata.triggers[0]"), "look-around"),
        meta("back reference", "triggers:\n- '/(a)\\1/'", at("metadata.triggers[0]"), "backreferences"),
        meta(
            "huge expression",
            "triggers:\n- '/(\\w{90}){90}/'",
            at("metadata.triggers[0]"),
            "more than 262144 bytes",
        ),
        meta(
            "deep expression",
            &format!("triggers:\n- '/{}a{}/'", "(".repeat(30), ")".repeat(30)),
            at("metadata.triggers[0]"),
            "nest",
        ),
        meta(
            "long pattern",
            &format!("triggers:\n- {}", "p".repeat(600)),
            at("metadata.triggers[0]"),
            "600 characters",
        ),
        meta(
            "too many",
            &format!("triggers:\n{}", "- a\n".repeat(101)),
            ("metadata.triggers", 5),
            "101 items",
        ),
    ]
}

fn steps() -> Vec<Case> {
    let step = |name, text: &str, at, says| meta(name, &format!("workflow:\n{text}"), at, says);
    vec![
        step("text", "- get_deal", ("metadata.workflow[0]", 6), "must be a map, and is text"),
        step("neither", "- order: 1", ("metadata.workflow[0]", 6), "neither skill_key nor action"),
        step(
            "both",
            "- {order: 1, skill_key: a, action: b}",
            ("metadata.workflow[0]", 6),
            "both skill_key and action",
        ),
        step(
            "order twice",
            "- {order: 1, action: a}\n- {order: 1, action: b}",
            ("metadata.workflow[1].order", 7),
            "is 1 a second time",
        ),
        step(
            "output twice",
            "- {order: 1, action: a, output_key: x}\n- {order: 2, action: b, output_key: x}",
            ("metadata.workflow[1].output_key", 7),
            "is `x` a second time",
        ),
        step(
            "forward",
            "- {order: 1, action: a, input_mapping: {q: '${outputs.x.y}'}}\n- {order: 2, action: b, output_key: x}",
            ("metadata.workflow[0].input_mapping", 6),
            "which step 2 gives only later",
        ),
        step(
            "its own output",
            "- {order: 1, action: a, input_mapping: {q: ['${outputs.x}']}, output_key: x}",
            ("metadata.workflow[0].input_mapping", 6),
            "gives only later",
        ),
        step(
            "self",
            "- {order: 1, skill_key: k}",
            ("metadata.workflow[0].skill_key", 6),
            "is the skill itself",
        ),
        step(
            "self as fallback",
            "- {order: 1, action: a, on_failure: fallback, fallback_skill_key: k}",
            ("metadata.workflow[0].fallback_skill_key", 6),
            "is the skill itself",
        ),
        step(
            "bad key",
            "- {order: 1, skill_key: Deal_Rescue}",
            ("metadata.workflow[0].skill_key", 6),
            "is no key",
        ),
        step(
            "on_failure",
            "- {order: 1, action: a, on_failure: retry}",
            ("metadata.workflow[0].on_failure", 6),
            "one of stop, continue, fallback",
        ),
        step(
            "mapping",
            "- {order: 1, action: a, input_mapping: [x]}",
            ("metadata.workflow[0].input_mapping", 6),
            "must be a map",
        ),
        step("order", "- {order: first, action: a}", ("metadata.workflow[0].order", 6), "whole number"),
        step(
            "retries",
            "- {order: 1, action: a, max_retries: 99}",
            ("metadata.workflow[0].max_retries", 6),
            "from 0 to 10",
        ),
        step(
            "approval",
            "- {order: 1, action: a, requires_approval: perhaps}",
            ("metadata.workflow[0].requires_approval", 6),
            "true or false",
        ),
        step(
            "output key",
            "- {order: 1, action: a, output_key: a.b}",
            ("metadata.workflow[0].output_key", 6),
            "letters, digits",
        ),
        step("too many", &"- {action: a}\n".repeat(51), ("metadata.workflow", 5), "51 items"),
    ]
}

/// Same, but warnings: the skill is taken.
fn warnings() -> Vec<Case> {
    vec![
        meta(
            "linked to itself",
            "linked_skills: [k]",
            ("metadata.linked_skills[0]", 5),
            "is the skill itself",
        ),
        meta(
            "metadata twice named",
            "requires_context: [a]\nrequired_context: [b]",
            ("metadata.requires_context", 5),
            "is ignored",
        ),
        meta("fits everything", "triggers:\n- '.*'", ("metadata.triggers[0]", 6), "fits every message"),
        meta(
            "no such output",
            "workflow:\n- {order: 1, action: a, output_key: deal}\n- {order: 2, action: b, input_mapping: {q: '${outputs.dael}'}}",
            ("metadata.workflow[1].input_mapping", 7),
            "no step gives",
        ),
        meta(
            "no fallback",
            "workflow:\n- {order: 1, action: a, on_failure: fallback}",
            ("metadata.workflow[0]", 6),
            "stops instead",
        ),
        meta("no order", "workflow:\n- {action: a}", ("metadata.workflow[0]", 6), "has no order"),
        meta(
            "steps of an atomic",
            "skill_type: atomic\nworkflow:\n- {order: 1, action: a}",
            ("metadata.skill_type", 5),
            "read as a sequence",
        ),
        meta(
            "unknown type",
            "inputs: [{name: a, type: strin}]",
            ("metadata.inputs[0].type", 5),
            "is no type",
        ),
        meta(
            "unknown in a step",
            "workflow:\n- {order: 1, action: a, retries: 2}",
            ("metadata.workflow[0].retries", 6),
            "is not known",
        ),
        meta(
            "unknown in a trigger",
            "triggers:\n- {pattern: a, weight: 2}",
            ("metadata.triggers[0].weight", 6),
            "is not known",
        ),
        top(
            "metadata is text",
            "name: a\ndescription: b\nmetadata: x",
            ("metadata", 4),
            "is ignored: it must be a map",
        ),
        top(
            "tag characters",
            "name: a\ndescription: b\u{E0041}\u{E0042}",
            ("", 3),
            "has 2 characters that nobody can see",
        ),
        case(
            "bidi in the body",
            "---\nname: a\ndescription: b\n---\nx\ny\u{202E}z",
            ("body", Some(6)),
            "U+202E",
        ),
        case(
            "a body that no copilot is given",
            &format!("---\nname: a\ndescription: b\n---\n{}", "x".repeat(1_000_000)),
            ("body", Some(5)),
            "has 1000000 bytes, and a copilot is given 65536 at most",
        ),
        case("no body", "---\nname: a\ndescription: b\n---\n", ("body", Some(5)), "is empty"),
    ]
}

fn found(found: &[Finding], case: &Case) -> bool {
    found.iter().any(|finding| {
        finding.field == case.field && finding.line == case.line && finding.problem.contains(case.says)
    })
}

#[test]
fn every_error_names_its_place_and_what_is_wrong() {
    let cases: Vec<Case> =
        [framing(), yaml(), required(), types(), triggers(), steps()].into_iter().flatten().collect();
    assert!(cases.len() >= 80, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let reading = read("k", &case.document);
        if reading.skill.is_some() || !found(&reading.report.errors, case) {
            wrong.push(format!("{}: {:?}", case.name, reading.report.errors));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_only_unusual_is_a_warning_with_its_place() {
    let mut wrong = Vec::new();
    for case in warnings() {
        let reading = read("k", &case.document);
        if reading.skill.is_none() || !found(&reading.report.warnings, &case) {
            wrong.push(format!("{}: {:?}", case.name, reading.report));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn suggestions_name_what_was_meant() {
    let suggestion = |lines: &str| {
        let case = meta("", lines, ("", 0), "");
        let report = read("k", &case.document).report;
        let all = [report.errors, report.warnings].concat();
        all.into_iter().find_map(|finding| finding.suggestion)
    };
    assert_eq!(suggestion("skill_type: squence").as_deref(), Some("sequence"));
    assert_eq!(suggestion("triggers: [{pattern: a, confidence: 85}]").as_deref(), Some("0.85"));
    assert_eq!(suggestion("linked_skills: [Deal Rescue]").as_deref(), Some("deal-rescue"));
    assert_eq!(suggestion("keyword: [a]").as_deref(), Some("keywords"));
    assert_eq!(suggestion("zzz: 1"), None);
}

#[test]
fn everything_is_said_at_once() {
    let report = read("k", "---\nmetadata:\n  is_active: maybe\n  zzz: 1\n---\n").report;
    let errors: Vec<_> = report.errors.iter().map(|finding| finding.field.as_str()).collect();
    assert_eq!(errors, ["name", "description", "metadata.is_active"]);
    assert_eq!(report.warnings.len(), 2);
}

#[test]
fn no_tools_is_never_all_tools() {
    for tools in ["''", "[]"] {
        let reading = read("k", &format!("---\nname: a\ndescription: b\nallowed-tools: {tools}\n---\nx"));
        assert_eq!(reading.skill.unwrap().allowed_tools, Some(Vec::new()), "{tools}");
    }
}

#[test]
fn limits_are_met_to_the_byte() {
    let head = "---\nname: a\ndescription: b\n---\n";
    let document = |size: usize| format!("{head}{}", "x".repeat(size - head.len()));
    assert!(read("k", &document(limits::DOCUMENT)).skill.is_some());
    assert!(read("k", &document(limits::DOCUMENT + 1)).skill.is_none());
    let front = |size: usize| {
        let head = "name: a\ndescription: b\n#";
        format!("---\n{head}{}\n---\n", "x".repeat(size - head.len() - 1))
    };
    assert!(read("k", &front(limits::FRONT_MATTER)).skill.is_some());
    assert!(read("k", &front(limits::FRONT_MATTER + 1)).skill.is_none());
}

#[test]
fn a_report_does_not_grow_with_the_document() {
    let many: String = (0..190).fold(String::new(), |mut text, i| {
        let _ = writeln!(text, "unknown-{i}: 1");
        text
    });
    let report = read("k", &meta("", &many, ("", 0), "").document).report;
    assert_eq!(report.warnings.len(), limits::FINDINGS);
}
