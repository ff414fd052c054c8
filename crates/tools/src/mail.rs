//! Mails, through the operator's mail server.

use std::{fmt, time::Duration};

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Mailbox, SinglePart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp,
};

/// How long the server may take for one answer, and for all of them.
const ANSWER: Duration = Duration::from_secs(20);
const WHOLE: Duration = Duration::from_mins(1);

/// A text to one address.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    /// A line.
    pub subject: String,
    pub text: String,
    /// The part before the @ of its `Message-ID` (RFC 5322 §3.6.4).
    pub message_id: String,
}

/// Why a mail server or a sender cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MailConfigError {
    #[error("SMTP_URL is no address of a mail server, such as smtps://user:password@mail.example: {0}")]
    Server(String),
    #[error("SMTP_FROM is no sender, such as `Sixty <sixty@acme.example>`: {0}")]
    Sender(String),
}

/// Why a mail has not been sent, in the server's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// It has not been taken, for sure, and may be the next time.
    #[error("the mail server did not take it: {0}")]
    NotTaken(String),
    /// It has not been taken, and will not be.
    #[error("the mail server refused it: {0}")]
    Refused(String),
    /// It may have been taken.
    #[error("the mail server did not answer: {0}")]
    Unknown(String),
}

/// Sends mails in the name of the service.
#[derive(Clone)]
pub struct Mailer {
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The server's address holds a password.
        f.debug_struct("Mailer").field("from", &self.from).finish_non_exhaustive()
    }
}

impl Mailer {
    /// With the server at this address, and this sender.
    pub fn new(url: &str, from: &str) -> Result<Self, MailConfigError> {
        let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|error| MailConfigError::Server(in_words(&error)))?
            .timeout(Some(ANSWER))
            .build();
        let from = from.parse().map_err(|error| MailConfigError::Sender(in_words(&error)))?;
        Ok(Self { server, from })
    }

    /// Sends it once, and never again by itself.
    pub async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        // What fails before the message is on its way has not been taken.
        match tokio::time::timeout(WHOLE, self.server.test_connection()).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return Err(MailError::NotTaken("it closed the connection".into())),
            // Whatever the server says against this service is no word about this mail.
            Ok(Err(error)) => return Err(MailError::NotTaken(in_words(&error))),
            Err(_) => return Err(MailError::NotTaken("it took too long to answer".into())),
        }
        match tokio::time::timeout(WHOLE, self.server.send(message)).await {
            Ok(sent) => sent.map(drop).map_err(|error| failure(&error)),
            Err(_) => Err(MailError::Unknown("it took too long".into())),
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let refused = |error: &dyn std::error::Error| MailError::Refused(in_words(error));
        let to: Address = mail.to.parse().map_err(|error| refused(&error))?;
        let id = format!("<{}@{}>", mail.message_id, self.from.email.domain());
        // No auto-responder answers it (RFC 3834 §5).
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(mail.subject.replace(char::is_control, " "))
            .message_id(Some(id))
            .raw_header(HeaderValue::new(automatic, "auto-generated".into()))
            .singlepart(SinglePart::plain(mail.text.clone()))
            .map_err(|error| refused(&error))
    }
}

/// A server that has answered has not taken it; of any other end nobody knows.
fn failure(error: &smtp::Error) -> MailError {
    let words = in_words(error);
    match error {
        error if error.is_transient() || error.is_tls() => MailError::NotTaken(words),
        error if error.is_permanent() || error.is_client() => MailError::Refused(words),
        _ => MailError::Unknown(words),
    }
}

/// An error with its causes, shortened.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !words.contains(&more) {
            words.push_str(": ");
            words.push_str(&more);
        }
        cause = error.source();
    }
    words.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(subject: &str) -> Mail {
        Mail {
            to: "dana@acme.example".into(),
            subject: subject.into(),
            text: "Zwölf Verträge.\n.\nEnde".into(),
            message_id: "5f1c20d6".into(),
        }
    }

    fn mailer() -> Mailer {
        Mailer::new("smtp://127.0.0.1:2525", "Sixty <sixty@acme.example>").expect("a mailer")
    }

    #[test]
    fn a_mail_names_its_slot_and_starts_no_conversation_of_machines() {
        let message = mailer().message(&mail("Bericht: März")).expect("a message").formatted();
        let message = String::from_utf8(message).expect("text");
        for line in [
            "From: Sixty <sixty@acme.example>\r\n",
            "To: dana@acme.example\r\n",
            "Message-ID: <5f1c20d6@acme.example>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
        ] {
            assert!(message.contains(line), "{line:?} is not in {message}");
        }
    }

    #[test]
    fn no_subject_makes_headers_of_its_own() {
        let message = mailer().message(&mail("Hi\r\nBcc: x@y.example")).expect("a message").formatted();
        let message = String::from_utf8(message).expect("text");
        assert!(!message.contains("\r\nBcc:"), "{message}");
        assert!(message.contains("Subject: Hi  Bcc: x@y.example\r\n"), "{message}");
    }

    #[test]
    fn an_operator_is_told_which_variable_is_wrong() {
        for (url, from, variable) in [
            ("mail.example", "Sixty <sixty@acme.example>", "SMTP_URL"),
            ("https://mail.example", "Sixty <sixty@acme.example>", "SMTP_URL"),
            ("smtps://mail.example", "Sixty", "SMTP_FROM"),
            ("smtps://mail.example", "", "SMTP_FROM"),
        ] {
            let error = Mailer::new(url, from).expect_err(url).to_string();
            assert!(error.starts_with(variable), "{error}");
        }
    }
}
