//! `sixty export`.

use std::io::Write;

use axum::body::Bytes;
use clap::Args;
use domain::{OptionalExt, Tenant, UserId};
use engine::export::{Export, write};
use store::{
    Store,
    audit::{self, Entry},
    orgs, seals, startup,
};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    config::Database,
    serve::{Connected, Fatal},
};

#[derive(Args, Clone, Debug)]
pub struct Config {
    /// The organization's external id.
    #[arg(long)]
    pub org: String,
    /// External id of a member; the whole organization when left out.
    #[arg(long)]
    pub user: Option<String>,
    #[command(flatten)]
    pub database: Database,
}

/// Writes the export to the standard output.
pub async fn command(config: &Config) -> Result<(), Fatal> {
    let dir = &config.database.data_dir;
    if config.database.database_url.is_none() && !dir.exists() {
        let dir = dir.display();
        return Err(format!("there is no data directory {dir}: set SIXTY_DATA_DIR or DATABASE_URL").into());
    }
    let connected = Connected::open(&config.database).await?;
    let exported = async {
        let store = connected.store(2)?;
        startup::check(&store, config.database.allow_old_postgres.unwrap_or(false)).await?;
        let exported = export(&store, &config.org, config.user.as_deref(), &mut std::io::stdout()).await;
        store.close().await;
        exported
    }
    .await;
    connected.close().await?;
    exported
}

/// Exports an organization or one of its members. The audit trail knows of it.
pub async fn export(store: &Store, org: &str, user: Option<&str>, out: &mut impl Write) -> Result<(), Fatal> {
    let what = find(store, org, user).await?;
    let (sender, mut pieces) = mpsc::channel::<domain::Result<Bytes>>(2);
    let printed = async move {
        while let Some(piece) = pieces.recv().await {
            // This process does nothing else: to wait for whoever reads is right.
            let piece = piece?;
            out.write_all(&piece)?;
        }
        Ok::<_, Fatal>(out.flush()?)
    };
    let written = async {
        let written = write(store, &what, &sender).await;
        drop(sender);
        written
    };
    let (printed, written) = tokio::join!(printed, written);
    printed?;
    Ok(written?)
}

async fn find(store: &Store, org_name: &str, user: Option<&str>) -> Result<Export, Fatal> {
    let mut tx = store.system().await?;
    let found = seals::organizations(&mut tx, Some(org_name), None, 2).await?;
    tx.commit().await?;
    let org = match found.as_slice() {
        [] => return Err(format!("there is no organization {org_name:?}").into()),
        [one] => one.org,
        _ => return Err(format!("organizations of several issuers are called {org_name:?}").into()),
    };
    let mut tx = store.tenant(Tenant::overseer(org)).await?;
    let member = match user {
        None => None,
        // Only the name counts: an id that derives from it may be an erased person's.
        Some(user) => {
            let member = orgs::find_member(&mut tx, user, UserId(Uuid::nil())).await.optional()?;
            let member = member.ok_or_else(|| format!("there is no member {user:?}"))?;
            Some((member.user, member.external_id))
        }
    };
    note(&mut tx, member.as_ref().map(|(user, _)| *user)).await?;
    tx.commit().await?;
    Ok(Export { org, org_name: org_name.to_owned(), member })
}

async fn note(tx: &mut store::TenantTx, user: Option<UserId>) -> domain::Result<()> {
    let target = user.map(|user| format!("member:{user}"));
    let action = if user.is_some() { "member.export" } else { "org.export" };
    audit::record(tx, &[Entry { target: target.as_deref(), ..Entry::by_service(action) }]).await
}
