//! The JSON of Chat Completions, as far as we read it. Every field may be
//! absent, and one of another type than ours counts as absent: compatible
//! servers leave out and add what they like.

use domain::Usage;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error},
};
use serde_json::value::RawValue;

use crate::{ModelInfo, answer::MOST_TOKENS};

/// A piece of an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk {
    #[serde(deserialize_with = "lenient")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub model: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub choices: Option<Vec<Choice>>,
    #[serde(deserialize_with = "lenient")]
    pub usage: Option<Counts>,
    /// Comes after 200, and in place of everything else.
    #[serde(deserialize_with = "lenient")]
    pub error: Option<Box<RawValue>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    /// What a piece adds.
    #[serde(deserialize_with = "lenient")]
    pub delta: Option<Said>,
    #[serde(deserialize_with = "lenient")]
    pub finish_reason: Option<String>,
    /// Where Moonshot has it.
    #[serde(deserialize_with = "lenient")]
    pub usage: Option<Counts>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Said {
    #[serde(deserialize_with = "lenient")]
    pub content: Option<Words>,
    /// DeepSeek's name for it, and of most others.
    #[serde(deserialize_with = "lenient")]
    pub reasoning_content: Option<String>,
    /// OpenRouter's, and that of newer vLLM.
    #[serde(deserialize_with = "lenient")]
    pub reasoning: Option<String>,
    /// OpenAI's: the model's words on why it declines.
    #[serde(deserialize_with = "lenient")]
    pub refusal: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub tool_calls: Option<Vec<Piece>>,
    /// The one call of servers from before `tool_calls`.
    #[serde(deserialize_with = "lenient")]
    pub function_call: Option<Function>,
}

/// Text, or a list of parts that have some.
#[derive(Debug)]
pub(super) struct Words(pub String);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Part {
    #[serde(deserialize_with = "lenient")]
    text: Option<String>,
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if let Ok(text) = serde_json::from_str(raw.get()) {
            return Ok(Self(text));
        }
        let parts: Vec<Part> = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
        Ok(Self(parts.into_iter().filter_map(|part| part.text).collect()))
    }
}

/// A piece of a tool call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Piece {
    #[serde(deserialize_with = "lenient")]
    pub index: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub function: Option<Function>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Function {
    #[serde(deserialize_with = "lenient")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub arguments: Option<Arguments>,
}

/// A string of JSON; or the JSON itself, whose bytes stay.
#[derive(Debug)]
pub(super) struct Arguments(pub String);

impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().to_owned())))
    }
}

/// Token counts so far.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    #[serde(deserialize_with = "lenient")]
    prompt_tokens: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    completion_tokens: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    prompt_tokens_details: Option<PromptDetails>,
    /// DeepSeek's name for the cached ones.
    #[serde(deserialize_with = "lenient")]
    prompt_cache_hit_tokens: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    #[serde(deserialize_with = "lenient")]
    cached_tokens: Option<i64>,
    /// OpenRouter's, and OpenAI's where writing has a price.
    #[serde(deserialize_with = "lenient")]
    cache_write_tokens: Option<i64>,
}

impl Counts {
    /// The prompt's tokens hold here those that were read from a cache and written to one, and do not in [`Usage`].
    /// Counts only grow within an answer, and the last chunk has them all.
    pub fn raise(self, usage: &mut Usage) {
        let believed = |count: Option<i64>| count.unwrap_or_default().clamp(0, MOST_TOKENS);
        let details = self.prompt_tokens_details.unwrap_or_default();
        let prompt = believed(self.prompt_tokens).max(usage.prompt_tokens());
        let cached = details.cached_tokens.or(self.prompt_cache_hit_tokens);
        let read = believed(cached).max(usage.cache_read_input_tokens);
        let written = believed(details.cache_write_tokens).max(usage.cache_creation_input_tokens);
        usage.cache_read_input_tokens = read;
        usage.cache_creation_input_tokens = written;
        usage.input_tokens = (prompt - read - written).max(0);
        usage.output_tokens = believed(self.completion_tokens).max(usage.output_tokens);
    }
}

/// What servers say about a model, under any of the names that they have for it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Card {
    #[serde(deserialize_with = "lenient")]
    max_input_tokens: Option<u64>,
    /// vLLM's.
    #[serde(deserialize_with = "lenient")]
    max_model_len: Option<u64>,
    /// OpenRouter's.
    #[serde(deserialize_with = "lenient")]
    context_length: Option<u64>,
    /// Groq's.
    #[serde(deserialize_with = "lenient")]
    context_window: Option<u64>,
    /// Mistral's.
    #[serde(deserialize_with = "lenient")]
    max_context_length: Option<u64>,
}

impl From<Card> for ModelInfo {
    fn from(card: Card) -> Self {
        let window = card.max_input_tokens.or(card.max_model_len).or(card.context_length);
        Self { max_input_tokens: window.or(card.context_window).or(card.max_context_length) }
    }
}

fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str::<Option<T>>(raw.get()).unwrap_or_default())
}
