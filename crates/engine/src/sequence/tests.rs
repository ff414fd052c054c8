//! Sequences in sequences, driven without a run: what becomes of each step, whatever happens to it.

use std::collections::BTreeMap;

use domain::skill::{SkillList, Source};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use store::skills::Used;

use super::*;
use crate::skills::Library;

/// What happens to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comes {
    /// It is done, with an effect where it is called `write`.
    Well,
    Fails,
    /// It fails, and may have had an effect.
    FailsInEffect,
    /// The person who is asked says no.
    Denied,
}

fn tools() -> BTreeMap<String, String> {
    ["read", "write"].into_iter().map(|name| (name.to_owned(), name.to_owned())).collect()
}

/// The sequence `top` among these: a key and the lines of its steps.
fn sequence(skills: &[(&str, String)]) -> Sequence {
    let used = skills.iter().map(|(key, steps)| Used {
        key: (*key).to_owned(),
        source: Source::Own,
        version: 1,
        document: format!(
            "---\nname: {key}\ndescription: d\nmetadata:\n  skill_type: sequence\n  workflow:\n{steps}\n---\n\nText.\n"
        ),
        is_cut: false,
        files: Vec::new(),
    });
    let library = Library::new(used.collect(), &SkillList::default(), &tools());
    let entry = library.named("top").expect("a sequence");
    let expanded = library.expanded(entry, &tools());
    assert_eq!(expanded.problems, []);
    let rows = rows(&expanded);
    Sequence::new(expanded, rows, Map::new(), Map::new()).expect("a sequence")
}

fn steps(lines: &[&str]) -> String {
    let line = |(place, line): (usize, &&str)| format!("    - {{order: {}, {line}}}", place + 1);
    lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// Carries the sequence out, and answers the tries: which step, and what came of it.
fn drive(sequence: &mut Sequence, comes: impl Fn(usize, &str) -> Comes) -> Vec<(usize, Comes)> {
    let mut tries = Vec::new();
    while let Next::Begin(at) = sequence.next() {
        assert!(tries.len() < 500, "it does not end: {:?}", sequence.rows);
        let row = &mut sequence.rows[at];
        if row.status == StepStatus::Pending {
            (row.status, row.attempt) = (StepStatus::Running, 1);
        }
        let name = row.name.clone();
        let asks = sequence.to_approve(at);
        let came = match comes(at, &name) {
            Comes::Denied if !asks => Comes::Well,
            // To open a sequence has no effect, and goes wrong only if somebody says no or something is missing.
            Comes::FailsInEffect if sequence.opens(at) => Comes::Fails,
            came => came,
        };
        tries.push((at, came));
        let row = &mut sequence.rows[at];
        match came {
            Comes::Well => {
                row.acted |= name == "write";
                sequence.done(at, json!({"from": at}).to_string());
            }
            Comes::Fails => sequence.fail(at, "no", Else::Again, 0),
            Comes::FailsInEffect => {
                row.acted = true;
                sequence.fail(at, "no", Else::Fallback, 0);
            }
            Comes::Denied => sequence.fail(at, "no", Else::Ends, 0),
        }
    }
    tries
}

fn statuses(sequence: &Sequence) -> String {
    let word = |row: &SequenceStep| match row.status {
        StepStatus::Done => "done",
        StepStatus::Failed => "failed",
        StepStatus::Skipped => "skipped",
        _ => "open",
    };
    sequence.rows.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_failure_goes_as_far_as_nobody_goes_on_without_the_part() {
    let inner = steps(&["action: read", "action: read, on_failure: continue", "action: read"]);
    let plain = |tail: &str| steps(&["action: read", &format!("skill_key: in{tail}"), "action: write"]);
    let second = steps(&["action: read", "action: read"]);
    let fallback = ", on_failure: fallback, fallback_skill_key: other";
    // The outer steps, which step comes to grief and how, and what becomes of all of them.
    for (tail, at, comes, expected) in [
        ("", 99, Comes::Well, "done done done done done done"),
        ("", 2, Comes::Fails, "done done failed skipped skipped skipped"),
        ("", 3, Comes::Fails, "done done done failed done done"),
        ("", 4, Comes::Fails, "done done done done failed skipped"),
        (", on_failure: continue", 2, Comes::Fails, "done done failed skipped skipped done"),
        (", on_failure: continue", 1, Comes::Fails, "done failed skipped skipped skipped done"),
        (", requires_approval: true", 1, Comes::Denied, "done failed skipped skipped skipped skipped"),
        (
            ", requires_approval: true, on_failure: continue",
            1,
            Comes::Denied,
            "done failed skipped skipped skipped done",
        ),
        (fallback, 99, Comes::Well, "done done done done done skipped skipped skipped done"),
        (fallback, 2, Comes::Fails, "done done failed skipped skipped done done done done"),
        (
            fallback,
            2,
            Comes::FailsInEffect,
            "done done failed skipped skipped skipped skipped skipped skipped",
        ),
        (fallback, 6, Comes::Fails, "done done done done done skipped skipped skipped done"),
    ] {
        let mut sequence =
            sequence(&[("top", plain(tail)), ("in", inner.clone()), ("other", second.clone())]);
        drive(&mut sequence, |step, _| if step == at { comes } else { Comes::Well });
        assert_eq!(statuses(&sequence), expected, "{tail}, step {at} {comes:?}");
    }
}

#[test]
fn a_denial_is_not_gone_around_by_a_fallback() {
    for tail in ["skill_key: in", "action: write"] {
        let line =
            format!("{tail}, requires_approval: true, on_failure: fallback, fallback_skill_key: other");
        let top = steps(&[&line, "action: write"]);
        let mut sequence = sequence(&[
            ("top", top),
            ("in", steps(&["action: write, on_failure: continue"])),
            ("other", steps(&["action: write"])),
        ]);
        let tries = drive(&mut sequence, |step, _| if step == 0 { Comes::Denied } else { Comes::Well });
        assert_eq!(tries, [(0, Comes::Denied)], "{tail}");
        assert!(statuses(&sequence).starts_with("failed skipped"), "{tail}: {}", statuses(&sequence));
    }
}

#[test]
fn results_stand_under_the_keys_of_their_own_sequence() {
    let top = steps(&[
        "action: read, output_key: a",
        "skill_key: in, output_key: b",
        "skill_key: in, output_key: c, on_failure: continue",
        "action: read, input_mapping: {a: '${outputs.a.from}', b: '${outputs.b.a.from}', c: '${outputs.c.a}', \
         in: '${outputs.b}'}",
    ]);
    let inner = steps(&["action: read, output_key: a", "action: read"]);
    let mut sequence = sequence(&[("top", top), ("in", inner)]);
    drive(&mut sequence, |step, _| if step == 6 { Comes::Fails } else { Comes::Well });
    let last = sequence.rows.len() - 1;
    let given = sequence.evaluate(last);
    let expected = json!({"a": 0, "b": 2, "c": null, "in": {"a": {"from": 2}}});
    assert_eq!(Value::Object(given.arguments), expected);
    assert_eq!(given.lacks, ["outputs.c.a"]);
}

/// Some steps of a sequence that may follow those below it. Two at most: with two sequences below, and each of them also
/// as a fallback, that makes 42 steps in all, and the service takes 50.
fn some(below: usize) -> impl Strategy<Value = String> {
    let key = move || (0..below.max(1)).prop_map(|n| format!("s{n}"));
    let does = prop_oneof![
        Just("action: read".to_owned()),
        Just("action: write".to_owned()),
        key().prop_map(move |key| if below == 0 {
            "action: read".into()
        } else {
            format!("skill_key: {key}")
        }),
    ];
    let fails = prop_oneof![
        3 => Just(String::new()),
        1 => Just(", on_failure: continue".to_owned()),
        2 => key().prop_map(move |key| match below {
            0 => String::new(),
            _ => format!(", on_failure: fallback, fallback_skill_key: {key}"),
        }),
    ];
    let line = (does, fails, any::<bool>(), 0..2_u32).prop_map(|(does, fails, asks, retries)| {
        let asks = if asks { ", requires_approval: true" } else { "" };
        let retries = if retries > 0 { ", max_retries: 1" } else { "" };
        format!("{does}{fails}{asks}{retries}")
    });
    prop::collection::vec(line, 1..=2)
        .prop_map(|lines| steps(&lines.iter().map(String::as_str).collect::<Vec<_>>()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_sequence_ends_with_each_step_at_its_end(
        (s0, s1, top) in (some(0), some(1), some(2)),
        comes in prop::collection::vec(
            prop_oneof![
                3 => Just(Comes::Well), 2 => Just(Comes::Fails), 1 => Just(Comes::FailsInEffect),
                1 => Just(Comes::Denied),
            ],
            60,
        ),
    ) {
        let mut sequence = sequence(&[("top", top), ("s1", s1), ("s0", s0)]);
        let tries = drive(&mut sequence, |step, _| comes[step % comes.len()]);
        let statuses = statuses(&sequence);
        prop_assert!(!statuses.contains("open"), "{} after {:?}", statuses, tries);
        let broken = matches!(sequence.next(), Next::Broken(_));
        prop_assert!(broken || sequence.next() == Next::Answer);
        // What comes of the last try of a step is how it stands.
        for (at, row) in sequence.rows.iter().enumerate() {
            let last = tries.iter().rev().find(|(step, _)| *step == at).map(|(_, came)| *came);
            let stands = match row.status {
                StepStatus::Done => last == Some(Comes::Well),
                StepStatus::Failed => last.is_some_and(|came| came != Comes::Well),
                _ => last.is_none(),
            };
            prop_assert!(stands, "step {} is {:?} after {:?}", at, row.status, tries);
        }
        // Nothing is done in the place of what was denied, or has had an effect.
        for fallback in &sequence.expanded.fallbacks {
            let of = sequence.expanded.steps_of(fallback.of);
            let ends = |(step, came): &(usize, Comes)| {
                of.contains(step) && matches!(came, Comes::Denied | Comes::FailsInEffect)
            };
            let began = tries.iter().any(|(step, _)| fallback.steps.contains(step));
            let failed = sequence.has_failed(fallback.of);
            prop_assert!(!began || failed, "{} took over from what had not failed: {:?}", statuses, tries);
            let acted = sequence.rows[of.clone()].iter().any(|row| row.acted);
            prop_assert!(!(began && acted), "{} took over from an effect: {:?}", statuses, tries);
            let last = tries.iter().rev().find(|(step, _)| of.contains(step));
            prop_assert!(!(began && last.is_some_and(ends)), "{} went around: {:?}", statuses, tries);
        }
    }
}
