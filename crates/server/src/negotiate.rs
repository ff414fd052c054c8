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
        Ok(wanted(&parts.headers))
    }
}

/// How much a form is wanted: its weight, then how exactly it is named.
type Wish = (u16, u8);

/// Markdown where it is wanted more than JSON, or named before it. A client that can
/// use neither gets JSON: it is better than nothing.
fn wanted(headers: &HeaderMap) -> Form {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
    let (json, json_place) = wish(&ranges, "application", "json");
    let (markdown, markdown_place) = wish(&ranges, "text", "markdown");
    let first = markdown == json && markdown.1 == EXACT && markdown_place < json_place;
    if markdown.0 > 0 && (markdown > json || first) { Form::Markdown } else { Form::Json }
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

    fn form(accept: &[&str]) -> Form {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, HeaderValue::from_str(value).expect("a value"));
        }
        wanted(&headers)
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
            assert_eq!(form(accept), Form::Markdown, "{accept:?}");
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
            assert_eq!(form(accept), Form::Json, "{accept:?}");
        }
    }
}
