//! `sixty audit verify`.

use clap::Args;
use domain::{Error, OrgId};
use engine::audit::{Anchor, Report, SealKeys, verify};
use store::{
    Store,
    seals::{self, KnownOrg},
    startup,
};

use crate::{
    config::{Database, Keys},
    keys::master_keys,
    serve::{Connected, Fatal},
};

/// Organizations of one look.
const PAGE: i64 = 100;

#[derive(Args, Clone, Debug)]
pub struct Verify {
    /// The organization's external id; all of them when left out.
    #[arg(long)]
    pub org: Option<String>,
    /// `SEQ:HASH` of a seal as an earlier verification or the log of the service told it:
    /// the trail has to contain it still.
    #[arg(long, requires = "org", value_parser = anchor)]
    pub head: Option<Anchor>,
    #[command(flatten)]
    pub database: Database,
    #[command(flatten)]
    pub keys: Keys,
}

fn anchor(text: &str) -> Result<Anchor, String> {
    let parsed = text.split_once(':').and_then(|(seq, hash)| {
        let hash = hex::decode(hash).ok().filter(|hash| hash.len() == 32)?;
        Some(Anchor { seq: seq.parse().ok().filter(|seq| *seq > 0)?, hash })
    });
    parsed.ok_or_else(|| "is not the number and the hash of a seal, as in 12:9f86d0…".to_owned())
}

/// Prints what was found, an organization a line; an error if anything is broken.
pub async fn verify_command(config: &Verify) -> Result<(), Fatal> {
    let dir = &config.database.data_dir;
    if config.database.database_url.is_none() && !dir.exists() {
        let dir = dir.display();
        return Err(format!("there is no data directory {dir}: set SIXTY_DATA_DIR or DATABASE_URL").into());
    }
    let keys = SealKeys::new(&master_keys(&config.database, &config.keys).await?);
    let connected = Connected::open(&config.database).await?;
    let verified = async {
        let store = connected.store(2)?;
        startup::check(&store, true).await?;
        let verified = all(&store, &keys, config, |line| println!("{line}")).await;
        store.close().await;
        verified
    }
    .await;
    connected.close().await?;
    verified
}

/// Verifies the trails that are asked for and tells of each in a line.
pub async fn all(
    store: &Store,
    keys: &SealKeys,
    config: &Verify,
    mut tell: impl FnMut(&str),
) -> Result<(), Fatal> {
    let (mut after, mut count, mut broken): (Option<OrgId>, usize, usize) = (None, 0, 0);
    loop {
        let mut tx = store.system().await?;
        let page = seals::organizations(&mut tx, config.org.as_deref(), after, PAGE).await?;
        tx.commit().await?;
        for known in &page {
            count += 1;
            let (line, whole) = look(store, keys, known, config.head.as_ref()).await?;
            tell(&line);
            broken += usize::from(!whole);
        }
        match page.last() {
            Some(last) => after = Some(last.org),
            None => break,
        }
    }
    match (&config.org, count, broken) {
        (Some(org), 0, _) => Err(format!("there is no organization {org:?}").into()),
        (_, _, 0) => {
            tell(&format!("Organizations: {count}. Every trail is whole."));
            Ok(())
        }
        _ => Err(format!(
            "the audit trail of {broken} of {count} organizations is broken; compare with a backup, and see \
             docs/audit.md"
        )
        .into()),
    }
}

/// One organization: what to say of it, and whether its trail is whole.
async fn look(
    store: &Store,
    keys: &SealKeys,
    KnownOrg { org, external_id }: &KnownOrg,
    head: Option<&Anchor>,
) -> Result<(String, bool), Fatal> {
    match verify(store, keys, *org, head).await {
        Ok(report) => Ok((line(external_id, &report), report.broken.is_none())),
        // A value that the service cannot have written: the others are verified all the same.
        Err(Error::Internal(cause)) => {
            Ok((format!("{external_id}: BROKEN: it cannot be read: {cause}"), false))
        }
        Err(other) => Err(other.into()),
    }
}

fn line(org: &str, report: &Report) -> String {
    let Report { seals, sealed, waiting, end, broken } = report;
    let proven = format!("entries {sealed}, seals {seals}");
    if let Some(broken) = broken {
        return format!("{org}: BROKEN: {broken} (good before it: {proven})");
    }
    let end = end.as_ref().map(|end| format!(", ends with {}:{}", end.seq, hex::encode(&end.hash)));
    format!("{org}: whole: {proven}, not sealed yet {waiting}{}", end.unwrap_or_default())
}
