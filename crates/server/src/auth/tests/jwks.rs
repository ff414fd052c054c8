//! Keys that come, go and cannot be fetched.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::json;
use tokio::task::JoinSet;

use super::{provider::Provider, *};

fn token(signer: &Signer, id: &str) -> String {
    Forge::new(signer).header("kid", id).build()
}

fn later(seconds: i64) -> DateTime<Utc> {
    Utc::now() + TimeDelta::seconds(seconds)
}

/// Sends all of these at once and says how many were accepted.
async fn crowd(verifier: &Verifier, tokens: Vec<String>, now: DateTime<Utc>) -> usize {
    let mut set = JoinSet::new();
    for token in tokens {
        let verifier = verifier.clone();
        set.spawn(async move { verifier.verify_at(&token, now).await });
    }
    set.join_all().await.iter().filter(|outcome| outcome.is_ok()).count()
}

#[tokio::test]
async fn a_new_key_is_found_and_an_old_one_forgotten() {
    let (old, new) = (signer::rsa("RS256"), signer::other_rsa());
    let provider = Provider::start(&[old.jwk("old")]).await;
    let verifier = provider.verifier();
    let (old_token, new_token) = (token(&old, "old"), token(&new, "new"));
    let start = later(0);
    assert!(verifier.verify_at(&old_token, start).await.is_ok());
    assert_eq!(verifier.verify_at(&new_token, start).await, Err(AuthError::UnknownKey));

    provider.publish(&[new.jwk("new")]);
    // The first fetch is less than a minute ago, so nobody has asked again.
    assert_eq!(verifier.verify_at(&new_token, later(50)).await, Err(AuthError::UnknownKey));
    assert!(verifier.verify_at(&old_token, later(50)).await.is_ok());
    assert_eq!(provider.hits(), 1);

    let rotation = later(61);
    assert!(verifier.verify_at(&old_token, rotation).await.is_ok(), "remembered once more");
    assert!(verifier.verify_at(&new_token, rotation).await.is_ok());
    assert_eq!(provider.hits(), 2);
    // Its verification was remembered a moment ago, but its key is gone.
    assert_eq!(verifier.verify_at(&old_token, rotation).await, Err(AuthError::UnknownKey));
    assert_eq!(provider.hits(), 2);
}

#[tokio::test]
async fn keys_are_fetched_again_after_ten_minutes() {
    let key = signer::rsa("RS256");
    let provider = Provider::start(&[key.jwk("key")]).await;
    let (verifier, good) = (provider.verifier(), token(&key, "key"));
    for (seconds, hits) in [(0, 1), (300, 1), (590, 1), (655, 2), (900, 2), (1260, 3)] {
        assert!(verifier.verify_at(&good, later(seconds)).await.is_ok());
        assert_eq!(provider.hits(), hits, "after {seconds} s");
    }
    provider.publish(&[]);
    assert_eq!(verifier.verify_at(&good, later(1900)).await, Err(AuthError::UnknownKey));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_at_the_start_makes_one_request() {
    let key = signer::rsa("RS256");
    let provider = Provider::start(&[key.jwk("key")]).await;
    let tokens = (0..100).map(|n| Forge::new(&key).header("kid", "key").claim("n", n).build()).collect();
    assert_eq!(crowd(&provider.verifier(), tokens, later(0)).await, 100);
    assert_eq!(provider.hits(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_unknown_keys_makes_one_request_a_minute() {
    let (key, stranger) = (signer::rsa("RS256"), signer::ed());
    let provider = Provider::start(&[key.jwk("key")]).await;
    let verifier = provider.verifier();
    let flood = || (0..200).map(|n| token(&stranger, &format!("unknown-{n}"))).collect::<Vec<_>>();
    assert!(verifier.verify_at(&token(&key, "key"), later(0)).await.is_ok());
    for (seconds, hits) in [(1, 1), (59, 1), (61, 2), (100, 2), (122, 3)] {
        assert_eq!(crowd(&verifier, flood(), later(seconds)).await, 0);
        assert_eq!(provider.hits(), hits, "after {seconds} s");
    }
}

#[tokio::test]
async fn the_old_keys_stay_in_use_while_the_provider_fails() {
    let key = signer::rsa("RS256");
    let provider = Provider::start(&[key.jwk("key")]).await;
    let (verifier, good) = (provider.verifier(), token(&key, "key"));
    assert!(verifier.verify_at(&good, later(0)).await.is_ok());
    let huge = json!({ "keys": [], "pad": "x".repeat(1 << 20) }).to_string();
    let answers = [
        (StatusCode::INTERNAL_SERVER_ERROR, "oops".to_owned()),
        (StatusCode::NO_CONTENT, String::new()),
        (StatusCode::OK, "<html>sign in to the Wi-Fi</html>".into()),
        (StatusCode::OK, r#"{"keys":"none"}"#.into()),
        (StatusCode::OK, r#"{"error":"later"}"#.into()),
        (StatusCode::OK, huge),
        (StatusCode::FOUND, r#"{"keys":[]}"#.into()),
    ];
    for (round, (status, body)) in (1..).zip(answers) {
        provider.answer_with(status, body);
        let asked = provider.hits();
        for second in [700, 710] {
            let now = later(second + 100 * round);
            assert!(verifier.verify_at(&good, now).await.is_ok(), "{status}");
        }
        provider.tasks.close();
        provider.tasks.wait().await;
        assert_eq!(provider.hits(), asked + 1, "{status}: asked once, and no redirect was followed");
    }
    provider.publish(&[]);
    let now = later(2000);
    assert!(verifier.verify_at(&good, now).await.is_ok(), "nobody waits for a provider that failed");
    provider.tasks.wait().await;
    assert_eq!(verifier.verify_at(&good, now).await, Err(AuthError::UnknownKey), "an answer at last");
}

#[tokio::test]
async fn without_any_keys_nobody_is_told_that_the_token_is_wrong() {
    let key = signer::rsa("RS256");
    let provider = Provider::start(&[]).await;
    provider.answer_with(StatusCode::BAD_GATEWAY, "");
    let (verifier, good) = (provider.verifier(), token(&key, "key"));
    for (seconds, hits) in [(0, 1), (2, 1), (6, 2)] {
        let refused = verifier.verify_at(&good, later(seconds)).await;
        assert!(matches!(refused, Err(AuthError::KeysUnavailable { .. })), "{refused:?}");
        assert_eq!(provider.hits(), hits, "after {seconds} s");
    }
    provider.publish(&[key.jwk("key")]);
    assert!(verifier.verify_at(&good, later(12)).await.is_ok());
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_abort_the_fetch() {
    let key = signer::rsa("RS256");
    let provider = Provider::start(&[key.jwk("key")]).await;
    let (verifier, good) = (provider.verifier(), token(&key, "key"));
    provider.close();
    tokio::select! {
        outcome = verifier.verify(&good) => panic!("answered too early: {outcome:?}"),
        () = provider.request_arrived() => {}
    }
    provider.open();
    assert!(verifier.verify(&good).await.is_ok(), "within the pause, so from the first fetch");
    assert_eq!(provider.hits(), 1);
}

#[tokio::test]
async fn keys_of_the_secret_work_while_the_provider_is_away() {
    let provider = Provider::start(&[]).await;
    provider.answer_with(StatusCode::BAD_GATEWAY, "");
    let verifier = Verifier::new(&provider.settings(), &provider.tasks).expect("good settings");
    assert!(verifier.verify(&Forge::new(&shared()).build()).await.is_ok());
    assert_eq!(provider.hits(), 0);
}

#[tokio::test]
async fn a_remembered_token_still_expires() {
    let verifier = verifier(&settings());
    let now = Utc::now();
    let short = Forge::new(&shared()).only(json!({ "exp": now.timestamp() + 10 })).build();
    assert!(verifier.verify_at(&short, now).await.is_ok());
    assert!(verifier.verify_at(&short, now + TimeDelta::seconds(9)).await.is_ok());
    assert_eq!(verifier.verify_at(&short, now + TimeDelta::seconds(41)).await, Err(AuthError::Expired));
}
