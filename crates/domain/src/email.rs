//! Addresses of mails, as people and models write them.

/// Addresses of one list.
pub const MAX_ADDRESSES: usize = 50;
/// Longest address, in characters (RFC 5321).
const MAX_LENGTH: usize = 254;
const MAX_LOCAL: usize = 64;
const MAX_HOST_LABEL: usize = 63;

/// The addresses of a list that commas part, each as `dana@acme.example` or
/// `Dana Roe <dana@acme.example>`; or what is wrong with which.
pub fn addresses(list: &str) -> Result<Vec<String>, String> {
    if list.trim().is_empty() {
        return Err("names no address".into());
    }
    let parts = split(list);
    if parts.len() > MAX_ADDRESSES {
        return Err(format!("names {} addresses, and {MAX_ADDRESSES} are the most", parts.len()));
    }
    parts.into_iter().map(one).collect()
}

/// The address in lower case, if the text is one and nothing else: two spellings of one are the same.
pub fn address(text: &str) -> Option<String> {
    let plain = !text.chars().any(char::is_control) && problem(text).is_none();
    plain.then(|| text.to_lowercase())
}

/// Parts the list at its commas, but not at those in quotation marks.
fn split(list: &str) -> Vec<&str> {
    let mut quoted = false;
    list.split(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .collect()
}

fn one(part: &str) -> Result<String, String> {
    let part = part.trim();
    if part.is_empty() {
        return Err("has a comma with no address before or after it".into());
    }
    let refuse = |why: &str| Err(format!("{part:?} {why}"));
    if part.chars().any(char::is_control) {
        return refuse("holds a control character or a line break");
    }
    let address = match part.strip_suffix('>').and_then(|named| named.rsplit_once('<')) {
        Some((_, address)) => address,
        None => part,
    };
    match problem(address) {
        Some(_) if part.contains(';') => refuse("holds a semicolon; part addresses by commas"),
        Some(why) => refuse(why),
        None => Ok(part.to_owned()),
    }
}

/// Why a text is no address. None: it looks like one.
fn problem(address: &str) -> Option<&'static str> {
    let Some((local, host)) = address.split_once('@') else { return Some("is no address: it has no @") };
    let dotted = |text: &str| text.starts_with('.') || text.ends_with('.') || text.contains("..");
    let odd = |c: char| c.is_whitespace() || "()<>[],;:\\\"".contains(c);
    let bad_label = |label: &str| {
        label.is_empty()
            || label.chars().count() > MAX_HOST_LABEL
            || label.starts_with('-')
            || label.ends_with('-')
            || !label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    Some(match () {
        () if local.is_empty() => "is no address: nothing stands before its @",
        () if host.is_empty() => "is no address: nothing stands after its @",
        () if host.contains('@') => "is no address: it has more than one @",
        () if local.chars().any(odd) || dotted(local) => "is no address: what stands before its @ is no name",
        () if local.chars().count() > MAX_LOCAL || address.chars().count() > MAX_LENGTH => "is too long",
        () if !host.contains('.') => "is no address: its host has no dot",
        () if host.split('.').any(bad_label) => "is no address: its host is no name of one",
        () => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_addresses_are_read() {
        assert_eq!(
            addresses(
                " dana@acme.example,\"Roe, Tom\" <tom.roe+x@mail.acme.example> ,j\u{fc}rgen@b\u{fc}ro.example"
            ),
            Ok(vec![
                "dana@acme.example".into(),
                "\"Roe, Tom\" <tom.roe+x@mail.acme.example>".into(),
                "j\u{fc}rgen@b\u{fc}ro.example".into()
            ])
        );
    }

    #[test]
    fn an_address_alone_is_read_in_lower_case() {
        assert_eq!(address("Dana.Roe@Acme.example").as_deref(), Some("dana.roe@acme.example"));
        for text in [
            "",
            "Dana",
            "Dana <dana@acme.example>",
            "a@b.example,c@d.example",
            " a@b.example",
            "a@b.example\n",
        ] {
            assert_eq!(address(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_refusal_says_which_address_and_why() {
        let long = format!("{}@acme.example", "x".repeat(65));
        for (list, words) in [
            ("", "names no address"),
            ("dana@acme.example,", "a comma with no address"),
            ("Dana", "\"Dana\" is no address: it has no @"),
            ("dana@acme.example, tom", "\"tom\" is no address"),
            ("@acme.example", "before its @"),
            ("dana@", "after its @"),
            ("a@b@c.example", "more than one @"),
            ("dana roe@acme.example", "before its @"),
            (".dana@acme.example", "before its @"),
            ("dana@acme", "no dot"),
            ("dana@-acme.example", "host"),
            ("dana@acme..example", "host"),
            ("dana@ac me.example", "host"),
            ("dana@acme.example; tom@acme.example", "commas"),
            ("dana@acme.example\nbcc: x@y.example", "line break"),
            ("Dana <dana@acme>", "no dot"),
            (&long, "too long"),
            (&"a@b.example,".repeat(60), "are the most"),
        ] {
            let problem = addresses(list).expect_err(list);
            assert!(problem.contains(words), "{list:?}: {problem}");
        }
    }
}
