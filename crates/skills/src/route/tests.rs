use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::{
    build::{calls, key, sequence, skill, trigger},
    skill::{Command, Deprecation, Pattern as Written, Trigger},
};

fn phrase(text: &str) -> Trigger {
    trigger(Written::Phrase(text.to_owned()))
}

fn triggered(name: &str, triggers: Vec<Trigger>) -> Skill {
    Skill { triggers, ..skill(name) }
}

fn router(skills: &[Skill]) -> Router {
    let candidates: Vec<_> = skills.iter().map(|skill| Candidate { skill, own: false }).collect();
    Router::new(&candidates)
}

/// Key, way and confidence of the decision.
fn routed(router: &Router, text: &str) -> Option<(String, MatchedBy, f64)> {
    router.route(text).map(|it| (it.key.to_string(), it.matched_by, it.confidence))
}

fn key_for(router: &Router, text: &str) -> Option<String> {
    router.route(text).map(|it| it.key.to_string())
}

#[test]
fn a_phrase_is_found_wherever_it_stands_as_words() {
    let router = router(&[triggered("prep", vec![phrase("Prep my Meeting"), phrase("follow-up")])]);
    for text in [
        "prep my meeting",
        "Please PREP  my\nmeeting with Acme!",
        "can you prep my meetings?",
        "a follow up, please",
        "the follow-ups",
    ] {
        assert_eq!(routed(&router, text), Some(("prep".into(), MatchedBy::Trigger, 0.7)), "{text}");
    }
    for text in ["unprep my meeting", "prep my meetingroom", "prep our meeting", "followup"] {
        assert_eq!(key_for(&router, text), None, "{text}");
    }
    assert_eq!(
        router.route("prep my meeting").map(|it| it.reason).as_deref(),
        Some("the message has “Prep my Meeting”")
    );
}

#[test]
fn letters_of_all_scripts_are_compared_without_their_case() {
    let router = router(&[
        triggered("de", vec![phrase("Straße prüfen")]),
        triggered("el", vec![phrase("ΣΎΝΟΨΗ ΠΕΛΆΤΗΣ")]),
        triggered("ja", vec![phrase("会議の準備")]),
    ]);
    assert_eq!(key_for(&router, "bitte STRASSE PRU\u{308}FEN"), Some("de".into()));
    assert_eq!(key_for(&router, "σύνοψη πελάτης"), Some("el".into()));
    assert_eq!(key_for(&router, "明日の会議の準備をして"), Some("ja".into()));
}

#[test]
fn a_placeholder_stands_for_one_to_a_few_words() {
    let template = |text: &str| trigger(Written::Template(text.to_owned()));
    let router = router(&[
        triggered("brief", vec![template("brief me on [company] before [event]")]),
        triggered("compare", vec![template("[company] versus [company]")]),
        triggered("own", vec![template("what is [name]'s pipeline")]),
    ]);
    for (text, expected) in [
        ("Brief me on Acme before the call", Some("brief")),
        ("so, brief me on Acme Holding GmbH before Monday please", Some("brief")),
        ("brief me on before Monday", None),
        ("brief me on a b c d e f before Monday", None),
        ("Acme versus Globex", Some("compare")),
        ("versus Globex", None),
        ("what is Bob's pipeline?", Some("own")),
    ] {
        assert_eq!(key_for(&router, text).as_deref(), expected, "{text}");
    }
    assert!(
        router.route("Acme versus Globex").is_some_and(|it| it.reason.contains("[company] versus [company]"))
    );
}

#[test]
fn a_slash_command_is_obeyed_by_its_label_or_its_trigger() {
    let labelled = |name: &str, label: &str| Skill {
        command: Some(Command { label: label.into(), description: None, icon: None }),
        ..skill(name)
    };
    let router = router(&[
        labelled("prep", "Prep"),
        labelled("prep-call", "/prep call"),
        triggered("deals", vec![trigger(Written::Command("my-deals".into()))]),
    ]);
    for (text, expected) in [
        ("/prep Acme", Some("prep")),
        ("  /PREP", Some("prep")),
        ("/prep-call Acme", Some("prep-call")),
        ("/prep call Acme", Some("prep-call")),
        ("/prep_call", Some("prep-call")),
        ("/my-deals", Some("deals")),
        ("/prep-callers", None),
        ("/prepare", None),
        ("/", None),
        ("prep", None),
        ("and /prep", None),
    ] {
        let found = routed(&router, text);
        assert_eq!(found.as_ref().map(|it| it.0.as_str()), expected, "{text}");
        assert!(found.is_none_or(|it| it.1 == MatchedBy::Command && it.2 >= 1.0));
    }
}

#[test]
fn a_clash_of_commands_is_won_by_the_own_skill_then_the_priority_then_the_key() {
    let labelled = |name: &str, priority: &str| Skill {
        command: Some(Command { label: "go".into(), description: None, icon: None }),
        priority: Some(priority.into()),
        ..skill(name)
    };
    let (own, high, a, b) =
        (labelled("z", "low"), labelled("y", "high"), labelled("a", "low"), labelled("b", "low"));
    let win = |candidates: &[(&Skill, bool)]| {
        let candidates: Vec<_> =
            candidates.iter().map(|(skill, own)| Candidate { skill, own: *own }).collect();
        let router = Router::new(&candidates);
        let lost: Vec<String> =
            router.warnings().iter().map(|(key, it)| format!("{key}: {}", it.problem)).collect();
        (key_for(&router, "/go").expect("a winner"), lost)
    };
    assert_eq!(win(&[(&a, false), (&high, false), (&own, true)]).0, "z");
    assert_eq!(win(&[(&a, false), (&high, false)]).0, "y");
    let (winner, lost) = win(&[(&b, false), (&a, false)]);
    assert_eq!(
        (winner.as_str(), &lost[..]),
        ("a", &["b: /go is the command of `a` already, which wins".to_owned()][..])
    );
}

#[test]
fn an_event_never_matches_a_message() {
    let router = router(&[triggered("on", vec![trigger(Written::Event("meeting.ended".into()))])]);
    assert_eq!(key_for(&router, "meeting.ended"), None);
    assert_eq!(key_for(&router, "the meeting ended"), None);
}

#[test]
fn regular_expressions_match_without_case() {
    let regex = |text: &str| trigger(Written::Regex(text.to_owned()));
    let router =
        router(&[triggered("invoice", vec![regex(r"inv-\d{3,}")]), triggered("b", vec![regex("(")])]);
    assert_eq!(key_for(&router, "what about INV-2041?"), Some("invoice".into()));
    assert_eq!(key_for(&router, "what about INV-20?"), None);
    assert_eq!(router.warnings()[0].1.problem, "is no regular expression and matches nothing");
}

#[test]
fn sequences_come_first_from_0_7_and_skills_from_0_5() {
    let sure = |confidence: f64| Trigger { confidence, ..phrase("deal rescue") };
    let steps = vec![calls(1, "get_deal", &serde_json::json!({}))];
    let flow =
        |confidence: f64| Skill { triggers: vec![sure(confidence)], ..sequence("flow", steps.clone()) };
    for (of_flow, of_skill, expected) in [
        (0.7, 0.95, Some("flow")),
        (0.69, 0.5, Some("one")),
        (0.69, 0.49, None),
        (f64::NAN, f64::INFINITY, Some("one")),
    ] {
        let router = router(&[flow(of_flow), triggered("one", vec![sure(of_skill)])]);
        assert_eq!(key_for(&router, "a deal rescue plan now").as_deref(), expected, "{of_flow} {of_skill}");
    }
}

#[test]
fn triggers_decide_before_keywords_and_keywords_before_text() {
    let text = Skill { description: "Summarize renewal contracts and terms".into(), ..skill("text") };
    let keyword = Skill { keywords: vec!["renewal".into(), "contract terms".into()], ..skill("keyword") };
    let triggers = triggered("trigger", vec![Trigger { confidence: 0.5, ..phrase("summarize renewal") }]);
    let all = [text, keyword, triggers];
    let message = "summarize renewal contract terms";
    for (skills, expected) in [
        (&all[..], ("trigger", MatchedBy::Trigger)),
        (&all[..2], ("keyword", MatchedBy::Keyword)),
        (&all[..1], ("text", MatchedBy::Text)),
    ] {
        let decision = router(skills).route(message).expect("a decision");
        assert_eq!((decision.key.as_str(), decision.matched_by), expected, "{decision:?}");
    }
    assert_eq!(router(&all[..2]).route(message).expect("one").reason, "keywords: renewal, contract terms");
    assert_eq!(
        router(&all[..1]).route(message).expect("one").reason,
        "it is about summarize, renewal, contract, term"
    );
}

#[test]
fn a_keyword_says_less_if_several_skills_have_it() {
    let with = |name: &str, words: &[&str]| Skill {
        keywords: words.iter().map(|&word| word.to_owned()).collect(),
        ..skill(name)
    };
    let alone = router(&[with("a", &["forecast"])]);
    assert_eq!(routed(&alone, "about my forecast"), Some(("a".into(), MatchedBy::Keyword, 0.5)));
    let shared = router(&[with("a", &["forecast", "quarter"]), with("b", &["forecast"])]);
    assert_eq!(key_for(&shared, "about my forecast"), None);
    assert_eq!(key_for(&shared, "my forecast of the quarter"), Some("a".into()));
}

#[test]
fn examples_count_for_text_search_and_one_common_word_is_a_coincidence() {
    let example =
        Trigger { examples: vec!["Which customers have gone quiet lately?".into()], ..phrase("zzz") };
    let router = router(&[triggered("quiet", vec![example]), skill("other")]);
    assert_eq!(routed(&router, "which customer has gone quiet").map(|it| it.1), Some(MatchedBy::Text));
    assert_eq!(key_for(&router, "customers"), None);
    assert_eq!(key_for(&router, "quiet customers of the bakery in Lyon with five ovens and red doors"), None);
}

#[test]
fn answers_and_greetings_skip_routing() {
    let router = router(&[Skill {
        keywords: vec!["thanks".into()],
        ..triggered("yes", vec![phrase("yes"), phrase("ok")])
    }]);
    for text in [
        "yes",
        "Ok!",
        "thanks",
        "Yes, please.",
        "ok thanks",
        "go ahead",
        "👍",
        "",
        "   ",
        "thank you very much",
    ] {
        assert_eq!(router.route(text), None, "{text}");
    }
    assert_eq!(key_for(&router, "yes to the new offer of Globex"), Some("yes".into()));
}

#[test]
fn the_more_certain_then_the_longer_match_then_the_order_wins() {
    let high = Skill { priority: Some("high".into()), ..triggered("z", vec![phrase("call notes")]) };
    let router = router(&[
        triggered("a", vec![phrase("call")]),
        triggered("b", vec![phrase("call notes")]),
        triggered("c", vec![phrase("call notes")]),
        high,
        triggered("d", vec![Trigger { confidence: 0.9, ..phrase("notes of") }]),
    ]);
    assert_eq!(key_for(&router, "notes of"), Some("d".into()));
    assert_eq!(key_for(&router, "my call notes"), Some("z".into()));
    assert_eq!(key_for(&router, "my call"), Some("a".into()));
}

#[test]
fn only_what_is_offered_is_chosen_and_an_override_replaces_the_platforms() {
    let old = Skill {
        deprecation: Some(Deprecation { by: None, reason: None }),
        ..triggered("old", vec![phrase("deal rescue")])
    };
    let fleet = Skill { namespaces: vec!["fleet".into()], ..triggered("fleet", vec![phrase("deal rescue")]) };
    assert_eq!(router(&[old, fleet]).route("deal rescue"), None);
    let (platform, own) =
        (triggered("x", vec![phrase("old words")]), triggered("x", vec![phrase("new words")]));
    let router =
        Router::new(&[Candidate { skill: &platform, own: false }, Candidate { skill: &own, own: true }]);
    assert_eq!(key_for(&router, "the old words"), None);
    assert_eq!(key_for(&router, "the new words"), Some("x".into()));
}

#[test]
fn a_skill_that_may_not_be_chosen_gives_way_and_its_command_does_not() {
    let labelled = Skill {
        command: Some(Command { label: "rescue".into(), description: None, icon: None }),
        ..triggered("a", vec![Trigger { confidence: 0.9, ..phrase("deal rescue") }])
    };
    let router = router(&[labelled, triggered("b", vec![phrase("deal rescue")])]);
    let among = |text: &str| router.route_among(text, |key| key.as_str() != "a").map(|it| it.key.to_string());
    assert_eq!((key_for(&router, "deal rescue"), among("deal rescue")), (Some("a".into()), Some("b".into())));
    assert_eq!(among("/rescue"), Some("a".into()));
}

#[test]
fn only_the_beginning_of_a_message_is_looked_at() {
    let router = router(&[triggered("a", vec![phrase("deal rescue")])]);
    let far = format!("{} deal rescue", "x ".repeat(1_000));
    assert_eq!(router.route(&far), None);
    assert_eq!(key_for(&router, &format!("deal rescue {far}")), Some("a".into()));
}

#[test]
fn patterns_that_can_never_match_are_left_out_with_a_warning() {
    let template = |text: &str| trigger(Written::Template(text.to_owned()));
    let router = router(&[triggered(
        "a",
        vec![
            phrase("???"),
            template("[x][y] [z]"),
            phrase(&"x".repeat(201)),
            template(&"[x]".repeat(300_000)),
            trigger(Written::Regex(r"(\w{100}){100}".into())),
            trigger(Written::Command("!".into())),
        ],
    )]);
    let said: Vec<&str> =
        router.warnings().iter().map(|(_, it)| it.problem.split(',').next().unwrap_or_default()).collect();
    assert_eq!(
        said,
        [
            "a command has 1 to 6 words",
            "has no word and matches nothing",
            "has no word beside its placeholders",
            "is longer than 200 characters and matches nothing",
            "is longer than 200 characters and matches nothing",
            "is too large a regular expression and matches nothing",
        ]
    );
    assert_eq!(router.route("xxx yyy zzz"), None);
}

/// What a hostile administrator can write, and the messages that make most of it.
#[test]
fn hostile_patterns_and_messages_take_bounded_time() {
    let template = |text: String| trigger(Written::Template(text));
    let skills: Vec<Skill> = (0..300)
        .map(|n| {
            let mut triggers: Vec<Trigger> = (1..40).map(|n| phrase(&"a ".repeat(n))).collect();
            triggers.extend((1..40).map(|n| template(format!("a [x] {}", "[y] a ".repeat(n % 20)))));
            triggers.push(trigger(Written::Regex(format!(r"(\w+\s*)+{n}$"))));
            Skill {
                keywords: vec!["a".into()],
                description: "a b c ".repeat(1_000),
                ..triggered(&format!("s{n}"), triggers)
            }
        })
        .collect();
    let router = router(&skills);
    for text in [
        "a ".repeat(500_000),
        "/".repeat(1_000_000),
        "a".repeat(1_000_000),
        "[x]".repeat(300_000),
        "ﷺ".repeat(300_000),
    ] {
        let start = Instant::now();
        let _ = router.route(&text);
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
}

proptest! {
    #[test]
    fn nothing_makes_it_panic_and_the_same_gives_the_same(
        patterns in proptest::collection::vec(r"[a-c \[\]/ß会()*+.]{0,12}", 0..6), text in r"[a-c \[\]/ßSs会!.]{0,30}"
    ) {
        let kinds = [Written::Phrase, Written::Template, Written::Command, Written::Event, Written::Regex];
        let triggers: Vec<Trigger> =
            patterns.iter().zip(kinds.iter().cycle()).map(|(text, kind)| trigger(kind(text.clone()))).collect();
        let skills = [triggered("a", triggers.clone()), Skill { triggers, keywords: patterns, ..sequence("b", vec![]) }];
        let decision = router(&skills).route(&text);
        prop_assert!(decision.as_ref().is_none_or(|it| (0.5..=1.0).contains(&it.confidence)));
        prop_assert_eq!(router(&skills).route(&text), decision);
    }

    #[test]
    fn a_phrase_is_found_in_any_message_that_has_it(before in "[a-zäß会. ]{0,30}", phrase in "[a-zA-Zäß会]{1,8}( [a-zß]{1,8}){0,3}") {
        let router = router(&[triggered("a", vec![super::tests::phrase(&phrase)])]);
        let text = format!("x q z v w {before} {phrase}. {before}");
        prop_assert_eq!(key_for(&router, &text), Some(key("a").to_string()));
    }
}
