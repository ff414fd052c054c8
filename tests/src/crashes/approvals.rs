//! A server dies around a person's decision.

use engine::crash::CrashPoint;
use serde_json::json;

use super::{
    findings::Findings,
    script,
    trial::{Lane, dies},
};
use crate::harness::{Process, eventually};

impl Lane {
    /// A turn is put aside and approved, and a server dies on the way: the deal changes
    /// once, what waited behind it happens once, and the run ends.
    pub(super) async fn approval(
        &self,
        mut doomed: Process,
        session: String,
        tag: String,
        point: CrashPoint,
    ) -> Findings {
        // Nobody but the doomed one may claim it.
        self.heir.signal("STOP");
        let asked = self.alice.message(&session, &json!({"text": script::ask(&tag)}));
        let asked = self.alice.send(asked.header("prefer", "respond-async")).await.expect(202).json();
        let run = asked["run"]["id"].as_str().expect("an id").to_owned();
        if point == CrashPoint::ApprovalStored {
            dies(&mut doomed).await;
            self.heir.signal("CONT");
        }
        let path = format!("/v1/runs/{run}");
        self.status(&path, "waiting").await;
        let before = self.alice.get("/v1/entities/deal/D-42").await.header("etag").to_owned();
        let approval = self.pending(&run).await;
        let approve = json!({"decision": "approve"});
        self.alice.post(&format!("/v1/approvals/{approval}"), approve).await.expect(202);
        if point == CrashPoint::ApprovalDecided {
            dies(&mut doomed).await;
            self.heir.signal("CONT");
        }
        self.status(&path, "done").await;
        let mut found = Findings { taken_over: 1, ..Findings::default() };
        let deal = self.alice.get("/v1/entities/deal/D-42").await;
        let version = |etag: &str| etag.trim_matches('"').parse::<i64>().expect("a version");
        if version(deal.header("etag")) != version(&before) + 1 || deal.json()["stage"] != tag {
            found.doubled += 1;
            found.notes.push(format!("{tag}: the deal did not change once: {}", deal.json()));
        }
        let received = self.probe.effects(&format!("{tag} unsafe"));
        found.effects += received;
        if received != 1 {
            found.doubled += 1;
            found.notes.push(format!("{tag}: {received} effects outside"));
        }
        let history = self.alice.history(&session).await;
        if history.len() != 4 {
            found.missing += 1;
            found.notes.push(format!("{tag}: {history:?}"));
        }
        found.add(self.goes_on(&session, &tag).await);
        found
    }

    pub(super) async fn status(&self, path: &str, wanted: &str) {
        eventually(wanted, async || (self.alice.get(path).await.json()["status"] == wanted).then_some(()))
            .await;
    }

    /// The only approval of the run that is open.
    pub(super) async fn pending(&self, run: &str) -> String {
        let list = self.alice.get("/v1/approvals?status=pending").await.expect(200).json();
        let open: Vec<_> = list["data"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|approval| approval["run_id"] == run)
            .filter_map(|approval| approval["id"].as_str())
            .collect();
        assert_eq!(open.len(), 1, "{list}");
        open[0].to_owned()
    }
}
