use serde_json::json;

use super::*;
use crate::{MessageId, RunId, SessionId};

fn said(seq: i64, content: &Value) -> Message {
    Message {
        id: MessageId::new(),
        seq,
        role: "user".into(),
        content: RawValue::from_string(content.to_string()).expect("JSON"),
        created_at: chrono::DateTime::UNIX_EPOCH,
        run_id: Some(RunId::new()),
        superseded: false,
    }
}

/// Reads lines as `CommonMark` does at the top level: what is outside of quotations and
/// fences, and what is quoted.
fn parts(markdown: &str) -> (Vec<&str>, Vec<&str>) {
    let mut fence: Option<usize> = None;
    let (mut outside, mut quoted) = (Vec::new(), Vec::new());
    for line in markdown.split(['\n', '\r']) {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            Some(length) if ticks >= length && line.trim_start_matches('`').trim().is_empty() => fence = None,
            Some(_) => {}
            None if ticks >= 3 => fence = Some(ticks),
            None if line.starts_with('>') => quoted.push(line),
            None if line.is_empty() => {}
            None => outside.push(line),
        }
    }
    assert_eq!(fence, None, "a fence is open at the end");
    (outside, quoted)
}

/// Texts that try to be something else than text.
fn attacks() -> Vec<String> {
    let parts = [
        "\n",
        "\r",
        "# a",
        "```",
        "`````",
        "~~~",
        "> ",
        "</blockquote>",
        "<!--",
        "    ",
        "\\",
        "\u{2028}",
        "---",
        "x",
    ];
    let mut all = vec![String::new()];
    for _ in 0..3 {
        let longer: Vec<String> =
            all.iter().flat_map(|text| parts.iter().map(move |part| format!("{text}{part}"))).collect();
        all.extend(longer);
    }
    all
}

#[test]
fn nothing_that_was_said_makes_a_heading_ends_a_fence_or_becomes_html() {
    let attacks = attacks();
    assert!(attacks.len() > 3_000, "{}", attacks.len());
    for attack in attacks {
        let content = json!([
            {"type": "text", "text": attack},
            {"type": "tool_use", "id": attack, "name": attack, "input": {"text": attack}},
            {"type": "tool_result", "tool_use_id": attack, "content": attack, "is_error": true},
            {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": attack}]},
            {"type": attack, "text": attack},
            {"type": "card", "card_type": attack, "summary": attack},
        ]);
        let markdown = message(&said(3, &content));
        let (outside, quoted) = parts(&markdown);
        assert_eq!(outside.len(), 5, "{attack:?}:\n{markdown}");
        assert_eq!(outside[0], "## 3 user, 1970-01-01 00:00 UTC");
        assert!(outside[1].starts_with("*Tool call* ") && outside[2].starts_with("*Error* of "));
        for line in quoted {
            assert!(!line.contains("</") && !line.contains("<!"), "{attack:?}: {line}");
        }
    }
}

#[test]
fn words_of_a_title_are_words() {
    assert_eq!(inline(" a\n# b <i>\t`c` "), r"a \# b \<i\> \`c\`");
}

#[test]
fn a_message_reads_well() {
    let content = json!([
        {"type": "text", "text": "Look:\n1 < 2 & <b>"},
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "tool_use", "id": "call_1", "name": "get_deal", "input": {"id": "D-42"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "card", "card_id": "c", "card_type": "offer", "summary": "An offer", "data": {"a": 1}, "actions": []},
    ]);
    let superseded = Message { superseded: true, role: "assistant".into(), ..said(2, &content) };
    let expected = "
## 2 assistant, 1970-01-01 00:00 UTC, superseded

> Look:
> 1 < 2 & &lt;b>

*Thinking*

> Hm.

*Tool call* ` get_deal ` ` call_1 `

```json
{\"id\":\"D-42\"}
```

*image* ` image/png `, about 3 bytes

*Card* ` offer `

> An offer
";
    assert_eq!(message(&superseded), expected);
}

#[test]
fn a_result_is_fenced_by_more_than_it_holds() {
    let content = json!([{"type": "tool_result", "tool_use_id": "c", "content": "````\nsafe\n````"}]);
    assert!(message(&said(1, &content)).ends_with("*Result* of ` c `\n\n`````\n````\nsafe\n````\n`````\n"));
}

#[test]
fn the_head_names_what_the_conversation_is_about() {
    let session = Session {
        id: SessionId::new(),
        title: Some("# Acme".into()),
        title_source: crate::session::TitleSource::User,
        preview: None,
        message_count: 0,
        last_message_at: None,
        entity: Some(crate::EntityRef { kind: crate::EntityKind::Deal, id: "D\n# 1".into() }),
        model: None,
        mode: None,
        run_status: None,
        version: 1,
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    };
    let head = beginning(&session);
    assert_eq!(head.lines().filter(|line| line.starts_with('#')).count(), 1);
    assert!(head.starts_with("# \\# Acme\n") && head.ends_with("- About: deal D \\# 1\n"), "{head}");
}
