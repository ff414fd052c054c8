use proptest::{collection::vec, prelude::*};

use super::{
    super::{
        answer,
        live::{Live, Piece},
        segments::opens,
        split::split,
        text::{defuse, length},
    },
    checks::check,
    nasty,
};

/// Markdown as models write it, long and short.
fn markdown() -> impl Strategy<Value = String> {
    let words = "([a-zäß]{1,12}[.,]? ){1,12}";
    let line = prop_oneof![words, Just("<@U1> **bold** `<!here>`".to_owned())];
    let piece = prop_oneof![
        line.clone().prop_map(|text| format!("{text}\n\n")),
        vec(line.clone(), 1..30).prop_map(|lines| format!("{}\n\n", lines.join("\n"))),
        words.prop_map(|text| format!("## {text}\n\n")),
        vec(words, 1..40).prop_map(|items| items.iter().map(|item| format!("- {item}\n")).collect()),
        vec(words, 1..40).prop_map(|items| items.iter().map(|item| format!("    - {item}\n\n")).collect()),
        (prop_oneof![Just("```"), Just("~~~~"), Just("````")], vec(line.clone(), 0..120))
            .prop_map(|(mark, lines)| { format!("{mark}rust\n{}\n{mark}\n\n", lines.join("\n")) }),
        vec(line.clone(), 0..20).prop_map(|lines| format!("1. ```sql\n   {}\n   ```\n", lines.join("\n   "))),
        vec(line.clone(), 0..20).prop_map(|lines| format!("```\n{}\n", lines.join("\n"))),
        vec((words, words), 0..60).prop_map(|rows| {
            let rows: String = rows.iter().map(|(a, b)| format!("| {a} | {b} |\n")).collect();
            format!("| Name | What |\n|---|:---:|\n{rows}\n")
        }),
        (1_usize..3_000).prop_map(|n| format!("{} ", "word ".repeat(n))),
        (1_usize..15_000).prop_map(|n| "`".repeat(n)),
        nasty(),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Whether every fence that is opened in it is closed.
fn is_balanced(part: &str) -> bool {
    let mut open = None;
    for line in part.lines() {
        open = match open.take() {
            None => opens(line),
            Some(fence) => Some(fence).filter(|fence| !fence.closes(line)),
        };
    }
    open.is_none()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// Whether the words of `all` hold those of `some`, in their order.
fn holds(all: &str, some: &str) -> bool {
    let mut all = words(all);
    words(some).all(|word| all.any(|other| other == word))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_answered_slack_takes_it_and_nobody_is_mentioned(text in markdown()) {
        let messages = answer(&text);
        messages.iter().for_each(check);
        for message in &messages {
            let part = message.blocks[0]["text"].as_str().expect("Markdown");
            prop_assert!(is_balanced(part), "{}", part);
            prop_assert!(!part.trim().is_empty());
        }
        prop_assert_eq!(messages.is_empty(), defuse(&text).trim().is_empty());
    }

    #[test]
    fn small_parts_keep_every_word_in_its_order(text in markdown(), limit in 500_usize..3_000) {
        // A word that is longer than a part is cut, and is none any more.
        prop_assume!(text.split_whitespace().all(|word| length(word) < 400));
        let parts = split(&text, limit);
        prop_assert!(parts.iter().all(|part| length(part) <= limit), "{:?}", parts.iter().map(|p| length(p)).max());
        prop_assert!(parts.iter().all(|part| is_balanced(part)));
        prop_assert!(holds(&parts.join("\n"), &text));
    }

    #[test]
    fn what_fits_is_sent_as_it_is(text in "[a-z#`|\\-<> \n]{0,2000}") {
        let parts = split(&text, 12_000);
        prop_assert!(parts.len() < 2 || text.matches("\n\n").count() > 30 || text.contains('#') || text.contains("```"));
        prop_assert!(holds(&parts.join("\n"), &text));
    }

    #[test]
    fn a_live_text_is_within_the_limits_and_keeps_every_word(text in markdown(), size in 1_usize..400) {
        let mut live = Live::default();
        let mut messages = vec![String::new()];
        let letters: Vec<char> = text.chars().collect();
        let mut pieces: Vec<Piece> =
            letters.chunks(size).flat_map(|chunk| live.push(&chunk.iter().collect::<String>())).collect();
        pieces.extend(live.finish());
        for piece in pieces {
            match piece {
                Piece::Append(text) => messages.last_mut().expect("one").push_str(&text),
                Piece::Next => messages.push(String::new()),
            }
        }
        for message in &messages {
            prop_assert!(length(message) <= 12_000);
            for (at, _) in message.match_indices('<') {
                prop_assert!(!message[at + 1..].starts_with(['@', '!', '#']));
            }
        }
        let whole = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
        let entities = 2 * (messages.concat().matches("&lt;").count() - text.matches("&lt;").count());
        prop_assert!(whole(&messages.concat()) >= whole(&text) + entities);
    }
}

#[test]
fn a_long_answer_is_split_between_its_paragraphs() {
    let text: String = (0..40).map(|n| format!("Paragraph {n}. {}\n\n", "Some words. ".repeat(60))).collect();
    let messages = answer(&text);
    assert!(messages.len() > 2);
    for message in &messages {
        let part = message.blocks[0]["text"].as_str().expect("Markdown");
        assert!(part.starts_with("Paragraph ") && part.ends_with("words."), "{part}");
    }
}

#[test]
fn code_that_fits_a_message_is_not_cut() {
    let code = format!("```sql\n{}```\n", "select 1;\n".repeat(900));
    let text = format!("{}\n\n{code}\nDone.", "Some words. ".repeat(500));
    let parts = split(&text, 12_000);
    assert_eq!(parts.len(), 2);
    assert!(parts[1].starts_with("```sql\n") && parts[1].ends_with("```\n\nDone."));
}

#[test]
fn code_that_is_too_long_is_opened_again_with_its_language() {
    let text = format!("Look:\n```rust\n{}```\nDone.", "let number = 1;\n".repeat(2_000));
    let parts = split(&text, 12_000);
    assert_eq!(parts.len(), 4);
    assert_eq!(parts[0], "Look:");
    for part in &parts[1..] {
        assert!(part.starts_with("```rust\nlet number = 1;\n"), "{part}");
    }
    assert!(parts[3].ends_with("let number = 1;\n```\n\nDone."));
}

#[test]
fn a_long_table_gets_its_head_again_and_no_row_is_cut() {
    let rows: String = (0..250).map(|n| format!("| Deal {n} | {n}000 |\n")).collect();
    let parts = split(&format!("All deals:\n\n| Deal | Amount |\n|---|---|\n{rows}"), 12_000);
    assert_eq!(parts.len(), 3);
    for part in &parts {
        assert!(part.contains("| Deal | Amount |\n|---|---|\n| Deal "), "{part}");
        assert!(part.lines().filter(|line| line.starts_with('|')).count() <= 101);
    }
    assert!((0..250).all(|n| parts.iter().any(|part| part.contains(&format!("| Deal {n} | {n}000 |")))));
}

#[test]
fn a_heading_stays_with_what_it_is_about() {
    let text = format!("{}\n\n## Next steps\n\n{}", "a ".repeat(5_900), "b ".repeat(200));
    let parts = split(&text, 12_000);
    assert_eq!(parts.len(), 2);
    assert!(parts[1].starts_with("## Next steps\n\nb b"));
}

#[test]
fn a_part_does_not_begin_with_indented_code_that_was_an_inner_list() {
    let items: String = (0..900).map(|n| format!("    - inner item {n}\n")).collect();
    let parts = split(&format!("- outer\n{items}"), 12_000);
    assert!(parts.len() > 1);
    assert!(parts[1].starts_with("  - inner item"), "{}", &parts[1][..40]);
}

#[test]
fn the_text_of_a_notification_has_no_marks() {
    let messages = answer("# Status\n\n**Acme** is <@U1> & fine");
    assert_eq!(messages[0].text, "Status\nAcme is &lt;@U1&gt; &amp; fine");
    assert_eq!(messages[0].blocks[0]["text"], "# Status\n\n**Acme** is &lt;@U1> & fine");
    assert!(answer(" \n\n ").is_empty());
}
