//! Secrets of organizations: sealed, opened where they are used, and taken out of every text of their organization.
//!
//! What is made of an organization's secrets is kept by a number that grows with each change. Turns read it with all that
//! they read; beside that each replica asks once a second which numbers have grown, so that nobody else has to.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use domain::{Error, OrgId, Result, Tenant, models::Candidate};
use model::{Client, ModelError};
use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};
use redact::Redactor;
use secrecy::{ExposeSecret, SecretString};
use store::{
    TenantTx,
    secrets::{self as rows, NewSeal, Sealed},
};
use tokio::time::Instant;

use crate::{Engine, door::Door, keys::MasterKeys, seal::Seals};

/// What their keys are derived for.
const PURPOSE: &str = "organization secrets";
/// Version of what is sealed. It is bound to the text, as its organization, its name and its version are.
const SEAL: &str = "organization secret 1";
/// What a mask says that stands for one.
const KIND: &str = "secret";
/// How far back a look goes: longer than a transaction may last that changes one.
const OVERLAP: Duration = Duration::from_mins(2);
/// After so long without a look everything is read again.
const SURE: Duration = Duration::from_mins(1);
/// Organizations of one look at old seals.
const BATCH: i64 = 32;
/// How long a process leaves old seals alone: replicas that do not know the new master key yet still open them.
const PATIENCE: Duration = Duration::from_mins(10);
/// What a redactor takes that looks for next to nothing, in bytes.
const EMPTY: u64 = 16_384;
/// Bytes that redactors of organizations may take, and organizations that there are usually.
const MAX_KEPT: u64 = 256 << 20;
const USUAL: usize = 10_000;

/// What an organization keeps secret, in one state. Nothing in here is in the clear but what its redactor looks for.
pub(crate) struct Secrets {
    pub door: Door,
    sealed: BTreeMap<String, Sealed>,
    org: OrgId,
    seals: Arc<Seals>,
}

/// What a process knows of all of them.
pub(crate) struct Vault {
    seals: Arc<Seals>,
    /// Of organizations that have none.
    plain: Arc<Secrets>,
    redactor: Redactor,
    /// The newest state of each organization that has, or had, any.
    states: RwLock<HashMap<OrgId, i64>>,
    looked: RwLock<Option<Instant>>,
    kept: Cache<(OrgId, i64), Arc<Secrets>, Weight>,
    since: Instant,
}

#[derive(Clone)]
struct Weight;

impl Weighter<(OrgId, i64), Arc<Secrets>> for Weight {
    fn weight(&self, _: &(OrgId, i64), secrets: &Arc<Secrets>) -> u64 {
        // Its texts are there twice: as a list, and by their beginnings.
        EMPTY + 2 * u64::try_from(secrets.door.size()).unwrap_or(u64::MAX / 4)
    }
}

impl Vault {
    pub fn new(redactor: Redactor, keys: &MasterKeys) -> Self {
        let seals = Arc::new(Seals::new(keys, PURPOSE));
        let plain = Secrets {
            door: Door::new(redactor.clone(), 0),
            sealed: BTreeMap::new(),
            org: domain::skill::PLATFORM,
            seals: seals.clone(),
        };
        // One shard: each has its part of the room, and one organization may need much of it.
        let options = OptionsBuilder::new()
            .estimated_items_capacity(USUAL)
            .weight_capacity(MAX_KEPT)
            .shards(1)
            .build()
            .expect("both capacities are given");
        Self {
            seals,
            plain: Arc::new(plain),
            redactor,
            states: RwLock::default(),
            looked: RwLock::default(),
            kept: Cache::with_options(
                options,
                Weight,
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            since: Instant::now(),
        }
    }

    /// 0: it has never had any, as far as is known.
    fn state(&self, org: OrgId) -> i64 {
        self.states.read().unwrap_or_else(PoisonError::into_inner).get(&org).copied().unwrap_or(0)
    }

    /// When it was last looked which states have changed; none: not yet.
    fn looked(&self) -> Option<Instant> {
        *self.looked.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was made of an earlier state goes.
    fn note(&self, org: OrgId, state: i64) {
        if self.state(org) >= state {
            return;
        }
        let mut states = self.states.write().unwrap_or_else(PoisonError::into_inner);
        let newest = states.entry(org).or_default();
        if *newest < state {
            let earlier = std::mem::replace(newest, state);
            drop(states);
            self.kept.remove(&(org, earlier));
        }
    }

    fn kept(&self, org: OrgId, state: i64) -> Option<Arc<Secrets>> {
        if state == 0 { Some(self.plain.clone()) } else { self.kept.get(&(org, state)) }
    }
}

/// To what a value is bound.
fn bound(org: OrgId, name: &str, version: i64) -> String {
    format!("{org}/{name}/{version}/{SEAL}")
}

impl Secrets {
    /// The same client with the organization's own key, where it has one for the provider. Never with another one.
    pub fn with_own_key(&self, asked: &Candidate, client: Client) -> Result<Client, ModelError> {
        let Some(name) = &asked.secret else { return Ok(client) };
        let unusable = |why: &str| {
            let provider = asked.provider();
            let detail = format!(
                "the organization's own key for the model provider {provider} cannot be used: the secret {name} {why}; \
                 an administrator can store it again with PUT /v1/admin/secrets/{name}"
            );
            ModelError::OwnKey { detail }
        };
        let sealed = self.sealed.get(name).ok_or_else(|| unusable("is not there"))?;
        let key = self.open(sealed).ok_or_else(|| {
            unusable(
                "cannot be opened, because it was sealed with a master key that the service does not have",
            )
        })?;
        let key = SecretString::from(key.expose_secret().trim());
        client.with_key(key).map_err(|_| unusable("has characters that no key has"))
    }

    fn open(&self, sealed: &Sealed) -> Option<SecretString> {
        self.seals.open(&bound(self.org, &sealed.name, sealed.version), &sealed.sealed)
    }

    /// Takes a while: each value is looked for in every encoding.
    fn of(org: OrgId, state: i64, rows: Vec<Sealed>, redactor: &Redactor, seals: Arc<Seals>) -> Self {
        let plain = Door::new(redactor.clone(), state);
        let sealed = rows.into_iter().map(|row| (row.name.clone(), row)).collect();
        let mut secrets = Self { door: plain, sealed, org, seals };
        let mut values = Vec::new();
        for row in secrets.sealed.values() {
            match secrets.open(row) {
                Some(value) => values.push(value),
                None => {
                    tracing::error!(%org, name = row.name, "a secret cannot be opened: its master key is not known");
                }
            }
        }
        let known = redactor.with(values.iter().map(|value| (KIND, value.expose_secret())));
        secrets.door = Door::new(known, state);
        secrets
    }
}

impl Engine {
    /// What the texts of this organization pass before their first write. With a state that is kept it asks nobody.
    pub async fn door(&self, org: OrgId) -> Result<Door> {
        Ok(self.secrets(org).await?.door.clone())
    }

    /// The same for texts that belong to no organization.
    pub fn plain_door(&self) -> &Door {
        &self.0.vault.plain.door
    }

    /// The same within a transaction of the organization.
    pub async fn door_in(&self, tx: &mut TenantTx) -> Result<Door> {
        let vault = &self.0.vault;
        let state = if vault.looked().is_some() { vault.state(tx.org()) } else { rows::state(tx).await? };
        Ok(self.secrets_in(tx, state).await?.door.clone())
    }

    /// What the organization keeps secret. Nobody who holds a transaction may wait for this one.
    pub(crate) async fn secrets(&self, org: OrgId) -> Result<Arc<Secrets>> {
        let vault = &self.0.vault;
        if vault.looked().is_none() {
            look(self).await?;
        }
        let state = vault.state(org);
        if let Some(kept) = vault.kept(org, state) {
            return Ok(kept);
        }
        let read = async {
            let mut tx = self.store().tenant(Tenant::overseer(org)).await?;
            let rows = rows::sealed(&mut tx).await?;
            tx.rollback().await?;
            self.made_of(org, state, rows).await
        };
        vault.kept.get_or_insert_async(&(org, state), read).await
    }

    /// The same in this state, which somebody has read, or in a later one.
    pub(crate) async fn secrets_in(&self, tx: &mut TenantTx, state: i64) -> Result<Arc<Secrets>> {
        let (vault, org) = (&self.0.vault, tx.org());
        vault.note(org, state);
        let state = vault.state(org);
        if let Some(kept) = vault.kept(org, state) {
            return Ok(kept);
        }
        let read = async {
            let rows = rows::sealed(tx).await?;
            self.made_of(org, state, rows).await
        };
        // Made by one of those who want it at the same time; the others wait.
        vault.kept.get_or_insert_async(&(org, state), read).await
    }

    async fn made_of(&self, org: OrgId, state: i64, rows: Vec<Sealed>) -> Result<Arc<Secrets>> {
        let (redactor, seals) = (self.0.vault.redactor.clone(), self.0.vault.seals.clone());
        let made = tokio::task::spawn_blocking(move || Secrets::of(org, state, rows, &redactor, seals));
        made.await.map(Arc::new).map_err(Error::internal)
    }

    /// Whether there is a later state than this one.
    pub(crate) fn has_newer_secrets(&self, org: OrgId, door: &Door) -> bool {
        self.0.vault.state(org) > door.state()
    }

    /// Seals and stores a value, on top of the version that the administrator saw if one is given. Needs a transaction
    /// that sees the organization. Answers the state that it leads to; tell [`note_secrets`](Self::note_secrets) of it
    /// when it is committed.
    pub async fn put_secret(
        &self,
        tx: &mut TenantTx,
        (name, value): (&str, &SecretString),
        seen: Option<i64>,
    ) -> Result<i64> {
        let seals = &self.0.vault.seals;
        let (version, state) = rows::next_version(tx, name, seen).await?;
        let sealed = seals.seal(&bound(tx.org(), name, version), value)?;
        rows::keep(tx, name, NewSeal { sealed: &sealed, key_id: seals.id() }).await?;
        Ok(state)
    }

    /// The organization's secrets have changed: this replica knows at once, and others within a second.
    pub fn note_secrets(&self, org: OrgId, state: i64) {
        self.0.vault.note(org, state);
    }

    /// Seals with the current master key what earlier ones have sealed. Answers how many values that were.
    pub async fn reseal_secrets(&self) -> Result<u64> {
        let old = self.0.vault.seals.previous();
        let (mut after, mut count) = (None, 0);
        while !old.is_empty() && !self.0.stopping.is_cancelled() {
            let mut tx = self.store().system().await?;
            let orgs = rows::sealed_by(&mut tx, &old, after, BATCH).await?;
            tx.commit().await?;
            if orgs.is_empty() {
                break;
            }
            for org in &orgs {
                match self.reseal_of(*org, &old).await {
                    Ok(resealed) => count += resealed,
                    // The trouble of one is its own; it comes again.
                    Err(error) => tracing::warn!(%org, %error, "secrets could not be sealed anew"),
                }
            }
            after = orgs.last().copied();
        }
        if count > 0 {
            tracing::info!(count, "secrets are sealed with the current master key now");
        }
        Ok(count)
    }

    async fn reseal_of(&self, org: OrgId, old: &[String]) -> Result<u64> {
        let seals = &self.0.vault.seals;
        let mut tx = self.store().tenant(Tenant::overseer(org)).await?;
        let mut count = 0;
        for row in rows::lock_sealed_by(&mut tx, old).await? {
            let bound = bound(org, &row.name, row.version);
            let Some(value) = seals.open(&bound, &row.sealed) else {
                tracing::error!(%org, name = row.name, "a secret cannot be opened, and is not sealed anew");
                continue;
            };
            let sealed = seals.seal(&bound, &value)?;
            rows::put_value(&mut tx, &row.name, NewSeal { sealed: &sealed, key_id: seals.id() }).await?;
            count += 1;
        }
        tx.commit().await.map(|()| count)
    }
}

/// Learns which organizations' secrets have changed.
pub(crate) async fn look(engine: &Engine) -> Result<()> {
    let vault = &engine.0.vault;
    let begun = Instant::now();
    let within = vault.looked().filter(|last| begun - *last < SURE).map(|_| OVERLAP);
    let mut tx = engine.store().system().await?;
    let changes = rows::changes(&mut tx, within).await?;
    tx.commit().await?;
    for (org, state) in changes {
        vault.note(org, state);
    }
    *vault.looked.write().unwrap_or_else(PoisonError::into_inner) = Some(begun);
    Ok(())
}

/// The same as [`Engine::reseal_secrets`], once the process is there for a while.
pub(crate) async fn reseal(engine: &Engine) -> Result<()> {
    if engine.0.vault.since.elapsed() < PATIENCE {
        return Ok(());
    }
    engine.reseal_secrets().await.map(drop)
}
