//! The passage of a long text in which most of the words stand.

use domain::words;

/// Words of a passage before the first hit, and from it on.
const BEFORE: usize = 12;
const FROM: usize = 36;

/// The words around the place with the most different ones of those that are sought, as the record
/// keeps words; the first such place. None: none of them stands there.
pub fn around(text: &str, sought: &[String]) -> Option<String> {
    let tokens: Vec<&str> = text.split_whitespace().collect();
    let hits: Vec<(usize, usize)> = tokens
        .iter()
        .enumerate()
        .flat_map(|(place, token)| found(token, sought).into_iter().map(move |word| (place, word)))
        .collect();
    let different = |from: usize| {
        let near = hits.iter().filter(|(place, _)| (from..from + FROM).contains(place));
        let mut words: Vec<usize> = near.map(|(_, word)| *word).collect();
        words.sort_unstable();
        words.dedup();
        words.len()
    };
    // Of a word that stands everywhere the first thousand places are enough.
    let starts = hits.iter().take(1_000).map(|(place, _)| *place);
    let first = starts.map(|place| (different(place), std::cmp::Reverse(place))).max()?.1.0;
    let from = first.saturating_sub(BEFORE);
    let to = (first + FROM).min(tokens.len());
    let passage = tokens[from..to].join(" ");
    let (before, after) = (if from > 0 { "… " } else { "" }, if to < tokens.len() { " …" } else { "" });
    Some(format!("{before}{}{after}", crate::turn::cut(&passage, 600)))
}

/// Which of the words stand in the token, by their places.
fn found(token: &str, sought: &[String]) -> Vec<usize> {
    if token.is_ascii() {
        let small = token.to_ascii_lowercase();
        if !sought.iter().any(|word| small.contains(word.as_str())) {
            return Vec::new();
        }
    }
    let words = words::sought(token).words;
    sought.iter().enumerate().filter(|(_, word)| words.contains(word)).map(|(place, _)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, query: &str) -> Option<String> {
        around(text, &words::sought(query).words)
    }

    #[test]
    fn a_short_text_is_quoted_whole() {
        assert_eq!(of("Dana: the Price\nis too high.", "price"), Some("Dana: the Price is too high.".into()));
        assert_eq!(of("Dana: the price is too high.", "discount"), None);
        assert_eq!(of("", "discount"), None);
    }

    #[test]
    fn the_passage_is_that_with_the_most_of_the_words() {
        let filler = "word ".repeat(100);
        let text = format!("price early. {filler} Now the price and the discount. {filler}");
        let passage = of(&text, "discount price").expect("a passage");
        assert!(passage.starts_with("… ") && passage.ends_with(" …"), "{passage}");
        assert!(passage.contains("Now the price and the discount."), "{passage}");
        assert_eq!(passage.split_whitespace().count(), BEFORE + FROM + 2);
    }

    #[test]
    fn case_and_accents_make_no_difference_and_parts_of_words_do() {
        assert_eq!(of("Über den PREIS.", "uber preis"), Some("Über den PREIS.".into()));
        assert_eq!(of("priceless", "price"), None);
        assert_eq!(
            of("write to a@b.example, please", "a@b.example"),
            Some("write to a@b.example, please".into())
        );
    }
}
