//! A run and the skills of its organization.

use domain::{Result, run::PinnedSkill};
use store::TenantTx;
use tools::Call;

use super::Run;
use crate::{
    builtins::Outcome,
    skills::{list_skills, narrow},
};

impl Run {
    /// The answer to a call that opens or looks for a skill, or ends a step that follows one; none for
    /// any other call.
    pub(super) async fn look_up_skill(
        &self,
        tx: &mut TenantTx,
        id: &str,
        call: &Call,
    ) -> Result<Option<Outcome>> {
        if let Some(step) = self.open_step(tx, id).await? {
            return Ok(Some(step));
        }
        Ok(match call {
            Call::SubmitOutput { output } => Some(self.hand_in(tx, output).await?),
            Call::GetSkill { key, document } => {
                let tools = self.engine.0.toolbox.described(self.offer);
                let asked = (key.as_str(), document.as_deref());
                let pinned = match self.followed().find(|skill| skill.key == *key) {
                    Some(skill) => Some(self.engine.pinned(tx, skill).await?),
                    None => None,
                };
                Some(self.engine.get_skill(tx, (&self.library, pinned.as_ref()), asked, &tools).await?)
            }
            Call::ListSkills { query, category } => {
                Some(list_skills(&self.library, query.as_deref(), category.as_deref()))
            }
            _ => None,
        })
    }

    /// The skills that are followed: the run's, the sequences around the step that is under way, and its own.
    fn followed(&self) -> impl Iterator<Item = &PinnedSkill> {
        let sequence = self.sequence.as_ref();
        let running = sequence.and_then(|sequence| Some((sequence, sequence.running()?)));
        let around = running.map(|(sequence, at)| sequence.followed(at));
        let step = sequence.and_then(|sequence| sequence.rows[sequence.worked_on()?].skill.as_ref());
        self.skill.iter().chain(around.into_iter().flatten()).chain(step)
    }

    /// Why the skill that is followed keeps the run from calling this tool.
    pub(super) fn outside_of_skill(&self, tool: &str) -> Option<String> {
        narrow::refusal(self.followed(), tool)
    }
}
