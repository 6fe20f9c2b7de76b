//! Looking at many secrets of a vault in memory, counting its calls.

use std::sync::Arc;

use super::*;
use crate::domain::kind::Content;
use crate::domain::policy::OnExisting;
use crate::domain::port::{Backend, Capability, ErrorKind};
use crate::domain::port::{Metadata, Options};
use crate::engine::failure::Taken;
use crate::engine::keys::{Keys, OnMissingKey};
use crate::engine::refresh::{Known, Looked, refresh};
use crate::engine::secret::{Creation, Outcome, create};
use crate::engine::testing::{Memory, When, capability, content, failing, name, ring, run};
use crate::engine::vault::VaultOptions;

const PAGE: usize = 10;

/// A vault with so many secrets, listed in pages of ten.
async fn filled(count: usize, by: RefreshBy) -> (Arc<Memory>, Vault) {
    let lists = Lists::Complete { page: PAGE };
    let memory = Memory::with(Capability { lists, ..capability() });
    for place in 0..count {
        let (name, content) = (secret(place), content("v"));
        let wanted = creation(&name, &content);
        let made = create(&vault(&memory, by), &run(), &ring(), &wanted).await;
        assert!(made.failure.is_none());
    }
    memory.calls();
    let vault = vault(&memory, by);
    (memory, vault)
}

fn creation<'c>(name: &'c SecretName, content: &'c Content) -> Creation<'c> {
    Creation {
        made: false,
        name,
        metadata: Metadata { enabled: true, ..Metadata::default() },
        options: Options::new(),
        content: Some(content),
        on_existing: OnExisting::Fail,
        salt: None,
    }
}

fn vault(memory: &Arc<Memory>, refresh_by: RefreshBy) -> Vault {
    let backend: Arc<dyn Backend> = Arc::<Memory>::clone(memory);
    Vault::new("main", backend, VaultOptions { refresh_by, ..VaultOptions::default() })
}

fn secret(place: usize) -> SecretName {
    name(&format!("secret-{place:04}"))
}

/// Refreshes secrets at once, ten at a time as a CLI does; true where something was found.
async fn look_at(vault: &Vault, places: impl Iterator<Item = usize>, unchanged: bool) -> Vec<bool> {
    use futures_util::StreamExt as _;
    let keys = Keys::new(Box::new(|| Ok((None, Vec::new()))), Vec::new(), OnMissingKey::Argon2id);
    let looks = places.map(|place| {
        let keys = &keys;
        async move {
            let known = Known::default();
            let name = secret(place);
            let found = refresh(vault, &run(), keys, &name, &known, &|_| unchanged).await;
            matches!(found.unwrap(), Looked::There(_))
        }
    });
    futures_util::stream::iter(looks).buffered(10).collect().await
}

fn count(calls: &[&str], operation: &str) -> usize {
    calls.iter().filter(|call| **call == operation).count()
}

#[tokio::test]
async fn many_secrets_are_read_by_pages() {
    let (memory, vault) = filled(100, RefreshBy::Adaptive).await;
    assert!(look_at(&vault, 0..100, true).await.iter().all(|found| *found));
    let calls = memory.calls();
    assert_eq!((count(&calls, "read"), count(&calls, "list")), (SINGLE_READS, 10), "{calls:?}");
}

#[tokio::test]
async fn listing_without_ids_tells_whether_secrets_are_as_they_were() {
    let lists = Lists::Recognisable { page: PAGE };
    let memory = Memory::with(Capability { lists, ..capability() });
    let vault = |by| vault(&memory, by);
    for place in 0..30 {
        assert_eq!(create_one(&vault(RefreshBy::Get), place).await.failure, None);
    }
    let record = record(&vault(RefreshBy::Get), &run(), &secret(7)).await.unwrap();
    let current = record.current.clone().unwrap();
    let known = Known {
        version_id: Some(current.version_id.clone()),
        fingerprint: current.fingerprint.clone(),
        created_at: record.created_at,
        first_time: false,
    };
    memory.calls();
    let keys = Keys::new(Box::new(|| Ok((None, Vec::new()))), Vec::new(), OnMissingKey::Argon2id);
    let same = |observed: &crate::engine::secret::Observed| observed.record == record;
    let lists = vault(RefreshBy::List);
    let found = refresh(&lists, &run(), &keys, &secret(7), &known, &same).await.unwrap();
    assert!(matches!(found, Looked::There(found) if found.record == record));
    assert_eq!(memory.calls(), ["list"]);
    // Another version: the listing says only that it is another.
    memory.meddle("secret-0007", "theirs");
    let lists = vault(RefreshBy::List);
    let found = refresh(&lists, &run(), &keys, &secret(7), &known, &same).await.unwrap();
    assert!(matches!(found, Looked::There(found) if found.record != record));
    assert_eq!(memory.calls(), ["list", "read"]);
    // What it does not have is no proof of anything.
    assert!(look_for(&lists, &run(), &secret(100)).await.unwrap().is_none());
    assert_eq!(memory.calls(), ["read"]);
}

#[tokio::test]
async fn few_secrets_are_read_one_by_one() {
    let (memory, vault) = filled(2, RefreshBy::Adaptive).await;
    look_at(&vault, 0..2, true).await;
    assert_eq!(memory.calls(), ["read", "read"]);
}

#[tokio::test]
async fn listing_of_a_large_account_costs_little_more() {
    let (memory, vault) = filled(1000, RefreshBy::Adaptive).await;
    // Twenty of a thousand, on the last pages of the listing.
    assert!(look_at(&vault, 980..1000, true).await.iter().all(|found| *found));
    let calls = memory.calls();
    assert!(count(&calls, "list") <= 13, "{}", count(&calls, "list"));
    assert_eq!(count(&calls, "read"), 20);
}

#[tokio::test]
async fn listing_goes_on_when_secrets_are_asked_for_one_after_the_other() {
    let (memory, vault) = filled(100, RefreshBy::Adaptive).await;
    for place in 0..100 {
        // In no order, as a CLI walks.
        assert_eq!(look_at(&vault, [place * 37 % 100].into_iter(), true).await, [true]);
    }
    let calls = memory.calls();
    assert_eq!(count(&calls, "list"), 10, "{calls:?}");
    assert!(count(&calls, "read") < 30, "{}", count(&calls, "read"));
}

#[tokio::test]
async fn listing_to_the_end_when_asked_for() {
    let (memory, vault) = filled(100, RefreshBy::List).await;
    look_at(&vault, 99..100, true).await;
    assert_eq!(count(&memory.calls(), "list"), 10);
    let (memory, vault) = filled(20, RefreshBy::Get).await;
    look_at(&vault, 0..20, true).await;
    assert_eq!(count(&memory.calls(), "list"), 0);
}

#[tokio::test]
async fn difference_in_a_listing_is_looked_at() {
    let (memory, vault) = filled(20, RefreshBy::Adaptive).await;
    look_at(&vault, 0..20, false).await;
    assert_eq!(count(&memory.calls(), "read"), 20);
}

#[tokio::test]
async fn secret_that_the_listing_lacks_is_looked_at() {
    let (memory, vault) = filled(20, RefreshBy::List).await;
    assert_eq!(look_at(&vault, 20..21, true).await, [false]);
    assert_eq!(count(&memory.calls(), "read"), 1);
}

#[tokio::test]
async fn refused_listing_is_not_needed() {
    let (memory, vault) = filled(20, RefreshBy::Adaptive).await;
    memory.fail("list", When::Before, failing(ErrorKind::PermissionDenied));
    assert!(look_at(&vault, 0..20, true).await.iter().all(|found| *found));
    let calls = memory.calls();
    assert_eq!((count(&calls, "list"), count(&calls, "read")), (1, 20));
}

#[tokio::test]
async fn write_ends_what_was_seen() {
    let (memory, vault) = filled(20, RefreshBy::List).await;
    look_at(&vault, 0..1, true).await;
    vault.call(&run(), "purge", |backend| async { backend.purge(&secret(5)).await }).await.unwrap();
    memory.calls();
    assert_eq!(look_at(&vault, 5..6, true).await, [false]);
    assert_eq!(memory.calls(), ["read"]);
}

#[tokio::test]
async fn versions_of_one_secret_are_read_once() {
    let (memory, vault) = filled(1, RefreshBy::Adaptive).await;
    let name = secret(0);
    let looks = (0..5).map(|_| async {
        let found = crate::engine::version::refresh(&vault, &run(), &name, 1).await;
        found.unwrap().is_some()
    });
    let found = futures_util::future::join_all(looks).await;
    assert_eq!(found, [true; 5]);
    assert_eq!(memory.calls(), ["read", "list_versions"]);
}

#[tokio::test]
async fn free_names_are_told_by_the_listing() {
    let (memory, vault) = filled(20, RefreshBy::Adaptive).await;
    let looks = (100..200).map(|place| {
        let vault = &vault;
        async move { look_for(vault, &run(), &secret(place)).await.unwrap() }
    });
    assert!(futures_util::future::join_all(looks).await.iter().all(Option::is_none));
    let calls = memory.calls();
    assert_eq!((count(&calls, "read"), count(&calls, "list")), (SINGLE_READS, 2));
    assert!(look_for(&vault, &run(), &secret(3)).await.unwrap().is_some());
}

async fn create_one(vault: &Vault, place: usize) -> Outcome {
    let (name, content) = (secret(place), content("new"));
    let wanted = creation(&name, &content);
    create(vault, &run(), &ring(), &wanted).await
}

#[tokio::test]
async fn create_does_not_look_at_a_name_that_the_finished_listing_lacks() {
    let (memory, vault) = filled(20, RefreshBy::List).await;
    assert!(look_for(&vault, &run(), &secret(100)).await.unwrap().is_none());
    assert!(look_for(&vault, &run(), &secret(101)).await.unwrap().is_none());
    assert_eq!(memory.calls(), ["list", "list"]);
    assert_eq!(create_one(&vault, 100).await.failure, None);
    assert_eq!(memory.calls(), ["create"]);
    // The first write ends what was seen of secrets, not what names were free.
    assert_eq!(create_one(&vault, 101).await.failure, None);
    assert_eq!(memory.calls(), ["create"]);
}

#[tokio::test]
async fn create_looks_where_the_listing_was_not_finished_or_has_the_name() {
    let (memory, vault) = filled(20, RefreshBy::List).await;
    assert_eq!(create_one(&vault, 100).await.failure, None);
    assert_eq!(memory.calls(), ["read", "create"], "nothing was listed");
    let (memory, vault) = filled(20, RefreshBy::List).await;
    // On the first page of two.
    assert!(look_for(&vault, &run(), &secret(3)).await.unwrap().is_some());
    memory.calls();
    assert_eq!(create_one(&vault, 100).await.failure, None);
    assert_eq!(memory.calls(), ["read", "create"]);
    let (memory, vault) = filled(20, RefreshBy::List).await;
    assert!(look_for(&vault, &run(), &secret(100)).await.unwrap().is_none());
    memory.calls();
    assert!(create_one(&vault, 3).await.failure.is_some(), "it is there");
    assert_eq!(memory.calls(), ["read"]);
}

#[tokio::test]
async fn name_that_a_late_listing_lacked_is_looked_at_when_the_vault_refuses_it() {
    let (memory, vault) = filled(20, RefreshBy::List).await;
    assert!(look_for(&vault, &run(), &secret(100)).await.unwrap().is_none());
    // Somebody else was faster, through another connection.
    let theirs = super::super::testing::vault(&memory);
    let wanted = content("theirs");
    let name = secret(100);
    let creation = creation(&name, &wanted);
    assert_eq!(create(&theirs, &run(), &ring(), &creation).await.failure, None);
    memory.calls();
    let outcome = create_one(&vault, 100).await;
    assert_eq!(outcome.failure, Some(Failure::Taken(Taken::Active)));
    assert_eq!(memory.calls(), ["create", "read"]);
    assert_eq!(memory.value(name.as_str()).as_deref(), Some("theirs"));
}

#[tokio::test]
async fn listing_is_not_asked_once_something_was_written() {
    let (memory, vault) = filled(20, RefreshBy::List).await;
    assert!(!vault.has_written());
    assert_eq!(create_one(&vault, 50).await.failure, None);
    assert!(vault.has_written());
    memory.calls();
    assert!(look_for(&vault, &run(), &secret(100)).await.unwrap().is_none());
    assert_eq!(memory.calls(), ["read"]);
}

#[tokio::test(start_paused = true)]
async fn vault_that_is_down_is_asked_once_and_told_once() {
    let (memory, vault) = filled(20, RefreshBy::Get).await;
    memory.fail("read", When::Before, failing(ErrorKind::Unavailable));
    let failure = record(&vault, &run(), &secret(0)).await.unwrap_err();
    for place in 1..20 {
        assert_eq!(record(&vault, &run(), &secret(place)).await.unwrap_err(), failure);
    }
    assert_eq!(memory.calls(), ["read"]);
    let told = (0..20).filter(|_| vault.is_news(&failure)).count();
    assert_eq!(told, 1);
    // Other failures are each their own.
    let other = Failure::Backend(failing(ErrorKind::PermissionDenied));
    assert!(vault.is_news(&other) && vault.is_news(&other));
    tokio::time::advance(std::time::Duration::from_secs(11)).await;
    assert!(record(&vault, &run(), &secret(0)).await.is_ok());
    assert!(vault.is_news(&failure), "a later outage is another one");
}
