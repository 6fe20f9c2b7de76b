//! The fingerprint key ring of a process, made when it is first needed.
//!
//! Responsible for the order of sources: keys the user names, else a key derived from the vault
//! that holds a master key, else none (prints then cost a password hash). Leaves reading files
//! and environment to the loader it is given. Each is asked once per process.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OnceCell;

use super::context::Run;
use super::failure::{Failure, KeyProblem};
use super::vault::Vault;
use crate::domain::fingerprint::{Key, KeyRing};
use crate::domain::port::WhenMissing;

/// Reads the keys that the user names: the primary one, if any, and the retired ones.
pub type Loader = Box<dyn Fn() -> Result<(Option<Key>, Vec<Key>), KeyProblem> + Send + Sync>;

/// What to do when there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnMissingKey {
    /// Stretch with argon2id.
    #[default]
    Argon2id,
    /// Refuse.
    Error,
}

/// The key ring, once somebody needs it.
pub struct Keys {
    loader: Loader,
    vaults: Vec<Arc<Vault>>,
    on_missing: OnMissingKey,
    ring: OnceCell<Arc<KeyRing>>,
    full: OnceCell<Arc<KeyRing>>,
    warned: AtomicBool,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("on_missing", &self.on_missing).finish_non_exhaustive()
    }
}

impl Keys {
    /// Sources in their order; `vaults` are asked for a master key one after the other.
    #[must_use]
    pub fn new(loader: Loader, vaults: Vec<Arc<Vault>>, on_missing: OnMissingKey) -> Self {
        Self {
            loader,
            vaults,
            on_missing,
            ring: OnceCell::new(),
            full: OnceCell::new(),
            warned: AtomicBool::new(false),
        }
    }

    /// The ring to compare prints with. A failure is not kept: the next call tries again. Nor is
    /// a ring from before the vault with the master key exists.
    ///
    /// # Errors
    /// When a source is there and does not work.
    pub async fn ring(&self, run: &Run) -> Result<Arc<KeyRing>, Failure> {
        if let Some(ring) = self.ring.get() {
            return Ok(Arc::clone(ring));
        }
        let (primary, retired) = (self.loader)().map_err(Failure::Keys)?;
        if primary.is_some() || self.vaults.is_empty() {
            return self.keep(primary, retired).await;
        }
        for (place, vault) in self.vaults.iter().enumerate() {
            match Self::derive(vault, run, WhenMissing::Leave).await {
                Ok(Some(key)) if place == 0 => return self.keep(Some(key), retired).await,
                Ok(Some(key)) => return Ok(Arc::new(KeyRing::new(Some(key), retired))),
                Err(failure) if place == 0 => return Err(failure),
                // A vault that cannot be opened fails its own secrets, and only those.
                Ok(None) | Err(_) => {}
            }
        }
        Ok(Arc::new(KeyRing::new(None, retired)))
    }

    /// The ring to make new prints with; it makes the vault with the master key if need be.
    ///
    /// # Errors
    /// When a source is there and does not work, or none is and one is required.
    pub async fn ring_for_writing(&self, run: &Run) -> Result<Arc<KeyRing>, Failure> {
        if let Some(ring) = self.ring.get() {
            return self.required(ring);
        }
        let (mut primary, retired) = (self.loader)().map_err(Failure::Keys)?;
        for vault in &self.vaults {
            if primary.is_some() {
                break;
            }
            primary = Self::derive(vault, run, WhenMissing::Create).await?;
        }
        let ring = self.keep(primary, retired).await?;
        self.required(&ring)
    }

    /// The ring with the keys of all vaults that hold one, for a print whose key is not in the
    /// plain ring: another profile may have been the default when it was made. A vault that does
    /// not give its key is left out.
    ///
    /// # Errors
    /// When a key that the user names does not work.
    pub async fn full_ring(&self, run: &Run) -> Result<Arc<KeyRing>, Failure> {
        self.full.get_or_try_init(|| self.load_all(run)).await.cloned()
    }

    async fn load_all(&self, run: &Run) -> Result<Arc<KeyRing>, Failure> {
        let (mut primary, mut retired) = (self.loader)().map_err(Failure::Keys)?;
        for vault in &self.vaults {
            match Self::derive(vault, run, WhenMissing::Leave).await {
                Ok(Some(key)) if primary.is_none() => primary = Some(key),
                Ok(Some(key)) => retired.push(key),
                Ok(None) | Err(_) => {}
            }
        }
        Ok(Arc::new(KeyRing::new(primary, retired)))
    }

    /// True once, when prints are made without a key: the user is to be told.
    pub fn take_unkeyed_warning(&self) -> bool {
        self.ring.get().is_some_and(|ring| !ring.is_keyed())
            && !self.warned.swap(true, Ordering::Relaxed)
    }

    fn required(&self, ring: &Arc<KeyRing>) -> Result<Arc<KeyRing>, Failure> {
        if ring.is_keyed() || self.on_missing == OnMissingKey::Argon2id {
            return Ok(Arc::clone(ring));
        }
        Err(Failure::Keys(KeyProblem {
            argument: "on_missing_key",
            message: "There is no fingerprint key, and on_missing_key is \"error\". Set key_env \
                      or key_file to a key of 32 bytes in base64."
                .to_owned(),
        }))
    }

    /// Keeps a ring for the life of the process; the first one stays.
    async fn keep(&self, primary: Option<Key>, retired: Vec<Key>) -> Result<Arc<KeyRing>, Failure> {
        let ring = self
            .ring
            .get_or_init(|| async {
                tracing::debug!(
                    keyed = primary.is_some(),
                    retired = retired.len(),
                    "fingerprint keys ready"
                );
                Arc::new(KeyRing::new(primary, retired))
            })
            .await;
        Ok(Arc::clone(ring))
    }

    async fn derive(
        vault: &Vault,
        run: &Run,
        when_missing: WhenMissing,
    ) -> Result<Option<Key>, Failure> {
        let material = vault
            .call(run, "fingerprint_key_material", |backend| {
                backend.fingerprint_key_material(when_missing)
            })
            .await?;
        Ok(material.map(|material| Key::derive(&material)))
    }
}
