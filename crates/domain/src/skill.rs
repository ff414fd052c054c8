//! Skills as administrators see them: what is stored, switched and pinned. What a document
//! means is the matter of the crate `skills`.

use std::{collections::BTreeMap, ops::RangeInclusive};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Error, FieldError, OrgId, Result};

/// Skills that an organization, or the platform, may have at a time.
pub const MAX_SKILLS: i64 = 500;
/// The same with those that were deleted in the last 30 days, whose versions stay as long.
pub const MAX_KEYS: i64 = 2_000;
/// Versions of an organization's skill that are kept, beside the pinned one.
pub const KEPT_VERSIONS: i64 = 200;

/// Whose skills are the platform's: an organization that nobody is a member of, and that no
/// external id derives to.
pub const PLATFORM: OrgId = OrgId(Uuid::nil());

/// What a skill is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SkillKind)]
pub enum Kind {
    /// An instruction.
    #[default]
    Atomic,
    /// Steps, one after the other.
    Sequence,
    /// An instruction that names other skills.
    Composite,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Atomic => "atomic",
            Kind::Sequence => "sequence",
            Kind::Composite => "composite",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Kind::Atomic, Kind::Sequence, Kind::Composite].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How a run that follows it is answered, unless the request says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionMode {
    /// When it has ended.
    #[default]
    Sync,
    /// At once, with 202.
    Async,
    /// With its events, as they come.
    Streaming,
}

/// Whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SkillSource)]
pub enum Source {
    /// The organization's.
    Own,
    Platform,
}

/// Which skills are wanted: those that say all of this of themselves, letters' case aside.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shelf<'a> {
    pub category: Option<&'a str>,
    pub priority: Option<&'a str>,
    pub tag: Option<&'a str>,
}

impl Shelf<'_> {
    /// Whether it holds every skill.
    pub fn is_open(&self) -> bool {
        [self.category, self.priority, self.tag].iter().all(Option::is_none)
    }

    /// Whether it holds a skill of this category, priority and these tags.
    pub fn holds(&self, category: Option<&str>, priority: Option<&str>, tags: &[String]) -> bool {
        let same = |one: &str, other: &str| one.to_lowercase() == other.to_lowercase();
        let is = |wanted: Option<&str>, said: Option<&str>| {
            wanted.is_none_or(|wanted| said.is_some_and(|said| same(said, wanted)))
        };
        is(self.category, category)
            && is(self.priority, priority)
            && self.tag.is_none_or(|wanted| tags.iter().any(|tag| same(tag, wanted)))
    }
}

/// A skill without its document.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SkillHead {
    pub key: String,
    pub kind: Kind,
    pub name: String,
    pub description: String,
    #[schema(required)]
    pub category: Option<String>,
    #[schema(required)]
    pub priority: Option<String>,
    pub tags: Vec<String>,
    /// The skill that took its place. Copilots are not offered one that has this or a reason.
    #[schema(required)]
    pub deprecated_by: Option<String>,
    #[schema(required)]
    pub deprecation_reason: Option<String>,
    /// Number of the newest document.
    pub version: i64,
    /// Whether copilots are offered it.
    pub enabled: bool,
    pub source: Source,
    /// An own one that takes the place of the platform's.
    pub overrides: bool,
    /// The version that is used instead of the newest one.
    #[schema(required)]
    pub pinned_version: Option<i64>,
    pub updated_at: DateTime<Utc>,
    /// External id of the administrator; null, once that person is erased, and of the platform's.
    #[schema(required)]
    pub updated_by: Option<String>,
}

/// Keys that may stand first in the list of skills.
pub const MAX_FIRST: usize = 100;
/// Fewest and most tokens of that list.
pub const LIST_TOKENS: RangeInclusive<i32> = 100..=20_000;

/// Tokens of the list, where an organization says nothing else.
pub const DEFAULT_LIST_TOKENS: u16 = 4_000;

/// How the list of skills is made that the prompts of an organization hold. What has no room there is
/// found with `list_skills`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillList {
    /// Keys that stand first, in this order. All others follow by priority, then by key.
    #[schema(max_items = 100)]
    pub first: Vec<String>,
    /// Tokens of the whole list, 4 bytes each.
    #[schema(minimum = 100, maximum = 20000)]
    pub tokens: i32,
}

impl Default for SkillList {
    fn default() -> Self {
        Self { first: Vec::new(), tokens: DEFAULT_LIST_TOKENS.into() }
    }
}

impl SkillList {
    /// What is wrong with it, as far as it says it by itself.
    pub fn check(&self) -> Result<()> {
        let mut problems = Vec::new();
        if !LIST_TOKENS.contains(&self.tokens) {
            let (least, most) = (LIST_TOKENS.start(), LIST_TOKENS.end());
            problems.push(FieldError { field: "tokens".into(), error: format!("must be {least} to {most}") });
        }
        if self.first.len() > MAX_FIRST {
            problems.push(FieldError {
                field: "first".into(),
                error: format!("must have at most {MAX_FIRST} keys"),
            });
        }
        for (place, key) in self.first.iter().enumerate() {
            if self.first[..place].contains(key) {
                problems.push(FieldError {
                    field: format!("first[{place}]"),
                    error: format!("{key:?} stands there before"),
                });
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Error::fields(problems)) }
    }
}

/// A document with its companions, at one version.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SkillDocument {
    /// SKILL.md, byte for byte as it was sent.
    pub document: String,
    /// Companion documents by their path inside the skill's folder.
    pub files: BTreeMap<String, String>,
}

/// A version without its document.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SkillVersion {
    pub version: i64,
    pub name: String,
    /// SHA-256 of the document and its companions, hexadecimal.
    pub sha256: String,
    /// The version whose content a rollback brought back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<i64>,
    pub created_at: DateTime<Utc>,
    #[schema(required)]
    pub created_by: Option<String>,
}
