//! Writing the record: one function for one entity and for hundreds, in few statements.

use domain::{Error, FieldError, Result, entity::Link};

use super::{
    NewEntity,
    marks::{self, Marks},
    prepared::{Current, Found, Prepared},
    rows,
};
use crate::TenantTx;

/// Whose words a write brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Person,
    /// An API key: the texts count as untrusted content.
    Integration,
    /// A person changed some fields, or the copilot did: an integration's texts stay what they are.
    Kept,
}

/// One entity to be written.
#[derive(Clone, Debug)]
pub struct Write<'a> {
    pub new: NewEntity<'a>,
    /// The version that the caller saw. None: any, or none; 0: it must not exist.
    pub seen: Option<i64>,
}

/// What came of it, with the version that is stored now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Created(i64),
    Updated(i64),
    /// It stood there already, word for word.
    Unchanged(i64),
}

impl Written {
    pub fn version(self) -> i64 {
        let (Written::Created(version) | Written::Updated(version) | Written::Unchanged(version)) = self;
        version
    }
}

/// Makes an entity; its id must be free.
pub async fn create(tx: &mut TenantTx, new: NewEntity<'_>, origin: Origin) -> Result<Written> {
    match put(tx, new, Some(0), origin).await {
        Err(Error::VersionMismatch { .. }) => Err(Error::conflict(
            "entity_exists",
            "an entity of this kind and id exists; use PUT to replace it",
        )),
        other => other,
    }
}

/// Writes the whole entity, at the version that the caller saw if one is given
/// (0: it must not exist).
pub async fn put(
    tx: &mut TenantTx,
    new: NewEntity<'_>,
    seen: Option<i64>,
    origin: Origin,
) -> Result<Written> {
    let mut done = upsert(tx, &[Write { new, seen }], origin).await?;
    done.pop().unwrap_or_else(|| Err(Error::internal("a write without an outcome")))
}

/// Writes entities, each with its outcome in the order of the writes; none may be there twice.
/// A link leads to what exists and is seen, or to what one of the writes before brings. An id
/// that is taken by what the transaction may not see is answered as not found.
pub async fn upsert(tx: &mut TenantTx, writes: &[Write<'_>], origin: Origin) -> Result<Vec<Result<Written>>> {
    let mut outcomes: Vec<Option<Result<Written>>> = writes.iter().map(|_| None).collect();
    let mut open: Vec<usize> = (0..writes.len()).collect();
    // What is missed at first has been made by somebody else at this moment, or is not to be seen.
    for _ in 0..2 {
        if open.is_empty() {
            break;
        }
        open = round(tx, writes, &open, origin, &mut outcomes).await?;
    }
    Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or(Err(Error::NotFound))).collect())
}

/// Writes those at the places that are open. Returns the places whose id was taken meanwhile.
async fn round(
    tx: &mut TenantTx,
    writes: &[Write<'_>],
    open: &[usize],
    origin: Origin,
    outcomes: &mut [Option<Result<Written>>],
) -> Result<Vec<usize>> {
    let mut found = rows::lock(tx, open.iter().map(|place| &writes[*place].new)).await?;
    let (mut inserts, mut updates) = (Vec::new(), Vec::new());
    for &place in open {
        match step(&writes[place], &mut found, origin) {
            Ok(Step::Insert(prepared)) => inserts.push((place, prepared)),
            Ok(Step::Update(both)) => updates.push((place, both)),
            Ok(Step::Nothing(version)) => outcomes[place] = Some(Ok(Written::Unchanged(version))),
            Err(error) => outcomes[place] = Some(Err(error)),
        }
    }
    let mut marks = Marks::default();
    let made = rows::insert(tx, inserts.iter().map(|(_, prepared)| &**prepared)).await?;
    let mut missed = Vec::new();
    for (place, prepared) in &inserts {
        match made.get(&prepared.key()) {
            Some(at) => {
                marks.come(prepared, *at);
                outcomes[*place] = Some(Ok(Written::Created(1)));
            }
            None => missed.push(*place),
        }
    }
    rows::update(tx, updates.iter().map(|(_, both)| (&both.0, &both.1))).await?;
    for (place, both) in &updates {
        let (prepared, current) = &**both;
        marks.change(prepared, current);
        outcomes[*place] = Some(Ok(Written::Updated(current.version + 1)));
    }
    marks::write(tx, &marks).await?;
    Ok(missed)
}

enum Step<'a> {
    Insert(Box<Prepared<'a>>),
    Update(Box<(Prepared<'a>, Current)>),
    /// It stands there at this version.
    Nothing(i64),
}

/// What is to be done about one write; from then on others may link to it.
fn step<'a>(write: &Write<'a>, found: &mut Found, origin: Origin) -> Result<Step<'a>> {
    let Write { new, seen } = write;
    let current = found.taken(new.kind, new.id);
    let version = current.as_ref().map_or(0, |current| current.version);
    match (&current, seen) {
        (None, Some(seen)) if *seen > 0 => return Err(Error::NotFound),
        (Some(_), Some(seen)) if *seen != version => {
            // Others of this call may link to it all the same.
            return Err(Error::VersionMismatch { current: version });
        }
        _ => {}
    }
    let problems = missing_links(new.links, found);
    if !problems.is_empty() {
        return Err(Error::fields(problems));
    }
    found.add(new.kind, new.id);
    let prepared = Prepared::of(new, current.as_ref(), origin);
    Ok(match current {
        None => Step::Insert(Box::new(prepared)),
        Some(current) if prepared.says_the_same(&current) => Step::Nothing(version),
        Some(current) => Step::Update(Box::new((prepared, current))),
    })
}

fn missing_links(links: &[Link], found: &Found) -> Vec<FieldError> {
    let missing = links.iter().enumerate().filter(|(_, link)| !found.has(link.kind, &link.id));
    missing
        .map(|(place, link)| FieldError {
            field: format!("links[{place}]"),
            error: format!("there is no {} {:?}", link.kind, link.id),
        })
        .collect()
}
