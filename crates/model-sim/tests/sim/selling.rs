//! A salesperson's questions: which tools are called for them, and what is said of the results.

use serde_json::{Value, json};

use crate::support::{Provider, say, tool, with};

const TOOLS: [&str; 22] = [
    "complete_task",
    "create_activity",
    "create_task",
    "draft_email",
    "find_entities",
    "get_company_status",
    "get_contact",
    "get_contacts_needing_attention",
    "get_deal",
    "get_deal_activities",
    "get_entity",
    "get_meetings",
    "get_meetings_for_period",
    "get_next_meeting",
    "get_pipeline_deals",
    "get_pipeline_summary",
    "list_tasks",
    "memory_append",
    "recall",
    "resolve_entity",
    "search_emails",
    "search_meeting_context",
];
const NOW: &str = "<context>\nNow: Saturday, 28 November 2026, 10:20 (UTC)\n</context>";

/// A question with what was called and answered so far, a step for each list.
pub struct Asked(Value);

impl Asked {
    pub fn of(text: &str) -> Self {
        let body =
            with(&say(&format!("{NOW}\n{text}")), "tools", TOOLS.iter().map(|name| tool(name)).collect());
        Self(with(
            &body,
            "system",
            json!("<user_memory version=\"1\" user=\"Alice Example\">\n- Tea\n</user_memory>"),
        ))
    }

    pub async fn message(&self) -> Value {
        Provider::demo().await.post(&self.0).await.json()
    }

    /// The calls of the next step, as `name {"argument":…}`.
    pub async fn calls(&self) -> Vec<String> {
        let message = self.message().await;
        let blocks = message["content"].as_array().expect("blocks").iter();
        let calls = blocks.filter(|block| block["type"] == "tool_use");
        calls.map(|call| format!("{} {}", call["name"].as_str().expect("a name"), call["input"])).collect()
    }

    pub async fn said(&self) -> String {
        let message = self.message().await;
        assert_eq!(message["stop_reason"], "end_turn", "{message}");
        message["content"][0]["text"].as_str().expect("a text").to_owned()
    }

    /// Answers each call of the next step by its name and arguments.
    pub async fn answered(mut self, answer: impl Fn(&str) -> String) -> Self {
        let message = self.message().await;
        let blocks = message["content"].as_array().expect("blocks").iter();
        let results = blocks.clone().filter(|block| block["type"] == "tool_use").map(|call| {
            let asked = format!("{} {}", call["name"].as_str().expect("a name"), call["input"]);
            json!({"type": "tool_result", "tool_use_id": call["id"], "content": answer(&asked)})
        });
        let results: Vec<Value> = results.collect();
        let messages = self.0["messages"].as_array_mut().expect("a list");
        messages.push(json!({"role": "assistant", "content": message["content"]}));
        messages.push(json!({"role": "user", "content": results}));
        self
    }
}

async fn calls(text: &str) -> Vec<String> {
    Asked::of(text).calls().await
}

const RENEWAL: &str = "deal D-7: Initech renewal; stage proposal; 9,000 USD; closes Fri 4 Dec 2026, in 6 days; \
    last activity Fri 27 Nov 2026, yesterday; with Ann Lee (contact C-9, decides); FLAGS: at risk (health 20); owner bob";
const MEETING: &str = "meeting M-3: Initech: terms; Sat 28 Nov 2026 11:00–11:30, today; the person's own; at Room 2; \
    attendees Ann Lee, Alice; about Initech renewal (deal D-7), Ann Lee (contact C-9)";
const TASK: &str = "task T-5: Send the offer; status open; due Thu 26 Nov 2026, overdue by 2 days; priority urgent; \
    assignee alice; about Initech renewal (deal D-7)";
const ANN: &str = "contact C-9: Ann Lee; title Buyer; company Initech; email ann@initech.example; last contact Fri 27 \
    Nov 2026, yesterday; linked to Initech renewal (deal D-7); owner bob";

/// What the tools say of a record with one deal in it.
fn record(call: &str) -> String {
    let events =
        "- activity A-1: Call; Fri 27 Nov 2026 09:00, yesterday; type call; says “She agreed; in principle.”";
    match call.split(' ').next().unwrap_or_default() {
        "get_next_meeting" => format!("The person's next meeting:\n- {MEETING}"),
        "get_meetings_for_period" => format!("The person's own meetings on Sat 28 Nov 2026, today (UTC):\n- {MEETING}"),
        "list_tasks" if call.contains("overdue") => format!("Open to-dos that are overdue, for the person:\n- {TASK}"),
        "list_tasks" => "Open to-dos due today, for the person: none on record.".into(),
        "get_pipeline_deals" => format!("Open deals that need attention, the next to close first:\n- {RENEWAL}"),
        "get_contacts_needing_attention" => "Contacts without activity for 14 days: none.".into(),
        "resolve_entity" => format!("\"Initech\" is deal D-7: Initech renewal.\n- {RENEWAL} (has the words)"),
        "get_deal" => format!(
            "{RENEWAL}\nhealth 20\ncompanies: none on record\npeople:\n- {ANN}\nnext meetings:\n- {MEETING}\n\
             open to-dos:\n- {TASK}\nlast activities:\n{events}"
        ),
        "get_deal_activities" => format!("Activities of deal D-7: Initech renewal, newest first:\n- {MEETING}\n{events}"),
        "get_contact" => format!("{ANN}\ncompanies: none on record"),
        "get_entity" => "deal D-7: Initech renewal\nnote of 2026-11-20 by bob: Ask for the logo.\nmemory:\n## Facts\n- Ann signs".into(),
        other => format!("no such tool: {other}"),
    }
}

#[tokio::test]
async fn what_needs_attention_is_asked_of_five_places_at_once() {
    let expected = [
        r#"get_meetings_for_period {"period":"today","whose":"mine"}"#,
        "get_next_meeting {}",
        r#"list_tasks {"filter":"overdue"}"#,
        r#"list_tasks {"filter":"today"}"#,
        r#"get_pipeline_deals {"filter":"needs_attention"}"#,
        r#"get_contacts_needing_attention {"limit":5}"#,
    ];
    for text in [
        "What needs my attention today?",
        "Today, what needs attention?",
        "What should I focus on",
        "How does my day look?",
    ] {
        assert_eq!(calls(text).await, expected, "{text}");
    }
    let said = Asked::of("What needs my attention today?").answered(record).await.said().await;
    for fact in [
        "1 meeting today, 1 to-do overdue, none due today, 1 deal that needs attention",
        "I would begin with **Send the offer** (T-5): due Thu 26 Nov, overdue by 2 days · urgent",
        "**Initech: terms** (M-3): Sat 28 Nov 11:00–11:30, today · at Room 2",
        "**Initech renewal** (D-7): proposal · 9,000 USD · closes Fri 4 Dec, in 6 days · owner bob — _at risk (health 20)_",
    ] {
        assert!(said.contains(fact), "{fact}: {said}");
    }
}

#[tokio::test]
async fn the_next_meeting_is_looked_up_before_what_it_is_about() {
    for text in
        ["Prepare my next meeting", "prep me for my next call, please", "Get me ready for the next meeting"]
    {
        assert_eq!(calls(text).await, ["get_next_meeting {}"], "{text}");
    }
    let asked = Asked::of("Prepare my next meeting").answered(record).await;
    let expected = [
        r#"get_deal {"id":"D-7"}"#,
        r#"get_deal_activities {"id":"D-7","limit":6}"#,
        r#"get_entity {"id":"D-7","kind":"deal"}"#,
        r#"get_contact {"id":"C-9"}"#,
    ];
    assert_eq!(asked.calls().await, expected);
    let said = asked.answered(record).await.said().await;
    for fact in [
        "**Initech: terms**",
        "- Where: Room 2",
        "**Ann Lee** (C-9): Buyer · Initech",
        "“She agreed; in principle.”",
        "Send the offer",
    ] {
        assert!(said.contains(fact), "{fact}: {said}");
    }
    let past = said.split_once("What was said last").expect("what was said").1;
    assert!(!past.contains("11:00"), "a meeting to come was not said: {said}");
}

#[tokio::test]
async fn a_name_is_resolved_before_a_deal_is_told_of() {
    for (text, name) in [
        ("Catch me up on the Initech renewal", "Initech renewal"),
        ("The Initech renewal: catch me up", "Initech renewal"),
        ("can you brief me on Globex before my call?", "Globex"),
        ("catch up on Globex", "Globex"),
    ] {
        assert_eq!(calls(text).await, [format!("resolve_entity {{\"name\":\"{name}\"}}")], "{text}");
    }
    let said = Asked::of("Catch me up on the Initech deal")
        .answered(record)
        .await
        .answered(record)
        .await
        .said()
        .await;
    for fact in [
        "Initech renewal",
        "9,000 USD",
        "at risk (health 20)",
        "decides · Buyer",
        "Send the offer",
        "Ask for the logo. (bob, Fri 20 Nov 2026)",
        "Ann signs",
    ] {
        assert!(said.contains(fact), "{fact}: {said}");
    }
}

#[tokio::test]
async fn who_is_not_clear_is_asked_back_and_nobody_is_said_to_be_nobody() {
    let two = format!(
        "\"Ann\" can be 2 of them; ask the person which one is meant:\n- {ANN}\n- contact C-10: Ann Roe"
    );
    let asked = Asked::of("Brief me on Ann").answered(|_| two.clone()).await;
    let said = asked.said().await;
    assert!(said.starts_with("Which “Ann” do you mean?\n- **Ann Lee** (C-9)"), "{said}");
    let nobody =
        Asked::of("Brief me on Ann").answered(|_| "Nobody and nothing on record fits \"Ann\".".into()).await;
    assert_eq!(nobody.said().await, "Nobody and nothing on record is called “Ann”.");
    // The answer to the question back is a name, and the question before it is meant.
    let mut asked = asked;
    let messages = asked.0["messages"].as_array_mut().expect("a list");
    messages.push(json!({"role": "assistant", "content": said}));
    messages.push(json!({"role": "user", "content": "Ann Lee"}));
    assert_eq!(asked.calls().await, [r#"resolve_entity {"name":"Ann Lee"}"#]);
}

#[tokio::test]
async fn each_question_calls_the_tool_that_fits() {
    for (text, expected) in [
        (
            "What's overdue?",
            vec![r#"list_tasks {"filter":"overdue"}"#, r#"get_pipeline_deals {"filter":"needs_attention"}"#],
        ),
        ("Show my to-dos", vec!["list_tasks {}"]),
        ("my tasks this week", vec![r#"list_tasks {"filter":"this_week"}"#]),
        (
            "How is the pipeline this quarter?",
            vec![
                r#"get_pipeline_summary {"period":"this_quarter"}"#,
                r#"get_pipeline_deals {"period":"this_quarter"}"#,
            ],
        ),
        ("Which deals are at risk?", vec![r#"get_pipeline_deals {"filter":"at_risk"}"#]),
        ("what closes this month?", vec![r#"get_pipeline_deals {"period":"this_month"}"#]),
        (
            "emails from Dana",
            vec![r#"resolve_entity {"hint":"contact","name":"Dana"}"#, r#"search_emails {"query":"Dana"}"#],
        ),
        (
            "Who haven't I talked to in 30 days?",
            vec![r#"get_contacts_needing_attention {"days_since_contact":30}"#],
        ),
        ("Who have I not talked to", vec!["get_contacts_needing_attention {}"]),
        ("Meetings today", vec![r#"get_meetings_for_period {"period":"today"}"#]),
        ("my meetings this week", vec![r#"get_meetings_for_period {"period":"this_week","whose":"mine"}"#]),
        ("When is my next meeting?", vec!["get_next_meeting {}"]),
        ("What did Tom say about pricing?", vec![r#"search_meeting_context {"query":"Tom pricing"}"#]),
    ] {
        assert_eq!(calls(text).await, expected, "{text}");
    }
}

#[tokio::test]
async fn orders_are_carried_out_with_days_and_people_made_out() {
    let task = calls("Create a task to call Dana tomorrow").await;
    assert_eq!(task, [r#"create_task {"due_date":"2026-11-29","title":"Call Dana"}"#]);
    let friday = calls("Remind me to send the offer by Friday").await;
    assert_eq!(friday, [r#"create_task {"due_date":"2026-12-04","title":"Send the offer"}"#]);
    assert_eq!(calls("Mark T-5 as done").await, [r#"complete_task {"id":"T-5"}"#]);
    let found = Asked::of("Mark the offer as done").answered(|_| format!("On record:\n- {TASK}")).await;
    assert_eq!(found.calls().await, [r#"complete_task {"id":"T-5"}"#]);
    let who = |_: &str| format!("\"Ann\" is contact C-9: Ann Lee.\n- {ANN} (begins so)");
    let logged = Asked::of("Log a call with Ann: she agreed").answered(who).await;
    assert_eq!(
        logged.calls().await,
        [r#"create_activity {"contact_id":"C-9","details":"she agreed","type":"call"}"#]
    );
    let draft = Asked::of("Draft an e-mail to Ann about the renewal").answered(who).await;
    let message = draft.message().await;
    let input = &message["content"][0]["input"];
    assert_eq!(
        (&input["to"], &input["subject"]),
        (&json!("ann@initech.example"), &json!("Renewal")),
        "{message}"
    );
    let body = input["body"].as_str().expect("a body");
    assert!(body.starts_with("Hello Ann,") && body.ends_with("Alice Example"), "{body}");
    let said = draft.answered(|_| "ok".into()).await.said().await;
    assert!(said.starts_with("Here is a draft to ann@initech.example; nothing was sent."), "{said}");
}

#[tokio::test]
async fn what_is_not_there_and_what_failed_is_said() {
    let none =
        Asked::of("Show my to-dos").answered(|_| "Open to-dos, for the person: none on record.".into()).await;
    assert_eq!(none.said().await, "Open to-dos: none on record.");
    let mut failed = Asked::of("Prepare my next meeting").answered(|_| "The database is away.".into()).await;
    failed.0["messages"][2]["content"][0]["is_error"] = json!(true);
    assert_eq!(failed.said().await, "That did not work: The database is away.");
    let mut without = Asked::of("Draft an email to Ann about the renewal");
    without.0["tools"] = json!([tool("resolve_entity")]);
    assert!(
        without.said().await.starts_with("I would use `draft_email` for that, but I was not given it here.")
    );
}
