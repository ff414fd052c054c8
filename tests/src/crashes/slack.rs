//! A server dies as it takes in what is said in Slack, or as it answers there.

use engine::crash::CrashPoint;
use serde_json::json;

use super::{
    findings::Findings,
    script,
    trial::{Lane, dies, spawn},
};
use crate::{
    harness::{Process, Spawn, eventually},
    slack::{
        standin::{CLIENT_ID, CLIENT_SECRET, Fault, SIGNING_SECRET, StandIn},
        workspace::{self, ALICE, DIRECT, PUBLIC},
    },
};

/// How a server knows who stands in for Slack.
fn environment(slack: &StandIn) -> Vec<(&'static str, String)> {
    vec![
        ("SLACK_SIGNING_SECRET", SIGNING_SECRET.into()),
        ("SLACK_CLIENT_ID", CLIENT_ID.into()),
        ("SLACK_CLIENT_SECRET", CLIENT_SECRET.into()),
        ("SLACK_API_URL", slack.api()),
        ("SLACK_RESPONSE_URL_HOSTS", slack.host()),
        ("SIXTY_PUBLIC_URL", PUBLIC.into()),
    ]
}

impl Lane {
    /// Has a server die; Slack repeats what was not acknowledged, the heir goes on, and there is one run and one answer.
    pub(super) async fn said(
        &mut self,
        point: CrashPoint,
        crash_at: Option<String>,
        tag: String,
    ) -> Findings {
        let mut found = Findings::default();
        let slack = workspace::slack().await;
        let extra = environment(&slack);
        let start = |crash_at| Spawn { crash_at, extra: extra.clone(), ..spawn(&self.app, &self.probe) };
        let heir = Process::start(&start(None)).await.expect("a server");
        self.heir.signal("STOP");
        let base = format!("http://{}", heir.address);
        workspace::connect(&slack, &self.alice.at(heir.address), &base).await;
        let before = self.answered().await;
        // Without streams an answer is a message that is changed, and known by its metadata.
        slack.fail("chat.startStream", vec![Fault::Error("unknown_method"); 4]);
        heir.signal("STOP");
        let doomed = Process::start(&start(crash_at)).await;
        let to_heir = slack.sender(&base);
        let event = to_heir.message(ALICE, DIRECT, None, &script::plain(&tag));
        if let Ok(mut doomed) = doomed {
            let sender = slack.sender(&format!("http://{}", doomed.address));
            if sender.deliver(&event, None).await.acknowledged() && point == CrashPoint::SlackStored {
                found.notes.push(format!("{tag}: it was acknowledged by a server that died before"));
            }
            dies(&mut doomed).await;
        }
        heir.signal("CONT");
        let again = to_heir.deliver(&event, Some(1)).await.acknowledged();
        found.unless(again, |found| &mut found.lost, || format!("{tag}: the heir takes nothing in"));
        let open = "select count(*) from sixty.slack_turns where state <> 'over'";
        eventually("it is answered", async || (self.count(open).await == 0).then_some(())).await;
        found.taken_over += 1;
        self.counted(&mut found, before, &slack, &tag).await;
        self.heir.signal("CONT");
        found
    }

    /// There is one run since, and one answer.
    async fn counted(&self, found: &mut Findings, before: (i64, i64), slack: &StandIn, tag: &str) {
        let after = self.answered().await;
        let (turns, runs) = (after.0 - before.0, after.1 - before.1);
        let answers = slack.shown().iter().filter(|text| text.contains(script::ANSWER)).count();
        found.unless(
            (turns, runs, answers) == (1, 1, 1),
            |found| &mut found.doubled,
            || format!("{tag}: {turns} turns, {runs} runs, answers {:?}", json!(slack.shown())),
        );
    }

    /// What was said in Slack, and its runs.
    async fn answered(&self) -> (i64, i64) {
        let turns = self.count("select count(*) from sixty.slack_turns").await;
        (turns, self.count("select count(*) from sixty.runs where trigger = 'slack'").await)
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.database).await.expect("a number")
    }
}
