//! Master keys come and go; a row that stands elsewhere opens nowhere.

use engine::keys::MasterKeys;
use model_sim::Reply;

use super::{keep, sent, use_keys};
use crate::harness::{
    Setup, TestApp,
    look::{answers, end},
};

fn with_keys(current: u8, previous: &[u8]) -> Setup {
    let keys = MasterKeys::new([current; 32], previous.iter().map(|n| [*n; 32]).collect());
    Setup { keys, ..Setup::default() }
}

#[tokio::test]
async fn secrets_outlive_the_rotation_of_the_master_key() {
    let app = TestApp::with(with_keys(1, &[])).await;
    app.sim.respond_with(|_| Reply::text("Here I am."));
    keep(&app.alice(), "ours", "acme-key-4711").await.expect(201);
    use_keys(&app.alice(), &[("anthropic", "ours")]).await;
    let turn = async |replica: &crate::harness::Replica| {
        let alice = replica.person("acme", "alice", "owner");
        let frames = alice.hear(&alice.session().await, "Hi").await;
        (answers(&frames), sent(&app.sim))
    };
    let good = (vec!["Here I am.".to_owned()], vec!["acme-key-4711".to_owned()]);
    assert_eq!(turn(&app.replica).await, good);
    let rotated = app.another_replica(with_keys(2, &[1])).await;
    assert_eq!(turn(&rotated).await, good);
    assert_eq!(rotated.engine.reseal_secrets().await.expect("a pass"), 1);
    assert_eq!(rotated.engine.reseal_secrets().await.expect("a pass"), 0);
    assert_eq!(turn(&rotated).await, good);
    // The old key is needed no more.
    let new = app.another_replica(with_keys(2, &[])).await;
    assert_eq!(turn(&new).await, good);
}

#[tokio::test]
async fn without_the_master_key_a_run_says_which_secret_cannot_be_opened_and_asks_nobody() {
    let app = TestApp::with(with_keys(1, &[])).await;
    keep(&app.alice(), "ours", "acme-key-4711").await.expect(201);
    use_keys(&app.alice(), &[("anthropic", "ours")]).await;
    let other = app.another_replica(with_keys(9, &[])).await;
    let alice = other.person("acme", "alice", "owner");
    let frames = alice.hear(&alice.session().await, "Hi").await;
    assert_eq!(end(&frames).data["code"], "model_key_unusable");
    let message = end(&frames).data["message"].as_str().expect("a message").to_owned();
    for words in ["anthropic", "the secret ours", "master key", "PUT /v1/admin/secrets/ours"] {
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(sent(&app.sim), Vec::<String>::new());
    // Stored again, it opens.
    keep(&alice, "ours", "acme-key-4712").await.expect(200);
    app.sim.push(Reply::text("Here I am."));
    alice.hear(&alice.session().await, "Hi").await;
    assert_eq!(sent(&app.sim), ["acme-key-4712"]);
}

#[tokio::test]
async fn a_value_that_was_moved_to_another_organization_or_name_does_not_open() {
    let app = TestApp::start().await;
    let (alice, mallory) = (app.alice(), app.stranger());
    keep(&alice, "ours", "acme-key-4711").await.expect(201);
    keep(&alice, "other", "acme-key-4712").await.expect(201);
    keep(&mallory, "ours", "globex-key-0815").await.expect(201);
    use_keys(&alice, &[("anthropic", "ours")]).await;
    use_keys(&mallory, &[("anthropic", "ours")]).await;
    let pool = app.database.superuser().await;
    for (from, to) in [("acme", "globex"), ("acme", "acme")] {
        let moved = "update sixty.secret_values v set sealed = s.sealed
            from sixty.secret_values s, sixty.orgs f, sixty.orgs t
            where f.external_id = $1 and s.org_id = f.org_id and s.name = case when $1 = $2 then 'other' else 'ours' end
                and t.external_id = $2 and v.org_id = t.org_id and v.name = 'ours'";
        sqlx::query(moved).bind(from).bind(to).execute(&pool).await.expect("a row is moved");
    }
    let fresh = app.another_replica(Setup::default()).await;
    for (org, user) in [("acme", "alice"), ("globex", "mallory")] {
        let person = fresh.person(org, user, "owner");
        let frames = person.hear(&person.session().await, "Hi").await;
        assert_eq!(end(&frames).data["code"], "model_key_unusable", "{org}");
    }
    assert_eq!(sent(&app.sim), Vec::<String>::new());
}
