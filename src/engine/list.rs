//! Listing the secrets of a vault, all pages of it.

use super::context::Run;
use super::failure::Failure;
use super::vault::Vault;
use crate::domain::port::{Lifecycle, ListFilter, SecretRecord};

/// The secrets that the filter lets through, sorted by name.
///
/// # Errors
/// Whatever the vault answers.
pub async fn list(
    vault: &Vault,
    run: &Run,
    filter: &ListFilter,
) -> Result<Vec<SecretRecord>, Failure> {
    let mut found = Vec::new();
    let mut page = None;
    loop {
        let answer = vault.call(run, "list", |backend| backend.list(filter, page.clone())).await?;
        found.extend(answer.items);
        // A vault that answers with the same page again would never come to an end.
        if answer.next.is_none() || answer.next == page {
            break;
        }
        page = answer.next;
    }
    found.retain(|record| {
        filter.include_deleted || !matches!(record.lifecycle, Lifecycle::Deleted { .. })
    });
    found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
