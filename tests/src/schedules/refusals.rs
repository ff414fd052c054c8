//! What is refused, field by field.

use serde_json::{Value, json};

use super::{PATH, clock, daily, make, with};
use crate::harness::TestApp;

/// Bodies with the field that is wrong, and words of the reason.
fn bad() -> Vec<(Value, &'static str, &'static str)> {
    let of = |schedule: Value| with(json!({ "schedule": schedule }));
    let cron = |pattern: &str| of(json!({"kind": "cron", "cron": pattern}));
    let once = |at: &str| of(json!({"kind": "once", "at": at}));
    let zone = |zone: &str| of(json!({"kind": "cron", "cron": "0 9 * * *", "timezone": zone}));
    vec![
        (json!({}), "", "name"),
        (with(json!({"name": ""})), "name", "1 to 200"),
        (with(json!({"name": "   "})), "name", "1 to 200"),
        (with(json!({"name": "x".repeat(201)})), "name", "1 to 200"),
        (with(json!({"name": "a\nb"})), "name", "a line"),
        (with(json!({"name": 7})), "name", "string"),
        (with(json!({"name": "a\u{0}"})), "name", "U+0000"),
        (with(json!({"name": "[REDACTED:jwt]"})), "name", "REDACTED"),
        (with(json!({"prompt": ""})), "prompt", "1 to 16384"),
        (with(json!({"prompt": "x".repeat(16_385)})), "prompt", "has 16385"),
        (with(json!({"prompt": "ü".repeat(8_193)})), "prompt", "has 16386"),
        (with(json!({"prompt": "x".repeat(200_000)})), "prompt", "16384"),
        (with(json!({"prompt": null})), "prompt", "string"),
        (with(json!({"prompt": "a [REDACTED:jwt]"})), "prompt", "REDACTED"),
        (with(json!({"colour": "red"})), "colour", "unknown field"),
        (with(json!({"status": "paused"})), "status", "unknown field"),
        (with(json!({"next_run_at": "2030-01-01T00:00:00Z"})), "next_run_at", "unknown field"),
        (with(json!({"owner": "bob"})), "owner", "unknown field"),
        (with(json!({"catch_up": "all"})), "catch_up", "one"),
        (with(json!({"schedule": "daily"})), "schedule", "invalid type"),
        (of(json!({})), "schedule", "kind"),
        (of(json!({"kind": "weekly"})), "schedule.kind", "cron, interval or once"),
        (of(json!({"kind": "cron"})), "schedule.cron", "missing"),
        (
            of(json!({"kind": "cron", "cron": "0 9 * * *", "every_seconds": 60})),
            "schedule.every_seconds",
            "belong",
        ),
        (of(json!({"kind": "cron", "cron": "0 9 * * *", "at": "2030-01-01"})), "schedule.at", "belong"),
        (of(json!({"kind": "cron", "cron": "0 9 * * *", "jitter": 5})), "schedule.jitter", "unknown field"),
        (cron(""), "schedule.cron", "five fields"),
        (cron("0 9 * *"), "schedule.cron", "has 4"),
        (cron("0 0 9 * * *"), "schedule.cron", "has 6"),
        (cron("0 0 9 * * * 2030"), "schedule.cron", "has 7"),
        (cron("@daily"), "schedule.cron", "no macro"),
        (cron("@reboot"), "schedule.cron", "no macro"),
        (cron("60 9 * * *"), "schedule.cron", "minute"),
        (cron("0 24 * * *"), "schedule.cron", "hour"),
        (cron("0 9 0 * *"), "schedule.cron", "day of the month"),
        (cron("0 9 32 * *"), "schedule.cron", "day of the month"),
        (cron("0 9 * 13 *"), "schedule.cron", "month"),
        (cron("0 9 * * 8"), "schedule.cron", "day of the week"),
        (cron("0 9 * * FUNDAY"), "schedule.cron", "day of the week"),
        (cron("0 9 31 2 *"), "schedule.cron", "never fires"),
        (cron("0 9 31 6 *"), "schedule.cron", "never fires"),
        (cron("*/0 * * * *"), "schedule.cron", "minute"),
        (cron("*/90 * * * *"), "schedule.cron", "too large"),
        (cron("5-1 9 * * *"), "schedule.cron", "minute"),
        (cron("1,,2 9 * * *"), "schedule.cron", "empty"),
        (cron("0 9 ? * *"), "schedule.cron", "'?'"),
        (cron("H 9 * * *"), "schedule.cron", "minute"),
        (cron("0 9 * * MON; drop table"), "schedule.cron", "five fields"),
        (cron(&"* ".repeat(1_000)), "schedule.cron", "200 characters"),
        (of(json!({"kind": "cron", "cron": 9})), "schedule.cron", "string"),
        (of(json!({"kind": "interval"})), "schedule.every_seconds", "missing"),
        (of(json!({"kind": "interval", "every_seconds": 0})), "schedule.every_seconds", "60 to"),
        (of(json!({"kind": "interval", "every_seconds": 59})), "schedule.every_seconds", "60 to"),
        (of(json!({"kind": "interval", "every_seconds": -60})), "schedule.every_seconds", "60 to"),
        (of(json!({"kind": "interval", "every_seconds": 1_000_000_000})), "schedule.every_seconds", "60 to"),
        (of(json!({"kind": "interval", "every_seconds": 1e30})), "schedule.every_seconds", "invalid"),
        (of(json!({"kind": "interval", "every_seconds": 60.5})), "schedule.every_seconds", "invalid"),
        (of(json!({"kind": "interval", "every_seconds": "60"})), "schedule.every_seconds", "invalid"),
        (of(json!({"kind": "once"})), "schedule.at", "missing"),
        (once("tomorrow"), "schedule.at", "a time such as"),
        (once("2026-02-30T09:00"), "schedule.at", "a time such as"),
        (once("2026-06-31T09:00:00Z"), "schedule.at", "a time such as"),
        (once("2026-06-01T25:00:00Z"), "schedule.at", "a time such as"),
        (once("2026-06-01T11:59:59Z"), "schedule.at", "past"),
        (once("1970-01-01T00:00:00Z"), "schedule.at", "past"),
        (once("2099-01-01T00:00:00Z"), "schedule.at", "five years"),
        (zone("Europe/Berln"), "schedule.timezone", "Europe/Berlin is the nearest"),
        (zone("CEST"), "schedule.timezone", "IANA"),
        (zone("+02:00"), "schedule.timezone", "IANA"),
        (zone(""), "schedule.timezone", "IANA"),
        (zone(&"x".repeat(5_000)), "schedule.timezone", "IANA"),
        (with(json!({"name": "\u{200B}"})), "name", "1 to 200"),
        (cron("0 0 29 2 L"), "schedule.cron", "day of the week"),
        (once("2026-12-31T23:59:60Z"), "schedule.at", "a time such as"),
        (with(json!({"deliver": {"kind": "notification", "to": "bob"}})), "deliver", "unknown field"),
        (with(json!({"deliver": {"kind": "pigeon"}})), "deliver.kind", "unknown variant"),
        (with(json!({"deliver": {"kind": "session"}})), "deliver", "session_id"),
        (with(json!({"deliver": {"kind": "session", "session_id": "7"}})), "deliver", "UUID"),
        (with(json!({"session": "main"})), "session", "isolated"),
        (with(json!({"session": "00000000-0000-0000-0000-000000000000"})), "session", "no such conversation"),
    ]
}

#[tokio::test]
async fn what_is_wrong_is_told_by_its_field_and_nothing_is_made() {
    let app = TestApp::start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let cases = bad();
    assert!(cases.len() >= 60, "{}", cases.len());
    for (body, field, words) in cases {
        let problem = alice.post(PATH, body.clone()).await.problem(422, "validation_failed");
        let fits = |error: &Value| {
            error["field"] == field && error["error"].as_str().is_some_and(|error| error.contains(words))
        };
        let errors = problem["errors"].as_array().expect("errors");
        assert!(errors.iter().any(fits), "{field}: {words}: {problem}");
    }
    assert_eq!(alice.get(PATH).await.expect(200).json()["data"], json!([]));
    // Everything that is wrong is told at once.
    let body = json!({"name": "", "prompt": "", "schedule": {"kind": "cron", "cron": "x", "timezone": "y"}});
    let problem = alice.post(PATH, body).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 4, "{problem}");
}

#[tokio::test]
async fn conversations_of_others_are_no_target() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let bob = app.bob();
    let mallory = app.stranger();
    let session = alice.session().await;
    for stranger in [&bob, &mallory] {
        for (target, field) in [
            (json!({"session": session}), "session"),
            (json!({"deliver": {"kind": "session", "session_id": session}}), "deliver.session_id"),
        ] {
            let problem = stranger.post(PATH, with(target.clone())).await.problem(422, "validation_failed");
            assert_eq!(problem["errors"][0]["field"], field);
            let id = make(stranger, daily()).await;
            let problem =
                stranger.patch(&format!("{PATH}/{id}"), target).await.problem(422, "validation_failed");
            assert_eq!(problem["errors"][0]["error"], "there is no such conversation of yours");
        }
    }
}

#[tokio::test]
async fn a_bad_change_changes_nothing() {
    let app = TestApp::start().await;
    let alice = app.alice();
    clock(&app, "2026-06-01T12:00:00Z").await;
    let id = make(&alice, daily()).await;
    let path = format!("{PATH}/{id}");
    let before = alice.get(&path).await.expect(200).json();
    for (change, field) in [
        (json!({"name": ""}), "name"),
        (json!({"prompt": "x".repeat(20_000)}), "prompt"),
        (json!({"name": "New", "schedule": {"kind": "cron", "cron": "0 25 * * *"}}), "schedule.cron"),
        (json!({"session": "x"}), "session"),
        (json!({"catch_up": "two"}), "catch_up"),
        (json!({"id": id}), "id"),
    ] {
        let problem = alice.patch(&path, change).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    assert_eq!(alice.get(&path).await.expect(200).json(), before);
    for (query, field) in [("limit=0", "limit"), ("cursor=x", "cursor"), ("status=gone", "status")] {
        let problem = alice.get(&format!("{PATH}?{query}")).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
}
