//! People, channels, what was said, and views.

use serde_json::{Value, json};

use super::{
    blocks,
    methods::{Outcome, required},
    scopes,
    world::{Message, World, number},
};

/// Messages of a page: whatever is asked for, Slack gives fewer.
const PAGE: usize = 2;

pub fn auth_test(world: &World, team: &str) -> Value {
    let workspace = &world.workspaces[team];
    let mut said =
        json!({"team_id": team, "user_id": workspace.bot, "bot_id": "B1", "url": "https://x.slack.com/"});
    if let Some(enterprise) = &workspace.enterprise {
        said["enterprise_id"] = enterprise.as_str().into();
    }
    said
}

pub fn user(world: &mut World, team: &str, args: &Value) -> Outcome {
    let id = required(world, "users.info", args, "user")?;
    let mails = scopes::granted(world.workspaces[team].scopes.as_deref(), "users:read.email");
    let Some(user) = world.users.get(id).filter(|user| user.team == team || user.outsider) else {
        return Err("user_not_found".into());
    };
    let mut profile = json!({"real_name": user.name});
    if let Some(email) = user.email.as_ref().filter(|_| mails) {
        profile["email"] = email.as_str().into();
    }
    let mut said = json!({"id": id, "team_id": user.team, "name": user.name, "is_bot": false,
        "is_email_confirmed": user.email.is_some(), "profile": profile});
    if let Some(zone) = &user.zone {
        said["tz"] = zone.as_str().into();
    }
    Ok(json!({"user": said}))
}

/// The messages of a thread, in pages.
pub fn replies(world: &mut World, team: &str, args: &Value) -> Outcome {
    let method = "conversations.replies";
    let id = required(world, method, args, "channel")?.to_owned();
    if world.channels.get(&id).is_none_or(|channel| channel.team != team) {
        return Err("channel_not_found".into());
    }
    let thread = required(world, method, args, "ts")?.to_owned();
    if world.message(&id, &thread).is_none() {
        return Err("thread_not_found".into());
    }
    let number = |name: &str| args[name].as_str().and_then(|text| text.parse::<usize>().ok());
    let (from, most) = (number("cursor").unwrap_or(0), number("limit").unwrap_or(100).min(PAGE));
    let whole = args["include_all_metadata"] == true || args["include_all_metadata"] == "true";
    let wanted = |message: &&Message| {
        let here = message.channel == id && message.only_for.is_none();
        here && (message.ts == thread || message.thread.as_ref() == Some(&thread))
    };
    let all: Vec<&Message> = world.messages.iter().filter(wanted).collect();
    let page = all.iter().skip(from).take(most);
    let found: Vec<Value> = page.map(|message| as_json(world, message, whole)).collect();
    let more = from + found.len() < all.len();
    let next = if more { (from + found.len()).to_string() } else { String::new() };
    Ok(json!({"messages": found, "has_more": more, "response_metadata": {"next_cursor": next}}))
}

fn as_json(world: &World, message: &Message, metadata: bool) -> Value {
    let mut said = json!({"type": "message", "ts": message.ts, "user": message.author, "text": message.text});
    if world.workspaces.values().any(|workspace| workspace.bot == message.author) {
        said["bot_id"] = "B1".into();
    }
    if let Some(thread) = &message.thread {
        said["thread_ts"] = thread.as_str().into();
    }
    if let Some(given) = message.metadata.as_ref().filter(|_| metadata) {
        said["metadata"] = given.clone();
    }
    said
}

pub fn open_view(world: &mut World, args: &Value) -> Outcome {
    let trigger = required(world, "views.open", args, "trigger_id")?.to_owned();
    match world.triggers.get_mut(&trigger) {
        None => return Err("invalid_trigger_id".into()),
        Some(used) if *used => return Err("exchanged_trigger_id".into()),
        Some(used) => *used = true,
    }
    if let Err(why) = blocks::view(&args["view"]) {
        world.problem(format!("views.open: {why}"));
        return Err("invalid_arguments".into());
    }
    let id = format!("V{}", number());
    let mut view = args["view"].clone();
    view["id"] = id.as_str().into();
    world.views.push(view.clone());
    Ok(json!({"view": view}))
}
