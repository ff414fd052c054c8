//! Quantiles, and ratios with their spread.

/// The value below which this share of the values lies.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let at = (share * last as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// `median (smallest–largest)` over the rounds.
pub fn spread(rounds: &[f64], digits: usize) -> String {
    let (low, high) = (quantile(rounds, 0.0), quantile(rounds, 1.0));
    format!("{:.digits$} ({low:.digits$}–{high:.digits$})", median(rounds))
}
