//! Notifications as they come, to whoever listens on this replica. One look a second asks for all who listen whether
//! there is news; they then read their own.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use domain::{Error, NotificationId, OrgId, Result, Tenant, UserId, notification::Notification};
use store::notifications::{self, News};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Engine;

/// How old news may be to be found, in seconds: several looks, and a transaction that took its time.
const NEWS: f64 = 30.0;
/// Notifications that a listener looks at.
const NEWEST: i64 = 200;

/// With what each was found the last time.
type Ears = HashMap<(OrgId, UserId), watch::Sender<Option<News>>>;

/// Who listens.
#[derive(Default)]
pub(crate) struct Bulletin(Mutex<Ears>);

impl Bulletin {
    fn ears(&self) -> MutexGuard<'_, Ears> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subscribe(&self, tenant: Tenant) -> watch::Receiver<Option<News>> {
        let mut ears = self.ears();
        ears.entry((tenant.org, tenant.user)).or_insert_with(|| watch::Sender::new(None)).subscribe()
    }
}

/// Looks for news, if anybody listens.
pub(crate) async fn look(engine: &Engine) -> Result<()> {
    let people: Vec<Tenant> = {
        let mut ears = engine.0.bulletin.ears();
        ears.retain(|_, ear| ear.receiver_count() > 0);
        ears.keys().map(|(org, user)| Tenant::own(*org, *user)).collect()
    };
    if people.is_empty() {
        return Ok(());
    }
    let mut tx = engine.store().heartbeat().await?;
    let news = notifications::news(&mut tx, &people, NEWS).await?;
    tx.commit().await?;
    let ears = engine.0.bulletin.ears();
    for (person, news) in news {
        if let Some(ear) = ears.get(&person) {
            ear.send_if_modified(|known| known.replace(news) != Some(news));
        }
    }
    Ok(())
}

/// A person who listens.
pub struct Listener {
    engine: Engine,
    tenant: Tenant,
    news: watch::Receiver<Option<News>>,
    /// What they were told, or had before; as many as are looked at.
    known: HashSet<NotificationId>,
    waiting: Vec<Notification>,
    /// There is news that was not read: a future that was dropped has only heard of it.
    stale: bool,
    stopping: CancellationToken,
}

impl Engine {
    /// Listens for notifications of this person, from now on or after the one that they have.
    pub async fn listen(&self, tenant: Tenant, after: Option<NotificationId>) -> Result<Listener> {
        let news = self.0.bulletin.subscribe(tenant);
        let mut listener = Listener {
            engine: self.clone(),
            tenant,
            news,
            known: HashSet::new(),
            waiting: Vec::new(),
            stale: false,
            stopping: self.stopping(),
        };
        let newest = listener.newest().await?;
        let has = after.and_then(|after| newest.iter().position(|it| it.id == after));
        let (new, old) = newest.split_at(has.unwrap_or(if after.is_some() { newest.len() } else { 0 }));
        listener.known.extend(old.iter().map(|it| it.id));
        listener.waiting = new.to_vec();
        Ok(listener)
    }
}

impl Listener {
    /// Newest first.
    async fn newest(&self) -> Result<Vec<Notification>> {
        let mut tx = self.engine.store().tenant(self.tenant).await?;
        if !tx.membership().is_some_and(|member| member.active) {
            tx.rollback().await?;
            return Err(Error::forbidden("your membership of this organization has ended"));
        }
        let newest = notifications::list(&mut tx, false, None, NEWEST).await?;
        tx.commit().await?;
        Ok(newest)
    }

    /// The next frame; none at the end of the service. A future that is dropped loses nothing.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(next) = self.waiting.pop() {
                self.known.insert(next.id);
                return frame(&next).map(Some);
            }
            if !self.stale {
                tokio::select! {
                    () = self.stopping.cancelled() => return Ok(None),
                    changed = self.news.changed() => if changed.is_err() { return Ok(None) },
                }
                self.stale = true;
            }
            let newest = self.newest().await?;
            self.known.retain(|id| newest.iter().any(|it| it.id == *id));
            self.waiting = newest.into_iter().filter(|it| !self.known.contains(&it.id)).collect();
            self.stale = false;
        }
    }
}

fn frame(notification: &Notification) -> Result<Bytes> {
    let data = serde_json::to_string(notification).map_err(Error::internal)?;
    Ok(format!("id: {}\nevent: notification\ndata: {data}\n\n", notification.id).into())
}
