//! The backend port: what coffer asks of a vault.
//!
//! Responsible for the trait [`Backend`], the [`Capability`] each backend declares and the error
//! all of them report. Leaves retries and HTTP to the adapters and use cases to the engine.
//! Writes are idempotent or recovered by looking (nonce), never blindly resent. 401 and 403 are
//! never reported as [`ErrorKind::NotFound`].

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};

use super::fingerprint::{Fingerprint, Salt};
use super::kind::{Content, Kind};
use super::material::Secret;
use super::rotation::RotationState;
use super::secret::SecretName;
use super::version::VersionRecord;

/// A vault, behind one profile. Calls are independent; many run at once.
///
/// Every method may fail with any [`ErrorKind`]; the ones that carry meaning are listed.
#[async_trait]
pub trait Backend: fmt::Debug + Send + Sync {
    /// What this vault can do and its limits. Cheap; no call to the vault.
    fn capability(&self) -> &Capability;

    /// Whether this vault holds the content exactly as it is, in the form in which it would lie
    /// there (encoding and envelope count). Pure; no call to the vault. Checked at plan.
    ///
    /// Errors: what does not fit and what to do, without content.
    fn check_content(&self, _content: &Content) -> Result<(), String> {
        Ok(())
    }

    /// The vault's own bytes to derive a fingerprint key from, for vaults that hold a master key
    /// of coffer's (the embedded one). `Ok(None)` for all others.
    ///
    /// A vault that does not exist yet answers `Ok(None)` to [`WhenMissing::Leave`]: there is no
    /// earlier print to compare with, so a plan needs none. A write asks with
    /// [`WhenMissing::Create`] before it makes the first print.
    async fn fingerprint_key_material(
        &self,
        _when_missing: WhenMissing,
    ) -> Result<Option<Secret>, BackendError> {
        Ok(None)
    }

    /// Things the user should know once (a key file was created), handed out once.
    fn take_notices(&self) -> Vec<String> {
        Vec::new()
    }

    /// Metadata of a secret, active or soft-deleted, without its content.
    ///
    /// Errors: `NotFound` when there is none, proven (not merely hidden).
    async fn read(&self, name: &SecretName) -> Result<SecretRecord, BackendError>;

    /// One page of secrets, without content. `page` is the token of the previous answer.
    async fn list(
        &self,
        filter: &ListFilter,
        page: Option<String>,
    ) -> Result<Page<SecretRecord>, BackendError>;

    /// All versions, oldest first, without content.
    async fn list_versions(&self, name: &SecretName) -> Result<Vec<VersionRecord>, BackendError>;

    /// Creates a secret with its first version, which is current and latest.
    ///
    /// Errors: `AlreadyExists` when the name is taken, also by a soft-deleted secret (then with
    /// `deleted` in the context). A repeated call with the nonce of the one that succeeded
    /// returns the record instead.
    async fn create(&self, secret: NewSecret<'_>) -> Result<SecretRecord, BackendError>;

    /// Stores a new version.
    ///
    /// Errors: `Precondition` when `expected_version` is given and is not the latest number any
    /// more. A repeated call with the nonce of the one that succeeded returns that version.
    async fn put_version(
        &self,
        name: &SecretName,
        version: NewVersion<'_>,
    ) -> Result<VersionRecord, BackendError>;

    /// Moves a version to `state` (`Current`: promote or roll back; `Deprecated`: retire).
    ///
    /// Errors: `NotFound` for an unknown number, `Precondition` for a move that the state
    /// machine does not allow.
    async fn set_rotation_state(
        &self,
        name: &SecretName,
        number: u64,
        state: RotationState,
    ) -> Result<(), BackendError>;

    /// Content of a version.
    ///
    /// Errors: `NotFound` when no version matches.
    async fn read_content(
        &self,
        name: &SecretName,
        selector: VersionSelector,
    ) -> Result<Read, BackendError>;

    /// Changes metadata; fields that are `None` stay.
    async fn update_metadata(
        &self,
        name: &SecretName,
        patch: MetadataPatch,
    ) -> Result<SecretRecord, BackendError>;

    /// Deletes recoverably. `window` is the time until the vault destroys it, `None` for the
    /// vault's default.
    ///
    /// Errors: `Unsupported` where the vault has no such thing.
    async fn soft_delete(
        &self,
        name: &SecretName,
        window: Option<Duration>,
    ) -> Result<SecretRecord, BackendError>;

    /// Brings a soft-deleted secret back with all its versions.
    ///
    /// Errors: `NotFound` when no soft-deleted secret has the name.
    async fn recover(&self, name: &SecretName) -> Result<SecretRecord, BackendError>;

    /// Destroys a secret, active or soft-deleted, for good.
    ///
    /// Errors: `NotFound` when there is none; `Unsupported` where secrets go after a window only.
    async fn purge(&self, name: &SecretName) -> Result<(), BackendError>;

    /// Deletes one version.
    ///
    /// Errors: `Precondition` when it is not deprecated; `Unsupported` where the vault deletes no
    /// single version.
    async fn delete_version(&self, name: &SecretName, number: u64) -> Result<(), BackendError>;

    /// Where this vault is, when its service can keep replicas of secrets elsewhere by itself.
    /// `Ok(None)` for all others.
    async fn place(&self) -> Result<Option<Place>, BackendError> {
        Ok(None)
    }

    /// Makes the service keep a replica of a secret at a place of the same service and account;
    /// nothing when it does already. It need not be there yet when this returns. `options` are
    /// those of the secret there.
    ///
    /// Errors: `Unsupported` where [`Self::place`] is `None`.
    async fn replicate(
        &self,
        _name: &SecretName,
        _to: &Place,
        _options: &Options,
    ) -> Result<(), BackendError> {
        let message = "this vault keeps no replicas by itself";
        Err(BackendError::permanent(ErrorKind::Unsupported, "replicate", message))
    }

    /// Ends the replication of a secret to a place, which deletes the replica; nothing when there
    /// is none.
    ///
    /// Errors: `Unsupported` where [`Self::place`] is `None`.
    async fn end_replication(&self, _name: &SecretName, _to: &Place) -> Result<(), BackendError> {
        let message = "this vault keeps no replicas by itself";
        Err(BackendError::permanent(ErrorKind::Unsupported, "end_replication", message))
    }

    /// A self-contained encrypted backup with all versions.
    async fn backup(&self, name: &SecretName) -> Result<Vec<u8>, BackendError>;

    /// Restores a backup under its own name, which must be free.
    async fn restore(&self, backup: &[u8]) -> Result<SecretRecord, BackendError>;
}

/// Where a service keeps a vault's secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The service.
    pub service: &'static str,
    /// What stands for the account: equal for vaults that are signed in to in the same way.
    pub account: String,
    /// Where, within the account (the region).
    pub location: String,
}

/// What to do about a vault that does not exist yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenMissing {
    /// Nothing: the caller only looks.
    Leave,
    /// Create it: the caller is about to write.
    Create,
}

/// Metadata of a secret as the vault holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRecord {
    /// Name in the vault.
    pub name: SecretName,
    /// The vault's own id (OCID, ARN, URL).
    pub backend_id: String,
    /// Type, when the vault knows (coffer wrote it).
    pub kind: Option<Kind>,
    /// Metadata that users set.
    pub metadata: Metadata,
    /// What this kind of vault has beyond that, as its descriptor declares; without what the vault
    /// does not tell.
    pub options: Options,
    /// Location of the secret that the service keeps this one a replica of. A replica cannot be
    /// written.
    pub replica_of: Option<String>,
    /// Active, disabled, soft-deleted.
    pub lifecycle: Lifecycle,
    /// The current version, if any.
    pub current: Option<VersionRecord>,
    /// Number of the last uploaded version; 0 for none.
    pub latest: u64,
    /// Salt of this secret's fingerprints, when the vault holds it.
    pub salt: Option<Salt>,
    /// When it was created.
    pub created_at: Option<OffsetDateTime>,
    /// When anything about it last changed.
    pub updated_at: Option<OffsetDateTime>,
}

/// Metadata that users set on a secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// Text for people.
    pub description: Option<String>,
    /// Media type of the content.
    pub content_type: Option<String>,
    /// Tags, without those coffer keeps for itself.
    pub tags: BTreeMap<String, String>,
    /// Not to be used before.
    pub not_before: Option<OffsetDateTime>,
    /// Not to be used after.
    pub expires_at: Option<OffsetDateTime>,
    /// Readers may read it.
    pub enabled: bool,
}

/// Options of a secret by name, as the backend's descriptor declares them.
pub type Options = BTreeMap<String, OptionValue>;

/// Value of an option. Never secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionValue {
    /// Set to nothing: in a patch, back to the vault's default.
    Null,
    /// Text.
    Text(String),
    /// Whole number.
    Integer(i64),
    /// True or false.
    Bool(bool),
    /// List of values.
    List(Vec<Self>),
    /// Values by name: a map of the user's or an object of the descriptor's.
    Map(BTreeMap<String, Self>),
}

/// Where a secret is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// In use.
    Active,
    /// Exists, but cannot be read.
    Disabled,
    /// Soft-deleted; destroyed at the time given, if the vault names one.
    Deleted {
        /// When the vault destroys it.
        purge_at: Option<OffsetDateTime>,
    },
}

/// Which secrets to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListFilter {
    /// Only names that start with this.
    pub name_prefix: Option<String>,
    /// Also soft-deleted ones.
    pub include_deleted: bool,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Token of the next page; `None` at the end.
    pub next: Option<String>,
}

/// A secret to create.
#[derive(Debug)]
pub struct NewSecret<'c> {
    /// Name in the vault.
    pub name: &'c SecretName,
    /// Metadata.
    pub metadata: Metadata,
    /// What the configuration sets of the options that the backend's descriptor declares.
    pub options: Options,
    /// The first version.
    pub version: NewVersion<'c>,
}

/// A version to store.
#[derive(Debug)]
pub struct NewVersion<'c> {
    /// The content.
    pub content: &'c Content,
    /// Its print, stored next to it.
    pub fingerprint: &'c Fingerprint,
    /// Make it current at once, or leave it pending.
    pub stage: Stage,
    /// The latest number the caller saw; the write is refused when it moved.
    pub expected_version: Option<u64>,
    /// Unique per intended write, the same on a repeat after a lost reply.
    pub nonce: [u8; 16],
}

/// How a new version starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Readers get it at once.
    Current,
    /// Readers do not see it until it is promoted.
    Pending,
}

/// Which version to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionSelector {
    /// The version in this state (`Deprecated` selects nothing).
    State(RotationState),
    /// The version of this number.
    Number(u64),
}

/// Content with the version it is of.
#[derive(Debug)]
pub struct Read {
    /// The version.
    pub version: VersionRecord,
    /// The content.
    pub content: Content,
}

/// Changes to metadata; `None` leaves a field as it is, `Some(None)` clears it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetadataPatch {
    /// Text for people.
    pub description: Option<Option<String>>,
    /// Media type.
    pub content_type: Option<Option<String>>,
    /// All tags.
    pub tags: Option<BTreeMap<String, String>>,
    /// Not to be used before.
    pub not_before: Option<Option<OffsetDateTime>>,
    /// Not to be used after.
    pub expires_at: Option<Option<OffsetDateTime>>,
    /// Readers may read it.
    pub enabled: Option<bool>,
    /// Options to change; those that are not in it stay.
    pub options: Options,
    /// New print of the current version, after a change of the fingerprint key.
    pub fingerprint: Option<Fingerprint>,
}

/// What a vault can do, and its limits. Plan validation, documentation and tests read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// Keeps versions.
    pub versions: bool,
    /// Most versions kept, if limited.
    pub max_versions: Option<u64>,
    /// Largest value in bytes.
    pub max_value_bytes: usize,
    /// Can hold a value of 0 bytes.
    pub empty_values: bool,
    /// Longest name in bytes.
    pub max_name_bytes: usize,
    /// Characters a name may have, besides ASCII letters and digits.
    pub name_punctuation: &'static str,
    /// A name may also have characters beyond ASCII.
    pub unicode_names: bool,
    /// Upper and lower case are different names.
    pub case_sensitive_names: bool,
    /// Most tags; 0 for no tags.
    pub max_tags: usize,
    /// Longest value of a tag in characters.
    pub max_tag_value_chars: usize,
    /// Longest description in characters; 0 for no descriptions.
    pub max_description_chars: usize,
    /// Writes can be made conditional on the version seen.
    pub compare_and_set: bool,
    /// Deletes recoverably, with windows of these days (least, default, most).
    pub soft_delete: Option<RecoveryWindow>,
    /// Destroys a secret at once and for good.
    pub purge: bool,
    /// Deletes single versions.
    pub delete_versions: bool,
    /// A secret can be disabled.
    pub disable: bool,
    /// Holds pending versions by itself.
    pub pending_versions: bool,
    /// Metadata can be read without the right to read values.
    pub metadata_without_values: bool,
    /// Holds expiry and not-before times.
    pub validity_times: bool,
    /// Backup and restore.
    pub backup: bool,
    /// What a page of a listing tells.
    pub lists: Lists,
}

/// What a page of a listing tells, and so whether it can stand for single reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// Less than a single read tells.
    Partial,
    /// What a single read tells but for the id of the current version, which is empty, and the day
    /// on which the secret was created: who has seen the secret before can tell whether it is still
    /// the same. A secret of which it tells less has no current version.
    Recognisable {
        /// Secrets on a full page.
        page: usize,
    },
    /// Everything a single read tells, perhaps a little late.
    Complete {
        /// Secrets on a full page.
        page: usize,
    },
}

/// Days a soft-deleted secret can be recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryWindow {
    /// Shortest.
    pub min_days: u32,
    /// When nothing is said.
    pub default_days: u32,
    /// Longest.
    pub max_days: u32,
}

/// Why a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// There is no such object.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// The identity may not do this.
    PermissionDenied,
    /// The identity was not accepted.
    Unauthenticated,
    /// The object is not in the state that the call needs.
    Precondition,
    /// Somebody else changed the object at the same time.
    Conflict,
    /// Too many calls.
    RateLimited,
    /// The vault refuses the request as such.
    InvalidRequest,
    /// The vault cannot do this.
    Unsupported,
    /// The vault does not answer.
    Unavailable,
    /// What the vault holds is damaged.
    Corrupt,
    /// Anything else.
    Unexpected,
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// No.
    Permanent,
    /// Yes.
    Temporary,
    /// It was tried often enough.
    Exhausted,
}

/// What a failed call may have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// Nothing, or it was only a read.
    #[default]
    NotApplied,
    /// Perhaps all of it: the answer was lost. Look before writing again.
    Unknown,
}

/// A failed call: kind, status, operation and context, never a body or a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {message}")]
pub struct BackendError {
    /// Why.
    pub kind: ErrorKind,
    /// Whether trying again can help.
    pub status: Status,
    /// What the call may have done all the same.
    pub outcome: Outcome,
    /// What was attempted, as the method is called (`put_version`).
    pub operation: &'static str,
    /// What the vault answered, in words for the user.
    pub message: String,
    /// Ordered facts: secret, path, request id, HTTP status.
    pub context: Vec<(&'static str, String)>,
}

impl BackendError {
    /// An error that trying again does not help.
    #[must_use]
    pub fn permanent(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            status: Status::Permanent,
            outcome: Outcome::NotApplied,
            operation,
            message: message.into(),
            context: Vec::new(),
        }
    }

    /// An error that may pass.
    #[must_use]
    pub fn temporary(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self { status: Status::Temporary, ..Self::permanent(kind, operation, message) }
    }

    /// The same error, of a call whose answer was lost.
    #[must_use]
    pub fn outcome_unknown(self) -> Self {
        Self { outcome: Outcome::Unknown, ..self }
    }

    /// Adds a fact. Never a value.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.context.push((key, value.into()));
        self
    }
}
