//! `sixty skills push`, as the program itself, over a service.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{document, read, with};
use crate::harness::{Person, TestApp, program};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(std::env::temp_dir().join(format!("sixty-push-{}", Uuid::now_v7())));
        for (path, text) in files {
            folder.write(path, text);
        }
        folder
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// What the program said, and how it ended.
struct Said {
    code: i32,
    out: String,
    err: String,
}

async fn push(folder: &Path, more: &[&str], env: &[(&str, &str)]) -> Said {
    let mut command = Command::new(program());
    command.args(["skills", "push"]).arg(folder).args(more).env_clear().envs(env.iter().copied());
    let ended = tokio::task::spawn_blocking(move || command.output()).await.expect("it ends");
    let Output { status, stdout, stderr } = ended.expect("the program runs");
    let text = |bytes: Vec<u8>, folder: &Path| {
        String::from_utf8(bytes).expect("text").replace(&format!("{}/", folder.display()), "")
    };
    let said =
        Said { code: status.code().expect("a code"), out: text(stdout, folder), err: text(stderr, folder) };
    for (_, token) in env.iter().filter(|(name, _)| *name == "SIXTY_TOKEN") {
        assert!(token.is_empty() || !format!("{}{}", said.out, said.err).contains(token), "a token is told");
    }
    said
}

fn url(app: &TestApp) -> String {
    format!("http://{}", app.replica.address)
}

async fn push_as(app: &TestApp, person: &Person, folder: &Folder, more: &[&str]) -> Said {
    push(&folder.0, more, &[("SIXTY_URL", &url(app)), ("SIXTY_TOKEN", &person.token)]).await
}

#[tokio::test]
async fn skills_are_pushed_with_their_documents_and_what_is_there_makes_no_version() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let folder = Folder::new(&[
        ("brief/SKILL.md", &document("Brief", "Be brief.")),
        ("brief/references/tone.md", "Short."),
        ("_platform-references/SKILL.md", &document("Library", "For all.")),
        ("_platform-references/prices.md", "Dear."),
    ]);
    let said = push_as(&app, &alice, &folder, &[]).await;
    assert_eq!(
        (said.code, said.out.as_str(), said.err.as_str()),
        (
            0,
            "_platform-references: created version 1\nbrief: created version 1\n2 skills pushed: 2 created\n",
            ""
        )
    );
    let stored = read(&alice, "brief").await;
    assert_eq!(stored["files"], json!({"references/tone.md": "Short."}));
    folder.write("brief/references/tone.md", "Shorter.");
    let said = push_as(&app, &alice, &folder, &["--format", "json"]).await;
    let told: Value = serde_json::from_str(&said.out).expect("JSON");
    let status = |n: usize| (&told["skills"][n]["status"], &told["skills"][n]["version"]);
    assert_eq!((status(0), status(1)), ((&json!("unchanged"), &json!(1)), (&json!("changed"), &json!(2))));
    assert_eq!((&told["unchanged"], &told["changed"], &told["refused"]), (&json!(1), &json!(1), &json!(0)));
    let said = push_as(&app, &alice, &folder, &[]).await;
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "_platform-references: unchanged\nbrief: unchanged\n2 skills pushed: 2 unchanged\n")
    );
    assert_eq!(read(&alice, "brief").await["version"], 2);
}

#[tokio::test]
async fn what_a_skill_follows_is_pushed_before_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let round =
        |key: &str| with("Round", &format!("metadata: {{workflow: [{{order: 1, skill_key: {key}}}]}}"));
    let folder = Folder::new(&[
        ("a/SKILL.md", &round("c")),
        ("b/SKILL.md", &document("B", "Do it.")),
        ("c/SKILL.md", &round("d")),
        ("d/SKILL.md", &document("D", "Do it.")),
    ]);
    let said = push_as(&app, &alice, &folder, &[]).await;
    let order: Vec<&str> =
        said.out.lines().filter_map(|line| line.strip_suffix(": created version 1")).collect();
    assert_eq!((said.code, order), (0, vec!["d", "c", "a", "b"]), "{}", said.out);
}

#[tokio::test]
async fn a_library_needs_no_document_and_a_skill_may_have_megabytes_of_them() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let folder = Folder::new(&[
        ("_platform-references/prices.md", "Dear."),
        ("large/SKILL.md", &document("Large", "Read.")),
    ]);
    for n in 0..15 {
        // Each of these characters takes two in JSON.
        folder.write(&format!("large/references/{n}.md"), &"\"".repeat(120 * 1024));
    }
    for n in 15..31 {
        folder.write(&format!("large/references/{n}.md"), &"x".repeat(130 * 1024));
    }
    let said = push_as(&app, &alice, &folder, &[]).await;
    let told =
        "_platform-references: created version 1\nlarge: created version 1\n2 skills pushed: 2 created\n";
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, told, ""));
    assert_eq!(read(&alice, "_platform-references").await["files"], json!({"prices.md": "Dear."}));
    assert_eq!(read(&alice, "large").await["files"].as_object().expect("files").len(), 31);
}

#[tokio::test]
async fn what_the_check_refuses_is_not_sent_and_what_the_service_refuses_stops_no_other() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let folder = Folder::new(&[
        ("good/SKILL.md", &document("Good", "Do it.")),
        ("bad/SKILL.md", "---\nname: Bad\n---\nBody\n"),
    ]);
    let said = push_as(&app, &alice, &folder, &[]).await;
    assert_eq!(
        (said.code, said.out.as_str()),
        (1, "bad/SKILL.md:2: description: is required\n0 skills pushed; 2 not sent\n")
    );
    assert!(said.err.contains("nothing was sent"), "{}", said.err);
    assert_eq!(app.database.count("select count(*) from sixty.skills").await, 0);
    let secret = format!("The key is sk-ant-api03-{}.", "aB3".repeat(30));
    folder.write("bad/SKILL.md", &document("Bad", &secret));
    let said = push_as(&app, &alice, &folder, &[]).await;
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines[0].starts_with("bad: refused: document: "), "{lines:?}");
    assert_eq!(lines[1..], ["good: created version 1", "2 skills pushed: 1 created, 1 refused"]);
}

#[tokio::test]
async fn the_platforms_skills_are_pushed_by_its_administrator_and_overridden_by_an_organization() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let root = app.replica.root();
    let folder = Folder::new(&[("brief/SKILL.md", &document("Brief", "For all."))]);
    let said = push_as(&app, &alice, &folder, &["--platform"]).await;
    assert_eq!((said.code, said.out.as_str()), (2, "0 skills pushed; 1 not sent\n"));
    assert!(said.err.contains("platform"), "{}", said.err);
    let said = push_as(&app, &root, &folder, &["--platform"]).await;
    assert_eq!(said.out, "brief: created version 1\n1 skill pushed: 1 created\n");
    assert_eq!(read(&alice, "brief").await["source"], "platform");
    folder.write("brief/SKILL.md", &document("Brief", "For us."));
    let said = push_as(&app, &alice, &folder, &[]).await;
    assert_eq!(said.out, "brief: created version 1\n1 skill pushed: 1 created\n");
    assert_eq!(read(&alice, "brief").await["source"], "own");
}

#[tokio::test]
async fn a_service_that_cannot_be_asked_is_told_with_what_to_do() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    let folder = Folder::new(&[("brief/SKILL.md", &document("Brief", "Be brief."))]);
    let here = url(&app);
    // Nobody listens on a port that was just given back.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let nobody = format!("http://{free}");
    let foreign = format!("{}/elsewhere", here.replace("http://", "http://bob:word@"));
    for (address, token, words) in [
        (here.as_str(), bob.token.as_str(), "an owner's or an administrator's"),
        (&here, "nonsense", "does not accept the token"),
        (&here, "two words", "--token (or SIXTY_TOKEN) is no token"),
        (&here, "", "--token (or SIXTY_TOKEN) is no token"),
        (&nobody, &alice.token, "cannot be reached: is the service running there?"),
        (&foreign, &alice.token, "without a name and password"),
        ("localhost:8060", &alice.token, "has to be an address such as https://"),
        ("ftp://localhost", &alice.token, "has to be an address such as https://"),
    ] {
        let said = push(&folder.0, &[], &[("SIXTY_URL", address), ("SIXTY_TOKEN", token)]).await;
        assert_eq!(said.code, 2, "{address}: {}{}", said.out, said.err);
        assert!(said.err.contains(words), "{address}: {}", said.err);
    }
    let said = push(&folder.0, &[], &[("SIXTY_URL", &here)]).await;
    assert!(said.code == 2 && said.err.contains("--token"), "{}", said.err);
    let said = push_as(&app, &alice, &Folder::new(&[("x.txt", "x")]), &[]).await;
    assert!(said.code == 2 && said.err.contains("no SKILL.md is there"), "{}", said.err);
    let two = Folder::new(&[
        ("a/brief/SKILL.md", &document("Brief", "One.")),
        ("b/brief/SKILL.md", &document("Brief", "Two.")),
    ]);
    let said = push_as(&app, &alice, &two, &[]).await;
    assert!(said.code == 2 && said.err.contains("have the same key `brief`"), "{}", said.err);
    assert_eq!(app.database.count("select count(*) from sixty.skills").await, 0);
}
