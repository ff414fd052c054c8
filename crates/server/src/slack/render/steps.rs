//! The steps of a sequence, as a list that is updated while it runs.

use domain::sequence::{RunStep, StepStatus};

use super::{blocks::section, message::Message, text::escape};

/// Longest name and longest reason that are shown of a step.
const NAME: usize = 80;
const REASON: usize = 150;
/// Steps of a section, so that none is cut; and sections.
const STEPS: usize = 7;
const SECTIONS: usize = 4;

/// Where the steps of a sequence stand.
pub fn steps(steps: &[RunStep]) -> Message {
    let lines: Vec<String> = steps.iter().map(line).collect();
    let mut blocks: Vec<_> =
        lines.chunks(STEPS).take(SECTIONS).map(|lines| section(&lines.join("\n"))).collect();
    let shown = STEPS * SECTIONS;
    if steps.len() > shown {
        blocks.push(section(&format!("… and {} more steps.", steps.len() - shown)));
    }
    let done = steps.iter().filter(|step| step.status == StepStatus::Done).count();
    Message::new(&format!("{done} of {} steps are done.", steps.len()), blocks)
}

fn line(step: &RunStep) -> String {
    let mark = match step.status {
        StepStatus::Pending => ":white_circle:",
        StepStatus::Running => ":hourglass_flowing_sand:",
        StepStatus::Waiting => ":raised_hand:",
        StepStatus::Done => ":white_check_mark:",
        StepStatus::Failed => ":x:",
        StepStatus::Skipped => ":heavy_minus_sign:",
        StepStatus::Cancelled => ":no_entry_sign:",
    };
    let time = step.duration_ms.map(|ms| format!(" ({}.{} s)", ms / 1_000, ms % 1_000 / 100));
    let why = step.error.as_deref().map(|error| format!(": {}", escape(error, REASON)));
    let fallback = if step.fallback { ", by its fallback" } else { "" };
    let name = escape(&step.name, NAME);
    let (time, why) = (time.unwrap_or_default(), why.unwrap_or_default());
    format!("{mark} {}. {name}{fallback}{time}{why}", step.order)
}
