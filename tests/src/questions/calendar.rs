use serde_json::json;

use super::{Desk, record};

fn lines(desk: &Desk) -> [String; 2] {
    let demo = format!(
        "- meeting M-1: Demo; {} 10:00–11:00, 3 days ago; attendees Dana Roe, Bob &lt;bob@us.example>; about Acme \
         renewal (deal D-1)",
        desk.date(-3)
    );
    let call = format!(
        "- meeting M-2: Rollout call; {} 14:00–15:00, tomorrow; the person's own; about Initech rollout (deal D-3); \
         owner alice",
        desk.date(1)
    );
    [demo, call]
}

#[tokio::test]
async fn meetings_are_listed_around_now_and_of_a_deal() {
    let desk = Desk::start().await;
    record(&desk).await;
    let [demo, call] = lines(&desk);
    for (args, expected) in [
        (json!({}), format!("Meetings, what is to come first, then what was:\n{call}\n{demo}")),
        (
            json!({"deal_id": "D-1"}),
            format!("Meetings with deal D-1: Acme renewal, what is to come first, then what was:\n{demo}"),
        ),
        (json!({"contact_id": "C-2"}), "Meetings with contact C-2: Tom Berg: none on record.".into()),
        (
            json!({"deal_id": "D-1", "contact_id": "C-1"}),
            "Meetings with deal D-1: Acme renewal with contact C-1: Dana Roe: none on record.".into(),
        ),
    ] {
        assert_eq!(desk.answer("get_meetings", args.clone()).await, expected, "{args}");
    }
    let bound = desk.alice.session_with(json!({"entity": {"kind": "deal", "id": "D-3"}})).await;
    let (told, _) = desk.ask_in(&desk.alice, &bound, "get_meetings", json!({})).await;
    assert!(told.ends_with(&call) && !told.contains("M-1"), "{told}");
}

#[tokio::test]
async fn meetings_of_a_period_are_those_of_the_persons_days() {
    let desk = Desk::start().await;
    record(&desk).await;
    let [_, call] = lines(&desk);
    let zone = desk.zone.name();
    for (args, expected) in [
        (json!({"period": "tomorrow"}), format!("Meetings on {} ({zone}):\n{call}", desk.told(1))),
        (
            json!({"period": "tomorrow", "whose": "mine"}),
            format!("The person's own meetings on {} ({zone}):\n{call}", desk.told(1)),
        ),
        (json!({"period": "today"}), format!("Meetings on {} ({zone}): none on record.", desk.told(0))),
        (
            json!({"period": format!("{}..{}", desk.iso(-5), desk.iso(-2)), "whose": "mine"}),
            format!(
                "The person's own meetings from {} to {} ({zone}): none on record.",
                desk.date(-5),
                desk.date(-2)
            ),
        ),
    ] {
        assert_eq!(desk.answer("get_meetings_for_period", args.clone()).await, expected, "{args}");
    }
    // An hour before midnight of the person is another day, or the same one, elsewhere.
    desk.put("meeting", "M-9", json!({"name": "Late", "starts_at": "2026-06-10T22:30:00Z"})).await;
    for (period, timezone, found) in [
        ("2026-06-10", "UTC", true),
        ("2026-06-11", "UTC", false),
        ("2026-06-10", "Europe/Berlin", false),
        ("2026-06-11", "Europe/Berlin", true),
        ("2026-06-10", "America/New_York", true),
        ("2026-06", "Asia/Tokyo", true),
    ] {
        let told =
            desk.answer("get_meetings_for_period", json!({"period": period, "timezone": timezone})).await;
        assert_eq!(told.contains("M-9"), found, "{period} {timezone}: {told}");
    }
}

#[tokio::test]
async fn the_next_meeting_is_the_persons_own_as_owner_or_as_attendee() {
    let desk = Desk::start().await;
    let soon = |hours| json!((chrono::Utc::now() + chrono::TimeDelta::hours(hours)).to_rfc3339());
    let next = async || desk.answer("get_next_meeting", json!({})).await;
    assert_eq!(next().await, "There is no meeting to come on record.");
    desk.put("meeting", "M-1", json!({"name": "Theirs", "starts_at": soon(2), "owner": "bob"})).await;
    let told = next().await;
    assert!(told.starts_with("No meeting to come is on record of which") && told.contains("M-1"), "{told}");
    let mine = json!({"name": "Mine", "starts_at": soon(60), "owner": "alice"});
    desk.put("meeting", "M-2", mine).await;
    let told = next().await;
    assert!(told.starts_with("The person's next meeting:\n- meeting M-2: Mine;"), "{told}");
    let invited = json!({"name": "Invited", "starts_at": soon(50), "owner": "bob", "attendees": ["Tom",
        {"name": "A", "email": "Alice"}]});
    desk.put("meeting", "M-3", invited).await;
    desk.put("meeting", "M-4", json!({"name": "Was", "starts_at": soon(-1), "owner": "alice"})).await;
    let told = next().await;
    assert!(told.starts_with("The person's next meeting:\n- meeting M-3: Invited;"), "{told}");
}

#[tokio::test]
async fn what_was_said_in_meetings_and_written_in_mails_is_found() {
    let desk = Desk::start().await;
    record(&desk).await;
    let [demo, _] = lines(&desk);
    assert_eq!(
        desk.answer("search_meeting_context", json!({"query": "budget discount"})).await,
        format!(
            "For \"budget discount\" in meetings, the best match first:\n{demo}\n  “Dana liked the demo. Bob: \
             Welcome. Dana: Your price is above our budget, and we need a discount.”"
        )
    );
    let (told, _) = desk.ask("search_meeting_context", json!({"query": "budget", "deal_id": "D-3"})).await;
    assert_eq!(told, "Nothing matches \"budget\" in meetings with deal D-3: Initech rollout.");
    let (told, _) = desk.ask("search_meeting_context", json!({"query": "budget", "deal_id": "D-1"})).await;
    assert!(
        told.contains("meetings with deal D-1: Acme renewal, the best match first:\n- meeting M-1"),
        "{told}"
    );
    assert_eq!(
        desk.answer("search_emails", json!({"query": "ten percent"})).await,
        format!(
            "For \"ten percent\" in e-mails, the best match first:\n- email E-1: Re: discount; {}; from \
             pat@initech.example; to alice; about Initech rollout (deal D-3)\n  “We expect a discount of ten \
             percent.”",
            desk.told(-2)
        )
    );
    let found = desk.answer("search_emails", json!({"query": "pat@initech.example"})).await;
    assert!(found.contains("E-1"), "{found}");
    let none = desk.answer("search_emails", json!({"query": "percent", "contact_id": "C-1"})).await;
    assert_eq!(none, "Nothing matches \"percent\" in e-mails with contact C-1: Dana Roe.");
}

#[tokio::test]
async fn to_dos_are_the_persons_own_unless_others_are_asked_for() {
    let desk = Desk::start().await;
    record(&desk).await;
    let offer = format!(
        "- task T-1: Send the offer; status open; due {}, overdue by 1 day; priority high; assignee alice; about \
         Acme renewal (deal D-1)",
        desk.date(-1)
    );
    let call = format!("- task T-2: Call Initech; status open; due {}; assignee bob", desk.told(3));
    let read = "- task T-3: Read the contract; status in_progress; no due date; assignee alice";
    let booked = "- task T-4: Book the room; status done; no due date; assignee alice";
    for (args, expected) in [
        (json!({}), format!("Open to-dos, for the person:\n{offer}\n{read}")),
        (
            json!({"assignee": "anyone"}),
            format!("Open to-dos, whoever they are for:\n{offer}\n{call}\n{read}"),
        ),
        (json!({"assignee": "bob"}), format!("Open to-dos, for bob:\n{call}")),
        (json!({"status": "in_progress"}), format!("To-dos in progress, for the person:\n{read}")),
        (json!({"status": "done"}), format!("To-dos that are done, for the person:\n{booked}")),
        (
            json!({"status": "cancelled"}),
            "To-dos that were cancelled, for the person: none on record.".into(),
        ),
        (json!({"filter": "overdue"}), format!("Open to-dos that are overdue, for the person:\n{offer}")),
        (json!({"filter": "today"}), "Open to-dos due today, for the person: none on record.".into()),
        (json!({"filter": "no_date"}), format!("Open to-dos without a due date, for the person:\n{read}")),
        (
            json!({"filter": "high_priority"}),
            format!("Open to-dos of high priority, for the person:\n{offer}"),
        ),
        (
            json!({"due_before": desk.iso(3), "assignee": "anyone"}),
            format!("Open to-dos, whoever they are for:\n{offer}"),
        ),
        (
            json!({"deal_id": "D-1"}),
            format!("Open to-dos for deal D-1: Acme renewal, whoever they are for:\n{offer}"),
        ),
        (
            json!({"deal_id": "D-1", "assignee": "bob"}),
            "Open to-dos for deal D-1: Acme renewal, for bob: none on record.".into(),
        ),
    ] {
        assert_eq!(desk.answer("list_tasks", args.clone()).await, expected, "{args}");
    }
}
