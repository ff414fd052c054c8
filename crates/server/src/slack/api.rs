//! Calls of Slack's Web API. What comes of a call is one of three: done, not done, or nobody knows.

use std::time::Duration;

use domain::{Error, Result};
use reqwest::{RequestBuilder, Response, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::{Url, form_urlencoded};

/// Longest time of a call.
const CALL_TIME: Duration = Duration::from_secs(10);
const CONNECT_TIME: Duration = Duration::from_secs(3);
/// How long we wait where Slack says to wait and not how long, and the longest that we believe.
const USUAL_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 1 << 20;

/// Why a call brought nothing.
#[derive(Debug, PartialEq)]
pub enum Miss {
    /// Not done: Slack has refused it, with this word.
    Refused(String),
    /// Not done: come again after this time.
    Later(Duration),
    /// It may have been done.
    Unknown(String),
}

pub type Called<T = Value> = std::result::Result<T, Miss>;

/// The client of all workspaces. It follows no redirect and uses no proxy.
pub struct Api {
    http: reqwest::Client,
    base: Url,
    response_hosts: Vec<String>,
}

impl Api {
    pub fn new(base: Url, response_hosts: Vec<String>) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(CALL_TIME)
            .connect_timeout(CONNECT_TIME)
            .build()
            .map_err(Error::internal)?;
        Ok(Self { http, base, response_hosts })
    }

    fn address(&self, method: &str) -> String {
        format!("{}/{method}", self.base.as_str().trim_end_matches('/'))
    }

    /// Calls a method with a workspace's token.
    pub async fn call(&self, token: &SecretString, method: &str, arguments: &Value) -> Called {
        let request = self.http.post(self.address(method)).bearer_auth(token.expose_secret());
        let request = request.header(header::CONTENT_TYPE, "application/json; charset=utf-8");
        read(request.body(arguments.to_string()).send().await).await
    }

    /// The same of a method that takes no JSON.
    pub async fn ask(&self, token: &SecretString, method: &str, arguments: &[(&str, &str)]) -> Called {
        let request = self.http.post(self.address(method)).bearer_auth(token.expose_secret());
        read(form(request, arguments).send().await).await
    }

    /// Calls a method without a token.
    pub async fn form(&self, method: &str, arguments: &[(&str, &str)]) -> Called {
        read(form(self.http.post(self.address(method)), arguments).send().await).await
    }

    /// Posts an answer to a slash command or a click.
    pub async fn respond(&self, response_url: &str, message: &Value) -> Called<()> {
        if !self.is_response_url(response_url) {
            return Err(Miss::Refused("no_such_host".into()));
        }
        let response =
            self.http.post(response_url).json(message).send().await.map_err(|error| unsent(&error))?;
        let status = response.status();
        match status {
            StatusCode::OK => Ok(()),
            StatusCode::TOO_MANY_REQUESTS => Err(Miss::Later(wait(&response))),
            status if status.is_client_error() => Err(Miss::Refused(status.as_u16().to_string())),
            status => Err(Miss::Unknown(status.to_string())),
        }
    }

    /// Whether an answer may be sent there: a signed request named it, and yet it must be Slack's.
    pub fn is_response_url(&self, text: &str) -> bool {
        let Ok(url) = Url::parse(text) else { return false };
        let Some(host) = url.host_str() else { return false };
        let named = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let known = self.response_hosts.iter().any(|known| *known == named || *known == host);
        let loopback = ["127.0.0.1", "localhost", "[::1]"].contains(&host);
        known
            && url.username().is_empty()
            && (url.scheme() == "https" || (url.scheme() == "http" && loopback))
    }

    /// The page on which an administrator lets the app into a workspace.
    pub fn authorize_url(&self) -> Url {
        let mut url = self.base.clone();
        let path = url.path().trim_end_matches('/');
        let path = format!("{}/oauth/v2/authorize", path.strip_suffix("/api").unwrap_or(path));
        url.set_path(&path);
        url
    }
}

/// The request with a form as its body.
fn form(request: RequestBuilder, arguments: &[(&str, &str)]) -> RequestBuilder {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(arguments);
    request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish())
}

/// A request that brought no answer. Only what was never connected was surely not done.
fn unsent(error: &reqwest::Error) -> Miss {
    if error.is_connect() { Miss::Later(USUAL_WAIT) } else { broken(error) }
}

/// Not in the error's own words: a response URL is a capability, and no log gets one.
fn broken(error: &reqwest::Error) -> Miss {
    Miss::Unknown(if error.is_timeout() { "no answer in time".into() } else { "the connection broke".into() })
}

fn wait(response: &Response) -> Duration {
    let seconds =
        response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(USUAL_WAIT, Duration::from_secs).clamp(Duration::from_secs(1), LONGEST_WAIT)
}

async fn read(sent: reqwest::Result<Response>) -> Called {
    let mut response = sent.map_err(|error| unsent(&error))?;
    let status = response.status();
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Miss::Later(wait(&response)));
    }
    if !status.is_success() {
        let unknown = status.is_server_error();
        let text = status.as_u16().to_string();
        return Err(if unknown { Miss::Unknown(text) } else { Miss::Refused(text) });
    }
    let hint = wait(&response);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER {
            return Err(Miss::Unknown("the answer was too long".into()));
        }
    }
    let answer: Value =
        serde_json::from_slice(&body).map_err(|_| Miss::Unknown("the answer was no JSON".into()))?;
    if answer["ok"] == true {
        return Ok(answer);
    }
    match answer["error"].as_str().unwrap_or("unknown_error") {
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => Err(Miss::Later(hint)),
        "internal_error" | "fatal_error" | "request_timeout" | "service_unavailable" => {
            Err(Miss::Unknown("Slack has failed".into()))
        }
        refusal => Err(Miss::Refused(refusal.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(base: &str) -> Api {
        Api::new(base.parse().expect("a URL"), vec!["hooks.slack.com".into(), "127.0.0.1:9".into()])
            .expect("a client")
    }

    #[test]
    fn answers_go_to_slack_and_nowhere_else() {
        let api = api("https://slack.com/api");
        for good in ["https://hooks.slack.com/commands/T1/2/x", "http://127.0.0.1:9/x"] {
            assert!(api.is_response_url(good), "{good}");
        }
        for bad in [
            "http://hooks.slack.com/x",
            "https://hooks.slack.com.example.com/x",
            "https://example.com/hooks.slack.com",
            "https://hooks.slack.com@example.com/x",
            "https://someone@hooks.slack.com/x",
            "http://127.0.0.1:10/x",
            "file:///etc/passwd",
            "",
        ] {
            assert!(!api.is_response_url(bad), "{bad}");
        }
    }

    #[test]
    fn the_page_of_installation_is_beside_the_api() {
        assert_eq!(
            api("https://slack.com/api").authorize_url().as_str(),
            "https://slack.com/oauth/v2/authorize"
        );
        let here = api("http://127.0.0.1:9/api/");
        assert_eq!(here.authorize_url().as_str(), "http://127.0.0.1:9/oauth/v2/authorize");
        assert_eq!(here.address("chat.update"), "http://127.0.0.1:9/api/chat.update");
        assert_eq!(
            api("http://127.0.0.1:9").authorize_url().as_str(),
            "http://127.0.0.1:9/oauth/v2/authorize"
        );
    }
}
