//! A token that many requests share.
//!
//! Responsible for getting it once, however many ask (single flight), for renewing it before it
//! expires and after the service refused it, and for not asking again at once when sign-in failed.
//! Leaves getting it to the backend's `auth.rs`.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::domain::port::{BackendError, Status};

/// A token is renewed when less than this is left of it (Azure's and AWS' own clients: 5 min), or
/// less than a fifth of its life.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// Sign-in that was refused is not tried again for this long.
const REFUSAL: Duration = Duration::from_secs(10);

/// What expires.
pub struct Expiring<T> {
    /// The token.
    pub value: T,
    /// How long it can be used from now; `None` for ever.
    pub lifetime: Option<Duration>,
}

impl<T> fmt::Debug for Expiring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expiring").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// Holds a token.
pub struct TokenCache<T> {
    state: Mutex<State<T>>,
}

enum State<T> {
    Empty,
    Held { value: Arc<T>, renew_at: Option<Instant> },
    Refused { error: BackendError, until: Instant },
}

impl<T> fmt::Debug for TokenCache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenCache")
    }
}

impl<T> Default for TokenCache<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State::Empty) }
    }
}

impl<T> TokenCache<T> {
    /// The token; `fetch` gets one when there is none that lasts.
    ///
    /// # Errors
    /// What `fetch` answers; a permanent refusal again for a few seconds without asking.
    pub async fn get<F>(&self, fetch: impl FnOnce() -> F + Send) -> Result<Arc<T>, BackendError>
    where
        F: Future<Output = Result<Expiring<T>, BackendError>> + Send,
        T: Send + Sync,
    {
        // Held while fetching: those who ask meanwhile get the same answer.
        let mut state = self.state.lock().await;
        let now = Instant::now();
        match &*state {
            State::Held { value, renew_at } if renew_at.is_none_or(|at| now < at) => {
                return Ok(Arc::clone(value));
            }
            State::Refused { error, until } if now < *until => return Err(error.clone()),
            _ => {}
        }
        match fetch().await {
            Ok(Expiring { value, lifetime }) => {
                let value = Arc::new(value);
                let renew_at =
                    lifetime.map(|life| Instant::now() + life.saturating_sub(MARGIN.min(life / 5)));
                *state = State::Held { value: Arc::clone(&value), renew_at };
                Ok(value)
            }
            Err(error) => {
                *state = if error.status == Status::Permanent {
                    State::Refused { error: error.clone(), until: Instant::now() + REFUSAL }
                } else {
                    State::Empty
                };
                Err(error)
            }
        }
    }

    /// Forgets the token that the service refused, unless somebody has renewed it already.
    pub async fn refuse(&self, refused: &Arc<T>) {
        let mut state = self.state.lock().await;
        if let State::Held { value, .. } = &*state
            && Arc::ptr_eq(value, refused)
        {
            *state = State::Empty;
        }
    }

    /// Forgets whatever is held.
    pub async fn clear(&self) {
        *self.state.lock().await = State::Empty;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::domain::port::ErrorKind;

    fn token(value: u32, lifetime: u64) -> Result<Expiring<u32>, BackendError> {
        Ok(Expiring { value, lifetime: Some(Duration::from_secs(lifetime)) })
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_at_once_fetch_once() {
        let cache = Arc::new(TokenCache::default());
        let fetched = Arc::new(AtomicU32::new(0));
        let ask = || {
            let (cache, fetched) = (Arc::clone(&cache), Arc::clone(&fetched));
            tokio::spawn(async move {
                let fetch = || async move {
                    fetched.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    token(7, 3600)
                };
                *cache.get(fetch).await.unwrap()
            })
        };
        for task in (0..50).map(|_| ask()).collect::<Vec<_>>() {
            assert_eq!(task.await.unwrap(), 7);
        }
        assert_eq!(fetched.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn token_is_renewed_before_it_expires() {
        let cache = TokenCache::default();
        assert_eq!(*cache.get(|| async { token(1, 3600) }).await.unwrap(), 1);
        tokio::time::advance(Duration::from_secs(3600 - 301)).await;
        assert_eq!(*cache.get(|| async { token(2, 3600) }).await.unwrap(), 1);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(*cache.get(|| async { token(2, 3600) }).await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn short_lived_token_is_used_at_all() {
        let cache = TokenCache::default();
        assert_eq!(*cache.get(|| async { token(1, 60) }).await.unwrap(), 1);
        tokio::time::advance(Duration::from_secs(40)).await;
        assert_eq!(*cache.get(|| async { token(2, 60) }).await.unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn refused_token_is_forgotten_once() {
        let cache = TokenCache::default();
        let old = cache.get(|| async { token(1, 3600) }).await.unwrap();
        cache.refuse(&old).await;
        let new = cache.get(|| async { token(2, 3600) }).await.unwrap();
        cache.refuse(&old).await;
        assert!(Arc::ptr_eq(&new, &cache.get(|| async { token(3, 3600) }).await.unwrap()));
    }

    #[tokio::test(start_paused = true)]
    async fn refused_sign_in_rests() {
        let cache = TokenCache::<u32>::default();
        let refuse =
            || async { Err(BackendError::permanent(ErrorKind::Unauthenticated, "sign_in", "no")) };
        assert!(cache.get(refuse).await.is_err());
        assert!(cache.get(|| async { token(1, 60) }).await.is_err());
        tokio::time::advance(REFUSAL).await;
        assert!(cache.get(|| async { token(1, 60) }).await.is_ok());
    }
}
