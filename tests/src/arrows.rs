//! The arrows between the crates: what may depend on what (see ARCHITECTURE.md).

use std::{collections::BTreeSet, fs, path::Path};

/// Each crate and those of ours that it may use. A crate that is missing here fails.
const MAY_USE: [(&str, &[&str]); 10] = [
    ("domain", &[]),
    ("redact", &[]),
    ("skills", &["domain"]),
    ("schedules", &["domain"]),
    ("model-sim", &[]),
    ("store", &["domain"]),
    ("model", &["domain"]),
    ("tools", &["domain"]),
    ("engine", &["domain", "store", "model", "tools", "redact", "schedules", "skills"]),
    (
        "server",
        &["domain", "store", "model", "model-sim", "tools", "engine", "redact", "schedules", "skills"],
    ),
];

/// An outside world and the crates that may reach it.
const OWNERS: [(&[&str], &[&str]); 6] = [
    (&["sqlx", "tokio-postgres", "diesel"], &["store"]),
    (&["axum", "axum-core", "axum-extra", "hyper", "hyper-util", "tower-http"], &["server", "model-sim"]),
    (&["reqwest"], &["model", "tools", "server", "model-sim"]),
    (&["async-openai"], &["model"]),
    (&["lettre"], &["tools"]),
    (&["metrics-exporter-prometheus", "opentelemetry_sdk", "opentelemetry-otlp"], &["server"]),
];

/// What a crate depends on, in any section of its manifest.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let (mut inside, mut found) = (false, BTreeSet::new());
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            // `[dependencies]`, `[target.'…'.dev-dependencies]`, `[dependencies.name]`
            inside = section.ends_with("dependencies");
            if let Some((_, name)) = section.split_once("dependencies.") {
                found.insert(name.to_owned());
            }
        } else if inside && let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#'))
        {
            found.insert(name.split('.').next().unwrap_or(name).trim().trim_matches('"').to_owned());
            // A new name would hide what it is.
            found.extend(value.split_once("package").map(|_| format!("(renamed) {value}")));
        }
    }
    found
}

/// The arrows of this manifest that must not be.
fn forbidden(name: &str, manifest: &str) -> Vec<String> {
    let Some((_, may_use)) = MAY_USE.iter().find(|(known, _)| *known == name) else {
        return vec![format!("{name} is not in the list of crates")];
    };
    let ours =
        |dependency: &str| MAY_USE.iter().any(|(known, _)| *known == dependency) || dependency == "tests";
    dependencies(manifest)
        .into_iter()
        .filter(|dependency| {
            let foreign = OWNERS
                .iter()
                .any(|(world, owners)| world.contains(&dependency.as_str()) && !owners.contains(&name));
            let against = ours(dependency) && !may_use.contains(&dependency.as_str());
            foreign || against || dependency.starts_with("(renamed)")
        })
        .map(|dependency| format!("{name} → {dependency}"))
        .collect()
}

#[test]
fn no_crate_depends_on_what_it_must_not_know() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut seen = 0;
    for entry in fs::read_dir(crates).expect("the folder of the crates") {
        let folder = entry.expect("an entry").path();
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
        assert_eq!(forbidden(&name, &manifest), Vec::<String>::new());
        seen += 1;
    }
    assert_eq!(seen, MAY_USE.len(), "every crate of the list is there");
}

#[test]
fn a_forbidden_arrow_is_found_wherever_it_stands() {
    for (name, manifest, found) in [
        ("engine", "[dependencies]\nsqlx.workspace = true", "engine → sqlx"),
        ("engine", "[dev-dependencies]\naxum = \"0.8\"", "engine → axum"),
        ("engine", "[dependencies.reqwest]\nworkspace = true", "engine → reqwest"),
        ("redact", "[target.'cfg(unix)'.dependencies]\ndomain = { path = \"../domain\" }", "redact → domain"),
        ("store", "[build-dependencies]\nserver.workspace = true", "store → server"),
        ("model", "[dependencies]\nquiet = { package = \"sqlx\" }", "model → (renamed)"),
        ("extra", "", "extra is not in the list of crates"),
    ] {
        let problems = forbidden(name, manifest);
        assert!(problems.iter().any(|problem| problem.starts_with(found)), "{name}: {problems:?}");
    }
    assert!(forbidden("store", "[dependencies]\ndomain.workspace = true\nsqlx.workspace = true").is_empty());
}
