//! Content of the Messages API, as far as it is read here, and the parts that
//! become of it.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// The content of a message, of a system prompt or of a tool's result: a text is
/// the same as one text block.
#[derive(Default)]
pub(super) struct Content<'a>(pub Vec<Block<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(Self::read(raw.get()))
    }
}

impl<'a> Content<'a> {
    fn read(json: &'a str) -> Self {
        if let Ok(text) = serde_json::from_str::<String>(json) {
            return Self(vec![Block { kind: "text".into(), text: Some(text), ..Block::default() }]);
        }
        let blocks: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
        // A block with a known field of an unknown type is one that we do not know.
        Self(blocks.into_iter().map(|raw| serde_json::from_str(raw.get()).unwrap_or_default()).collect())
    }

    /// The texts of all text blocks, joined by blank lines.
    pub fn text(&self) -> String {
        let texts = self.0.iter().filter(|block| block.kind == "text");
        texts.filter_map(|block| block.text.as_deref()).collect::<Vec<_>>().join("\n\n")
    }
}

/// The fields of all kinds of blocks.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Block<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    pub text: Option<String>,
    pub thinking: Option<String>,
    pub signature: Option<String>,
    pub id: Option<String>,
    pub name: Option<String>,
    #[serde(borrow)]
    pub input: Option<&'a RawValue>,
    pub tool_use_id: Option<String>,
    #[serde(borrow)]
    pub content: Option<Content<'a>>,
    pub is_error: Option<bool>,
    #[serde(borrow)]
    pub source: Option<Source<'a>>,
    pub title: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Source<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    media_type: Cow<'a, str>,
    #[serde(borrow)]
    data: Cow<'a, str>,
    #[serde(borrow)]
    url: Cow<'a, str>,
    #[serde(borrow)]
    content: Option<Content<'a>>,
}

impl Source<'_> {
    fn data_url(&self) -> String {
        format!("data:{};base64,{}", self.media_type, self.data)
    }
}

/// A part of what a user says.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part {
    Text { text: String },
    ImageUrl { image_url: Image },
    File { file: File },
}

#[derive(Debug, Serialize)]
pub(super) struct Image {
    url: String,
}

#[derive(Debug, Serialize)]
pub(super) struct File {
    filename: String,
    file_data: String,
}

impl Block<'_> {
    /// What a user's block becomes; nothing for one that we do not know.
    pub fn part(&self) -> Option<Part> {
        match &*self.kind {
            "text" => self.text.clone().map(|text| Part::Text { text }),
            "image" => self.image(),
            "document" => self.document(),
            _ => None,
        }
    }

    fn image(&self) -> Option<Part> {
        let source = self.source.as_ref()?;
        let url = match &*source.kind {
            "base64" => source.data_url(),
            "url" => source.url.to_string(),
            _ => return None,
        };
        Some(Part::ImageUrl { image_url: Image { url } })
    }

    /// Text stays text, and a file goes along. The protocol has no files by
    /// address: the model is told where one is.
    fn document(&self) -> Option<Part> {
        let source = self.source.as_ref()?;
        let title = self.title.as_deref();
        let titled = |text: &str| match title {
            Some(title) => Part::Text { text: format!("{title}\n\n{text}") },
            None => Part::Text { text: text.to_owned() },
        };
        match &*source.kind {
            "text" => Some(titled(&source.data)),
            "content" => source.content.as_ref().map(|content| titled(&content.text())),
            "url" => Some(titled(&format!("(a document at {})", source.url))),
            "base64" => {
                let filename = title.unwrap_or("document.pdf").to_owned();
                Some(Part::File { file: File { filename, file_data: source.data_url() } })
            }
            _ => None,
        }
    }
}
