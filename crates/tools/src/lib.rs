//! What a run may do: the tools that the model is offered, their schemas, the
//! check of what it sends, and the way out of the service. The engine performs
//! the calls.

mod args;
mod catalogue;
mod outside;
#[cfg(feature = "faults")]
mod probes;

use std::collections::HashMap;

use domain::{
    Role,
    tool::{ToolClass, ToolSpec},
};
use jsonschema::Validator;
use serde::Serialize;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

pub use args::Call;
pub use outside::{Outgoing, Outside, Reply, Sent};

/// Longest list of problems that goes back to the model for one call.
const MAX_PROBLEMS: usize = 8;

/// The built-in tools with their compiled schemas, sorted by name: the order is
/// part of the prompt's prefix.
pub struct Toolbox {
    tools: Vec<ToolSpec>,
    validators: HashMap<&'static str, Validator>,
    /// The `tools` of a request as JSON text: for those who may write, and for those who may not.
    writing: String,
    reading: String,
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
        Self::of(catalogue::BUILTINS.to_vec(), HashMap::new())
    }

    fn of(mut tools: Vec<ToolSpec>, addresses: HashMap<&'static str, String>) -> Self {
        tools.sort_by_key(|tool| tool.name);
        let validators = tools.iter().map(|tool| (tool.name, validator(tool))).collect();
        let writing = definitions(tools.iter());
        let reading = definitions(tools.iter().filter(|tool| tool.class == ToolClass::Read));
        Self { tools, validators, writing, reading, addresses }
    }

    /// The JSON text of the tools that a caller's runs are offered. Always the same bytes.
    pub fn definitions(&self, role: Role) -> &str {
        if role.writes() { &self.writing } else { &self.reading }
    }

    /// The tool of this name, if the caller's runs are offered it.
    pub fn find(&self, role: Role, name: &str) -> Option<&ToolSpec> {
        self.offered(role).find(|tool| tool.name == name)
    }

    fn offered(&self, role: Role) -> impl Iterator<Item = &ToolSpec> {
        self.tools.iter().filter(move |tool| role.writes() || tool.class == ToolClass::Read)
    }

    /// Reads the arguments of a call. The refusal is for the model: it says
    /// which field is wrong, and why.
    pub fn check(&self, role: Role, name: &str, input: &RawValue) -> Result<(&ToolSpec, Call), String> {
        let Some(tool) = self.find(role, name) else {
            let names: Vec<&str> = self.offered(role).map(|tool| tool.name).collect();
            return Err(format!("There is no tool {name:?}. The tools are: {}.", names.join(", ")));
        };
        let arguments = arguments(input)?;
        let problems: Vec<String> = self.validators[tool.name]
            .iter_errors(&arguments)
            .take(MAX_PROBLEMS)
            .map(|error| match error.instance_path().as_str() {
                "" => error.to_string(),
                path => format!("{}: {error}", path.trim_start_matches('/').replace('/', ".")),
            })
            .collect();
        if !problems.is_empty() {
            return Err(format!("The arguments of {name} are not valid: {}.", problems.join("; ")));
        }
        if let Some(address) = self.addresses.get(tool.name) {
            let args = to_raw_value(&arguments).expect("JSON serializes");
            return Ok((tool, Call::Outside(Outgoing { address: address.clone(), args })));
        }
        let call = Call::read(tool.name, &arguments)
            .map_err(|error| format!("The arguments of {name} are not valid: {error}."))?;
        Ok((tool, call))
    }
}

/// Models sometimes send the object as a JSON string that holds it.
fn arguments(input: &RawValue) -> Result<Value, String> {
    let value = serde_json::from_str(input.get());
    match value {
        Ok(Value::String(inner)) => serde_json::from_str(&inner)
            .map_err(|error| format!("The arguments are not valid JSON: {error}.")),
        other => other.map_err(|error| format!("The arguments are not valid JSON: {error}.")),
    }
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
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).expect("JSON")
    }

    fn problem(role: Role, name: &str, json: &str) -> String {
        Toolbox::new().check(role, name, &raw(json)).map(|_| ()).expect_err("a refusal")
    }

    #[test]
    fn every_tool_reads_an_example_of_its_schema() {
        let toolbox = Toolbox::new();
        for (name, example) in [
            ("memory_append", r#"{"scope":"user","section":"Style","text":"short answers"}"#),
            ("memory_replace", r#"{"scope":"entity","old":"a","new":"b","kind":"deal","id":"D-42"}"#),
            ("find_entities", r#"{"query":"acme"}"#),
            ("get_entity", r#"{"kind":"deal","id":"D-42"}"#),
            ("update_entity", r#"{"kind":"deal","id":"D-42","changes":{"stage":"won"}}"#),
            ("recall", r#"{"query":"pricing","since":"2026-11-01"}"#),
            ("read_archive", r#"{"summary_id":"01a2032b-664e-7750-baf9-f1824535916a","from_seq":3}"#),
            ("add_note", r#"{"kind":"contact","id":"C-1","text":"met"}"#),
        ] {
            toolbox.check(Role::Member, name, &raw(example)).expect(name);
        }
        let names: Vec<&str> = toolbox.tools.iter().map(|tool| tool.name).collect();
        assert!(names.is_sorted());
    }

    #[test]
    fn arguments_may_arrive_as_a_json_string() {
        let input = raw(r#""{\"kind\":\"deal\",\"id\":\"D-42\"}""#);
        Toolbox::new().check(Role::Member, "get_entity", &input).expect("tolerated");
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
        let toolbox = Toolbox::new();
        assert!(toolbox.find(Role::Readonly, "get_entity").is_some());
        assert!(toolbox.find(Role::Readonly, "add_note").is_none());
        assert!(!toolbox.definitions(Role::Readonly).contains("memory_append"));
        assert!(problem(Role::Readonly, "add_note", "{}").contains("There is no tool"));
    }
}
