//! Texts as Slack counts and reads them.

/// The length as Slack may count it. Its documents say "characters"; UTF-16 units are never
/// fewer, so what fits by them fits by either.
pub fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The longest beginning that is at most `limit` long, and what follows it.
pub fn split_at(text: &str, limit: usize) -> (&str, &str) {
    let mut used = 0;
    for (at, char) in text.char_indices() {
        used += char.len_utf16();
        if used > limit {
            return text.split_at(at);
        }
    }
    (text, "")
}

/// The text, with an ellipsis where it is longer than `limit`.
pub fn cut(text: &str, limit: usize) -> String {
    if length(text) <= limit {
        return text.to_owned();
    }
    format!("{}…", split_at(text, limit.saturating_sub(1)).0.trim_end())
}

/// For `mrkdwn` and for plain fallbacks: Slack's three control characters as entities, so that
/// nothing in it is a mention or a link. Cut so that no entity is broken.
pub fn escape(text: &str, limit: usize) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut used = 0;
    let mut fits = 0;
    for char in text.chars() {
        let entity = match char {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            _ => "",
        };
        used += if entity.is_empty() { char.len_utf16() } else { entity.len() };
        if used > limit {
            escaped.truncate(fits);
            escaped.push('…');
            return escaped;
        }
        if entity.is_empty() {
            escaped.push(shown(char));
        } else {
            escaped.push_str(entity);
        }
        if used < limit {
            fits = escaped.len();
        }
    }
    escaped
}

/// The replacement character where nothing could be shown.
fn shown(char: char) -> char {
    if char == '\0' { '\u{FFFD}' } else { char }
}

/// Whether `<` with this behind it begins a mention: of a person, of a group or of all, of a channel.
fn mentions(next: char) -> bool {
    matches!(next, '@' | '!' | '#')
}

/// For Markdown: what would mention somebody is shown and mentions nobody. Slack reads its own
/// `<…>` inside Markdown too, code included, and does not read an entity a second time.
pub fn defuse(markdown: &str) -> String {
    let mut defuser = Defuser::default();
    let mut text = defuser.push(markdown);
    text.push_str(defuser.finish());
    text
}

/// [`defuse`] for a text that comes in pieces: a mention may begin in one and end in the next.
#[derive(Debug, Default)]
pub struct Defuser {
    /// The last piece ended with `<`, which is held back.
    held: bool,
}

impl Defuser {
    /// What can be shown by now.
    pub fn push(&mut self, piece: &str) -> String {
        let mut text = String::with_capacity(piece.len() + 8);
        for char in piece.chars() {
            if std::mem::take(&mut self.held) {
                text.push_str(if mentions(char) { "&lt;" } else { "<" });
            }
            match char {
                '<' => self.held = true,
                // Slack's own line ends are `\n`; a lone `\r` would be shown as nothing.
                '\r' => {}
                _ => text.push(shown(char)),
            }
        }
        text
    }

    /// What is left when nothing more comes.
    pub fn finish(&mut self) -> &'static str {
        if std::mem::take(&mut self.held) { "<" } else { "" }
    }
}

/// For `plain_text` objects, in which Slack reads neither marks nor entities: one line, cut, and
/// blank texts get a dash, because Slack refuses an empty one.
pub fn plain(text: &str, limit: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut safe = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        let mentions = char == '<' && chars.peek().copied().is_some_and(mentions);
        safe.push(if mentions { '‹' } else { shown(char) });
    }
    let safe = cut(&safe, limit);
    if safe.is_empty() { "–".to_owned() } else { safe }
}

/// For literal text elements of `rich_text`: cut, and never empty.
pub fn literal(text: &str, limit: usize) -> String {
    let text = cut(&text.chars().map(shown).collect::<String>(), limit);
    if text.is_empty() { "–".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_counted_in_utf_16() {
        assert_eq!((length("abc"), length("ä"), length("🦀")), (3, 1, 2));
        assert_eq!(split_at("a🦀b", 2), ("a", "🦀b"));
        assert_eq!(cut("a🦀bc", 4), "a🦀…");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
    }

    #[test]
    fn an_escaped_text_is_cut_between_entities() {
        assert_eq!(escape("a<b>&", 100), "a&lt;b&gt;&amp;");
        assert_eq!(escape("<<<<", 9), "&lt;&lt;…");
        assert_eq!(escape("<<", 8), "&lt;&lt;");
        assert_eq!(escape("abcdef", 3), "ab…");
    }

    #[test]
    fn mentions_are_defused_and_everything_else_is_left_alone() {
        for (given, shown) in [
            ("Ask <@U123> now", "Ask &lt;@U123> now"),
            ("<!channel> <!here> <!everyone>", "&lt;!channel> &lt;!here> &lt;!everyone>"),
            ("<!subteam^S1|x> and <#C1>", "&lt;!subteam^S1|x> and &lt;#C1>"),
            ("`<@U1>` and ```\n<!here>\n```", "`&lt;@U1>` and ```\n&lt;!here>\n```"),
            ("a < b, Vec<String>, <https://x.example>", "a < b, Vec<String>, <https://x.example>"),
            ("<<@U1>>", "<&lt;@U1>>"),
            ("ends with <", "ends with <"),
            ("one\r\ntwo", "one\ntwo"),
        ] {
            assert_eq!(defuse(given), shown);
        }
    }

    #[test]
    fn a_mention_in_two_pieces_is_defused() {
        let mut defuser = Defuser::default();
        assert_eq!(defuser.push("Ask <"), "Ask ");
        assert_eq!(defuser.push("@U123>"), "&lt;@U123>");
        assert_eq!((defuser.push("a <"), defuser.push(" b")), ("a ".to_owned(), "< b".to_owned()));
        assert_eq!((defuser.push("<"), defuser.finish(), defuser.finish()), (String::new(), "<", ""));
    }

    #[test]
    fn a_plain_text_is_one_line_that_is_never_empty() {
        assert_eq!(plain("  Move\n it  ", 75), "Move it");
        assert_eq!(plain("<!channel> & <b>", 75), "‹!channel> & <b>");
        assert_eq!(plain(" \n", 75), "–");
        assert_eq!(length(&plain(&"🦀".repeat(80), 75)), 75);
    }
}
