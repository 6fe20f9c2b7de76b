//! How many requests at once, and how many a second.
//!
//! Responsible for a slot per request in flight and a token bucket that holds one second's worth,
//! so that short bursts pass and long ones meet the vendor's quota.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::adapters::descriptor::Pacing;

/// The pace of a client.
#[derive(Debug)]
pub(super) struct Pace {
    slots: Semaphore,
    bucket: Mutex<Bucket>,
}

/// Bucket as a moment: the time at which it will be full again.
#[derive(Debug)]
struct Bucket {
    gap: Duration,
    burst: Duration,
    full_at: Option<Instant>,
}

impl Pace {
    pub(super) fn new(pacing: Pacing) -> Self {
        Self::with_burst(pacing, pacing.requests_per_second)
    }

    /// With `burst` requests that may pass at once after a rest.
    pub(super) fn with_burst(pacing: Pacing, burst: u32) -> Self {
        let gap = Duration::from_secs(1) / pacing.requests_per_second.max(1);
        Self {
            slots: Semaphore::new(pacing.concurrency.max(1)),
            bucket: Mutex::new(Bucket { gap, burst: gap * burst.max(1) - gap, full_at: None }),
        }
    }

    /// Waits for a slot and for the request's turn.
    pub(super) async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        // A semaphore that is never closed always grants in the end.
        let slot = self.slots.acquire().await.ok();
        let start = self.reserve(Instant::now());
        tokio::time::sleep_until(start).await;
        slot
    }

    /// The moment at which this request may start.
    fn reserve(&self, now: Instant) -> Instant {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = bucket.full_at.map_or(now, |at| at.max(now)) + bucket.gap;
        bucket.full_at = Some(full_at);
        (full_at - bucket.gap).checked_sub(bucket.burst).map_or(now, |start| start.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn burst_passes_then_the_rate_holds() {
        let pace = Pace::new(Pacing { concurrency: 100, requests_per_second: 10 });
        let start = Instant::now();
        for _ in 0..10 {
            pace.enter().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..20 {
            pace.enter().await;
        }
        let elapsed = start.elapsed().as_millis();
        assert!((1900..=2100).contains(&elapsed), "{elapsed} ms");
    }

    #[tokio::test(start_paused = true)]
    async fn slots_limit_what_is_in_flight() {
        let pace = Pace::new(Pacing { concurrency: 2, requests_per_second: 1000 });
        let first = pace.enter().await;
        let _second = pace.enter().await;
        let third = tokio::time::timeout(Duration::from_secs(5), pace.enter()).await;
        assert!(third.is_err());
        drop(first);
        assert!(pace.enter().await.is_some());
    }
}
