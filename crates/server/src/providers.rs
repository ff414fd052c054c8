//! The model providers of this process, from its configuration.

use std::net::SocketAddr;

use model::{Auth, BadEndpoint, ChatClient, ChatEndpoint, Client, Endpoint, MessagesClient, Options};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::{
    config::{AuthStyle, Provider},
    serve::Fatal,
};

const ANTHROPIC: &str = "https://api.anthropic.com";
const OPENAI: &str = "https://api.openai.com/v1";
const SIM_MODEL: &str = "sim/demo";
const DEFAULT_MODEL: &str = "anthropic/claude-sonnet-5-5";

/// The provider that is asked.
pub(crate) struct Chosen {
    pub client: Client,
    /// `provider/model` of a run that names none.
    pub default_model: String,
}

/// The configured provider, or the stand-in in this process, which says so.
pub(crate) async fn chosen(config: &Provider, embedded: bool, tasks: &TaskTracker) -> Result<Chosen, Fatal> {
    let mut configured = configured(config)?.into_iter();
    if let Some((name, client)) = configured.next() {
        let default_model = default_model(config, name)?;
        for (other, _) in configured {
            tracing::warn!(asked = name, not_asked = other, "more than one model provider is configured");
        }
        return Ok(Chosen { client, default_model });
    }
    if !embedded && !config.model_sim.unwrap_or(false) {
        return Err("no model provider is configured: set ANTHROPIC_API_KEY (or ANTHROPIC_BASE_URL) or \
            OPENAI_API_KEY (or OPENAI_BASE_URL), or SIXTY_MODEL_SIM=1 to use the built-in stand-in, which is no \
            real model"
            .into());
    }
    Ok(Chosen { client: stand_in(tasks).await?, default_model: SIM_MODEL.into() })
}

/// All providers that the configuration names, the one that is asked first.
fn configured(config: &Provider) -> Result<Vec<(&'static str, Client)>, BadEndpoint> {
    let mut providers = Vec::new();
    if config.anthropic_api_key.is_some() || config.anthropic_base_url.is_some() {
        let client = MessagesClient::new(messages_endpoint(config), Options::default())?;
        providers.push(("anthropic", client.into()));
    }
    if config.openai_api_key.is_some() || config.openai_base_url.is_some() {
        let base_url = config.openai_base_url.clone().unwrap_or_else(|| OPENAI.into());
        let endpoint = ChatEndpoint::new(base_url, config.openai_api_key.clone());
        providers.push(("openai", ChatClient::new(endpoint, Options::default())?.into()));
    }
    Ok(providers)
}

fn messages_endpoint(config: &Provider) -> Endpoint {
    let key = config.anthropic_api_key.clone().unwrap_or_else(|| SecretString::from("none"));
    Endpoint {
        base_url: config.anthropic_base_url.clone().unwrap_or_else(|| ANTHROPIC.into()),
        auth: match config.anthropic_auth {
            AuthStyle::XApiKey => Auth::XApiKey(key),
            AuthStyle::Bearer => Auth::Bearer(key),
        },
        version: config.anthropic_version.clone(),
    }
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

async fn stand_in(tasks: &TaskTracker) -> Result<Client, Fatal> {
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
    let endpoint = Endpoint { base_url, auth, version: "2023-06-01".into() };
    Ok(MessagesClient::new(endpoint, Options::default())?.into())
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
            default_model: None,
            model_prices: None,
            max_tokens: 1,
            model_sim: None,
        }
    }

    #[test]
    fn a_key_or_an_address_configures_a_provider() {
        let names = |config: Provider| -> Vec<_> {
            configured(&config).expect("usable addresses").into_iter().map(|(name, _)| name).collect()
        };
        assert!(names(provider(None, None, None)).is_empty());
        assert_eq!(names(provider(None, Some("k"), None)), ["openai"]);
        assert_eq!(names(provider(None, None, Some("http://localhost:11434/v1"))), ["openai"]);
        assert_eq!(names(provider(Some("k"), Some("k"), None)), ["anthropic", "openai"]);
        assert!(configured(&provider(None, None, Some("localhost"))).is_err());
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
}
