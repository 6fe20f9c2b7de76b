//! When and how often a request is repeated.
//!
//! Pure: attempts, time and randomness come in. Exponential backoff with equal jitter (half of it
//! fixed, so that a burst of callers spreads but nobody hammers), the server's `Retry-After`
//! first, a budget of time for all repetitions of one request, and a quota shared by all requests
//! of a client, so that a service that is down is not asked over and over by a thousand resources.
//! Source for the quota's numbers: the "standard" retry mode of the AWS SDKs.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

/// Tokens of the quota at the start, and most there can be.
const QUOTA: u32 = 500;
/// What one repetition costs.
const COST: u32 = 5;

/// The policy of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Most attempts, the first included.
    pub attempts: u32,
    /// Wait before the first repetition; doubles each time.
    pub base: Duration,
    /// Longest wait.
    pub cap: Duration,
    /// Longest time from the first attempt to the start of the last.
    pub budget: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 8,
            base: Duration::from_millis(200),
            cap: Duration::from_secs(15),
            budget: Duration::from_secs(60),
        }
    }
}

/// What happens after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Wait, then try again.
    Wait(Duration),
    /// Give up.
    GiveUp,
}

impl RetryPolicy {
    /// What to do after attempt number `attempt` (from 1) failed, `elapsed` after the start.
    /// `random` is anything.
    pub(super) fn next(
        &self,
        attempt: u32,
        elapsed: Duration,
        retry_after: Option<Duration>,
        random: u64,
    ) -> Next {
        if attempt >= self.attempts {
            return Next::GiveUp;
        }
        let wait = match retry_after {
            // "At once" is what a service in trouble should not be taken at its word for.
            Some(wait) => wait.max(self.backoff(1, random)),
            None => self.backoff(attempt, random),
        };
        if elapsed.saturating_add(wait) > self.budget { Next::GiveUp } else { Next::Wait(wait) }
    }

    fn backoff(&self, attempt: u32, random: u64) -> Duration {
        let doubled = self.base.saturating_mul(1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
        let half = doubled.min(self.cap) / 2;
        let nanos = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX);
        half + Duration::from_nanos(random % nanos.max(1))
    }
}

/// Repetitions that all requests of a client share.
#[derive(Debug)]
pub(super) struct Quota(Mutex<u32>);

impl Quota {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(QUOTA))
    }

    /// Takes the cost of one repetition; false when there is not enough left.
    pub(super) fn take(&self) -> bool {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match left.checked_sub(COST) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => false,
        }
    }

    /// Gives back after a success: the cost of its repetition, or a little for one without.
    pub(super) fn succeed(&self, repeated: bool) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *left = (*left + if repeated { COST } else { 1 }).min(QUOTA);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 4,
        base: Duration::from_millis(100),
        cap: Duration::from_secs(1),
        budget: Duration::from_secs(10),
    };

    #[test]
    fn backoff_doubles_within_its_jitter() {
        for random in [0, 1, 12345, u64::MAX] {
            for (attempt, full) in [(1, 100), (2, 200), (3, 400)] {
                let Next::Wait(wait) = POLICY.next(attempt, Duration::ZERO, None, random) else {
                    panic!("attempt {attempt} is not the last")
                };
                let full = Duration::from_millis(full);
                assert!(wait >= full / 2 && wait <= full, "{attempt}: {wait:?}");
            }
        }
    }

    #[test]
    fn last_attempt_is_the_last() {
        assert_eq!(POLICY.next(4, Duration::ZERO, None, 0), Next::GiveUp);
    }

    #[test]
    fn server_says_when() {
        let wait = Duration::from_secs(7);
        assert_eq!(POLICY.next(1, Duration::ZERO, Some(wait), 9), Next::Wait(wait));
    }

    #[test]
    fn server_that_says_at_once_is_not_hammered() {
        let Next::Wait(wait) = POLICY.next(3, Duration::ZERO, Some(Duration::ZERO), 7) else {
            panic!("attempt 3 is not the last")
        };
        assert!(wait >= POLICY.base / 2, "{wait:?}");
    }

    #[test]
    fn endless_wait_is_not_begun() {
        let wait = Some(Duration::from_secs(u64::MAX));
        assert_eq!(POLICY.next(1, Duration::from_secs(1), wait, 0), Next::GiveUp);
    }

    #[test]
    fn wait_beyond_the_budget_is_not_begun() {
        let wait = Some(Duration::from_secs(11));
        assert_eq!(POLICY.next(1, Duration::ZERO, wait, 0), Next::GiveUp);
        assert_eq!(POLICY.next(1, Duration::from_secs(10), None, 0), Next::GiveUp);
    }

    #[test]
    fn quota_runs_out_and_recovers() {
        let quota = Quota::new();
        let taken = (0..1000).take_while(|_| quota.take()).count();
        assert_eq!(taken, (QUOTA / COST) as usize);
        quota.succeed(true);
        assert!(quota.take() && !quota.take());
        for _ in 0..COST {
            quota.succeed(false);
        }
        assert!(quota.take());
    }
}
