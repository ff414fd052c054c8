//! Clients that hang up: in the middle of a request, before the answer, in the
//! middle of it. Several organizations share a few connections to the database.

use std::{net::SocketAddr, time::Duration};

use model_sim::Reply;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use super::all_are_idle;
use crate::harness::{Person, Setup, TestApp, eventually};

const ORGS: usize = 5;
const TASKS: usize = 10;
const REQUESTS: usize = 680;

/// A client of one organization; everything that it writes begins with the organization's name.
#[derive(Clone)]
struct Client {
    address: SocketAddr,
    person: Person,
    org: String,
    session: String,
    /// The state of its random numbers: other ones for each client, the same in every test run.
    random: u64,
}

/// What a client has seen.
#[derive(Default)]
struct Seen {
    dropped: usize,
    answered: usize,
    /// Answers that name another organization.
    wrong: Vec<String>,
    /// What was said to be stored: kind and tag.
    acknowledged: Vec<(&'static str, String)>,
}

/// When the client hangs up.
enum Until {
    /// Bytes of the request have been sent.
    Sent(usize),
    /// All of it, and a little time has passed.
    Later(Duration),
    /// The first bytes of the answer have come.
    Answering,
    /// All of the answer has come.
    Answered,
}

impl Client {
    fn random(&mut self, below: u64) -> u64 {
        // xorshift64
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    fn until(&mut self, length: usize) -> Until {
        match self.random(20) {
            0..5 => {
                let most = u64::try_from(length).expect("a length");
                Until::Sent(usize::try_from(self.random(most)).expect("a length"))
            }
            5..12 => Until::Later(Duration::from_micros(self.random(3_000))),
            12..15 => Until::Answering,
            _ => Until::Answered,
        }
    }

    /// A request whose writes carry the tag.
    fn request(&self, n: usize, tag: &str) -> (&'static str, String) {
        let key = tag.replace(' ', "-");
        let (kind, method, path, body) = match n % 6 {
            0 => ("me", "GET", "/v1/me".to_owned(), Value::Null),
            1 => ("entity", "PUT", format!("/v1/entities/deal/{key}"), json!({ "name": tag })),
            2 => ("memory", "PUT", "/v1/memory/user".to_owned(), json!({ "content": tag })),
            3 => ("session", "PUT", format!("/v1/sessions/by-key/{key}"), json!({ "title": tag })),
            4 => {
                ("message", "POST", format!("/v1/sessions/{}/messages", self.session), json!({ "text": tag }))
            }
            _ => ("list", "GET", "/v1/sessions?limit=20".to_owned(), Value::Null),
        };
        let accept = if kind == "message" { "text/event-stream" } else { "application/json" };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\naccept: {accept}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            self.address,
            self.person.token,
            body.len()
        );
        (kind, head + &body)
    }

    async fn send(&mut self, n: usize, seen: &mut Seen) {
        let tag = format!("{} {:x}-{n}", self.org, self.random);
        let (kind, request) = self.request(n, &tag);
        let until = self.until(request.len());
        let mut stream = TcpStream::connect(self.address).await.expect("the server listens");
        let length = if let Until::Sent(bytes) = until { bytes } else { request.len() };
        stream.write_all(&request.as_bytes()[..length]).await.expect("the server reads");
        let mut answer = Vec::new();
        match until {
            Until::Sent(_) => {}
            Until::Later(time) => tokio::time::sleep(time).await,
            Until::Answering => drop(stream.read_buf(&mut answer).await.expect("an answer")),
            Until::Answered => drop(stream.read_to_end(&mut answer).await.expect("an answer")),
        }
        let answer = String::from_utf8_lossy(&answer);
        let whole = matches!(until, Until::Answered);
        *(if whole { &mut seen.answered } else { &mut seen.dropped }) += 1;
        if (0..ORGS).map(org).any(|other| other != self.org && answer.contains(&other)) {
            seen.wrong.push(format!("{kind} of {}: {answer}", self.org));
        }
        let accepted = answer.starts_with("HTTP/1.1 20");
        let told = if kind == "message" { answer.contains("run_started") } else { accepted };
        if told && !["me", "list"].contains(&kind) {
            seen.acknowledged.push((kind, tag));
        }
        // Nobody is refused but who asks while a run goes on, or while the database is busy.
        let status = answer.get(9..12).unwrap_or_default();
        let fair = ["200", "201", "409", "503"].contains(&status);
        assert!(fair || !whole, "{kind}: {answer}");
    }
}

fn org(number: usize) -> String {
    format!("org-{number}")
}

async fn hang_up_again_and_again(app: &TestApp) -> Vec<Seen> {
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let person = app.replica.person(&org(task % ORGS), &format!("user-{task}"), "owner");
        let session = person.session().await;
        let random = 0x9E37_79B9_7F4A_7C15 ^ (u64::try_from(task).expect("small") << 32);
        let address = app.replica.address;
        let mut client = Client { address, person, org: org(task % ORGS), session, random };
        tasks.spawn(async move {
            let mut seen = Seen::default();
            for n in 0..REQUESTS {
                client.send(n, &mut seen).await;
            }
            seen
        });
    }
    tasks.join_all().await
}

/// Texts that are stored: the organization's name, the kind, and the text.
async fn stored(app: &TestApp) -> Vec<(String, String, String)> {
    sqlx::query_as(
        "select o.external_id, t.kind, t.text from sixty.orgs o join (
            select org_id, 'entity' as kind, name as text from sixty.entities
            union all select org_id, 'memory', content from sixty.copilot_memory_revisions
            union all select org_id, 'session', title from sixty.sessions where client_key is not null
            union all select org_id, 'message', content::jsonb -> 0 ->> 'text' from sixty.messages where role = 'user'
         ) t using (org_id)",
    )
    .fetch_all(&app.database.superuser().await)
    .await
    .expect("rows")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_clients_hang_up_and_nothing_is_lost_or_mixed_up() {
    let app = TestApp::with(Setup { connections: 3, ..Setup::default() }).await;
    app.sim.respond_with(|_| Reply::text("Yes."));
    let seen = hang_up_again_and_again(&app).await;
    all_are_idle(&app.database.superuser().await).await;
    eventually("every run has ended", async || {
        let open = "select count(*) from sixty.runs where status in ('queued', 'running')";
        (app.database.count(open).await == 0).then_some(())
    })
    .await;
    let stored = stored(&app).await;
    let astray = stored.iter().filter(|(org, _, text)| !text.starts_with(&format!("{org} "))).count();
    let acknowledged: Vec<_> = seen.iter().flat_map(|seen| &seen.acknowledged).collect();
    let has: std::collections::HashSet<(&str, &str)> =
        stored.iter().map(|(_, kind, text)| (kind.as_str(), text.as_str())).collect();
    let lost = acknowledged.iter().filter(|(kind, tag)| !has.contains(&(kind, tag.as_str()))).count();
    let wrong: Vec<&String> = seen.iter().flat_map(|seen| &seen.wrong).collect();
    let dropped: usize = seen.iter().map(|seen| seen.dropped).sum();
    let answered: usize = seen.iter().map(|seen| seen.answered).sum();
    println!(
        "{dropped} requests dropped, {answered} answered, {} texts stored, {} acknowledged; {} wrong organizations, \
         {astray} rows astray, {lost} acknowledged writes lost",
        stored.len(),
        acknowledged.len(),
        wrong.len()
    );
    assert_eq!(wrong, Vec::<&String>::new());
    assert_eq!((astray, lost), (0, 0));
    assert!(dropped >= 5_000 && answered >= 1_200, "{dropped}, {answered}");
    assert!(acknowledged.len() >= 700 && stored.len() >= 2_000, "{}, {}", acknowledged.len(), stored.len());
    all_are_idle(&app.database.superuser().await).await;
}
