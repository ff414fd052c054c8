//! `get_skill` and `list_skills`, and the same for people.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    Error, FieldError, OptionalExt as _, Result, Role,
    offered::{OfferedCommand, OfferedSkill, Routing},
    skill::{Shelf, SkillList},
};
use serde_json::{Map, Value};
use skills::{
    Finding, Skill,
    catalogue::Catalogue,
    compile::{Compiled, Include, World, compile, includes},
    skill::Deprecation,
};
use store::{TenantTx, profiles};

use super::{
    beside::NewSkill,
    library::{Entry, Library, add_missing},
};
use crate::{Engine, builtins::Outcome, sequence::expanded::Expanded};

/// Documents that one text may include, those that they include counted.
const MAX_DOCUMENTS: usize = 32;
/// Skills that one answer of `list_skills` shows.
const PAGE: usize = 40;

/// Whether the shelf holds the skill.
fn holds(shelf: &Shelf<'_>, skill: &Skill) -> bool {
    shelf.holds(skill.category.as_deref(), skill.priority.as_deref(), &skill.tags)
}

/// A skill for an organization and a caller: its text, and the steps of a sequence.
pub(super) struct Ready {
    pub compiled: Compiled,
    pub expanded: Option<Expanded>,
}

impl Engine {
    /// The skill as a text for this organization and a caller with these tools.
    pub(crate) async fn compiled(
        &self,
        tx: &mut TenantTx,
        library: &Library,
        entry: &Entry,
        tools: &BTreeMap<String, String>,
    ) -> Result<Compiled> {
        let facts = facts(tx).await?;
        Ok(self.ready(tx, library, entry, (&facts, tools)).await?.compiled)
    }

    /// The same with its steps, and with the organization's facts given.
    pub(super) async fn ready(
        &self,
        tx: &mut TenantTx,
        library: &Library,
        entry: &Entry,
        (facts, tools): (&Map<String, Value>, &BTreeMap<String, String>),
    ) -> Result<Ready> {
        let documents = documents(tx, library, &[], &entry.skill.body).await?;
        let world = World {
            facts,
            tools,
            aliases: &BTreeMap::new(),
            provides: &BTreeSet::new(),
            documents: &documents,
            skills: library.links(),
        };
        let mut compiled = compile(&entry.skill, &world);
        let expanded = entry.skill.is_sequence().then(|| library.expanded(entry, tools));
        if let Some(expanded) = &expanded {
            // It misses what the sequences miss that its steps follow.
            compiled.runnable &= expanded.is_runnable();
            compiled.report.errors.extend(expanded.problems.iter().cloned());
            add_missing(&mut compiled.missing, &expanded.missing);
        }
        Ok(Ready { compiled, expanded })
    }

    /// What `get_skill` answers; of a skill that is followed, at the version that is pinned.
    pub(crate) async fn get_skill(
        &self,
        tx: &mut TenantTx,
        (library, pinned): (&Library, Option<&Entry>),
        (key, document): (&str, Option<&str>),
        tools: &BTreeMap<String, String>,
    ) -> Result<Outcome> {
        let Some(entry) = pinned.or_else(|| library.named_offer(key)) else {
            return Ok(Outcome::failed(not_offered(library, key)));
        };
        if let Some(path) = document {
            return companion(tx, entry, path).await;
        }
        if pinned.is_none() && entry.skill.is_sequence() {
            return Ok(Outcome::ok(called_for(library, entry)));
        }
        let compiled = self.compiled(tx, library, entry, tools).await?;
        if let Some(error) = compiled.report.errors.first() {
            return Ok(Outcome::failed(format!("The skill {key} cannot be used: {error}.")));
        }
        Ok(Outcome::ok(format!("{}\n\n{}", head(entry, &compiled), compiled.text)).instructing())
    }
}

/// What a copilot is told of a sequence that it opens by itself.
fn called_for(library: &Library, entry: &Entry) -> String {
    let skill = &entry.skill;
    if let Some(why) = library.lame(&skill.key) {
        return format!(
            "{} is a sequence that cannot be carried out here: {why}. Tell the person.",
            skill.key
        );
    }
    format!(
        "{} is a sequence ({}): the service carries its {} steps out itself, with the approvals that they want, when \
         the person calls for it. Do not carry them out yourself. Tell the person what it does, and that {}.",
        skill.key,
        crate::turn::cut(&skill.description, 1_000),
        skill.steps.len(),
        how_to_call(skill)
    )
}

/// How a person calls for a skill.
pub(super) fn how_to_call(skill: &Skill) -> String {
    match &skill.command {
        Some(command) => format!("they call for it with /{}", command.label),
        None => format!("they call for it where the product lists the skill {:?}", skill.name),
    }
}

/// What stands above the text of a skill.
pub(crate) fn head(entry: &Entry, compiled: &Compiled) -> String {
    let skill = &entry.skill;
    let mut head = format!("Skill {} (\"{}\"), version {}.", skill.key, skill.name, entry.version);
    if !compiled.missing.is_empty() {
        head.push_str(&format!(
            " It cannot be carried out here: {} is missing. Tell the person.",
            compiled.missing.join(", ")
        ));
    }
    if let Some(tools) = &compiled.tools {
        let tools: Vec<&str> = tools.iter().map(String::as_str).collect();
        head.push_str(&format!(" It uses these tools alone: {}.", tools.join(", ")));
    }
    if !skill.required_context.is_empty() {
        let needs: Vec<String> = skill.required_context.iter().map(|needs| needs.0.join(" or ")).collect();
        head.push_str(&format!(
            " It needs to know: {}. Ask the person for what the conversation does not say.",
            needs.join("; ")
        ));
    }
    if let Some(card) = &skill.card {
        head.push_str(&format!(" Show the person its result with show_card, as a card of the type {card}."));
    }
    if !entry.files.is_empty() {
        head.push_str(&format!(
            " Its documents, each opened by get_skill with document: {}.",
            entry.files.join(", ")
        ));
    }
    head
}

async fn companion(tx: &mut TenantTx, entry: &Entry, path: &str) -> Result<Outcome> {
    let key = entry.skill.key.as_str();
    let found = store::skills::file(tx, entry.source, (key, entry.version), path).await.optional()?;
    Ok(match found {
        Some(text) => Outcome::ok(format!("{path} of the skill {key}:\n\n{text}")).instructing(),
        None if entry.files.is_empty() => Outcome::failed(format!("The skill {key} has no documents.")),
        None => {
            Outcome::failed(format!("The skill {key} has no {path:?}. It has: {}.", entry.files.join(", ")))
        }
    })
}

/// Why a skill cannot be opened: it is given up, with what took its place, or there is none.
fn not_offered(library: &Library, key: &str) -> String {
    let Some(why) = library.named_shown(key).and_then(|entry| given_up(&entry.skill)) else {
        return unknown(library, key);
    };
    let by = library.named(key).and_then(|entry| entry.skill.deprecation.as_ref()?.by.as_deref());
    let instead = by.filter(|by| library.named_offer(by).is_some());
    let instead = instead.map(|by| format!(" Open {by} in its place.")).unwrap_or_default();
    format!("The skill {key} {why}.{instead}")
}

fn unknown(library: &Library, key: &str) -> String {
    let near = library.offered().map(|entry| entry.skill.key.as_str());
    let near = near.max_by(|a, b| strsim::jaro_winkler(a, key).total_cmp(&strsim::jaro_winkler(b, key)));
    match near {
        Some(near) => {
            format!("There is no skill {key:?}. The nearest name is {near:?}; list_skills has them all.")
        }
        None => format!("There is no skill {key:?}: the organization has none."),
    }
}

/// The documents that a text includes, and those that they include: of the skills that are there, and of new ones.
pub(super) async fn documents(
    tx: &mut TenantTx,
    library: &Library,
    new: &[NewSkill<'_>],
    body: &str,
) -> Result<BTreeMap<String, skills::Files>> {
    let mut documents: BTreeMap<String, skills::Files> = BTreeMap::new();
    let (mut wanted, mut seen) = (includes(body), BTreeSet::new());
    while let Some(include) = wanted.pop() {
        if seen.len() >= MAX_DOCUMENTS || !seen.insert(include.clone()) {
            continue;
        }
        let Some(text) = included(tx, library, new, &include).await? else { continue };
        wanted.extend(includes(&text));
        documents.entry(include.folder).or_default().insert(include.document, text);
    }
    Ok(documents)
}

async fn included(
    tx: &mut TenantTx,
    library: &Library,
    new: &[NewSkill<'_>],
    include: &Include,
) -> Result<Option<String>> {
    let folder = include.folder.as_str();
    if let Some(new) = new.iter().find(|new| new.skill.key.as_str() == folder) {
        return Ok(new.files.get(&include.document).cloned());
    }
    let Some(entry) = library.named(folder) else { return Ok(None) };
    let at = (folder, entry.version);
    store::skills::file(tx, entry.source, at, &include.document).await.optional()
}

/// What `list_skills` answers: skills that have all words of the query, of the category.
pub(crate) fn list_skills(library: &Library, query: Option<&str>, category: Option<&str>) -> Outcome {
    let words: Vec<String> = query.unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
    let shelf = Shelf { category, ..Shelf::default() };
    let fits = |entry: &&Entry| {
        let skill = &entry.skill;
        let told = [skill.key.as_str(), &skill.name, &skill.description].join(" ").to_lowercase();
        let tagged =
            |word: &String| skill.tags.iter().chain(&skill.keywords).any(|tag| tag.to_lowercase() == *word);
        holds(&shelf, skill) && words.iter().all(|word| told.contains(word) || tagged(word))
    };
    // What is given up comes last: it says what to use in its place.
    let given_up = library.shown().filter(|entry| entry.skill.deprecation.is_some());
    let found: Vec<&Entry> = library.offered().chain(given_up).filter(fits).collect();
    if found.is_empty() {
        return Outcome::ok("No skill fits. Without a query and a category, list_skills shows all of them.");
    }
    let mut text: String = found.iter().take(PAGE).map(|entry| line(library, entry)).collect();
    if found.len() > PAGE {
        text.push_str(&format!("And {} more: narrow it with a query or a category.", found.len() - PAGE));
    }
    Outcome::ok(text.trim_end())
}

fn line(library: &Library, entry: &Entry) -> String {
    let skill = &entry.skill;
    let category = skill.category.as_ref().map(|category| format!(" [{category}]")).unwrap_or_default();
    let lame = library.lame(&skill.key).map(|why| format!(" [cannot run: {}]", crate::turn::cut(why, 160)));
    let given_up = || given_up(skill).map(|why| format!(" [{}]", crate::turn::cut(&why, 160)));
    let lame = lame.or_else(given_up).unwrap_or_default();
    format!("- {}{category}{lame}: {}\n", skill.key, crate::turn::cut(&skill.description, 300))
}

impl Engine {
    /// The skills that the caller's copilot is offered, and those that are given up, by key; `after` is the last of the
    /// page before.
    pub async fn offered_skills(
        &self,
        tx: &mut TenantTx,
        role: Role,
        wanted: &Shelf<'_>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<OfferedSkill>> {
        let (library, tools) = self.of_caller(tx, role).await?;
        let rest = library.shown().filter(|entry| {
            holds(wanted, &entry.skill) && after.is_none_or(|after| entry.skill.key.as_str() > after)
        });
        let (facts, mut page) = (facts(tx).await?, Vec::new());
        for entry in rest.take(limit) {
            let ready = self.ready(tx, &library, entry, (&facts, &tools)).await?;
            page.push(offered(entry, ready.compiled));
        }
        Ok(page)
    }

    /// One of them.
    pub async fn offered_skill(&self, tx: &mut TenantTx, role: Role, key: &str) -> Result<OfferedSkill> {
        let (library, tools) = self.of_caller(tx, role).await?;
        let entry = library.named_shown(key).ok_or(Error::NotFound)?;
        let compiled = self.compiled(tx, &library, entry, &tools).await?;
        Ok(offered(entry, compiled))
    }

    /// Which skill a message would be found to want.
    pub async fn route(&self, tx: &mut TenantTx, text: &str) -> Result<Option<Routing>> {
        Ok(self.library_now(tx).await?.route(text).map(super::follow::routing))
    }

    /// What a skill of the organization comes to for its administrator, offered or not.
    pub async fn compiled_skill(&self, tx: &mut TenantTx, role: Role, key: &str) -> Result<Compiled> {
        let (library, tools) = self.of_caller(tx, role).await?;
        let entry = library.named(key).ok_or(Error::NotFound)?;
        let mut compiled = self.compiled(tx, &library, entry, &tools).await?;
        compiled.report.warnings.extend(library.clashes(&entry.skill.key));
        let given_up = given_up(&entry.skill).map(|why| Finding::new("metadata.deprecated_by", why));
        compiled.report.warnings.extend(given_up);
        Ok(compiled)
    }

    /// The list of skills that stands in the prompts of the transaction's organization.
    pub async fn listed_skills(&self, tx: &mut TenantTx) -> Result<Catalogue> {
        Ok(self.library_now(tx).await?.listed().clone())
    }

    /// What keeps keys from standing first in it: each has to be a skill's.
    pub async fn check_list(&self, tx: &mut TenantTx, list: &SkillList) -> Result<()> {
        let library = self.library_now(tx).await?;
        let unknown = list.first.iter().enumerate().filter(|(_, key)| library.named_offer(key).is_none());
        let problems: Vec<FieldError> = unknown
            .map(|(place, key)| FieldError {
                field: format!("first[{place}]"),
                error: format!("copilots are offered no skill {key:?}; GET /v1/skills lists them"),
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(Error::fields(problems)) }
    }

    /// The organization's skills, and the caller's tools.
    async fn of_caller(
        &self,
        tx: &mut TenantTx,
        role: Role,
    ) -> Result<(Arc<Library>, BTreeMap<String, String>)> {
        let library = self.library_now(tx).await?;
        let matrix = store::permissions::matrix(tx).await?;
        Ok((library, self.0.toolbox.described(self.0.toolbox.offer(&matrix, role))))
    }

    /// The organization's skills as they stand now.
    pub(super) async fn library_now(&self, tx: &mut TenantTx) -> Result<Arc<Library>> {
        let states = store::skills::states(tx).await?;
        self.library(tx, states).await
    }
}

/// Why copilots are not offered a skill that is there, as what it is said to be.
pub(super) fn given_up(skill: &Skill) -> Option<String> {
    let Deprecation { by, reason } = skill.deprecation.as_ref()?;
    let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    Some(format!("is not offered to copilots: it is deprecated{by}{}", reason.trim_end_matches('.')))
}

/// What the organization says of itself, as texts may have it.
pub(crate) async fn facts(tx: &mut TenantTx) -> Result<Map<String, Value>> {
    Ok(profiles::find(tx).await?.profile.visible())
}

/// What is wrong with a skill, beside what is missing.
pub(super) fn problems(compiled: &Compiled) -> Vec<String> {
    compiled.report.errors.iter().map(ToString::to_string).collect()
}

fn offered(entry: &Entry, compiled: Compiled) -> OfferedSkill {
    let skill = &entry.skill;
    let (deprecation, given_up) = (skill.deprecation.as_ref(), given_up(skill));
    let command = skill.command.as_ref();
    OfferedSkill {
        key: skill.key.to_string(),
        kind: skill.kind,
        name: skill.name.clone(),
        description: skill.description.clone(),
        command: command
            .map(|it| OfferedCommand { label: it.label.clone(), description: it.description.clone() }),
        icon: command.and_then(|it| it.icon.clone()),
        category: skill.category.clone(),
        priority: skill.priority.clone(),
        tags: skill.tags.clone(),
        deprecated_by: deprecation.and_then(|it| it.by.clone()),
        deprecation_reason: deprecation.and_then(|it| it.reason.clone()),
        inputs: skill.input_schema.clone(),
        required_context: skill.required_context.iter().map(|needs| needs.0.clone()).collect(),
        execution_mode: skill.execution_mode,
        source: entry.source,
        version: entry.version,
        runnable: compiled.runnable && given_up.is_none(),
        problems: given_up.into_iter().chain(problems(&compiled)).collect(),
        missing: compiled.missing,
    }
}
