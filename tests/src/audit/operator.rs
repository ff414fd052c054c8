//! What `sixty audit verify` tells.

use server::{
    audit::{Verify, all},
    config::{Database, Keys},
};

use super::{keys, tampering::Sealed, unsealed};
use crate::harness::TestApp;

fn asked(org: Option<&str>) -> Verify {
    Verify {
        org: org.map(str::to_owned),
        head: None,
        database: Database {
            database_url: None,
            migration_database_url: None,
            data_dir: ".".into(),
            allow_old_postgres: None,
            connections: 1,
        },
        keys: Keys { master_key: None, master_key_previous: Vec::new() },
    }
}

async fn told(app: &TestApp, org: Option<&str>) -> (Vec<String>, Option<String>) {
    let mut lines = Vec::new();
    let verified = all(app.store(), &keys(), &asked(org), |line| lines.push(line.to_owned())).await;
    (lines, verified.err().map(|error| error.to_string()))
}

#[tokio::test]
async fn the_operator_is_told_in_words_what_is_broken_and_where() {
    let sealed = Sealed::new().await;
    let (lines, error) = told(&sealed.app, None).await;
    assert_eq!((lines.len(), error), (3, None), "{lines:?}");
    assert!(
        lines
            .iter()
            .any(|l| l.starts_with("acme: whole: entries 9, seals 3, not sealed yet 2, ends with 3:"))
    );
    let entry = sealed.entries[4];
    sealed.app.tamper(&format!("update sixty.audit set decision = 'denied' where id = '{entry}'")).await;
    let (lines, error) = told(&sealed.app, None).await;
    let broken =
        format!("acme: BROKEN: entry {entry} of seal 2 was changed (good before it: entries 3, seals 1)");
    assert!(lines.contains(&broken), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("globex: whole")), "{lines:?}");
    assert!(error.expect("an error").contains("1 of 2 organizations is broken"));
    assert_eq!(told(&sealed.app, Some("globex")).await.1, None);
    assert!(told(&sealed.app, Some("acme")).await.1.is_some());
    let unreadable = format!(
        "alter table sixty.audit alter column action drop not null;
         update sixty.audit set action = null where id = '{entry}'"
    );
    sealed.app.tamper(&unreadable).await;
    let (lines, error) = told(&sealed.app, None).await;
    assert!(lines.iter().any(|line| line.starts_with("acme: BROKEN: it cannot be read")), "{lines:?}");
    assert!(error.expect("an error").contains("1 of 2 organizations is broken"));
    assert!(
        told(&sealed.app, Some("nobody")).await.1.expect("an error").contains("no organization \"nobody\"")
    );
}

#[tokio::test]
async fn an_empty_database_is_whole() {
    let app = unsealed().await;
    assert_eq!(told(&app, None).await, (vec!["Organizations: 0. Every trail is whole.".to_owned()], None));
    app.alice().get("/v1/me").await.expect(200);
    let (lines, error) = told(&app, None).await;
    assert_eq!(lines[0], "acme: whole: entries 0, seals 0, not sealed yet 0");
    assert_eq!(error, None);
}
