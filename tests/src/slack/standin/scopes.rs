//! What an app may do is what it has asked for when it was installed.

/// The scope that a method needs in a channel of this kind; none: every token may.
pub fn needed(method: &str, direct: bool) -> Option<&'static str> {
    match method {
        "chat.postMessage" | "chat.postEphemeral" | "chat.update" | "chat.startStream"
        | "chat.appendStream" | "chat.stopStream" => Some("chat:write"),
        "conversations.replies" if direct => Some("im:history"),
        "conversations.replies" => Some("channels:history"),
        "users.info" => Some("users:read"),
        _ => None,
    }
}

pub fn granted(scopes: Option<&str>, needed: &str) -> bool {
    scopes.is_none_or(|scopes| scopes.split(',').any(|scope| scope == needed))
}
