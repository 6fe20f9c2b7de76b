//! Counts the work that must not be cut off by an orderly end of the process.
//!
//! Calls count themselves; work that outlives its call (a write whose client hung up) takes a
//! [`Guard`] along. The end waits for the count to reach zero, for a limited time.

use std::time::Duration;

use tokio::sync::watch;

/// The counter. Clones share it.
#[derive(Debug, Clone)]
pub struct Running(watch::Sender<usize>);

/// One piece of work; counted until dropped.
#[derive(Debug)]
pub struct Guard(watch::Sender<usize>);

impl Running {
    /// Nothing runs.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Counts one piece of work.
    #[must_use]
    pub fn begin(&self) -> Guard {
        self.0.send_modify(|count| *count += 1);
        Guard(self.0.clone())
    }

    /// Waits until nothing runs. False when `limit` passed first.
    pub async fn finished(&self, limit: Duration) -> bool {
        let mut receiver = self.0.subscribe();
        tokio::time::timeout(limit, receiver.wait_for(|count| *count == 0)).await.is_ok()
    }
}

impl Default for Running {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_for_all_guards_and_no_longer_than_allowed() {
        let running = Running::new();
        assert!(running.finished(Duration::ZERO).await);
        let (one, two) = (running.begin(), running.begin());
        drop(one);
        assert!(!running.finished(Duration::from_millis(10)).await);
        drop(two);
        assert!(running.finished(Duration::from_millis(10)).await);
    }
}
