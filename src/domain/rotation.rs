//! Rotation states of versions, as in OCI Vault.

/// What a version is used for. A version may have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RotationState {
    /// Readers get this one.
    Current,
    /// The last uploaded.
    Latest,
    /// Uploaded, not yet in use.
    Pending,
    /// Current before the current one.
    Previous,
    /// None of the above; the only state that may be deleted.
    Deprecated,
}

/// The states of one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RotationStates(u8);
