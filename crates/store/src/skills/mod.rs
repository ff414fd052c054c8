//! Skills: an organization's own, and the platform's, which every organization reads. The
//! transaction's organization is the one that is written for; the platform writes its own in
//! a transaction of [`PLATFORM`].

mod read;
mod rows;
mod settings;
mod used;
mod write;

use std::collections::BTreeMap;

use domain::{
    Result,
    skill::{Kind, PLATFORM},
};
use sha2::{Digest, Sha256};

pub use read::{Filter, document, find, list, own_files, versions};
pub use rows::lock;
pub use settings::{list_settings, pin, set_list, switch};
pub use used::{States, Used, at, file, in_use, states};
pub use write::{On, delete, put, rollback};

use crate::{TenantTx, error::from_sqlx};

/// Companion documents by their path.
pub type Files = BTreeMap<String, String>;

/// What is to be written. The document was read and found good.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    pub key: &'a str,
    pub document: &'a str,
    /// None: the companions stay as they are.
    pub files: Option<&'a Files>,
    pub facts: Facts<'a>,
}

/// What lists show of a document.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub kind: Kind,
    pub name: &'a str,
    pub description: &'a str,
    pub category: Option<&'a str>,
    pub priority: Option<&'a str>,
    pub tags: &'a [String],
    pub deprecated_by: Option<&'a str>,
    pub deprecation_reason: Option<&'a str>,
    /// What the document says of itself.
    pub active: bool,
}

/// What came of a write, with the number of the newest version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Created(i64),
    Updated(i64),
    /// It stood there already, byte for byte.
    Unchanged(i64),
}

impl Written {
    pub fn version(self) -> i64 {
        match self {
            Written::Created(version) | Written::Updated(version) | Written::Unchanged(version) => version,
        }
    }
}

/// The transaction organization's own row of a skill, deleted ones too.
struct Own {
    version: i64,
    enabled: bool,
    deleted: bool,
    sha256: Vec<u8>,
    /// What the newest document says of itself.
    active: bool,
}

impl Own {
    /// The version for `If-Match`: 0 if there is none of its own.
    fn seen(own: Option<&Own>) -> i64 {
        own.filter(|own| !own.deleted).map_or(0, |own| own.version)
    }
}

/// A skill of the organization's own that is there, for those who write it.
#[derive(Clone, Debug)]
pub struct Held {
    pub key: String,
    /// A version is used whatever newer ones there are.
    pub pinned: bool,
    enabled: bool,
    active: bool,
}

impl Held {
    /// Whether it is switched on once a document is written that says this of itself.
    pub fn enabled_by(&self, active: bool) -> bool {
        enabled(self.enabled, self.active, active)
    }
}

/// The switch follows the document where that has changed its mind (`is_active`), and stays as it is otherwise.
fn enabled(was: bool, said: bool, says: bool) -> bool {
    if said == says { was } else { says }
}

/// Those of the keys that are there.
pub async fn held(tx: &mut TenantTx, keys: &[&str]) -> Result<Vec<Held>> {
    let org = tx.org();
    sqlx::query_as!(
        Held,
        r#"select s.key, s.pinned_version is not null as "pinned!", s.enabled, v.active
         from sixty.skills s
         join sixty.skill_versions v on v.org_id = s.org_id and v.key = s.key and v.version = s.version
         where s.org_id = $1 and s.key = any ($2) and s.deleted_at is null"#,
        org.0,
        keys as &[&str]
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)
}

async fn own(tx: &mut TenantTx, key: &str) -> Result<Option<Own>> {
    let org = tx.org();
    sqlx::query_as!(
        Own,
        r#"select s.version, s.enabled, s.deleted_at is not null as "deleted!", v.sha256, v.active
         from sixty.skills s
         join sixty.skill_versions v on v.org_id = s.org_id and v.key = s.key and v.version = s.version
         where s.org_id = $1 and s.key = $2"#,
        org.0,
        key
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// Whether the platform's skill is switched on. None: the platform has none of this key.
async fn platforms(tx: &mut TenantTx, key: &str) -> Result<Option<bool>> {
    sqlx::query_scalar!(
        "select enabled from sixty.skills where org_id = $1 and key = $2 and deleted_at is null",
        PLATFORM.0,
        key
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// SHA-256 of the document and its companions, each with its length before it.
fn content_hash(document: &str, files: &Files) -> [u8; 32] {
    let mut hash = Sha256::new();
    let paths = files.iter().flat_map(|(path, content)| [path.as_str(), content.as_str()]);
    for part in std::iter::once(document).chain(paths) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(all: &[(&str, &str)]) -> Files {
        all.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned())).collect()
    }

    #[test]
    fn what_differs_anywhere_has_another_hash() {
        let hashes = [
            content_hash("a", &files(&[])),
            content_hash("ab", &files(&[])),
            content_hash("a", &files(&[("b", "")])),
            content_hash("a", &files(&[("", "b")])),
            content_hash("a", &files(&[("b", "c")])),
            content_hash("a", &files(&[("b", ""), ("c", "")])),
        ];
        for (i, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..i].contains(hash), "{i}");
        }
        assert_eq!(hashes[4], content_hash("a", &files(&[("b", "c")])));
    }
}
