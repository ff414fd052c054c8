//! The stand-in on HTTP: what every call must be, and the faults.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use futures_util::stream;
use reqwest::Url;
use serde_json::{Map, Value, json};

use super::{
    CLIENT_ID, blocks, methods,
    world::{Call, Fault, World},
};

type Shared = Arc<Mutex<World>>;

pub fn router(world: Shared) -> Router {
    Router::new()
        .route("/api/{method}", any(call))
        .route("/respond/{id}", post(respond))
        .route("/oauth/v2/authorize", get(authorize))
        .with_state(world)
}

fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fields of a form. What is JSON in it (blocks, metadata, views) is read.
pub fn form(text: &str) -> Map<String, Value> {
    let url = Url::parse(&format!("http://form.example/?{text}")).expect("an address");
    let read = |value: &str| {
        let structured = value.starts_with(['{', '[']);
        structured.then(|| serde_json::from_str(value).ok()).flatten().unwrap_or_else(|| value.into())
    };
    url.query_pairs().map(|(name, value)| (name.into_owned(), read(&value))).collect()
}

async fn call(
    State(world): State<Shared>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut world = lock(&world);
    let (token, args) = match arguments(&headers, query.as_deref(), &body) {
        Ok(read) => read,
        Err(why) => {
            world.problem(format!("{method}: {why}"));
            return answer(&json!({"ok": false, "error": "invalid_post_type"}));
        }
    };
    let team = team_of(&world, &token);
    let key = limited_by(&method, team.as_deref().unwrap_or_default(), &args);
    world.patient(&key);
    let fault = world.fault(&method);
    let mut call = Call { method, team: team.clone().ok(), args, error: None, at: Instant::now() };
    if let Some(answer) = fault.as_ref().and_then(before) {
        call.error = Some(format!("{fault:?}"));
        world.calls.push(call);
        if let Some(Fault::RateLimited(seconds)) = fault {
            world.limit(key, seconds);
        }
        return answer;
    }
    let outcome = match &team {
        _ if call.method == "oauth.v2.access" => methods::install(&mut world, &call.args),
        Ok(team) => methods::perform(&mut world, &call.method, team, &call.args),
        Err(why) => Err((*why).to_owned()),
    };
    let error = outcome.as_ref().err().cloned();
    call.error.clone_from(&error);
    world.calls.push(call);
    if fault == Some(Fault::DroppedAfter) {
        return broken();
    }
    let mut said = outcome.unwrap_or_else(|_| json!({}));
    said["ok"] = error.is_none().into();
    if let Some(error) = error {
        said["error"] = error.into();
    }
    answer(&said)
}

/// What Slack counts calls by: the workspace and the method, and of posts the channel.
fn limited_by(method: &str, team: &str, args: &Value) -> (String, String, String) {
    let channel = args["channel"].as_str().filter(|_| method == "chat.postMessage").unwrap_or_default();
    (team.to_owned(), method.to_owned(), channel.to_owned())
}

/// The answer of a fault that comes before anything happens.
fn before(fault: &Fault) -> Option<Response> {
    Some(match fault {
        Fault::RateLimited(seconds) => {
            let head = [(header::RETRY_AFTER, seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, head, r#"{"ok":false,"error":"ratelimited"}"#).into_response()
        }
        Fault::Status(status) => {
            let status = StatusCode::from_u16(*status).expect("a status");
            (status, [(header::CONTENT_TYPE, "text/html")], "<html>Something is wrong</html>").into_response()
        }
        Fault::Error(error) => answer(&json!({"ok": false, "error": error})),
        Fault::DroppedBefore => broken(),
        Fault::DroppedAfter => return None,
    })
}

/// An answer whose body never comes: the client hears that the connection is gone.
fn broken() -> Response {
    let gone = io::Error::new(io::ErrorKind::ConnectionReset, "the connection breaks");
    Body::from_stream(stream::iter([Err::<Bytes, _>(gone)])).into_response()
}

fn answer(said: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], said.to_string()).into_response()
}

/// Token and arguments, or how the request is not one that Slack reads.
fn arguments(headers: &HeaderMap, query: Option<&str>, body: &[u8]) -> Result<(String, Value), String> {
    let word = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let text = std::str::from_utf8(body).map_err(|_| "the body is no UTF-8".to_owned())?;
    let kind = word(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_owned();
    let mut args = form(query.unwrap_or_default());
    match kind.as_str() {
        "application/json" => match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => args.extend(fields),
            _ => return Err("the body is no JSON object".into()),
        },
        "application/x-www-form-urlencoded" => args.extend(form(text)),
        _ if text.is_empty() => {}
        other => return Err(format!("Slack does not read the content type {other:?}")),
    }
    let bearer = word(header::AUTHORIZATION).strip_prefix("Bearer ").map(str::to_owned);
    let inside = args.remove("token").and_then(|token| token.as_str().map(str::to_owned));
    Ok((bearer.or(inside).unwrap_or_default(), Value::Object(args)))
}

fn team_of(world: &World, token: &str) -> Result<String, &'static str> {
    if token.is_empty() {
        return Err("not_authed");
    }
    let found = world.workspaces.iter().find(|(_, workspace)| workspace.token == token);
    let (team, workspace) = found.ok_or("invalid_auth")?;
    if workspace.revoked { Err("token_revoked") } else { Ok(team.clone()) }
}

/// The page on which an administrator lets the app into the workspace that they choose.
async fn authorize(State(world): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let mut world = lock(&world);
    let asked = form(query.as_deref().unwrap_or_default());
    let field = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
    let (back, team, scopes) = (field("redirect_uri"), field("team"), field("scope"));
    let good = field("client_id") == CLIENT_ID && !scopes.is_empty() && !field("state").is_empty();
    let Some(mut there) = Url::parse(back).ok().filter(|_| good && world.workspaces.contains_key(team))
    else {
        world.problem(format!("an installation was asked for with {asked:?}"));
        return StatusCode::BAD_REQUEST.into_response();
    };
    let code = world.grant(team, back, Some(scopes));
    there.query_pairs_mut().append_pair("code", &code).append_pair("state", field("state"));
    (StatusCode::FOUND, [(header::LOCATION, there.to_string())]).into_response()
}

async fn respond(State(world): State<Shared>, Path(id): Path<String>, body: Bytes) -> Response {
    let mut world = lock(&world);
    let key = (id.clone(), "respond".to_owned(), String::new());
    world.patient(&key);
    let fault = world.fault("respond");
    let Ok(post) = serde_json::from_slice::<Value>(&body) else {
        world.problem("a response address was sent no JSON");
        return (StatusCode::BAD_REQUEST, "invalid_payload").into_response();
    };
    let error = fault.as_ref().map(|fault| format!("{fault:?}"));
    let call = Call { method: "respond".into(), team: None, args: post.clone(), error, at: Instant::now() };
    world.calls.push(call);
    if let Some(answer) = fault.as_ref().and_then(before) {
        if let Some(Fault::RateLimited(seconds)) = fault {
            world.limit(key, seconds);
        }
        return answer;
    }
    if let Err(why) = blocks::content(&post) {
        world.problem(format!("a response address was sent {why}"));
        return (StatusCode::BAD_REQUEST, "invalid_blocks").into_response();
    }
    world.named.extend(blocks::named(&post));
    let refused = world.respond(&id, &post);
    if fault == Some(Fault::DroppedAfter) {
        return broken();
    }
    match refused {
        Ok(()) => "ok".into_response(),
        Err(why) => (StatusCode::NOT_FOUND, why).into_response(),
    }
}
