//! When, and how soon, a failed request is sent again: the official SDKs' rule.
//! No clock, no sleep and no randomness in here.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;

/// How often and how patiently a request is repeated.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// Attempts after the first one.
    pub max_retries: u32,
    /// The first wait, doubled with each retry, where the server names none.
    pub base: Duration,
    /// The longest of those waits.
    pub cap: Duration,
    /// A server that asks for a longer wait than this is not waited for: the
    /// caller gets its wish and may ask another provider.
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 2,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(8),
            longest_wait: Duration::from_mins(1),
        }
    }
}

/// What the headers of a refusal say about trying again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Advice {
    /// `x-should-retry`, which outweighs the status.
    pub should_retry: Option<bool>,
    /// `retry-after-ms`, else `retry-after` in seconds or as a date. Never zero.
    pub retry_after: Option<Duration>,
}

impl Advice {
    /// Reads the headers; what cannot be read counts as absent.
    pub fn from_headers(headers: &HeaderMap, now: DateTime<Utc>) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let should_retry = text("x-should-retry").and_then(|value| value.parse().ok());
        let retry_after = text("retry-after-ms")
            .and_then(|value| seconds(value, 1e-3))
            .or_else(|| {
                text("retry-after").and_then(|value| seconds(value, 1.0).or_else(|| until(value, now)))
            })
            .filter(|wait| !wait.is_zero());
        Self { should_retry, retry_after }
    }
}

fn seconds(value: &str, unit: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(value.parse::<f64>().ok()? * unit).ok()
}

/// The time until an HTTP date, whose usual form is that of RFC 2822.
fn until(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    (DateTime::parse_from_rfc2822(value).ok()?.to_utc() - now).to_std().ok()
}

impl RetryPolicy {
    /// The wait before the next attempt, or `None` when there is none.
    /// `retries` were made already, `retryable` is what the kind of failure
    /// suggests, and `jitter` (0 to 1) takes up to a quarter off our own wait,
    /// so that many clients do not come back at once.
    pub(crate) fn decide(
        &self,
        retries: u32,
        retryable: bool,
        advice: &Advice,
        jitter: f64,
    ) -> Option<Duration> {
        if retries >= self.max_retries || !advice.should_retry.unwrap_or(retryable) {
            return None;
        }
        match advice.retry_after {
            Some(wait) => (wait <= self.longest_wait).then_some(wait),
            None => Some(self.backoff(retries).mul_f64(1.0 - 0.25 * jitter.clamp(0.0, 1.0))),
        }
    }

    fn backoff(&self, retries: u32) -> Duration {
        self.base.saturating_mul(1_u32.checked_shl(retries).unwrap_or(u32::MAX)).min(self.cap)
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderName;

    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn advice(headers: &[(&'static str, &str)]) -> Advice {
        let now = DateTime::parse_from_rfc2822(DATE).expect("a date").to_utc() - Duration::from_secs(7);
        let map = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value")))
            .collect();
        Advice::from_headers(&map, now)
    }

    #[test]
    fn the_wait_is_read_from_milliseconds_then_seconds_then_a_date() {
        let ms = |ms| Some(Duration::from_millis(ms));
        for (headers, expected) in [
            (vec![], None),
            (vec![("retry-after-ms", "1500")], ms(1500)),
            (vec![("retry-after-ms", "250.5"), ("retry-after", "9")], Some(Duration::from_micros(250_500))),
            (vec![("retry-after-ms", "soon"), ("retry-after", "9")], ms(9000)),
            (vec![("retry-after", " 0.5 ")], ms(500)),
            (vec![("retry-after", DATE)], ms(7000)),
            (vec![("retry-after", "Sun, 06 Nov 1994 08:49:29 GMT")], None),
            (vec![("retry-after", "0")], None),
            (vec![("retry-after", "-3")], None),
            (vec![("retry-after", "NaN")], None),
            (vec![("retry-after", "1e300")], None),
            (vec![("retry-after", "tomorrow")], None),
        ] {
            assert_eq!(advice(&headers).retry_after, expected, "{headers:?}");
        }
    }

    #[test]
    fn only_true_and_false_are_a_verdict() {
        for (value, expected) in [("true", Some(true)), ("false", Some(false)), ("perhaps", None)] {
            assert_eq!(advice(&[("x-should-retry", value)]).should_retry, expected, "{value}");
        }
    }

    #[test]
    fn a_failure_is_retried_twice_when_its_kind_or_the_server_says_so() {
        let policy = RetryPolicy::default();
        for (retries, retryable, should_retry, expected) in [
            (0, true, None, true),
            (1, true, None, true),
            (2, true, None, false),
            (0, false, None, false),
            (0, false, Some(true), true),
            (0, true, Some(false), false),
            (2, true, Some(true), false),
        ] {
            let advice = Advice { should_retry, retry_after: None };
            let decision = policy.decide(retries, retryable, &advice, 0.0);
            assert_eq!(decision.is_some(), expected, "{retries} {retryable} {should_retry:?}");
        }
    }

    #[test]
    fn the_server_names_the_wait_unless_it_is_too_long() {
        let policy = RetryPolicy::default();
        let after = |secs| Advice { should_retry: None, retry_after: Some(Duration::from_secs(secs)) };
        assert_eq!(policy.decide(0, true, &after(1), 1.0), Some(Duration::from_secs(1)));
        assert_eq!(policy.decide(0, true, &after(60), 1.0), Some(Duration::from_mins(1)));
        assert_eq!(policy.decide(0, true, &after(61), 1.0), None);
    }

    #[test]
    fn our_own_wait_doubles_up_to_the_cap_less_a_quarter_of_jitter() {
        let policy = RetryPolicy { max_retries: 99, ..RetryPolicy::default() };
        for (retries, jitter, millis) in
            [(0, 0.0, 500), (1, 0.0, 1000), (2, 1.0, 1500), (4, 0.0, 8000), (5, 0.5, 7000), (40, 1.0, 6000)]
        {
            let wait = policy.decide(retries, true, &Advice::default(), jitter);
            assert_eq!(wait, Some(Duration::from_millis(millis)), "retry {retries}, jitter {jitter}");
        }
    }
}
