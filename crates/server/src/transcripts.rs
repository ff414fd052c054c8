//! Conversations as downloads: which form was asked for, the file's name, and the stream.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use domain::{
    Error, SessionId,
    session::{Message, Session},
    transcript,
};
use futures_util::{StreamExt as _, future::ready, stream};
use store::{history, sessions};

use crate::caller::Caller;

/// Messages of one transaction, and so what is in memory at once.
const PAGE: i64 = 50;
/// Longest part of a title in the name of a file.
const NAME: usize = 60;

/// A form other than the API's own JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Markdown,
    Ndjson,
}

impl Form {
    const ALL: [(&'static str, Form); 2] =
        [("text/markdown", Form::Markdown), ("application/x-ndjson", Form::Ndjson)];

    /// The first of the forms that `Accept` names.
    pub fn asked(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .map(|range| range.split(';').next().unwrap_or_default().trim())
            .find_map(|range| Self::ALL.into_iter().find(|(mime, _)| range.eq_ignore_ascii_case(mime)))
            .map(|(_, form)| form)
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Form::Markdown => "text/markdown; charset=utf-8",
            Form::Ndjson => "application/x-ndjson",
        })
    }

    fn extension(self) -> &'static str {
        match self {
            Form::Markdown => "md",
            Form::Ndjson => "ndjson",
        }
    }

    /// A message in this form.
    pub fn message(self, session: SessionId, message: &Message) -> String {
        match self {
            Form::Markdown => transcript::markdown(message),
            Form::Ndjson => transcript::message_row(session, message),
        }
    }

    /// The answer with this text.
    pub fn response(self, body: Body) -> Response {
        let mut response = Response::new(body);
        response.headers_mut().insert(header::CONTENT_TYPE, self.content_type());
        response
    }
}

/// The whole conversation, page by page: between two pages no connection is held, and a
/// reader that is slow makes nobody wait. One that breaks off was not complete.
pub fn download(caller: Caller, session: &Session, form: Form) -> Response {
    let id = session.id;
    let head = match form {
        Form::Markdown => transcript::beginning(session),
        Form::Ndjson => transcript::session_row(session),
    };
    let pages = stream::try_unfold((caller, Some(0)), move |(caller, after)| async move {
        let Some(after) = after else { return Ok(None) };
        let page = page(&caller, id, after).await.inspect_err(|error| {
            tracing::warn!(%error, session = %id, "an export broke off");
        })?;
        let text: String = page.iter().map(|message| form.message(id, message)).collect();
        let full = i64::try_from(page.len()).is_ok_and(|count| count == PAGE);
        let next = page.last().map(|last| last.seq).filter(|_| full);
        Ok::<_, Error>(Some((Bytes::from(text), (caller, next))))
    });
    let whole = stream::once(ready(Ok(Bytes::from(head)))).chain(pages);
    let mut response = form.response(Body::from_stream(whole));
    response.headers_mut().insert(header::CONTENT_DISPOSITION, attachment(session, form));
    response
}

async fn page(caller: &Caller, id: SessionId, after: i64) -> domain::Result<Vec<Message>> {
    caller
        .tx(async |tx| {
            // One that was deleted meanwhile must not look like one that ends here.
            sessions::find(tx, id).await?;
            history::page(tx, id, false, Some(after), PAGE).await
        })
        .await
}

/// A name that is safe on any system: letters and digits of the title, and the end of the id.
fn attachment(session: &Session, form: Form) -> HeaderValue {
    let title = session.title.as_deref().unwrap_or_default().to_ascii_lowercase();
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = words.collect::<Vec<_>>().join("-");
    name.truncate(NAME);
    if name.is_empty() {
        name.push_str("conversation");
    }
    let id = session.id.0.simple().to_string();
    let value = format!("attachment; filename=\"{name}-{}.{}\"", &id[24..], form.extension());
    HeaderValue::try_from(value).expect("letters, digits and hyphens are fit for a header")
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::session::TitleSource;

    use super::*;

    fn titled(title: &str) -> Session {
        Session {
            id: SessionId(uuid::Uuid::nil()),
            title: Some(title.into()),
            title_source: TitleSource::User,
            preview: None,
            message_count: 0,
            last_message_at: None,
            entity: None,
            model: None,
            mode: None,
            run_status: None,
            version: 1,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_files_name_holds_letters_digits_and_hyphens_whatever_the_title() {
        for (title, name) in [
            ("Acme renewal, Q3!", "acme-renewal-q3"),
            ("../../etc/passwd", "etc-passwd"),
            ("a\"; filename=\"b.exe\r\nX: y", "a-filename-b-exe-x-y"),
            ("契約", "conversation"),
            ("", "conversation"),
        ] {
            let value = attachment(&titled(title), Form::Markdown);
            assert_eq!(value, format!("attachment; filename=\"{name}-00000000.md\""));
        }
        let long = attachment(&titled(&"ab ".repeat(100)), Form::Ndjson);
        assert!(long.to_str().expect("ASCII").len() < 110, "{long:?}");
    }

    #[test]
    fn the_first_form_that_is_accepted_is_taken() {
        let asked = |accept: &str| {
            let value = HeaderValue::try_from(accept).expect("a value");
            Form::asked(&HeaderMap::from_iter([(header::ACCEPT, value)]))
        };
        assert_eq!(asked("text/html, Text/Markdown;q=0.9, application/x-ndjson"), Some(Form::Markdown));
        assert_eq!(asked("application/x-ndjson"), Some(Form::Ndjson));
        assert_eq!(asked("application/json, */*"), None);
        assert_eq!(Form::asked(&HeaderMap::new()), None);
    }
}
