//! The model providers of this process, from its configuration.

use std::{collections::BTreeMap, net::SocketAddr};

use domain::models;
use model::{
    Auth, BadEndpoint, ChatClient, ChatEndpoint, Client, Endpoint, MessagesClient, Options, Providers,
};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::{
    config::{self, AuthStyle, Provider},
    serve::Fatal,
};

const ANTHROPIC: &str = "https://api.anthropic.com";
const OPENAI: &str = "https://api.openai.com/v1";
const STAND_IN_MODEL: &str = "sim/demo";
/// Name of the provider that is none: the stand-in, which says so wherever it answers.
pub(crate) const STAND_IN: &str = "sim";
const STAND_INS_NAME: &str = "sim: the built-in stand-in has this name; take another one";
const DEFAULT_MODEL: &str = "anthropic/claude-sonnet-5-5";
const VERSION: &str = "2023-06-01";
/// Longest name of a provider, in bytes.
const LONGEST_NAME: usize = 40;

/// The providers that may be asked.
pub(crate) struct Configured {
    pub providers: Providers,
    /// `provider/model` of a run for which no route says anything.
    pub default_model: String,
    /// Keys that the file of providers names, for the redactor.
    pub keys: Vec<SecretString>,
}

/// A provider as the file of `SIXTY_PROVIDERS` describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    kind: Kind,
    base_url: String,
    /// Name of the environment variable that holds its key.
    api_key_env: Option<String>,
    /// Of the Messages API: how the key is sent.
    auth: Option<AuthStyle>,
    /// Of the Messages API: the `anthropic-version` header.
    version: Option<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// The Messages API.
    Messages,
    /// Chat Completions.
    Chat,
}

type Clients = Vec<(String, Client)>;

/// The configured providers, or the stand-in in this process, which says so.
pub(crate) async fn configured(
    config: &Provider,
    embedded: bool,
    tasks: &TaskTracker,
) -> Result<Configured, Fatal> {
    let mut clients = of_environment(config)?;
    let mut keys = Vec::new();
    if let Some(path) = &config.providers {
        let told = |why: String| format!("SIXTY_PROVIDERS, the file {}: {why}", path.display());
        let json = std::fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
        of_file(&json, &mut clients, &mut keys).map_err(told)?;
    }
    let Some((first, _)) = clients.first() else {
        return stand_in(embedded || config.model_sim.unwrap_or(false), tasks).await;
    };
    let default_model = default_model(config, first)?;
    settle(&default_model, &mut clients, config.providers.is_some())?;
    Ok(Configured { providers: Providers::new(clients), default_model, keys })
}

/// The provider of the default model has to be there. The only one answers to its name, whatever that is.
fn settle(default_model: &str, clients: &mut Clients, has_file: bool) -> Result<(), Fatal> {
    let provider = models::parts(default_model).map(|(provider, _)| provider);
    let names: Vec<&str> = clients.iter().map(|(name, _)| name.as_str()).collect();
    match provider {
        Some(provider) if names.contains(&provider) => Ok(()),
        Some(STAND_IN) => Err(format!("SIXTY_DEFAULT_MODEL is {default_model:?}: {STAND_INS_NAME}").into()),
        Some(provider) if !has_file && clients.len() == 1 => {
            let alias = (provider.to_owned(), clients[0].1.clone());
            clients.push(alias);
            Ok(())
        }
        _ => Err(format!(
            "SIXTY_DEFAULT_MODEL is {default_model:?}: name a model as provider/model, of one of the configured \
             providers, which are {}",
            names.join(", ")
        )
        .into()),
    }
}

/// The providers that have variables of their own.
fn of_environment(config: &Provider) -> Result<Clients, BadEndpoint> {
    let mut clients = Vec::new();
    if config.anthropic_api_key.is_some() || config.anthropic_base_url.is_some() {
        let base_url = config.anthropic_base_url.clone().unwrap_or_else(|| ANTHROPIC.into());
        let (key, version) = (config.anthropic_api_key.clone(), config.anthropic_version.clone());
        let endpoint = endpoint(base_url, key, config.anthropic_auth, version);
        let client = MessagesClient::new(endpoint, Options::default())?;
        clients.push(("anthropic".to_owned(), client.into()));
    }
    if config.openai_api_key.is_some() || config.openai_base_url.is_some() {
        let base_url = config.openai_base_url.clone().unwrap_or_else(|| OPENAI.into());
        let endpoint = ChatEndpoint::new(base_url, config.openai_api_key.clone());
        clients.push(("openai".to_owned(), ChatClient::new(endpoint, Options::default())?.into()));
    }
    Ok(clients)
}

/// The providers that the file describes, or what is wrong with one.
fn of_file(json: &str, clients: &mut Clients, keys: &mut Vec<SecretString>) -> Result<(), String> {
    let described: BTreeMap<String, Described> =
        serde_json::from_str(json).map_err(|error| error.to_string())?;
    for (name, described) in described {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) {
            return Err(format!(
                "{name:?}: a provider's name is up to {LONGEST_NAME} of the characters a-z, 0-9, - and _"
            ));
        }
        if name == STAND_IN {
            return Err(STAND_INS_NAME.into());
        }
        if clients.iter().any(|(known, _)| *known == name) {
            return Err(format!(
                "{name}: there is another provider of this name; it has variables of its own"
            ));
        }
        let key = match &described.api_key_env {
            None => None,
            Some(variable) => Some(
                config::variable(variable)
                    .ok_or_else(|| format!("{name}: {variable} is not set, or empty"))?,
            ),
        };
        keys.extend(key.clone());
        let client = client(described, key).map_err(|why| format!("{name}: {why}"))?;
        clients.push((name, client));
    }
    Ok(())
}

fn client(described: Described, key: Option<SecretString>) -> Result<Client, String> {
    let Described { kind, base_url, auth, version, .. } = described;
    if kind == Kind::Chat {
        if auth.is_some() || version.is_some() {
            return Err("auth and version belong to providers of the kind messages".into());
        }
        let endpoint = ChatEndpoint::new(base_url, key);
        return ChatClient::new(endpoint, Options::default())
            .map(Client::from)
            .map_err(|why| why.to_string());
    }
    let endpoint =
        endpoint(base_url, key, auth.unwrap_or_default(), version.unwrap_or_else(|| VERSION.into()));
    let client = MessagesClient::new(endpoint, Options::default());
    client.map(Client::from).map_err(|why| why.to_string())
}

/// Servers that need no key are sent one all the same.
fn endpoint(base_url: String, key: Option<SecretString>, style: AuthStyle, version: String) -> Endpoint {
    let key = key.unwrap_or_else(|| SecretString::from("none"));
    let auth = match style {
        AuthStyle::XApiKey => Auth::XApiKey(key),
        AuthStyle::Bearer => Auth::Bearer(key),
    };
    Endpoint { base_url, auth, version }
}

/// Which models an OpenAI-compatible server has is its operator's to know.
fn default_model(config: &Provider, provider: &str) -> Result<String, Fatal> {
    match (&config.default_model, provider) {
        (Some(model), _) => Ok(model.clone()),
        (None, "anthropic") => Ok(DEFAULT_MODEL.into()),
        (None, provider) => Err(format!(
            "set SIXTY_DEFAULT_MODEL to `{provider}/` and the name of a model that this provider has, such as \
             `{provider}/gpt-oss-120b`: an OpenAI-compatible provider has no default"
        )
        .into()),
    }
}

/// No real model, which it says wherever it answers.
async fn stand_in(wanted: bool, tasks: &TaskTracker) -> Result<Configured, Fatal> {
    if !wanted {
        return Err("no model provider is configured: set ANTHROPIC_API_KEY (or ANTHROPIC_BASE_URL), \
            OPENAI_API_KEY (or OPENAI_BASE_URL) or SIXTY_PROVIDERS, or SIXTY_MODEL_SIM=1 to use the built-in \
            stand-in, which is no real model"
            .into());
    }
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    let sim = model_sim::Sim::demo();
    tasks.spawn(async move {
        if let Err(error) = sim.serve(listener, std::future::pending()).await {
            tracing::error!(%error, "the stand-in for the model ended");
        }
    });
    tracing::warn!("no model provider is configured: the built-in stand-in answers, which is no real model");
    let auth = Auth::XApiKey(SecretString::from("sim"));
    let endpoint = Endpoint { base_url, auth, version: VERSION.into() };
    let client = MessagesClient::new(endpoint, Options::default())?.into();
    let providers = Providers::new([(STAND_IN.to_owned(), client)]);
    Ok(Configured { providers, default_model: STAND_IN_MODEL.into(), keys: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Not from the command line: the machine's environment is none of this test's business.
    fn provider(
        anthropic_key: Option<&str>,
        openai_key: Option<&str>,
        openai_base: Option<&str>,
    ) -> Provider {
        Provider {
            anthropic_api_key: anthropic_key.map(SecretString::from),
            anthropic_base_url: None,
            anthropic_version: "2023-06-01".into(),
            anthropic_auth: AuthStyle::XApiKey,
            openai_api_key: openai_key.map(SecretString::from),
            openai_base_url: openai_base.map(str::to_owned),
            providers: None,
            default_model: None,
            model_prices: None,
            max_tokens: 1,
            model_sim: None,
        }
    }

    #[test]
    fn a_key_or_an_address_configures_a_provider() {
        let names = |config: Provider| -> Vec<_> {
            of_environment(&config).expect("usable addresses").into_iter().map(|(name, _)| name).collect()
        };
        assert!(names(provider(None, None, None)).is_empty());
        assert_eq!(names(provider(None, Some("k"), None)), ["openai"]);
        assert_eq!(names(provider(None, None, Some("http://localhost:11434/v1"))), ["openai"]);
        assert_eq!(names(provider(Some("k"), Some("k"), None)), ["anthropic", "openai"]);
        assert!(of_environment(&provider(None, None, Some("localhost"))).is_err());
    }

    #[test]
    fn an_openai_compatible_provider_wants_to_be_told_its_model() {
        let mut config = provider(None, Some("k"), None);
        let refusal = default_model(&config, "openai").expect_err("no default").to_string();
        assert!(refusal.starts_with("set SIXTY_DEFAULT_MODEL to `openai/`"), "{refusal}");
        assert_eq!(default_model(&config, "anthropic").expect("a model"), DEFAULT_MODEL);
        config.default_model = Some("openai/llama".into());
        assert_eq!(default_model(&config, "openai").expect("a model"), "openai/llama");
    }

    #[test]
    fn a_file_names_providers_and_says_what_is_wrong_with_one() {
        let read = |json: &str| {
            let (mut clients, mut keys) = (Vec::new(), Vec::new());
            of_file(json, &mut clients, &mut keys)?;
            Ok::<_, String>(clients.into_iter().map(|(name, _)| name).collect::<Vec<_>>())
        };
        let good = r#"{"local": {"kind": "messages", "base_url": "http://localhost:11434"},
            "vllm": {"kind": "chat", "base_url": "http://localhost:8000/v1"}}"#;
        assert_eq!(read(good).expect("providers"), ["local", "vllm"]);
        for (json, words) in [
            ("[]", "map"),
            (r#"{"A b": {"kind": "chat", "base_url": "http://localhost"}}"#, "characters"),
            (r#"{"a": {"kind": "grpc", "base_url": "http://localhost"}}"#, "grpc"),
            (r#"{"a": {"kind": "chat"}}"#, "base_url"),
            (r#"{"sim": {"kind": "chat", "base_url": "http://localhost"}}"#, "stand-in"),
            (r#"{"a": {"kind": "chat", "base_url": "localhost"}}"#, "a: "),
            (r#"{"a": {"kind": "chat", "base_url": "http://localhost", "version": "1"}}"#, "messages"),
            (
                r#"{"a": {"kind": "chat", "base_url": "http://localhost", "api_key_env": "SIXTY_NO_SUCH"}}"#,
                "SIXTY_NO_SUCH",
            ),
            (r#"{"a": {"kind": "chat", "base_url": "http://localhost", "key": "sk"}}"#, "key"),
        ] {
            let why = read(json).expect_err(json);
            assert!(why.contains(words), "{json}: {why}");
        }
    }

    #[test]
    fn the_only_provider_answers_to_the_name_in_the_default_model_and_several_do_not() {
        let mut clients = of_environment(&provider(Some("k"), None, None)).expect("a client");
        settle("ollama/qwen", &mut clients, false).expect("an alias");
        assert_eq!(clients.len(), 2);
        let mut clients = of_environment(&provider(Some("k"), Some("k"), None)).expect("clients");
        let why = settle("ollama/qwen", &mut clients, false).expect_err("nobody").to_string();
        assert!(why.contains("anthropic, openai"), "{why}");
        assert!(settle("plain", &mut clients, false).is_err());
    }

    #[test]
    fn no_real_provider_is_called_as_the_stand_in() {
        let mut clients = of_environment(&provider(Some("k"), None, None)).expect("a client");
        let why = settle("sim/demo", &mut clients, false).expect_err("a real one").to_string();
        assert!(why.contains("SIXTY_DEFAULT_MODEL") && why.contains("the built-in stand-in"), "{why}");
        assert_eq!(clients.len(), 1);
    }
}
