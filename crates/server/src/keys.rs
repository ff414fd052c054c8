//! The master key: configured, or in embedded mode generated and kept beside the
//! database.

use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE};
use engine::keys::{KEY_BYTES, MasterKeys};
use secrecy::{ExposeSecret, SecretString};
use store::cluster;

use crate::{
    config::{Database, Keys},
    serve::Fatal,
};

/// The configured master keys; on the private cluster a generated one, if none is configured.
pub async fn master_keys(database: &Database, keys: &Keys) -> Result<MasterKeys, Fatal> {
    let current = match &keys.master_key {
        Some(given) => parse("SIXTY_MASTER_KEY", given)?,
        None if database.database_url.is_none() => cluster::secret(&database.data_dir, "master").await?,
        None => {
            return Err(
                "SIXTY_MASTER_KEY is not set: make one with `openssl rand -base64 32`, give the same \
                one to every process, and keep it; without it the audit trail cannot be verified"
                    .into(),
            );
        }
    };
    let previous = keys.master_key_previous.iter().filter(|given| !given.expose_secret().trim().is_empty());
    let previous: Result<Vec<_>, _> =
        previous.map(|given| parse("SIXTY_MASTER_KEY_PREVIOUS", given)).collect();
    Ok(MasterKeys::new(current, previous?))
}

/// The error does not quote what was given.
fn parse(variable: &str, given: &SecretString) -> Result<[u8; KEY_BYTES], String> {
    let bytes = BASE64_STANDARD.decode(given.expose_secret().trim()).unwrap_or_default();
    bytes.try_into().map_err(|_| {
        format!("{variable} has to be {KEY_BYTES} bytes in base64; make one with `openssl rand -base64 32`")
    })
}

/// The keys as they could stand in a text.
pub fn spellings(keys: &MasterKeys) -> Vec<String> {
    keys.expose()
        .flat_map(|key| [BASE64_STANDARD.encode(key), BASE64_URL_SAFE.encode(key), hex::encode(key)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> Keys {
        Keys { master_key: Some(text.into()), master_key_previous: Vec::new() }
    }

    fn database(url: Option<&str>) -> Database {
        Database {
            database_url: url.map(str::to_owned),
            migration_database_url: None,
            data_dir: "/nonexistent".into(),
            allow_old_postgres: None,
            connections: 1,
        }
    }

    #[tokio::test]
    async fn a_real_database_needs_a_master_key() {
        let none = Keys { master_key: None, master_key_previous: Vec::new() };
        let refusal = master_keys(&database(Some("postgres://x")), &none).await.expect_err("a refusal");
        assert!(refusal.to_string().contains("openssl rand -base64 32"), "{refusal}");
    }

    #[tokio::test]
    async fn a_master_key_is_32_bytes_in_base64() {
        let database = database(Some("postgres://x"));
        for bad in ["", "secret", &BASE64_STANDARD.encode([1; 31]), &hex::encode([1; 32])] {
            let refusal = master_keys(&database, &given(bad)).await.expect_err(bad).to_string();
            assert!(
                refusal.contains("32 bytes in base64") && (bad.is_empty() || !refusal.contains(bad)),
                "{refusal}"
            );
        }
        let mut keys = given(&format!(" {}\n", BASE64_STANDARD.encode([1; 32])));
        keys.master_key_previous = vec!["".into(), BASE64_STANDARD.encode([2; 32]).into()];
        let keys = master_keys(&database, &keys).await.expect("keys");
        assert_eq!(keys.expose().collect::<Vec<_>>(), [&[1; 32], &[2; 32]]);
        assert!(spellings(&keys).contains(&hex::encode([2; 32])));
    }

    #[test]
    fn a_master_key_is_a_secret_of_the_process() {
        let keys = MasterKeys::new([0xfb; 32], vec![[2; 32]]);
        let spellings = spellings(&keys);
        let redactor = redact::Redactor::new(spellings.iter().map(|key| ("master_key", key.as_str())));
        let url_safe = BASE64_URL_SAFE.encode([0xfb; 32]);
        for told in [BASE64_STANDARD.encode([0xfb; 32]), url_safe, BASE64_STANDARD.encode([2; 32])] {
            let text = format!("It is {told}.");
            assert_eq!(redactor.redact(&text), "It is [REDACTED:master_key].");
        }
    }
}
