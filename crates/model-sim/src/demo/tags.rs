//! The tags that the program puts into prompts: `<name a="b">…</name>`.

use std::ops::Range;

/// One tag with what stands in it.
pub(super) struct Tag<'a> {
    attributes: &'a str,
    pub body: &'a str,
    /// Where the whole tag stands in the text.
    range: Range<usize>,
}

impl Tag<'_> {
    /// An attribute's value, with its quotes and ampersands undone.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let start = self.attributes.find(&format!("{name}=\""))? + name.len() + 2;
        let value = self.attributes[start..].split('"').next()?;
        let plain = value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
        Some(plain.replace("&amp;", "&"))
    }

    pub fn has_attributes(&self) -> bool {
        self.attributes.contains('=')
    }
}

/// Every closed tag of this name, in order.
pub(super) fn all<'a>(text: &'a str, name: &str) -> Vec<Tag<'a>> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut from = 0;
    let mut tags = Vec::new();
    while let Some(at) = text[from..].find(&close) {
        let end = from + at + close.len();
        tags.extend(opened(text, from..from + at, &open, end));
        from = end;
    }
    tags
}

/// The tag whose opening stands nearest before its end: prose may name a tag,
/// and an opening without a close means nothing.
fn opened<'a>(text: &'a str, within: Range<usize>, open: &str, end: usize) -> Option<Tag<'a>> {
    let mut before = &text[within.clone()];
    while let Some(at) = before.rfind(open) {
        let start = within.start + at;
        if let Some((attributes, body)) = text[start + open.len()..within.end].split_once('>')
            && (attributes.is_empty() || attributes.starts_with(char::is_whitespace))
        {
            return Some(Tag { attributes, body, range: start..end });
        }
        before = &before[..at]; // A longer name that begins the same.
    }
    None
}

/// The text without the tags of these names.
pub(super) fn without(text: &str, names: &[&str]) -> String {
    names.iter().fold(text.to_owned(), |text, name| {
        let mut rest = text.clone();
        for tag in all(&text, name).iter().rev() {
            rest.replace_range(tag.range.clone(), "");
        }
        rest
    })
}
