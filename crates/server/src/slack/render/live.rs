//! Markdown that is shown while it is made, in messages that grow: `chat.startStream`,
//! `chat.appendStream`, `chat.stopStream`.

use super::{
    limits,
    segments::{Fence, opens},
    text::{Defuser, length},
};

/// From here on a message ends at the next blank line outside of code.
const SOFT: usize = limits::MARKDOWN - 3_000;
/// From here on at the next line.
const FIRM: usize = limits::MARKDOWN - 1_000;
/// From here on at the next word.
const HARD: usize = limits::MARKDOWN - 600;
/// From here on at once. What is left is enough to close a fence.
const LAST: usize = limits::MARKDOWN - 300;

/// What is to be done with the messages, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Append it to the current message. Never empty.
    Append(String),
    /// Stop the current message and start another one.
    Next,
}

/// A text on its way. Mentions are defused even where they come in two pieces, and each message is
/// readable by itself: code that goes on in the next one is closed and opened again.
#[derive(Debug, Default)]
pub struct Live {
    defuser: Defuser,
    used: usize,
    line: String,
    blank_before: bool,
    fence: Option<Fence>,
}

impl Live {
    /// The next piece of the text.
    pub fn push(&mut self, text: &str) -> Vec<Piece> {
        let text = self.defuser.push(text);
        self.grow(&text)
    }

    /// The text is whole.
    pub fn finish(&mut self) -> Vec<Piece> {
        let rest = self.defuser.finish();
        let mut pieces = self.grow(rest);
        if self.fence.as_ref().is_some_and(|fence| fence.closes(&self.line)) {
            self.fence = None;
        }
        if let Some(fence) = self.fence.take() {
            let end = if self.line.is_empty() { "" } else { "\n" };
            pieces.push(Piece::Append(format!("{end}{}", fence.closing())));
        }
        pieces
    }

    fn grow(&mut self, text: &str) -> Vec<Piece> {
        let (mut pieces, mut out) = (Vec::new(), String::new());
        for char in text.chars() {
            let cuts = self.used >= LAST || (self.used >= HARD && char.is_whitespace() && char != '\n');
            if cuts {
                self.end_message(&mut pieces, &mut out);
            }
            out.push(char);
            self.used += char.len_utf16();
            if char == '\n' {
                self.end_line();
                let between = self.blank_before && self.fence.is_none();
                if self.used >= FIRM || (self.used >= SOFT && between) {
                    self.end_message(&mut pieces, &mut out);
                }
            } else {
                self.line.push(char);
            }
        }
        if !out.is_empty() {
            pieces.push(Piece::Append(out));
        }
        pieces
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.blank_before = line.trim().is_empty();
        self.fence = match self.fence.take() {
            Some(fence) if fence.closes(&line) => None,
            Some(fence) => Some(fence),
            None => opens(&line),
        };
    }

    fn end_message(&mut self, pieces: &mut Vec<Piece>, out: &mut String) {
        // What is written of this line could itself open or close a fence.
        let cut = !self.line.is_empty();
        if cut {
            self.end_line();
        }
        let mut opening = String::new();
        if let Some(fence) = &mut self.fence {
            out.push_str(if cut { "\n" } else { "" });
            out.push_str(&fence.closing());
            *fence = fence.again();
            opening = fence.opening();
        }
        if !out.is_empty() {
            pieces.push(Piece::Append(std::mem::take(out)));
        }
        pieces.push(Piece::Next);
        self.used = length(&opening);
        *out = opening;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(pieces: &[Piece]) -> Vec<String> {
        let mut messages = vec![String::new()];
        for piece in pieces {
            match piece {
                Piece::Append(text) => messages.last_mut().expect("a message").push_str(text),
                Piece::Next => messages.push(String::new()),
            }
        }
        messages
    }

    fn live(pushes: &[&str]) -> Vec<String> {
        let mut live = Live::default();
        let mut pieces: Vec<Piece> = pushes.iter().flat_map(|push| live.push(push)).collect();
        pieces.extend(live.finish());
        assert!(!pieces.contains(&Piece::Append(String::new())));
        messages(&pieces)
    }

    #[test]
    fn a_short_text_is_one_message_and_its_mentions_are_defused() {
        assert_eq!(live(&["Hello <", "@U1>, a ", "< b <"]), ["Hello &lt;@U1>, a < b <"]);
    }

    #[test]
    fn a_long_text_goes_on_in_the_next_message_at_a_blank_line() {
        let text = "One sentence of some length stands here.\n\n".repeat(600);
        let messages = live(&[&text]);
        assert!(messages.len() > 2);
        assert!(messages.iter().all(|message| length(message) <= limits::MARKDOWN));
        assert!(messages[..messages.len() - 1].iter().all(|message| message.ends_with("here.\n\n")));
        assert_eq!(messages.concat(), text);
    }

    #[test]
    fn code_is_closed_and_opened_again() {
        let text = format!("```rust\n{}```\nDone.", "let x = 1;\n".repeat(2_000));
        let messages = live(&text.split_inclusive(' ').collect::<Vec<_>>());
        assert!(messages.len() > 1);
        for message in &messages {
            assert!(length(message) <= limits::MARKDOWN);
            assert_eq!(message.matches("```").count() % 2, 0, "{message}");
            assert!(message.starts_with("```rust\n"));
        }
        assert!(messages.last().expect("one").ends_with("```\nDone."));
    }

    #[test]
    fn code_that_nobody_closed_is_closed() {
        assert_eq!(live(&["```\ncode"]), ["```\ncode\n```\n"]);
        assert_eq!(live(&["```\ncode\n```"]), ["```\ncode\n```"]);
    }

    #[test]
    fn a_text_without_a_break_is_cut_all_the_same() {
        let messages = live(&["🦀".repeat(20_000).as_str()]);
        assert!(messages.iter().all(|message| length(message) <= limits::MARKDOWN));
        assert_eq!(messages.concat().chars().count(), 20_000);
    }
}
