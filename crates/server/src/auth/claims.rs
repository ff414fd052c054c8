//! What a properly signed payload must say before it becomes an identity.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{
    OrgId, Role, UserId,
    id::{SERVICE, SHARED},
};
use serde_json::Value;

use super::{AuthError, ConfigError, Settings, preset::Pointers, preset::Preset};

/// The last second of the year 9999; later times are mistakes or attacks.
const LAST_SECOND: i64 = 253_402_300_799;
const MAX_NAME_CHARS: usize = 255;

/// Who a verified token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The identity provider's id of the user (`sub`).
    pub subject: String,
    pub user: UserId,
    /// For display only: users may be able to edit it.
    pub name: Option<String>,
    /// Where they are mailed, unless the provider says that it has not verified it.
    pub email: Option<String>,
    /// Our id of the organization and the provider's, when the token names one.
    pub org: Option<(OrgId, String)>,
    /// The role in `org`; without one, only a stored membership counts.
    pub role: Option<Role>,
    pub platform_admin: bool,
    pub expires_at: DateTime<Utc>,
    /// Part of derived ids; set only where several issuers are trusted (contract §2).
    pub issuer: Option<String>,
    /// A program with an API key, and no person.
    pub service: bool,
}

impl Identity {
    /// Our id of an organization that this caller's provider calls `external`,
    /// such as one that an `X-Org-Id` header names.
    pub fn org_id(&self, external: &str) -> OrgId {
        OrgId::derive(&scoped(self.issuer.as_deref(), external))
    }

    /// Our id of the person whom this caller's provider calls `subject`.
    pub fn user_id(&self, subject: &str) -> UserId {
        // Keys are ours: no provider names them.
        let issuer = self.issuer.as_deref().filter(|_| !subject.starts_with(SERVICE));
        UserId::derive(&scoped(issuer, subject))
    }
}

/// The configured part of what is checked.
pub(super) struct Rules {
    preset: Preset,
    pointers: Pointers,
    issuers: Vec<String>,
    audience: Option<String>,
    authorized_parties: Vec<String>,
    /// Seconds, as are all times in a token.
    max_lifetime: i64,
    leeway: i64,
}

impl Rules {
    pub(super) fn new(settings: &Settings) -> Result<Self, ConfigError> {
        for (variable, list) in [
            ("SIXTY_JWT_ISSUER", settings.issuers.as_slice()),
            ("SIXTY_JWT_AUDIENCE", settings.audience.as_slice()),
            ("The list of authorized parties", settings.authorized_parties.as_slice()),
        ] {
            if list.iter().any(|entry| !is_name(entry)) {
                return Err(ConfigError::Entry(variable));
            }
        }
        Ok(Self {
            preset: settings.preset,
            pointers: Pointers::new(settings)?,
            issuers: settings.issuers.clone(),
            audience: settings.audience().map(str::to_owned),
            authorized_parties: settings.authorized_parties.clone(),
            max_lifetime: seconds(settings.max_lifetime),
            leeway: seconds(settings.leeway),
        })
    }

    /// Applies every rule to the claims of a token whose signature is right.
    pub(super) fn identity(&self, claims: &Value, now: DateTime<Utc>) -> Result<Identity, AuthError> {
        let expires_at = self.check_times(claims, now.timestamp())?;
        let issuer = self.check_issuer(claims)?.map(str::to_owned);
        self.check_audience(claims)?;
        self.check_party(claims)?;
        self.preset.check(claims)?;
        let subject = claims
            .get("sub")
            .and_then(name)
            .ok_or(AuthError::Claim("its subject is not a text of 1 to 255 visible characters"))?;
        if subject.starts_with(SERVICE) || subject.starts_with(SHARED) {
            return Err(AuthError::Claim("its subject begins like those of API keys"));
        }
        let membership = self.pointers.membership(claims);
        let role = membership.and_then(|(_, role)| role);
        let org = membership.map(|(org, _)| org_claim(org, issuer.as_deref())).transpose()?;
        Ok(Identity {
            user: UserId::derive(&scoped(issuer.as_deref(), &subject)),
            name: self.preset.names().iter().find_map(|at| display_name(claims.pointer(at)?)),
            email: email(claims),
            platform_admin: self.pointers.platform_admin(claims),
            subject,
            org,
            role,
            expires_at,
            issuer,
            service: false,
        })
    }

    fn check_times(&self, claims: &Value, now: i64) -> Result<DateTime<Utc>, AuthError> {
        let expires = time(claims, "exp")?.ok_or(AuthError::Claim("it does not say when it expires"))?;
        let issued = time(claims, "iat")?;
        let starts = time(claims, "nbf")?.max(issued);
        if expires.saturating_add(self.leeway) <= now {
            return Err(AuthError::Expired);
        }
        if starts.is_some_and(|starts| starts > now.saturating_add(self.leeway)) {
            return Err(AuthError::NotYet);
        }
        // There is no list of revoked tokens, so a stolen one must die by itself.
        let born = issued.unwrap_or(now).min(now);
        if expires - born > self.max_lifetime.saturating_add(self.leeway) {
            return Err(AuthError::Claim("it is valid for longer than this server allows"));
        }
        DateTime::from_timestamp(expires, 0).ok_or(BAD_TIME)
    }

    /// Answers the issuer only where it has to enter the derived ids.
    fn check_issuer<'a>(&self, claims: &'a Value) -> Result<Option<&'a str>, AuthError> {
        if self.issuers.is_empty() {
            return Ok(None);
        }
        let issuer = claims.get("iss").and_then(Value::as_str);
        let trusted = issuer.filter(|issuer| self.issuers.iter().any(|known| known == issuer));
        let trusted = trusted.ok_or(AuthError::Claim("its issuer is not the expected one"))?;
        Ok((self.issuers.len() > 1).then_some(trusted))
    }

    /// RFC 7519 §4.1.3: whoever is not named in a present `aud` must refuse, so a
    /// token for some audience is refused when none is configured.
    fn check_audience(&self, claims: &Value) -> Result<(), AuthError> {
        let named: Option<Vec<&str>> = match claims.get("aud") {
            None if self.audience.is_none() => return Ok(()),
            Some(Value::String(one)) => Some(vec![one]),
            Some(Value::Array(several)) => several.iter().map(Value::as_str).collect(),
            _ => None,
        };
        let ours = named.zip(self.audience.as_deref()).is_some_and(|(named, own)| named.contains(&own));
        ours.then_some(()).ok_or(AuthError::Claim("it was made for another audience"))
    }

    fn check_party(&self, claims: &Value) -> Result<(), AuthError> {
        let party = claims.get("azp").and_then(Value::as_str);
        let known = party.is_some_and(|party| self.authorized_parties.iter().any(|known| known == party));
        (known || self.authorized_parties.is_empty())
            .then_some(())
            .ok_or(AuthError::Claim("it was made for an application that is not on the list"))
    }
}

const BAD_TIME: AuthError = AuthError::Claim("one of its times is not a number of seconds since 1970");

/// A `NumericDate` (RFC 7519 §2): seconds, fractions allowed and cut off.
fn time(claims: &Value, name: &str) -> Result<Option<i64>, AuthError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and the range is checked below")]
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|float| float.floor() as i64));
    seconds.filter(|seconds| (0..=LAST_SECOND).contains(seconds)).map(Some).ok_or(BAD_TIME)
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn org_claim(value: &Value, issuer: Option<&str>) -> Result<(OrgId, String), AuthError> {
    let external = name(value)
        .ok_or(AuthError::Claim("its organization is not a text of 1 to 255 visible characters"))?;
    Ok((OrgId::derive(&scoped(issuer, &external)), external))
}

/// External ids have no control characters, so the pair has one reading.
fn scoped(issuer: Option<&str>, external: &str) -> String {
    issuer.map_or_else(|| external.to_owned(), |issuer| format!("{issuer}\n{external}"))
}

fn name(value: &Value) -> Option<String> {
    value.as_str().filter(|text| is_name(text)).map(str::to_owned)
}

/// An id as people will see it in lists and logs: nothing in it may be
/// invisible, or two different ids could look the same.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= MAX_NAME_CHARS
        && text.trim() == text
        && !text.chars().any(is_invisible)
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `email` and `email_verified` of `OpenID` Connect Core 1.0 §5.1, which all of the providers know.
fn email(claims: &Value) -> Option<String> {
    let unverified = claims.get("email_verified").is_some_and(|verified| verified != true);
    let text = claims.get("email")?.as_str()?;
    if unverified { None } else { domain::email::address(text) }
}

/// A name is decoration: an odd one is cleaned, never a reason to refuse.
fn display_name(value: &Value) -> Option<String> {
    let text: String = value.as_str()?.chars().filter(|c| !is_invisible(*c)).take(MAX_NAME_CHARS).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
