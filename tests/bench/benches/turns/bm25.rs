//! BM25 in its textbook form, to hold the search against: k1 = 1.2, b = 0.75.

use std::collections::HashMap;

const K1: f64 = 1.2;
const B: f64 = 0.75;

/// Documents as bags of stems.
pub struct Index {
    documents: Vec<HashMap<String, f64>>,
    lengths: Vec<f64>,
    frequency: HashMap<String, f64>,
}

impl Index {
    pub fn new(documents: Vec<HashMap<String, f64>>) -> Self {
        let lengths = documents.iter().map(|document| document.values().sum()).collect();
        let mut frequency = HashMap::new();
        for stem in documents.iter().flat_map(HashMap::keys) {
            *frequency.entry(stem.clone()).or_default() += 1.0;
        }
        Self { documents, lengths, frequency }
    }

    /// Numbers of the best documents, best first; of equals the later one.
    pub fn search(&self, stems: &[String], limit: usize) -> Vec<usize> {
        let count = self.documents.len() as f64;
        let average = self.lengths.iter().sum::<f64>() / count;
        let mut scored: Vec<(f64, usize)> = Vec::new();
        for (number, document) in self.documents.iter().enumerate() {
            let norm = K1 * (1.0 - B + B * self.lengths[number] / average);
            let score: f64 = stems
                .iter()
                .filter_map(|stem| {
                    let (times, known) = (document.get(stem)?, self.frequency.get(stem)?);
                    let idf = (1.0 + (count - known + 0.5) / (known + 0.5)).ln();
                    Some(idf * times * (K1 + 1.0) / (times + norm))
                })
                .sum();
            if score > 0.0 {
                scored.push((score, number));
            }
        }
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        scored.into_iter().take(limit).map(|(_, number)| number).collect()
    }
}
