//! The service that skills are pushed to, as its API answers.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, header, redirect::Policy};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::Checked;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often one skill waits until the service takes requests again.
const WAITS: usize = 5;
/// Longest of these waits, in seconds.
const LONGEST_WAIT: u64 = 60;
/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// What the service made of a skill.
pub(super) enum Outcome {
    Created(i64),
    Changed(i64),
    /// It is there already, byte for byte, at this version.
    Unchanged(i64),
    /// Fields and what is wrong with them.
    Refused(Vec<(String, String)>),
}

pub(super) struct Service<'p> {
    client: Client,
    base: Url,
    token: &'p SecretString,
    platform: bool,
}

/// A refusal, as far as it is a problem document.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    detail: String,
    request_id: String,
    errors: Vec<FieldProblem>,
}

#[derive(Deserialize)]
struct FieldProblem {
    field: String,
    error: String,
}

struct Answer {
    status: StatusCode,
    version: Option<i64>,
    body: Vec<u8>,
}

impl Answer {
    fn problem(&self) -> Problem {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl<'p> Service<'p> {
    /// Err says what is wrong with the address or the token.
    pub fn new(url: &str, token: &'p SecretString, platform: bool) -> Result<Self, String> {
        let of_web = |base: &Url| ["http", "https"].contains(&base.scheme()) && base.has_host();
        let named = |base: &Url| !base.username().is_empty() || base.password().is_some();
        let base = Url::parse(url).ok().filter(of_web);
        let base =
            base.ok_or("--url (or SIXTY_URL) has to be an address such as https://sixty.example.com")?;
        if named(&base) {
            return Err(
                "the address has to be without a name and password: the token says who you are".into()
            );
        }
        let sendable = |c: char| c.is_ascii_graphic();
        if token.expose_secret().is_empty() || !token.expose_secret().chars().all(sendable) {
            return Err(
                "--token (or SIXTY_TOKEN) is no token: it is empty, or has characters that none has".into()
            );
        }
        // A token goes to the address that was given, and to no other.
        let client = Client::builder().redirect(Policy::none()).timeout(PATIENCE).build();
        let client = client.map_err(|error| format!("there is no way to send requests here: {error}"))?;
        Ok(Self { client, base, token, platform })
    }

    /// Writes the skill. Err says why the service cannot be asked, for this skill and any other.
    pub async fn put(&self, skill: &Checked) -> Result<Outcome, String> {
        let before = self.send(|| self.request(Method::GET, &skill.key)).await?;
        let seen = match before.status {
            StatusCode::OK => before.version,
            StatusCode::NOT_FOUND => None,
            _ => return Err(self.complaint(&before)),
        };
        let body = json!({ "document": skill.document, "files": skill.files });
        let put = || {
            let request = self.request(Method::PUT, &skill.key).json(&body);
            match seen {
                Some(version) => request.header(header::IF_MATCH, format!("\"{version}\"")),
                None => request,
            }
        };
        let answer = self.send(put).await?;
        match (answer.status, answer.version) {
            (StatusCode::CREATED, Some(version)) => Ok(Outcome::Created(version)),
            (StatusCode::OK, Some(version)) if seen == Some(version) => Ok(Outcome::Unchanged(version)),
            (StatusCode::OK, Some(version)) => Ok(Outcome::Changed(version)),
            (StatusCode::PRECONDITION_FAILED, _) => {
                let problem = "somebody else has just written it: look at that, and push again";
                Ok(Outcome::Refused(vec![(String::new(), problem.into())]))
            }
            (StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT | StatusCode::PAYLOAD_TOO_LARGE, _) => {
                Ok(Outcome::Refused(refusal(answer.problem())))
            }
            _ => Err(self.complaint(&answer)),
        }
    }

    fn request(&self, method: Method, key: &str) -> RequestBuilder {
        let whose = if self.platform { "platform" } else { "admin" };
        let base = self.base.as_str().trim_end_matches('/');
        let url = format!("{base}/v1/{whose}/skills/{key}");
        self.client.request(method, url).bearer_auth(self.token.expose_secret())
    }

    /// Sends a request, again where the service asked to wait.
    async fn send(&self, request: impl Fn() -> RequestBuilder) -> Result<Answer, String> {
        let mut waits = 0;
        loop {
            let response = request().send().await.map_err(|error| self.unreachable(&error))?;
            if response.status() != StatusCode::TOO_MANY_REQUESTS || waits == WAITS {
                return self.answer(response).await;
            }
            waits += 1;
            let seconds = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(1_u64);
            tokio::time::sleep(Duration::from_secs(seconds.clamp(1, LONGEST_WAIT))).await;
        }
    }

    async fn answer(&self, mut response: Response) -> Result<Answer, String> {
        let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
        let version = tag.and_then(|tag| tag.trim_matches('"').parse().ok());
        let (status, mut body) = (response.status(), Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER {
                return Err(format!("{} answers more than a service of this kind does", self.base));
            }
        }
        Ok(Answer { status, version, body })
    }

    fn unreachable(&self, error: &reqwest::Error) -> String {
        let why = if error.is_timeout() {
            format!("gave no answer within {} seconds", PATIENCE.as_secs())
        } else {
            "cannot be reached".to_owned()
        };
        format!("{} {why}: is the service running there? Say where with --url or SIXTY_URL", self.base)
    }

    /// What to do about an answer that is about no skill.
    fn complaint(&self, answer: &Answer) -> String {
        let (problem, base) = (answer.problem(), &self.base);
        let detail = if problem.detail.is_empty() { String::new() } else { format!(" ({})", problem.detail) };
        match answer.status.as_u16() {
            401 => format!(
                "{base} does not accept the token{detail}: give another one with --token or SIXTY_TOKEN; `sixty token` \
                 prints one"
            ),
            403 if self.platform => format!(
                "the token may not write the platform's skills{detail}: it has to be a platform administrator's"
            ),
            403 => format!(
                "the token may not write the organization's skills{detail}: it has to be an owner's or an administrator's"
            ),
            404 => {
                format!("{base} has no skills{detail}: the address may be wrong, or the token's organization")
            }
            429 => format!("{base} takes no more requests{detail}: push again later, what is there stays"),
            300..=399 => format!("{base} sends elsewhere: give the address itself with --url or SIXTY_URL"),
            status => {
                let id = &problem.request_id;
                let id = if id.is_empty() { String::new() } else { format!(", request {id}") };
                format!(
                    "{base} answered {status}{detail}{id}: see its log, and push again; what is there stays"
                )
            }
        }
    }
}

fn refusal(problem: Problem) -> Vec<(String, String)> {
    if problem.errors.is_empty() {
        return vec![(String::new(), problem.detail)];
    }
    problem.errors.into_iter().map(|it| (it.field, it.error)).collect()
}
