//! What a copy is made of, read from the source.
//!
//! Responsible for reading exactly the versions that were looked at, one after the other, and for
//! the values being gone when the copy is made.

use super::Original;
use crate::domain::kind::Content;
use crate::domain::port::{BackendError, ErrorKind, Read, VersionSelector};
use crate::domain::rotation::RotationState;
use crate::domain::secret::SecretName;
use crate::domain::sync::recipe::Recipe;
use crate::engine::context::Run;
use crate::engine::failure::Failure;
use crate::engine::vault::Vault;

/// Reads the versions of the inputs that are in `state` and makes the content of the copy.
///
/// # Errors
/// That an input has another version than was looked at, that its value does not suit the recipe,
/// and whatever the vault answers.
pub(super) async fn make(
    vault: &Vault,
    run: &Run,
    recipe: &Recipe,
    inputs: &[&Original],
    state: RotationState,
) -> Result<Content, Failure> {
    let mut contents = Vec::with_capacity(inputs.len());
    for original in inputs {
        let looked_at = original.version().ok_or(Failure::Vanished)?;
        let read = read(vault, run, &original.id.name, state).await?;
        if read.version.version_id != looked_at.id {
            let found = Some(read.version.version_id);
            return Err(Failure::ChangedSincePlan { planned: Some(looked_at.id), found });
        }
        contents.push(read.content);
    }
    recipe.make(contents).map_err(|error| refused(error.to_string()))
}

/// The version of a secret that is in a state.
///
/// # Errors
/// Whatever the vault answers.
pub(super) async fn read(
    vault: &Vault,
    run: &Run,
    name: &SecretName,
    state: RotationState,
) -> Result<Read, Failure> {
    let selector = VersionSelector::State(state);
    vault.call(run, "read_content", |backend| backend.read_content(name, selector)).await
}

/// A value that cannot be copied as it is to be.
pub(super) fn refused(message: String) -> Failure {
    BackendError::permanent(ErrorKind::InvalidRequest, "sync", message).into()
}
