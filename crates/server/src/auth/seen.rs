//! Tokens that were verified a moment ago: the hot path costs a hash and a look-up.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

use super::Identity;

/// How long a verification is good for: bounds how long a key that left the
/// JWKS unnoticed, or a clock that was set back, can matter.
const LIFETIME: TimeDelta = TimeDelta::seconds(60);
/// Two of these exist, so about 10,000 tokens are remembered.
const HALF: usize = 5_000;

/// SHA-256 of a token; the token itself is not kept.
pub(super) type Digest = [u8; 32];

#[derive(Default)]
pub(super) struct Seen(Mutex<Halves>);

/// When the young half is full it becomes the old one, and what was old is gone:
/// bounded, without a clock hand or a list of uses.
#[derive(Default)]
struct Halves {
    young: HashMap<Digest, Entry>,
    old: HashMap<Digest, Entry>,
}

struct Entry {
    identity: Arc<Identity>,
    /// Of the key set; another one means that the key may be gone.
    generation: u64,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Seen {
    pub(super) fn get(&self, digest: &Digest, generation: u64, now: DateTime<Utc>) -> Option<Arc<Identity>> {
        let halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = halves.young.get(digest).or_else(|| halves.old.get(digest))?;
        let good = entry.generation == generation && (entry.since..entry.until).contains(&now);
        good.then(|| Arc::clone(&entry.identity))
    }

    pub(super) fn put(&self, digest: Digest, identity: &Arc<Identity>, generation: u64, now: DateTime<Utc>) {
        let until = identity.expires_at.min(now + LIFETIME);
        let entry = Entry { identity: Arc::clone(identity), generation, since: now, until };
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if halves.young.len() >= HALF {
            halves.old = std::mem::take(&mut halves.young);
        }
        halves.young.insert(digest, entry);
    }
}

#[cfg(test)]
mod tests {
    use domain::UserId;

    use super::*;

    fn identity(expires_at: DateTime<Utc>) -> Arc<Identity> {
        Arc::new(Identity {
            subject: "alice".into(),
            user: UserId::derive("alice"),
            name: None,
            email: None,
            org: None,
            role: None,
            platform_admin: false,
            expires_at,
            issuer: None,
            service: false,
        })
    }

    fn digest(number: usize) -> Digest {
        let mut digest = Digest::default();
        digest[..8].copy_from_slice(&number.to_be_bytes());
        digest
    }

    #[test]
    fn an_entry_ends_after_a_minute_and_with_its_token() {
        let (seen, now) = (Seen::default(), Utc::now());
        seen.put(digest(1), &identity(now + TimeDelta::hours(1)), 0, now);
        seen.put(digest(2), &identity(now + TimeDelta::seconds(5)), 0, now);
        let hit = |number, seconds| seen.get(&digest(number), 0, now + TimeDelta::seconds(seconds)).is_some();
        assert!(hit(1, 59) && !hit(1, 60));
        assert!(hit(2, 4) && !hit(2, 5));
        assert!(!hit(1, -1), "a clock that was set back prolongs nothing");
    }

    #[test]
    fn another_generation_of_keys_forgets() {
        let (seen, now) = (Seen::default(), Utc::now());
        seen.put(digest(1), &identity(now + TimeDelta::hours(1)), 7, now);
        assert!(seen.get(&digest(1), 7, now).is_some());
        assert!(seen.get(&digest(1), 8, now).is_none());
    }

    #[test]
    fn it_is_bounded_and_keeps_the_newest() {
        let (seen, now) = (Seen::default(), Utc::now());
        let identity = identity(now + TimeDelta::hours(1));
        for number in 0..4 * HALF {
            seen.put(digest(number), &identity, 0, now);
        }
        let held = (0..4 * HALF).filter(|number| seen.get(&digest(*number), 0, now).is_some()).count();
        assert!((HALF..=2 * HALF).contains(&held), "{held}");
        assert!(seen.get(&digest(4 * HALF - 1), 0, now).is_some());
    }
}
