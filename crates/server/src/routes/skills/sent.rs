//! Bodies that hold a skill, or many.

use std::fmt;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use domain::{Error, Result};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use skills::{Files, Key};
use utoipa::ToSchema;

use super::check::Draft;
use crate::{
    App,
    extract::{TextOr, json_or_zip, text_or},
    problem::{Failure, Result as Answered},
};

/// Largest body, in bytes: a skill with all of its companions, or many skills.
pub const MAX_SENT: usize = 8 * 1024 * 1024;
/// Most skills of an import.
pub const MAX_SKILLS: usize = 500;
/// Most companions that are looked at; a skill may have fewer.
const MAX_COMPANIONS: usize = 1_000;

/// A skill in JSON: all of it. Without `files` it has no companions.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSkill {
    /// Lower-case letters of any script, digits and single hyphens, at most 64, in normal form (NFKC); where the path names the skill it may be left out.
    pub key: Option<String>,
    /// SKILL.md: YAML front matter and Markdown.
    pub document: String,
    /// Companion documents by their path inside the skill's folder.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub files: Companions,
}

/// Companions, each path once.
#[derive(Default)]
pub struct Companions(pub Files);

impl<'de> Deserialize<'de> for Companions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(Paths)
    }
}

struct Paths;

impl<'de> Visitor<'de> for Paths {
    type Value = Companions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts by their path")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Companions, M::Error> {
        let mut files = Files::new();
        while let Some((path, content)) = map.next_entry::<String, String>()? {
            if files.len() == MAX_COMPANIONS {
                return Err(de::Error::custom(format!("has more than {MAX_COMPANIONS} documents")));
            }
            if files.contains_key(&path) {
                return Err(de::Error::custom(format!("{path:?} stands in it twice")));
            }
            files.insert(path, content);
        }
        Ok(Companions(files))
    }
}

/// One skill as it was sent.
pub struct Sent {
    key: Option<String>,
    document: String,
    /// None: the document alone was sent.
    files: Option<Files>,
    pub bytes: Bytes,
}

impl FromRequest<App> for Sent {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Answered<Self> {
        let (read, bytes) = text_or::<NewSkill>(request, MAX_SENT).await?;
        Ok(match read {
            TextOr::Text(document) => Self { key: None, document, files: None, bytes },
            TextOr::Json(NewSkill { key, document, files }) => {
                Self { key, document, files: Some(files.0), bytes }
            }
        })
    }
}

impl Sent {
    /// The skill under the key that the path or the query gives, or else the body.
    pub fn draft(self, key: Option<String>) -> Result<Draft> {
        let key = match (key, self.key) {
            (Some(asked), Some(inside)) if asked != inside => {
                let error = format!("is {inside:?} in the body and {asked:?} outside of it");
                return Err(Error::field("key", error));
            }
            (Some(key), _) | (None, Some(key)) => key,
            (None, None) => return Err(Error::field("key", "is missing: give it in the body or as ?key=")),
        };
        let keeps_files = self.files.is_none();
        let key = parse_key(&key)?;
        Ok(Draft { key, document: self.document, files: self.files.unwrap_or_default(), keeps_files })
    }
}

/// A key as it is to be written: what a request names is what it finds.
pub fn parse_key(key: &str) -> Result<Key> {
    let parsed: Key = key.parse().map_err(|error: &str| Error::field("key", error))?;
    if parsed.as_str() == key {
        return Ok(parsed);
    }
    Err(Error::field("key", format!("is not written in the normal form of its characters (NFKC): {parsed}")))
}

/// Many skills as they were sent.
pub struct Bundle {
    pub zip: bool,
    pub bytes: Bytes,
}

impl FromRequest<App> for Bundle {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Answered<Self> {
        json_or_zip(request, MAX_SENT).await.map(|(zip, bytes)| Self { zip, bytes })
    }
}

/// The items of a list, as they were sent.
pub struct Items(pub Vec<Box<RawValue>>);

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_seq(Bounded)
    }
}

struct Bounded;

impl<'de> Visitor<'de> for Bounded {
    type Value = Items;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of skills")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> std::result::Result<Items, S::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            if items.len() == MAX_SKILLS {
                return Err(de::Error::custom(format!("an import has at most {MAX_SKILLS} skills")));
            }
            items.push(item);
        }
        Ok(Items(items))
    }
}
