//! Where the identity providers put what we need. A source is a pair: the role
//! is only ever read next to the organization that it belongs to.

use clap::ValueEnum;
use domain::Role;
use serde_json::Value;

use super::{AuthError, ConfigError, Settings};

/// Which identity provider the tokens come from (`SIXTY_AUTH_PRESET`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// `/org_id`, `/org_role`, `/platform_role`.
    #[default]
    Plain,
    /// The same names under `/app_metadata`, or at the top, where only a token
    /// hook can put them. The audience defaults to `authenticated`.
    Supabase,
    /// Session tokens of version 2 (`o`) and 1 (`org_id`).
    Clerk,
}

/// JSON pointers to an organization and to the caller's role in it.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) org: String,
    pub(super) role: String,
}

/// The pointers in use: the preset's, with the configured ones in their place.
#[derive(Clone, Debug)]
pub(super) struct Pointers {
    preset: Preset,
    pub(super) sources: Vec<Source>,
    pub(super) platform_roles: Vec<String>,
}

impl Preset {
    fn sources(self) -> Vec<Source> {
        let pairs: &[(&str, &str)] = match self {
            Preset::Plain => &[("/org_id", "/org_role")],
            Preset::Supabase => {
                &[("/app_metadata/org_id", "/app_metadata/org_role"), ("/org_id", "/org_role")]
            }
            Preset::Clerk => &[("/o/id", "/o/rol"), ("/org_id", "/org_role")],
        };
        pairs.iter().map(|(org, role)| Source { org: (*org).into(), role: (*role).into() }).collect()
    }

    fn platform_roles(self) -> Vec<String> {
        match self {
            Preset::Plain | Preset::Clerk => vec!["/platform_role".into()],
            Preset::Supabase => vec!["/app_metadata/platform_role".into(), "/platform_role".into()],
        }
    }

    /// The audience that the provider writes when nobody configures one.
    pub(super) fn audience(self) -> Option<&'static str> {
        (self == Preset::Supabase).then_some("authenticated")
    }

    /// Where a readable name may stand. Only ever shown, so a user may edit it.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Preset::Plain | Preset::Clerk => &["/name"],
            Preset::Supabase => &["/user_metadata/full_name", "/user_metadata/name", "/email"],
        }
    }

    /// Refuses the provider's tokens that do not stand for a signed-in person.
    pub(super) fn check(self, claims: &Value) -> Result<(), AuthError> {
        match (self, claims.get("role"), claims.get("sts")) {
            (Preset::Supabase, Some(Value::String(role)), _) if role == "anon" || role == "service_role" => {
                Err(AuthError::Claim("its role stands for a key, not for a person"))
            }
            (Preset::Supabase, Some(role), _) if !role.is_string() => {
                Err(AuthError::Claim("its role is not a text"))
            }
            (Preset::Clerk, _, Some(status)) if status != "active" => {
                Err(AuthError::Claim("its session is not active yet"))
            }
            _ => Ok(()),
        }
    }
}

impl Pointers {
    pub(super) fn new(settings: &Settings) -> Result<Self, ConfigError> {
        let preset = settings.preset;
        let org = pointer("SIXTY_CLAIM_ORG", settings.claim_org.as_ref())?;
        let role = pointer("SIXTY_CLAIM_ROLE", settings.claim_role.as_ref())?;
        let platform = pointer("SIXTY_CLAIM_PLATFORM_ROLE", settings.claim_platform_role.as_ref())?;
        let mut sources = preset.sources();
        if let Some(org) = org {
            let partner = sources.iter().find(|source| source.org == org).unwrap_or(&sources[0]);
            sources = vec![Source { role: partner.role.clone(), org }];
        }
        if let Some(role) = role {
            for source in &mut sources {
                source.role.clone_from(&role);
            }
        }
        let platform_roles = platform.map_or_else(|| preset.platform_roles(), |one| vec![one]);
        Ok(Self { preset, sources, platform_roles })
    }

    /// The organization claim, if there is one, and the role next to it.
    pub(super) fn membership<'a>(&self, claims: &'a Value) -> Option<(&'a Value, Option<Role>)> {
        let source = self.candidates(claims).iter().find(|source| present(claims, &source.org).is_some())?;
        Some((present(claims, &source.org)?, present(claims, &source.role).map(read_role)))
    }

    pub(super) fn platform_admin(&self, claims: &Value) -> bool {
        self.platform_roles.iter().any(|at| present(claims, at).is_some_and(|role| role == "admin"))
    }

    /// A version 2 token of Clerk without an active organization must not fall
    /// back to a custom claim that happens to be called `org_id`.
    fn candidates(&self, claims: &Value) -> &[Source] {
        let second_version = claims.get("o").is_some() || claims.get("v").is_some_and(|v| v == 2);
        if self.preset == Preset::Clerk && second_version { &self.sources[..1] } else { &self.sources }
    }
}

/// `null` says the same as nothing.
fn present<'a>(claims: &'a Value, pointer: &str) -> Option<&'a Value> {
    claims.pointer(pointer).filter(|value| !value.is_null())
}

/// Whatever is no role that we know is `readonly`, be it a list or a number.
fn read_role(value: &Value) -> Role {
    value.as_str().map_or(Role::Readonly, Role::parse_lenient)
}

fn pointer(variable: &'static str, value: Option<&String>) -> Result<Option<String>, ConfigError> {
    let Some(value) = value else { return Ok(None) };
    if !value.starts_with('/') || value.len() < 2 {
        return Err(ConfigError::Pointer { variable, value: value.clone() });
    }
    // Supabase and Clerk let users write these two from the browser.
    if value.split('/').any(|part| part == "user_metadata" || part == "unsafe_metadata") {
        return Err(ConfigError::EditableClaim { variable, value: value.clone() });
    }
    Ok(Some(value.clone()))
}
