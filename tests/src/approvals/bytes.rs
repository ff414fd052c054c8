//! What is executed is what was shown, byte for byte.

use std::collections::HashMap;

use model_sim::Reply;
use proptest::{
    prelude::*,
    strategy::{BoxedStrategy, ValueTree},
    test_runner::TestRunner,
};
use serde_json::{Map, Value, json, value::RawValue};
use sqlx::Row;

use super::desk::set;
use crate::harness::{
    Person, TestApp,
    look::{all, end, run_of},
};

/// Calls in all, and of one answer.
const CALLS: usize = 1_000;
const AT_ONCE: usize = 16;

/// A call: the tool, and its arguments as JSON text.
type Call = (&'static str, String);

/// JSON text of a string: as it is, or with each character escaped.
fn text(longest: usize) -> BoxedStrategy<String> {
    let characters =
        proptest::collection::vec(any::<char>().prop_filter("no U+0000", |c| *c != '\0'), 1..longest);
    (characters, any::<bool>())
        .prop_map(|(characters, escaped)| {
            let text: String = characters.into_iter().collect();
            if !escaped {
                return Value::from(text).to_string();
            }
            let escapes: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            format!("\"{escapes}\"")
        })
        .boxed()
}

/// Numbers from 0 to 100 in many spellings.
fn number() -> BoxedStrategy<String> {
    prop_oneof![
        Just("1e2".to_owned()),
        Just("0.10".to_owned()),
        Just("100.0".to_owned()),
        Just("1E+1".to_owned()),
        Just("25e-1".to_owned()),
        Just("-0".to_owned()),
        (0..=100_u8).prop_map(|n| n.to_string()),
        (0..=99_u8, 0..1000_u16).prop_map(|(n, f)| format!("{n}.{f:03}")),
    ]
    .boxed()
}

fn object(members: Vec<(&'static str, String)>) -> impl Strategy<Value = String> {
    (Just(members).prop_shuffle(), prop::sample::select(vec!["", " ", "\t", "  "])).prop_map(
        |(members, space)| {
            let members: Vec<String> = members
                .into_iter()
                .map(|(name, value)| format!("{space}\"{name}\"{space}:{space}{value}"))
                .collect();
            format!("{{{}{space}}}", members.join(&format!("{space},")))
        },
    )
}

fn change(id: String) -> BoxedStrategy<Call> {
    let fields = (text(30), number(), number(), prop::sample::select(vec!["null", "\"2026-12-31\""]));
    fields
        .prop_flat_map(|(stage, amount, probability, date)| {
            let all = vec![
                ("stage", stage),
                ("amount", amount),
                ("probability", probability),
                ("close_date", date.to_owned()),
            ];
            proptest::sample::subsequence(all, 1..=4).prop_flat_map(object)
        })
        .prop_flat_map(move |changes| {
            object(vec![("kind", "\"deal\"".into()), ("id", format!("\"{id}\"")), ("changes", changes)])
        })
        .prop_map(|args| ("update_entity", args))
        .boxed()
}

fn remark(id: String) -> BoxedStrategy<Call> {
    text(60)
        .prop_flat_map(move |text| {
            object(vec![("kind", "\"deal\"".into()), ("id", format!("\"{id}\"")), ("text", text)])
        })
        .prop_map(|args| ("add_note", args))
        .boxed()
}

/// The pending approvals' inputs as the API sends them, by their calls.
async fn shown(person: &Person) -> HashMap<String, (String, String)> {
    type Object = HashMap<String, Box<RawValue>>;
    let answer = person.get("/v1/approvals?status=pending&limit=100").await.expect(200);
    let page: Object = serde_json::from_str(&answer.text).expect("a page");
    let list: Vec<Object> = serde_json::from_str(page["data"].get()).expect("a list");
    let word = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).expect("a text");
    list.iter()
        .map(|one| (word(&one["tool_call_id"]), (word(&one["id"]), one["input"].get().to_owned())))
        .collect()
}

/// What was executed, by the call, as the superuser sees it; the hash fits the bytes.
async fn executed(app: &TestApp, run: &str) -> HashMap<String, String> {
    let pool = app.database.superuser().await;
    let rows = sqlx::query(
        "select call_id, args, args_hash = sha256(convert_to(args, 'UTF8')) and state = 'done' as intact
         from sixty.tool_calls where run_id = $1::uuid",
    )
    .bind(run)
    .fetch_all(&pool)
    .await
    .expect("rows");
    pool.close().await;
    rows.iter()
        .map(|row| {
            assert!(row.get::<bool, _>("intact"));
            (row.get("call_id"), row.get("args"))
        })
        .collect()
}

fn equal(stored: &Value, meant: &Value) -> bool {
    match (stored.as_f64(), meant.as_f64()) {
        // None is negative but -0.
        (Some(stored), Some(meant)) => stored.abs().to_bits() == meant.abs().to_bits(),
        _ => stored == meant,
    }
}

#[tokio::test]
async fn a_thousand_sets_of_arguments_are_executed_as_they_were_shown() {
    let app = TestApp::start().await;
    let alice = app.alice();
    set(&alice, json!({"preset": "conservative"})).await;
    for n in 0..AT_ONCE {
        alice
            .put(&format!("/v1/entities/deal/D-{n}"), json!({"name": format!("Deal {n}")}))
            .await
            .expect(201);
    }
    let mut runner = TestRunner::deterministic();
    let mut expected: HashMap<String, Map<String, Value>> = HashMap::new();
    let mut done = 0;
    while done < CALLS {
        let calls: Vec<Call> = (0..AT_ONCE.min(CALLS - done))
            .map(|n| {
                let id = format!("D-{n}");
                let strategy = if (n + done / AT_ONCE).is_multiple_of(2) { change(id) } else { remark(id) };
                strategy.new_tree(&mut runner).expect("a call").current()
            })
            .collect();
        done += calls.len();
        round(&app, &alice, &calls).await;
        take_in(&app, &mut expected, &calls).await;
    }
    for (id, fields) in expected {
        let deal = alice.get(&format!("/v1/entities/deal/{id}")).await.expect(200).json();
        for (name, meant) in fields {
            let stored = deal.get(&name).unwrap_or(&Value::Null);
            assert!(equal(stored, &meant), "{id}.{name}: {stored} is not {meant}");
        }
    }
}

/// Has the model make the calls, approves what is shown, and compares it with what was executed.
async fn round(app: &TestApp, alice: &Person, calls: &[Call]) {
    let session = alice.session().await;
    app.sim
        .push(calls.iter().fold(Reply::message(), |reply, (tool, args)| reply.tool_raw(*tool, args.clone())));
    let frames = alice.hear(&session, "Do it").await;
    assert_eq!(end(&frames).data["status"], "waiting");
    let ids: Vec<String> = all(&frames, "approval_required")
        .iter()
        .map(|asked| asked["tool_call_id"].as_str().expect("an id").to_owned())
        .collect();
    let shown = shown(alice).await;
    assert_eq!((ids.len(), shown.len()), (calls.len(), calls.len()));
    for (id, (_, args)) in ids.iter().zip(calls) {
        assert_eq!(shown[id].1, *args, "what is shown is what the model sent");
    }
    let decisions: Vec<Value> =
        shown.values().map(|(approval, _)| json!({"id": approval, "decision": "approve"})).collect();
    app.sim.push(Reply::text("Done."));
    alice.post("/v1/approvals/batch", json!({ "decisions": decisions })).await.expect(200);
    let run = run_of(&frames);
    let after = frames.last().map(|frame| frame.id.as_str());
    assert_eq!(end(&alice.follow(&run, after).await.rest().await).data["status"], "done");
    let executed = executed(app, &run).await;
    assert_eq!(executed.len(), calls.len());
    for (id, (_, input)) in &shown {
        assert_eq!(executed[id], *input, "what is executed is what was shown");
    }
}

/// Notes are looked at now, fields of deals at the end.
async fn take_in(app: &TestApp, expected: &mut HashMap<String, Map<String, Value>>, calls: &[Call]) {
    for (tool, args) in calls {
        let args: Value = serde_json::from_str(args).expect("JSON");
        let id = args["id"].as_str().expect("an id").to_owned();
        if *tool == "add_note" {
            let notes = app.alice().get(&format!("/v1/entities/deal/{id}/notes")).await.expect(200).json();
            assert_eq!(notes["data"][0]["text"], args["text"]);
        } else {
            let fields = args["changes"].as_object().expect("an object").clone();
            expected.entry(id).or_default().extend(fields);
        }
    }
}
