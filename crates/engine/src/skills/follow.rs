//! Which skill a turn follows, or may want to, and what the model is told of it.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use domain::{
    EntityKind, EntityRef, Error, FieldError, Result,
    offered::{MatchedBy, Routing},
    run::{Mode, PinnedSkill},
};
use serde_json::{Map, Value, json};
use skills::{
    Skill,
    compile::Compiled,
    route::Decision,
    skill::{Input, Needs},
};
use store::TenantTx;
use tools::cards::CardSchema;

use super::{
    library::{Entry, Library, why},
    reading::{Ready, facts, given_up, how_to_call, problems},
};
use crate::{
    Engine,
    prompt::neutral,
    routing::OfSkill,
    sequence::{self, Sequence, expanded::Expanded},
};

/// A skill that a message names, with what it is to work on.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub key: String,
    pub inputs: Map<String, Value>,
    /// Whether inputs that it requires have to be there; else the copilot asks for them.
    pub complete: bool,
}

/// What a turn is about, beside its words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    pub text: &'a str,
    pub person: Person<'a>,
    pub wanted: Option<&'a Wanted>,
    /// The session's entity, and those that the message mentions.
    pub entities: &'a [EntityRef],
}

/// What was decided about skills when a turn began.
#[derive(Default)]
pub(crate) struct Picked {
    pub routing: Option<Routing>,
    /// The skill that is followed.
    pub skill: Option<PinnedSkill>,
    /// How it wants to be executed.
    pub mode: Option<Mode>,
    /// The model and the tier that it asks for.
    pub wish: OfSkill,
    /// The steps of a sequence, which the service executes one by one.
    pub sequence: Option<Sequence>,
    /// What stands in the message's context.
    pub note: String,
}

impl Engine {
    /// Decides which skill the turn follows, if any: one that the message names, or calls by its command.
    /// Of one that only fits, the model is told that it does.
    pub(crate) async fn pick(
        &self,
        tx: &mut TenantTx,
        library: &Library,
        turn: About<'_>,
        tools: &BTreeMap<String, String>,
    ) -> Result<Picked> {
        let routing = match turn.wanted {
            Some(wanted) => Routing {
                skill_key: known(library, &wanted.key)?.skill.key.to_string(),
                matched_by: MatchedBy::Request,
                confidence: 1.0,
                reason: "the request names it".into(),
            },
            None => match library.route(turn.text) {
                None => return Ok(Picked::default()),
                Some(decision) => routing(decision),
            },
        };
        let entry = known(library, &routing.skill_key)?;
        match routing.matched_by {
            MatchedBy::Request | MatchedBy::Command => {
                self.follow(tx, library, entry, turn, (routing, tools)).await
            }
            _ => Ok(Picked { note: hint(entry), routing: Some(routing), ..Picked::default() }),
        }
    }

    async fn follow(
        &self,
        tx: &mut TenantTx,
        library: &Library,
        entry: &Entry,
        turn: About<'_>,
        (routing, tools): (Routing, &BTreeMap<String, String>),
    ) -> Result<Picked> {
        let facts = facts(tx).await?;
        let Ready { compiled, expanded } = self.ready(tx, library, entry, (&facts, tools)).await?;
        let key = entry.skill.key.as_str();
        if let Some(why) = refusal(&compiled) {
            if turn.wanted.is_some() {
                return Err(Error::conflict(
                    "skill_not_runnable",
                    format!("the skill {key:?} cannot run: {why}"),
                ));
            }
            let note =
                format!("The person calls for the skill {key}, which cannot run here: {}.\n", neutral(&why));
            return Ok(Picked { note, routing: Some(routing), ..Picked::default() });
        }
        if let Some(expanded) = expanded {
            return execute(entry, expanded, turn, (routing, facts, &compiled.text));
        }
        if let Some(wanted) = turn.wanted {
            check_inputs(entry, &wanted.inputs, wanted.complete)?;
        }
        let mut inputs = entry.skill.defaults();
        inputs.extend(turn.wanted.map(|wanted| wanted.inputs.clone()).unwrap_or_default());
        let mut unmet = unmet(entry, &inputs, turn.entities, &facts);
        unmet.extend(missing_inputs(entry, &inputs));
        let note = instructions(entry, &compiled.text, &inputs, &unmet);
        let skill = entry.pin(inputs, compiled.tools.map(|tools| tools.into_iter().collect()));
        Ok(Picked {
            routing: Some(routing),
            skill: Some(skill),
            mode: Some(entry.skill.mode),
            wish: entry.wish(),
            note,
            sequence: None,
        })
    }
}

/// What stands behind a command is the input that the sequence lacks, where that is one text.
fn said_with(entry: &Entry, text: &str, inputs: &mut Map<String, Value>) {
    let Some((_, said)) = text.trim().split_once(char::is_whitespace) else { return };
    let lacks = |input: &&Input| input.required && !inputs.contains_key(&input.name);
    let mut lacking = entry.skill.inputs.iter().filter(lacks);
    if let (Some(input), None) = (lacking.next(), lacking.next())
        && input.schema["type"] == "string"
    {
        inputs.insert(input.name.clone(), said.trim().into());
    }
}

/// Why a skill cannot run here, if so.
fn refusal(compiled: &Compiled) -> Option<String> {
    why(problems(compiled), &compiled.missing)
}

/// A sequence is executed step by step. One that lacks what it needs to know is not begun.
fn execute(
    entry: &Entry,
    expanded: Expanded,
    turn: About<'_>,
    (routing, facts, text): (Routing, Map<String, Value>, &str),
) -> Result<Picked> {
    let given = turn.wanted.map(|wanted| wanted.inputs.clone()).unwrap_or_default();
    let mut inputs = sequence_inputs(&entry.skill, given, turn.entities);
    if routing.matched_by == MatchedBy::Command {
        said_with(entry, turn.text, &mut inputs);
    }
    if let Some(lacks) = lacks(entry, &inputs, turn.entities, &facts) {
        if turn.wanted.is_some_and(|wanted| wanted.complete) {
            return Err(lacks);
        }
        let key = &entry.skill.key;
        let note = format!(
            "The person calls for the sequence {key}, which the service cannot begin yet: {}. Tell the person what is \
                 missing, and to call for it again with that.\n",
            neutral(&lacks.to_string())
        );
        return Ok(Picked { note, routing: Some(routing), ..Picked::default() });
    }
    let rows = sequence::rows(&expanded);
    let context = sequence_context(facts, turn.person, &inputs);
    let note = executed(entry, text, &inputs);
    let skill = PinnedSkill { follows: expanded.followed(), ..entry.pin_sequence(inputs.clone()) };
    let sequence = Sequence::new(expanded, rows, inputs, context)?;
    Ok(Picked {
        routing: Some(routing),
        skill: Some(skill),
        mode: Some(Mode::Agent),
        wish: entry.wish(),
        note,
        sequence: Some(sequence),
    })
}

/// Who asks, as the mappings of a sequence know it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person<'a> {
    pub name: Option<&'a str>,
    pub zone: Tz,
}

/// What a sequence is given: the inputs, the defaults of those that are left out, and the ids of the
/// records that the turn is about.
pub(super) fn sequence_inputs(
    skill: &Skill,
    given: Map<String, Value>,
    entities: &[EntityRef],
) -> Map<String, Value> {
    let mut inputs = skill.defaults();
    inputs.extend(given);
    for entity in entities {
        inputs.entry(format!("{}_id", entity.kind)).or_insert_with(|| entity.id.clone().into());
    }
    inputs
}

/// What is known beside the inputs: the organization's facts, the person, and the records that the inputs name.
pub(crate) fn sequence_context(
    facts: Map<String, Value>,
    person: Person<'_>,
    inputs: &Map<String, Value>,
) -> Map<String, Value> {
    let mut context = facts;
    context.insert("user".into(), json!({ "name": person.name }));
    context.insert("timezone".into(), person.zone.name().into());
    for kind in EntityKind::ALL {
        let name = format!("{kind}_id");
        if let Some(id) = inputs.get(&name) {
            context.insert(name, id.clone());
        }
    }
    context
}

/// Why a sequence cannot begin with this, if so.
fn lacks(
    entry: &Entry,
    inputs: &Map<String, Value>,
    entities: &[EntityRef],
    facts: &Map<String, Value>,
) -> Option<Error> {
    if let Err(error) = check_inputs(entry, inputs, true) {
        return Some(error);
    }
    let unmet = unmet(entry, inputs, entities, facts);
    let needs = || format!("must say what the sequence needs to know: {}", unmet.join("; "));
    (!unmet.is_empty()).then(|| Error::field("inputs", needs()))
}

/// What the model is told of a sequence that the service executes.
fn executed(entry: &Entry, text: &str, inputs: &Map<String, Value>) -> String {
    let called = "The person calls for this sequence. The service carries its steps out one after the other, and asks you \
        for those that need you: get_skill opens such a step, you do its work alone, and you end it with submit_output. \
        When all steps are over you are asked once more: tell the person what came of them.";
    quoted(called, entry, text, inputs)
}

/// The skill's text between its tags, behind what is said of it, and what it is to work on.
fn quoted(called: &str, entry: &Entry, text: &str, inputs: &Map<String, Value>) -> String {
    let (key, version, text) = (&entry.skill.key, entry.version, neutral(text));
    let mut note =
        format!("{called}\n<skill key=\"{key}\" version=\"{version}\">\n{}\n</skill>\n", text.trim_end());
    if !inputs.is_empty() {
        let inputs = Value::Object(inputs.clone()).to_string();
        note.push_str(&format!("Its inputs, as data: {}\n", neutral(&inputs)));
    }
    note
}

pub(super) fn routing(decision: Decision) -> Routing {
    let Decision { key, matched_by, confidence, reason } = decision;
    Routing { skill_key: key.to_string(), matched_by, confidence, reason }
}

pub(super) fn known<'a>(library: &'a Library, key: &str) -> Result<&'a Entry> {
    if let Some(why) = library.named_shown(key).and_then(|entry| given_up(&entry.skill)) {
        return Err(Error::conflict("skill_not_runnable", format!("the skill {key:?} {why}")));
    }
    library
        .named_offer(key)
        .ok_or_else(|| Error::field("skill", format!("there is no skill {key:?}; GET /v1/skills lists them")))
}

/// A refusal names each input that is missing or does not fit.
pub(super) fn check_inputs(entry: &Entry, inputs: &Map<String, Value>, complete: bool) -> Result<()> {
    let Some(mut schema) = entry.skill.input_schema.clone() else { return Ok(()) };
    if !complete && let Some(members) = schema.as_object_mut() {
        members.remove("required");
    }
    let under_inputs = |problem: FieldError| FieldError {
        field: if problem.field.is_empty() { "inputs".into() } else { format!("inputs.{}", problem.field) },
        ..problem
    };
    let checked =
        CardSchema::new(&schema.to_string()).map(|schema| schema.problems(&Value::Object(inputs.clone())));
    match checked {
        Ok(problems) if problems.is_empty() => Ok(()),
        Ok(problems) => Err(Error::fields(problems.into_iter().map(under_inputs).collect())),
        Err(_) => Err(Error::conflict("skill_not_runnable", "the skill's input schema cannot be used")),
    }
}

/// Inputs that the skill requires and was not given, each with what it is.
fn missing_inputs(entry: &Entry, inputs: &Map<String, Value>) -> Vec<String> {
    let missing =
        entry.skill.inputs.iter().filter(|input| input.required && !inputs.contains_key(&input.name));
    missing
        .map(|input| match input.schema["description"].as_str() {
            Some(about) => format!("{} ({about})", input.name),
            None => input.name.clone(),
        })
        .collect()
}

/// What the skill needs to know and nothing here says.
pub(super) fn unmet(
    entry: &Entry,
    inputs: &Map<String, Value>,
    entities: &[EntityRef],
    facts: &Map<String, Value>,
) -> Vec<String> {
    let known: BTreeSet<&str> = entities.iter().map(|entity| entity.kind.as_str()).collect();
    let met = |name: &str| {
        let given = |map: &Map<String, Value>| map.get(name).is_some_and(|value| !value.is_null());
        given(inputs) || given(facts) || known.contains(name)
    };
    let unmet = entry.skill.required_context.iter().filter(|needs| !needs.met(met));
    unmet.map(|Needs(names)| names.join(" or ")).collect()
}

fn hint(entry: &Entry) -> String {
    let key = &entry.skill.key;
    if entry.skill.is_sequence() {
        let how = how_to_call(&entry.skill);
        return format!(
            "The sequence {key} may fit what is asked. The service carries it out when the person calls for it: if it \
             fits, say so, and that {}.\n",
            neutral(&how)
        );
    }
    format!("The skill {key} may fit what is asked; get_skill opens it.\n")
}

/// What the model is told of a skill that it follows.
fn instructions(entry: &Entry, text: &str, inputs: &Map<String, Value>, unmet: &[String]) -> String {
    let mut note = quoted("The person calls for this skill; follow it.", entry, text, inputs);
    let wishes: Vec<String> = entry.skill.optional_context.iter().map(|needs| needs.0.join(" or ")).collect();
    if !wishes.is_empty() {
        note.push_str(&format!("It goes better with, if that is known: {}.\n", neutral(&wishes.join("; "))));
    }
    if let Some(card) = &entry.skill.card {
        note.push_str(&format!(
            "Show the person its result with show_card, as a card of the type {}.\n",
            neutral(card)
        ));
    }
    if !unmet.is_empty() {
        note.push_str(&format!(
            "It needs to know: {}. Where the conversation does not say it, ask the person with ask_user before you begin.\n",
            neutral(&unmet.join("; "))
        ));
    }
    note
}
