//! `show_card` and `draft_email`: what a person is shown beside the words. Nothing is
//! changed by it; the card becomes a block of the message that holds the call's result.

use domain::{
    ApprovalId, Card, CardId, EntityKind, Error, OptionalExt, Result, Role,
    approval::ApprovalStatus,
    card::{BUILT_IN, CardAction, EMAIL_DRAFT, MAX_DATA, MAX_SUMMARY, MAX_TYPES, TEXT},
    email,
    permission::Decider,
    visible::visible,
};
use serde_json::{Map, Value, json};
use store::{Membership, TenantTx, approvals, card_types, entities};
use tools::{
    NewCard,
    cards::{CardSchema, built_in},
};

use super::{Outcome, record::MARKED};
use crate::turn::cut;

/// Lines that data become where no client could lay them out, in characters.
const LINES: usize = 12_000;

/// Shows a card. One whose type is unknown, or whose data do not fit it, is shown as text.
/// `role` is that of the run.
pub async fn show(tx: &mut TenantTx, new: &NewCard, card_id: CardId, role: Role) -> Result<Outcome> {
    let nothing = |why: &str| Ok(Outcome::failed(format!("Nothing was shown: {why}")));
    if redact::contains_marker(&serde_json::to_string(new).map_err(Error::internal)?) {
        return nothing(MARKED);
    }
    if let Some(problem) = new.problem() {
        return nothing(&format!("{problem}."));
    }
    let actions = match new.actions() {
        Ok(actions) => actions,
        Err(problem) => return nothing(&format!("{problem}.")),
    };
    for (i, action) in actions.iter().enumerate() {
        if let Some(problem) = dangling(tx, action, role).await? {
            return nothing(&format!("actions[{i}]{problem}"));
        }
    }
    let mut shown = Card {
        card_id,
        card_type: new.card_type.clone(),
        summary: visible(&new.summary),
        data: new.data.clone(),
        actions,
    };
    let text = match misfit(tx, &new.card_type, &new.data).await? {
        None => format!("The person is shown the card ({}).", shown.card_type),
        Some(why) => {
            shown.card_type = TEXT.into();
            shown.data = as_text(&new.data);
            format!("The person is shown the card as text, because {why}")
        }
    };
    Ok(Outcome::ok(text).showing(shown))
}

/// Shows a mail that is not sent.
pub fn draft(to: &str, subject: &str, body: &str, card_id: CardId) -> Outcome {
    let nothing = |why: &str| Outcome::failed(format!("Nothing was drafted: {why}"));
    if [to, subject, body].into_iter().any(redact::contains_marker) {
        return nothing(MARKED);
    }
    let addresses = match mail(to, subject, body) {
        Ok(addresses) => addresses,
        Err(problem) => return nothing(&format!("{problem}.")),
    };
    let data = json!({"to": addresses, "subject": subject, "body": body});
    if data.to_string().len() > MAX_DATA {
        return nothing(&format!("the draft has more than {MAX_DATA} bytes."));
    }
    let shown = Card {
        card_id,
        card_type: EMAIL_DRAFT.into(),
        summary: cut(&visible(&format!("E-mail to {addresses}: {subject}")), MAX_SUMMARY - 1),
        data: members(data),
        actions: Vec::new(),
    };
    let text = "The person is shown the draft. Nothing was sent: they send it themselves, or ask for it.";
    let value = Value::Object(shown.data.clone());
    Outcome::ok(text).telling(value).showing(shown)
}

/// The addresses of a mail, if all of it is in order.
fn mail(to: &str, subject: &str, body: &str) -> Result<String, String> {
    let addresses = email::addresses(to).map_err(|problem| format!("to: {problem}"))?;
    if subject.trim().is_empty() || subject.contains(['\r', '\n']) {
        return Err("subject: must be one line that is not blank".into());
    }
    if body.trim().is_empty() {
        return Err("body: must not be blank".into());
    }
    Ok(addresses.join(", "))
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// What an action names that is not there for this person.
async fn dangling(tx: &mut TenantTx, action: &CardAction, role: Role) -> Result<Option<String>> {
    match action {
        CardAction::Open { kind, id, .. } => unknown(tx, *kind, id).await,
        CardAction::Approve { approval_id, .. } => undecidable(tx, *approval_id, role).await,
        CardAction::OpenUrl { .. } | CardAction::SendMessage { .. } => Ok(None),
    }
}

async fn unknown(tx: &mut TenantTx, kind: EntityKind, id: &str) -> Result<Option<String>> {
    let missing = entities::find(tx, kind, id).await.optional()?.is_none();
    Ok(missing
        .then(|| format!(".id: there is no {kind} {id:?} on record. Use find_entities to look for it.")))
}

async fn undecidable(tx: &mut TenantTx, id: ApprovalId, role: Role) -> Result<Option<String>> {
    let Some(approval) = approvals::find(tx, id, false).await.optional()? else {
        return Ok(Some(format!(".approval_id: no call of this person waits for a decision under {id}.")));
    };
    let now = |member: &Membership| role.capped(member.role).capped(member.ceiling);
    let administers = tx.membership().map(now).is_some_and(Role::administers);
    Ok(match (approval.status, approval.decider) {
        (ApprovalStatus::Pending, Decider::Admin) if !administers => {
            Some(format!(".approval_id: an owner or administrator decides about {id}, not this person."))
        }
        (ApprovalStatus::Pending, _) => None,
        (status, _) => Some(format!(".approval_id: {id} is {status} and cannot be decided any more.")),
    })
}

/// The schema of a type of cards, if it is fit to be used; else what is wrong where in it.
pub async fn check_card_schema(schema: String) -> Result<String> {
    // It may take a while, which nobody else is to wait for.
    let check = move || CardSchema::new(&schema).map(|_| schema);
    let checked = tokio::task::spawn_blocking(check).await.map_err(Error::internal)?;
    checked.map_err(Error::fields)
}

/// Why data cannot be shown as this type. None: they can.
async fn misfit(tx: &mut TenantTx, card_type: &str, data: &Map<String, Value>) -> Result<Option<String>> {
    let schema = match built_in(card_type) {
        Some(schema) => schema.to_owned(),
        None => match card_types::schema(tx, card_type).await? {
            Some(schema) => schema,
            None => return unknown_type(tx, card_type).await.map(Some),
        },
    };
    let words = |name: &str| data.get(name).and_then(Value::as_str);
    let unfit = match (words("to"), words("subject"), words("body")) {
        // What is missing is the schema's to say.
        (Some(to), Some(subject), Some(body)) if card_type == EMAIL_DRAFT => mail(to, subject, body).err(),
        _ => None,
    };
    let data = Value::Object(data.clone());
    // A schema that somebody wrote for it may take a while.
    let check = move || match CardSchema::new(&schema) {
        Ok(schema) => schema.problems(&data).iter().map(ToString::to_string).collect(),
        // It was fit when it was written; this program may be stricter than that one.
        Err(problems) => problems.iter().map(|problem| format!("its schema is not fit: {problem}")).collect(),
    };
    let mut problems: Vec<String> = tokio::task::spawn_blocking(check).await.map_err(Error::internal)?;
    problems.extend(unfit);
    Ok((!problems.is_empty())
        .then(|| format!("the data do not fit the type {card_type:?}: {}.", problems.join("; "))))
}

async fn unknown_type(tx: &mut TenantTx, card_type: &str) -> Result<String> {
    let own = card_types::list(tx, None, MAX_TYPES).await?;
    let mut names: Vec<&str> = own.iter().map(|own| own.name.as_str()).chain(BUILT_IN).collect();
    names.sort_unstable();
    Ok(format!("there is no type {card_type:?}. The types are: {}.", names.join(", ")))
}

/// The data of a card of the type `text`: what was to be shown, in lines.
fn as_text(data: &Map<String, Value>) -> Map<String, Value> {
    let mut text = String::new();
    for (name, value) in data {
        line(&mut text, 0, name, value);
    }
    if let Some((end, _)) = text.char_indices().nth(LINES) {
        text.truncate(end);
        text.push_str("…\n");
    }
    let text = if text.is_empty() { "(nothing)" } else { text.trim_end() };
    members(json!({ "text": text }))
}

/// `name: value`; what a value holds stands below it, further in.
fn line(text: &mut String, depth: usize, name: &str, value: &Value) {
    // Whatever is left is cut anyway.
    if text.len() > 4 * LINES {
        return;
    }
    let indent = "  ".repeat(depth);
    let one = |value: &Value| match value {
        Value::String(words) => words.replace('\n', &format!("\n{indent}  ")),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            text.push_str(&format!("{indent}{name}:\n"));
            members.iter().for_each(|(name, value)| line(text, depth + 1, name, value));
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            text.push_str(&format!("{indent}{name}:\n"));
            let numbered = items.iter().enumerate();
            numbered.for_each(|(i, item)| line(text, depth + 1, &format!("{}", i + 1), item));
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(one).collect();
            text.push_str(&format!("{indent}{name}: {}\n", items.join(", ")));
        }
        value => text.push_str(&format!("{indent}{name}: {}\n", one(value))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_become_lines_that_can_be_read() {
        let data = json!({
            "customer": "Acme\nInc.", "price": 48000.5, "open": true, "note": null, "tags": ["a", "b"], "none": [], "bare": {},
            "lines": [{"name": "Tea", "pieces": 2}, {"name": "Cups"}],
            "terms": {"days": 30, "by": {"name": "Dana"}},
        });
        let text = as_text(&members(data));
        let expected = "bare: {}\ncustomer: Acme\n  Inc.\nlines:\n  1:\n    name: Tea\n    pieces: 2\n  2:\n    name: Cups\n\
            none: \nnote: none\nopen: true\nprice: 48000.5\ntags: a, b\nterms:\n  by:\n    name: Dana\n  days: 30";
        assert_eq!(text["text"], expected);
        assert_eq!(as_text(&Map::new())["text"], "(nothing)");
    }

    #[test]
    fn lines_of_deep_or_large_data_stay_short() {
        let deep = (0..120).fold(json!(vec!["x"; 3_000]), |inner, _| json!({ "a": inner }));
        let text = as_text(&members(deep));
        assert!(text["text"].as_str().expect("a text").chars().count() <= LINES + 1);
    }

    #[test]
    fn a_draft_says_what_is_wrong_with_it_and_that_nothing_was_sent() {
        let id = CardId::derive(domain::RunId::new(), "a");
        let done = draft(" dana@acme.example ,Tom <tom@acme.example>", "Renewal", "Hello", id);
        assert!(done.success && done.text.contains("Nothing was sent"), "{}", done.text);
        let card = done.card.expect("a card");
        assert_eq!(card.data["to"], "dana@acme.example, Tom <tom@acme.example>");
        assert_eq!(card.summary, "E-mail to dana@acme.example, Tom <tom@acme.example>: Renewal");
        for (to, subject, body, words) in [
            ("dana", "s", "b", "to: \"dana\" is no address"),
            ("d@a.example", "a\nBcc: x@y.example", "b", "subject: "),
            ("d@a.example", " ", "b", "subject: "),
            ("d@a.example", "s", " \n", "body: "),
            ("d@a.example", "s", "key [REDACTED:key]", "REDACTED"),
            ("d@a.example", "s", &"\u{1F375}".repeat(5_000), "16384 bytes"),
        ] {
            let refused = draft(to, subject, body, id);
            assert!(
                !refused.success && refused.card.is_none() && refused.text.contains(words),
                "{}",
                refused.text
            );
        }
    }
}
