//! Who is meant by a name: candidates in the order of how well they fit.

use chrono::{DateTime, Utc};
use domain::{EntityKind, brief::Brief, fields, words};

/// How many points one candidate must be ahead of the next for it to be the one that is meant.
const CLEAR: i64 = 40;
/// Below this nothing is taken for what was meant without asking.
const SURE: i64 = 600;
/// Below this a candidate is not even similar.
const SIMILAR: i64 = 400;

const ARTICLES: [&str; 3] = ["a", "an", "the"];
/// What stands behind the names of companies, and is left out when they are called.
const LEGAL_FORMS: [&str; 14] =
    ["ag", "bv", "co", "corp", "gmbh", "inc", "kg", "llc", "ltd", "nv", "plc", "sa", "sarl", "se"];

/// How a name fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Id,
    Exact,
    /// All words of what was asked stand in the name, or in it and in its other facts.
    Words,
    /// They are beginnings of words of the name.
    Beginning,
    Initials,
    Misspelled,
}

impl Fit {
    /// What is said beside a candidate.
    pub fn says(self) -> &'static str {
        match self {
            Fit::Id => "by its id",
            Fit::Exact => "the same name",
            Fit::Words => "has the words",
            Fit::Beginning => "begins so",
            Fit::Initials => "by its initials",
            Fit::Misspelled => "spelled otherwise",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Ranked<'a> {
    pub entity: &'a Brief,
    pub fit: Fit,
    pub points: i64,
}

/// What came of the ranking.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The first one is meant.
    Clear,
    /// So many, from the first, are too close to tell.
    Several(usize),
    /// Some are similar, and none is sure.
    Similar,
    None,
}

/// The candidates that fit at all, the best first. A hint is what else is known of it.
pub fn rank<'a>(
    name: &str,
    hint: Option<&str>,
    candidates: &'a [Brief],
    now: DateTime<Utc>,
) -> Vec<Ranked<'a>> {
    let mut asked = words::sought(name);
    if asked.words.len() > 1 && ARTICLES.contains(&asked.words[0].as_str()) {
        asked.words.remove(0);
    }
    let hint = hint.map(|hint| words::sought(hint).words).unwrap_or_default();
    let mut ranked: Vec<Ranked<'a>> = candidates
        .iter()
        .filter_map(|entity| {
            let (fit, points) = fit(&asked, entity)?;
            let points = points + hinted(&hint, entity) + lively(entity, now);
            (points >= SIMILAR).then_some(Ranked { entity, fit, points })
        })
        .collect();
    ranked.sort_by(|a, b| b.points.cmp(&a.points).then_with(|| a.entity.id.cmp(&b.entity.id)));
    ranked
}

pub fn verdict(ranked: &[Ranked<'_>]) -> Verdict {
    let Some(first) = ranked.first() else { return Verdict::None };
    if first.points < SURE {
        return Verdict::Similar;
    }
    match ranked.iter().take_while(|other| first.points - other.points < CLEAR).count() {
        1 => Verdict::Clear,
        close => Verdict::Several(close),
    }
}

fn fit(asked: &words::Sought, entity: &Brief) -> Option<(Fit, i64)> {
    if words::sought(&entity.id).id == asked.id {
        return Some((Fit::Id, 1_100));
    }
    let mut name = words::sought(&entity.name).words;
    if asked.words.is_empty() {
        return None;
    }
    if name == asked.words {
        return Some((Fit::Exact, 1_000));
    }
    if entity.kind == EntityKind::Company && name.len() > 1 {
        name.retain(|word| !LEGAL_FORMS.contains(&word.as_str()) || asked.words.contains(word));
    }
    if name == asked.words {
        return Some((Fit::Exact, 1_000));
    }
    by_words(&asked.words, &name, entity).or_else(|| by_initials(&asked.words, &name))
}

/// Every word that was asked has to fit, one a word of the name: as it is, as its beginning, by a slip
/// of spelling, or as a word of the other facts.
fn by_words(asked: &[String], name: &[String], entity: &Brief) -> Option<(Fit, i64)> {
    let facts = facts(entity);
    let mut free: Vec<&String> = name.iter().collect();
    let (mut sum, mut of_name, mut worst) = (0, 0, Fit::Words);
    for word in asked {
        let best = free.iter().enumerate().map(|(i, of_name)| (i, likeness(word, of_name)));
        let best = best.max_by_key(|(i, (points, _))| (*points, std::cmp::Reverse(*i)));
        match best {
            Some((i, (points, fit))) if points > 0 => {
                free.remove(i);
                of_name += 1;
                sum += points;
                worst = later(worst, fit);
            }
            _ if facts.contains(word) => sum += 700,
            _ => return None,
        }
    }
    if of_name == 0 {
        // An address names its owner; any other fact alone names nobody.
        let address = asked.iter().any(|word| word.contains('@'));
        return address.then_some((Fit::Words, 950));
    }
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let fit = sum / count(asked.len());
    // A part of a name is less than the whole of it.
    let points = fit * (90 + 10 * count(of_name).min(count(name.len())) / count(name.len().max(1))) / 100;
    Some((worst, points))
}

/// How much a word is like another, out of a thousand.
fn likeness(asked: &str, word: &str) -> (i64, Fit) {
    let length = asked.chars().count();
    if asked == word {
        return (1_000, Fit::Words);
    }
    if word.starts_with(asked) {
        return (if length > 2 { 900 } else { 820 }, Fit::Beginning);
    }
    let longest = length.max(word.chars().count());
    let slips = strsim::damerau_levenshtein(asked, word);
    // One slip in a word of four letters, two in one of seven; more only where both sound the same.
    let few = length > 3 && slips <= if longest > 6 { 2 } else { 1 };
    let alike = length > 3 && slips * 2 <= longest && words::sounds(asked) == words::sounds(word);
    if few || (alike && !words::sounds(asked).is_empty()) {
        return (800 - 30 * i64::try_from(slips).unwrap_or(5), Fit::Misspelled);
    }
    (0, Fit::Misspelled)
}

fn later(one: Fit, other: Fit) -> Fit {
    match (one, other) {
        (Fit::Misspelled, _) | (_, Fit::Misspelled) => Fit::Misspelled,
        (Fit::Beginning, _) | (_, Fit::Beginning) => Fit::Beginning,
        (one, _) => one,
    }
}

/// `JS` for Jane Smith.
fn by_initials(asked: &[String], name: &[String]) -> Option<(Fit, i64)> {
    let initials: String = name.iter().filter_map(|word| word.chars().next()).collect();
    (name.len() > 1 && asked.concat() == initials).then_some((Fit::Initials, 720))
}

/// Words of what else is on record of it, and of what it is linked to.
fn facts(entity: &Brief) -> Vec<String> {
    let fields = entity.fields.values().filter_map(fields::people).flatten();
    let links =
        entity.links.iter().flat_map(|link| [link.name.clone(), link.role.clone().unwrap_or_default()]);
    let own = [entity.stage.clone(), entity.owner.clone()].into_iter().flatten();
    fields.chain(links).chain(own).flat_map(|text| words::sought(&text).words).collect()
}

/// Points for a hint that names its kind, and for words of it in its name or in its facts.
fn hinted(hint: &[String], entity: &Brief) -> i64 {
    let facts = facts(entity);
    let name = words::sought(&entity.name).words;
    let kinds: &[&str] = match entity.kind {
        EntityKind::Deal => &["deal", "deals", "opportunity", "renewal"],
        EntityKind::Contact => &["contact", "contacts", "person", "people", "customer"],
        EntityKind::Company => &["company", "companies", "account", "organization", "firm"],
        EntityKind::Meeting => &["meeting", "meetings", "call", "appointment"],
        EntityKind::Task => &["task", "tasks", "todo"],
        EntityKind::Activity => &["activity", "activities"],
        EntityKind::Email => &["email", "emails", "mail"],
    };
    let of_kind = hint.iter().any(|word| kinds.contains(&word.as_str()));
    let fits = |word: &&String| facts.contains(word) || name.contains(word);
    let id = words::sought(&entity.id).words;
    let linked = entity.links.iter().any(|link| {
        let words = words::sought(&link.id).words;
        !words.is_empty() && words.iter().all(|word| hint.contains(word))
    });
    let own = !id.is_empty() && id.iter().all(|word| hint.contains(word));
    let matched = i64::try_from(hint.iter().filter(fits).count()).unwrap_or(0) + i64::from(linked || own);
    matched.min(3) * 60 + if of_kind { 200 } else { 0 }
}

/// People, companies and deals are meant more often than what happened, the open more often than the
/// closed, and those more that somebody was in touch with of late.
fn lively(entity: &Brief, now: DateTime<Utc>) -> i64 {
    let kind = match entity.kind {
        EntityKind::Contact => 30,
        EntityKind::Company => 20,
        EntityKind::Deal => 10,
        EntityKind::Meeting | EntityKind::Task | EntityKind::Activity | EntityKind::Email => -120,
    };
    let last = entity.touched_at.or_else(|| entity.kind.is_event().then_some(entity.at));
    let recent = last.map_or(0, |last| match (now - last).num_days() {
        ..=7 => 8,
        8..=30 => 5,
        31..=90 => 2,
        _ => 0,
    });
    kind + recent - if entity.open { 0 } else { 50 }
}

#[cfg(test)]
pub(super) mod tests;
