//! Which method does what.

use serde_json::{Value, json};

use super::{
    CLIENT_ID, CLIENT_SECRET, chat, lookups, scopes,
    world::{World, number},
};

/// An answer, or Slack's word for why not.
pub type Outcome = Result<Value, String>;

pub fn perform(world: &mut World, method: &str, team: &str, args: &Value) -> Outcome {
    let channel = args["channel"].as_str().unwrap_or_default();
    let direct = world.channels.get(channel).is_some_and(|channel| channel.dm.is_some());
    if let Some(scope) = scopes::needed(method, direct)
        && !scopes::granted(world.workspace(team).scopes.as_deref(), scope)
    {
        world.problem(format!("{method} needs the scope {scope}, for which nobody asked"));
        return Err("missing_scope".into());
    }
    match method {
        "auth.test" => Ok(lookups::auth_test(world, team)),
        "chat.postMessage" => chat::post(world, team, args),
        "chat.postEphemeral" => chat::whisper(world, team, args),
        "chat.update" => chat::update(world, team, args),
        "chat.startStream" => chat::start_stream(world, team, args),
        "chat.appendStream" => chat::append_stream(world, team, args),
        "chat.stopStream" => chat::stop_stream(world, team, args),
        "conversations.replies" => lookups::replies(world, team, args),
        "users.info" => lookups::user(world, team, args),
        "views.open" => lookups::open_view(world, args),
        "auth.revoke" => {
            world.workspace(team).revoked = true;
            Ok(json!({}))
        }
        _ => {
            world.problem(format!("{method} is no method that the app should need"));
            Err("unknown_method".into())
        }
    }
}

/// A text argument that must be there.
pub fn required<'a>(world: &mut World, method: &str, args: &'a Value, name: &str) -> Result<&'a str, String> {
    let given = args[name].as_str().filter(|text| !text.is_empty());
    if given.is_none() {
        world.problem(format!("{method} lacks {name}"));
    }
    given.ok_or_else(|| "invalid_arguments".into())
}

/// `oauth.v2.access`: a code becomes a token, once.
pub fn install(world: &mut World, args: &Value) -> Outcome {
    if args["client_id"] != CLIENT_ID {
        return Err("invalid_client_id".into());
    }
    if args["client_secret"] != CLIENT_SECRET {
        return Err("bad_client_secret".into());
    }
    let code = args["code"].as_str().unwrap_or_default();
    let Some((team, redirect_uri, scopes)) = world.codes.get(code).cloned() else {
        return Err("invalid_code".into());
    };
    if args["redirect_uri"] != redirect_uri.as_str() {
        return Err("bad_redirect_uri".into());
    }
    world.codes.remove(code);
    let token = format!("xoxb-{team}-{}", number());
    let workspace = world.workspace(&team);
    // The bot's token of a workspace stays the same until it is revoked.
    if std::mem::take(&mut workspace.revoked) {
        workspace.token = token;
    }
    workspace.scopes.clone_from(&scopes);
    let enterprise = workspace.enterprise.as_ref().map(|id| json!({"id": id, "name": "An enterprise"}));
    let named = (!workspace.whole).then(|| json!({"id": team, "name": "A workspace"}));
    Ok(json!({
        "access_token": workspace.token,
        "token_type": "bot",
        "scope": scopes.unwrap_or_default(),
        "bot_user_id": workspace.bot,
        "app_id": "A1",
        "team": named,
        "enterprise": enterprise,
        "authed_user": {"id": "UADMIN"},
        "is_enterprise_install": workspace.whole,
    }))
}
