//! "Change the amount of D-42 to 90,000": a field of a record and its new value.

use serde_json::{Value, json};

use super::intent::{around, trimmed};

/// How a field is called, its name on record, and whether it is a number.
const FIELDS: [(&str, &str, bool); 10] = [
    ("amount", "amount", true),
    ("value", "amount", true),
    ("probability", "probability", true),
    ("health", "health", true),
    ("close date", "close_date", false),
    ("due date", "due_date", false),
    ("currency", "currency", false),
    ("priority", "priority", false),
    ("stage", "stage", false),
    ("phone", "phone", false),
];

/// The field and its value, if a change of one is asked for.
pub(super) fn read(question: &str) -> Option<(&'static str, Value)> {
    let (_, order) =
        ["change", "set", "update", "raise", "lower"].iter().find_map(|word| around(question, word))?;
    let (what, value) = around(order, "to")?;
    let (_, name, is_number) = FIELDS.iter().find(|(said, ..)| around(what, said).is_some())?;
    let said = trimmed(value.split(['\n', ';']).next()?);
    let said = said.strip_suffix("please").map_or(said, trimmed);
    if *is_number {
        return Some((name, number(said)?));
    }
    let said = said.trim_matches(['"', '“', '”']);
    let said = if *name == "stage" || *name == "priority" { said.to_lowercase() } else { said.to_owned() };
    (!said.is_empty()).then(|| (*name, json!(said)))
}

/// `90000`, `90,000 EUR`, `90 k`, `1.5 million`
fn number(said: &str) -> Option<Value> {
    let said = said.to_lowercase();
    let from = said.find(|c: char| c.is_ascii_digit())?;
    let end = said[from..].find(|c: char| !(c.is_ascii_digit() || ",.' ".contains(c)));
    let (digits, unit) = said[from..].split_at(end.unwrap_or(said.len() - from));
    let times = match unit.split(|c: char| !c.is_alphabetic()).next() {
        Some("k" | "thousand") => 1_000.0,
        Some("m" | "million") => 1_000_000.0,
        _ => 1.0,
    };
    let number = plain(digits.trim_end_matches([',', '.', ' ', '\''])).parse::<f64>().ok()? * times;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
    let whole = (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64);
    Some(whole.map_or_else(|| json!(number), |whole| json!(whole)))
}

/// Without the signs between thousands: those before three digits.
fn plain(digits: &str) -> String {
    let groups: Vec<&str> = digits.split([',', '.', ' ', '\'']).collect();
    match groups.split_last() {
        Some((last, before)) if !before.is_empty() && last.len() != 3 => {
            format!("{}.{last}", before.concat())
        }
        _ => groups.concat(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;

    #[test]
    fn a_field_gets_a_number_a_day_or_a_word() {
        for (said, expected) in [
            ("Change the amount of D-42 to 90000", ("amount", json!(90_000))),
            ("set the amount of D-42 to 90,000 EUR, please", ("amount", json!(90_000))),
            ("Raise the amount of D-42 to €90.5k", ("amount", json!(90_500))),
            ("change the value of D-42 to 1.5 million", ("amount", json!(1_500_000))),
            ("Set the probability of D-42 to 60 %", ("probability", json!(60))),
            ("Change the amount of D-42 to 1234.56", ("amount", json!(1_234.56))),
            ("Change the close date of D-42 to 2026-12-31.", ("close_date", json!("2026-12-31"))),
            ("Set the stage of D-42 to Negotiation", ("stage", json!("negotiation"))),
        ] {
            assert_eq!(read(said), Some(expected), "{said}");
        }
        assert_eq!(read("Move D-42 to negotiation"), None);
        assert_eq!(read("Change the amount of D-42"), None);
    }
}
