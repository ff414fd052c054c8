//! From a skill to a document: Sixty's canonical form, and the open format.

use serde_json::{Value, json};

use crate::{
    Finding, Report, Skill, Step, pattern,
    read::{schema, table},
    skill::{ExecutionMode, Input, Mode, Needs, Tier, Trigger},
    step::{Does, OnFailure},
    yaml::Yaml,
};

/// Longest description of the open format, in characters.
const OPEN_DESCRIPTION: usize = 1_024;
/// Longest compatibility of the open format, in characters.
const OPEN_COMPATIBILITY: usize = 500;

/// The canonical form. Read again it is the same skill, and written again the same text.
pub fn write(skill: &Skill) -> String {
    // What is kept as words under a key that has a meaning is read as words in a document of the open format alone.
    let open = skill.other.keys().any(|name| table::means_something(name));
    let name = if open { skill.key.as_str() } else { &skill.name };
    let mut front = Members::default();
    front.text("name", Some(name));
    front.text("description", Some(&skill.description));
    front.text("license", skill.license.as_deref());
    front.text("compatibility", skill.compatibility.as_deref());
    if let Some(tools) = &skill.allowed_tools {
        front.add("allowed-tools", Yaml::texts(tools));
    }
    front.add("metadata", Yaml::Map(metadata(skill, (name != skill.name).then_some(&skill.name))));
    document(&front.finish(), &skill.body)
}

/// The document as the open Agent Skills format has it, with what had to be changed for it. The
/// key is its `name`, and the title goes to `metadata.title`.
pub fn export_open(skill: &Skill) -> (String, Report) {
    let mut report = Report::default();
    if skill.key.is_library() {
        report.error(Finding::new("name", "is a key that the open format does not allow"));
    }
    let mut front = Members::default();
    front.text("name", Some(skill.key.as_str()));
    let description = shortened("description", &skill.description, OPEN_DESCRIPTION, &mut report);
    front.text("description", Some(&description));
    front.text("license", skill.license.as_deref());
    let compatibility = skill.compatibility.as_deref();
    let compatibility =
        compatibility.map(|text| shortened("compatibility", text, OPEN_COMPATIBILITY, &mut report));
    front.text("compatibility", compatibility.as_deref());
    let tools = skill.allowed_tools.as_ref().map(|tools| tools.join(" "));
    front.text("allowed-tools", tools.as_deref());
    let title = (skill.name != skill.key.as_str()).then_some(skill.name.as_str());
    front.add("metadata", Yaml::Map(metadata(skill, title)));
    let mut gone = Vec::new();
    let front = front.finish().without_empty("", &mut gone);
    for path in gone {
        report.warn(Finding::new(path, "is empty, which the open format cannot say: it is left out"));
    }
    (document(&front, &skill.body), report)
}

fn document(front: &Yaml, body: &str) -> String {
    format!("---\n{}---\n{body}", front.to_text())
}

/// The text, cut at a word.
fn shortened(field: &str, text: &str, most: usize, report: &mut Report) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let problem = format!("has {length} characters, and the open format allows {most}: it is shortened");
    report.warn(Finding::new(field, problem));
    let cut: String = text.chars().take(most - 1).collect();
    let words = cut.rsplit_once(char::is_whitespace).map_or(cut.as_str(), |(words, _)| words);
    format!("{}…", words.trim_end())
}

#[derive(Default)]
struct Members(Vec<(String, Yaml)>);

impl Members {
    fn add(&mut self, name: &str, value: Yaml) {
        self.0.push((name.to_owned(), value));
    }

    fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.add(name, text.into());
        }
    }

    fn texts<T: AsRef<str>>(&mut self, name: &str, texts: &[T]) {
        if !texts.is_empty() {
            self.add(name, Yaml::texts(texts));
        }
    }

    /// A value that is left out where it is the default.
    fn value(&mut self, name: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.add(name, Yaml::from(&value));
        }
    }

    fn finish(self) -> Yaml {
        Yaml::Map(
            self.0.into_iter().filter(|(name, value)| name != "metadata" || !value.is_empty()).collect(),
        )
    }
}

fn metadata(skill: &Skill, title: Option<&str>) -> Vec<(String, Yaml)> {
    let mut to = Members::default();
    to.text("title", title);
    about(skill, &mut to);
    found_by(skill, &mut to);
    data(skill, &mut to);
    to.texts("required_context", &lines(&skill.required_context));
    to.texts("optional_context", &lines(&skill.optional_context));
    to.texts("requires_capabilities", &skill.requires_capabilities);
    to.text("context_profile", skill.context_profile.as_deref());
    to.texts("namespace", &skill.namespaces);
    to.text("structured_response_type", skill.card.as_deref());
    let linked: Vec<&str> = skill.linked_skills.iter().map(crate::Key::as_str).collect();
    to.texts("linked_skills", &linked);
    if !skill.steps.is_empty() {
        to.add("workflow", Yaml::List(skill.steps.iter().map(step).collect()));
    }
    to.value("timeout_ms", skill.timeout_ms.map(Value::from));
    let execution = match skill.execution_mode {
        ExecutionMode::Sync => None,
        ExecutionMode::Async => Some("async"),
        ExecutionMode::Streaming => Some("streaming"),
    };
    to.text("execution_mode", execution);
    to.text("mode", (skill.mode != Mode::Auto).then(|| skill.mode.as_str()));
    to.text("tier", skill.tier.map(Tier::as_str));
    to.text("model", skill.model.as_deref());
    for (name, value) in &skill.other {
        to.add(name, value.into());
    }
    to.0
}

fn about(skill: &Skill, to: &mut Members) {
    // What an author has written under the name of this key is written below.
    if !skill.other.contains_key("skill_type") {
        to.text("skill_type", Some(skill.kind.as_str()));
    }
    to.text("category", skill.category.as_deref());
    to.text("priority", skill.priority.as_deref());
    to.texts("tags", &skill.tags);
    to.texts("agent_affinity", &skill.agent_affinity);
    to.text("author", skill.author.as_deref());
    to.text("version", skill.version.as_deref());
    to.value("is_active", (!skill.active).then_some(Value::Bool(false)));
    if let Some(deprecation) = &skill.deprecation {
        to.text("deprecated_by", deprecation.by.as_deref());
        to.text("deprecation_reason", deprecation.reason.as_deref());
    }
}

fn found_by(skill: &Skill, to: &mut Members) {
    if !skill.triggers.is_empty() {
        to.add("triggers", Yaml::List(skill.triggers.iter().map(trigger).collect()));
    }
    to.texts("keywords", &skill.keywords);
    if let Some(command) = &skill.command {
        let mut record = Members::default();
        record.value("enabled", Some(Value::Bool(true)));
        record.text("label", Some(&command.label));
        record.text("description", command.description.as_deref());
        record.text("icon", command.icon.as_deref());
        to.add("command_centre", record.finish());
    }
}

fn trigger(trigger: &Trigger) -> Yaml {
    let mut record = Members::default();
    let pattern = pattern::spell(&trigger.pattern);
    // The name of an event that does not look like one.
    let same = pattern::classify(&pattern).is_ok_and(|again| again == trigger.pattern);
    record.text(if same { "pattern" } else { "event" }, Some(&pattern));
    record.text("intent", trigger.intent.as_deref());
    record.value("confidence", Some(json!(trigger.confidence)));
    record.texts("examples", &trigger.examples);
    record.finish()
}

/// Inputs and outputs as lists, where that says all that their schemas say.
fn data(skill: &Skill, to: &mut Members) {
    match (&skill.input_schema, values(&skill.inputs)) {
        (Some(schema), Some(list)) if *schema == schema::schema_of(&skill.inputs) => to.add("inputs", list),
        (schema, _) => to.value("input_schema", schema.clone()),
    }
    let Some(schema) = &skill.output_schema else { return };
    let outputs = schema::values_of(schema);
    match values(&outputs) {
        Some(list) if *schema == schema::schema_of(&outputs) => to.add("outputs", list),
        _ => to.value("output_schema", Some(schema.clone())),
    }
}

/// None where there are none, or where the reader would not understand the same.
fn values(values: &[Input]) -> Option<Yaml> {
    let list: Option<Vec<Yaml>> = values.iter().map(value).collect();
    let list = Yaml::List(list.filter(|list| !list.is_empty())?);
    (schema::reread(&list.to_text()).as_deref() == Some(values)).then_some(list)
}

fn value(value: &Input) -> Option<Yaml> {
    let mut record = Members::default();
    record.text("name", Some(&value.name));
    record.value("required", value.required.then_some(Value::Bool(true)));
    for (name, value) in value.schema.as_object()? {
        record.add(name, value.into());
    }
    Some(record.finish())
}

fn lines(needs: &[Needs]) -> Vec<String> {
    needs.iter().map(|needs| needs.0.join(" OR ")).collect()
}

fn step(step: &Step) -> Yaml {
    let mut record = Members::default();
    record.value("order", Some(step.order.into()));
    match &step.does {
        Does::Skill(key) => record.text("skill_key", Some(key.as_str())),
        Does::Action(name) => record.text("action", Some(name)),
    }
    record.text("description", step.description.as_deref());
    if !step.input_mapping.is_empty() {
        record.value("input_mapping", Some(Value::Object(step.input_mapping.clone())));
    }
    record.text("output_key", step.output_key.as_deref());
    let on_failure = match step.on_failure {
        OnFailure::Stop => None,
        OnFailure::Continue => Some(table::ON_FAILURE[1]),
        OnFailure::Fallback => Some(table::ON_FAILURE[2]),
    };
    record.text("on_failure", on_failure);
    record.text("fallback_skill_key", step.fallback_skill_key.as_ref().map(crate::Key::as_str));
    record.value("requires_approval", step.requires_approval.then_some(Value::Bool(true)));
    record.value("timeout_ms", step.timeout_ms.map(Value::from));
    record.value("max_retries", (step.max_retries > 0).then(|| step.max_retries.into()));
    record.finish()
}
