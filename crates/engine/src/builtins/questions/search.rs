//! Words: in names and fields, and in what was said in meetings and written in e-mails.

use domain::{EntityKind, EntityRef, brief::Brief, words};
use store::{
    TenantTx,
    questions::{self, Sought},
};
use tools::Part;

use super::{
    Answered, Asking, Found, LINES, lines, listed, page, passage, say, told, untrusted, value, which,
};

/// Of each word and kind so many of the newest are looked at.
const NEWEST: i64 = 100;
/// The same where one kind is searched.
const NEWEST_OF_KIND: i64 = 300;
/// Words of a search that count.
const WORDS: usize = 6;

pub async fn entities(
    tx: &mut TenantTx,
    asking: Asking<'_>,
    query: &str,
    kind: Option<EntityKind>,
    part: Part,
) -> Answered {
    let (clock, page) = (asking.clock(), page(part, LINES));
    let asked = words::sought(query);
    let mut sought: Vec<String> = asked.words.iter().take(WORDS).cloned().collect();
    let prefix = sought.last().filter(|word| word.chars().count() > 1).cloned();
    sought.push(asked.id);
    let only = kind.map(|kind| [kind]);
    let kinds = only.as_ref().map_or(&EntityKind::ALL[..], |only| &only[..]);
    let sought = Sought { kinds, words: &sought, prefix: prefix.as_deref(), newest: NEWEST, texts: false };
    let rows = questions::find(tx, sought, page).await?;
    Ok(listed(
        &format!("On record for {query:?}, the best match first:"),
        &format!("Nothing on record matches {query:?}."),
        Found { rows, name: "entities", part, page },
        |entity| lines::line(entity, clock),
    ))
}

/// Passages of meetings or e-mails, of those only that are linked to the entity if one is given.
pub async fn passages(
    tx: &mut TenantTx,
    asking: Asking<'_>,
    (kind, query): (EntityKind, &str),
    linked: Option<EntityRef>,
    part: Part,
) -> Answered {
    let lines_of_page = if kind == EntityKind::Meeting { 5 } else { 10 };
    let (clock, page) = (asking.clock(), page(part, lines_of_page));
    let mut sought: Vec<String> = words::sought(query).words;
    sought.truncate(WORDS);
    if sought.is_empty() {
        return told("There is no word in the query that could be looked for.");
    }
    let called = if kind == EntityKind::Meeting { "meetings" } else { "e-mails" };
    let (mut rows, of, named) = if let Some(linked) = linked {
        let entity = which::known(tx, linked.kind, &linked.id).await?;
        let rows = questions::find_linked(tx, (kind, &sought), &linked, page).await?;
        (rows, format!(" with {}", say::title(&entity)), Some(entity))
    } else {
        let kinds = [kind];
        let asked =
            Sought { kinds: &kinds, words: &sought, prefix: None, newest: NEWEST_OF_KIND, texts: true };
        (questions::find(tx, asked, page).await?, String::new(), None)
    };
    for row in &mut rows {
        row.text = row.text.take().and_then(|text| passage::around(&text, &sought));
    }
    let line = |entity: &Brief| {
        let passage = entity.text.as_deref().map(|passage| format!("\n  “{passage}”")).unwrap_or_default();
        format!("{}{passage}", lines::line(entity, clock))
    };
    let mut answer = listed(
        &format!("For {query:?} in {called}{of}, the best match first:"),
        &format!("Nothing matches {query:?} in {called}{of}."),
        Found { rows, name: value::plural(kind), part, page },
        line,
    );
    answer.untrusted |= untrusted(&named);
    Ok(answer)
}
