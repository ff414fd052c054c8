//! What we say by ourselves, mostly to one person alone.

use super::{
    blocks::{Style, actions, button, context, link, section},
    click,
    message::Message,
    text::escape,
};
use crate::slack::command::{COMMANDS, Usage};

/// Longest text of others in a hint.
const TEXT: usize = 1_500;

/// Any words, to be read as they are.
pub fn notice(text: &str) -> Message {
    Message::new(text, vec![section(&escape(text, TEXT * 2))])
}

/// To a person whom we do not know yet. The link is theirs alone.
pub fn unlinked_person(url: &str) -> Message {
    let text = "I do not know yet who you are in your company's workspace of Sixty. Link your Slack account once, \
        then ask again. The link works once, and only for you.";
    let mut blocks = vec![section(text)];
    let button = link("Link my account", click::PAGE, url);
    // An address that no button takes is written out.
    let shown = button.is_some();
    blocks.extend(actions("sixty_link", button.into_iter().collect()));
    if !shown {
        blocks.push(section(&escape(url, TEXT * 2)));
    }
    Message::new(text, blocks)
}

/// To a person in a workspace that belongs to no organization.
pub fn unlinked_workspace(install_url: Option<&str>) -> Message {
    let text = "This Slack workspace is not connected to an organization of Sixty. An owner or administrator can \
        connect it: in Sixty's settings under Slack, or with POST /v1/admin/slack/installs, which answers a link.";
    let mut blocks = vec![section(text)];
    let button = install_url.and_then(|url| link("Connect this workspace", click::PAGE, url));
    blocks.extend(actions("sixty_install", button.into_iter().collect()));
    Message::new(text, blocks)
}

/// What the slash command can do. `command` is what was typed: `/sixty` or `/60`.
pub fn help(command: &str) -> Message {
    let command = escape(command, 50);
    let lines: Vec<String> =
        COMMANDS.iter().map(|usage| format!("`{command} {}` – {}", usage.form, usage.does)).collect();
    let blocks = vec![
        section(&format!("*Ask me anything:* `{command} which deals close this month?`")),
        section(&lines.join("\n")),
        context("Or mention me in a channel, or write me a direct message."),
    ];
    Message::new(&format!("{command} and a question, or: {}", names()), blocks)
}

fn names() -> String {
    COMMANDS.iter().map(|usage| usage.form).collect::<Vec<_>>().join(", ")
}

/// A command that lacks what it is about.
pub fn usage(command: &str, usage: Usage) -> Message {
    let command = escape(command, 50);
    let example = format!("`{command} {}`", usage.example);
    Message::words(&format!("`{command} {}` – {} For example: {example}.", usage.form, usage.does))
}

/// A text that looks like a command with a slip. It is read as neither before the person says so.
pub fn did_you_mean(command: &str, suggestion: &str, text: &str) -> Message {
    let (command, meant) = (escape(command, 50), escape(suggestion, TEXT));
    let buttons = [
        button("Yes", click::RUN, suggestion, Style::Primary),
        button("No, ask it as it is", click::ASK, text, Style::Default),
    ];
    let mut blocks = vec![section(&format!("Did you mean `{command} {meant}`?"))];
    blocks.extend(actions("sixty_meant", buttons.into_iter().flatten().collect()));
    Message::new(&format!("Did you mean {command} {suggestion}?"), blocks)
}
