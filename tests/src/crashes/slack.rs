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
        fake::{Answer, Fake},
        send::{SECRET, connect, direct, envelope, post_signed},
    },
};

/// How a server knows who stands in for Slack.
fn environment(fake: &Fake) -> Vec<(&'static str, String)> {
    let host = fake.url.trim_start_matches("http://").to_owned();
    vec![
        ("SLACK_SIGNING_SECRET", SECRET.into()),
        ("SLACK_CLIENT_ID", "client-id".into()),
        ("SLACK_CLIENT_SECRET", "client-secret".into()),
        ("SLACK_API_URL", format!("{}/api", fake.url)),
        ("SLACK_RESPONSE_URL_HOSTS", host),
        ("SIXTY_PUBLIC_URL", "https://copilot.example.com".into()),
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
        let fake = Fake::start().await;
        let before = self.answered().await;
        let extra = environment(&fake);
        let start = |crash_at| Spawn { crash_at, extra: extra.clone(), ..spawn(&self.app, &self.probe) };
        let heir = Process::start(&start(None)).await.expect("a server");
        self.heir.signal("STOP");
        let admin = self.alice.at(heir.address);
        connect(&fake, &admin, &format!("http://{}", heir.address)).await;
        // Without streams an answer is a message that is changed, and known by its metadata.
        for _ in 0..4 {
            fake.next("chat.startStream", Answer::Refuse("unknown_method"));
        }
        heir.signal("STOP");
        let doomed = Process::start(&start(crash_at)).await;
        let body = envelope(direct(&script::plain(&tag))).to_string();
        if let Ok(mut doomed) = doomed {
            let base = format!("http://{}", doomed.address);
            let acknowledged = post_signed(&base, "/slack/events", &body).await.is_ok();
            if acknowledged && point == CrashPoint::SlackStored {
                found.notes.push(format!("{tag}: it was acknowledged by a server that died before"));
            }
            dies(&mut doomed).await;
        }
        heir.signal("CONT");
        let base = format!("http://{}", heir.address);
        let again = post_signed(&base, "/slack/events", &body).await;
        found.unless(again.is_ok(), |found| &mut found.lost, || format!("{tag}: the heir takes nothing in"));
        let open = "select count(*) from sixty.slack_turns where state <> 'over'";
        eventually("it is answered", async || (self.count(open).await == 0).then_some(())).await;
        found.taken_over += 1;
        let after = self.answered().await;
        let (turns, runs) = (after.0 - before.0, after.1 - before.1);
        let answers = fake.shown().iter().filter(|text| text.contains(script::ANSWER)).count();
        let one = (turns, runs, answers) == (1, 1, 1);
        found.unless(
            one,
            |found| &mut found.doubled,
            || format!("{tag}: {turns} turns, {runs} runs, answers {:?}", json!(fake.shown())),
        );
        self.heir.signal("CONT");
        found
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
