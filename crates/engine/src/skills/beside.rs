//! What documents that are to be written come to beside the other skills of their organization.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{Result, skill::PLATFORM};
use serde_json::Map;
use skills::{
    Files, Report, Skill,
    compile::{Links, World, unknown},
    plan::{Leads, beside},
    route::{Candidate, Commands},
};
use store::TenantTx;

use super::{library::Library, reading::documents};
use crate::Engine;

/// The skills that are there. They are to be asked for before any is written: what is kept of an organization's
/// skills is made of what is committed.
pub struct Beside {
    library: Arc<Library>,
    /// The built-in tools, whoever calls them.
    tools: BTreeMap<String, String>,
    /// Whether what is written is the organization's own, and no skill of the platform.
    own: bool,
}

/// A skill that is to be written, with its companions.
#[derive(Clone, Copy)]
pub struct NewSkill<'s> {
    pub skill: &'s Skill,
    pub files: &'s Files,
    /// Whether it is in force from then on. One that is pinned at another version or switched off is not: what is said
    /// of it is what it names alone.
    pub in_force: bool,
}

impl Engine {
    /// The skills of the transaction's organization, for others to be looked at beside them.
    pub async fn beside(&self, tx: &mut TenantTx) -> Result<Beside> {
        let library = self.library_now(tx).await?;
        let tools = self.0.toolbox.described(self.0.toolbox.everything());
        Ok(Beside { library, tools, own: tx.org() != PLATFORM })
    }
}

impl Beside {
    /// A report for each of the skills that are to be written together. Errors: it leads in a circle or too deep, has
    /// too many steps, or keeps another one from running. Warnings: commands that others have, and what is not there.
    pub async fn look(&self, tx: &mut TenantTx, new: &[NewSkill<'_>]) -> Result<Vec<Report>> {
        let judged: Vec<&Skill> = new.iter().filter(|new| new.in_force).map(|new| new.skill).collect();
        let mut judged = beside(&judged, self.library.links()).into_iter();
        let report = |new: &NewSkill<'_>| if new.in_force { judged.next() } else { None };
        let mut reports: Vec<Report> = new.iter().map(report).map(Option::unwrap_or_default).collect();
        let is_good = |(new, report): &(&NewSkill<'_>, &Report)| new.in_force && report.errors.is_empty();
        let good: Vec<NewSkill<'_>> = new.iter().zip(&reports).filter(is_good).map(|(new, _)| *new).collect();
        let commands = [self.commands(&[]), self.commands(&good)];
        let mut links = self.library.links().clone();
        links.extend(good.iter().map(|new| (new.skill.key.clone(), Leads::of(new.skill))));
        for (new, report) in new.iter().zip(&mut reports).filter(|(_, report)| report.errors.is_empty()) {
            let [before, after] = &commands;
            let commands = if new.in_force { after.warnings(&new.skill.key, before) } else { Vec::new() };
            let unknown = self.unknown(tx, new, &links, &good).await?;
            commands.into_iter().chain(unknown.warnings).for_each(|finding| report.warn(finding));
        }
        Ok(reports)
    }

    /// Who has which command when these are written.
    fn commands(&self, new: &[NewSkill<'_>]) -> Commands {
        let written: BTreeSet<_> = new.iter().map(|new| &new.skill.key).collect();
        let there = self.library.candidates().filter(|it| !written.contains(&it.skill.key));
        let written = new.iter().map(|new| Candidate { skill: new.skill, own: self.own });
        Commands::of(&there.chain(written).collect::<Vec<_>>())
    }

    async fn unknown(
        &self,
        tx: &mut TenantTx,
        new: &NewSkill<'_>,
        links: &Links,
        others: &[NewSkill<'_>],
    ) -> Result<Report> {
        // It includes its own documents as they come with it.
        let with: Vec<NewSkill<'_>> = std::iter::once(new).chain(others).copied().collect();
        let documents = documents(tx, &self.library, &with, &new.skill.body).await?;
        let world = World {
            facts: &Map::new(),
            tools: &self.tools,
            aliases: &BTreeMap::new(),
            provides: &BTreeSet::new(),
            documents: &documents,
            skills: links,
        };
        Ok(unknown(new.skill, &world))
    }
}
