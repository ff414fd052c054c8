//! The memory that the prompt carries, line by line.

use super::{
    Turn,
    intent::{entity_token, words},
    tags::{self, Tag},
};

/// The source of what is remembered about the person.
pub(super) const YOURS: &str = "your memory";

/// One document of memory.
pub(super) struct Memory {
    /// As in "From your memory".
    pub source: String,
    pub lines: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entity {
    pub kind: String,
    pub id: String,
}

impl Memory {
    /// The line that shares most words with a text; else a preference, else the first.
    pub fn best(&self, text: &str) -> Option<&str> {
        let wanted = words(text);
        let score = |line: &String| {
            let shared = words(line).iter().filter(|word| wanted.contains(word)).count();
            (shared, line.to_lowercase().contains("prefer"))
        };
        self.lines.iter().rev().max_by_key(|line| score(line)).map(String::as_str)
    }
}

/// Every document in the system prompt, and what `<memory_update>` added later.
pub(super) fn read(turn: &Turn) -> Vec<Memory> {
    let mut memories = Vec::new();
    for name in ["organization_memory", "user_memory", "entity_memory"] {
        // The rules may speak of a tag without having one: those have no attributes.
        for tag in tags::all(&turn.system, name).iter().filter(|tag| tag.has_attributes()) {
            add(&mut memories, source(name, tag), tag.body);
        }
    }
    for line in turn.history.iter().filter(|line| line.by_user) {
        for tag in tags::all(&line.text(), "memory_update") {
            let name = match tag.attribute("scope").as_deref() {
                Some("org" | "organization") => "organization_memory",
                Some("entity") => "entity_memory",
                _ => "user_memory",
            };
            add(&mut memories, source(name, &tag), tag.body);
        }
    }
    memories
}

fn source(name: &str, tag: &Tag) -> String {
    let named = [tag.attribute("name"), tag.attribute("id").map(|id| format!("({id})"))];
    let named = named.into_iter().flatten().collect::<Vec<_>>().join(" ");
    match name {
        "organization_memory" => "the organization's memory".to_owned(),
        "user_memory" => YOURS.to_owned(),
        _ if named.is_empty() => "this entity's memory".to_owned(),
        _ => format!("the memory of {named}"),
    }
}

fn add(memories: &mut Vec<Memory>, source: String, body: &str) {
    let lines = body.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let lines = lines.map(|line| line.trim_start_matches(['-', '*', ' ']).to_owned());
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    match memories.iter_mut().find(|memory| memory.source == source) {
        _ if lines.is_empty() => {}
        Some(memory) => memory.lines.extend(lines),
        None => memories.push(Memory { source, lines }),
    }
}

/// The entity that the conversation is bound to: the one with a memory, else
/// the first that the newest context names.
pub(super) fn entity(turn: &Turn) -> Option<Entity> {
    let bound = tags::all(&turn.system, "entity_memory")
        .into_iter()
        .find_map(|tag| Some(Entity { kind: tag.attribute("kind")?, id: tag.attribute("id")? }));
    bound.or_else(|| {
        let newest = turn.history.iter().rev().find(|line| line.by_user)?.text();
        tags::all(&newest, "context").into_iter().find_map(|tag| entity_token(tag.body))
    })
}
