use super::*;

fn command(text: &str) -> Command {
    match read(text) {
        Read::Command(command) => command,
        other => panic!("{text:?} is {other:?}"),
    }
}

fn ask(text: &str) -> Command {
    Command::Ask(text.to_owned())
}

#[test]
fn every_command_and_its_aliases_are_read() {
    let named = |text: &str| Some(text.to_owned());
    for (texts, meant) in [
        (&["", "  ", "help", "HELP", "?", "commands"][..], Command::Help),
        (&["today", "Today ", "agenda", "briefing"], Command::Today),
        (
            &["deal Acme renewal", "deals  Acme renewal", "opp Acme renewal"],
            Command::Deal("Acme renewal".into()),
        ),
        (&["contact Dana", "person Dana", "who Dana"], Command::Contact("Dana".into())),
        (&["prep", "prepare"], Command::Prep(None)),
        (&["prep Acme", "prep for Acme", "prepare for Acme"], Command::Prep(named("Acme"))),
        (&["follow-up", "followup", "follow up", "Follow Up", "fu"], Command::FollowUp(None)),
        (&["follow-up Acme", "follow up for Acme", "fu Acme"], Command::FollowUp(named("Acme"))),
        (&["risks", "risk", "at risk", "at-risk"], Command::Risks),
        (&["pipeline", "pipe", "forecast"], Command::Pipeline),
        (&["task", "tasks", "task list", "todo ls", "to-dos", "tasks open"], Command::TaskList),
        (&["task add Call Dana", "todo new  Call Dana"], Command::TaskAdd("Call Dana".into())),
        (&["schedules", "schedule"], Command::Schedules),
        (&["approvals", "pending"], Command::Approvals),
        (&["memory", "remember"], Command::Memory),
        (&["new", "reset"], Command::New),
    ] {
        for text in texts {
            assert_eq!(command(text), meant, "{text:?}");
        }
    }
}

#[test]
fn every_command_of_the_help_is_one() {
    for usage in COMMANDS {
        let read = command(usage.example);
        assert!(!matches!(read, Command::Ask(_)), "{}", usage.example);
        let word = usage.form.split(' ').next().expect("a word");
        assert!(WORDS.iter().any(|(words, _)| words[0] == word), "{word}");
    }
}

#[test]
fn free_text_goes_to_the_copilot_as_it_was_written() {
    for text in [
        "Which deals close this month?",
        "today is a good day, what now?",
        "new deals this week",
        "pipeline of Dana for Q3",
        "risk of Acme leaving",
        "memory of the last call with Acme",
        "remember that Dana prefers mornings",
        "task force for the Acme renewal",
        "tasks of Dana this week",
        "contract Acme",
        "dear Dana",
        "talk to Dana",
        "meal plan",
        "news",
        "now?",
        "helpful hints for closing a deal this week",
        "who?",
        "schedule a call with Dana on Friday",
    ] {
        assert_eq!(command(text), ask(text), "{text:?}");
    }
}

#[test]
fn a_slip_is_asked_about_and_both_readings_are_offered() {
    for (text, suggestion) in [
        ("halp", "help"),
        ("tody", "today"),
        ("todya", "today"),
        ("dael Acme renewal", "deal Acme renewal"),
        ("contcat Dana", "contact Dana"),
        ("pipline", "pipeline"),
        ("pipelnie", "pipeline"),
        ("aprovals", "approvals"),
        ("aproval", "approval"),
        ("scheduels", "schedules"),
        ("folow-up Acme", "follow-up Acme"),
        ("taks list", "task list"),
        ("tsak add Call Dana", "task add Call Dana"),
        ("memroy", "memory"),
        ("rissk", "risk"),
    ] {
        let Read::Unsure { meant, suggestion: offered, text: kept } = read(text) else {
            panic!("{text:?} is {:?}", read(text));
        };
        assert_eq!((offered.as_str(), kept.as_str()), (suggestion, text));
        assert_eq!(meant, command(suggestion), "{text:?}");
    }
}

#[test]
fn a_command_without_what_it_is_about_says_how_it_is_written() {
    for (text, form) in [("deal", "deal NAME"), ("contacts", "contact NAME"), ("task add", "task add TEXT")] {
        let Read::Incomplete(usage) = read(text) else { panic!("{text:?} is {:?}", read(text)) };
        assert_eq!(usage.form, form);
    }
}

#[test]
fn the_text_is_read_as_the_person_wrote_it() {
    assert_eq!(command("deal R&amp;D &lt;Acme&gt;"), Command::Deal("R&D <Acme>".into()));
    assert_eq!(command("contact <@U1|dana>"), Command::Contact("@dana".into()));
    assert_eq!(
        command("task add see <https://acme.example>"),
        Command::TaskAdd("see https://acme.example".into())
    );
}

#[test]
fn commands_that_ask_the_copilot_have_a_prompt() {
    for text in [
        "hello",
        "today",
        "deal A",
        "contact A",
        "prep",
        "prep A",
        "follow-up",
        "follow-up A",
        "risks",
        "pipeline",
    ] {
        assert!(command(text).prompt().is_some_and(|prompt| !prompt.is_empty()), "{text}");
    }
    for text in ["help", "task", "schedules", "approvals", "memory", "new"] {
        assert_eq!(command(text).prompt(), None, "{text}");
    }
}
