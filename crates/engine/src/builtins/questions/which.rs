//! Which one is meant: by id, or by a name that is resolved.

use domain::{EntityKind, brief::Brief, words};
use serde_json::{Value, json};
use store::{
    TenantTx,
    questions::{self, Page, Sought},
};
use tools::Which;

use super::{
    Answer, Answered, Asking, Miss, lines,
    rank::{self, Ranked, Verdict},
    say, told, untrusted, value,
};

/// Candidates that are ranked, and how many of them are shown.
const CANDIDATES: i64 = 60;
const SHOWN: usize = 8;
/// More than so many that fit are not counted: there may be others that were not looked at.
const MANY: usize = 20;
/// Words of a name that are looked for; the rest of a long one is compared only.
const WORDS: usize = 4;

/// Candidates for a name, in the order of how well they fit.
async fn candidates(tx: &mut TenantTx, kinds: &[EntityKind], name: &str) -> Answered<Vec<Brief>> {
    let asked = words::sought(name);
    let mut sought: Vec<String> = asked.words.iter().take(WORDS).cloned().collect();
    // Initials with full stops or blanks between them stand on record as one word.
    let letters = asked.words.concat();
    if asked.words.len() > 1 && asked.words.iter().all(|word| word.chars().count() == 1) {
        sought.push(letters);
    }
    sought.extend(words::sounds(name).into_iter().take(WORDS));
    let prefix = asked.words.last().filter(|word| word.chars().count() > 1).map(String::as_str);
    sought.push(asked.id.clone());
    let sought = Sought { kinds, words: &sought, prefix, newest: 60, texts: false };
    Ok(questions::find(tx, sought, Page { offset: 0, limit: CANDIDATES }).await?)
}

pub async fn resolve(tx: &mut TenantTx, asking: Asking<'_>, name: &str, hint: Option<&str>) -> Answered {
    let found = candidates(tx, &EntityKind::ALL, name).await?;
    let ranked = rank::rank(name, hint, &found, asking.now);
    let clock = asking.clock();
    let heading = match rank::verdict(&ranked) {
        Verdict::None => {
            let nobody = format!("Nobody and nothing on record fits {name:?}.");
            return Ok(Answer::none(nobody, candidates_value(&[], false)));
        }
        Verdict::Clear => format!("{name:?} is {}.", say::title(ranked[0].entity)),
        Verdict::Several(close) if close > MANY => {
            format!(
                "{name:?} can be very many; ask the person for more of the name, or give a hint. Some of them:"
            )
        }
        Verdict::Several(close) => {
            format!("{name:?} can be {close} of them; ask the person which one is meant:")
        }
        Verdict::Similar => format!("Nothing on record is surely {name:?}; similar, ask the person:"),
    };
    let shown = &ranked[..ranked.len().min(SHOWN)];
    let line =
        |ranked: &Ranked<'_>| format!("- {} ({})", lines::line(ranked.entity, clock), ranked.fit.says());
    let lines = shown.iter().map(line);
    let text = std::iter::once(heading).chain(lines).collect::<Vec<_>>().join("\n");
    let untrusted = untrusted(shown.iter().map(|ranked| ranked.entity));
    let clear = matches!(rank::verdict(&ranked), Verdict::Clear);
    Ok(Answer { text, value: candidates_value(shown, clear), untrusted })
}

/// `{"entity": {…}, "candidates": […]}`: who is meant, or null where that is not clear, and those that are shown.
fn candidates_value(shown: &[Ranked<'_>], clear: bool) -> Value {
    let shown: Vec<Value> = shown.iter().map(|ranked| value::entity(ranked.entity)).collect();
    let entity = shown.first().filter(|_| clear).cloned();
    json!({"entity": entity, "candidates": shown})
}

/// The entity of the kind that is meant, and what is to be said of how it was found. In a conversation
/// about a deal it is that deal unless another is named.
pub async fn one(
    tx: &mut TenantTx,
    asking: Asking<'_>,
    kind: EntityKind,
    which: &Which,
) -> Answered<(Brief, Option<String>)> {
    match (which.id.as_deref(), which.name.as_deref()) {
        (Some(_), Some(_)) => told("Give an id or a name, not both."),
        (Some(id), None) => Ok((known(tx, kind, id).await?, None)),
        (None, Some(name)) => by_name(tx, asking, kind, name).await,
        (None, None) => match asking.bound.filter(|bound| bound.kind == kind) {
            Some(bound) => Ok((known(tx, kind, &bound.id).await?, None)),
            None => told(format!("Give the id or the name of the {kind}.")),
        },
    }
}

/// The entity with this id, or the refusal.
pub async fn known(tx: &mut TenantTx, kind: EntityKind, id: &str) -> Answered<Brief> {
    match questions::one(tx, kind, id).await? {
        Some(entity) => Ok(entity),
        None => told(format!("There is no {kind} {id:?} on record. Use find_entities to look for it.")),
    }
}

async fn by_name(
    tx: &mut TenantTx,
    asking: Asking<'_>,
    kind: EntityKind,
    name: &str,
) -> Answered<(Brief, Option<String>)> {
    let found = candidates(tx, &[kind], name).await?;
    let ranked = rank::rank(name, None, &found, asking.now);
    let clock = asking.clock();
    let heading = match rank::verdict(&ranked) {
        Verdict::None => return told(format!("No {kind} on record fits {name:?}, and none is similar.")),
        Verdict::Clear => {
            let meant = ranked[0].entity;
            let taken = format!("{name:?} is taken for {} ({}).", say::title(meant), ranked[0].fit.says());
            return Ok((meant.clone(), Some(taken)));
        }
        Verdict::Several(close) if close > MANY => {
            format!("Very many fit {name:?}. Ask the person for more of the name. Some of them:")
        }
        Verdict::Several(_) => {
            format!("Several fit {name:?}. Ask the person which {kind} is meant, then give its id:")
        }
        Verdict::Similar => format!("No {kind} on record is surely {name:?}. Similar, ask the person:"),
    };
    let shown = match rank::verdict(&ranked) {
        Verdict::Several(close) => close.min(SHOWN),
        _ => ranked.len().min(SHOWN),
    };
    let shown = &ranked[..shown];
    let lines = shown.iter().map(|ranked| format!("- {}", lines::line(ranked.entity, clock)));
    let text = std::iter::once(heading).chain(lines).collect::<Vec<_>>().join("\n");
    let untrusted = untrusted(shown.iter().map(|ranked| ranked.entity));
    Err(Miss::Unclear(Answer { text, value: candidates_value(shown, false), untrusted }))
}
