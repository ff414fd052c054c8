//! What a run may do: the tools that the model is offered, their schemas, the
//! check of what it sends, and the way out of the service. The engine performs
//! the calls.

mod args;
pub mod cards;
mod catalogue;
pub mod mail;
mod outside;
#[cfg(feature = "faults")]
mod probes;
mod question;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use domain::{
    FieldError, Role,
    permission::Matrix,
    tool::{ToolClass, ToolSpec},
};
use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};
use sha2::{Digest, Sha256};

pub use args::{Ask, Call, Change, NewActivity, NewCard, NewTask, ScheduleMove, ScheduledTask};
pub use catalogue::actions::EXECUTE_ACTION;
pub use catalogue::{
    person::ASK_USER,
    sequences::{BEGIN_STEP, SUBMIT_OUTPUT},
};
pub use outside::{Outgoing, Outside, Reply, Sent};
pub use question::{DealFilter, Part, Question, Span, TaskFilter, TaskStatus, Which, Whose};

/// Longest list of problems that goes back to the model for one call.
const MAX_PROBLEMS: usize = 8;
/// Longest message about one argument, in characters: it may quote the argument.
const LONGEST_PROBLEM: usize = 400;

/// The tools that a run is offered: a set of places in the toolbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Offer(u128);

/// The built-in tools with their compiled schemas, sorted by name: the order is
/// part of the prompt's prefix.
pub struct Toolbox {
    tools: Vec<ToolSpec>,
    validators: HashMap<&'static str, Validator>,
    /// The `tools` of a request as JSON text, of each set that was offered.
    definitions: Mutex<HashMap<Offer, Arc<str>>>,
    /// Where the tools are that are not here.
    addresses: HashMap<&'static str, String>,
}

impl Default for Toolbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Toolbox {
    pub fn new() -> Self {
        Self::of(catalogue::builtins(), HashMap::new())
    }

    fn of(mut tools: Vec<ToolSpec>, addresses: HashMap<&'static str, String>) -> Self {
        tools.sort_by_key(|tool| tool.name);
        assert!(tools.len() <= 128, "an offer has a bit for each tool");
        let ruled = |tool: &ToolSpec| {
            tool.class == ToolClass::Read || !tool.actions.is_empty() || tool.name == ASK_USER
        };
        assert!(tools.iter().all(ruled), "the matrix rules about every tool that writes");
        let validators = tools.iter().map(|tool| (tool.name, validator(tool))).collect();
        Self { tools, validators, definitions: Mutex::default(), addresses }
    }

    /// What runs of this role are offered: whatever only reads, and what the
    /// matrix allows at least one kind of call of.
    pub fn offer(&self, matrix: &Matrix, role: Role) -> Offer {
        let allowed = |tool: &ToolSpec| {
            is_for_all(tool)
                && (tool.actions.is_empty() || tool.actions.iter().any(|action| matrix.allows(role, *action)))
        };
        Offer(self.places(allowed))
    }

    /// The same for a run that executes a sequence: the same in all of its steps, so that its prompts
    /// share their prefix.
    pub fn for_sequence(&self, Offer(offer): Offer) -> Offer {
        Offer(offer | self.places(|tool| tool.name == SUBMIT_OUTPUT))
    }

    fn places(&self, wanted: impl Fn(&ToolSpec) -> bool) -> u128 {
        let places = self.tools.iter().enumerate().filter(|(_, tool)| wanted(tool));
        places.fold(0, |set, (place, _)| set | 1 << place)
    }

    /// The JSON text of the offered tools. Always the same bytes for the same set.
    pub fn definitions(&self, offer: Offer) -> Arc<str> {
        let mut known = self.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(offer).or_insert_with(|| definitions(self.offered(offer)).into()).clone()
    }

    /// The tool of this name, if the run is offered it.
    pub fn find(&self, offer: Offer, name: &str) -> Option<&ToolSpec> {
        self.offered(offer).find(|tool| tool.name == name)
    }

    /// Every tool of ordinary runs, whoever may call it.
    pub fn everything(&self) -> Offer {
        Offer(self.places(is_for_all))
    }

    /// The offered tools by name, each with the first sentence of its description.
    pub fn described(&self, offer: Offer) -> BTreeMap<String, String> {
        let sentence = |text: &'static str| text.split_once(". ").map_or(text, |(first, _)| first);
        self.offered(offer)
            .map(|tool| (tool.name.to_owned(), sentence(tool.description).to_owned()))
            .collect()
    }

    /// The tool of this name, whoever is offered it.
    pub fn tool(&self, name: &str) -> Option<&ToolSpec> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    fn offered(&self, offer: Offer) -> impl Iterator<Item = &ToolSpec> {
        let of_set = move |place: &usize| offer.0 >> place & 1 == 1;
        self.tools.iter().enumerate().filter(move |(place, _)| of_set(place)).map(|(_, tool)| tool)
    }

    /// Reads the arguments of a call. The refusal is for the model: it says
    /// which field is wrong, and why.
    pub fn check(&self, offer: Offer, name: &str, input: &RawValue) -> Result<(&ToolSpec, Call), String> {
        let Some(tool) = self.find(offer, name) else {
            let names: Vec<&str> = self.offered(offer).map(|tool| tool.name).collect();
            return Err(format!("There is no tool {name:?}. The tools are: {}.", names.join(", ")));
        };
        let call = self.read(tool, canonical(input).as_str()).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            format!("The arguments of {name} are not valid: {}.", problems.join("; "))
        })?;
        Ok((tool, call))
    }

    /// Reads arguments, or says what is wrong with them, field by field.
    pub fn read(&self, tool: &ToolSpec, arguments: &str) -> Result<Call, Vec<FieldError>> {
        let whole = |error: String| vec![FieldError { field: String::new(), error }];
        let arguments: Value =
            serde_json::from_str(arguments).map_err(|error| whole(format!("not JSON: {error}")))?;
        let problems: Vec<FieldError> = self.validators[tool.name]
            .iter_errors(&arguments)
            .take(MAX_PROBLEMS)
            .map(|error| FieldError {
                field: error.instance_path().as_str().trim_start_matches('/').replace('/', "."),
                error: short(&problem(&error)),
            })
            .collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        if let Some(address) = self.addresses.get(tool.name) {
            let args = to_raw_value(&arguments).expect("JSON serializes");
            let action = tool.actions.first().copied();
            return Ok(Call::Outside(Outgoing { address: address.clone(), args, action }));
        }
        if tool.name == EXECUTE_ACTION {
            return Err(whole("action must name another tool".into()));
        }
        Call::read(tool.name, &arguments).map_err(|error| whole(short(&error.to_string())))
    }
}

/// Whether it belongs to no sequence.
fn is_for_all(tool: &ToolSpec) -> bool {
    ![SUBMIT_OUTPUT, BEGIN_STEP].contains(&tool.name)
}

/// The beginning and the end of a message that quotes a long value.
fn short(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= LONGEST_PROBLEM {
        return text.to_owned();
    }
    let (begin, end) = (&chars[..LONGEST_PROBLEM / 2], &chars[chars.len() - LONGEST_PROBLEM / 2..]);
    format!("{}…{}", begin.iter().collect::<String>(), end.iter().collect::<String>())
}

/// What is wrong with an argument. Of a word that must be one of some, all of them are named.
fn problem(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().into_iter().flatten().map(Value::to_string);
            format!("{} is not one of {}", error.instance(), options.collect::<Vec<_>>().join(", "))
        }
        _ => error.to_string(),
    }
}

/// The arguments as they are checked, hashed, shown and executed: the bytes of the
/// object. Models sometimes send a JSON string that holds it.
pub fn canonical(input: &RawValue) -> String {
    match serde_json::from_str(input.get()) {
        Ok(Value::String(inner)) => inner,
        _ => input.get().to_owned(),
    }
}

/// The tool and the arguments that a call of `execute_action` stands for; none for any other
/// call, and for one that names no tool. A `confirm` among the arguments confirms nothing: it is dropped.
pub fn inner_call(name: &str, input: &RawValue) -> Option<(String, Box<RawValue>)> {
    #[derive(Deserialize)]
    struct Action {
        action: String,
        params: Option<Box<RawValue>>,
    }
    if name != EXECUTE_ACTION {
        return None;
    }
    let Action { action, params } = serde_json::from_str(&canonical(input)).ok()?;
    if action == EXECUTE_ACTION {
        return None;
    }
    // These too are sometimes sent as a string that holds them.
    let params = params.map_or_else(|| "{}".to_owned(), |params| canonical(&params));
    let mut params: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&params).ok()?;
    params.remove("confirm");
    Some((action, to_raw_value(&params).ok()?))
}

/// The version of a tool's schema: what a person decided about may not mean
/// something else when it is executed.
pub fn schema_hash(tool: &ToolSpec) -> [u8; 32] {
    Sha256::digest(tool.schema).into()
}

fn validator(tool: &ToolSpec) -> Validator {
    let schema: Value = serde_json::from_str(tool.schema).expect("a built-in schema is JSON");
    jsonschema::validator_for(&schema).expect("a built-in schema is a JSON Schema")
}

#[derive(Serialize)]
struct Definition<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a RawValue,
}

fn definitions<'a>(tools: impl Iterator<Item = &'a ToolSpec>) -> String {
    let definitions: Vec<Definition<'_>> = tools
        .map(|tool| Definition {
            name: tool.name,
            description: tool.description,
            input_schema: serde_json::from_str(tool.schema).expect("a built-in schema is JSON"),
        })
        .collect();
    serde_json::to_string(&definitions).expect("definitions serialize: their keys are strings")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use domain::permission::{Action, Policy, UserRow};

    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).expect("JSON")
    }

    fn offer(role: Role) -> Offer {
        Toolbox::new().offer(&Matrix::default(), role)
    }

    fn problem(role: Role, name: &str, json: &str) -> String {
        Toolbox::new().check(offer(role), name, &raw(json)).map(|_| ()).expect_err("a refusal")
    }

    #[test]
    fn every_tool_reads_an_example_of_its_schema() {
        let toolbox = Toolbox::new();
        let mut untried: HashSet<&str> = toolbox.tools.iter().map(|tool| tool.name).collect();
        for (name, example) in [
            ("memory_append", r#"{"scope":"user","section":"Style","text":"short answers"}"#),
            ("memory_replace", r#"{"scope":"entity","old":"a","new":"b","kind":"deal","id":"D-42"}"#),
            ("find_entities", r#"{"query":"acme","kind":"deal","page":2}"#),
            ("resolve_entity", r#"{"name":"Dana","hint":"Acme"}"#),
            ("get_deal", r#"{"id":"D-42"}"#),
            ("get_contact", r#"{"name":"Dana Roe"}"#),
            ("get_company_status", r#"{"name":"Acme"}"#),
            ("get_deal_activities", r#"{"id":"D-42","limit":5}"#),
            ("get_pipeline_summary", r#"{"period":"this_quarter","timezone":"Europe/Berlin"}"#),
            (
                "get_pipeline_deals",
                r#"{"filter":"needs_attention","days":7,"period":"2026-Q4","limit":50,"page":2}"#,
            ),
            ("get_contacts_needing_attention", r#"{"days_since_contact":30}"#),
            ("get_meetings", r#"{"deal_id":"D-42","contact_id":"C-1","limit":3}"#),
            ("get_next_meeting", "{}"),
            ("get_meetings_for_period", r#"{"period":"today","timezone":"Asia/Tokyo","whose":"mine"}"#),
            ("search_meeting_context", r#"{"query":"pricing","deal_id":"D-42"}"#),
            (
                "list_tasks",
                r#"{"status":"open","filter":"overdue","due_before":"2026-12-01","assignee":"me"}"#,
            ),
            ("search_emails", r#"{"query":"pricing","contact_id":"C-1"}"#),
            ("get_entity", r#"{"kind":"deal","id":"D-42"}"#),
            ("update_entity", r#"{"kind":"deal","id":"D-42","changes":{"stage":"won"}}"#),
            ("recall", r#"{"query":"pricing","since":"2026-11-01"}"#),
            ("read_archive", r#"{"summary_id":"01a2032b-664e-7750-baf9-f1824535916a","from_seq":3}"#),
            ("add_note", r#"{"kind":"contact","id":"C-1","text":"met"}"#),
            ("create_entity", r#"{"kind":"company","name":"Acme","fields":{"industry":"glass"}}"#),
            ("create_task", r#"{"title":"Call Dana","due_date":"2026-12-01","priority":"high"}"#),
            ("complete_task", r#"{"id":"T-1"}"#),
            (
                "schedule_task",
                r#"{"name":"Brief","prompt":"What is on?","schedule":{"kind":"cron","cron":"0 9 * * *"}}"#,
            ),
            ("list_schedules", r#"{"status":"active"}"#),
            ("change_schedule", r#"{"id":"01a2","to":"pause"}"#),
            ("ask_user", r#"{"question":"Which Dana?","options":["Roe","Reed"],"multiple":true}"#),
            ("create_activity", r#"{"type":"call","details":"She agreed.","deal_id":"D-42"}"#),
            (
                "show_card",
                r#"{"type":"text","summary":"Won","data":{"text":"x"},"actions":[{"type":"open","label":"Look","kind":"deal","id":"D-42"}]}"#,
            ),
            ("get_skill", r#"{"key":"deal-rescue","document":"references/steps.md"}"#),
            ("list_skills", r#"{"query":"renewal","category":"sales"}"#),
            ("draft_email", r#"{"to":"dana@acme.example","subject":"Renewal","body":"Hello"}"#),
            (SUBMIT_OUTPUT, r#"{"output":{"summary":"Won"}}"#),
        ] {
            let offer = toolbox.for_sequence(offer(Role::Member));
            let (tool, call) = toolbox.check(offer, name, &raw(example)).expect(name);
            assert_eq!(call.action().is_none(), tool.actions.is_empty());
            assert!(call.action().is_none_or(|action| tool.actions.contains(&action)), "{name}");
            assert!(untried.remove(name), "{name} is tried twice");
        }
        // A call of the one is always that of another, and nobody is offered the other.
        assert_eq!(untried, HashSet::from([EXECUTE_ACTION, BEGIN_STEP]), "every tool has an example");
        for (name, offer) in
            [(SUBMIT_OUTPUT, offer(Role::Owner)), (BEGIN_STEP, toolbox.for_sequence(offer(Role::Owner)))]
        {
            assert!(
                toolbox.find(offer, name).is_none() && toolbox.find(toolbox.everything(), name).is_none()
            );
        }
        let names: Vec<&str> = toolbox.tools.iter().map(|tool| tool.name).collect();
        assert!(names.is_sorted());
    }

    #[test]
    fn arguments_may_arrive_as_a_json_string() {
        let input = raw(r#""{\"kind\":\"deal\",\"id\":\"D-42\"}""#);
        Toolbox::new().check(offer(Role::Member), "get_entity", &input).expect("tolerated");
        assert_eq!(canonical(&input), r#"{"kind":"deal","id":"D-42"}"#);
    }

    #[test]
    fn an_action_is_the_call_of_the_tool_that_it_names() {
        let inner =
            |json: &str| inner_call(EXECUTE_ACTION, &raw(json)).map(|(tool, args)| (tool, args.to_string()));
        let call = |tool: &str, args: &str| Some((tool.to_owned(), args.to_owned()));
        assert_eq!(
            inner(r#"{"action":"get_entity","params":{"kind":"deal","id":"D-42","confirm":true}}"#),
            call("get_entity", r#"{"id":"D-42","kind":"deal"}"#)
        );
        assert_eq!(inner(r#"{"action":"make_coffee"}"#), call("make_coffee", "{}"));
        assert_eq!(inner(r#""{\"action\":\"recall\",\"params\":{}}""#), call("recall", "{}"));
        let text = r#"{"action":"get_entity","params":"{\"kind\":\"deal\",\"id\":\"D-42\"}"}"#;
        assert_eq!(inner(text), Some(("get_entity".into(), r#"{"id":"D-42","kind":"deal"}"#.into())));
        for no in [r#"{"params":{}}"#, r#"{"action":7}"#, r#"{"action":"execute_action"}"#, "[]"] {
            assert_eq!(inner(no), None, "{no}");
            assert!(problem(Role::Member, EXECUTE_ACTION, no).contains("not valid"), "{no}");
        }
        assert!(inner_call("get_entity", &raw(r#"{"action":"recall"}"#)).is_none());
    }

    #[test]
    fn a_refusal_says_which_field_and_why() {
        assert!(problem(Role::Member, "get_entity", r#"{"kind":"deal"}"#).contains("\"id\" is a required"));
        assert!(problem(Role::Member, "get_entity", r#"{"kind":"spaceship","id":"1"}"#).contains("kind: "));
        assert!(
            problem(Role::Member, "memory_append", r#"{"scope":"user","section":"a","text":7}"#)
                .contains("text: ")
        );
        assert!(problem(Role::Member, "get_entity", "[1]").contains("not valid"));
        assert!(problem(Role::Member, "delete_everything", "{}").contains("There is no tool"));
    }

    #[test]
    fn the_arguments_of_a_question_are_read_as_they_were_given() {
        let toolbox = Toolbox::new();
        let asked = |name: &str, json: &str| match toolbox
            .check(offer(Role::Readonly), name, &raw(json))
            .expect(name)
            .1
        {
            Call::Ask(question) => question,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            asked("get_pipeline_deals", r#"{"filter":"at_risk","period":"today","limit":5}"#),
            Question::GetPipelineDeals {
                filter: Some(DealFilter::AtRisk),
                days: None,
                span: Span { period: Some("today".into()), timezone: None },
                part: Part { limit: Some(5), page: None },
            }
        );
        assert_eq!(asked("get_next_meeting", "{}"), Question::GetNextMeeting {});
        let which = Which { id: None, name: Some("Acme".into()) };
        assert_eq!(asked("get_deal", r#"{"name":"Acme"}"#), Question::GetDeal(which));
        for (name, json, words) in [
            ("get_pipeline_deals", r#"{"filter":"lost"}"#, "needs_attention"),
            ("get_pipeline_deals", r#"{"limit":51}"#, "limit: "),
            ("get_meetings_for_period", "{}", "\"period\" is a required"),
            ("get_next_meeting", r#"{"x":1}"#, "x"),
            ("list_tasks", r#"{"status":"late"}"#, "in_progress"),
        ] {
            let problem = problem(Role::Member, name, json);
            assert!(problem.contains(words), "{problem}");
        }
    }

    #[test]
    fn no_tool_takes_an_organization_a_user_or_a_confirmation() {
        for tool in Toolbox::new().tools {
            for word in ["org_id", "user_id", "organization", "acting_user", "confirm"] {
                assert!(!tool.schema.contains(&format!("\"{word}\"")), "{} takes {word}", tool.name);
            }
            assert!(tool.schema.contains("\"additionalProperties\": false"), "{} takes anything", tool.name);
        }
    }

    #[test]
    fn runs_of_readonly_members_are_offered_reading_tools_only() {
        let (toolbox, readonly) = (Toolbox::new(), offer(Role::Readonly));
        assert!(toolbox.find(readonly, "get_entity").is_some());
        assert!(toolbox.find(readonly, "add_note").is_none());
        assert!(!toolbox.definitions(readonly).contains("memory_append"));
        assert!(problem(Role::Readonly, "add_note", "{}").contains("There is no tool"));
    }

    #[test]
    fn a_tool_is_offered_while_any_of_its_calls_is_allowed() {
        let toolbox = Toolbox::new();
        let off = |actions: &[Action]| Matrix {
            own: actions
                .iter()
                .map(|&action| UserRow { action, policy: Policy::Disabled, decider: None })
                .collect(),
            ..Matrix::default()
        };
        let offers =
            |matrix: &Matrix| toolbox.find(toolbox.offer(matrix, Role::Member), "update_entity").is_some();
        assert!(offers(&off(&[])) && offers(&off(&[Action::ModifyDeals])));
        assert!(!offers(&off(&[Action::ModifyDeals, Action::ModifyContacts, Action::ManageTasks])));
        let (all, less) = (offer(Role::Member), toolbox.offer(&off(&[Action::ManageTasks]), Role::Member));
        assert!(toolbox.definitions(all).contains("add_note"));
        assert!(!toolbox.definitions(less).contains("add_note"));
        assert!(Arc::ptr_eq(&toolbox.definitions(less), &toolbox.definitions(less)), "made once");
        assert_eq!(*toolbox.definitions(all), *Toolbox::new().definitions(all));
    }
}
