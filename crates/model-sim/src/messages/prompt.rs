//! The prompt as the provider's cache sees it: tools, then system, then
//! messages, block by block, over the very bytes that were sent. Bytes, because
//! a client whose JSON keys change places loses the cache of the real API too.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::error::{ApiError, Result};
use crate::usage::tokens;

/// What an image or a document counts for, in characters: its encoding says
/// nothing about its tokens.
const MEDIA_CHARS: usize = 6_400;

/// The blocks of one request, in the order in which they are cached.
pub(super) struct Prompt {
    pub blocks: Vec<Block>,
}

/// One block, seen as the end of a prefix.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// Of everything up to here, `cache_control` left out.
    pub prefix: u64,
    /// Tokens up to here.
    pub tokens: u64,
    pub breakpoint: Option<Ttl>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ttl {
    FiveMinutes,
    OneHour,
}

#[derive(Deserialize)]
struct Body<'a> {
    model: String,
    #[serde(borrow, default)]
    tools: Vec<&'a RawValue>,
    #[serde(borrow)]
    system: Option<&'a RawValue>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    #[serde(borrow)]
    tool_choice: Option<&'a RawValue>,
    #[serde(borrow)]
    thinking: Option<&'a RawValue>,
    cache_control: Option<CacheControl>,
}

#[derive(Deserialize)]
struct Message<'a> {
    role: String,
    #[serde(borrow)]
    content: &'a RawValue,
}

#[derive(Deserialize)]
struct CacheControl {
    ttl: Option<String>,
}

impl CacheControl {
    fn ttl(&self) -> Ttl {
        if self.ttl.as_deref() == Some("1h") { Ttl::OneHour } else { Ttl::FiveMinutes }
    }
}

impl Prompt {
    /// Reads a body that was found valid. Prompts of different keys and models never meet.
    pub fn read(body: &[u8], api_key: &str) -> Result<Self> {
        let body: Body =
            serde_json::from_slice(body).map_err(|error| ApiError::invalid(error.to_string()))?;
        let mut reader = Reader::default();
        (api_key, &body.model).hash(&mut reader.hasher);
        for tool in &body.tools {
            reader.block("tool", tool)?;
        }
        if let Some(system) = body.system {
            reader.content("system", system)?;
        }
        // A change of these keeps the cache of tools and system, not of messages.
        (body.tool_choice.map(RawValue::get), body.thinking.map(RawValue::get)).hash(&mut reader.hasher);
        for message in &body.messages {
            reader.content(&message.role, message.content)?;
        }
        if let (Some(control), Some(last)) = (&body.cache_control, reader.blocks.last_mut()) {
            last.breakpoint.get_or_insert(control.ttl());
        }
        Ok(Self { blocks: reader.blocks })
    }

    pub fn tokens(&self) -> u64 {
        self.blocks.last().map_or(0, |block| block.tokens)
    }
}

#[derive(Default)]
struct Reader {
    hasher: DefaultHasher,
    chars: usize,
    blocks: Vec<Block>,
}

impl Reader {
    /// A string is the same as one text block.
    fn content(&mut self, part: &str, content: &RawValue) -> Result<()> {
        if content.get().starts_with('"') {
            self.add(part, &[("type".to_owned(), "\"text\""), ("text".to_owned(), content.get())]);
            return Ok(());
        }
        let blocks: Vec<&RawValue> = parse(content)?;
        blocks.into_iter().try_for_each(|block| self.block(part, block))
    }

    fn block(&mut self, part: &str, block: &RawValue) -> Result<()> {
        let members: Members = parse(block)?;
        let members: Vec<_> = members.0.into_iter().map(|(name, value)| (name, value.get())).collect();
        self.add(part, &members);
        Ok(())
    }

    fn add(&mut self, part: &str, members: &[(String, &str)]) {
        part.hash(&mut self.hasher);
        let mut breakpoint = None;
        let mut chars = 0;
        let mut media = false;
        for (name, value) in members {
            if name == "cache_control" {
                breakpoint = serde_json::from_str::<Option<CacheControl>>(value).ok().flatten();
                continue;
            }
            (name, value).hash(&mut self.hasher);
            media |= name == "source" && value.contains("\"base64\"");
            // The type of a block is no text that a model reads.
            chars += if name == "type" { 0 } else { value.chars().count() };
        }
        self.chars += if media { MEDIA_CHARS } else { chars };
        self.blocks.push(Block {
            prefix: self.hasher.finish(),
            tokens: tokens(self.chars),
            breakpoint: breakpoint.map(|control| control.ttl()),
        });
    }
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T> {
    serde_json::from_str(raw.get()).map_err(|error| ApiError::invalid(error.to_string()))
}

/// The members of an object, in the order and in the bytes in which they came.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
