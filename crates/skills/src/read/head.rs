//! Key by key, in the order of the skill.

use serde_json::{Map, Value};

use super::{
    fields::{At, Fields},
    schema,
    split::Parts,
    steps, table, triggers,
    values::{closed, count, cut, flag, free, key, plain_texts, slug, text, texts, unusual},
    yaml::Data,
};
use crate::{
    Finding, Key, Report, Skill, Step, limits,
    skill::{Command, Deprecation, ExecutionMode, Input, Kind, Mode, Needs},
    template,
};

const KINDS: [Kind; 3] = [Kind::Atomic, Kind::Sequence, Kind::Composite];
const EXECUTION_MODES: [ExecutionMode; 3] =
    [ExecutionMode::Sync, ExecutionMode::Async, ExecutionMode::Streaming];
const MODES: [Mode; 3] = [Mode::Auto, Mode::Single, Mode::Agent];

struct Head<'n, 'r> {
    key: &'r Key,
    fields: Fields<'n>,
    report: &'r mut Report,
}

/// The skill that the fields describe. What is missing or wrong is an error of the report, and the
/// rest is read nevertheless, so that an author hears everything at once.
pub(super) fn skill(key: &Key, fields: Fields, parts: Parts, report: &mut Report) -> Skill {
    let mut head = Head { key, fields, report };
    let name = head.required("name", limits::NAME);
    let title = head.text("title", limits::NAME);
    let description = head.required("description", limits::DESCRIPTION);
    let said = head.take("skill_type");
    let (inputs, input_schema) = head.takes();
    let output_schema = head.gives();
    let steps = head.steps(&inputs);
    let kind = head.kind(said.as_ref(), &steps);
    let mut other = Map::new();
    let command = head.command(&mut other);
    let skill = Skill {
        key: key.clone(),
        name: title.or(name).unwrap_or_default(),
        description: description.unwrap_or_default(),
        kind,
        category: head.usual("category", table::CATEGORIES, "which is no usual category"),
        priority: head.usual("priority", table::PRIORITIES, "which is no usual priority"),
        tags: head.texts("tags"),
        agent_affinity: head.usual_texts("agent_affinity", table::AGENTS, "which is no usual agent"),
        author: head.text("author", limits::FRONT_MATTER),
        version: head.text("version", limits::FRONT_MATTER),
        license: head.text("license", limits::FRONT_MATTER),
        compatibility: head.text("compatibility", limits::FRONT_MATTER),
        active: head.flag("is_active").unwrap_or(true),
        deprecation: head.deprecation(),
        triggers: head.triggers(),
        keywords: head.texts("keywords"),
        inputs,
        input_schema,
        output_schema,
        required_context: head.needs("required_context"),
        optional_context: head.needs("optional_context"),
        requires_capabilities: head.usual_texts(
            "requires_capabilities",
            table::CAPABILITIES,
            "which no built-in tool has: a connector has to provide it",
        ),
        context_profile: head.usual("context_profile", table::PROFILES, "and stands for all facts"),
        command,
        namespaces: head.usual_texts("namespace", table::NAMESPACES, "which is no place that we know"),
        card: head.text("structured_response_type", limits::NAME),
        allowed_tools: head.allowed_tools(),
        linked_skills: head.linked_skills(),
        steps,
        timeout_ms: head.take("timeout_ms").and_then(|at| count(&at, 1, limits::TIMEOUT_MS, head.report)),
        execution_mode: head
            .closed("execution_mode", table::EXECUTION_MODES, &EXECUTION_MODES)
            .unwrap_or_default(),
        mode: head.mode(),
        other: Map::new(),
        body: parts.body,
    };
    head.inert(&mut other);
    let Head { fields, report, .. } = head;
    other.extend(fields.rest(report));
    template::check(&skill.body, "body", parts.body_line, report);
    if skill.body.trim().is_empty() && skill.steps.is_empty() && !key.is_library() {
        let finding = Finding::new("body", "is empty: there is nothing to follow");
        report.warn(finding.on_line(parts.body_line));
    }
    Skill { other, ..skill }
}

impl<'n> Head<'n, '_> {
    fn take(&mut self, name: &str) -> Option<At<'n>> {
        self.fields.take(name, self.report)
    }

    fn text(&mut self, name: &str, most: usize) -> Option<String> {
        self.take(name).and_then(|at| text(&at, most, self.report))
    }

    fn flag(&mut self, name: &str) -> Option<bool> {
        self.take(name).and_then(|at| flag(&at, self.report))
    }

    fn texts(&mut self, name: &str) -> Vec<String> {
        self.take(name).map(|at| plain_texts(&at, self.report)).unwrap_or_default()
    }

    fn closed<T: Copy>(&mut self, name: &str, names: &[&str], values: &[T]) -> Option<T> {
        self.take(name).and_then(|at| closed(&at, names, values, self.report))
    }

    /// A text that has to be there. `null` and `~` are words where a text is required.
    fn required(&mut self, name: &str, most: usize) -> Option<String> {
        let Some(at) = self.fields.take_any(name, self.report) else {
            self.report.error(Finding::new(name, "is required").on_line(2));
            return None;
        };
        let before = self.report.errors.len();
        let found = match &at.node.data {
            Data::Plain(Value::Null, spelling) if !spelling.is_empty() => Some(spelling.clone()),
            _ => text(&at, most, self.report),
        };
        if found.is_none() && self.report.errors.len() == before {
            self.report.error(at.finding("is required, and is empty"));
        }
        found
    }

    fn usual(&mut self, name: &str, usual: &[&str], what: &str) -> Option<String> {
        let at = self.take(name)?;
        let given = text(&at, limits::NAME, self.report)?;
        unusual(&at, &given, usual, what, self.report);
        Some(given)
    }

    fn usual_texts(&mut self, name: &str, usual: &[&str], what: &str) -> Vec<String> {
        let Some(at) = self.take(name) else { return Vec::new() };
        let given = texts(&at, self.report);
        for (at, given) in &given {
            unusual(at, given, usual, what, self.report);
        }
        given.into_iter().map(|(_, given)| given).collect()
    }

    /// An unusual mode is `auto`.
    fn mode(&mut self) -> Mode {
        let Some(at) = self.take("mode") else { return Mode::default() };
        let Some(given) = text(&at, limits::NAME, self.report) else { return Mode::default() };
        unusual(&at, &given, table::MODES, "and stands for auto", self.report);
        let found = table::MODES.iter().zip(MODES).find(|(name, _)| **name == given);
        found.map(|(_, mode)| mode).unwrap_or_default()
    }

    /// What has steps is a sequence, unless it says composite.
    fn kind(&mut self, said: Option<&At>, steps: &[Step]) -> Kind {
        let known = said.and_then(|at| closed(at, table::SKILL_TYPES, &KINDS, self.report));
        let kind = match (known, said) {
            (Some(Kind::Atomic), Some(at)) if !steps.is_empty() => {
                let problem = "is `atomic`, and the skill has steps: it is read as a sequence";
                self.report.warn(at.finding(problem).suggest("sequence".to_owned()));
                Kind::Sequence
            }
            (Some(kind), _) => kind,
            _ if steps.is_empty() => Kind::Atomic,
            _ => Kind::Sequence,
        };
        if kind == Kind::Sequence && steps.is_empty() {
            let problem = "is missing: a sequence without steps is an instruction";
            self.report.warn(Finding::new("metadata.workflow", problem));
        }
        kind
    }

    fn triggers(&mut self) -> Vec<crate::skill::Trigger> {
        self.take("triggers").map(|at| triggers::triggers(&at, self.report)).unwrap_or_default()
    }

    fn steps(&mut self, inputs: &[Input]) -> Vec<Step> {
        self.take("workflow").map(|at| steps::steps(&at, self.key, inputs, self.report)).unwrap_or_default()
    }

    fn takes(&mut self) -> (Vec<Input>, Option<Value>) {
        let inputs = self.take("inputs").map(|at| schema::values(&at, self.report)).unwrap_or_default();
        let schema = self.take("input_schema");
        match schema.and_then(|at| schema::schema(&at, self.report)) {
            Some(schema) if inputs.is_empty() => (schema::values_of(&schema), Some(schema)),
            Some(_) => {
                let problem = "is ignored, because metadata.inputs says the same";
                self.report.warn(Finding::new("metadata.input_schema", problem));
                let schema = schema::schema_of(&inputs);
                (inputs, Some(schema))
            }
            None if inputs.is_empty() => (inputs, None),
            None => {
                let schema = schema::schema_of(&inputs);
                (inputs, Some(schema))
            }
        }
    }

    fn gives(&mut self) -> Option<Value> {
        let outputs = self.take("outputs").map(|at| schema::values(&at, self.report)).unwrap_or_default();
        let schema = self.take("output_schema").and_then(|at| schema::schema(&at, self.report));
        if outputs.is_empty() {
            return schema;
        }
        if schema.is_some() {
            let problem = "is ignored, because metadata.outputs says the same";
            self.report.warn(Finding::new("metadata.output_schema", problem));
        }
        Some(schema::schema_of(&outputs))
    }

    fn needs(&mut self, name: &str) -> Vec<Needs> {
        self.texts(name).iter().filter_map(|line| needs(line)).collect()
    }

    fn deprecation(&mut self) -> Option<Deprecation> {
        let by = self.text("deprecated_by", limits::NAME);
        let reason = self.text("deprecation_reason", limits::TEXT);
        if let Some(said) = by.as_deref().or(reason.as_deref()) {
            let problem =
                format!("says that the skill is given up (`{}`): copilots are not offered it", cut(said));
            let field = if by.is_some() { "metadata.deprecated_by" } else { "metadata.deprecation_reason" };
            self.report.warn(Finding::new(field, problem));
        }
        (by.is_some() || reason.is_some()).then_some(Deprecation { by, reason })
    }

    /// A command that is switched off is kept as it is written.
    fn command(&mut self, other: &mut Map<String, Value>) -> Option<Command> {
        let at = self.take("command_centre")?;
        let mut fields = Fields::record(&at, table::COMMAND, self.report)?;
        let enabled = fields.take("enabled", self.report).and_then(|at| flag(&at, self.report));
        let label = fields.take("label", self.report);
        let description = fields.take("description", self.report);
        let icon = fields.take("icon", self.report);
        let label = label.and_then(|at| label_of(&at, self.report));
        let description = description.and_then(|at| text(&at, limits::TEXT, self.report));
        let icon = icon.and_then(|at| text(&at, limits::NAME, self.report));
        fields.rest(self.report);
        if enabled == Some(false) {
            other.insert("command_centre".into(), free(&at, self.report));
            return None;
        }
        Some(Command { label: label.unwrap_or_else(|| self.key.to_string()), description, icon })
    }

    /// Names by spaces or commas, but `Bash(git add:*)` is one.
    fn allowed_tools(&mut self) -> Option<Vec<String>> {
        let at = self.take("allowed-tools")?;
        if !matches!(at.node.data, Data::Text(_)) {
            return Some(plain_texts(&at, self.report));
        }
        // An empty text is no tool at all, and never all of them.
        let line = text(&at, limits::TEXT, self.report).unwrap_or_default();
        let mut depth = 0_usize;
        let apart = |c: char| {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && (c == ',' || c.is_whitespace())
        };
        Some(line.split(apart).filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    fn linked_skills(&mut self) -> Vec<Key> {
        let Some(at) = self.take("linked_skills") else { return Vec::new() };
        let mut keys = Vec::new();
        for (at, given) in texts(&at, self.report) {
            let Some(key) = key(&at, &given, self.report) else { continue };
            if key == *self.key {
                self.report.warn(at.finding("is the skill itself, and is left out"));
            } else if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    fn inert(&mut self, other: &mut Map<String, Value>) {
        let inert = table::FRONT_MATTER.iter().filter(|known| matches!(known.shape, table::Shape::Inert));
        for known in inert {
            if let Some(at) = self.take(known.name) {
                self.report.warn(at.finding("is kept, and does nothing yet"));
                other.insert(known.name.to_owned(), free(&at, self.report));
            }
        }
    }
}

/// `a OR b`: any of both.
fn needs(line: &str) -> Option<Needs> {
    let names = line.split(" OR ").flat_map(|part| part.split(" or ")).map(str::trim);
    let names: Vec<String> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    (!names.is_empty()).then_some(Needs(names))
}

/// A command is one word.
fn label_of(at: &At, report: &mut Report) -> Option<String> {
    let given = text(at, limits::NAME, report)?;
    let label = given.trim_start_matches('/');
    let word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    if !label.is_empty() && label.chars().all(word) {
        return Some(label.to_owned());
    }
    let word = slug(label);
    if let Some(word) = &word {
        let problem = format!("is `{}`, and a command is one word: it is /{word}", cut(&given));
        report.warn(at.finding(problem).suggest(word.clone()));
    } else {
        report.error(at.finding("must be a word of letters, digits and hyphens"));
    }
    word
}
