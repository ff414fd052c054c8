//! What a skill is called by: in routes, in folders and in other skills.

use std::{fmt, str::FromStr};

use unicode_normalization::UnicodeNormalization as _;

/// Longest key, in characters. The open format allows no longer name.
pub const MAX_LEN: usize = 64;

/// The one key that never stands in a catalogue: documents that many skills include.
pub const PLATFORM_REFERENCES: &str = "_platform-references";

/// Stands for its document where the folder has none: it is a folder of documents for others.
pub const LIBRARY: &str =
    "---\nname: Platform references\ndescription: Documents that skills include.\n---\n";

/// Lower-case letters of any script, digits and single hyphens inside, as the open Agent Skills format
/// has it for `name`; or [`PLATFORM_REFERENCES`]. Its characters are of one form (NFKC), in which every
/// text is read: what looks the same is the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a library of documents and not a capability.
    pub fn is_library(&self) -> bool {
        self.0 == PLATFORM_REFERENCES
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Key {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == PLATFORM_REFERENCES {
            return Ok(Self(text.to_owned()));
        }
        // A letter may be written as several characters, and one may stand for eighteen.
        let is_bounded = text.len() <= 16 * MAX_LEN;
        let text: String = text.nfkc().take(if is_bounded { MAX_LEN + 1 } else { 0 }).collect();
        if text.is_empty() || text.chars().count() > MAX_LEN {
            return Err("a key has 1 to 64 characters");
        }
        if !text.chars().all(|c| c.is_alphanumeric() || c == '-') || text != text.to_lowercase() {
            return Err("a key has lower-case letters, digits and hyphens only");
        }
        if text.starts_with('-') || text.ends_with('-') || text.contains("--") {
            return Err("a hyphen of a key stands between two other characters");
        }
        Ok(Self(text))
    }
}
