//! Companion documents: where they may lie and how much there may be.

use skills::{Files, Reading, files::check_path, limits};

fn with(files: &Files) -> Reading {
    skills::read(&"k".parse().expect("a key"), "---\nname: a\ndescription: b\n---\nBody\n", files)
}

#[test]
fn plain_paths_inside_of_the_folder_are_taken() {
    for path in
        ["references/prices.md", "a.txt", "scripts/run.py", "assets/größe.csv", "a/b/c/d/e.md", "keys.md"]
    {
        assert_eq!(check_path(path), Ok(()), "{path}");
    }
}

#[test]
fn paths_that_leave_the_folder_hide_or_hold_keys_are_refused() {
    let cases = [
        ("", "must have a path"),
        ("/etc/passwd", "absolute"),
        ("C:/x.md", "absolute"),
        ("../x.md", "leave"),
        ("references/../../x.md", "leave"),
        ("references\\x.md", "backslash"),
        ("a//b.md", "plainly"),
        ("./a.md", "plainly"),
        ("a /b.md", "plainly"),
        ("a./b.md", "plainly"),
        ("a/b/c/d/e/f/g/h/i/j.md", "folders deep"),
        ("SKILL.md", "the skill itself"),
        ("skill.md", "the skill itself"),
        (".env", "secrets"),
        ("config/.ENV.local", "secrets"),
        ("prod.env", "keys"),
        (".git/config", "hidden"),
        ("references/.hidden.md", "hidden"),
        ("certs/server.pem", "keys"),
        ("server.KEY", "keys"),
        ("id_rsa", "keys"),
        ("id_ed25519.pub", "keys"),
        ("store.p12", "keys"),
        ("credentials.json", "keys"),
        ("nul.txt", "not every system"),
        ("a?.md", "not every system"),
        ("a\u{202E}b.md", "nobody can see"),
        ("a\0b.md", "nobody can see"),
        ("a\nb.md", "nobody can see"),
    ];
    for (path, why) in cases {
        let error = check_path(path).unwrap_err();
        assert!(error.contains(why), "{path:?}: {error}");
    }
    assert!(check_path(&"a".repeat(limits::PATH + 1)).is_err());
}

#[test]
fn a_path_that_is_refused_is_named_in_the_report() {
    let reading = with(&Files::from([("../x.md".to_owned(), String::new())]));
    assert!(reading.skill.is_none());
    assert_eq!(reading.report.errors[0].field, "../x.md");
}

#[test]
fn number_and_sizes_are_bounded() {
    let files = |count: usize, size: usize| -> Files {
        (0..count).map(|i| (format!("references/{i}.md"), "x".repeat(size))).collect()
    };
    assert!(with(&files(limits::FILES, 10)).skill.is_some());
    assert_eq!(with(&files(limits::FILES + 1, 10)).report.errors[0].field, "files");
    assert!(with(&files(1, limits::FILE)).skill.is_some());
    assert_eq!(with(&files(1, limits::FILE + 1)).report.errors[0].field, "references/0.md");
    let most = limits::ALL_FILES / limits::FILE;
    assert!(with(&files(most, limits::FILE)).skill.is_some());
    assert_eq!(with(&files(most + 1, limits::FILE)).report.errors[0].field, "files");
}

#[test]
fn texts_of_companions_are_looked_at_too() {
    let zero = with(&Files::from([("a.md".to_owned(), "x\ny\0".to_owned())]));
    assert_eq!(zero.report.errors[0].line, Some(2));
    let hidden = with(&Files::from([("a.md".to_owned(), "x\u{E0041}y".to_owned())]));
    assert!(hidden.skill.is_some() && hidden.report.warnings[0].problem.contains("nobody can see"));
    let plain = with(&Files::from([("a.md".to_owned(), "\u{FEFF}x\r\n\ty\r\n".to_owned())]));
    assert_eq!(plain.report.warnings, []);
    let twice = with(&Files::from([("a.md".to_owned(), String::new()), ("A.md".to_owned(), String::new())]));
    assert!(twice.report.errors[0].problem.contains("capital letters"));
}

#[test]
fn templates_that_no_organization_fills_in_are_told_with_their_document_and_line() {
    let text = "${company_name}\n\nHello ${company_nam}\n";
    let files = ["references/a.md", "scripts/a.js"].map(|path| (path.to_owned(), text.to_owned()));
    let warnings = with(&Files::from(files)).report.warnings;
    let [warning] = &warnings[..] else { panic!("one warning: {warnings:?}") };
    assert_eq!((warning.field.as_str(), warning.line), ("references/a.md", Some(3)));
    assert_eq!(warning.suggestion.as_deref(), Some("${company_name}"));
}
