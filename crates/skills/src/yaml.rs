//! Writing YAML: a subset that every reader understands, the strict one of the open format's
//! validator included (block style only, no `---` inside).

use serde_json::Value;

/// What can be written. Unlike JSON of this crate, a map has an order.
pub(crate) enum Yaml {
    Scalar(Value),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

impl From<&Value> for Yaml {
    /// Its recursion is bounded by the depth of the front matter.
    fn from(value: &Value) -> Self {
        match value {
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(members) => {
                Self::Map(members.iter().map(|(name, value)| (name.clone(), value.into())).collect())
            }
            scalar => Self::Scalar(scalar.clone()),
        }
    }
}

impl From<&str> for Yaml {
    fn from(text: &str) -> Self {
        Self::Scalar(text.into())
    }
}

impl Yaml {
    pub fn texts<T: AsRef<str>>(texts: &[T]) -> Self {
        Self::List(texts.iter().map(|text| text.as_ref().into()).collect())
    }

    pub fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(_) => false,
            Self::List(items) => items.is_empty(),
            Self::Map(members) => members.is_empty(),
        }
    }

    /// Leaves out lists and maps with nothing in them, which block style cannot write. The paths of
    /// those that held something's place are added to `gone`.
    pub fn without_empty(self, at: &str, gone: &mut Vec<String>) -> Self {
        let mut keep = |path: String, value: Self| {
            let value = value.without_empty(&path, gone);
            let empty = value.is_empty();
            if empty {
                gone.push(path);
            }
            (!empty).then_some(value)
        };
        match self {
            Self::Scalar(_) => self,
            Self::List(items) => {
                let items = items.into_iter().enumerate();
                Self::List(items.filter_map(|(i, item)| keep(format!("{at}[{i}]"), item)).collect())
            }
            Self::Map(members) => {
                let member = |(name, value): (String, Self)| {
                    let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                    keep(path, value).map(|value| (name, value))
                };
                Self::Map(members.into_iter().filter_map(member).collect())
            }
        }
    }

    /// The document's text, with a line break at its end.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(0, &mut text);
        text
    }

    /// Writes a block that begins on a line of its own.
    fn write(&self, indent: usize, out: &mut String) {
        match self {
            Self::Scalar(_) => {}
            Self::List(items) => {
                for item in items {
                    pad(indent, out);
                    out.push('-');
                    item.write_after_dash(indent, out);
                }
            }
            Self::Map(members) => {
                for (name, value) in members {
                    pad(indent, out);
                    value.write_member(name, indent, out);
                }
            }
        }
    }

    fn write_member(&self, name: &str, indent: usize, out: &mut String) {
        out.push_str(&scalar(&name.into()));
        out.push(':');
        if let Some(line) = self.in_line() {
            out.push_str(&format!(" {line}\n"));
        } else {
            out.push('\n');
            self.write(indent + 2, out);
        }
    }

    /// The first member of a map stands beside the dash.
    fn write_after_dash(&self, indent: usize, out: &mut String) {
        match (self, self.in_line()) {
            (_, Some(line)) => out.push_str(&format!(" {line}\n")),
            (Self::Map(members), None) => {
                for (i, (name, value)) in members.iter().enumerate() {
                    if i == 0 {
                        out.push(' ');
                    } else {
                        pad(indent + 2, out);
                    }
                    value.write_member(name, indent + 2, out);
                }
            }
            (_, None) => {
                out.push('\n');
                self.write(indent + 2, out);
            }
        }
    }

    /// As it stands behind a key; None for a block.
    pub fn in_line(&self) -> Option<String> {
        match self {
            Self::Scalar(value) => Some(scalar(value)),
            Self::List(items) if items.is_empty() => Some("[]".into()),
            Self::Map(members) if members.is_empty() => Some("{}".into()),
            Self::List(_) | Self::Map(_) => None,
        }
    }
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A text stands bare where no reader can take it for anything else, and else as JSON writes it.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if is_bare(text) => text.clone(),
        Value::String(_) => {
            let quoted = value.to_string().replace("--", "\\x2d\\x2d");
            quoted.replace('\u{FFFE}', "\\uFFFE").replace('\u{FFFF}', "\\uFFFF")
        }
        other => other.to_string(),
    }
}

fn is_bare(text: &str) -> bool {
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let plain = |c: char| c.is_ascii_alphanumeric() || " _./-,()'".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(plain)
        && !text.ends_with(' ')
        && !text.contains("--")
        && !WORDS.contains(&text.to_lowercase().as_str())
}
