//! What a document that is to be written comes to beside the other skills of its organization.

use std::sync::Arc;

use domain::Result;
use skills::{
    Key, Report, Skill,
    compile::Links,
    plan::{Leads, circles},
    route::{Candidate, clashes},
};
use store::TenantTx;

use super::library::Library;
use crate::Engine;

/// The skills that are there, and those that were written since. It is made before the first of them is: what is
/// kept of an organization's skills is made of what is committed.
pub struct Beside<'s> {
    library: Arc<Library>,
    links: Links,
    written: Vec<&'s Skill>,
}

impl Engine {
    /// The skills of the transaction's organization, for others to be looked at beside them.
    pub async fn beside<'s>(&self, tx: &mut TenantTx) -> Result<Beside<'s>> {
        let library = self.library_now(tx).await?;
        Ok(Beside { links: library.links().clone(), library, written: Vec::new() })
    }
}

impl<'s> Beside<'s> {
    /// Errors: it leads in a circle, or too deep. Warnings: others have its command.
    pub fn look(&self, skill: &Skill) -> Report {
        let mut report = circles(skill, &self.links);
        let is_new = |key: &Key| !self.written.iter().any(|written| written.key == *key) && skill.key != *key;
        let mut candidates: Vec<Candidate<'_>> = self.library.candidates().collect();
        candidates.retain(|candidate| is_new(&candidate.skill.key));
        candidates.extend(self.written.iter().map(|skill| Candidate { skill, own: true }));
        candidates.push(Candidate { skill, own: true });
        let lost = clashes(&candidates).into_iter().filter(|(key, _)| *key == skill.key);
        lost.for_each(|(_, finding)| report.warn(finding));
        report
    }

    /// The skill is written.
    pub fn take(&mut self, skill: &'s Skill) {
        self.links.insert(skill.key.clone(), Leads::of(skill));
        self.written.push(skill);
    }
}
