//! Development tokens for `sixty token`: signed with the shared secret and
//! shaped so that a verifier with the same settings accepts them.

use std::time::Duration;

use chrono::Utc;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::{ConfigError, Settings, checked_secret, claims::is_name, preset::Pointers};

/// What a development token says.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// External id of the user; becomes `sub`.
    pub user: &'a str,
    pub email: Option<&'a str>,
    /// External id of the organization.
    pub org: Option<&'a str>,
    pub role: Option<&'a str>,
    pub platform_admin: bool,
    /// At most the settings' `max_lifetime`.
    pub ttl: Duration,
}

/// Signs a token. With the plain preset its claims are `sub`, `email`, `org_id`,
/// `org_role`, `platform_role`, `iat`, `exp`, and `iss`, `aud`, `azp` as configured;
/// other presets have the organization where their provider puts it.
pub fn mint(settings: &Settings, grant: &Grant<'_>) -> Result<String, ConfigError> {
    let secret = settings.hs256_secret.as_ref().ok_or(ConfigError::NoSecret)?;
    if grant.ttl > settings.max_lifetime {
        return Err(ConfigError::Lifetime(settings.max_lifetime));
    }
    if let Some(name) = [Some(grant.user), grant.org].into_iter().flatten().find(|name| !is_name(name)) {
        return Err(ConfigError::Name(name.into()));
    }
    let key = EncodingKey::from_secret(checked_secret(secret.expose_secret())?);
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(settings, grant)?, &key)
        .map_err(ConfigError::Signing)
}

fn claims(settings: &Settings, grant: &Grant<'_>) -> Result<Value, ConfigError> {
    let now = Utc::now().timestamp().unsigned_abs();
    let mut claims = json!({ "sub": grant.user, "iat": now, "exp": now + grant.ttl.as_secs() });
    let pointers = Pointers::new(settings)?;
    let source = &pointers.sources[0];
    let platform_role = grant.platform_admin.then_some("admin");
    for (pointer, value) in [
        (source.org.as_str(), grant.org),
        (source.role.as_str(), grant.role),
        (pointers.platform_roles[0].as_str(), platform_role),
        ("/email", grant.email),
        ("/iss", settings.issuers.first().map(String::as_str)),
        ("/aud", settings.audience()),
        ("/azp", settings.authorized_parties.first().map(String::as_str)),
    ] {
        if let Some(value) = value {
            put(&mut claims, pointer, value);
        }
    }
    Ok(claims)
}

/// Writes `value` where `pointer` (RFC 6901) will find it, making objects on the way.
fn put(claims: &mut Value, pointer: &str, value: &str) {
    let mut place = claims;
    for segment in pointer.split('/').skip(1) {
        let name = segment.replace("~1", "/").replace("~0", "~");
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[name];
    }
    *place = value.into();
}
