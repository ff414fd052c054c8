//! Texts as Slack sends them, as the person wrote them.

/// The words of a message or of a command. Slack writes mentions, channels and links as `<…>` and three
/// characters as entities. The mention of `bot`, our own user, is left out.
pub fn incoming(text: &str, bot: Option<&str>) -> String {
    let mut words = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let token = rest[at + 1..].find('>').map(|end| &rest[at + 1..at + 1 + end]);
        words.push_str(&decoded(&rest[..at]));
        if let Some(token) = token {
            words.push_str(&told(token, bot));
            rest = &rest[at + token.len() + 2..];
        } else {
            words.push('<');
            rest = &rest[at + 1..];
        }
    }
    words.push_str(&decoded(rest));
    words.trim().to_owned()
}

fn decoded(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// What a token says to a person.
fn told(token: &str, bot: Option<&str>) -> String {
    let (target, label) = match token.split_once('|') {
        Some((target, label)) => (target, Some(label).filter(|label| !label.is_empty())),
        None => (token, None),
    };
    if let Some(user) = target.strip_prefix('@') {
        return if bot == Some(user) {
            String::new()
        } else {
            format!("@{}", decoded(label.unwrap_or(user)))
        };
    }
    if let Some(channel) = target.strip_prefix('#') {
        return format!("#{}", decoded(label.unwrap_or(channel)));
    }
    if let Some(special) = target.strip_prefix('!') {
        return label.map_or_else(|| format!("@{}", special.split('^').next().unwrap_or(special)), decoded);
    }
    let address = decoded(target.strip_prefix("mailto:").unwrap_or(target));
    match label.map(decoded) {
        Some(label) if !address.ends_with(&label) => format!("{label} ({address})"),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_as_the_person_wrote_it() {
        for (sent, written) in [
            ("<@UBOT> how is *Acme*?", "how is *Acme*?"),
            ("<@UBOT|sixty> ask <@U2|dana> &amp; <@U3>", "ask @dana & @U3"),
            ("in <#C1|sales> or <#C2>", "in #sales or #C2"),
            ("<!here> <!subteam^S1|@reps> <!subteam^S1>", "@here @reps @subteam"),
            ("<!date^1^{date}|today> it is", "today it is"),
            ("see <https://acme.example/a?b=1&amp;c=2>", "see https://acme.example/a?b=1&c=2"),
            ("see <http://acme.example|acme.example>", "see http://acme.example"),
            ("see <https://acme.example|our site>", "see our site (https://acme.example)"),
            ("to <mailto:dana@acme.example|dana@acme.example>", "to dana@acme.example"),
            ("1 &lt; 2 &amp;lt; 3", "1 < 2 &lt; 3"),
            ("a < b", "a < b"),
            ("", ""),
        ] {
            assert_eq!(incoming(sent, Some("UBOT")), written, "{sent}");
        }
    }

    #[test]
    fn only_our_own_mention_is_left_out() {
        assert_eq!(incoming("<@U1> and <@U2>", Some("U1")), "and @U2");
        assert_eq!(incoming("<@U1> and <@U2>", None), "@U1 and @U2");
    }
}
