use std::{fs, path::PathBuf, process::ExitCode};

use uuid::Uuid;

use super::{Check, Format, New, check, folder, output, write_new};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(std::env::temp_dir().join(format!("sixty-skills-{}", Uuid::now_v7())));
        fs::create_dir_all(&folder.0).unwrap();
        for (path, text) in files {
            folder.write(path, text);
        }
        folder
    }

    fn write(&self, path: &str, text: &str) {
        super::write(&self.0.join(path), text).unwrap();
    }

    /// What the check prints, without the folder's own path.
    fn checked(&self) -> String {
        let mut found = Vec::new();
        folder::find(&self.0, &mut found).unwrap();
        let checked = folder::check_all(&found).unwrap();
        output::text(&checked).replace(&format!("{}/", self.0.display()), "")
    }

    fn code(&self, path: &str) -> ExitCode {
        check(&Check { paths: vec![self.0.join(path)], format: Format::Json }).unwrap()
    }

    fn create(&self, key: &str, template: &str) -> ExitCode {
        let new = New { key: key.into(), template: template.into(), into: self.0.clone() };
        write_new(&new).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

const GOOD: &str = "---\nname: A\ndescription: B\n---\nBody\n";

#[test]
fn each_finding_has_path_line_field_and_problem() {
    let bad = "---\nname: A\nmetadata:\n  skill_type: squence\n  zzz: 1\n---\nBody\n";
    let folder = Folder::new(&[("x/good/SKILL.md", GOOD), ("y/bad/SKILL.md", bad)]);
    assert_eq!(
        folder.checked(),
        "y/bad/SKILL.md:2: description: is required\n\
         y/bad/SKILL.md:4: metadata.skill_type: is `squence`, and must be one of atomic, sequence, composite (sequence)\n\
         y/bad/SKILL.md:5: metadata.zzz: warning: is not known; it is kept and does nothing\n\
         2 skills checked, 2 errors and 1 warning\n"
    );
}

#[test]
fn exit_codes_tell_errors_warnings_and_bad_usage_apart() {
    let warned = "---\nname: A\ndescription: B\nzzz: 1\n---\nBody\n";
    let folder = Folder::new(&[
        ("good/SKILL.md", GOOD),
        ("warned/skill.md", warned),
        ("bad/SKILL.md", "x"),
        ("e/x.md", "x"),
    ]);
    let codes = ["good", "good/SKILL.md", "warned", "bad", "", "e", "nowhere"].map(|path| folder.code(path));
    let [ok, fail, usage] = [ExitCode::SUCCESS, ExitCode::FAILURE, ExitCode::from(2)];
    assert_eq!(codes, [ok, ok, ok, fail, fail, usage, usage]);
}

#[test]
fn what_lies_beside_a_skill_is_checked_and_links_are_not_followed() {
    let folder = Folder::new(&[
        ("a/SKILL.md", GOOD),
        ("a/references/x.md", "x"),
        ("a/.env", "SECRET=1"),
        ("a/.git/config", "x"),
        ("a/.gitignore", "x"),
        ("a/notes.txt", &"ä".repeat(200_000)),
        ("a/inner/SKILL.md", GOOD),
        ("a/inner/id_rsa", "x"),
        ("elsewhere.md", "x"),
    ]);
    fs::write(folder.0.join("a/image.png"), [0xFF, 0xD8]).unwrap();
    fs::write(folder.0.join("a/large.png"), vec![0xFF; 400_000]).unwrap();
    fs::write(folder.0.join("a/zeros.bin"), vec![0; 400_000]).unwrap();
    fs::write(folder.0.join("a/zero.bin"), [0]).unwrap();
    std::os::unix::fs::symlink(folder.0.join("elsewhere.md"), folder.0.join("a/link.md")).unwrap();
    std::os::unix::fs::symlink(folder.0.join("a"), folder.0.join("b")).unwrap();
    assert_eq!(
        folder.checked(),
        "a/SKILL.md: .env: is a file of secrets, and is not taken\n\
         a/SKILL.md: link.md: is a link, and links are not taken\n\
         a/SKILL.md: notes.txt: has more than 262144 bytes\n\
         a/SKILL.md: .git: warning: is a hidden folder, and is left behind\n\
         a/SKILL.md: .gitignore: warning: is a hidden file, and is left behind\n\
         a/SKILL.md: image.png: warning: is not UTF-8 text, and is left behind\n\
         a/SKILL.md: large.png: warning: is not UTF-8 text, and is left behind\n\
         a/SKILL.md: zero.bin: warning: is not UTF-8 text, and is left behind\n\
         a/SKILL.md: zeros.bin: warning: is not UTF-8 text, and is left behind\n\
         a/inner/SKILL.md: id_rsa: is a file of keys, and is not taken\n\
         2 skills checked, 4 errors and 6 warnings\n"
    );
}

#[test]
fn a_library_has_documents_and_lies_in_no_other_skill() {
    let folder = Folder::new(&[
        ("a/SKILL.md", GOOD),
        ("a/_platform-references/x.md", "x"),
        ("b/_platform-references/inner/SKILL.md", GOOD),
        ("c/_platform-references/x.md", "x"),
        ("c/_platform-references/_platform-references/x.md", "x"),
    ]);
    let mut found = Vec::new();
    folder::find(&folder.0, &mut found).unwrap();
    let checked: Vec<_> = found.iter().map(|path| folder::check(path).unwrap()).collect();
    let files = |n: usize| checked[n].files.keys().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(files(0), ["_platform-references/x.md"]);
    assert_eq!(files(3), ["_platform-references/x.md", "x.md"]);
    assert_eq!(
        folder.checked(),
        "b/_platform-references/SKILL.md: document: has no documents\n4 skills checked, 1 error and 0 warnings\n"
    );
}

#[test]
fn skills_of_a_folder_are_checked_beside_each_other() {
    let follows = |key: &str| {
        let step = format!("{{order: 1, skill_key: {key}}}");
        format!("---\nname: A\ndescription: B\nmetadata:\n  workflow: [{step}]\n---\nBody\n")
    };
    let folder = Folder::new(&[("x/a/SKILL.md", &follows("b")), ("x/c/SKILL.md", &follows("a"))]);
    folder.write("y/b/SKILL.md", &follows("a"));
    for n in 0..9 {
        folder.write(&format!("z/d{n}/SKILL.md"), &follows(&format!("d{}", n + 1)));
    }
    let said = folder.checked();
    assert!(
        said.starts_with(
            "x/a/SKILL.md: metadata.workflow: leads in a circle: a → b → a\n\
             y/b/SKILL.md: metadata.workflow: leads in a circle: b → a → b\n"
        ),
        "{said}"
    );
    folder.write("y/e/SKILL.md", GOOD);
    for end in ["x/a", "x/c", "y/b"] {
        fs::remove_dir_all(folder.0.join(end)).unwrap();
    }
    assert_eq!(
        folder.checked(),
        "z/d0/SKILL.md: metadata.workflow: leads 9 skills deep, and 8 is the most\n\
         10 skills checked, 1 error and 0 warnings\n"
    );
}

#[test]
fn a_folder_whose_name_is_no_key_is_an_error_beside_the_others() {
    let folder = Folder::new(&[("Deal Rescue/SKILL.md", "---\nname: A\n---\nx")]);
    let said = folder.checked();
    assert!(said.contains("key: the folder's name `Deal Rescue` is no key"), "{said}");
    assert!(said.contains("description: is required"), "{said}");
}

#[test]
fn too_long_and_unreadable_documents_are_findings() {
    let folder = Folder::new(&[("long/SKILL.md", &"x".repeat(1_048_577))]);
    fs::create_dir(folder.0.join("bytes")).unwrap();
    fs::write(folder.0.join("bytes/SKILL.md"), [0xFF]).unwrap();
    let said = folder.checked();
    assert!(said.contains("bytes/SKILL.md: document: is not UTF-8 text\n"), "{said}");
    assert!(said.contains("long/SKILL.md: document: has more than 1048576 bytes\n"), "{said}");
}

#[test]
fn a_new_skill_of_every_template_passes_the_check_and_is_never_overwritten() {
    let folder = Folder::new(&[]);
    for template in skills::cookbook::TEMPLATES {
        assert_eq!(folder.create(template.name, template.name), ExitCode::SUCCESS);
        assert_eq!(folder.create(template.name, template.name), ExitCode::from(2));
    }
    assert_eq!(folder.code(""), ExitCode::SUCCESS);
    assert!(folder.0.join("integration/connector.json").is_file());
    assert_eq!(folder.create("x", "no-such-template"), ExitCode::from(2));
    assert_eq!(folder.create("Not A Key", "integration"), ExitCode::from(2));
    assert!(!folder.0.join("x").exists());
}

#[test]
fn a_folder_is_found_by_its_name_in_whatever_form_a_system_keeps_it() {
    let folder = Folder::new(&[("gro\u{308}\u{df}e/SKILL.md", GOOD), ("Gross/SKILL.md", GOOD)]);
    let mut found = Vec::new();
    folder::find(&folder.0, &mut found).unwrap();
    let keys: Vec<String> = folder::check_all(&found).unwrap().into_iter().map(|it| it.key).collect();
    assert_eq!(keys, ["Gross", "größe"]);
    let told = "Gross/SKILL.md: key: the folder's name `Gross` is no key: a key has lower-case letters";
    assert!(folder.checked().starts_with(told), "{}", folder.checked());
}
