//! A server dies as a scheduled task fires, or as its result is told.

use serde_json::{Value, json};

use super::{
    findings::Findings,
    script,
    trial::{Lane, dies, spawn},
};
use crate::harness::{Process, Spawn, eventually};

impl Lane {
    /// Has a server die as it looks after a slot; the heir goes on, and there is one run, one effect and one notice.
    pub(super) async fn slot(&mut self, crash_at: Option<String>, tag: String) -> Findings {
        let mut found = Findings::default();
        self.heir.signal("STOP");
        let task = json!({
            "name": tag,
            "prompt": script::work(&tag),
            "schedule": {"kind": "cron", "cron": "0 9 * * *"},
        });
        let task = self.alice.post("/v1/schedules", task).await.expect(201).json();
        let id = task["id"].as_str().expect("an id");
        sqlx::query(
            "update sixty.schedules set next_run_at = now() - interval '1 minute' where id = $1::uuid",
        )
        .bind(id)
        .execute(&self.database)
        .await
        .expect("it is time");
        // It looks for what is due as soon as it starts, and may die before it listens.
        let doomed = Process::start(&Spawn { crash_at, ..spawn(&self.app, &self.probe) }).await;
        if let Ok(mut doomed) = doomed {
            dies(&mut doomed).await;
        }
        self.heir.signal("CONT");
        let path = format!("/v1/schedules/{id}/runs");
        let run = eventually("the slot is over", async || {
            let runs = self.alice.get(&path).await.expect(200).json();
            let [run] = runs["data"].as_array().expect("a list").as_slice() else { return None };
            (run["finished_at"] != Value::Null).then(|| run.clone())
        })
        .await;
        found.taken_over += 1;
        let count = async |sql: &'static str| -> i64 {
            sqlx::query_scalar(sql).bind(id).fetch_one(&self.database).await.expect("a number")
        };
        let runs = "select count(*) from sixty.runs r join sixty.sessions s on s.org_id = r.org_id and s.id = r.session_id
            where s.schedule_id = $1::uuid";
        let told = "select count(*) from sixty.notifications where about ->> 'schedule_id' = $1";
        let (runs, told, notes) = (count(runs).await, count(told).await, self.notes(&tag).await);
        found.unless(
            run["status"] == "done",
            |found| &mut found.lost,
            || format!("{tag}: it ended as {run}"),
        );
        found.unless(runs == 1, |found| &mut found.doubled, || format!("{tag}: there are {runs} runs"));
        found.unless(notes == 1, |found| &mut found.doubled, || format!("{tag}: there are {notes} notes"));
        found.unless(
            told == 1,
            |found| &mut found.missing,
            || format!("{tag}: the owner was told {told} times"),
        );
        found
    }
}
