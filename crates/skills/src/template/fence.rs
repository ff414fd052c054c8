//! Where code stands in Markdown.

/// Follows the lines of a text and knows whether they are code between fences.
#[derive(Debug, Default)]
pub(crate) struct Fence {
    /// The mark that opened it, and how many of them.
    open: Option<(char, usize)>,
}

impl Fence {
    /// Whether this line, the next of the text, is part of a code fence; its marks are as well.
    /// A fence in a quotation or a list is one. What is not closed reaches to the end.
    pub fn holds(&mut self, line: &str) -> bool {
        let text = line.trim_start_matches([' ', '\t', '>']).trim_end();
        let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'));
        let count = mark.map_or(0, |mark| text.chars().take_while(|c| *c == mark).count());
        let rest = &text[count..];
        match (self.open, mark) {
            (None, Some(mark)) if count >= 3 && !(mark == '`' && rest.contains('`')) => {
                self.open = Some((mark, count));
                true
            }
            (Some((open, least)), Some(mark)) if open == mark && count >= least && rest.is_empty() => {
                self.open = None;
                true
            }
            (open, _) => open.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(text: &str) -> String {
        let mut fence = Fence::default();
        text.lines().map(|line| if fence.holds(line) { '#' } else { '.' }).collect()
    }

    #[test]
    fn a_fence_reaches_to_its_own_kind_of_end() {
        assert_eq!(held("a\n```js\nx\n```\nb"), ".###.");
        assert_eq!(held("~~~\n```\n~~~\nb"), "###.");
        assert_eq!(held("````\n```\n````\nb"), "###.");
        assert_eq!(held("> ```\n> x\n> ```\nb"), "###.");
        assert_eq!(held("  - ```\n"), ".");
        assert_eq!(held("``` a ` b\nx"), "..");
        assert_eq!(held("```\nx\ny"), "###");
    }
}
