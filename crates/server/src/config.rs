//! Everything that is read from the environment or the command line, and nowhere else.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::{
    auth::{self, JWKS_PAUSE, JWKS_TTL, LEEWAY, MAX_LIFETIME, Preset},
    slack,
};

/// What this process does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProcessRole {
    /// HTTP and runs.
    #[default]
    All,
    /// HTTP only; workers execute the runs.
    Api,
    /// Runs only; HTTP answers for operations.
    Worker,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// How the provider's key is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthStyle {
    #[default]
    XApiKey,
    Bearer,
}

/// Requests that are served.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub per_minute: NonZeroU32,
    pub burst: NonZeroU32,
}

/// Of one person, and of one organization.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    pub user: Rate,
    pub org: Rate,
}

#[derive(Args, Clone, Debug)]
pub struct Database {
    /// Postgres as the runtime login (NOINHERIT, owns nothing). Unset: a private
    /// cluster under `SIXTY_DATA_DIR`, which the program starts and stops.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Postgres as an owner, for `migrate`. Unset: the private cluster's owner.
    #[arg(long, env = "SIXTY_MIGRATION_DATABASE_URL", hide_env_values = true)]
    pub migration_database_url: Option<String>,
    /// Where the private cluster and generated keys are kept.
    #[arg(long, env = "SIXTY_DATA_DIR", default_value = ".data")]
    pub data_dir: PathBuf,
    /// Warn about a Postgres without the fix of CVE-2025-8713 instead of refusing it.
    #[arg(long, env = "SIXTY_ALLOW_OLD_POSTGRES", num_args = 0..=1, default_missing_value = "1", value_parser = flag)]
    pub allow_old_postgres: Option<bool>,
    /// Connections to Postgres.
    #[arg(long, env = "SIXTY_DATABASE_CONNECTIONS", default_value_t = 16)]
    pub connections: u32,
}

#[derive(Args, Clone, Debug)]
pub struct Identity {
    /// HS256 secret, at least 32 bytes. Unset on the private cluster: generated.
    #[arg(long, env = "SIXTY_JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Option<SecretString>,
    /// Address of the identity provider's public keys.
    #[arg(long, env = "SIXTY_JWKS_URL")]
    pub jwks_url: Option<Url>,
    /// Required `iss` claims (comma list).
    #[arg(long, env = "SIXTY_JWT_ISSUER", value_delimiter = ',')]
    pub jwt_issuer: Vec<String>,
    /// Required `aud` claim.
    #[arg(long, env = "SIXTY_JWT_AUDIENCE")]
    pub jwt_audience: Option<String>,
    /// Values of `azp` that are accepted (comma list); unset: not checked.
    #[arg(long, env = "SIXTY_JWT_AUTHORIZED_PARTIES", value_delimiter = ',')]
    pub jwt_authorized_parties: Vec<String>,
    /// Where the identity provider puts organization and role.
    #[arg(long, env = "SIXTY_AUTH_PRESET", value_enum, default_value_t)]
    pub auth_preset: Preset,
    /// JSON pointer to the organization's id; the preset's when unset.
    #[arg(long, env = "SIXTY_CLAIM_ORG")]
    pub claim_org: Option<String>,
    /// JSON pointer to the role in the organization.
    #[arg(long, env = "SIXTY_CLAIM_ROLE")]
    pub claim_role: Option<String>,
    /// JSON pointer to the platform role; the value `admin` counts.
    #[arg(long, env = "SIXTY_CLAIM_PLATFORM_ROLE")]
    pub claim_platform_role: Option<String>,
}

impl Identity {
    pub fn settings(&self) -> auth::Settings {
        auth::Settings {
            hs256_secret: self.jwt_secret.clone(),
            jwks_url: self.jwks_url.clone(),
            issuers: self.jwt_issuer.clone(),
            audience: self.jwt_audience.clone(),
            preset: self.auth_preset,
            claim_org: self.claim_org.clone(),
            claim_role: self.claim_role.clone(),
            claim_platform_role: self.claim_platform_role.clone(),
            authorized_parties: self.jwt_authorized_parties.clone(),
            max_lifetime: MAX_LIFETIME,
            leeway: LEEWAY,
            jwks_ttl: JWKS_TTL,
            jwks_pause: JWKS_PAUSE,
        }
    }
}

#[derive(Args, Clone, Debug)]
pub struct Keys {
    /// 32 random bytes in base64 (`openssl rand -base64 32`), from which the service's
    /// own keys derive. Unset on the private cluster: generated.
    #[arg(long, env = "SIXTY_MASTER_KEY", hide_env_values = true)]
    pub master_key: Option<SecretString>,
    /// Other master keys whose seals are opened (comma list): earlier ones, and the next one while it is rolled out.
    #[arg(long, env = "SIXTY_MASTER_KEY_PREVIOUS", hide_env_values = true, value_delimiter = ',')]
    pub master_key_previous: Vec<SecretString>,
}

#[derive(Args, Clone, Debug)]
pub struct Provider {
    /// Key of the Messages API provider.
    #[arg(long, env = "ANTHROPIC_API_KEY", hide_env_values = true)]
    pub anthropic_api_key: Option<SecretString>,
    /// Base address of the Messages API; alone it counts as a configured provider.
    #[arg(long, env = "ANTHROPIC_BASE_URL")]
    pub anthropic_base_url: Option<String>,
    /// The `anthropic-version` header.
    #[arg(long, env = "ANTHROPIC_VERSION", default_value = "2023-06-01")]
    pub anthropic_version: String,
    /// How the key is sent.
    #[arg(long, env = "ANTHROPIC_AUTH", value_enum, default_value_t)]
    pub anthropic_auth: AuthStyle,
    /// Key of the OpenAI-compatible provider, which is asked where no provider of the Messages API is configured.
    #[arg(long, env = "OPENAI_API_KEY", hide_env_values = true)]
    pub openai_api_key: Option<SecretString>,
    /// Base address of the OpenAI-compatible provider with its version, such as `http://localhost:11434/v1`;
    /// `https://api.openai.com/v1` when unset. Alone it counts as a configured provider, which wants no key.
    #[arg(long, env = "OPENAI_BASE_URL")]
    pub openai_base_url: Option<String>,
    /// File that describes more providers by name, which stands before the slash of a model's name:
    /// `{"local": {"kind": "messages", "base_url": "http://localhost:11434"}, "router": {"kind": "chat", "base_url":
    /// "https://router.example.com/v1", "api_key_env": "ROUTER_KEY"}}`.
    #[arg(long, env = "SIXTY_PROVIDERS")]
    pub providers: Option<PathBuf>,
    /// `provider/model` of a run that names none. Unset: `anthropic/claude-sonnet-5-5` on the Messages API; an
    /// OpenAI-compatible provider has no default, and needs one such as `openai/gpt-oss-120b`.
    #[arg(long, env = "SIXTY_DEFAULT_MODEL")]
    pub default_model: Option<String>,
    /// File with what models cost, in US dollars for a million tokens: `{"anthropic/claude-sonnet-5-5": {"input": 3,
    /// "output": 15, "cache_read": 0.3, "cache_write": 3.75}}`. Unset: runs have no cost.
    #[arg(long, env = "SIXTY_MODEL_PRICES")]
    pub model_prices: Option<PathBuf>,
    /// Longest answer of the model, in tokens.
    #[arg(long, env = "SIXTY_MAX_TOKENS", default_value_t = 8192)]
    pub max_tokens: u32,
    /// Use the built-in stand-in for a model although a real database is configured.
    #[arg(long, env = "SIXTY_MODEL_SIM", num_args = 0..=1, default_missing_value = "1", value_parser = flag)]
    pub model_sim: Option<bool>,
}

#[derive(Args, Clone, Debug)]
pub struct Mail {
    /// Mail server, `smtps://user:password@host` or `smtp://user:password@host:587?tls=required`; unset:
    /// nothing is mailed.
    #[arg(long, env = "SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<SecretString>,
    /// Who mails, such as `Sixty <sixty@acme.example>`.
    #[arg(long, env = "SMTP_FROM")]
    pub smtp_from: Option<String>,
}

#[derive(Args, Clone, Debug)]
pub struct Serve {
    #[command(flatten)]
    pub database: Database,
    #[command(flatten)]
    pub identity: Identity,
    #[command(flatten)]
    pub keys: Keys,
    #[command(flatten)]
    pub provider: Provider,
    #[command(flatten)]
    pub mail: Mail,
    /// What this process does.
    #[arg(long, value_enum, default_value_t)]
    pub role: ProcessRole,
    /// Address of the HTTP server; port 0 picks a free one and logs it.
    #[arg(long, env = "SIXTY_LISTEN", default_value = "127.0.0.1:8060")]
    pub listen: SocketAddr,
    /// Own address, for links, such as `https://copilot.example.com`.
    #[arg(long, env = "SIXTY_PUBLIC_URL")]
    pub public_url: Option<Url>,
    /// Exact origins that may call from a browser (comma list).
    #[arg(long, env = "SIXTY_CORS_ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,
    /// Lease of a run, in seconds: how long a dead replica's run waits.
    #[arg(long, env = "SIXTY_LEASE_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(3..=600))]
    pub lease_seconds: u32,
    /// Requests a minute of one person.
    #[arg(long, env = "SIXTY_RATE_PER_MINUTE", default_value = "600")]
    pub rate_per_minute: NonZeroU32,
    /// Requests that one person may send at once.
    #[arg(long, env = "SIXTY_RATE_BURST", default_value = "300")]
    pub rate_burst: NonZeroU32,
    /// Requests a minute of one organization.
    #[arg(long, env = "SIXTY_ORG_RATE_PER_MINUTE", default_value = "6000")]
    pub org_rate_per_minute: NonZeroU32,
    /// Requests that one organization may send at once.
    #[arg(long, env = "SIXTY_ORG_RATE_BURST", default_value = "3000")]
    pub org_rate_burst: NonZeroU32,
    /// Runs of one person that may be queued or running at the same time.
    #[arg(long, env = "SIXTY_RUNS_PER_USER", default_value = "20")]
    pub runs_per_user: NonZeroU32,
    /// The same of one organization.
    #[arg(long, env = "SIXTY_RUNS_PER_ORG", default_value = "500")]
    pub runs_per_org: NonZeroU32,
    /// Tokens of the messages at which a conversation is compacted; else 75 % of
    /// what the model's window leaves.
    #[arg(long, env = "SIXTY_COMPACT_AT_TOKENS")]
    pub compact_at_tokens: Option<usize>,
    /// Tokens of the newest messages that a compaction keeps verbatim.
    #[arg(long, env = "SIXTY_COMPACT_KEEP_TOKENS")]
    pub compact_keep_tokens: Option<usize>,
    /// Newest messages that a compaction keeps verbatim.
    #[arg(long, env = "SIXTY_COMPACT_KEEP_MESSAGES")]
    pub compact_keep_messages: Option<usize>,
    #[command(flatten)]
    pub slack: Slack,
    #[command(flatten)]
    pub observability: Observability,
    #[command(flatten)]
    pub log: Log,
    #[cfg(feature = "faults")]
    #[command(flatten)]
    pub faults: Faults,
}

/// The workspaces of Slack that organizations install the copilot in.
#[derive(Args, Clone, Debug)]
pub struct Slack {
    /// Signing secret of the Slack app.
    #[arg(long, env = "SLACK_SIGNING_SECRET", hide_env_values = true)]
    pub slack_signing_secret: Option<SecretString>,
    /// Client id of the Slack app.
    #[arg(long, env = "SLACK_CLIENT_ID")]
    pub slack_client_id: Option<String>,
    /// Client secret of the Slack app.
    #[arg(long, env = "SLACK_CLIENT_SECRET", hide_env_values = true)]
    pub slack_client_secret: Option<SecretString>,
    /// Base address of Slack's Web API.
    #[arg(long, env = "SLACK_API_URL", default_value = "https://slack.com/api")]
    pub slack_api_url: Url,
    /// Hosts that answers to slash commands may be posted to (comma list).
    #[arg(
        long,
        env = "SLACK_RESPONSE_URL_HOSTS",
        value_delimiter = ',',
        default_value = "hooks.slack.com,hooks.slack-gov.com"
    )]
    pub slack_response_url_hosts: Vec<String>,
    /// Page of your product on which a signed-in member links their Slack account: it posts the parameter `token`
    /// to /v1/slack/links. Unset: `/slack/link` under `SIXTY_PUBLIC_URL`, which says so.
    #[arg(long, env = "SIXTY_SLACK_LINK_URL")]
    pub slack_link_url: Option<Url>,
}

impl Slack {
    /// The settings of Slack, or which variables are missing.
    pub fn settings(&self, public_url: Option<&Url>) -> Result<slack::Settings, Vec<&'static str>> {
        let mut missing = Vec::new();
        let mut need = |name, there: bool| {
            if !there {
                missing.push(name);
            }
        };
        need("SLACK_SIGNING_SECRET", self.slack_signing_secret.is_some());
        need("SLACK_CLIENT_ID", self.slack_client_id.is_some());
        need("SLACK_CLIENT_SECRET", self.slack_client_secret.is_some());
        need("SIXTY_PUBLIC_URL", public_url.is_some());
        match (&self.slack_signing_secret, &self.slack_client_id, &self.slack_client_secret, public_url) {
            (Some(signing), Some(client_id), Some(client_secret), Some(public_url)) => Ok(slack::Settings {
                signing_secret: signing.clone(),
                client_id: client_id.clone(),
                client_secret: client_secret.clone(),
                api_url: self.slack_api_url.clone(),
                response_hosts: self.slack_response_url_hosts.clone(),
                public_url: public_url.clone(),
                link_url: self.slack_link_url.clone(),
                answer_within: slack::ANSWER_WITHIN,
            }),
            _ => Err(missing),
        }
    }
}

/// What operators are told beside the log.
#[derive(Args, Clone, Debug)]
pub struct Observability {
    /// Whether `/metrics` answers; it asks for no token.
    #[arg(long, env = "SIXTY_METRICS", default_value = "on", value_parser = flag, action = clap::ArgAction::Set)]
    pub metrics: bool,
    /// Where spans go, over OTLP as protobuf over HTTP: the base address of a collector, such as
    /// `http://localhost:4318`. Unset: nowhere. The SDK of OpenTelemetry reads the other standard variables by
    /// itself, as far as docs/observability.md names them.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<Url>,
    /// Headers of what goes there, such as `authorization=Bearer%20abc` (comma list).
    #[arg(long, env = "OTEL_EXPORTER_OTLP_HEADERS", hide_env_values = true)]
    pub otlp_headers: Option<SecretString>,
    /// How the service calls itself there; `sixty` when unset.
    #[arg(long, env = "OTEL_SERVICE_NAME")]
    pub otel_service_name: Option<String>,
}

/// What builds with the feature `faults` know beside.
#[cfg(feature = "faults")]
#[derive(Args, Clone, Debug)]
pub struct Faults {
    /// Where a harness counts the effects of the probe tools; unset: there are none.
    #[arg(long, env = "SIXTY_PROBE_URL")]
    pub probe_url: Option<String>,
    /// Where this process aborts: `name` or `name:nth` of a crash point.
    #[arg(long, env = "SIXTY_CRASH_AT")]
    pub crash_at: Option<engine::crash::CrashAt>,
    /// How long a caller waits for a connection to Postgres, in seconds.
    #[arg(long, env = "SIXTY_ACQUIRE_SECONDS", default_value_t = ACQUIRE_TIMEOUT.as_secs())]
    pub acquire_seconds: u64,
    /// Longest time of one tool call, in seconds.
    #[arg(long, env = "SIXTY_TOOL_SECONDS", default_value_t = 20)]
    pub tool_seconds: u64,
}

impl Serve {
    pub fn rates(&self) -> Rates {
        Rates {
            user: Rate { per_minute: self.rate_per_minute, burst: self.rate_burst },
            org: Rate { per_minute: self.org_rate_per_minute, burst: self.org_rate_burst },
        }
    }
}

#[derive(Args, Clone, Debug)]
pub struct Log {
    /// What is logged, as in `info` or `sixty=debug,info`.
    #[arg(long = "log", env = "SIXTY_LOG", default_value = "info,sqlx::postgres::notice=warn")]
    pub filter: String,
    /// How it is written.
    #[arg(long = "log-format", env = "SIXTY_LOG_FORMAT", value_enum, default_value_t)]
    pub format: LogFormat,
}

/// How long a caller waits for a connection before it is told to come again.
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);

/// A secret from a variable that a file of the operator's names; none: it is not set, or empty.
#[expect(clippy::disallowed_methods, reason = "this is the one place; the name is known at run time only")]
pub fn variable(name: &str) -> Option<SecretString> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(SecretString::from)
}

fn flag(text: &str) -> Result<bool, String> {
    match text {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        other => Err(format!("{other:?} is neither 1, true, yes or on nor 0, false, no or off")),
    }
}
