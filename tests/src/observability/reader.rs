//! The text format of Prometheus, read as strictly as it is written down: each name is described and typed once, before
//! its samples; no sample comes twice; a histogram's buckets grow and end with its count.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::harness::Person;

type Labels = BTreeMap<String, String>;

/// What a scrape told.
#[derive(Debug, Default)]
pub struct Scrape {
    types: HashMap<String, String>,
    helps: HashSet<String>,
    samples: Vec<(String, Labels, f64)>,
}

impl Scrape {
    pub async fn of(person: &Person) -> Self {
        let answer = person.get("/metrics").await.expect(200);
        assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
        Self::read(&answer.text)
    }

    pub fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends");
        let mut scrape = Self::default();
        let mut current = String::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a name and a sentence");
                assert!(help.ends_with('.') && scrape.helps.insert(name.to_owned()), "{line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a name and a type");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(scrape.types.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
                name.clone_into(&mut current);
            } else {
                scrape.sample(line, &current);
            }
        }
        assert_eq!(scrape.types.keys().cloned().collect::<HashSet<_>>(), scrape.helps);
        scrape.check_histograms();
        scrape
    }

    fn sample(&mut self, line: &str, current: &str) {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let value = if value == "+Inf" { f64::INFINITY } else { value.parse().expect("a number") };
        let (name, labels) = match series.split_once('{') {
            None => (series, Labels::new()),
            Some((name, labels)) => (name, read_labels(labels.strip_suffix('}').expect("a brace"))),
        };
        let kind = self.types.get(current).map(String::as_str);
        let suffix = name.strip_prefix(current).unwrap_or_else(|| panic!("{name} has no type: {line}"));
        match kind {
            Some("histogram") => assert!(["_bucket", "_sum", "_count"].contains(&suffix), "{line}"),
            _ => assert_eq!(suffix, "", "{line}"),
        }
        assert_eq!(kind == Some("counter"), name.ends_with("_total"), "{line}");
        let twice = self.samples.iter().any(|(known, other, _)| known == name && *other == labels);
        assert!(!twice, "twice: {line}");
        self.samples.push((name.to_owned(), labels, value));
    }

    fn check_histograms(&self) {
        for name in self.types.iter().filter(|(_, kind)| *kind == "histogram").map(|(name, _)| name) {
            let mut series: HashMap<Labels, Vec<(f64, f64)>> = HashMap::new();
            for (_, labels, value) in self.named(&format!("{name}_bucket")) {
                let mut labels = labels.clone();
                let le = labels.remove("le").expect("a bound");
                let le = if le == "+Inf" { f64::INFINITY } else { le.parse().expect("a number") };
                series.entry(labels).or_default().push((le, *value));
            }
            let counts = format!("{name}_count");
            for (labels, buckets) in series {
                assert!(
                    buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1),
                    "{name} {labels:?}: {buckets:?}"
                );
                let last = buckets.last().expect("buckets");
                let count = self.named(&counts).find(|sample| sample.1 == labels);
                assert_eq!(Some(last.1), count.map(|sample| sample.2), "{name} {labels:?}");
                assert!(last.0.is_infinite());
            }
        }
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a (String, Labels, f64)> {
        self.samples.iter().filter(move |sample| sample.0 == name)
    }

    /// The sum of all samples of this name that have these labels; 0, where there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let fits = |of: &Labels| labels.iter().all(|(key, value)| of.get(*key).is_some_and(|v| v == value));
        self.named(name).filter(|sample| fits(&sample.1)).map(|sample| sample.2).sum()
    }

    /// The sample of this name that has these labels.
    #[track_caller]
    pub fn one(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let fits = |of: &Labels| labels.iter().all(|(key, value)| of.get(*key).is_some_and(|v| v == value));
        let found: Vec<f64> =
            self.named(name).filter(|sample| fits(&sample.1)).map(|sample| sample.2).collect();
        assert_eq!(found.len(), 1, "{name} {labels:?}: {:#?}", self.named(name).collect::<Vec<_>>());
        found[0]
    }

    /// Names of metrics.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(String::as_str)
    }

    /// Names of all labels.
    pub fn label_names(&self) -> HashSet<&str> {
        self.samples.iter().flat_map(|sample| sample.1.keys().map(String::as_str)).collect()
    }
}

fn read_labels(mut text: &str) -> Labels {
    let mut labels = Labels::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"").expect("a name");
        let mut value = String::new();
        let mut chars = rest.char_indices();
        let end = loop {
            match chars.next().expect("an end of the value") {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().expect("what is escaped").1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, other) => value.push(other),
            }
        };
        assert!(labels.insert(name.to_owned(), value).is_none(), "twice: {name}");
        text = rest[end + 1..].strip_prefix(',').unwrap_or(&rest[end + 1..]);
    }
    labels
}
