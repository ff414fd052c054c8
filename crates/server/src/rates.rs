//! How often one person and one organization may ask, and what answers say of it: `RateLimit` and
//! `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10).

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use domain::{Error, OrgId, Result, UserId};
use engine::{
    Engine,
    telemetry::{self, Meters},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};
use uuid::Uuid;

use crate::config;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

type Limiter = RateLimiter<Uuid, DefaultKeyedStateStore<Uuid>, DefaultClock, StateInformationMiddleware>;

/// How often those are forgotten who have their full measure again.
const UPKEEP: Duration = Duration::from_mins(1);

/// The limits of this process.
pub struct Rates {
    user: Limit,
    org: Limit,
    meters: Meters,
}

struct Limit {
    name: &'static str,
    detail: &'static str,
    rate: config::Rate,
    limiter: Limiter,
}

/// What is left of a limit after a request.
#[derive(Clone, Copy)]
struct Left {
    name: &'static str,
    /// Requests at once.
    quota: u32,
    /// In which all of them come back, in seconds.
    window: u64,
    remaining: u32,
    /// When all of them will be back, or of a request that was refused, when the next one will be served.
    seconds: u64,
}

/// What the answer to a request is to say, once it is known who asks.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<Vec<Left>>>);

impl Rates {
    pub fn new(rates: config::Rates, meters: Meters) -> Self {
        Self {
            user: Limit::new("user", "too many requests; wait as long as Retry-After says", rates.user),
            org: Limit::new(
                "org",
                "too many requests of your organization; wait as long as Retry-After says",
                rates.org,
            ),
            meters,
        }
    }

    /// Counts a request of a person in an organization: each has a bucket there.
    pub fn of_user(&self, told: &Told, org: OrgId, user: UserId) -> Result<()> {
        let counted = self.user.count(told, Uuid::new_v5(&org.0, user.0.as_bytes()));
        counted.inspect_err(|_| self.meters.refused(telemetry::Limit::UserRate))
    }

    pub fn of_org(&self, told: &Told, org: OrgId) -> Result<()> {
        self.org.count(told, org.0).inspect_err(|_| self.meters.refused(telemetry::Limit::OrgRate))
    }

    /// Forgets those who have their full measure again, until the engine ends.
    pub fn keep_up(self: &Arc<Self>, engine: &Engine) {
        let (rates, stopping) = (self.clone(), engine.stopping());
        engine.detach(async move {
            while stopping.run_until_cancelled(tokio::time::sleep(UPKEEP)).await.is_some() {
                rates.forget();
            }
        });
    }

    fn forget(&self) {
        for limit in [&self.user, &self.org] {
            limit.limiter.retain_recent();
            limit.limiter.shrink_to_fit();
        }
    }
}

impl Limit {
    fn new(name: &'static str, detail: &'static str, rate: config::Rate) -> Self {
        let quota = Quota::per_minute(rate.per_minute).allow_burst(rate.burst);
        Self { name, detail, rate, limiter: RateLimiter::keyed(quota).with_middleware() }
    }

    fn count(&self, told: &Told, key: Uuid) -> Result<()> {
        match self.limiter.check_key(&key) {
            Ok(snapshot) => {
                let remaining = snapshot.remaining_burst_capacity();
                told.add(self.left(remaining, self.time_of(self.rate.burst.get().saturating_sub(remaining))));
                Ok(())
            }
            Err(not_until) => {
                let retry_after = not_until.wait_time_from(self.limiter.clock().now());
                told.add(self.left(0, seconds(retry_after)));
                Err(Error::RateLimited { code: "rate_limited", detail: self.detail.into(), retry_after })
            }
        }
    }

    fn left(&self, remaining: u32, seconds: u64) -> Left {
        let quota = self.rate.burst.get();
        Left { name: self.name, quota, window: self.time_of(quota), remaining, seconds }
    }

    /// In how many seconds so many requests come back.
    fn time_of(&self, requests: u32) -> u64 {
        (u64::from(requests) * 60).div_ceil(self.rate.per_minute.get().into())
    }
}

fn seconds(time: Duration) -> u64 {
    (time.as_secs() + u64::from(time.subsec_nanos() > 0)).max(1)
}

impl Told {
    fn add(&self, left: Left) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(left);
    }

    fn write(&self, headers: &mut HeaderMap) {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_empty() {
            return;
        }
        let (mut limits, mut policies) = (String::new(), String::new());
        for Left { name, quota, window, remaining, seconds } in &*told {
            let comma = if limits.is_empty() { "" } else { ", " };
            write!(limits, r#"{comma}"{name}";r={remaining};t={seconds}"#).expect("a string");
            write!(policies, r#"{comma}"{name}";q={quota};w={window}"#).expect("a string");
        }
        for (name, value) in [(RATE_LIMIT, limits), (POLICY, policies)] {
            headers
                .insert(name, HeaderValue::try_from(value).expect("digits and names are a header's value"));
        }
    }
}

/// Writes the headers of whoever turned out to ask.
pub async fn tell(mut request: Request, next: Next) -> Response {
    let told = Told::default();
    request.extensions_mut().insert(told.clone());
    let mut response = next.run(request).await;
    told.write(response.headers_mut());
    response
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn rate(per_minute: u32, burst: u32) -> config::Rate {
        let number = |n| NonZeroU32::new(n).expect("not zero");
        config::Rate { per_minute: number(per_minute), burst: number(burst) }
    }

    fn headers(told: &Told) -> [String; 2] {
        let mut headers = HeaderMap::new();
        told.write(&mut headers);
        [RATE_LIMIT, POLICY].map(|name| headers[name].to_str().expect("text").to_owned())
    }

    #[test]
    fn answers_say_what_is_left_of_each_limit() {
        let rates = Rates::new(config::Rates { user: rate(2, 2), org: rate(1, 10) }, Meters::default());
        let (org, user) = (OrgId::derive("acme"), UserId::derive("alice"));
        let ask = || {
            let told = Told::default();
            let asked = rates.of_user(&told, org, user).and_then(|()| rates.of_org(&told, org));
            (asked.is_ok(), headers(&told))
        };
        let policies = r#""user";q=2;w=60, "org";q=10;w=600"#;
        assert_eq!(ask(), (true, [r#""user";r=1;t=30, "org";r=9;t=60"#.into(), policies.into()]));
        assert_eq!(ask(), (true, [r#""user";r=0;t=60, "org";r=8;t=120"#.into(), policies.into()]));
        assert_eq!(ask(), (false, [r#""user";r=0;t=30"#.into(), r#""user";q=2;w=60"#.into()]));
        // Elsewhere the same person has another bucket.
        assert!(rates.of_user(&Told::default(), OrgId::derive("globex"), user).is_ok());
    }

    #[test]
    fn whoever_has_their_full_measure_again_is_forgotten() {
        let rates = Rates::new(config::Rates { user: rate(1, 1), org: rate(60_000, 2) }, Meters::default());
        let (org, user) = (OrgId::derive("acme"), UserId::derive("alice"));
        rates
            .of_user(&Told::default(), org, user)
            .and_then(|()| rates.of_org(&Told::default(), org))
            .expect("both");
        assert_eq!(rates.org.limiter.len(), 1);
        // A request comes back each millisecond.
        std::thread::sleep(Duration::from_millis(5));
        rates.forget();
        assert!(rates.org.limiter.is_empty());
        assert_eq!(rates.user.limiter.len(), 1, "theirs comes back in a minute");
        rates.of_user(&Told::default(), org, user).expect_err("it is still counted");
    }

    #[test]
    fn nothing_is_said_to_nobody() {
        let mut headers = HeaderMap::new();
        Told::default().write(&mut headers);
        assert!(headers.is_empty());
    }
}
