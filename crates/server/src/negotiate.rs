//! Which form of an answer the client asked for.

use std::convert::Infallible;

use axum::{
    Json,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::App;

/// The form of an answer that is there as JSON and as Markdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Markdown,
}

impl Form {
    /// The answer in this form.
    pub fn answer(
        self,
        json: &impl Serialize,
        markdown: impl FnOnce() -> domain::Result<String>,
    ) -> domain::Result<Response> {
        let mut response = match self {
            Form::Json => Json(json).into_response(),
            Form::Markdown => {
                let kind = [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")];
                (kind, markdown()?).into_response()
            }
        };
        response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
        Ok(response)
    }
}

impl FromRequestParts<App> for Form {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let markdown = is_wanted(&parts.headers, ("text", "markdown"));
        Ok(if markdown { Form::Markdown } else { Form::Json })
    }
}

/// Whether the client wants an archive more than JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zipped(pub bool);

impl FromRequestParts<App> for Zipped {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self(is_wanted(&parts.headers, ("application", "zip"))))
    }
}

/// How much a form is wanted: its weight, then how exactly it is named.
type Wish = (u16, u8);

/// Whether this type is wanted more than JSON, or named before it. A client that can
/// use neither gets JSON: it is better than nothing.
fn is_wanted(headers: &HeaderMap, (kind, subtype): (&str, &str)) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
    let (json, json_place) = wish(&ranges, "application", "json");
    let (other, place) = wish(&ranges, kind, subtype);
    let first = other == json && other.1 == EXACT && place < json_place;
    other.0 > 0 && (other > json || first)
}

const EXACT: u8 = 3;

/// What the most exact range says of a type, and its place among the ranges.
fn wish(ranges: &[&str], kind: &str, subtype: &str) -> (Wish, usize) {
    let mut best: (Wish, usize) = ((0, 0), usize::MAX);
    for (place, range) in ranges.iter().enumerate() {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let exactness = match name.split_once('/') {
            Some(("*", "*")) => 1,
            Some((given, "*")) if given == kind => 2,
            Some((given, sub)) if given == kind && sub == subtype => EXACT,
            _ => continue,
        };
        if exactness > best.0.1 {
            best = ((weight(parts), exactness), place);
        }
    }
    best
}

/// `q` in thousandths. What is no number counts as nothing.
fn weight<'a>(mut parameters: impl Iterator<Item = &'a str>) -> u16 {
    let Some(q) = parameters.find_map(|it| it.strip_prefix("q=").or_else(|| it.strip_prefix("Q="))) else {
        return 1_000;
    };
    let (whole, fraction) = q.split_once('.').unwrap_or((q, ""));
    match (whole, fraction.len()) {
        ("1", _) => 1_000,
        ("0", 0..=3) => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants_markdown(accept: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, HeaderValue::from_str(value).expect("a value"));
        }
        is_wanted(&headers, ("text", "markdown"))
    }

    #[test]
    fn markdown_is_for_those_who_want_it_more() {
        for accept in [
            &["text/markdown"][..],
            &["text/markdown, */*"],
            &["Text/Markdown; charset=utf-8"],
            &["text/markdown;variant=GFM, text/plain;q=0.5"],
            &["text/*"],
            &["application/json;q=0.5, text/markdown;q=0.9"],
            &["application/json;q=0, */*"],
            &["text/markdown, application/json"],
            &["image/png", "text/markdown"],
        ] {
            assert!(wants_markdown(accept), "{accept:?}");
        }
    }

    #[test]
    fn everybody_else_gets_json() {
        for accept in [
            &[][..],
            &[""],
            &["*/*"],
            &["application/json, text/markdown"],
            &["application/json, text/*"],
            &["application/json", "text/markdown;q=0.9"],
            &["text/markdown;q=0, */*"],
            &["text/markdown;q=nonsense"],
            &["text/markdownish"],
            &["image/png"],
            &["text/markdown;q=0.5, */*;q=0.8"],
        ] {
            assert!(!wants_markdown(accept), "{accept:?}");
        }
    }
}
