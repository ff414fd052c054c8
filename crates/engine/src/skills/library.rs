//! An organization's skills as its copilots use them, made once for each state that they are in.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    Error, OrgId, Result,
    run::PinnedSkill,
    skill::{SkillList, Source},
};
use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};
use serde_json::{Map, Value};
use skills::{
    Finding, Key, Skill,
    catalogue::{self, Catalogue, DESCRIPTION, Settings, catalogue},
    compile::{Links, MAX_TEXT, World, compile},
    offer::{is_offered, is_shown},
    plan::{Leads, Plan, plan},
    route::{Candidate, Decision, Router},
};
use store::{
    TenantTx,
    skills::{States, Used},
};

use crate::{
    Engine,
    routing::OfSkill,
    sequence::expanded::{Expanded, Sources},
};

/// Documents of the libraries that are kept, in bytes; what was read of them takes a few times as much. One that is
/// not kept is read again, which takes a millisecond or so for each skill.
const MAX_KEPT: u64 = 64 * 1_024 * 1_024;
/// Libraries that are usually kept.
const USUAL: usize = 1_000;
/// Most of what is wrong with a skill that is told in a sentence.
const MAX_REASONS: usize = 3;
/// What a library takes beside its documents, in bytes.
const OVERHEAD: u64 = 4_096;

/// A skill in force.
pub(crate) struct Entry {
    pub source: Source,
    pub version: i64,
    /// Paths of its companion documents.
    pub files: Vec<String>,
    pub skill: Skill,
}

impl Entry {
    fn candidate(&self) -> Candidate<'_> {
        Candidate { skill: &self.skill, own: self.source == Source::Own }
    }

    /// The skill as a run keeps it, with what it works on and the tools that it may call.
    pub(crate) fn pin(&self, inputs: Map<String, Value>, tools: Option<Vec<String>>) -> PinnedSkill {
        PinnedSkill {
            key: self.skill.key.to_string(),
            version: self.version,
            source: self.source,
            inputs,
            tools,
            timeout_ms: self.skill.timeout_ms,
            follows: Vec::new(),
        }
    }

    /// The model and the tier that it asks for.
    pub(crate) fn wish(&self) -> OfSkill {
        OfSkill { model: self.skill.model.clone(), tier: self.skill.tier }
    }

    /// The same of a sequence.
    pub(crate) fn pin_sequence(&self, inputs: Map<String, Value>) -> PinnedSkill {
        self.pin(inputs, self.skill.allowed_tools.clone())
    }
}

pub(crate) struct Library {
    /// Of its documents.
    bytes: u64,
    entries: BTreeMap<Key, Entry>,
    links: Links,
    router: Router,
    /// Skills that can run for nobody here, and why.
    lame: BTreeMap<Key, String>,
    /// The list that stands in the prompt.
    listed: Catalogue,
}

/// The libraries of a process, each in the state that it is known by. What is replaced goes when there is no room.
pub(crate) struct Libraries(Cache<(OrgId, States), Arc<Library>, Weight>);

impl Default for Libraries {
    fn default() -> Self {
        // One shard: each has its part of the room, and a large library needs most of it.
        let options = OptionsBuilder::new()
            .estimated_items_capacity(USUAL)
            .weight_capacity(MAX_KEPT)
            .shards(1)
            .build()
            .expect("both capacities are given");
        Self(Cache::with_options(options, Weight, DefaultHashBuilder::default(), DefaultLifecycle::default()))
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<(OrgId, States), Arc<Library>> for Weight {
    fn weight(&self, _: &(OrgId, States), library: &Arc<Library>) -> u64 {
        library.bytes
    }
}

impl Engine {
    /// A sequence that a run has pinned, with those that its steps follow.
    pub(crate) async fn pinned_sequence(
        &self,
        tx: &mut TenantTx,
        library: &Library,
        pin: &PinnedSkill,
        tools: &BTreeMap<String, String>,
    ) -> Result<Expanded> {
        let mut follows = BTreeMap::new();
        for inner in &pin.follows {
            let entry = self.pinned(tx, inner).await?;
            follows.insert(entry.skill.key.clone(), entry);
        }
        let entry = self.pinned(tx, pin).await?;
        let find = |key: &Key| follows.get(key);
        let plan = |skill: &Skill| planned(skill, tools, &library.links);
        Ok(Expanded::of(&entry.skill, pin.clone(), &Sources { find: &find, plan: &plan }))
    }

    /// A skill that a run has pinned, as it was, whatever has become of it.
    pub(crate) async fn pinned(&self, tx: &mut TenantTx, skill: &PinnedSkill) -> Result<Entry> {
        let used = store::skills::at(tx, skill.source, (&skill.key, skill.version)).await?;
        entry(used).map(|(_, entry)| entry).ok_or_else(|| Error::internal("a pinned skill cannot be read"))
    }

    /// The skills of the transaction's organization, in this state.
    pub(crate) async fn library(&self, tx: &mut TenantTx, states: States) -> Result<Arc<Library>> {
        let key = (tx.org(), states);
        let read = async {
            let used = store::skills::in_use(tx).await?;
            let (list, _) = store::skills::list_settings(tx).await?;
            let tools = self.0.toolbox.described(self.0.toolbox.everything());
            // Hundreds of documents take a while to read.
            let read = tokio::task::spawn_blocking(move || Library::new(used, &list, &tools));
            read.await.map(Arc::new).map_err(Error::internal)
        };
        // Of those who want the same at once, one reads it.
        self.0.libraries.0.get_or_insert_async(&key, read).await
    }
}

impl Library {
    pub(crate) fn new(used: Vec<Used>, list: &SkillList, tools: &BTreeMap<String, String>) -> Self {
        let bytes = OVERHEAD + used.iter().map(|used| used.document.len() as u64).sum::<u64>();
        let entries: BTreeMap<Key, Entry> = used.into_iter().filter_map(entry).collect();
        let links: Links =
            entries.iter().map(|(key, entry)| (key.clone(), Leads::of(&entry.skill))).collect();
        let offered: Vec<&Entry> = entries.values().filter(|entry| is_offered(&entry.skill)).collect();
        let candidates: Vec<Candidate<'_>> = offered.iter().map(|entry| entry.candidate()).collect();
        let router = Router::new(&candidates);
        let lacks: Vec<Lacks> =
            offered.iter().map(|entry| Lacks::of(&entries, &links, entry, tools)).collect();
        let listed: Vec<catalogue::Entry<'_>> =
            offered.iter().zip(&lacks).map(|(entry, lacks)| lacks.listed(&entry.skill)).collect();
        let listed = catalogue(&listed, &settings(list));
        let lame = offered
            .iter()
            .zip(&lacks)
            .filter_map(|(entry, lacks)| Some((entry.skill.key.clone(), lacks.why()?)))
            .collect();
        Self { bytes, entries, links, router, lame, listed }
    }

    /// What the organization has under this key, offered or not.
    pub(crate) fn find(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// The same of what may be no key.
    pub(crate) fn named(&self, name: &str) -> Option<&Entry> {
        self.find(&name.parse().ok()?)
    }

    /// What copilots are offered under this name.
    pub(crate) fn named_offer(&self, name: &str) -> Option<&Entry> {
        self.named(name).filter(|entry| is_offered(&entry.skill))
    }

    /// What is shown under this name, given up or not.
    pub(crate) fn named_shown(&self, name: &str) -> Option<&Entry> {
        self.named(name).filter(|entry| is_shown(&entry.skill))
    }

    /// The skills that are shown, by key: those that copilots are offered, and those that are given up.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(|entry| is_shown(&entry.skill))
    }

    /// The skills that copilots are offered, by key.
    pub(crate) fn offered(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(|entry| is_offered(&entry.skill))
    }

    /// The same as they compete for messages and commands.
    pub(super) fn candidates(&self) -> impl Iterator<Item = Candidate<'_>> {
        self.offered().map(Entry::candidate)
    }

    /// The steps of a sequence for a caller with these tools, with those of the sequences that they follow.
    pub(crate) fn expanded(&self, entry: &Entry, tools: &BTreeMap<String, String>) -> Expanded {
        expanded(&self.entries, &self.links, entry, tools)
    }

    /// What is wrong with a skill's triggers and command beside those of the others.
    pub(crate) fn clashes(&self, key: &Key) -> impl Iterator<Item = Finding> {
        let own = self.router.warnings().iter().filter(move |(of, _)| of == key);
        own.map(|(_, finding)| finding.clone())
    }

    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    /// The skill that fits the message; one that cannot run only if the message calls it by its command.
    pub(crate) fn route(&self, text: &str) -> Option<Decision> {
        self.router.route_among(text, |key| !self.lame.contains_key(key))
    }

    /// Why nobody here can run this skill, if so.
    pub(super) fn lame(&self, key: &Key) -> Option<&str> {
        self.lame.get(key).map(String::as_str)
    }

    /// The list of skills that stands in the prompt.
    pub(crate) fn listed(&self) -> &Catalogue {
        &self.listed
    }
}

fn settings(list: &SkillList) -> Settings {
    let first = list.first.iter().filter_map(|key| key.parse().ok()).collect();
    let tokens = usize::try_from(list.tokens).unwrap_or_default();
    Settings { first, tokens, description: DESCRIPTION }
}

/// A document was checked when it was written. One that this version of the program refuses all the same is left out.
fn entry(used: Used) -> Option<(Key, Entry)> {
    let key: Key = used.key.parse().ok()?;
    let Some(mut skill) = skills::read(&key, &used.document, &skills::Files::new()).skill else {
        tracing::warn!(%key, version = used.version, "a stored skill cannot be read");
        return None;
    };
    let Used { source, version, files, is_cut, .. } = used;
    if is_cut {
        // Whatever stands there is too long, and is listed as such.
        skill.body = " ".repeat(MAX_TEXT + 1);
    }
    Some((key, Entry { source, version, files, skill }))
}

/// What keeps a skill from running, whatever the organization says of itself and whoever calls for it.
struct Lacks {
    /// Tools, skills and capabilities; those of the sequences, too, that its steps follow.
    missing: Vec<String>,
    problems: Vec<String>,
}

impl Lacks {
    fn of(
        entries: &BTreeMap<Key, Entry>,
        links: &Links,
        entry: &Entry,
        tools: &BTreeMap<String, String>,
    ) -> Self {
        let compiled = in_bare_world(tools, links, |world| compile(&entry.skill, world));
        let (mut missing, mut errors) = (compiled.missing, compiled.report.errors);
        if entry.skill.is_sequence() {
            let expanded = expanded(entries, links, entry, tools);
            add_missing(&mut missing, &expanded.missing);
            errors.extend(expanded.problems);
        }
        Self { missing, problems: errors.into_iter().map(|error| error.problem).collect() }
    }

    fn listed<'a>(&'a self, skill: &'a Skill) -> catalogue::Entry<'a> {
        catalogue::Entry { skill, missing: &self.missing, problems: &self.problems }
    }

    fn why(&self) -> Option<String> {
        why(self.problems.clone(), &self.missing)
    }
}

/// Why a skill cannot run, if so.
pub(super) fn why(mut problems: Vec<String>, missing: &[String]) -> Option<String> {
    problems.truncate(MAX_REASONS);
    if !missing.is_empty() {
        problems.push(format!("{} is missing", missing.join(", ")));
    }
    (!problems.is_empty()).then(|| problems.join("; "))
}

/// Each is named once.
pub(crate) fn add_missing(missing: &mut Vec<String>, more: &[String]) {
    for name in more {
        if !missing.contains(name) {
            missing.push(name.clone());
        }
    }
}

fn expanded(
    entries: &BTreeMap<Key, Entry>,
    links: &Links,
    entry: &Entry,
    tools: &BTreeMap<String, String>,
) -> Expanded {
    let find = |key: &Key| entries.get(key).filter(|entry| entry.skill.is_sequence());
    let plan = |skill: &Skill| planned(skill, tools, links);
    let pin = entry.pin_sequence(Map::new());
    Expanded::of(&entry.skill, pin, &Sources { find: &find, plan: &plan })
}

fn planned(skill: &Skill, tools: &BTreeMap<String, String>, links: &Links) -> Plan {
    in_bare_world(tools, links, |world| plan(skill, world))
}

/// A world without facts and documents: enough to see what is missing, and which steps there are.
fn in_bare_world<T>(
    tools: &BTreeMap<String, String>,
    links: &Links,
    look: impl FnOnce(&World<'_>) -> T,
) -> T {
    look(&World {
        facts: &Map::new(),
        tools,
        aliases: &BTreeMap::new(),
        provides: &BTreeSet::new(),
        documents: &BTreeMap::new(),
        skills: links,
    })
}
