//! Key by key, in the order of the skill.

use domain::models::parts;
use serde_json::{Map, Value};

use super::{
    fields::{At, Fields},
    schema,
    split::Parts,
    steps, table,
    taken::Head,
    triggers,
    values::{closed, count, cut, flag, free, key, plain_texts, slug, text, texts, unusual},
    yaml::Data,
};
use crate::{
    Finding, Key, Report, Skill, Step, limits,
    skill::{Command, Deprecation, ExecutionMode, Input, Kind, Mode, Needs, Tier},
    template,
};

const IGNORED: &str = "it is ignored";
const KINDS: [Kind; 3] = [Kind::Atomic, Kind::Sequence, Kind::Composite];
const EXECUTION_MODES: [ExecutionMode; 3] =
    [ExecutionMode::Sync, ExecutionMode::Async, ExecutionMode::Streaming];
const MODES: [Mode; 3] = [Mode::Auto, Mode::Single, Mode::Agent];

/// The skill that the fields describe. What is missing or wrong is an error of the report, and the
/// rest is read nevertheless, so that an author hears everything at once.
pub(super) fn skill(key: &Key, fields: Fields, open: bool, parts: Parts, report: &mut Report) -> Skill {
    let mut head = Head { key, fields, open, words: Map::new(), report };
    let name = head.required("name", limits::NAME);
    let title = head.text("title", limits::NAME);
    let description = head.required("description", limits::DESCRIPTION);
    let said = head.read("skill_type", |at, report| {
        closed(at, table::SKILL_TYPES, &KINDS, report).map(|kind| (kind, at.clone()))
    });
    let (inputs, input_schema) = head.takes();
    let output_schema = head.gives();
    let steps = head.steps(said.as_ref().map(|(kind, _)| *kind), &inputs);
    let kind = head.kind(said, &steps);
    let command = head.command();
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
        active: head.active(),
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
        namespaces: head.namespaces(table::NAMESPACES, "which is no place that we know"),
        card: head.text("structured_response_type", limits::NAME),
        allowed_tools: head.allowed_tools(),
        linked_skills: head.linked_skills(),
        steps,
        timeout_ms: head.read("timeout_ms", |at, report| count(at, 1, limits::TIMEOUT_MS, report)),
        execution_mode: head
            .closed("execution_mode", table::EXECUTION_MODES, &EXECUTION_MODES)
            .unwrap_or_default(),
        mode: head.mode(),
        model: head.model(),
        tier: head.tier(),
        other: Map::new(),
        body: parts.body,
    };
    head.inert();
    let Head { fields, words: mut other, report, .. } = head;
    other.extend(fields.rest(report));
    template::check(&skill.body, "body", parts.body_line, report);
    if skill.body.trim().is_empty() && skill.steps.is_empty() && !key.is_library() {
        let finding = Finding::new("body", "is empty: there is nothing to follow");
        report.warn(finding.on_line(parts.body_line));
    }
    Skill { other, ..skill }
}

impl<'n> Head<'n, '_> {
    /// An unusual tier is none.
    fn tier(&mut self) -> Option<Tier> {
        self.read("tier", |at, report| {
            let given = text(at, limits::NAME, report)?;
            unusual(at, &given, table::TIERS, "and says nothing", report);
            Tier::parse(&given)
        })
    }

    /// What is no `provider/model` is another system's name, such as `sonnet`.
    fn model(&mut self) -> Option<String> {
        self.read("model", |at, report| {
            let given = text(at, limits::NAME, report)?;
            let named = parts(&given).is_some();
            if !named {
                let problem =
                    "is no provider/model, such as anthropic/claude-sonnet-5-5: the service decides";
                report.warn(at.finding(problem));
            }
            named.then_some(given)
        })
    }

    /// An unusual mode is `auto`.
    fn mode(&mut self) -> Mode {
        let mode = self.read("mode", |at, report| {
            let given = text(at, limits::NAME, report)?;
            unusual(at, &given, table::MODES, "and stands for auto", report);
            let found = table::MODES.iter().zip(MODES).find(|(name, _)| **name == given);
            found.map(|(_, mode)| mode)
        });
        mode.unwrap_or_default()
    }

    /// What has steps is a sequence, unless it says composite.
    fn kind(&mut self, said: Option<(Kind, At<'n>)>, steps: &[Step]) -> Kind {
        let kind = match said {
            Some((Kind::Atomic, at)) if !steps.is_empty() => {
                let problem = "is `atomic`, and the skill has steps: it is read as a sequence";
                self.report.warn(at.finding(problem).suggest("sequence".to_owned()));
                Kind::Sequence
            }
            Some((kind, _)) => kind,
            None if steps.is_empty() => Kind::Atomic,
            None => Kind::Sequence,
        };
        if kind == Kind::Sequence && steps.is_empty() {
            let problem = "is missing: a sequence without steps is an instruction";
            self.report.warn(Finding::new("metadata.workflow", problem));
        }
        kind
    }

    fn triggers(&mut self) -> Vec<crate::skill::Trigger> {
        self.read("triggers", |at, report| Some(triggers::triggers(at, report))).unwrap_or_default()
    }

    /// Steps that cannot be read are errors in every document: it would be another skill without them. A workflow of
    /// the open format that has none is its author's own word.
    fn steps(&mut self, said: Option<Kind>, inputs: &[Input]) -> Vec<Step> {
        let Some(at) = self.take("workflow") else { return Vec::new() };
        let sequence = said.is_some_and(|kind| kind != Kind::Atomic);
        if self.open && !sequence && !steps::has_step(&at) {
            let problem = "has no steps of a sequence: it is kept as the author's words, and does nothing";
            self.report.warn(at.finding(problem));
            let words = free(&at, self.report);
            self.words.insert("workflow".to_owned(), words);
            return Vec::new();
        }
        steps::steps(&at, self.key, inputs, self.report)
    }

    /// Inputs or outputs. They are written in one of two ways: what cannot be read of one is not kept beside the other.
    fn values(&mut self, name: &str) -> Vec<Input> {
        let Some(at) = self.take(name) else { return Vec::new() };
        let read = |at: &At, report: &mut Report| Some(schema::values(at, report));
        self.understood(&at, IGNORED, read).flatten().unwrap_or_default()
    }

    fn schema(&mut self, name: &str) -> Option<Value> {
        let at = self.take(name)?;
        self.understood(&at, IGNORED, schema::schema).flatten()
    }

    fn takes(&mut self) -> (Vec<Input>, Option<Value>) {
        let inputs = self.values("inputs");
        match self.schema("input_schema") {
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
        let outputs = self.values("outputs");
        let schema = self.schema("output_schema");
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
    fn command(&mut self) -> Option<Command> {
        let key = self.key;
        match self.read("command_centre", |at, report| command(at, key, report))? {
            Ok(command) => Some(command),
            Err(off) => {
                self.words.insert("command_centre".to_owned(), off);
                None
            }
        }
    }

    /// Names by spaces or commas, but `Bash(git add:*)` is one. What cannot be read is no tool, and never all of them.
    fn allowed_tools(&mut self) -> Option<Vec<String>> {
        let at = self.take("allowed-tools")?;
        let read = |at: &At, report: &mut Report| Some(allowed_tools(at, report));
        Some(self.understood(&at, "no tool is given for it", read).flatten().unwrap_or_default())
    }

    fn linked_skills(&mut self) -> Vec<Key> {
        let own = self.key;
        self.read("linked_skills", |at, report| Some(linked_skills(at, own, report))).unwrap_or_default()
    }

    fn inert(&mut self) {
        let inert = table::FRONT_MATTER.iter().filter(|known| matches!(known.shape, table::Shape::Inert));
        for known in inert {
            if let Some(at) = self.take(known.name) {
                self.report.warn(at.finding("is kept, and does nothing yet"));
                self.words.insert(known.name.to_owned(), free(&at, self.report));
            }
        }
    }
}

/// The command; Err has what is written of one that is switched off.
fn command(at: &At, key: &Key, report: &mut Report) -> Option<Result<Command, Value>> {
    let mut fields = Fields::record(at, table::COMMAND, report)?;
    let enabled = fields.take("enabled", report).and_then(|at| flag(&at, report));
    let label = fields.take("label", report).and_then(|at| label_of(&at, report));
    let description = fields.take("description", report).and_then(|at| text(&at, limits::TEXT, report));
    let icon = fields.take("icon", report).and_then(|at| text(&at, limits::NAME, report));
    fields.rest(report);
    if enabled == Some(false) {
        return Some(Err(free(at, report)));
    }
    Some(Ok(Command { label: label.unwrap_or_else(|| key.to_string()), description, icon }))
}

fn allowed_tools(at: &At, report: &mut Report) -> Vec<String> {
    if !matches!(at.node.data, Data::Text(_)) {
        return plain_texts(at, report);
    }
    // An empty text is no tool at all, and never all of them.
    let line = text(at, limits::TEXT, report).unwrap_or_default();
    let mut depth = 0_usize;
    let apart = |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && (c == ',' || c.is_whitespace())
    };
    line.split(apart).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn linked_skills(at: &At, own: &Key, report: &mut Report) -> Vec<Key> {
    let mut keys = Vec::new();
    for (at, given) in texts(at, report) {
        let Some(key) = key(&at, &given, report) else { continue };
        if key == *own {
            report.warn(at.finding("is the skill itself, and is left out"));
        } else if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
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
