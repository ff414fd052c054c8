//! The summaries that the built-in stand-in makes.

use serde_json::{Value, json};

use crate::{
    demo::said,
    support::{chat, say, with},
};

/// The service's request for a summary of this transcript.
fn service(transcript: &str) -> Value {
    let ask = "Write Markdown with exactly these headings, leaving out those that have nothing: Decisions, Actions, \
               Deal changes, People, Preferences, Open questions, Look up in the archive. Summarise.";
    let text = format!("{transcript}\n\nWrite the summary now.");
    with(&say(&text), "system", json!(ask))
}

fn conversation(lines: &str) -> Value {
    service(&format!("<conversation>\n{lines}\n</conversation>"))
}

#[tokio::test]
async fn a_summary_is_made_of_the_conversations_own_sentences() {
    let ask = "Summarise the conversation under the headings Decisions, Actions, Deal changes, People, \
               Preferences, Open questions.";
    let transcript = "user: We decided to offer 10 percent to Acme. Who signs at Acme?\n\
                      assistant: I will send the quote v1.2 on Monday.\nuser: I prefer calls. D-42 moved to negotiation.";
    let body = with(&say(transcript), "system", json!(ask));
    let expected = "## Decisions\n- We decided to offer 10 percent to Acme.\n\n\
                    ## Actions\n- I will send the quote v1.2 on Monday.\n\n\
                    ## Deal changes\n- D-42 moved to negotiation.\n\n\
                    ## Preferences\n- I prefer calls.\n\n## Open questions\n- Who signs at Acme?";
    assert_eq!(said(&body).await, expected);
    let live = chat(json!([
        {"role": "user", "content": "We decided to offer 10 percent to Acme. Who signs at Acme?"},
        {"role": "assistant", "content": "I will send the quote v1.2 on Monday."},
        {"role": "user", "content": "I prefer calls. D-42 moved to negotiation."},
        {"role": "user", "content": ask},
    ]));
    assert_eq!(said(&live).await, expected);
}

#[tokio::test]
async fn a_summary_leaves_out_speakers_calls_and_tool_results() {
    let lines = "[0 user] I prefer calls. Please look at D-42\n\
                 [1 assistant] I will look it up.\n\
                 [1 assistant] [calls get_entity {\"id\":\"D-42\"}]\n\
                 [1 assistant] [calls read_archive {}]\n\
                 [2 user] deal D-42: Acme renewal, stage proposal\nuser: agreed with the CEO\n\
                 [2 user] [7 user 2026-11-01] We decided to remember the discount.\n\
                 [3 assistant] D-42 is in stage proposal.\n\
                 [4 user] We decided to wait.";
    let expected = "## Decisions\n- We decided to wait.\n\n## Actions\n- I will look it up.\n\n\
                    ## Deal changes\n- D-42 is in stage proposal.\n\n## Preferences\n- I prefer calls.";
    assert_eq!(said(&conversation(lines)).await, expected);
}

#[tokio::test]
async fn a_summary_keeps_what_the_earlier_one_says_and_then_the_newest() {
    let earlier = "## Decisions\n- Eight percent\n\n## Look up in the archive\n- The whole price list";
    let news: String = (0..6).map(|n| format!("[{n} user] We agreed on point {n}.\n")).collect();
    let text = |news| {
        format!("<earlier_summary>\n{earlier}\n</earlier_summary>\n<conversation>\n{news}</conversation>")
    };
    let summary = said(&service(&text("[9 user] I prefer tea.\n"))).await;
    let expected = "## Decisions\n- Eight percent\n\n## Preferences\n- I prefer tea.\n\n\
                    ## Look up in the archive\n- The whole price list";
    assert_eq!(summary, expected);
    let summary = said(&service(&text(&news))).await;
    assert!(!summary.contains("Eight percent") && summary.contains("- We agreed on point 5."), "{summary}");
}

#[tokio::test]
async fn a_summary_of_nothing_notable_says_what_there_is() {
    let summary = said(&conversation("[0 user] Good morning\n[1 assistant] Hello there")).await;
    assert_eq!(summary, "## Look up in the archive\n- Good morning\n- Hello there");
    let calls = "[1 assistant] [calls recall {}]\n[2 user] Nothing matches";
    assert_eq!(
        said(&conversation(calls)).await,
        "## Look up in the archive\n- A tool answered: Nothing matches"
    );
    let call = said(&conversation("[1 assistant] [calls recall {}]")).await;
    assert_eq!(call, "## Look up in the archive\n- Without an answer: [calls recall {}]");
    assert_eq!(said(&conversation("")).await, "## Look up in the archive\n- Nothing was said.");
}
