//! Documents of the open Agent Skills format.

use super::yaml::{Data, Entry};
use crate::Key;

/// The keys that the open format has.
const KEYS: [&str; 6] = ["name", "description", "license", "compatibility", "allowed-tools", "metadata"];

/// Whether a front matter is one of the open format: it has that format's keys alone, and the name of its folder. What
/// stands under `metadata` may then be anybody's: a key of Sixty's says something where its value is one that it can
/// have, and else it is the author's own matter.
pub(super) fn is_open(key: &Key, entries: &[Entry]) -> bool {
    let name = entries.iter().find(|entry| entry.name == "name");
    let name = name.and_then(|entry| match &entry.node.data {
        Data::Text(text) => Some(text.as_str()),
        Data::Plain(_, spelling) => Some(spelling.as_str()),
        Data::List(_) | Data::Map(_) => None,
    });
    let is_key = |name: &str| name.trim().parse::<Key>().is_ok_and(|name| name == *key);
    entries.iter().all(|entry| KEYS.contains(&entry.name.as_str())) && name.is_some_and(is_key)
}
