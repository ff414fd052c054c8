//! Templates to begin a skill from. Each is a whole skill that passes the check.

use crate::Key;

/// A template: what `sixty skills new` writes.
pub struct Template {
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// Paths inside of the skill's folder, and texts. `SKILL.md` comes first.
    pub files: &'static [(&'static str, &'static str)],
}

macro_rules! template {
    ($name:literal, $about:literal, $($path:literal),+) => {
        Template {
            name: $name,
            about: $about,
            files: &[$(($path, include_str!(concat!("../templates/", $name, "/", $path)))),+],
        }
    };
}

pub const TEMPLATES: &[Template] = &[
    template!("research-brief", "a company, researched before a first conversation", "SKILL.md"),
    template!("meeting-preparation", "who comes, what was said, what to aim for", "SKILL.md"),
    template!("follow-up-draft", "a mail after a meeting, drafted and not sent", "SKILL.md"),
    template!("deal-rescue", "an instruction with a companion document", "SKILL.md", "references/signals.md"),
    template!("pipeline-review", "an answer made from several tools", "SKILL.md"),
    template!("data-lookup", "an answer from a connected system", "SKILL.md"),
    template!("approval-gated-action", "steps that wait for a person", "SKILL.md"),
    template!("multi-step-sequence", "skills and tools, one after the other", "SKILL.md"),
    template!(
        "integration",
        "a connector of your own, with a test",
        "SKILL.md",
        "connector.json",
        "tests/usage.json"
    ),
];

/// The template of this name.
pub fn find(name: &str) -> Option<&'static Template> {
    TEMPLATES.iter().find(|template| template.name == name)
}

impl Template {
    /// Its files for a skill of this key: title and command are the key's.
    pub fn fill(&self, key: &Key) -> Vec<(&'static str, String)> {
        let label = format!("    label: {}", self.name);
        let line = |line: &str| {
            if line.starts_with("name: ") {
                format!("name: {}", title(key))
            } else if line == label {
                format!("    label: {key}")
            } else {
                line.to_owned()
            }
        };
        let document = |text: &str| text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n";
        let file = |(path, text): &(&'static str, &str)| {
            (*path, if *path == "SKILL.md" { document(text) } else { (*text).to_owned() })
        };
        self.files.iter().map(file).collect()
    }
}

/// The key's words, the first with a capital letter, between quotes where YAML needs them.
fn title(key: &Key) -> String {
    let words = key.as_str().replace('-', " ");
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase()).into_iter();
    let title: String = first.chain(letters).collect();
    crate::yaml::Yaml::from(title.as_str()).in_line().unwrap_or(title)
}
