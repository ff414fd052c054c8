//! Results that leave their owner's conversations: by mail, and into a colleague's.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{PATH, act, clock, ended, make, read, run_now, start, with};
use crate::harness::{Fault, Mailbox, Person, Process, Setup, Spawn, TestApp, eventually};

pub(super) const ALICE: &str = "alice@acme.example";
pub(super) const BOB: &str = "bob@acme.example";

/// A service that mails, and an owner and a member with addresses.
pub(super) async fn mailing() -> (TestApp, Mailbox, Person, Person) {
    let mailbox = Mailbox::start().await;
    let app = TestApp::with(Setup { smtp_url: Some(mailbox.url.clone()), ..Setup::default() }).await;
    app.sim.respond_with(|_| Reply::text("Two meetings."));
    let alice = app.replica.mailed("acme", "alice", "owner", ALICE);
    let bob = app.replica.mailed("acme", "bob", "member", BOB);
    for person in [&alice, &bob] {
        person.get("/v1/me").await.expect(200);
    }
    (app, mailbox, alice, bob)
}

pub(super) fn by_mail() -> Value {
    with(json!({"deliver": {"kind": "email"}}))
}

/// Waits until the newest result has come this far.
pub(super) async fn delivery(person: &Person, id: &str, status: &str) -> Value {
    eventually(status, async || {
        let run = super::runs(person, id).await.into_iter().next()?;
        (run["delivery"]["status"] == status).then(|| run["delivery"].clone())
    })
    .await
}

pub(super) async fn told(person: &Person) -> Vec<String> {
    let told = person.get("/v1/notifications").await.expect(200).json();
    told["data"].as_array().expect("a list").iter().map(|it| it["kind"].as_str().unwrap().into()).collect()
}

#[tokio::test]
async fn a_result_is_mailed_to_its_owner_once() {
    let (_app, mailbox, _alice, bob) = mailing().await;
    let id = make(&bob, by_mail()).await;
    let run = run_now(&bob, &id, 1).await.remove(0);
    delivery(&bob, &id, "sent").await;
    let [mail] = &mailbox.mails()[..] else { panic!("one mail: {:?}", mailbox.mails()) };
    assert_eq!(mail.to, BOB);
    let id = run["id"].as_str().unwrap();
    for part in ["Subject: Morning brief\n", &format!("Message-ID: <{id}@"), "\nTwo meetings.\n", "\n-- \n"] {
        assert!(mail.data.contains(part), "{part:?} is not in {}", mail.data);
    }
    assert_eq!(told(&bob).await, ["schedule_done"]);
}

#[tokio::test]
async fn what_a_mail_server_does_not_take_is_sent_later_and_what_it_refuses_is_told() {
    let (app, mailbox, _alice, bob) = mailing().await;
    clock(&app, "2026-06-01T12:00:00Z").await;
    let id = make(&bob, by_mail()).await;
    mailbox.fail([Fault::Refuse("451 try later"), Fault::Refuse("550 no such user")]);
    run_now(&bob, &id, 1).await;
    let pending = eventually("a first try", async || {
        let run = super::runs(&bob, &id).await.remove(0);
        run["delivery"]["error"].as_str().map(str::to_owned)
    })
    .await;
    assert!(pending.contains("try later"), "{pending}");
    assert!(mailbox.mails().is_empty());
    clock(&app, "2026-06-01T12:01:01Z").await;
    let failed = delivery(&bob, &id, "failed").await;
    assert!(failed["error"].as_str().unwrap().contains("no such user"), "{failed}");
    assert_eq!(told(&bob).await, ["schedule_undelivered", "schedule_done"]);
    assert_eq!(read(&bob, &id).await["status"], "active");
}

#[tokio::test]
async fn a_mail_whose_sender_was_killed_is_unknown_and_never_sent_again() {
    let mailbox = Mailbox::start().await;
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    app.sim.respond_with(|_| Reply::text("Two meetings."));
    let bob = app.replica.mailed("acme", "bob", "member", BOB);
    let smtp = vec![("SMTP_URL", mailbox.url.clone()), ("SMTP_FROM", "Sixty <sixty@acme.example>".into())];
    let spawn = Spawn {
        database_url: app.database.url(),
        model_url: app.model_url(),
        extra: smtp,
        ..Spawn::default()
    };
    clock(&app, "2026-06-01T12:00:00Z").await;
    let mut doomed = Process::start(&spawn).await.expect("a server");
    let bob = bob.at(doomed.address);
    let id = make(&bob, by_mail()).await;
    mailbox.fail([Fault::Silence]);
    act(&bob, &id, "run").await.expect(202);
    eventually("the mail is taken", async || (mailbox.mails().len() == 1).then_some(())).await;
    doomed.kill();
    let heir = Process::start(&spawn).await.expect("a server");
    let bob = bob.at(heir.address);
    clock(&app, "2026-06-01T12:06:00Z").await;
    let unknown = delivery(&bob, &id, "unknown").await;
    assert!(unknown["error"].as_str().unwrap().contains("not sent again"), "{unknown}");
    assert!(told(&bob).await.contains(&"schedule_undelivered".to_owned()));
    assert_eq!(mailbox.mails().len(), 1);
}

#[tokio::test]
async fn mail_goes_to_members_alone_and_to_colleagues_from_who_may_see_everything() {
    let (_app, mailbox, alice, bob) = mailing().await;
    let to = |address: &str| with(json!({"deliver": {"kind": "email", "to": address}}));
    for address in [ALICE, "dana@elsewhere.example", "nobody", ""] {
        let refused = bob.post(PATH, to(address)).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["field"], "deliver.to", "{address}");
    }
    alice.post(PATH, to("dana@elsewhere.example")).await.problem(422, "validation_failed");
    let id = make(&alice, to("Bob@ACME.example")).await;
    run_now(&alice, &id, 1).await;
    delivery(&alice, &id, "sent").await;
    assert_eq!(mailbox.mails()[0].to, BOB);
    // What was right when it was written is asked again.
    alice.patch("/v1/admin/members/bob", json!({"status": "removed"})).await.expect(200);
    run_now(&alice, &id, 2).await;
    delivery(&alice, &id, "failed").await;
    let task = read(&alice, &id).await;
    assert_eq!((&task["status"], &task["paused_for"]), (&json!("paused"), &json!("target")));
    assert_eq!(mailbox.mails().len(), 1);
}

#[tokio::test]
async fn who_has_no_address_or_no_mail_server_is_told_when_they_write_the_task() {
    let app = start().await;
    let refused = app.alice().post(PATH, by_mail()).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["field"], "deliver.kind");
    assert!(refused["errors"][0]["error"].as_str().unwrap().contains("SMTP_URL"), "{refused}");
    let (app, _mailbox, ..) = mailing().await;
    let refused = app.stranger().post(PATH, by_mail()).await.problem(422, "validation_failed");
    assert!(refused["errors"][0]["error"].as_str().unwrap().contains("claim `email`"), "{refused}");
}

#[tokio::test]
async fn a_result_is_written_into_a_colleagues_conversation_by_who_may_see_everything() {
    let app = start().await;
    let (alice, bob) = (app.alice(), app.bob());
    let session = bob.session().await;
    let into = with(json!({"deliver": {"kind": "session", "session_id": session}}));
    let id = make(&alice, into.clone()).await;
    run_now(&alice, &id, 1).await;
    delivery(&alice, &id, "sent").await;
    let history = bob.history(&session).await;
    let [message] = &history[..] else { panic!("one message: {history:?}") };
    assert_eq!(message["role"], "assistant");
    let text = message["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("\"Morning brief\" of alice") && text.ends_with("All is well."), "{text}");
    assert_eq!(told(&bob).await, ["schedule_reported"]);
    assert_eq!(told(&alice).await, ["schedule_done"]);
    // Her words are not his: what he says there is only proposed to memory.
    let mark = "select count(*) from sixty.sessions where untrusted";
    assert_eq!(app.database.count(mark).await, 1);
    // Neither of them writes into a conversation of the other one's without that right.
    let hers = alice.session().await;
    let refused = with(json!({"deliver": {"kind": "session", "session_id": hers}}));
    bob.post(PATH, refused).await.problem(422, "validation_failed");
    app.stranger().post(PATH, into).await.problem(422, "validation_failed");
}

#[tokio::test]
async fn the_right_to_write_to_a_colleague_is_asked_when_the_result_is_there() {
    let app = start().await;
    let (alice, bob) = (app.alice(), app.bob());
    let session = bob.session().await;
    let id = make(&alice, with(json!({"deliver": {"kind": "session", "session_id": session}}))).await;
    let rows: Vec<Value> = ["owner", "admin"]
        .iter()
        .map(|role| json!({"role": role, "action": "access_all_org", "policy": "disabled"}))
        .collect();
    alice.put("/v1/admin/permissions", json!({"preset": "balanced", "rows": rows})).await.expect(200);
    run_now(&alice, &id, 1).await;
    let task = eventually("a pause", async || {
        let task = read(&alice, &id).await;
        (task["status"] == "paused").then_some(task)
    })
    .await;
    assert_eq!(task["paused_for"], "target");
    assert_eq!(bob.history(&session).await, Vec::<Value>::new());
    // The result itself is there.
    assert_eq!(ended(&alice, &id, 1).await[0]["status"], "done");
}
