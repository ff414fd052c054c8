//! How many tokens a text has, where no provider says.

/// The tokens of a text of so many bytes: 3.5 bytes each, plus 20 %, so that a prompt that seems to fit does. In scripts
/// whose characters have several bytes that is more than there are. Anchor on the last answer's usage
/// where there is one, and estimate only what was added since.
pub fn estimate(bytes: usize) -> usize {
    // 1.2 / 3.5 = 12 / 35
    bytes.saturating_mul(12).div_ceil(35)
}

#[cfg(test)]
mod tests {
    use super::estimate;

    #[test]
    fn an_estimate_is_a_third_of_the_bytes_rounded_up() {
        for (bytes, tokens) in [(0, 0), (1, 1), (35, 12), (36, 13), (3_500_000, 1_200_000)] {
            assert_eq!(estimate(bytes), tokens, "{bytes} bytes");
        }
        assert!(estimate(usize::MAX) > 0);
    }
}
