//! Why a use case failed.
//!
//! Responsible for telling the cases apart that need different words and different next steps.
//! Leaves the words to the provider.

use std::time::Duration;

use time::OffsetDateTime;

use crate::domain::port::{BackendError, ErrorKind};

/// A use case that did not reach its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The vault answered with an error.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The user stopped the run.
    #[error("{operation}: stopped")]
    Stopped {
        /// What was being done.
        operation: &'static str,
        /// The vault had been asked and had not answered: what it did is not known.
        in_flight: bool,
    },
    /// The time was over.
    #[error("{operation}: no answer within {after:?}")]
    TimedOut {
        /// What was being done.
        operation: &'static str,
        /// The time it had.
        after: Duration,
    },
    /// The name belongs to a secret that is not ours to take.
    #[error("the name is taken")]
    Taken(Taken),
    /// Somebody else wrote since the plan was made.
    #[error("the secret changed since the plan was made")]
    ChangedSincePlan {
        /// Version in the plan.
        planned: Option<String>,
        /// Version in the vault.
        found: Option<String>,
    },
    /// The secret is not there any more.
    #[error("the secret is gone")]
    Vanished,
    /// A new secret needs content and there is none.
    #[error("there is no content")]
    NoContent,
    /// What was read back is not what was written.
    #[error("the copy differs from the original")]
    NotVerified,
    /// The same, and readers have it: the former version could not be made current again.
    #[error("the copy differs from the original, and it is in use")]
    NotTakenBack,
    /// The vault cannot do what the policy asks for.
    #[error("{needs} is not available")]
    Incapable {
        /// What it cannot do.
        needs: &'static str,
    },
    /// Not done, because something that had to come before it failed.
    #[error("it was held back")]
    Held,
    /// The policy forbids it.
    #[error("deletion is prevented")]
    Prevented,
    /// There is no key to make fingerprints with.
    #[error("{0}")]
    Keys(KeyProblem),
}

/// By whom a name is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// By a secret in use (or disabled).
    Active,
    /// By a soft-deleted secret.
    Deleted {
        /// When the vault destroys it.
        purge_at: Option<OffsetDateTime>,
    },
}

/// Why there is no fingerprint key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct KeyProblem {
    /// Argument of the `fingerprint` block it concerns.
    pub argument: &'static str,
    /// What is wrong and what to do, without the key.
    pub message: String,
}

impl Failure {
    /// The kind of the vault's answer, if it was one.
    #[must_use]
    pub const fn kind(&self) -> Option<ErrorKind> {
        match self {
            Self::Backend(error) => Some(error.kind),
            _ => None,
        }
    }
}
