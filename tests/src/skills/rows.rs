//! What each skill of the book is asked for, what the model does as it says, and what comes of that.

use serde_json::{Value, json};

/// Calls of one answer of the model.
pub type Calls = Vec<(&'static str, Value)>;

pub enum Effect {
    /// A card of this type that has these words.
    Card(&'static str, &'static str),
    /// The record or the memory at this path has these words afterwards, and did not before.
    Kept(&'static str, &'static str),
    /// The service called a step's tool with these arguments, among others.
    Made(&'static str, Value),
    /// The model was told so.
    Told(&'static str),
    /// A tool failed, as it was to.
    Fails(&'static str),
}

pub struct Row {
    pub key: &'static str,
    pub inputs: Value,
    pub answers: Vec<Calls>,
    pub effects: Vec<Effect>,
}

use Effect::{Card, Fails, Kept, Made, Told};

const TASKS: &str = "/v1/entities?kind=task&limit=100";

pub fn row(key: &'static str, inputs: Value, answers: Vec<Calls>, effects: Vec<Effect>) -> Row {
    Row { key, inputs, answers, effects }
}

fn card(text: &str) -> Value {
    json!({"type": "text", "summary": text, "data": {"text": text}})
}

fn note(kind: &str, id: &str, text: &str) -> Value {
    json!({"kind": kind, "id": id, "text": text})
}

fn deal(id: &str) -> (&'static str, Value) {
    ("get_deal", json!({ "id": id }))
}

/// `execute_action`, as skills are written.
pub fn action(name: &str, params: &Value) -> (&'static str, Value) {
    ("execute_action", json!({"action": name, "params": params}))
}

pub fn all() -> Vec<Row> {
    let mut rows = about_deals();
    rows.extend(about_people());
    rows.extend(about_work());
    rows.extend(sequences());
    rows
}

fn about_deals() -> Vec<Row> {
    let activities = |id| ("get_deal_activities", json!({"id": id, "limit": 5}));
    let rescue = json!({"title": "Ask Claire for a sponsor", "deal_id": "D-50", "priority": "high"});
    let moved = json!({"kind": "deal", "id": "D-43", "changes": {"stage": "proposal"}, "confirm": true});
    vec![
        row(
            "deal-brief",
            json!({"deal_id": "D-42"}),
            vec![vec![deal("D-42"), activities("D-42")], vec![("show_card", card("Acme renews with Dana"))]],
            vec![
                Card("text", "Acme renews"),
                Told("Begin with what Northwind Robotics can win"),
                Told("- `get_deal`"),
            ],
        ),
        row(
            "deal-rescue",
            json!({"deal_id": "D-50"}),
            vec![vec![deal("D-50"), activities("D-50")], vec![action("create_task", &rescue)]],
            vec![
                Kept(TASKS, "Ask Claire for a sponsor"),
                Told("Against KESTREL AUTOMATION"),
                Told("We write dryly."),
            ],
        ),
        row(
            "pipeline-check",
            json!({"period": "this_quarter"}),
            vec![vec![
                ("get_pipeline_summary", json!({})),
                action("get_pipeline_deals", &json!({"filter": "needs_attention"})),
            ]],
            vec![Told("The currency is EUR"), Told("Savoy Pharma validation")],
        ),
        row(
            "move-stage",
            json!({"deal_id": "D-43", "stage": "proposal"}),
            vec![vec![action("update_entity", &moved)]],
            vec![Kept("/v1/entities/deal/D-43", r#""stage":"proposal""#)],
        ),
        row(
            "win-note",
            json!({"deal_id": "D-47"}),
            vec![
                vec![deal("D-47")],
                vec![("add_note", note("deal", "D-47", "Luc decided for the service."))],
            ],
            vec![Kept("/v1/entities/deal/D-47/notes", "Luc decided for the service.")],
        ),
        row(
            "answer-competitor",
            json!({"deal_id": "D-48", "competitor": "Kestrel"}),
            vec![
                vec![("search_meeting_context", json!({"query": "Kestrel"}))],
                vec![action("add_note", &note("deal", "D-48", "Ask what an hour costs."))],
            ],
            vec![
                Kept("/v1/entities/deal/D-48/notes", "Ask what an hour costs."),
                Told(r#"We know 2 of them; the first is {"name":"Kestrel Automation"}"#),
            ],
        ),
        row(
            "forecast-card",
            json!({"period": "this_year"}),
            vec![vec![("get_pipeline_summary", json!({}))], vec![("show_card", card("Acme decides"))]],
            vec![Card("text", "Acme decides")],
        ),
        row(
            "risk-scan",
            json!({}),
            vec![
                vec![("get_pipeline_deals", json!({"filter": "at_risk"}))],
                vec![("show_card", card("Savoy, no sponsor"))],
            ],
            vec![Card("text", "Savoy"), Told("at risk")],
        ),
    ]
}

fn about_people() -> Vec<Row> {
    let mail = json!({"to": "dana.whitfield@acme.example", "subject": "Thursday", "body": "Does Tom need it?", "confirm": true});
    let outline = json!({"to": "tom.arendt@acme.example", "subject": "Frankfurt", "body": "Thirty days."});
    let price =
        json!({"to": "miriam.vogt@acme.example", "subject": "Price", "body": "It holds for two years."});
    let write_to = json!({"title": "Write to Philippe", "contact_id": "C-30"});
    vec![
        row(
            "follow-up-mail",
            json!({"to": "dana.whitfield@acme.example"}),
            vec![
                vec![("get_skill", json!({"key": "follow-up-mail", "document": "references/examples.md"}))],
                vec![action("draft_email", &mail)],
            ],
            vec![
                Card("email_draft", "Does Tom need it?"),
                Told("Thank you for today, Dana."),
                Told("Hello {{first_name}}"),
            ],
        ),
        row(
            "mail-outline",
            json!({"points": ["Frankfurt"], "to": "tom.arendt@acme.example"}),
            vec![vec![("draft_email", outline)]],
            vec![Card("email_draft", "Thirty days."), Told("We write dryly.")],
        ),
        row(
            "price-answer",
            json!({"contact_id": "C-15"}),
            vec![
                vec![
                    ("get_contact", json!({"id": "C-15"})),
                    ("search_emails", json!({"query": "price", "contact_id": "C-15"})),
                ],
                vec![("draft_email", price)],
            ],
            vec![
                Card("email_draft", "two years"),
                Told("Terms for three lines"),
                Told("A price holds until"),
            ],
        ),
        row(
            "quiet-contacts",
            json!({"days": 30}),
            vec![
                vec![("get_contacts_needing_attention", json!({"days_since_contact": 30}))],
                vec![("create_task", write_to)],
            ],
            vec![Kept(TASKS, "Write to Philippe"), Told("Philippe Blanc")],
        ),
        row(
            "account-picture",
            json!({"company": "Acme Components"}),
            vec![
                vec![("get_company_status", json!({"name": "Acme Components"}))],
                vec![("show_card", card("Acme: one deal, four people"))],
            ],
            vec![Card("text", "four people"), Told("We are in Robotics, and sell Scout, Depot.")],
        ),
        row(
            "add-lead",
            json!({"name": "Nora Lind", "email": "nora@borealis.example"}),
            vec![
                vec![("find_entities", json!({"kind": "contact", "query": "Nora Lind"}))],
                vec![(
                    "create_entity",
                    json!({"kind": "contact", "name": "Nora Lind", "fields": {"email": "nora@borealis.example"}}),
                )],
            ],
            vec![Kept("/v1/entities?kind=contact&q=Nora", "nora@borealis.example")],
        ),
    ]
}

fn about_work() -> Vec<Row> {
    let call = json!({"type": "call", "details": "Ingrid wants two robots, mood good.", "deal_id": "D-43"});
    let wish = json!({"scope": "user", "section": "Preferences", "text": "Deals by close date"});
    vec![
        row(
            "meeting-prep",
            json!({}),
            vec![
                vec![("get_next_meeting", json!({}))],
                vec![("search_meeting_context", json!({"query": "data residency", "deal_id": "D-42"}))],
                vec![("add_note", note("meeting", "M-1", "Agenda: Frankfurt first."))],
            ],
            vec![
                Kept("/v1/entities/meeting/M-1/notes", "Agenda: Frankfurt first."),
                Told("Acme: renewal terms"),
            ],
        ),
        row(
            "log-call",
            json!({"deal_id": "D-43", "mood": "good"}),
            vec![vec![action("create_activity", &call)]],
            vec![Kept("/v1/entities?kind=activity&limit=100", "Ingrid wants two robots")],
        ),
        row(
            "keep-preference",
            json!({"wish": "Deals by close date"}),
            vec![vec![("memory_append", wish)]],
            vec![Kept("/v1/memory/user", "Deals by close date"), Told("- Currency: EUR")],
        ),
        row(
            "triage-tasks",
            json!({}),
            vec![
                vec![("list_tasks", json!({"status": "open"}))],
                vec![("complete_task", json!({"id": "T-10"}))],
            ],
            vec![Kept("/v1/entities/task/T-10", r#""status":"done""#), Told("Ask Marin why we lost")],
        ),
        row(
            "plan-week",
            json!({}),
            vec![
                vec![
                    ("get_meetings_for_period", json!({"period": "this_week"})),
                    ("list_tasks", json!({"filter": "this_week"})),
                ],
                vec![("create_task", json!({"title": "The proposal for Acme", "priority": "high"}))],
            ],
            vec![Kept(TASKS, "The proposal for Acme")],
        ),
        row(
            "next-step",
            json!({}),
            vec![vec![deal("D-45")], vec![("create_task", json!({"title": "Bring the two-year variant"}))]],
            vec![Kept(TASKS, "Bring the two-year variant")],
        ),
    ]
}

fn sequences() -> Vec<Row> {
    let submit = |output: Value| vec![("submit_output", json!({ "output": output }))];
    let risky = json!({"deals": [{"id": "D-50", "name": "Savoy Pharma validation"}, {"id": "D-46", "name": "Orion Glass inspection"}]});
    let mail = json!({"to": "marta@northwind.example", "subject": "Two at risk", "body": "Savoy and Orion."});
    vec![
        row(
            "follow-through",
            json!({"deal_id": "D-42"}),
            vec![submit(json!({"title": "Send Tom the answer", "due_date": "2031-05-02"}))],
            vec![
                Made("get_deal", json!({"id": "D-42"})),
                Told(r#""owner":"Alice Example""#),
                Made(
                    "create_task",
                    json!({"title": "Send Tom the answer", "due_date": "2031-05-02", "deal_id": "D-42",
                        "description": "For Northwind Robotics: Send Tom the answer"}),
                ),
                Kept(TASKS, "For Northwind Robotics: Send Tom the answer"),
            ],
        ),
        row(
            "risk-round",
            json!({"filter": "stale"}),
            vec![
                vec![("get_pipeline_deals", json!({"filter": "stale"}))],
                submit(risky),
                submit(json!({ "mail": mail })),
            ],
            vec![
                Fails("get_deal"),
                Told(r#""points":["Savoy Pharma validation","Orion Glass inspection"]"#),
                Told(r#""found":null"#),
                Made("draft_email", mail),
                Card("email_draft", "Savoy and Orion."),
                Made(
                    "create_task",
                    json!({"title": "Call about Savoy Pharma validation", "deal_id": "D-50", "priority": "high"}),
                ),
                Kept(TASKS, "Call about Savoy Pharma validation"),
            ],
        ),
        row(
            "close-deal",
            json!({"deal_id": "D-44", "stage": "lost", "reason": "cleaning times"}),
            vec![],
            vec![
                Made("update_entity", json!({"kind": "deal", "id": "D-44", "changes": {"stage": "lost"}})),
                Kept("/v1/entities/deal/D-44", r#""stage":"lost""#),
                Kept("/v1/entities/deal/D-44/notes", "lost: cleaning times"),
            ],
        ),
        row(
            "wrap-meeting",
            json!({"deal_id": "D-46", "task_id": "T-404"}),
            vec![submit(json!({"title": "Write to Grace"}))],
            vec![
                Made("get_meetings", json!({"deal_id": "D-46", "limit": 3})),
                Fails("complete_task"),
                Made(
                    "create_activity",
                    json!({"type": "meeting", "details": "Next: Write to Grace", "deal_id": "D-46"}),
                ),
                Kept("/v1/entities?kind=activity&limit=100", "Next: Write to Grace"),
            ],
        ),
        row(
            "celebrate-win",
            json!({"deal_id": "D-47"}),
            vec![
                vec![deal("D-47")],
                vec![
                    ("add_note", note("deal", "D-47", "Won: spare parts")),
                    ("show_card", card("Castellan is won")),
                ],
            ],
            vec![Kept("/v1/entities/deal/D-47/notes", "Won: spare parts"), Card("text", "Castellan is won")],
        ),
    ]
}
