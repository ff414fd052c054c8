use chrono::TimeDelta;
use domain::brief::Neighbour;
use serde_json::json;

use super::*;

pub fn entity(kind: EntityKind, id: &str, name: &str) -> Brief {
    Brief {
        kind,
        id: id.into(),
        name: name.into(),
        owner: None,
        mine: false,
        at: DateTime::UNIX_EPOCH,
        ends_at: None,
        stage: None,
        open: true,
        amount: None,
        currency: None,
        close_date: None,
        due_date: None,
        probability: None,
        health: None,
        ghost_risk: None,
        touched_at: None,
        integration: false,
        fields: serde_json::Map::new(),
        text: None,
        links: Vec::new(),
    }
}

fn with(mut entity: Brief, field: &str, value: &str) -> Brief {
    entity.fields.insert(field.into(), json!(value));
    entity
}

pub fn linked(mut entity: Brief, kind: EntityKind, id: &str, name: &str) -> Brief {
    let (id, name) = (id.to_owned(), name.to_owned());
    entity.links.push(Neighbour { kind, id, name, role: None, integration: false });
    entity
}

fn now() -> DateTime<Utc> {
    fields::time("2026-11-28T12:00:00Z").expect("a time")
}

/// A small record in which names are alike.
fn record() -> Vec<Brief> {
    use EntityKind::{Company, Contact, Deal, Email, Meeting};
    let contact = |id: &str, name: &str| entity(Contact, id, name);
    let mut fresh = contact("C-9", "Tom Berg");
    fresh.touched_at = Some(now() - TimeDelta::days(2));
    let mut lost = entity(Deal, "D-9", "Globex pilot");
    lost.open = false;
    vec![
        with(with(contact("C-1", "Jane Smith"), "email", "jane.smith@acme.example"), "company", "Acme"),
        with(contact("C-2", "Jane Smythe"), "company", "Globex"),
        with(contact("C-3", "Dana Roe"), "title", "Buyer"),
        contact("C-4", "Anders Johansson"),
        contact("C-5", "Jürgen Müller"),
        contact("C-6", "María José García López"),
        contact("C-7", "Katherine O'Neill"),
        with(contact("C-8", "Tom Bergmann"), "company", "Initech"),
        fresh,
        contact("C-10", "Li Wei"),
        contact("C-11", "王 小明"),
        linked(contact("C-12", "Robert Chen"), Deal, "D-1", "Acme renewal"),
        linked(contact("C-13", "Robert Chen"), Deal, "D-2", "Initech expansion"),
        contact("C-14", "Stephen Vogel"),
        contact("C-15", "Zoë Krüger-Lang"),
        entity(Company, "A-1", "Acme"),
        entity(Company, "A-2", "Globex GmbH"),
        entity(Company, "A-3", "Initech"),
        entity(Deal, "D-1", "Acme renewal"),
        entity(Deal, "D-2", "Initech expansion"),
        lost,
        entity(Deal, "D-10", "Globex rollout"),
        entity(Meeting, "M-1", "Call with Dana Roe"),
        entity(Email, "E-1", "Re: Acme renewal"),
    ]
}

/// Who is taken for meant: the id; `?` with the ids that are too close; `~` with what is only similar.
fn told(name: &str, hint: Option<&str>) -> String {
    let record = record();
    let ranked = rank(name, hint, &record, now());
    let ids = |n: usize| {
        let mut ids: Vec<&str> = ranked[..n].iter().map(|ranked| ranked.entity.id.as_str()).collect();
        ids.sort_unstable();
        ids.join(" ")
    };
    match verdict(&ranked) {
        Verdict::Clear => ids(1),
        Verdict::Several(close) => format!("? {}", ids(close)),
        Verdict::Similar => format!("~ {}", ids(1)),
        Verdict::None => "-".into(),
    }
}

#[test]
fn a_name_means_who_a_colleague_would_think_of() {
    for (name, expected) in [
        // The same name, however it is written.
        ("Jane Smith", "C-1"),
        ("jane smith", "C-1"),
        ("JANE  SMITH", "C-1"),
        ("Jürgen Müller", "C-5"),
        ("Jurgen Muller", "C-5"),
        ("Zoe Kruger-Lang", "C-15"),
        ("王 小明", "C-11"),
        ("Li Wei", "C-10"),
        ("Acme", "A-1"),
        ("acme renewal", "D-1"),
        ("Katherine O'Neill", "C-7"),
        // Words of it, in any order.
        ("Smith, Jane", "C-1"),
        ("Maria Garcia", "C-6"),
        ("García", "C-6"),
        ("Johansson", "C-4"),
        ("Globex", "A-2"),
        ("the Acme renewal", "D-1"),
        ("expansion", "D-2"),
        ("Vogel", "C-14"),
        // First names.
        ("Dana", "C-3"),
        ("Anders", "C-4"),
        ("Jane", "? C-1 C-2"),
        ("Robert", "? C-12 C-13"),
        ("Robert Chen", "? C-12 C-13"),
        ("Tom", "? C-8 C-9"),
        ("Zoë", "C-15"),
        // Beginnings.
        ("Kath", "C-7"),
        ("J. Smith", "C-1"),
        ("Tom Berg", "C-9"),
        ("Tom Bergm", "C-8"),
        ("Init", "A-3"),
        // Initials.
        ("DR", "C-3"),
        ("JM", "C-5"),
        ("J.S.", "? C-1 C-2"),
        ("MJGL", "C-6"),
        ("XY", "-"),
        // Slips of spelling.
        ("Jonson", "C-4"),
        ("Anders Johanson", "C-4"),
        ("Dnaa Roe", "C-3"),
        ("Catherine O'Neil", "C-7"),
        ("Stefan Vogel", "C-14"),
        ("Globbex", "A-2"),
        ("Acmee", "A-1"),
        ("Muler", "C-5"),
        // Ids and addresses.
        ("D-2", "D-2"),
        ("c-3", "C-3"),
        ("jane.smith@acme.example", "C-1"),
        // A name with what else is known.
        ("Jane Acme", "C-1"),
        ("Jane Globex", "C-2"),
        ("Robert Initech", "C-13"),
        // Nobody.
        ("Wolfgang", "-"),
        ("Acme Wolfgang", "-"),
        ("Buyer", "-"),
        ("👩", "-"),
        ("Roberta", "? C-12 C-13"),
    ] {
        assert_eq!(told(name, None), expected, "{name}");
    }
}

#[test]
fn a_hint_decides_among_those_who_are_alike() {
    for (name, hint, expected) in [
        ("Jane", "Acme", "C-1"),
        ("Jane", "works at Globex", "C-2"),
        ("Robert", "Acme renewal", "C-12"),
        ("Robert Chen", "deal D-2", "C-13"),
        ("Tom", "Initech", "C-8"),
        ("Acme", "the deal", "D-1"),
        ("Globex", "deal", "D-10"),
        ("Jane", "Hooli", "? C-1 C-2"),
    ] {
        assert_eq!(told(name, Some(hint)), expected, "{name}, {hint}");
    }
}

#[test]
fn who_was_met_of_late_comes_first_and_is_asked_about_all_the_same() {
    let record = record();
    let ranked = rank("Tom", None, &record, now());
    let ids: Vec<&str> = ranked.iter().map(|ranked| ranked.entity.id.as_str()).collect();
    assert_eq!(ids, ["C-9", "C-8"]);
    assert_eq!(ranked.iter().map(|ranked| ranked.fit).collect::<Vec<_>>(), [Fit::Words, Fit::Words]);
}
