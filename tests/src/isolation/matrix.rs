//! Every operation, every place that names something, every role: what one may
//! not know of is answered as what does not exist. Three times: as built, by the
//! policies of the database alone, and by the filters of the queries alone.

use super::{
    attack::{Tally, ask, call, sings},
    masked,
    operations::{At, Names, OPERATIONS, Place, operation, places},
    world::{COLLEAGUES, Case, Insider, NOBODYS, OTHERS, THEIR_KEY, World},
};
use crate::harness::Answer;

/// Headers that name something, or make an operation look before it acts.
const HEADERS: [(&str, &str); 7] = [
    ("if-match", "\"1\""),
    ("if-match", "\"0\""),
    ("idempotency-key", THEIR_KEY),
    ("last-event-id", "1.1"),
    ("x-org-id", "acme"),
    ("x-org-id", "globex"),
    ("prefer", "respond-async"),
];

/// What must hold of the answers beside their being equal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The service as it is, or without policies: names in a path that may not be
    /// known are 404 (403 on the platform's routes), and nothing fails.
    Sound,
    /// With filters that lie, a policy may refuse a write: a failure, the same for all.
    Lied,
}

/// Asks for each of the names. All answers must be those to the first.
async fn compare(
    tally: &mut Tally,
    mode: Mode,
    who: &Insider,
    place: &Place,
    header: (&str, &str),
    cases: &[Case],
) {
    let operation = operation(place);
    tally.places.insert(*place);
    let mut first: Option<String> = None;
    for (what, asked) in cases {
        let request = ask(who, operation, place, asked).header(header.0, header.1);
        let answer = who.person.send(request).await;
        let case =
            format!("{} as {}: {what} {asked:?} in {:?} with {header:?}", place.path, who.role, place.at);
        tally.count(operation, &answer, &case);
        check(tally, mode, (who, place), header, &answer, &case);
        let seen = masked(&answer, asked, matches!(place.at, At::Body(_)));
        let first = first.get_or_insert_with(|| seen.clone());
        if seen != *first {
            tally.leak(format!("{} {case}:\n{seen}\nbut to the first:\n{first}", place.method));
        }
    }
}

fn check(
    tally: &mut Tally,
    mode: Mode,
    (who, place): (&Insider, &Place),
    header: (&str, &str),
    answer: &Answer,
    case: &str,
) {
    if mode == Mode::Sound && answer.status.is_server_error() {
        tally.leak(format!("{} {case} fails: {answer:?}", place.method));
    }
    // A key is claimed before the names are looked at, which a policy may refuse.
    let claims = mode == Mode::Lied && header.0 == "idempotency-key";
    if place.at == At::Path && !claims {
        let elsewhere = header == ("x-org-id", "globex");
        let refused = place.names == Names::Platform || (barred(who, place) && !elsewhere);
        let wanted = if refused { 403 } else { 404 };
        if answer.status != wanted {
            tally.leak(format!("{} {case}: {wanted} expected: {answer:?}", place.method));
        }
    }
}

/// Who may not use an operation of administrators at all is told so, whatever is named.
fn barred(who: &Insider, place: &Place) -> bool {
    let administers = matches!(place.names, Names::Member | Names::Secret);
    administers && place.at == At::Path && !["owner", "admin"].contains(&who.role)
}

/// Whoever has `access_all_org` may have the results of a scheduled task written into a colleague's conversation.
fn reaches_colleagues(who: &Insider, place: &Place) -> bool {
    let delivers = matches!(place.at, At::Body(body) if body.contains("\"deliver\""));
    delivers && ["owner", "admin"].contains(&who.role)
}

/// What is no name is refused, and in a path exactly as what does not exist.
async fn compare_malformed(tally: &mut Tally, who: &Insider, place: &Place, first: &Case) {
    let mut cases = World::malformed(place.names);
    if place.at == At::Path && !barred(who, place) {
        cases.insert(0, first.clone());
        return compare(tally, Mode::Sound, who, place, ("accept", "*/*"), &cases).await;
    }
    for (what, asked) in cases {
        let answer = who.person.send(ask(who, operation(place), place, &asked)).await;
        let case = format!("as {}: {what} in {:?}", who.role, place.at);
        tally.count(operation(place), &answer, &case);
        if answer.status.is_server_error() {
            tally.leak(format!("{} {} {case} fails: {answer:?}", place.method, place.path));
        }
    }
}

/// Operations that name nothing, or a name of the caller's own, answer with what is the caller's.
async fn sweep(tally: &mut Tally, mode: Mode, who: &Insider) {
    for operation in OPERATIONS {
        let parameters = match operation.names {
            Names::Nothing => Vec::new(),
            Names::OwnKey => vec!["main".into()],
            Names::OwnCardType | Names::OwnSecret | Names::OwnSkill => vec!["offer-9".into()],
            Names::OwnEntity => vec!["deal".into(), "D-9".into()],
            _ => continue,
        };
        let answer = call(&who.person, operation, &parameters, "*/*").await;
        tally.count(operation, &answer, who.role);
        if mode == Mode::Sound && answer.status.is_server_error() {
            tally.leak(format!("{} {} fails: {answer:?}", operation.method, operation.path));
        }
    }
}

/// Everything that names something, asked for what is one victim's or everybody's.
async fn ask_everywhere(world: &World, mode: Mode, who: &Insider, only: Option<&str>, tally: &mut Tally) {
    for place in places() {
        let mut cases = world.unknowable(who, place.names);
        cases.retain(|(what, _)| only.is_none_or(|only| [NOBODYS, only].contains(what)));
        cases.retain(|(what, _)| !(*what == COLLEAGUES && reaches_colleagues(who, &place)));
        for accept in ["application/json", "text/event-stream"] {
            compare(tally, mode, who, &place, ("accept", accept), &cases).await;
        }
        // A write of one's own moves the version that the next one would have to name.
        let moves = matches!(place.at, At::Body(_));
        // A batch is answered although all of it is refused: the first one uses up the key.
        let keeps = place.path.ends_with("/batch");
        let fits = |(name, _): &(&str, &str)| {
            let odd = (moves && *name == "if-match") || (keeps && *name == "idempotency-key");
            !odd
        };
        for header in HEADERS.into_iter().filter(fits) {
            compare(tally, mode, who, &place, header, &cases[..cases.len().min(4)]).await;
        }
        if mode == Mode::Sound {
            compare_malformed(tally, who, &place, &cases[0]).await;
        }
    }
}

/// The whole matrix, against this service as it stands.
async fn walk(world: &World, mode: Mode, tally: &mut Tally) {
    let before = world.of_others().await;
    let store = world.app.replica.engine.store();
    if mode == Mode::Lied {
        for who in &world.insiders {
            for (whose, victim) in who.victims() {
                store.name_in_queries(Some(victim));
                ask_everywhere(world, mode, who, Some(whose), tally).await;
                sweep(tally, mode, who).await;
            }
        }
        store.name_in_queries(None);
    } else {
        for who in &world.insiders {
            ask_everywhere(world, mode, who, None, tally).await;
        }
        for who in &world.insiders {
            sweep(tally, mode, who).await;
        }
    }
    if world.of_others().await != before {
        tally.leak("something of theirs has changed".into());
    }
    let astray = world.astray().await;
    if astray != 0 {
        tally.leak(format!("{astray} rows hang on what is somebody else's"));
    }
}

#[tokio::test]
async fn what_one_may_not_know_of_does_not_exist() {
    let world = World::of_all_roles().await;
    let mut tally = Tally::default();
    walk(&world, Mode::Sound, &mut tally).await;
    tally.conclude("as built", 5_500, OPERATIONS.len(), places().len());
    // The canaries do sing for those to whom they belong.
    for person in [&world.bob, &world.mallory] {
        assert!(sings(&person.get("/v1/sessions").await));
        assert!(sings(&person.get("/v1/memory/user").await));
    }
}

#[tokio::test]
async fn the_policies_alone_keep_tenants_apart() {
    let world = World::of_all_roles().await;
    let mut tally = Tally::default();
    walk(&world, Mode::Lied, &mut tally).await;
    tally.conclude("policies alone", 6_300, OPERATIONS.len(), places().len());
}

#[tokio::test]
async fn the_filters_alone_keep_tenants_apart() {
    let world = World::of_all_roles().await;
    world.without_policies().await;
    let mut tally = Tally::default();
    walk(&world, Mode::Sound, &mut tally).await;
    tally.conclude("filters alone", 5_500, OPERATIONS.len(), places().len());
}

#[tokio::test]
async fn with_neither_policies_nor_filters_the_attacks_succeed() {
    let world = World::new().await;
    world.without_policies().await;
    let who = &world.insiders[0];
    let (_, mallory) = who.victims()[0];
    world.app.replica.engine.store().name_in_queries(Some(mallory));
    let mut sung = 0;
    for place in places().iter().filter(|place| place.method == "GET") {
        for (what, asked) in world.unknowable(who, place.names) {
            if what == OTHERS {
                let request = ask(who, operation(place), place, &asked).header("last-event-id", "");
                sung += usize::from(sings(&who.person.send(request).await));
            }
        }
    }
    for operation in OPERATIONS.iter().filter(|it| it.method == "GET" && it.names == Names::Nothing) {
        sung += usize::from(sings(&call(&who.person, operation, &[], "*/*").await));
    }
    println!("with neither: {sung} reading requests show what is another organization's");
    assert!(sung >= 12, "the attacks of the matrix are none: {sung}");
}
