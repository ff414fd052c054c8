//! Messages: posted, whispered, updated, streamed.

use serde_json::{Value, json};

use super::{
    blocks,
    methods::{Outcome, required},
    world::{Message, Stream, World, ts},
};

/// Longest text of a call, and of a whole streamed message.
const MARKDOWN: usize = 12_000;

/// The channel, if the app may write there.
fn writable(world: &mut World, team: &str, method: &str, args: &Value) -> Result<String, String> {
    let id = required(world, method, args, "channel")?.to_owned();
    match world.channels.get(&id) {
        Some(channel) if channel.team != team => Err("channel_not_found".into()),
        Some(channel) if !channel.joined => Err("not_in_channel".into()),
        Some(_) => Ok(id),
        None => Err("channel_not_found".into()),
    }
}

/// The same for a post, which may name a person instead: their direct messages.
fn addressed(world: &mut World, team: &str, args: &Value) -> Result<String, String> {
    let person =
        args["channel"].as_str().filter(|id| world.users.get(*id).is_some_and(|user| user.team == team));
    match person {
        Some(person) => Ok(world.dm(person)),
        None => writable(world, team, "chat.postMessage", args),
    }
}

/// Checks text and blocks as Slack does, and what our app promises besides.
fn content(world: &mut World, method: &str, args: &Value) -> Result<(), String> {
    if let Err(why) = blocks::content(args) {
        world.problem(format!("{method}: {why}"));
        return Err("invalid_blocks".into());
    }
    world.named.extend(blocks::named(args));
    if method == "chat.postMessage" && (args["unfurl_links"] != false || args["unfurl_media"] != false) {
        world.problem(format!("{method} lets Slack unfurl links"));
    }
    if args.get("link_names").is_some() || args.get("parse").is_some() {
        world.problem(format!("{method} lets Slack look for names in texts"));
    }
    Ok(())
}

/// The thread of a message, which must be there.
fn thread(world: &mut World, channel: &str, args: &Value) -> Result<Option<String>, String> {
    let Some(ts) = args["thread_ts"].as_str() else { return Ok(None) };
    match world.message(channel, ts) {
        Some(message) if message.thread.as_deref().is_some_and(|root| root != ts) => {
            world.problem(format!("{ts} is the ts of a reply, and no thread's"));
            Err("invalid_thread_ts".into())
        }
        Some(_) => Ok(Some(ts.to_owned())),
        None => {
            world.problem(format!("there is no message {ts} in {channel} to answer"));
            Err("thread_not_found".into())
        }
    }
}

fn add(world: &World, team: &str, channel: &str, args: &Value) -> Message {
    let ts = ts();
    let bot = world.workspaces[team].bot.clone();
    let mut message = Message::new(channel, &ts, &bot, args["text"].as_str().unwrap_or_default());
    message.blocks = args["blocks"].as_array().cloned().unwrap_or_default();
    message.metadata = args.get("metadata").cloned();
    message
}

pub fn post(world: &mut World, team: &str, args: &Value) -> Outcome {
    let channel = addressed(world, team, args)?;
    content(world, "chat.postMessage", args)?;
    let thread = thread(world, &channel, args)?;
    let message = Message { thread, ..add(world, team, &channel, args) };
    let said =
        json!({"channel": channel, "ts": message.ts, "message": {"ts": message.ts, "text": message.text}});
    world.messages.push(message);
    Ok(said)
}

pub fn whisper(world: &mut World, team: &str, args: &Value) -> Outcome {
    let channel = writable(world, team, "chat.postEphemeral", args)?;
    let user = required(world, "chat.postEphemeral", args, "user")?.to_owned();
    if !world.users.contains_key(&user) {
        return Err("user_not_in_channel".into());
    }
    content(world, "chat.postEphemeral", args)?;
    let thread = thread(world, &channel, args)?;
    let message = Message { thread, only_for: Some(user), ..add(world, team, &channel, args) };
    let said = json!({"message_ts": message.ts});
    world.messages.push(message);
    Ok(said)
}

/// The app's own message of the call, which people can see.
fn own<'a>(world: &'a mut World, team: &str, method: &str, args: &Value) -> Result<&'a mut Message, String> {
    let channel = writable(world, team, method, args)?;
    let ts = required(world, method, args, "ts")?.to_owned();
    let bot = world.workspaces[team].bot.clone();
    match world.message(&channel, &ts) {
        Some(message) if message.only_for.is_some() => Err("message_not_found".into()),
        Some(message) if message.author != bot => Err("cant_update_message".into()),
        Some(message) => Ok(message),
        None => Err("message_not_found".into()),
    }
}

pub fn update(world: &mut World, team: &str, args: &Value) -> Outcome {
    content(world, "chat.update", args)?;
    let message = own(world, team, "chat.update", args)?;
    if message.stream == Some(Stream::Open) {
        return Err("streaming_state_conflict".into());
    }
    args["text"].as_str().unwrap_or_default().clone_into(&mut message.text);
    message.blocks = args["blocks"].as_array().cloned().unwrap_or_default();
    message.streamed.clear();
    message.edits += 1;
    if let Some(metadata) = args.get("metadata") {
        message.metadata = Some(metadata.clone());
    }
    Ok(json!({"channel": message.channel, "ts": message.ts, "text": message.text}))
}

/// The Markdown of a call of a stream.
fn markdown(world: &mut World, method: &str, args: &Value) -> Result<String, String> {
    let text = args["markdown_text"].as_str().unwrap_or_default();
    if blocks::length(text) > MARKDOWN {
        world.problem(format!("{method}: {} characters", blocks::length(text)));
        return Err("msg_too_long".into());
    }
    Ok(text.to_owned())
}

pub fn start_stream(world: &mut World, team: &str, args: &Value) -> Outcome {
    let method = "chat.startStream";
    let channel = writable(world, team, method, args)?;
    required(world, method, args, "thread_ts")?;
    let thread = thread(world, &channel, args)?;
    if world.channels[&channel].dm.is_none() {
        for (name, error) in [
            ("recipient_user_id", "missing_recipient_user_id"),
            ("recipient_team_id", "missing_recipient_team_id"),
        ] {
            required(world, method, args, name).map_err(|_| error.to_owned())?;
        }
    }
    let streamed = markdown(world, method, args)?;
    watch(world, &streamed);
    let message =
        Message { thread, stream: Some(Stream::Open), streamed, ..add(world, team, &channel, args) };
    let said = json!({"channel": channel, "ts": message.ts});
    world.messages.push(message);
    Ok(said)
}

pub fn append_stream(world: &mut World, team: &str, args: &Value) -> Outcome {
    let text = markdown(world, "chat.appendStream", args)?;
    if text.is_empty() {
        world.problem("chat.appendStream appends nothing");
        return Err("no_text".into());
    }
    let message = grow(world, team, ("chat.appendStream", args), &text)?;
    Ok(json!({"channel": message.channel, "ts": message.ts}))
}

pub fn stop_stream(world: &mut World, team: &str, args: &Value) -> Outcome {
    let text = markdown(world, "chat.stopStream", args)?;
    if args.get("blocks").is_some() {
        content(world, "chat.stopStream", args)?;
    }
    let message = grow(world, team, ("chat.stopStream", args), &text)?;
    message.stream = Some(Stream::Stopped);
    message.blocks = args["blocks"].as_array().cloned().unwrap_or_default();
    if let Some(metadata) = args.get("metadata") {
        message.metadata = Some(metadata.clone());
    }
    Ok(json!({"channel": message.channel, "ts": message.ts}))
}

/// A stream goes on, if it is open.
fn grow<'a>(
    world: &'a mut World,
    team: &str,
    (method, args): (&str, &Value),
    text: &str,
) -> Result<&'a mut Message, String> {
    let message = own(world, team, method, args)?;
    if message.stream != Some(Stream::Open) {
        return Err("message_not_in_streaming_state".into());
    }
    if blocks::length(&message.streamed) + blocks::length(text) > MARKDOWN {
        return Err("msg_too_long".into());
    }
    message.streamed.push_str(text);
    let (channel, ts, whole) = (message.channel.clone(), message.ts.clone(), message.streamed.clone());
    watch(world, &whole);
    world.message(&channel, &ts).ok_or_else(|| "message_not_found".into())
}

/// Looks for mentions in all that a stream has brought: one may come in several pieces.
fn watch(world: &mut World, streamed: &str) {
    if let Some(mention) = blocks::mention(streamed) {
        world.problem(format!("a stream mentions somebody: {mention}"));
    }
    world.named.extend(blocks::people(streamed).map(str::to_owned));
}
