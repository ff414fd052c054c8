//! Words of tools as a person is shown them: they are written for the model, and tell it what to do.

/// How sentences begin that tell the model what to do, or what only it has to know.
const FOR_THE_MODEL: [&str; 14] = [
    "Use ",
    "Do not ",
    "Try ",
    "Say so",
    "Ask ",
    "Give ",
    "Look at it again",
    "Look it up",
    "Call ",
    "Read ",
    "That is no denial",
    "That is a denial",
    "First ",
    "Its result ",
];

/// What a tool said, without what is meant for the model.
pub(super) fn plainly(said: &str) -> String {
    known(said).unwrap_or_else(|| {
        let kept: Vec<&str> =
            sentences(said).into_iter().filter(|sentence| is_for_people(sentence)).collect();
        let kept = kept.join(" ");
        if kept.is_empty() { super::short(said, 300) } else { super::short(&kept, 300) }
    })
}

/// What the person who denied a call gave as the reason, in one sentence.
pub(super) fn denial(said: &str) -> Option<String> {
    let (by, rest) = said.split_once(" denied this call")?;
    let (reason, _) = rest.split_once(". It was not carried out").unwrap_or((rest, ""));
    let reason = reason.strip_prefix("; the reason given: ").map(|reason| reason.trim_end_matches('.'));
    Some(reason.map_or_else(|| format!("{by} denied it."), |reason| format!("{by} denied it: {reason}.")))
}

/// What is said of calls that were not carried out, or not yet.
fn known(said: &str) -> Option<String> {
    if said.starts_with("This is a proposal now") {
        let who = if said.contains("administrator") { "an owner or administrator" } else { "you" };
        let accept = if who == "you" { "accept" } else { "accepts" };
        return Some(format!("I proposed it; it is carried out when {who} {accept} it."));
    }
    if said.starts_with("awaiting approval") {
        return Some("It waits for approval; nothing of it is done yet.".to_owned());
    }
    denial(said)
}

fn sentences(said: &str) -> Vec<&str> {
    let mut ends: Vec<usize> = said.match_indices(". ").map(|(at, _)| at + 1).collect();
    ends.push(said.len());
    let mut from = 0;
    let cut = ends.into_iter().map(|end| {
        let sentence = said[from..end].trim();
        from = end;
        sentence
    });
    cut.filter(|sentence| !sentence.is_empty()).collect()
}

fn is_for_people(sentence: &str) -> bool {
    !FOR_THE_MODEL.iter().any(|begin| sentence.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::plainly;

    #[test]
    fn what_the_model_is_told_to_do_is_left_out() {
        for (said, shown) in [
            (
                "There is no deal \"D-9\" on record. Use find_entities to look for it.",
                "There is no deal \"D-9\" on record.",
            ),
            (
                "alice denied this call; the reason given: too early. It was not carried out. Do not make it again \
                 unless asked to.",
                "alice denied it: too early.",
            ),
            (
                "bob denied this call. It was not carried out. Do not make it again unless asked to.",
                "bob denied it.",
            ),
            (
                "This is a proposal now, under apr_1; nothing was done. It is carried out when the person accepts it. Say \
                 so, and do not make the call again.",
                "I proposed it; it is carried out when you accept it.",
            ),
            (
                "This is a proposal now, under apr_1; nothing was done. It is carried out when an owner or administrator of \
                 the organization accepts it. Say so, and do not make the call again.",
                "I proposed it; it is carried out when an owner or administrator accepts it.",
            ),
            (
                "Nothing in the archive matches \"x\". Try other words for the same thing, a name or fewer words.",
                "Nothing in the archive matches \"x\".",
            ),
            ("The database is away.", "The database is away."),
        ] {
            assert_eq!(plainly(said), shown);
        }
    }
}
