//! When two lines say the same.

/// Two lines that share this part of their words say the same.
const SAME: f64 = 0.8;

/// Letters with marks, and what they are without them: `Zoë` is often typed as `Zoe`.
const MARKED: &str = "àáâãäåāăąçćĉċčďđèéêëēĕėęěĝğġģĥħìíîïĩīĭįıĵķĺļľłñńņňòóôõöøōŏőŕŗřśŝşšţťŧùúûüũūŭůűųŵýÿŷźżž";
const PLAIN: &str = "aaaaaaaaacccccddeeeeeeeeegggghhiiiiiiiiijkllllnnnnooooooooorrrsssstttuuuuuuuuuuwyyyzzz";

/// What a line says, without its order, case, marks and punctuation.
pub struct Likeness {
    /// In order, each once.
    words: Vec<String>,
    /// The line itself, for those without a word.
    line: String,
}

impl Likeness {
    pub fn of(line: &str) -> Self {
        let plain: String = line.to_lowercase().chars().filter(|c| !is_mark(*c)).map(unmarked).collect();
        let mut words: Vec<String> = plain
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        words.sort_unstable();
        words.dedup();
        Self { words, line: line.trim().to_owned() }
    }

    pub fn says_the_same(&self, other: &Self) -> bool {
        if self.words.is_empty() || other.words.is_empty() {
            return !self.line.is_empty() && self.line == other.line;
        }
        let shared = self.words.iter().filter(|word| other.words.binary_search(word).is_ok()).count();
        let all = self.words.len() + other.words.len() - shared;
        // The number is the same or it is another fact: "14 days" and "30 days" share most words.
        ratio(shared, all) >= SAME && self.numbers().eq(other.numbers())
    }

    fn numbers(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str).filter(|word| word.chars().any(char::is_numeric))
    }
}

/// Marks that follow the letter to which they belong.
fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

fn unmarked(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    MARKED.chars().zip(PLAIN.chars()).find_map(|(marked, plain)| (marked == c).then_some(plain)).unwrap_or(c)
}

#[expect(clippy::cast_precision_loss, reason = "counts of words on one line")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        let (one, other) = (Likeness::of(one), Likeness::of(other));
        assert_eq!(one.says_the_same(&other), other.says_the_same(&one));
        one.says_the_same(&other)
    }

    #[test]
    fn each_marked_letter_has_its_plain_one() {
        assert_eq!(MARKED.chars().count(), PLAIN.chars().count());
        let plain: String = "çďěĥıłňøřšŧüŵŷžß".chars().map(unmarked).collect();
        assert_eq!(plain, "cdehilnorstuwyzß");
    }

    #[test]
    fn case_marks_order_and_punctuation_do_not_matter() {
        for (one, other) in [
            ("- Zoë signs", "zoe SIGNS!"),
            ("Re\u{301}sume\u{301}", "résumé"),
            ("Prefers: calls, mornings", "mornings - prefers calls"),
            ("ÅNGSTRÖM", "angstrom"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        assert!(same("- 🦀", "- 🦀"));
    }

    #[test]
    fn another_number_or_another_word_is_another_fact() {
        for (one, other) in [
            ("Call back within 14 days of a demo", "Call back within 30 days of a demo"),
            ("Dana signs", "Dana pays"),
            ("", ""),
            ("---", ""),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }
}
