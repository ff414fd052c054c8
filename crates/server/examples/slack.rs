//! What Slack's own SDK is asked about ours: `slack corpus` prints messages and views that are shown,
//! a JSON object a line; `slack verify` reads requests from standard input, a JSON object a line, and
//! prints for each whether it is believed.

use std::{io, process::ExitCode};

use chrono::DateTime;
use domain::{
    ApprovalId, Card, CardId, EntityKind, QuestionId, RunId, SessionId, UserId,
    approval::{Approval, ApprovalStatus},
    card::CardAction,
    permission::{Action, Decider},
    sequence::{RunStep, StepStatus},
};
use http::{HeaderMap, HeaderValue};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json, value::RawValue};
use server::slack::{
    command::COMMANDS,
    render,
    signature::{SIGNATURE, TIMESTAMP, Verifier},
};

/// Rounds of the corpus; each prints about a dozen objects.
const ROUNDS: u64 = 60;
/// What texts are made of: words, and what Slack, Markdown or JSON could take for something of their own.
const PIECES: [&str; 20] = [
    "word ",
    "longer-words ",
    "Grüße ",
    "🦀",
    "<@U123>",
    "<!channel>",
    "<!subteam^S1|x>",
    "<#C1>",
    "&amp; & ",
    "\n",
    "\n\n",
    "**bold** ",
    "`code` ",
    "```\ncode\n```\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n",
    "- item\n",
    "## Head\n\n",
    "> quote\n",
    "<https://acme.example|Acme> ",
    "\"\\u0000\t",
];

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("corpus") => corpus(),
        Some("verify") => verify(),
        _ => {
            eprintln!("slack corpus | slack verify");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn corpus() {
    for round in 0..ROUNDS {
        let mut words = Words(StdRng::seed_from_u64(round));
        for message in messages(&mut words) {
            print("message", &message);
        }
        for view in views(&mut words) {
            print("view", &view);
        }
    }
}

fn print(kind: &str, value: &impl serde::Serialize) {
    println!("{}", json!({"kind": kind, "value": value}));
}

fn messages(words: &mut Words) -> Vec<render::Message> {
    let mut all = render::answer(&words.text(6_000));
    let asked = approval(words);
    all.push(render::approval(&asked));
    for status in ApprovalStatus::ALL.iter().copied() {
        all.push(render::decided(&Approval { status, ..approval(words) }, Some("<@U123>")));
    }
    let options: Vec<String> = (0..words.0.random_range(0..30)).map(|_| words.text(5)).collect();
    for multiple in [false, true] {
        all.push(render::question(QuestionId::new(), &words.text(50), &options, multiple));
    }
    all.push(render::answered(&words.text(50), &options, Some(&words.text(3))));
    for card_type in ["text", "email_draft", "offer"] {
        all.push(render::card(&card(words, card_type)));
    }
    all.push(render::steps(&(1..40).map(|order| step(words, order)).collect::<Vec<_>>()));
    all.push(render::help("/60"));
    all.extend(COMMANDS.map(|usage| render::usage("/60", usage)));
    all.push(render::did_you_mean("/60", &words.text(3), &words.text(3)));
    all.push(render::notice(&words.text(100)));
    all.push(render::unlinked_person("https://sixty.example/slack/link?token=x"));
    all.push(render::unlinked_workspace(Some("https://sixty.example/slack/install")));
    all
}

fn views(words: &mut Words) -> Vec<Value> {
    let asked = approval(words);
    let schema = json!({"type": "object", "required": ["text"], "properties": {
        "text": {"type": "string", "description": words.text(20)},
        "kind": {"type": "string", "enum": ["small", "large"]},
        "count": {"type": "integer"},
        "urgent": {"type": "boolean"},
        "due": {"type": "string", "format": "date"},
        "tags": {"type": "array", "items": {"type": "string"}},
    }});
    vec![render::edit_modal(&asked, None), render::edit_modal(&asked, Some(&schema))]
}

struct Words(StdRng);

impl Words {
    /// A text of up to this many pieces, mostly far fewer.
    fn text(&mut self, most: usize) -> String {
        let most = if self.0.random_bool(0.2) { most } else { most.min(12) };
        let pieces = self.0.random_range(0..=most);
        (0..pieces).map(|_| *PIECES.choose(&mut self.0).expect("pieces")).collect()
    }

    fn value(&mut self) -> Value {
        match self.0.random_range(0..7) {
            0 => Value::Null,
            1 => self.0.random_bool(0.5).into(),
            2 => self.0.random_range(-1_000..1_000_000).into(),
            3 => (f64::from(self.0.random_range(-1_000..1_000)) / 8.0).into(),
            4 => json!([self.text(2), self.text(2)]),
            5 => json!({"deep": self.text(2)}),
            _ => self.text(1_200).into(),
        }
    }

    fn object(&mut self) -> Value {
        let fields = self.0.random_range(0..20);
        (0..fields).map(|n| (format!("field_{n}"), self.value())).collect::<serde_json::Map<_, _>>().into()
    }
}

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("JSON")
}

fn approval(words: &mut Words) -> Approval {
    let previews = [
        json!({"kind": "email", "to": "dana@acme.example", "subject": words.text(5), "body": words.text(2_000)}),
        json!({"kind": "field_changes", "entity": {"kind": "deal", "id": "D-1", "name": words.text(3)},
            "changes": [{"field": "stage", "old": words.value(), "new": words.value()}]}),
        json!({"kind": "create", "entity_kind": "contact", "name": words.text(3), "fields": words.object()}),
        json!({"kind": "memory", "scope": "org", "version": 1, "removed": [words.text(9)], "added": [words.text(9)]}),
        json!({"kind": "generic", "title": words.text(9)}),
    ];
    let mut input = words.object();
    input["text"] = words.text(300).into();
    input["count"] = 7.into();
    let time = |seconds| DateTime::from_timestamp(seconds, 0).expect("a time");
    Approval {
        id: ApprovalId::new(),
        status: ApprovalStatus::Pending,
        blocking: words.0.random_bool(0.5),
        name: "crm__update_deal".into(),
        action: Action::ModifyDeals,
        input: raw(&input),
        edited_input: words.0.random_bool(0.3).then(|| raw(&input)),
        preview: raw(previews.choose(&mut words.0).expect("previews")),
        untrusted: words.0.random_bool(0.5),
        session_id: SessionId::new(),
        run_id: RunId::new(),
        tool_call_id: "toolu_1".into(),
        decider: Decider::Requester,
        owner: UserId::derive("alice"),
        author: UserId::derive("alice"),
        requested_by: Some("alice".into()),
        decided_by: Some("alice".into()),
        decided_at: Some(time(1_785_000_000)),
        reason: Some(words.text(30)),
        decision_run_id: None,
        expires_at: time(1_790_000_000),
        created_at: time(1_780_000_000),
    }
}

fn card(words: &mut Words, card_type: &str) -> Card {
    let mut data = words.object();
    for name in ["text", "to", "subject", "body"] {
        data[name] = words.text(1_000).into();
    }
    let label = words.text(10);
    Card {
        card_id: CardId::derive(RunId::new(), "toolu_1"),
        card_type: card_type.to_owned(),
        summary: words.text(20),
        data: data.as_object().cloned().unwrap_or_default(),
        actions: vec![
            CardAction::Open { label: label.clone(), kind: EntityKind::Deal, id: "D-1".into() },
            CardAction::OpenUrl { label: label.clone(), url: "https://acme.example/".into() },
            CardAction::SendMessage { label: label.clone(), prompt: words.text(100) },
            CardAction::Approve { label, approval_id: ApprovalId::new() },
        ],
    }
}

fn step(words: &mut Words, order: i32) -> RunStep {
    RunStep {
        order,
        of: 40,
        name: words.text(9),
        skill_key: None,
        action: None,
        fallback: words.0.random_bool(0.1),
        status: *StepStatus::ALL.choose(&mut words.0).expect("states"),
        duration_ms: words.0.random_bool(0.5).then_some(1_234),
        error: words.0.random_bool(0.5).then(|| words.text(30)),
        missing: Vec::new(),
    }
}

/// `{"secret", "timestamp", "signature", "body", "now"}` → `true` or `false`.
fn verify() {
    for line in io::stdin().lines() {
        let line = line.expect("a line");
        let request: Value = serde_json::from_str(&line).expect("a JSON object");
        let text = |name: &str| request[name].as_str().expect("a text").to_owned();
        let mut headers = HeaderMap::new();
        for (name, field) in [(TIMESTAMP, "timestamp"), (SIGNATURE, "signature")] {
            headers.insert(name, HeaderValue::from_str(&text(field)).expect("a header"));
        }
        let now = DateTime::from_timestamp(request["now"].as_i64().expect("a time"), 0).expect("a time");
        let secret = text("secret");
        println!(
            "{}",
            Verifier::new([secret.as_str()]).verify(&headers, text("body").as_bytes(), now).is_ok()
        );
    }
}
