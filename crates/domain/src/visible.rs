//! Characters that a reader cannot see.

/// The text without characters that a reader cannot see: invisible and
/// bidirectional controls hide instructions from the person who checks.
pub fn visible(text: &str) -> String {
    text.chars().filter(|c| is_visible(*c)).collect()
}

/// Whether [`visible`] keeps the character.
pub fn is_visible(c: char) -> bool {
    c == '\n' || c == '\t' || !(c.is_control() || is_invisible(c))
}

fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn invisible_characters_are_dropped() {
        assert_eq!(visible("a\u{200B}b\u{202E}c\u{E0041}\n\td\u{7}"), "abc\n\td");
    }
}
