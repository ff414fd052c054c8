//! People, channels, what was said, and views.

use serde_json::{Value, json};

use super::{
    blocks,
    methods::{Outcome, required},
    world::{Message, World},
};

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
    let Some(user) = world.users.get(id).filter(|user| user.team == team) else {
        return Err("user_not_found".into());
    };
    let mut profile = json!({"real_name": user.name});
    if let Some(email) = &user.email {
        profile["email"] = email.as_str().into();
    }
    let user = json!({"id": id, "team_id": team, "name": user.name, "is_bot": false, "profile": profile});
    Ok(json!({"user": user}))
}

pub fn open(world: &mut World, team: &str, args: &Value) -> Outcome {
    let user = required(world, "conversations.open", args, "users")?.to_owned();
    match world.users.get(&user) {
        Some(found) if found.team == team => Ok(json!({"channel": {"id": world.dm(&user)}})),
        _ => Err("user_not_found".into()),
    }
}

pub fn channel(world: &mut World, team: &str, args: &Value) -> Outcome {
    let id = required(world, "conversations.info", args, "channel")?;
    let Some(channel) = world.channels.get(id).filter(|channel| channel.team == team) else {
        return Err("channel_not_found".into());
    };
    let is_im = channel.dm.is_some();
    Ok(json!({"channel": {"id": id, "name": channel.name, "is_im": is_im, "is_member": channel.joined}}))
}

/// The messages of a thread, or those of a channel outside of threads.
pub fn messages(world: &mut World, team: &str, args: &Value, of_thread: bool) -> Outcome {
    let method = if of_thread { "conversations.replies" } else { "conversations.history" };
    let id = required(world, method, args, "channel")?.to_owned();
    if world.channels.get(&id).is_none_or(|channel| channel.team != team) {
        return Err("channel_not_found".into());
    }
    let thread = if of_thread { Some(required(world, method, args, "ts")?.to_owned()) } else { None };
    if thread.as_ref().is_some_and(|ts| world.message(&id, ts).is_none()) {
        return Err("thread_not_found".into());
    }
    let whole = args["include_all_metadata"] == true || args["include_all_metadata"] == "true";
    let oldest = args["oldest"].as_str().unwrap_or_default().to_owned();
    let wanted = |message: &&Message| {
        let here = message.channel == id && message.only_for.is_none() && message.ts > oldest;
        let in_thread =
            thread.as_ref().is_some_and(|ts| &message.ts == ts || message.thread.as_ref() == Some(ts));
        here && if of_thread { in_thread } else { message.thread.is_none() }
    };
    let found: Vec<Value> =
        world.messages.iter().filter(wanted).map(|message| as_json(world, message, whole)).collect();
    Ok(json!({"messages": found, "has_more": false, "response_metadata": {"next_cursor": ""}}))
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
    let id = format!("V{}", world.next());
    let mut view = args["view"].clone();
    view["id"] = id.as_str().into();
    world.views.push(view.clone());
    Ok(json!({"view": view}))
}
