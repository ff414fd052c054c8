use std::time::Instant;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    build::{self, key, with_body},
    key::PLATFORM_REFERENCES,
};

/// An organization, and what one of its members has.
struct Acme {
    facts: Map<String, Value>,
    tools: BTreeMap<String, String>,
    aliases: BTreeMap<String, String>,
    provides: BTreeSet<String>,
    documents: BTreeMap<String, Files>,
    skills: Links,
}

impl Acme {
    fn new() -> Self {
        let facts = json!({
            "company_name": "Acme", "brand_voice": "Plain", "sales_methodology": "MEDDICC",
            "headquarters": "Köln", "custom": {"region": "EU"}, "tagline": "line\n@sales/prices.md\n${company_name}",
            "products": [{"name": "Green", "price": "4 EUR"}], "key_phrases": ["leaf"]
        });
        let tools = [("get_deal", "Reads a deal"), ("create_task", "Makes a\nto-do"), ("hub__find", "Finds")];
        Self {
            facts: facts.as_object().expect("an object").clone(),
            tools: tools.map(|(name, about)| (name.to_owned(), about.to_owned())).into(),
            aliases: [("hubspot_find".to_owned(), "hub__find".to_owned())].into(),
            provides: ["signatures".to_owned()].into(),
            documents: BTreeMap::new(),
            skills: [(key("follow-up"), Leads::default())].into(),
        }
    }

    fn with(mut self, folder: &str, path: &str, text: &str) -> Self {
        self.documents.entry(folder.to_owned()).or_default().insert(path.to_owned(), text.to_owned());
        self
    }

    fn compile(&self, skill: &Skill) -> Compiled {
        let Self { facts, tools, aliases, provides, documents, skills } = self;
        compile(skill, &World { facts, tools, aliases, provides, documents, skills })
    }

    /// The text, where nothing is to be said about it.
    fn text(&self, skill: &Skill) -> String {
        let compiled = self.compile(skill);
        assert_eq!(compiled.report, Report::default());
        assert!(compiled.runnable);
        compiled.text
    }
}

fn profiled(profile: &str, body: &str) -> Skill {
    Skill { context_profile: Some(profile.to_owned()), ..with_body(body) }
}

fn warnings(compiled: &Compiled) -> Vec<String> {
    compiled.report.warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_plain_body_is_compiled_to_itself() {
    let body = "# Title\n\n{x} {{y}} <b>z</b>\n```\n${a}\n@sales/prices.md\n```\n@alice look\n@scope/package";
    assert_eq!(Acme::new().text(&with_body(body)), body);
}

#[test]
fn the_facts_that_the_context_profile_chooses_stand_before_the_body() {
    let text = Acme::new().text(&profiled("sales", "Body"));
    assert_eq!(
        text,
        "## The organization\n\n- Company name: Acme\n- Products:\n  - Green\n    - Price: 4 EUR\n\
         - Sales methodology: MEDDICC\n\nBody"
    );
    let research = Acme::new().text(&profiled("research", "Body"));
    assert!(research.contains("- Headquarters: Köln\n") && !research.contains("MEDDICC"));
    let communication = Acme::new().text(&profiled("communication", "Body"));
    assert!(communication.contains("- Brand voice: Plain\n- Key phrases:\n  - leaf\n"));
}

#[test]
fn an_unknown_context_profile_means_all_facts() {
    let full = Acme::new().text(&profiled("full", "Body"));
    assert!(
        full.contains("MEDDICC") && full.contains("- Custom:\n  - Region: EU\n") && full.contains("Köln")
    );
    assert_eq!(Acme::new().text(&profiled("marketing", "Body")), full);
    assert_eq!(Acme::new().text(&with_body("Body")), "Body", "no profile, no block");
}

#[test]
fn org_variables_compile_to_the_context_block_which_then_stands_only_there() {
    for reference in ["@_platform-references/org-variables", "> @_platform-references/org-variables.md"] {
        let text = Acme::new().text(&profiled("sales", &format!("Above\n\n{reference}\n\nBelow")));
        assert!(text.starts_with("Above\n\n## The organization\n\n- Company name: Acme\n"), "{text}");
        assert!(text.ends_with("MEDDICC\n\nBelow"), "{text}");
        assert_eq!(text.matches("## The organization").count(), 1);
    }
    let twice = Acme::new().compile(&with_body(&"@_platform-references/org-variables.md\n".repeat(2)));
    assert_eq!(twice.text.matches("## The organization").count(), 1);
    assert_eq!(
        warnings(&twice),
        ["body: line 2 of the body: the organization's facts stand above already; this include was removed"]
    );
}

#[test]
fn capabilities_compile_to_the_tools_that_are_there_for_the_skill() {
    let body = "@_platform-references/capabilities.md\nNext";
    let text = Acme::new().text(&with_body(body));
    assert_eq!(
        text,
        "Tools for this:\n\n- `create_task`: Makes a to-do\n- `get_deal`: Reads a deal\n- `hub__find`: Finds\nNext"
    );
    let narrow = Skill { allowed_tools: Some(vec!["get_deal".into()]), ..with_body(body) };
    assert_eq!(Acme::new().text(&narrow), "Tools for this:\n\n- `get_deal`: Reads a deal\nNext");
    let none = Skill { allowed_tools: Some(vec![]), ..with_body(body) };
    assert_eq!(Acme::new().text(&none), "There are no tools for this.\nNext");
}

#[test]
fn a_document_at_the_beginning_of_a_line_stands_there() {
    let acme = Acme::new().with("sales", "prices.md", "Price of ${company_name}: 4").with(
        "sales",
        "deep/x.md",
        "X\n",
    );
    let body = "A\n@sales/prices.md\n> @sales/deep/x.md\nmail @sales/prices.md\nB";
    assert_eq!(acme.text(&with_body(body)), "A\nPrice of Acme: 4\nX\nmail @sales/prices.md\nB");
    assert_eq!(
        acme.text(&with_body("@sales/prices.md first ${company_name}")),
        "Price of Acme: 4\nfirst Acme"
    );
    assert_eq!(acme.text(&with_body("@sales/prices.md.\r\nB")), "Price of Acme: 4\nB");
    let library = Acme::new().with(PLATFORM_REFERENCES, "tone.md", "Tone");
    assert_eq!(library.text(&with_body("@_platform-references/tone")), "Tone\n");
}

#[test]
fn an_unresolved_include_is_removed_with_a_warning() {
    let acme = Acme::new().with("sales", "prices.md", "P");
    let compiled = acme.compile(&with_body("A\n@sales/price.md\n@nobody/x.md\nB"));
    assert_eq!(compiled.text, "A\nB");
    assert!(compiled.runnable);
    assert_eq!(
        warnings(&compiled),
        [
            "body: line 2 of the body: `@sales/price.md` is not a document that is known here; the include was removed",
            "body: line 3 of the body: `@nobody/x.md` is not a document that is known here; the include was removed"
        ]
    );
    assert_eq!(compiled.report.warnings[0].suggestion.as_deref(), Some("@sales/prices.md"));
}

#[test]
fn includes_in_includes_are_followed_so_deep_and_never_in_a_circle() {
    let acme = Acme::new().with("a", "x.md", "X\n@b/y.md").with("b", "y.md", "Y\n@a/x.md\n");
    let compiled = acme.compile(&with_body("@a/x.md\nend"));
    assert_eq!(compiled.text, "X\nY\nend");
    let [circle] = &compiled.report.warnings[..] else { panic!("one warning") };
    assert_eq!((&circle.field[..], circle.line), ("b/y.md", Some(2)));
    assert_eq!(circle.problem, "`@a/x.md` includes itself; the include was removed");
    let chain = (0..9)
        .fold(Acme::new(), |acme, n| acme.with("a", &format!("{n}.md"), &format!("{n}\n@a/{}.md", n + 1)));
    let compiled = chain.compile(&with_body("@a/0.md"));
    assert_eq!(compiled.text, "0\n1\n2\n3\n4\n");
    assert!(warnings(&compiled)[0].contains("deeper than 5 includes"));
}

#[test]
fn facts_are_neither_templates_nor_includes() {
    let acme = Acme::new().with("sales", "prices.md", "P");
    let text = acme.text(&profiled("full", "${tagline}\n"));
    assert!(text.contains("- Tagline: line\n  @sales/prices.md\n  ${company_name}\n"), "{text}");
    assert!(text.ends_with("line\n@sales/prices.md\n${company_name}\n"), "{text}");
}

#[test]
fn execute_action_is_explained_in_one_line_above_the_body() {
    let body = "Call:\n```js\nexecute_action(\"get_deal\", { id: 1 })\n```\nor execute_action('hubspot_find', {confirm: true})";
    assert_eq!(
        Acme::new().text(&with_body(body)),
        format!(
            "In this text `execute_action(\"NAME\", {{…}})` means: call the tool NAME with these parameters, \
             without `confirm`. `hubspot_find` is the tool `hub__find`.\n\n{body}"
        )
    );
    let facts_first = Acme::new().text(&profiled("sales", body));
    let place = |what: &str| facts_first.find(what).expect(what);
    assert!(place("## The organization") < place("In this text") && place("In this text") < place("Call:"));
}

#[test]
fn an_unknown_action_makes_the_skill_not_runnable() {
    let body = "execute_action(\"get_deals\", {}) `execute_action( 'fly' )` execute_action(“fly”) execute_action(name) execute_action(\"\")";
    let compiled = Acme::new().compile(&with_body(body));
    assert!(!compiled.runnable && compiled.text.ends_with(body));
    assert_eq!(compiled.missing, ["get_deals", "fly"]);
    assert_eq!(compiled.report.warnings[0].suggestion.as_deref(), Some("get_deal"));
    let included = Acme::new().with("a", "x.md", "execute_action(\"swim\")").compile(&with_body("@a/x.md"));
    assert_eq!(included.missing, ["swim"]);
}

#[test]
fn more_actions_than_anybody_writes_are_not_checked_and_that_is_said() {
    let body: String = (0..150).map(|n| format!("execute_action(\"a{n}\")\n")).collect();
    let compiled = Acme::new().compile(&with_body(&body));
    assert_eq!(compiled.missing.len(), 100);
    assert_eq!(
        warnings(&compiled)[0],
        "body: calls more than 100 different actions; the others are not checked"
    );
}

#[test]
fn capabilities_are_those_of_built_ins_and_of_connectors() {
    let needing = |name: &str| Skill { requires_capabilities: vec![name.into()], ..build::skill("s") };
    let mut acme = Acme::new();
    for (name, there) in [
        ("crm", true),
        ("CRM", true),
        ("tasks", true),
        ("signatures", true),
        ("meetings", false),
        ("calendar", false),
        ("messaging", false),
        ("email", false),
        ("web_search", false),
        ("telepathy", false),
    ] {
        let compiled = acme.compile(&needing(name));
        assert_eq!(compiled.runnable, there, "{name}");
        assert_eq!(compiled.missing, if there { vec![] } else { vec![name.to_owned()] });
    }
    for tool in ["get_meetings", "send_notification", "draft_email"] {
        acme.tools.insert(tool.into(), String::new());
    }
    acme.aliases.insert("web_search".into(), "hub__find".into());
    for name in ["meetings", "calendar", "messaging", "email", "web_search"] {
        assert!(acme.compile(&needing(name)).runnable, "{name}");
    }
}

#[test]
fn an_unknown_linked_skill_makes_the_skill_not_runnable() {
    let skill = Skill { linked_skills: vec![key("follow-up"), key("gone")], ..build::skill("s") };
    let compiled = Acme::new().compile(&skill);
    assert_eq!(compiled.missing, ["gone"]);
    assert_eq!(warnings(&compiled), ["metadata.linked_skills: there is no skill `gone`"]);
}

#[test]
fn the_tools_of_a_skill_only_narrow_those_of_the_caller() {
    let wanting = |tools: &[&str]| Skill {
        allowed_tools: Some(tools.iter().map(|&tool| tool.to_owned()).collect()),
        ..with_body("execute_action(\"create_task\")")
    };
    assert_eq!(Acme::new().compile(&with_body("")).tools, None);
    let compiled = Acme::new().compile(&wanting(&["get_deal", "hubspot_find", "delete_everything"]));
    assert_eq!(compiled.tools, Some(["get_deal".to_owned(), "hub__find".to_owned()].into()));
    assert_eq!(
        warnings(&compiled),
        [
            "allowed-tools: `delete_everything` is not a tool that is there; nothing is given for it",
            "allowed-tools: `create_task` is called in the body and not among the allowed tools"
        ]
    );
}

#[test]
fn a_text_that_is_too_long_is_a_precise_error() {
    let acme = Acme::new().with("a", "x.md", &"x".repeat(30_000));
    let long = acme.compile(&with_body(&"y".repeat(MAX_TEXT + 1)));
    assert_eq!((long.text.as_str(), long.runnable), ("", false));
    assert_eq!(
        long.report.errors[0].problem,
        "with what it includes and the organization's facts it is longer than 65536 bytes"
    );
    let around = acme.compile(&profiled("sales", &"y".repeat(MAX_TEXT)));
    assert!(around.report.errors[0].problem.contains("bytes: it has 65"), "{around:?}");
    assert_eq!(acme.compile(&with_body(&"@a/x.md\n".repeat(3))).report.errors.len(), 1);
    assert!(acme.compile(&with_body(&"y".repeat(MAX_TEXT))).runnable);
}

#[test]
fn facts_that_have_no_room_are_left_out_by_name() {
    let mut acme = Acme::new();
    acme.facts.insert("custom".into(), json!({"long": "x".repeat(30_000)}));
    let compiled = acme.compile(&profiled("full", "Body"));
    assert!(compiled.runnable && compiled.text.ends_with("Body") && compiled.text.len() < 2_000);
    assert!(warnings(&compiled)[0].ends_with("left out: custom"));
    acme.facts.clear();
    let compiled = acme.compile(&profiled("full", "Body"));
    assert_eq!(compiled.text, "Body");
    assert!(warnings(&compiled)[0].contains("has no fact"));
}

#[test]
fn the_documents_that_a_body_asks_for_are_known_beforehand() {
    let body = "@_platform-references/tone\n> @sales/prices.md here\n```\n@sales/code.md\n```\n@a/../b.md\n@a//b.md\n@A/b.md";
    let found = includes(body).into_iter().map(|it| format!("{}/{}", it.folder, it.document));
    assert_eq!(found.collect::<Vec<_>>(), ["_platform-references/tone.md", "sales/prices.md"]);
}

#[test]
fn hostile_bodies_take_linear_time() {
    let again = "@a/x.md\n".repeat(1_000);
    let acme = Acme::new().with("a", "x.md", &"@b/y.md\n".repeat(1_000)).with("b", "y.md", &again);
    for piece in [
        "${",
        "@a/b.md\n",
        "@a/x.md\n",
        "> ",
        "@",
        "execute_action(",
        "execute_action(\"a\")",
        "```\n",
        "execute_action(\"",
        "@_platform-references/capabilities.md\n",
        "${products|json|count}\n",
        "@a/",
        "${x}",
    ] {
        let start = Instant::now();
        let _ = acme.compile(&profiled("full", &piece.repeat(1_000_000 / piece.len())));
        assert!(start.elapsed().as_secs() < 10, "{piece}: {:?}", start.elapsed());
    }
}

proptest! {
    #[test]
    fn nothing_makes_it_panic_and_the_same_gives_the_same_bytes(
        body in r#"(\$\{|@a/x\.md|@_platform-references/|org-variables|capabilities|execute_action\(|[a-z"'\n >`}|.ü]){0,40}"#
    ) {
        let acme = Acme::new().with("a", "x.md", "${company_name}\n@a/x.md");
        let once = acme.compile(&profiled("sales", &body));
        prop_assert!(once.text.len() <= MAX_TEXT);
        prop_assert_eq!(acme.compile(&profiled("sales", &body)), once);
    }
}
