//! What a skill would do, without doing it: nothing is stored, no model is asked, and what writes is
//! only shown. What reads the record is performed, so that later steps are seen with what they would get.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Utc;
use chrono_tz::Tz;
use domain::{
    CardId, EntityRef, Error, Result, Role, RunId,
    offered::{SimulatedStep, Simulation, Would},
    permission::{Action, Ask, Matrix, Policy},
    tool::ToolClass,
};
use serde_json::{Map, Value, value::to_raw_value};
use skills::{Key, mapping::Path, plan::Failure, step::Does};
use store::{TenantTx, permissions};
use tools::{Call, Offer};

use super::{
    follow::{Person, check_inputs, known, sequence_context, sequence_inputs, unmet},
    library::Library,
    narrow,
    reading::{Ready, facts, problems},
};
use crate::{
    Engine, Wanted,
    builtins::{self, Asking},
    door::Door,
    run::shorten,
    sequence::{self, Given, Sequence},
};

const NOT_BEGUN: &str =
    "the organization does not let its copilots begin steps that a person approves, for this person";
/// Longest text that stands for what a step would do, in characters.
const MAX_WOULD: usize = 4_000;

/// Who asks what a skill would do, and about what.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    pub role: Role,
    pub name: Option<&'a str>,
    pub zone: Tz,
    /// The conversation's entity, then those that are mentioned.
    pub entities: &'a [EntityRef],
    /// The conversation has read what came from outside.
    pub untrusted: bool,
}

/// What the steps of a sequence are looked at with.
struct Stage<'a> {
    library: &'a Library,
    door: Door,
    tools: &'a BTreeMap<String, String>,
    matrix: &'a Matrix,
    offer: Offer,
    asker: Asker<'a>,
    /// Output keys of steps whose result nobody knows before they are carried out, each with its sequence.
    unknown: BTreeSet<(usize, String)>,
    /// A step, or the conversation before, has read what came from outside.
    untrusted: bool,
}

impl Stage<'_> {
    /// Whether what a mapping of this sequence has not found will be there when the step is carried out.
    fn is_later(&self, group: usize, late: &BTreeSet<String>, path: &str) -> bool {
        let first = |rest: &str| rest.split(['.', '[']).next().unwrap_or_default().to_owned();
        match path.split_once('.') {
            Some(("outputs", rest)) => self.unknown.contains(&(group, first(rest))),
            Some(("inputs", rest)) => late.contains(&first(rest)),
            Some(("trigger", rest)) => {
                rest.strip_prefix("params.").is_some_and(|rest| late.contains(&first(rest)))
            }
            _ => false,
        }
    }

    /// Inputs of a sequence that hang on what nobody knows before it is carried out.
    fn late_inputs(&self, sequence: &Sequence, group: usize) -> BTreeSet<String> {
        let Some((around, arguments)) = sequence.around(group) else { return BTreeSet::new() };
        let late = self.late_inputs(sequence, around);
        let is_late = |path: &&Path| self.is_later(around, &late, path.source());
        let names = arguments.arguments().filter(|(_, paths)| paths.iter().any(is_late));
        names.map(|(name, _)| name.to_owned()).collect()
    }

    /// What the matrix says of a step whose begin a person approves.
    fn begin(&self, requires_approval: bool) -> Policy {
        if !requires_approval {
            return Policy::Auto;
        }
        let ruling = self.matrix.rule(Ask::own(self.asker.role, Action::BeginStep));
        let ruling = if self.untrusted { ruling.of_untrusted(Action::BeginStep) } else { ruling };
        ruling.of_step().policy
    }
}

impl Engine {
    /// What a run that follows the skill would do. The transaction is to be rolled back.
    pub async fn simulate(&self, tx: &mut TenantTx, wanted: &Wanted, asker: Asker<'_>) -> Result<Simulation> {
        let library = self.library_now(tx).await?;
        let matrix = permissions::matrix(tx).await?;
        let offer = self.0.toolbox.offer(&matrix, asker.role);
        let tools = self.0.toolbox.described(offer);
        library.named_shown(&wanted.key).ok_or(Error::NotFound)?;
        let entry = known(&library, &wanted.key)?;
        let sequence = entry.skill.is_sequence();
        let inputs = if sequence {
            sequence_inputs(&entry.skill, wanted.inputs.clone(), asker.entities)
        } else {
            wanted.inputs.clone()
        };
        check_inputs(entry, &inputs, true)?;
        let facts = facts(tx).await?;
        let Ready { compiled, expanded } = self.ready(tx, &library, entry, (&facts, &tools)).await?;
        let mut simulation = Simulation {
            simulated: true,
            skill_key: wanted.key.clone(),
            version: entry.version,
            runnable: compiled.runnable,
            problems: problems(&compiled),
            missing: compiled.missing,
            needs: unmet(entry, &inputs, asker.entities, &facts),
            text: compiled.text,
            tools: compiled.tools.map(|tools| tools.into_iter().collect()),
            steps: Vec::new(),
        };
        let Some(expanded) = expanded else { return Ok(simulation) };
        let context = sequence_context(facts, Person { name: asker.name, zone: asker.zone }, &inputs);
        let rows = sequence::rows(&expanded);
        let mut sequence = Sequence::new(expanded, rows, inputs, context)?;
        let mut stage = Stage {
            library: &library,
            door: self.door_in(tx).await?,
            tools: &tools,
            matrix: &matrix,
            offer,
            asker,
            unknown: BTreeSet::new(),
            untrusted: asker.untrusted,
        };
        // What is only done when something fails is no part of it.
        while let Some(at) = sequence.current() {
            let step = self.simulate_step(tx, &mut stage, &mut sequence, at).await?;
            simulation.steps.push(step);
        }
        Ok(simulation)
    }

    async fn simulate_step(
        &self,
        tx: &mut TenantTx,
        stage: &mut Stage<'_>,
        sequence: &mut Sequence,
        at: usize,
    ) -> Result<SimulatedStep> {
        let Given { arguments, group, lacks } = sequence.evaluate(at);
        let input = stage.door.clean_members(arguments);
        let planned = sequence.planned(at).clone();
        let late = stage.late_inputs(sequence, group);
        let (later, missing) = lacks.into_iter().partition(|path| stage.is_later(group, &late, path));
        let waits = || !stage.late_inputs(sequence, sequence.group(at)).is_empty();
        let unmet = sequence.unmet(at, &input).filter(|_| !waits());
        let meant = sequence::meant(planned.does.clone(), input.clone());
        let asks = planned.requires_approval;
        let (policy, would, output) = match &meant {
            Err(why) => (Policy::Auto, Would::Fail { why: why.clone() }, None),
            _ if let Some(why) = unmet => (stage.begin(asks), Would::Fail { why }, None),
            Ok((Does::Skill(_), _)) if stage.begin(asks) == Policy::Disabled => {
                (Policy::Disabled, Would::Fail { why: NOT_BEGUN.into() }, None)
            }
            Ok((Does::Skill(key), _)) => {
                let would = self.would_follow(tx, stage, key, &input).await?;
                // What opens a sequence brings what that is given.
                let output = sequence.opens(at).then(|| Value::Object(input.clone()).to_string());
                (stage.begin(asks), would, output)
            }
            Ok((Does::Action(name), _)) if let Some(why) = narrow::refusal(sequence.followed(at), name) => {
                (stage.begin(asks), Would::Fail { why }, None)
            }
            Ok((Does::Action(name), given)) => {
                let read = self.0.toolbox.tool(name).is_some_and(|tool| tool.class == ToolClass::Read);
                if read && stage.begin(asks) == Policy::Disabled {
                    (Policy::Disabled, Would::Fail { why: NOT_BEGUN.into() }, None)
                } else {
                    self.would_call(tx, stage, (name, asks), given).await?
                }
            }
        };
        if output.is_none() {
            stage.unknown.extend(sequence.output_keys(at));
        }
        sequence.simulated(at, output);
        let row = &sequence.rows[at];
        Ok(SimulatedStep {
            order: row.ord,
            name: row.name.clone(),
            skill_key: row.skill_key.clone(),
            action: row.action.clone(),
            input,
            missing,
            later,
            policy,
            would,
            on_failure: match &planned.on_failure {
                Failure::Stop => "stop".into(),
                Failure::Continue => "continue".into(),
                Failure::Fallback(key) => format!("fallback: {key}"),
            },
        })
    }

    async fn would_follow(
        &self,
        tx: &mut TenantTx,
        stage: &Stage<'_>,
        key: &Key,
        input: &Map<String, Value>,
    ) -> Result<Would> {
        let Some(entry) = stage.library.find(key) else {
            return Ok(Would::Fail { why: format!("there is no skill {key}") });
        };
        let compiled = self.compiled(tx, stage.library, entry, stage.tools).await?;
        if let Some(error) = compiled.report.errors.first() {
            return Ok(Would::Fail { why: error.to_string() });
        }
        let skill = entry.pin(input.clone(), compiled.tools.map(|tools| tools.into_iter().collect()));
        Ok(Would::Follow {
            version: skill.version,
            tools: skill.tools,
            outputs: entry.skill.output_schema.clone(),
            missing: compiled.missing,
        })
    }

    /// What the matrix says of the call, what it would do, and what later steps would read of it.
    async fn would_call(
        &self,
        tx: &mut TenantTx,
        stage: &mut Stage<'_>,
        (name, requires_approval): (&str, bool),
        input: &Map<String, Value>,
    ) -> Result<(Policy, Would, Option<String>)> {
        let args = to_raw_value(&sequence::without_nulls(input.clone())).map_err(Error::internal)?;
        let (tool, call) = match self.0.toolbox.check(stage.offer, name, &args) {
            Ok(checked) => checked,
            Err(why) => {
                let disabled = self.0.toolbox.tool(name).is_some() && !stage.tools.contains_key(name);
                let policy =
                    if disabled { Policy::Disabled } else { stricter(requires_approval, Policy::Auto) };
                return Ok((policy, Would::Fail { why }, None));
            }
        };
        let bound = stage.asker.entities.first();
        let ruled = call.action().map(|action| {
            let ruling = stage.matrix.rule(Ask::own(stage.asker.role, action));
            if stage.untrusted { ruling.of_untrusted(action).policy } else { ruling.policy }
        });
        let policy = stricter(requires_approval, ruled.unwrap_or(Policy::Auto));
        if let Call::Outside(_) | Call::AskUser(_) = call {
            return Ok((policy, Would::Call { title: tool.title.into() }, None));
        }
        if tool.class != ToolClass::Read {
            let would = match builtins::preview(tx, &call, tool.title, bound, stage.asker.zone).await? {
                Ok(preview) => {
                    Would::Write { preview: serde_json::to_value(preview).map_err(Error::internal)? }
                }
                Err(hopeless) => Would::Fail { why: hopeless.text },
            };
            return Ok((policy, would, None));
        }
        let outcome = match &call {
            Call::GetSkill { key, document } => {
                self.get_skill(tx, (stage.library, None), (key, document.as_deref()), stage.tools).await?
            }
            Call::ListSkills { query, category } => {
                super::list_skills(stage.library, query.as_deref(), category.as_deref())
            }
            _ => {
                let asking = Asking { bound, now: Utc::now(), zone: stage.asker.zone };
                let card = CardId::derive(RunId::new(), name);
                match builtins::read(tx, &call, asking, (card, stage.asker.role)).await {
                    Err(Error::Invalid { detail, .. }) => {
                        return Ok((policy, Would::Fail { why: detail }, None));
                    }
                    outcome => outcome?,
                }
            }
        };
        stage.untrusted |= outcome.origin.is_outside();
        if !outcome.success {
            return Ok((policy, Would::Fail { why: outcome.text }, None));
        }
        let output = stage.door.output_of(&outcome);
        Ok((policy, Would::Read { result: shorten(&outcome.text, MAX_WOULD) }, Some(output)))
    }
}

/// The stricter of what the matrix and the step say.
fn stricter(requires_approval: bool, ruled: Policy) -> Policy {
    if requires_approval { ruled.max(Policy::Approve) } else { ruled }
}
