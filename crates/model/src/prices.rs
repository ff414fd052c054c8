//! What models cost, as their operator says.

use std::collections::BTreeMap;

use domain::models::{self, Price};

/// Prices by `provider/model`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prices(BTreeMap<String, Price>);

impl Prices {
    /// Reads `{"anthropic/model": {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75}}`; or what is
    /// wrong with it.
    pub fn parse(json: &str) -> Result<Self, String> {
        let prices: BTreeMap<String, Price> =
            serde_json::from_str(json).map_err(|error| error.to_string())?;
        for (model, price) in &prices {
            if !price.is_sane() {
                return Err(format!("{model}: a price is no number of dollars from 0 to a million"));
            }
            if models::parts(model).is_none() {
                return Err(format!("{model}: a model is named as provider/model"));
            }
        }
        Ok(Self(prices))
    }

    pub fn of(&self, model: &str) -> Option<Price> {
        self.0.get(model).copied()
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (&str, Price)> {
        self.0.iter().map(|(model, price)| (model.as_str(), *price))
    }
}

#[cfg(test)]
mod tests {
    use domain::{Cost, Usage};

    use super::*;

    #[test]
    fn each_kind_of_token_has_its_price() {
        let json = r#"{"a/b": {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75},
            "a/plain": {"input": 2, "output": 4}}"#;
        let prices = Prices::parse(json).expect("prices");
        let usage = Usage {
            input_tokens: 1_000,
            output_tokens: 100,
            cache_read_input_tokens: 10_000,
            cache_creation_input_tokens: 400,
            ..Usage::default()
        };
        let cost = |model| prices.of(model).map(|price| price.cost(&usage));
        assert_eq!(cost("a/b"), Some(Cost(3_000_000 + 1_500_000 + 3_000_000 + 1_500_000)));
        assert_eq!(cost("a/plain"), Some(Cost(2_000_000 + 400_000 + 20_000_000 + 800_000)));
        assert_eq!(cost("a/other"), None);
    }

    #[test]
    fn what_is_wrong_with_prices_is_said() {
        for (json, words) in [
            ("", "EOF"),
            ("[]", "map"),
            (r#"{"a/b": {"input": 3}}"#, "output"),
            (r#"{"a/b": {"input": 3, "output": -1}}"#, "a/b"),
            (r#"{"a/b": {"input": 3, "output": 1, "out": 1}}"#, "out"),
            (r#"{"b": {"input": 3, "output": 1}}"#, "provider/model"),
        ] {
            let error = Prices::parse(json).expect_err(json);
            assert!(error.contains(words), "{json}: {error}");
        }
    }
}
