//! The prompts that the program suggests: each looks up exactly the name that it quotes.

use crate::selling::Asked;

#[tokio::test]
async fn each_suggested_prompt_looks_up_the_name_in_its_quotes() {
    for (text, kind) in [
        ("What can I do about the risks of the deal “X y”?", "deal"),
        ("How do I get the deal “X y” moving again?", "deal"),
        ("What is left to do until the deal “X y” closes?", "deal"),
        ("Help me get my overdue to-do “X y” done", "task"),
        ("Prepare my meeting “X y” with Dana Roe and Tom at 15:00", "meeting"),
        ("Catch me up on the deal “X y”", "deal"),
        ("What can we learn from the deal “X y”?", "deal"),
        ("What is the next step in the deal “X y”?", "deal"),
        ("What are the risks of the deal “X y”, and what can I do about them?", "deal"),
        ("What do we know about “X y”?", "contact"),
        ("Draft a first message to “X y”", "contact"),
        ("What was said in the last conversation with “X y”?", "contact"),
        ("Draft a follow-up to “X y”", "contact"),
        ("What was last said with “X y”?", "company"),
        ("What is our status with “X y”?", "company"),
        ("Which deals are open with “X y”?", "company"),
        ("Summarize the meeting “X y”", "meeting"),
        ("Which to-dos follow from the meeting “X y”?", "meeting"),
        ("Draft a follow-up e-mail after the meeting “X y”", "meeting"),
        ("Prepare the meeting “X y” with Dana Roe", "meeting"),
        ("What was said last time with those of the meeting “X y”?", "meeting"),
        ("What came of the to-do “X y”?", "task"),
        ("How do I get the to-do “X y” done?", "task"),
        ("What do I need to know for the to-do “X y”?", "task"),
        ("What came of “X y”?", "activity"),
        ("What is the next step after “X y”?", "activity"),
        ("Summarize the e-mail “X y”", "email"),
        ("Draft an answer to the e-mail “X y”", "email"),
    ] {
        let expected = format!("resolve_entity {{\"hint\":\"{kind}\",\"name\":\"X y\"}}");
        assert_eq!(Asked::of(text).calls().await, [expected], "{text}");
    }
}
