//! A server dies while it deletes what an organization no longer keeps.

use serde_json::json;
use uuid::Uuid;

use super::{
    findings::Findings,
    script,
    trial::{Lane, dies, spawn},
};
use crate::harness::{Process, Spawn, eventually};

/// Conversations of one trial: each is a transaction of its own.
const SESSIONS: usize = 4;

impl Lane {
    /// Has a server die as it deletes; the heir goes on, and the trail has the true count.
    pub(super) async fn purge(&mut self, crash_at: Option<String>, tag: String) -> Findings {
        let mut found = Findings::default();
        let there = self.alice.at(self.heir.address);
        let mut old = Vec::new();
        for n in 0..SESSIONS {
            let session = there.session().await;
            there.ask(&session, &script::plain(&format!("{tag}-{n}"))).await;
            old.push(session);
        }
        let kept = there.session().await;
        self.heir.signal("STOP");
        let ids: Vec<Uuid> = old.iter().map(|id| id.parse().expect("an id")).collect();
        sqlx::query(
            "update sixty.sessions set last_message_at = now() - interval '90 days' where id = any ($1)",
        )
        .bind(&ids)
        .execute(&self.database)
        .await
        .expect("they age");
        let settings = json!({"transcripts_days": 30, "legal_hold": {"organization": false}});
        self.alice.put("/v1/admin/retention", settings).await.expect(200);
        // It looks for what is due as soon as it starts, and may die before it listens.
        let doomed = Process::start(&Spawn { crash_at, ..spawn(&self.app, &self.probe) }).await;
        if let Ok(mut doomed) = doomed {
            dies(&mut doomed).await;
        }
        let count = async |sql: &'static str| -> i64 {
            sqlx::query_scalar(sql).bind(&ids).fetch_one(&self.database).await.expect("a number")
        };
        let there_are = "select count(*) from sixty.sessions where id = any ($1)";
        if count(there_are).await == 0 {
            found.lost += 1;
            found.notes.push(format!("{tag}: it did not die on the way"));
        }
        self.heir.signal("CONT");
        eventually("the heir deletes the rest", async || (count(there_are).await == 0).then_some(())).await;
        let ended =
            "select count(*) from sixty.retention_rounds where next_at > now() and $1::uuid[] is not null";
        eventually("the round ends", async || (count(ended).await == 1).then_some(())).await;
        found.taken_over += 1;
        let listed =
            self.alice.get("/v1/admin/audit?action=retention.purge&limit=1").await.expect(200).json();
        let detail = listed["data"][0]["detail"].as_str().unwrap_or_default();
        let wanted = format!("sessions {SESSIONS}, messages {}, ", 2 * SESSIONS);
        if !detail.starts_with(&wanted) {
            found.missing += 1;
            found.notes.push(format!("{tag}: the trail says {detail:?}, and not {wanted:?}"));
        }
        found.add(self.goes_on(&kept, &tag).await);
        found
    }
}
